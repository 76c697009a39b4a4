"""Dataflows whose rows go their own way: EIE's broadcast, SparseCore's gather and sum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accelsim.arch.composed import ComposedArray
from accelsim.arch.dataflows import Broadcast, GatherReduce
from accelsim.arch.formats import RunLength
from accelsim.kernels.broadcast import broadcast_rows, stored_values
from accelsim.kernels.items import CYCLES, ISSUED, ITEM_COLUMNS, MACS, READS_A, READS_B
from accelsim.mapping.dataflows.problem import Cost, Problem, full
from accelsim.mapping.dataflows.sharing import shared_cost


def broadcast_cost(problem: Problem, flow: Broadcast, array: ComposedArray) -> Cost:
    """Row after row of A, nonzero after nonzero, to PEs that own columns of C.

    A nonzero is delivered to the queue of every PE. Each product is added to the sum of its column.
    """
    pes = array.pe_array.pes
    stored = np.zeros((problem.k, pes), np.int64)
    code = array.formats.b
    most = (1 << code.bits) - 1 if isinstance(code, RunLength) else -1
    if problem.bt is None:
        stored[:] = np.bincount(np.arange(problem.n) % pes, minlength=pes)
    else:
        stored_values(*problem.bt, problem.k, pes, most, stored)
    # Dense rows are all alike: one is enough.
    rows = full(1, problem.k) if problem.a is None else problem.a
    cycles = np.zeros(rows[0].size - 1, np.int64)
    busy = np.zeros(pes, np.int64)
    broadcast_rows(*rows, stored, flow.queue_depth, cycles, busy)
    repeat = problem.m if problem.a is None else 1
    issued = int(busy.sum()) * repeat
    total = int(cycles.sum()) * repeat
    return Cost(
        cycles=total,
        busy_cycles=min(total, -(-issued // array.macs)),
        macs=problem.macs,
        issued_macs=issued,
        reads_a=problem.a_nonzeros,
        reads_b=issued,
        outputs=problem.outputs,
        latency_cycles=array.reduce.latency_cycles,
        delivered=problem.a_nonzeros * pes + issued,
        sums=2 * issued - problem.made,
    )


def gather_reduce_cost(problem: Problem, flow: GatherReduce, array: ComposedArray) -> Cost:
    """One item a row of A: its rows of B, a vector of `lanes` at a time, each added to the sums."""
    a_counts = np.full(problem.m, problem.k) if problem.a is None else np.diff(problem.a[0])
    items = np.zeros((problem.m, ITEM_COLUMNS), np.int64)
    if problem.bt is None:
        elements = a_counts * problem.n
        steps = a_counts * -(-problem.n // array.pe_array.lanes)
    else:
        a_ptr, a_idx = problem.a_rows
        lengths = problem.b_row_counts[a_idx]
        elements = _sums(lengths, a_ptr)
        steps = _sums(-(-lengths // array.pe_array.lanes), a_ptr)
    items[:, CYCLES], items[:, MACS], items[:, ISSUED] = steps, elements, elements
    items[:, READS_A], items[:, READS_B] = a_counts, elements
    cost = shared_cost(array, items, problem.outputs)
    return replace(cost, sums=2 * cost.macs - problem.made)


def _sums(values: np.ndarray, ptr: np.ndarray) -> np.ndarray:
    """Sums over the rows of a pointer array."""
    return np.diff(np.concatenate([[0], np.cumsum(values)])[ptr])
