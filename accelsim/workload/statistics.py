"""Facts about the operators of a trace, counted from their patterns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.workload.operators import (
    Attention,
    Gather,
    Index,
    Matmul,
    Moe,
    Operator,
    ScatterAdd,
    TopK,
    Vector,
    data_bytes,
)
from accelsim.workload.patterns import Pattern

_SPAN_ROWS = 256
_SAMPLED_NNZ = 1 << 22


@dataclass(frozen=True)
class KeyReuse:
    """How the rows of a pattern share columns.

    Attributes
    ----------
    tile : int
        Rows of a tile; tiles do not cross units.
    union_mean : float
        Distinct columns of a tile.
    union_max : int
    union_over_row : float
        Distinct columns of a tile over the mean kept columns of its rows.
    sharers : float
        Kept positions of a tile over its distinct columns: rows that use a fetched column.
    jaccard : float
        Mean over adjacent rows of common over all columns; nan without adjacent rows.
    union_range, sharers_range : tuple of 2 float
        Between which the distinct columns, and the sharers, of the middle 80 % of tiles lie.
    rows : int
        Rows that were looked at.
    sampled : bool
        True if these are fewer than all.
    """

    tile: int
    union_mean: float
    union_max: int
    union_over_row: float
    sharers: float
    jaccard: float
    rows: int
    sampled: bool
    union_range: tuple[float, float]
    sharers_range: tuple[float, float]


@dataclass(frozen=True)
class OperatorStatistics:
    """What a table of operators shows; None where it does not apply.

    Attributes
    ----------
    scope, kind, shape : str
    nnz : int or None
        Kept positions of the (first) pattern.
    density : float or None
        Kept over possible positions: visible pairs for attention, routed slots for experts.
    zero_fraction : float or None
        1 - density of an activation pattern.
    reuse : KeyReuse or None
        Of an attention pattern.
    expert_load : float or None
        Slots of the busiest expert over the mean.
    effectual_macs, dense_macs : int
        MACs with and without skipping (dense: causal attention, all routed slots).
    tensor_bytes : int
        Operands, weights and results, each once, in the operator's own dtype.
    """

    scope: str
    kind: str
    shape: str
    nnz: int | None
    density: float | None
    zero_fraction: float | None
    reuse: KeyReuse | None
    expert_load: float | None
    effectual_macs: int
    dense_macs: int
    tensor_bytes: int


def operator_statistics(operator: Operator, *, tile: int = 16) -> OperatorStatistics:
    """Count what `OperatorStatistics` states; of a large pattern, reuse in a sample of rows."""
    nnz, possible, reuse, load, activation = None, None, None, None, None
    if isinstance(operator, Attention) and operator.pattern is not None:
        nnz, possible = operator.pattern.nnz, operator.units * _visible_pairs(operator)
        reuse = key_reuse(operator.pattern, operator.q_len, tile=tile)
    elif isinstance(operator, Moe):
        load = expert_load(operator)
        activation, possible = operator.activation_pattern, routed_slots(operator) * operator.d_ff
    elif isinstance(operator, Matmul):
        activation, possible = operator.activation_pattern, operator.m * operator.k
        if activation is None and operator.weight_pattern is not None:
            nnz, possible = operator.weight_pattern.nnz, operator.n * operator.k
        elif activation is None and operator.output_pattern is not None:
            nnz, possible = operator.output_pattern.nnz, operator.m * operator.n
    if activation is not None:
        nnz = activation.nnz
    density = nnz / possible if nnz is not None and possible else None
    return OperatorStatistics(
        scope=operator.scope,
        kind=operator.kind,
        shape=shape_text(operator),
        nnz=nnz,
        density=density,
        zero_fraction=None if activation is None or density is None else 1 - density,
        reuse=reuse,
        expert_load=load,
        effectual_macs=effectual_macs(operator),
        dense_macs=dense_macs(operator),
        tensor_bytes=tensor_bytes(operator),
    )


def key_reuse(
    pattern: Pattern, q_len: int, *, tile: int = 16, sampled_nnz: int = _SAMPLED_NNZ
) -> KeyReuse:
    """Count how the queries of a tile, and adjacent queries, share keys.

    Parameters
    ----------
    pattern : Pattern
    q_len : int
        Rows of a unit.
    tile : int
        Rows of a tile.
    sampled_nnz : int
        Above this many kept positions, evenly spaced spans of rows of about this sum are taken.
    """
    return key_reuse_by_tile(pattern, q_len, (tile,), sampled_nnz=sampled_nnz)[0]


def key_reuse_by_tile(
    pattern: Pattern, q_len: int, tiles: Sequence[int], *, sampled_nnz: int = _SAMPLED_NNZ
) -> list[KeyReuse]:
    """`key_reuse` for several heights of tiles; rows that they share are decoded once."""
    spans = [max(1, _SPAN_ROWS // tile) * tile for tile in tiles]
    found: dict[int, KeyReuse] = {}
    for span in dict.fromkeys(spans):
        mine = [tile for tile, own in zip(tiles, spans, strict=True) if own == span]
        chosen = _sampled_spans(pattern, q_len, span, sampled_nnz)
        found |= dict(zip(mine, _reuses(pattern, chosen, mine), strict=True))
    return [found[tile] for tile in tiles]


def _sampled_spans(
    pattern: Pattern, q_len: int, span: int, sampled_nnz: int
) -> list[tuple[int, int]]:
    """First row and the one after the last of spans that hold about so many positions."""
    spans = [
        (unit + start, unit + min(q_len, start + span))
        for unit in range(0, pattern.rows, q_len)
        for start in range(0, q_len, span)
    ]
    wanted = max(1, min(len(spans), len(spans) * sampled_nnz // max(1, pattern.nnz)))
    chosen = np.unique(np.linspace(0, len(spans) - 1, wanted).round().astype(int))
    return [spans[at] for at in chosen]


def _reuses(
    pattern: Pattern, spans: Sequence[tuple[int, int]], tiles: Sequence[int]
) -> list[KeyReuse]:
    """Count what the rows of these spans share, for tiles of every height."""
    from accelsim.kernels.patterns import adjacent_shared  # imports numba
    from accelsim.kernels.unions import union_sizes

    unions: list[list[np.ndarray]] = [[] for _ in tiles]
    tile_kept: list[list[np.ndarray]] = [[] for _ in tiles]
    jaccards, kept, rows = [], 0, 0
    for start, stop in spans:
        indptr, indices = pattern.csr(start, stop)
        counts = np.diff(indptr)
        kept, rows = kept + len(indices), rows + stop - start
        shared = np.zeros(stop - start - 1, dtype=np.int64)
        adjacent_shared(indptr, indices, shared)
        jaccards.append(shared / np.maximum(1, counts[1:] + counts[:-1] - shared))
        for at, tile in enumerate(tiles):
            unions[at].append(np.asarray(union_sizes(indptr, indices, pattern.cols, tile, 1)))
            tile_kept[at].append(np.add.reduceat(counts, np.arange(0, stop - start, tile)))
    jaccard = np.concatenate(jaccards)
    return [
        _reuse(tile, np.concatenate(union), np.concatenate(tile_sum), jaccard, kept, rows, pattern)
        for tile, union, tile_sum in zip(tiles, unions, tile_kept, strict=True)
    ]


def _reuse(
    tile: int, union: np.ndarray, tile_kept: np.ndarray, jaccard: np.ndarray, kept: int, rows: int,
    pattern: Pattern,
) -> KeyReuse:  # fmt: skip
    distinct = int(union.sum())
    return KeyReuse(
        tile=tile,
        union_mean=float(union.mean()),
        union_max=int(union.max()),
        union_over_row=float(union.mean() * rows / kept) if kept else 0.0,
        sharers=kept / distinct if distinct else 0.0,
        jaccard=float(jaccard.mean()) if len(jaccard) else float("nan"),
        rows=rows,
        sampled=rows < pattern.rows,
        union_range=_middle(union),
        sharers_range=_middle(tile_kept / np.maximum(1, union)),
    )


def _middle(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.1, 0.9])
    return float(low), float(high)


def effectual_macs(operator: Operator) -> int:
    """MACs whose operands are nonzero and whose result is kept; the same for every machine.

    Matmul: pairs of kept a[m, k] and b[k, n]; attention: (d_qk + d_v) per head and kept pair; moe:
    all routed slots up to the intermediate, its kept positions after it. An index operator has
    none: prediction is overhead.
    """
    if isinstance(operator, Index):
        return 0
    if isinstance(operator, Matmul):
        return _matmul_macs(operator)
    if isinstance(operator, Attention):
        if operator.pattern is None:
            return dense_macs(operator)
        heads = operator.heads // operator.units
        return operator.pattern.nnz * heads * (operator.d_qk + operator.d_v)
    if isinstance(operator, Moe) and operator.activation_pattern is not None:
        routed = routed_slots(operator) * operator.d_ff * operator.d_model
        kept = operator.activation_pattern.nnz * operator.d_model
        return routed * (operator.matrices - 1) + kept
    return dense_macs(operator)


def dense_macs(operator: Operator) -> int:
    """MACs without any skipping but causality, dropped slots excluded."""
    if isinstance(operator, Matmul):
        return operator.m * operator.n * operator.k
    if isinstance(operator, Attention):
        return _visible_pairs(operator) * operator.heads * (operator.d_qk + operator.d_v)
    if isinstance(operator, Moe):
        return routed_slots(operator) * operator.d_ff * operator.d_model * operator.matrices
    if isinstance(operator, Index):
        return _visible_pairs(operator) * operator.heads * operator.d
    return 0


def _matmul_macs(operator: Matmul) -> int:
    a, b = operator.activation_pattern, operator.weight_pattern
    wanted = operator.output_pattern
    if wanted is not None:
        if a is None:
            return wanted.nnz * operator.k
        return int(wanted.row_counts() @ a.row_counts())
    if a is None and b is None:
        return dense_macs(operator)
    if b is None:
        assert a is not None
        return a.nnz * operator.n
    if a is None:
        return b.nnz * operator.m
    return int(column_counts(a) @ column_counts(b))


def column_counts(pattern: Pattern) -> np.ndarray:
    """Kept positions of each column, int64[cols]."""
    counts = np.zeros(pattern.cols, dtype=np.int64)
    for _, _, indices in pattern.blocks():
        counts += np.bincount(indices, minlength=pattern.cols)
    return counts


def _visible_pairs(operator: Attention | Index) -> int:
    """(query, key) pairs of one head that causality allows, all batch entries."""
    q, kv = operator.q_len, operator.kv_len
    if isinstance(operator, Index) and operator.causal:
        tokens, stride = kv * operator.key_stride, operator.key_stride
        return operator.batch * (_keys_seen(tokens, stride) - _keys_seen(tokens - q, stride))
    pairs = q * (kv - q) + q * (q + 1) // 2 if operator.causal else q * kv
    return operator.batch * pairs


def _keys_seen(tokens: int, stride: int) -> int:
    """Sum of (p + 1) // stride over the positions p below `tokens`."""
    whole = tokens // stride
    return stride * whole * (whole - 1) // 2 + whole * (tokens - whole * stride + 1)


