"""A trace that keeps more or fewer keys in attention, for questions about density."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from accelsim.workload.arrays import pointers
from accelsim.workload.encodings import BlockPattern, CsrPattern, Pattern, RulePattern
from accelsim.workload.hashing import mixed
from accelsim.workload.operators import Attention, Index, Operator, TopK
from accelsim.workload.patterns import csr_pattern
from accelsim.workload.trace import Trace
from accelsim.workload.transposed import TransposedPattern

# Parameters of a rule that set how many keys are kept; the first is searched, the others follow.
KNOBS: dict[str, tuple[str, ...]] = {
    "topk_decay": ("k",),
    "topk_fitted": ("k", "growth_ppm"),
    "uniform_topk": ("k",),
    "block_topk": ("blocks",),
    "page_topk": ("pages",),
    "band": ("window",),
    "sinks_window": ("window",),
    "global_band": ("window",),
    "vertical_slash": ("vertical", "slash"),
}
DENSE_RULES = ("dense", "causal")
_MOST = {"growth_ppm": 1_000_000}
_CELLS = 1 << 21  # of a block of rows that is looked at whole


class Denser(NamedTuple):
    """A trace of another density.

    `kept`, `visible` : pairs of its attention operators with a pattern, each operator once.
    `changed` : how many patterns changed. `remark` : how, and what was left alone.
    """

    trace: Trace
    kept: int
    visible: int
    changed: int
    remark: str

    @property
    def density(self) -> float:
        """Kept over visible pairs."""
        return self.kept / max(1, self.visible)


def with_density(trace: Trace, factor: float, seed: int = 0) -> Denser:
    """Keep `factor` times the pairs of every attention operator.

    A rule of `KNOBS` gets the parameter with which it keeps nearest to that many (so the number
    differs by at most half a step of the parameter). Of any other pattern, pairs are dropped, or
    visible ones added, in the order of a hash of (seed, row, key), where a row tells batch entry,
    unit and query; each row keeps its share, at least one key and at most what it sees, so that the
    whole differs from the number asked for by these rows alone. Blocks are dropped and added as
    blocks. The top-k of an operator that chooses the keys grows with them. Dense attention, experts
    and activations stay.

    Parameters
    ----------
    trace : Trace
    factor : float
    seed : int
        Of the hash.
    """
    change = _Change(factor, seed)
    operators = [change.operator(op) for op in trace.operators]
    for index, ratio in change.choosers.items():
        operators[index] = _choosing(operators[index], ratio)
    note = "; ".join(filter(None, (trace.note, f"kept pairs x {factor:.4g}")))
    made = replace(
        trace, operators=tuple(operators), synthetic=True, quality=None, note=note, path=None
    )
    return Denser(made, change.kept, change.visible, len(change.ways), "; ".join(change.said()))


class _Change:
    def __init__(self, factor: float, seed: int) -> None:
        self.factor, self.seed = factor, seed
        self.kept = self.visible = 0
        self.made: dict[int, Pattern] = {}  # by identity of the old pattern, which the trace holds
        self.ratios: dict[int, float] = {}
        self.choosers: dict[int, float] = {}
        self.ways: list[str] = []
        self.left: list[str] = []

    def operator(self, op: Operator) -> Operator:
        if not isinstance(op, Attention):
            return op
        if op.pattern is None:
            self.left.append("dense attention as it is")
            return op
        pattern = self.pattern(op, op.pattern)
        self.kept += pattern.nnz
        self.visible += int(visible_keys(op).sum())
        if op.index_operator is not None:
            self.choosers[op.index_operator] = self.ratios.get(id(op.pattern), 1.0)
        return op if pattern is op.pattern else replace(op, pattern=pattern)

    def pattern(self, op: Attention, old: Pattern) -> Pattern:
        if id(old) in self.made:
            return self.made[id(old)]
        new, ratio = old, 1.0
        if isinstance(old, TransposedPattern):
            inner = self.made.get(id(old.of), old.of)
            if inner is not old.of:
                new = TransposedPattern(inner, old.unit_rows)
        elif isinstance(old, RulePattern) and old.rule in DENSE_RULES:
            self.left.append("dense attention as it is")
        elif isinstance(old, RulePattern) and old.rule in KNOBS:
            new, ratio = _by_parameter(old, self.factor * old.nnz)
            self.ways.append(f"{old.rule} by its {KNOBS[old.rule][0]}")
        else:
            seen = visible_keys(op)
            if isinstance(old, BlockPattern):
                new = _blocks_at_random(old, self.factor, seen, self.seed)
                self.ways.append("blocks dropped or added at random")
            else:
                new = _at_random(old, self.factor, seen, self.seed)
                self.ways.append("pairs dropped or added at random")
            ratio = new.nnz / max(1, old.nnz)
        self.made[id(old)], self.ratios[id(old)] = new, ratio
        return new

    def said(self) -> Iterator[str]:
        yield from dict.fromkeys([*self.ways, *self.left])


def visible_keys(op: Attention) -> np.ndarray:
    """Keys that each row of the pattern of an operator may keep, int64[rows]."""
    seen = np.full(op.q_len, op.kv_len, np.int64)
    if op.causal:
        seen = op.kv_len - op.q_len + np.arange(1, op.q_len + 1, dtype=np.int64)
    return np.tile(seen, op.batch * op.units)


def _choosing(op: Operator, ratio: float) -> Operator:
    """An operator that chooses keys, choosing `ratio` times as many."""
    if isinstance(op, Index):
        return replace(op, top_k=min(op.kv_len, max(1, round(op.top_k * ratio))))
    if isinstance(op, TopK):
        return replace(op, k=min(op.candidates, max(1, round(op.k * ratio))))
    return op


def _by_parameter(old: RulePattern, wanted: float) -> tuple[Pattern, float]:
    """The pattern of a rule that keeps nearest to `wanted` pairs, and its parameter's ratio."""
    first, *others = KNOBS[old.rule]
    before = int(old.params[first])  # type: ignore[call-overload]

    def made(value: int) -> RulePattern:
        params = {**old.params, first: value}
        for name in others:
            scaled = round(int(old.params[name]) * value / max(1, before))  # type: ignore[call-overload]
            params[name] = min(max(scaled, int(name == "slash")), _MOST.get(name, old.cols))
        return RulePattern(old.rule, old.rows, old.cols, params)

    low, high = _bounds(old)
    if made(high).nnz <= wanted:
        low = high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if made(middle).nnz <= wanted else (low, middle)
    value = min((low, high), key=lambda each: abs(made(each).nnz - wanted))
    return (old, 1.0) if value == before else (made(value), value / max(1, before))


