"""Row by row products, with the merger of the array."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accelsim.arch.composed import (
    ComposedArray,
    DenseMerge,
    HashMerge,
    QueueMerge,
    RadixMerge,
)
from accelsim.arch.dataflows import Gustavson
from accelsim.kernels.gustavson import merge_dense, merge_hash, merge_queues, merge_radix
from accelsim.kernels.items import ITEM_COLUMNS, OUTPUTS
from accelsim.mapping.dataflows.problem import Cost, Problem, full
from accelsim.mapping.dataflows.sharing import shared_cost

_DENSE = np.zeros(1, np.int64), np.zeros(0, np.int32)


def gustavson_cost(problem: Problem, flow: Gustavson, array: ComposedArray) -> Cost:
    """One item a row of A."""
    items, last = _items(problem, array)
    cost = shared_cost(array, items, int(items[:, OUTPUTS].sum()))
    return replace(cost, latency_cycles=cost.latency_cycles + last)


def _items(problem: Problem, array: ComposedArray) -> tuple[np.ndarray, int]:
    """The table of items, and cycles of the last row's merge that nothing hides."""
    a_ptr, a_idx = full(1, problem.k) if problem.a is None else problem.a
    rows = a_ptr.size - 1
    items = np.zeros((rows, ITEM_COLUMNS), np.int64)
    b_ptr, b_idx = _DENSE if problem.bt is None else problem.b_rows
    n, merge, lanes, last = problem.n, array.merge, array.pe_array.lanes, 0
    if isinstance(merge, RadixMerge):
        merge_radix(a_ptr, a_idx, b_ptr, b_idx, n, merge.radix, merge.elements_per_cycle, items)
    elif isinstance(merge, QueueMerge):
        phases = np.zeros((rows, 2), np.int64)
        merge_queues(a_ptr, a_idx, b_ptr, b_idx, n, merge.queues, merge.elements, phases, items)
        last = int(phases[-1, 1]) if rows else 0
    elif isinstance(merge, HashMerge):
        merge_hash(a_ptr, a_idx, b_ptr, b_idx, n, merge.slots, lanes, items)
    else:
        assert isinstance(merge, DenseMerge)
        merge_dense(a_ptr, a_idx, b_ptr, b_idx, n, merge.slots, merge.drain_per_cycle, lanes, items)
    if problem.a is None:
        items = np.repeat(items, problem.m, axis=0)
    return items, last