def routed_slots(operator: Moe) -> int:
    """Token slots that were not dropped."""
    return int(np.count_nonzero(np.asarray(operator.expert_ids) >= 0))


def expert_counts(operator: Moe) -> np.ndarray:
    """Slots routed to each expert, int64[experts]."""
    ids = np.asarray(operator.expert_ids).reshape(-1)
    return np.bincount(ids[ids >= 0], minlength=operator.experts)


def expert_load(operator: Moe) -> float:
    """Slots of the busiest expert over the mean of all experts; 0 if nothing is routed."""
    counts = expert_counts(operator)
    total = int(counts.sum())
    return float(counts.max() * operator.experts / total) if total else 0.0


def tensor_bytes(operator: Operator) -> int:
    """Bytes of operands, weights and results, each once, dense, in the operator's dtype."""
    elements, other = 0, 0
    if isinstance(operator, Matmul):
        m, n, k = operator.m, operator.n, operator.k
        elements = (operator.activation_elements or m * k) + k * n + m * n
    elif isinstance(operator, Attention):
        width = operator.d_qk + operator.d_v
        queries, keys = operator.heads * operator.q_len, operator.kv_heads * operator.kv_len
        row = operator.d_qk if operator.values_in_keys else width
        elements = operator.batch * (queries * width + keys * row)
    elif isinstance(operator, Moe):
        weights = operator.experts * operator.matrices * operator.d_ff
        elements = (weights + 2 * operator.tokens) * operator.d_model
    elif isinstance(operator, Index):
        queries = operator.heads * operator.q_len
        elements = operator.batch * (queries + operator.kv_len) * operator.d
        other = 4 * operator.batch * operator.q_len * min(operator.top_k, operator.kv_len)
    elif isinstance(operator, Gather | ScatterAdd):
        elements = 2 * len(operator.indices) * operator.row_elements
        other = operator.indices.nbytes
    elif isinstance(operator, Vector):
        elements = operator.elements * (operator.operands + operator.results)
    elif isinstance(operator, TopK):
        elements, other = operator.rows * operator.candidates, 4 * operator.rows * operator.k
    return data_bytes(elements, operator.dtype) + other


