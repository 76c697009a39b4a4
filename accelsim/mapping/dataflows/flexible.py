"""A flexible stationary operand: SIGMA's folds, idealised or as STONNE runs them."""

from __future__ import annotations

import numpy as np

from accelsim.arch.composed import ComposedArray
from accelsim.arch.dataflows import Flexible
from accelsim.kernels.flexible import (
    DRAIN,
    FOLD_COLUMNS,
    LOAD,
    STREAM,
    count_folds,
    flexible_folds,
    slice_counts,
)
from accelsim.mapping.dataflows.problem import Cost, Csr, Problem

SUM_BYTES = 4


def folds_of(problem: Problem, array: ComposedArray, side: str) -> np.ndarray:
    """Cycles of every fold with one side stationary, int64[folds, FOLD_COLUMNS]."""
    held, streamed = (problem.a, problem.n) if side == "a" else (problem.bt, problem.m)
    rows = problem.m if side == "a" else problem.n
    counts = _slices(held, rows, problem.k, array.noc.stream_words)
    macs = array.macs
    folds = np.zeros((int(count_folds(counts, macs)), FOLD_COLUMNS), np.int64)
    drain = array.reduce.latency_cycles
    flexible_folds(counts, macs, streamed, array.noc.load_words, drain, folds)
    return folds


def _slices(held: Csr | None, rows: int, k: int, width: int) -> np.ndarray:
    if held is not None:
        return slice_counts(held[1], k, width)
    return rows * np.minimum(width, k - np.arange(0, k, width)).astype(np.int64)


def _nonempty(held: Csr | None, rows: int) -> int:
    return rows if held is None else int(np.count_nonzero(np.diff(held[0])))


def flexible_cost(problem: Problem, flow: Flexible, array: ComposedArray) -> Cost:
    """The faster of the sides that may be stationary.

    Every nonzero is delivered once, and with it a value of each vector that passes. A slice of K
    writes the sums of its rows, and reads them but for the first (the rows that two folds of a
    slice share are not told apart).
    """
    sides = ("a", "b") if flow.stationary == "auto" else (flow.stationary,)
    return min((_one_side(problem, flow, array, side) for side in sides), key=lambda c: c.cycles)


def _one_side(problem: Problem, flow: Flexible, array: ComposedArray, side: str) -> Cost:
    folds = folds_of(problem, array, side)
    load, stream, drain = (int(folds[:, c].sum()) for c in (LOAD, STREAM, DRAIN))
    cycles = load + stream + drain
    if flow.overlap_load and len(folds):
        # The load of a fold hides behind the stream before it; the tree empties behind the next.
        hidden = np.minimum(folds[1:, LOAD], folds[:-1, STREAM])
        cycles = load - int(hidden.sum()) + stream + int(folds[-1, DRAIN])
    nonzeros = problem.a_nonzeros if side == "a" else problem.b_nonzeros
    streamed = problem.n if side == "a" else problem.m
    depth = min(problem.k, array.noc.stream_words)
    issued = nonzeros * streamed
    busy = min(stream, -(-issued // array.macs))
    words = len(folds) * streamed * depth
    # Every slice of K adds to the same sums: beyond the accumulators they go out and come back.
    slices = -(-problem.k // array.noc.stream_words)
    rows = _nonempty(
        problem.a if side == "a" else problem.bt, problem.m if side == "a" else problem.n
    )
    sums = rows * streamed
    spilled = (slices - 1) * sums if sums * SUM_BYTES > array.accumulators else 0
    return Cost(
        cycles=cycles,
        busy_cycles=busy,
        macs=problem.macs,
        issued_macs=issued,
        reads_a=nonzeros if side == "a" else words,
        reads_b=words if side == "a" else nonzeros,
        outputs=problem.outputs,
        fill_cycles=cycles - stream,
        partials=spilled,
        delivered=nonzeros + issued,
        sums=(2 * slices - 1) * sums,
    )