def _bounds(old: RulePattern) -> tuple[int, int]:
    """Least and most of the first parameter of a rule."""
    params: dict[str, int] = old.params  # type: ignore[assignment]
    if old.rule == "block_topk":
        return 2, max(2, old.cols // params["block"])
    if old.rule == "page_topk":
        least = params["sinks_pages"] + params["recent_pages"]
        return least, max(least, -(-old.cols // params["page"]))
    return 1, old.cols


def _at_random(old: Pattern, factor: float, seen: np.ndarray, seed: int) -> CsrPattern:
    """`factor` times the positions of a pattern: fewer of its own, or more of those not kept.

    Parameters
    ----------
    seen : int64[rows]
        Columns [0, seen) of a row may be kept.
    """
    counts = old.row_counts()
    wanted = np.diff(np.rint(np.cumsum(counts) * factor).astype(np.int64), prepend=0)
    wanted = np.clip(wanted, np.minimum(counts, 1), np.maximum(seen, counts))
    step = max(1, _CELLS // max(1, old.cols))
    parts = []
    for start in range(0, old.rows, step):
        stop = min(old.rows, start + step)
        pick = _fewer if factor <= 1 else _more
        parts.append(pick(old, start, stop, wanted[start:stop], seen[start:stop], seed))
    return csr_pattern(pointers(wanted), np.concatenate(parts), old.cols)


def _fewer(
    old: Pattern, start: int, stop: int, wanted: np.ndarray, seen: np.ndarray, seed: int
) -> np.ndarray:
    """Columns of the `wanted` first positions of each row by hash, ascending."""
    indptr, indices = old.csr(start, stop)
    row = np.repeat(np.arange(stop - start), np.diff(indptr))
    order = np.lexsort((mixed(seed, row + start, indices), row))
    kept = np.zeros(indices.size, bool)
    kept[order] = np.arange(indices.size) - indptr[row] < wanted[row]
    return indices[kept]


def _more(
    old: Pattern, start: int, stop: int, wanted: np.ndarray, seen: np.ndarray, seed: int
) -> np.ndarray:
    """Columns of each row: its own, and the first visible others by hash, `wanted` in all."""
    mask = old.mask(start, stop)
    columns = np.arange(old.cols)
    key = mixed(seed, np.arange(start, stop)[:, None], columns) >> np.uint64(2)
    key[~mask] |= np.uint64(1 << 62)
    key[(columns >= seen[:, None]) & ~mask] |= np.uint64(1 << 63)
    last = np.take_along_axis(np.sort(key, axis=1), np.maximum(wanted - 1, 0)[:, None], axis=1)
    chosen = (key <= last) & (wanted > 0)[:, None]
    return np.nonzero(chosen)[1]


def _blocks_at_random(
    old: BlockPattern, factor: float, seen: np.ndarray, seed: int
) -> BlockPattern:
    """`factor` times the blocks of a pattern."""
    wide = -(-old.cols // old.block_cols)
    blocks = csr_pattern(old.indptr, old.indices, wide)
    last = np.maximum.reduceat(seen, np.arange(0, old.rows, old.block_rows))
    new = _at_random(blocks, factor, -(-last // old.block_cols), seed)
    return replace(old, indptr=new.indptr, indices=new.indices)
