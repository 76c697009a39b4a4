"""A trace of other random numbers, or of another of its own texts: how far a result depends on it.

Shapes stay as they are: only patterns and indices are others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from accelsim.workload.array_rules import ArrayRule
from accelsim.workload.encodings import BitPattern, BlockPattern, Pattern, RulePattern
from accelsim.workload.operators import Attention, Gather, Matmul, Moe, Operator, ScatterAdd
from accelsim.workload.patterns import csr_pattern
from accelsim.workload.routed import RoutedPattern
from accelsim.workload.trace import Trace
from accelsim.workload.transposed import TransposedPattern

SEED = "seed"
_SEED_STEP = 1_000_003  # layers have neighbouring seeds: the next one would only swap them
_SEEDS = 1 << 63


def redrawn(trace: Trace, further: int) -> Trace | None:
    """The trace with every pattern and array that a seed gave drawn from another seed.

    Parameters
    ----------
    trace : Trace
    further : int
        Which other seed; 0 gives the same again.

    Returns
    -------
    Trace or None
        None where nothing comes from a seed.
    """
    made: dict[int, Any] = {}
    drawn = 0

    def seeded(old: Any) -> Any:
        nonlocal drawn
        if id(old) in made:
            return made[id(old)]
        new = old
        if isinstance(old, RulePattern) and SEED in old.params:
            seed = int(old.params[SEED])  # type: ignore[call-overload]
            new = RulePattern(
                old.rule, old.rows, old.cols, {**old.params, SEED: _other(seed, further)}
            )
            drawn += 1
        elif isinstance(old, ArrayRule) and SEED in old.parameters():
            new = replace(old, **{SEED: _other(old.seed, further)})  # type: ignore[attr-defined]
            drawn += 1
        elif isinstance(old, RoutedPattern):
            new = RoutedPattern(seeded(old.of), seeded(old.expert_ids))
        elif isinstance(old, TransposedPattern):
            new = TransposedPattern(seeded(old.of), old.unit_rows)
        made[id(old)] = new
        return new

    operators = tuple(_with_contents(op, seeded) for op in trace.operators)
    if not drawn:
        return None
    return replace(trace, operators=operators, seed=None, quality=None, path=None)


def _other(seed: int, further: int) -> int:
    return (seed + further * _SEED_STEP) % _SEEDS


def _with_contents(op: Operator, change: Callable[[Any], Any]) -> Operator:
    """An operator with its patterns and index arrays changed."""
    found = {}
    for field in dataclasses.fields(op):
        value = getattr(op, field.name)
        if isinstance(value, Pattern | ArrayRule):
            new = change(value)
            if new is not value:
                found[field.name] = new
    return replace(op, **found) if found else op


def one_text(trace: Trace, which: int) -> Trace:
    """A captured trace with one of its `batch` sequences in the place of all of them.

    Its kept keys, routing and zeros stand for those of every sequence, so that the operators keep
    their shapes and weights are read as often: a sequence by itself would be another batch.

    Parameters
    ----------
    trace : Trace
        Of a prefill or of decoding; rows of an operator are ordered by sequence first.
    which : int
        In [0, batch).
    """
    batch = trace.batch
    made: dict[int, Pattern] = {}

    def pattern(old: Pattern) -> Pattern:
        if id(old) not in made:
            made[id(old)] = _repeated(old, batch, which)
        return made[id(old)]

    def operator(op: Operator) -> Operator:
        if isinstance(op, Attention) and op.pattern is not None and op.batch == batch:
            return replace(op, pattern=pattern(op.pattern))
        if isinstance(op, Matmul) and op.m % batch == 0:
            kept, wanted = op.activation_pattern, op.output_pattern
            return replace(
                op,
                activation_pattern=None if kept is None else pattern(kept),
                output_pattern=None if wanted is None else pattern(wanted),
            )
        if isinstance(op, Moe) and op.tokens % batch == 0:
            zeros = None if op.activation_pattern is None else pattern(op.activation_pattern)
            ids = _tiled(np.asarray(op.expert_ids), batch, which)
            return replace(op, expert_ids=ids, activation_pattern=zeros)
        if isinstance(op, Gather | ScatterAdd) and len(op.indices) % batch == 0:
            return replace(op, indices=_tiled(np.asarray(op.indices), batch, which))
        return op

    operators = tuple(operator(op) for op in trace.operators)
    return replace(trace, operators=operators, quality=None, path=None)


def _tiled(array: np.ndarray, parts: int, which: int) -> np.ndarray:
    """One of `parts` equal parts along the first axis, in the place of all."""
    part = np.split(array, parts)[which]
    return np.concatenate([part] * parts)


def _repeated(old: Pattern, parts: int, which: int) -> Pattern:
    if isinstance(old, RulePattern) and SEED not in old.params:
        return old  # of positions alone: the same for every sequence
    if isinstance(old, BitPattern):
        return BitPattern(_tiled(old.bits, parts, which), old.cols)
    size = old.rows // parts
    start, stop = which * size, (which + 1) * size
    if isinstance(old, BlockPattern) and size % old.block_rows == 0:
        first, last = start // old.block_rows, stop // old.block_rows
        ptr = old.indptr[first : last + 1].astype(np.int64)
        indices = np.tile(old.indices[ptr[0] : ptr[-1]], parts)
        return replace(old, indptr=_repeated_pointers(ptr, parts), indices=indices)
    ptr, indices = old.csr(start, stop)
    return csr_pattern(_repeated_pointers(ptr, parts), np.tile(indices, parts), old.cols)


def _repeated_pointers(ptr: np.ndarray, parts: int) -> np.ndarray:
    counts = np.tile(np.diff(ptr), parts)
    return np.append(0, np.cumsum(counts))
