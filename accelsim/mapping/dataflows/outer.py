"""Outer products: with a second phase, tile by tile, or to accumulator banks."""

from __future__ import annotations

import heapq
from dataclasses import replace

import numpy as np

from accelsim.arch.composed import BankMerge, ComposedArray, RadixMerge, TwoPhaseMerge
from accelsim.arch.dataflows import Cartesian, CondensedOuter, Outer
from accelsim.kernels.cartesian import cartesian
from accelsim.kernels.gustavson import levels
from accelsim.kernels.items import COMPARES, CYCLES, ITEM_COLUMNS, MACS, PARTIALS, SUMS
from accelsim.kernels.outer import group_counts, merge_rows, outer_columns, outer_tiles
from accelsim.mapping.dataflows.problem import Cost, Problem, turned
from accelsim.mapping.dataflows.sharing import makespan, shared_cost
from accelsim.mapping.dataflows.symbolic import products_of
from accelsim.workload.arrays import pointers


def outer_cost(problem: Problem, flow: Outer, array: ComposedArray) -> Cost:
    """One item a column of A; products are written out and merged, or summed where they are."""
    if flow.condensed:
        return _condensed_columns(problem, flow, array)
    a, b = problem.a_column_counts, problem.b_row_counts
    items = np.zeros((problem.k, ITEM_COLUMNS), np.int64)
    outer_columns(a, b, flow.a_per_cycle, flow.b_per_cycle, items)
    cost = shared_cost(array, items, 0)
    if not isinstance(array.merge, TwoPhaseMerge | RadixMerge):
        return _summed_in_place(replace(cost, partials=0, outputs=problem.outputs), problem)
    merge, items = _merge_rows(problem, array, array.merge)
    return replace(
        cost,
        partials=cost.partials + int(items[:, PARTIALS].sum()),
        outputs=problem.outputs,
        merge_cycles=merge,
        comparisons=int(items[:, COMPARES].sum()),
        sums=int(items[:, SUMS].sum()),
    )


def _summed_in_place(cost: Cost, problem: Problem) -> Cost:
    """With the sums of all its products: each is added to one that is there, but for the first."""
    return replace(cost, sums=2 * cost.issued_macs - problem.made)


def _merge_rows(
    problem: Problem, array: ComposedArray, merge: TwoPhaseMerge | RadixMerge
) -> tuple[int, np.ndarray]:
    """Cycles of the second phase, and its table of items, one a row of C."""
    a_ptr, a_idx = problem.a_rows
    useful = (problem.b_row_counts > 0)[a_idx]
    fibers = np.diff(np.concatenate([[0], np.cumsum(useful)])[a_ptr])
    items = np.zeros((problem.m, ITEM_COLUMNS), np.int64)
    merge_rows(
        fibers, problem.row_macs, problem.row_outputs, merge.radix, merge.elements_per_cycle, items
    )
    cycles, _, _ = makespan(array, items[:, CYCLES])
    return cycles, items