def shape_text(operator: Operator) -> str:
    """Shape of an operator in a few words."""
    if isinstance(operator, Matmul):
        return f"m {operator.m} n {operator.n} k {operator.k}"
    if isinstance(operator, Attention):
        heads = f"{operator.heads}" + (
            f"/{operator.kv_heads}" if operator.kv_heads != operator.heads else ""
        )
        width = f"{operator.d_qk}" + (f"/{operator.d_v}" if operator.d_v != operator.d_qk else "")
        return f"b {operator.batch} h {heads} q {operator.q_len} kv {operator.kv_len} d {width}"
    if isinstance(operator, Moe):
        return (
            f"t {operator.tokens} d {operator.d_model} ff {operator.d_ff} "
            f"top {operator.top_k}/{operator.experts}"
        )
    if isinstance(operator, Index):
        return (
            f"b {operator.batch} h {operator.heads} q {operator.q_len} kv {operator.kv_len} "
            f"d {operator.d} top {operator.top_k}"
        )
    if isinstance(operator, TopK):
        return f"{operator.k} of {operator.candidates}, {operator.rows} rows"
    if isinstance(operator, Gather | ScatterAdd):
        return f"{len(operator.indices)} of {operator.table_rows} rows x {operator.row_elements}"
    if isinstance(operator, Vector):
        return f"{operator.elements} x {operator.lane_operations} operations"
    return ""
