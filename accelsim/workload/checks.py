"""What must hold within a trace: cheap checks of shapes and names, full checks of the contents."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.errors import InputError, unknown_name
from accelsim.workload.array_rules import ArrayRule
from accelsim.workload.encodings import BitPattern, BlockPattern, CsrPattern, NmPattern, RulePattern
from accelsim.workload.operators import (
    DTYPE_BITS,
    SELECTIONS,
    SHARINGS,
    Attention,
    Gather,
    Index,
    Matmul,
    Moe,
    Operator,
    ScatterAdd,
    TopK,
)
from accelsim.workload.patterns import Pattern, RoutedPattern, TransposedPattern, csr_problem

_SAMPLE_ROWS = 512


def check_operators(operators: Sequence[Operator], where: str) -> None:
    """Check names, sizes, references and pattern shapes; raise InputError for the first fault."""
    scopes: dict[str, int] = {}
    for index, operator in enumerate(operators):
        place = f"{where}, operator {index} ({operator.scope or 'no scope'})"
        if not operator.scope:
            raise InputError("scope is empty", where=place)
        if operator.scope in scopes:
            raise InputError(
                f"scope is already that of operator {scopes[operator.scope]}", where=place
            )
        scopes[operator.scope] = index
        _check_common(operator, index, place)
        if isinstance(operator, Attention):
            _check_attention(operator, index, operators, place)
        elif isinstance(operator, Moe):
            _check_moe(operator, place)
        elif isinstance(operator, Matmul):
            _check_matmul(operator, place)
        elif isinstance(operator, Gather | ScatterAdd):
            _check_integers(operator.indices, 1, f"{place}.indices")
            _check_bounds(operator.indices, 0, operator.table_rows, f"{place}.indices")
        elif isinstance(operator, Index):
            _check_index(operator, place)
        elif isinstance(operator, TopK) and operator.k > operator.candidates:
            raise InputError(
                f"k {operator.k} is above candidates {operator.candidates}", where=place
            )
        for name, pattern, shape in operator_patterns(operator):
            if (pattern.rows, pattern.cols) != shape:
                raise InputError(
                    f"shape {pattern.rows} x {pattern.cols} does not match the operator's "
                    f"{shape[0]} x {shape[1]}",
                    where=f"{place}.{name}",
                )


def operator_patterns(operator: Operator) -> Iterator[tuple[str, Pattern, tuple[int, int]]]:
    """Yield the patterns of an operator: field name, pattern, and the shape it must have."""
    if isinstance(operator, Matmul):
        if operator.activation_pattern is not None:
            yield "activation_pattern", operator.activation_pattern, (operator.m, operator.k)
        if operator.weight_pattern is not None:
            yield "weight_pattern", operator.weight_pattern, (operator.n, operator.k)
        if operator.output_pattern is not None:
            yield "output_pattern", operator.output_pattern, (operator.m, operator.n)
    elif isinstance(operator, Attention) and operator.pattern is not None:
        rows = operator.batch * operator.units * operator.q_len
        yield "pattern", operator.pattern, (rows, operator.kv_len)
    elif isinstance(operator, Moe) and operator.activation_pattern is not None:
        shape = (operator.tokens * operator.top_k, operator.d_ff)
        yield "activation_pattern", operator.activation_pattern, shape


def _check_common(operator: Operator, index: int, place: str) -> None:
    if operator.dtype not in DTYPE_BITS:
        raise unknown_name("dtype", operator.dtype, DTYPE_BITS, where=place)
    for source in operator.inputs:
        if not 0 <= source < index:
            raise InputError(
                f"input {source} is not the index of an earlier operator (0 to {index - 1})",
                where=place,
                remedy="list operators in the order of execution",
            )
    for field in dataclasses.fields(operator):
        value = getattr(operator, field.name)
        if field.type == "int" and (not isinstance(value, int | np.integer) or value <= 0):
            raise InputError(
                f"must be a positive integer, not {value}", where=f"{place}.{field.name}"
            )


def _check_attention(
    operator: Attention, index: int, operators: Sequence[Operator], place: str
) -> None:
    if operator.selection not in SELECTIONS:
        raise unknown_name("selection", operator.selection, SELECTIONS, where=place)
    if operator.sharing not in SHARINGS:
        raise unknown_name("sharing", operator.sharing, SHARINGS, where=place)
    if operator.heads % operator.kv_heads:
        raise InputError(
            f"heads {operator.heads} is not a multiple of kv_heads {operator.kv_heads}", where=place
        )
    if operator.causal and operator.q_len > operator.kv_len:
        raise InputError(
            f"causal with q_len {operator.q_len} above kv_len {operator.kv_len}", where=place
        )
    if operator.values_in_keys and operator.d_v > operator.d_qk:
        raise InputError(f"values_in_keys with d_v {operator.d_v} above d_qk", where=place)
    source = operator.index_operator
    if operator.selection == "model":
        if source is None:
            raise InputError(
                "selection 'model' without index_operator",
                where=place,
                remedy="name the index operator that computes the indices, or use 'oracle'",
            )
        if not 0 <= source < index or not isinstance(operators[source], Index | TopK):
            raise InputError(
                f"index_operator {source} is not an earlier operator of kind index or topk",
                where=place,
            )
    elif source is not None:
        raise InputError(
            f"index_operator is set, but selection is '{operator.selection}'", where=place
        )
    if operator.selection == "accelerator":
        predictor = operator.predictor or {}
        if set(predictor) != {"dtype", "macs_per_score"}:
            raise InputError(
                "selection 'accelerator' needs predictor with dtype and macs_per_score", where=place
            )
        if predictor["dtype"] not in DTYPE_BITS:
            raise unknown_name("dtype", str(predictor["dtype"]), DTYPE_BITS, where=place)


def _check_matmul(operator: Matmul, place: str) -> None:
    if operator.output_pattern is not None and operator.weight_pattern is not None:
        raise InputError("output_pattern and weight_pattern exclude each other", where=place)
    distinct, whole = operator.activation_elements, operator.m * operator.k
    if distinct is not None and not 0 < distinct <= whole:
        raise InputError(
            f"activation_elements {distinct} is not in [1, m x k = {whole}]", where=place
        )


def _check_index(operator: Index, place: str) -> None:
    tokens = operator.kv_len * operator.key_stride
    if operator.causal and operator.q_len > tokens:
        raise InputError(
            f"causal with q_len {operator.q_len} above the {tokens} tokens of its keys", where=place
        )


def _check_moe(operator: Moe, place: str) -> None:
    if operator.matrices not in (2, 3):
        raise InputError(f"matrices must be 2 or 3, not {operator.matrices}", where=place)
    if operator.top_k > operator.experts:
        raise InputError(f"top_k {operator.top_k} is above experts {operator.experts}", where=place)
    _check_integers(operator.expert_ids, 2, f"{place}.expert_ids")
    shape, expected = operator.expert_ids.shape, (operator.tokens, operator.top_k)
    if shape != expected:
        raise InputError(
            f"shape {shape} does not match (tokens, top_k) = {expected}",
            where=f"{place}.expert_ids",
        )
    _check_bounds(operator.expert_ids, -1, operator.experts, f"{place}.expert_ids")


def _check_bounds(array: np.ndarray | ArrayRule, low: int, high: int, place: str) -> None:
    """Check what an array rule may give; the values of an array are contents."""
    if not isinstance(array, ArrayRule):
        return
    first, last = array.bounds
    if first < low or last > high:
        raise InputError(
            f"array rule {array.name} gives values in [{first}, {last}), not in [{low}, {high})",
            where=place,
        )


def _check_integers(array: np.ndarray | ArrayRule, dimensions: int, place: str) -> None:
    if array.ndim != dimensions or array.dtype.kind not in "iu":
        raise InputError(
            f"must be an integer array of {dimensions} dimension(s), "
            f"not {array.dtype} of shape {array.shape}",
            where=place,
        )


def check_contents(operators: Sequence[Operator], where: str) -> None:
    """Check every index of every operator; raise InputError for the first fault."""
    for index, operator in enumerate(operators):
        place = f"{where}, operator {index} ({operator.scope})"
        for name, pattern, _ in operator_patterns(operator):
            check_pattern(pattern, f"{place}.{name}")
        if isinstance(operator, Attention) and operator.causal and operator.pattern is not None:
            _check_causal(operator.pattern, operator.q_len, f"{place}.pattern")
        elif isinstance(operator, Moe):
            _check_range(operator.expert_ids, -1, operator.experts, f"{place}.expert_ids")
            _check_dropped(operator, place)
        elif isinstance(operator, Gather | ScatterAdd):
            _check_range(operator.indices, 0, operator.table_rows, f"{place}.indices")


def check_pattern(pattern: Pattern, where: str) -> None:
    """Check the arrays of one pattern: order, range, pointers, padding and stated nnz."""
    if isinstance(pattern, RoutedPattern | TransposedPattern):
        check_pattern(pattern.of, f"{where}.of")
    problem = ""
    if isinstance(pattern, CsrPattern):
        problem = csr_problem(pattern.indptr, pattern.indices, pattern.cols)
    elif isinstance(pattern, BlockPattern):
        block_cols = -(-pattern.cols // pattern.block_cols)
        problem = csr_problem(pattern.indptr, pattern.indices, block_cols)
    elif isinstance(pattern, BitPattern) and pattern.cols % 8:
        padding = pattern.bits[:, -1] >> (pattern.cols % 8)
        if padding.any():
            row = int(np.argmax(padding != 0))
            problem = f"bits[{row}, {pattern.bits.shape[1] - 1}] has padding bits that are not zero"
    elif isinstance(pattern, NmPattern):
        offsets = pattern.offsets().reshape(pattern.rows, -1, pattern.n)
        falling = np.argwhere(offsets[:, :, 1:] <= offsets[:, :, :-1])
        large = np.argwhere(offsets >= pattern.m)
        if len(falling) or len(large):
            row, group, _ = (falling if len(falling) else large)[0]
            problem = f"positions of row {row}, group {group} do not rise within [0, {pattern.m})"
    stated = pattern.__dict__.get("stated_nnz", pattern.nnz if not problem else 0)
    if not problem and stated != pattern.nnz:
        problem = f"has nnz {pattern.nnz}, the manifest says {stated}"
    if problem:
        raise InputError(problem, where=where, remedy="write the trace again")


def _check_causal(pattern: Pattern, q_len: int, where: str) -> None:
    """Check that no query keeps a later key; of a rule, the first and the last rows."""
    parts: Iterator[tuple[int, np.ndarray, np.ndarray]]
    if isinstance(pattern, RulePattern):
        spans = {0, max(0, pattern.rows - _SAMPLE_ROWS)}
        parts = ((s, *pattern.csr(s, min(pattern.rows, s + _SAMPLE_ROWS))) for s in sorted(spans))
    else:
        parts = pattern.blocks()
    for start, indptr, indices in parts:
        filled = np.flatnonzero(np.diff(indptr))
        last = indices[indptr[1:][filled] - 1]
        rows = start + filled
        limit = pattern.cols - q_len + rows % q_len
        late = np.flatnonzero(last > limit)
        if len(late):
            first = int(late[0])
            raise InputError(
                f"row {rows[first]} keeps key {last[first]}, after its own position "
                f"{limit[first]}, but the operator is causal",
                where=where,
                remedy="set causal to false, or drop the later keys",
            )


def _check_range(array: np.ndarray | ArrayRule, low: int, high: int, where: str) -> None:
    if isinstance(array, ArrayRule):  # within its bounds, which are checked
        return
    outside = np.argwhere((array < low) | (array >= high))
    if len(outside):
        place = tuple(int(i) for i in outside[0])
        raise InputError(
            f"value {array[place]} at {list(place)} is outside [{low}, {high})", where=where
        )


def _check_dropped(operator: Moe, place: str) -> None:
    """Check that the rows of dropped slots keep nothing."""
    if operator.activation_pattern is None:
        return
    counts = operator.activation_pattern.row_counts()
    kept = np.flatnonzero((np.asarray(operator.expert_ids).reshape(-1) < 0) & (counts > 0))
    if len(kept):
        raise InputError(
            f"row {kept[0]} belongs to a dropped slot, but keeps {counts[kept[0]]} positions",
            where=f"{place}.activation_pattern",
        )