def _condensed_columns(problem: Problem, flow: Outer, array: ComposedArray) -> Cost:
    """SpArch: A pushed to the left; partial matrices meet in a merge tree, the smallest first.

    Zhang et al., HPCA 2020: `radix` condensed columns are merged as they are multiplied; what is
    left over is written out and merged again, in the order of Huffman's code by size.
    """
    merge = array.merge
    assert isinstance(merge, TwoPhaseMerge)
    a_ptr, a_idx = problem.a_rows
    place = np.arange(a_idx.size) - np.repeat(a_ptr[:-1], np.diff(a_ptr))
    columns = int(place.max()) + 1 if place.size else 0
    products = problem.b_row_counts[a_idx]
    size = np.bincount(place, weights=products, minlength=columns).astype(np.int64)
    # Multiplication: the prefetcher brings rows of B, a quantum a cycle.
    macs = int(size.sum())
    cycles = -(-macs // (flow.lanes * array.pe_array.pes))
    rounds, written, read, entered = 0, 0, 0, 0
    heap = [(int(s), False, c, np.array([c])) for c, s in enumerate(size) if s]
    heapq.heapify(heap)
    first = True
    while heap:
        # The first round takes what makes all later ones full, as in any r-ary Huffman code.
        take = merge.radix
        if first and len(heap) > merge.radix:
            take = (len(heap) - 2) % (merge.radix - 1) + 2
        first = False
        group = [heapq.heappop(heap) for _ in range(min(take, len(heap)))]
        inputs = sum(entry[0] for entry in group)
        entered += inputs
        read += sum(entry[0] for entry in group if entry[1])
        rounds += -(-inputs // merge.elements_per_cycle)
        members = np.concatenate([entry[3] for entry in group])
        if not heap:
            break
        merged = _union_size(problem, place, members, columns)
        written += merged
        heapq.heappush(heap, (merged, True, group[0][2], members))
    busy = max(cycles, rounds)
    return Cost(
        cycles=busy,
        busy_cycles=min(busy, cycles),
        macs=macs,
        issued_macs=macs,
        reads_a=int(a_idx.size),
        reads_b=macs,
        outputs=problem.outputs,
        partials=max(written, read),
        latency_cycles=array.reduce.latency_cycles,
        delivered=int(a_idx.size) + macs,
        comparisons=entered * int(levels(merge.radix)),
        sums=2 * entered - written - problem.made,  # what rounds leave was written first
    )


def _union_size(problem: Problem, place: np.ndarray, members: np.ndarray, columns: int) -> int:
    """Nonzeros of the sum of some condensed columns' products."""
    wanted = np.zeros(columns, bool)
    wanted[members] = True
    kept = wanted[place]
    rows = np.repeat(np.arange(problem.m), np.diff(problem.a_rows[0]))[kept]
    ptr = pointers(np.bincount(rows, minlength=problem.m))
    return int(products_of((ptr, problem.a_rows[1][kept]), problem)[1].sum())


def condensed_cost(problem: Problem, flow: CondensedOuter, array: ComposedArray) -> Cost:
    """DSTC: tile after tile of C, each on one PE."""
    items = tile_items(problem, flow)
    return _summed_in_place(shared_cost(array, items, problem.outputs), problem)


def tile_items(problem: Problem, flow: CondensedOuter) -> np.ndarray:
    """The table of items, one a tile of C, row of tiles after row of tiles."""
    a = _counts(problem.a, problem.m, problem.k, flow.tile_rows)
    b = _counts(problem.bt, problem.n, problem.k, flow.tile_columns)
    items = np.zeros((len(a) * len(b), ITEM_COLUMNS), np.int64)
    outer_tiles(a, b, flow.a_per_cycle, flow.b_per_cycle, items)
    return items


def _counts(
    csr: tuple[np.ndarray, np.ndarray] | None, rows: int, columns: int, group: int
) -> np.ndarray:
    if csr is not None:
        return group_counts(*csr, columns, group)
    sizes = np.minimum(group, rows - np.arange(0, rows, group)).astype(np.int32)
    return np.repeat(sizes[:, None], columns, axis=1)


def cartesian_cost(problem: Problem, flow: Cartesian, array: ComposedArray) -> Cost:
    """SCNN: rows of C belong to PEs; all PEs finish a tile of columns before the next begins."""
    merge = array.merge
    assert isinstance(merge, BankMerge)
    pes = array.pe_array.pes
    pe_rows = max(1, -(-problem.m // pes))
    a_ptr, a_idx = problem.a_columns
    total = np.zeros((pes, ITEM_COLUMNS), np.int64)
    cycles = conflict = 0
    bt_ptr, bt_idx = problem.bt_rows
    for first in range(0, problem.n, flow.tile_columns):
        last = min(problem.n, first + flow.tile_columns)
        part = bt_ptr[first : last + 1] - bt_ptr[first], bt_idx[bt_ptr[first] : bt_ptr[last]]
        b_ptr, b_idx = turned(part, problem.k)
        items = np.zeros((pes, ITEM_COLUMNS), np.int64)
        stalls = np.zeros(pes, np.int64)
        cartesian(
            a_ptr, a_idx, b_ptr, b_idx, pe_rows, flow.a_per_cycle, flow.b_per_cycle,
            merge.banks, merge.queue_depth, items, stalls,
        )  # fmt: skip
        slowest = int(items[:, CYCLES].argmax())
        cycles += int(items[slowest, CYCLES])
        conflict += int(stalls[slowest])
        total += items
    total[:, CYCLES] = 0
    cost = _summed_in_place(shared_cost(array, total, problem.outputs), problem)
    issued = int(total[:, MACS].sum())
    busy = min(cycles - conflict, -(-issued // (pes * flow.lanes)))
    return replace(cost, cycles=cycles, busy_cycles=busy, conflict_cycles=conflict)
