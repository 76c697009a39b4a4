"""Sanger's rows of PEs: scores where they are made (SDDMM), then values past them (SpMM)."""

from __future__ import annotations

import numpy as np

from accelsim.arch.composed import ComposedArray
from accelsim.arch.dataflows import RowSplit
from accelsim.kernels.row_split import row_split
from accelsim.mapping.dataflows.problem import Cost, Problem, full


def sub_rows(problem: Problem, flow: RowSplit, array: ComposedArray) -> np.ndarray:
    """Rows of PEs that every row of the pattern takes, int64[m]."""
    pattern, columns = _pattern(problem)
    rows = full(1, columns) if pattern is None else pattern
    counts = np.zeros(rows[0].size - 1, np.int64)
    packed = flow.packing == "packed"
    row_split(*rows, flow.segment, array.pe_array.lanes, packed, counts)
    return np.repeat(counts, problem.m) if pattern is None else counts


def _pattern(problem: Problem) -> tuple[tuple[np.ndarray, np.ndarray] | None, int]:
    """What lies on the PEs: the wanted outputs, or else the left operand."""
    if problem.kept is not None:
        return problem.kept, problem.n
    if problem.a is not None:
        return problem.a, problem.k
    return None, problem.n


def row_split_cost(problem: Problem, flow: RowSplit, array: ComposedArray) -> Cost:
    """A pass holds as many sub-rows as there are rows of PEs, and streams the other dimension.

    Under SDDMM a PE makes one score in k cycles, and writes it; under SpMM it sends one through n
    columns, a row of PEs adds up what its own make, and all but the first of a row of C read what
    is there. Delivered are what is stationary, and the streamed value of every multiplication.
    """
    rows = array.pe_array.pes
    counts = sub_rows(problem, flow, array)
    total = int(counts.sum())
    pattern, columns = _pattern(problem)
    nonzeros = problem.m * columns if pattern is None else int(pattern[1].size)
    scores = problem.kept is not None or problem.a is None
    streamed = problem.k if scores else problem.n
    passes = -(-total // rows)
    cycles = passes * streamed
    issued = nonzeros * streamed
    # A column of the streamed operand serves all rows of a pass; each sub-row has one stationary.
    reads_a = total * problem.k if scores else nonzeros
    reads_b = passes * columns * streamed
    sums = nonzeros if scores else (2 * total - int(np.count_nonzero(counts))) * streamed
    return Cost(
        cycles=cycles,
        busy_cycles=min(cycles, -(-issued // array.macs)),
        macs=problem.macs,
        issued_macs=issued,
        reads_a=reads_a,
        reads_b=reads_b,
        outputs=problem.outputs,
        latency_cycles=array.reduce.latency_cycles,
        delivered=reads_a + issued,
        sums=sums,
    )
