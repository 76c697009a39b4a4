"""Inner products: rows of A against columns of B, all of them or the kept ones (SDDMM)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from accelsim.arch.composed import ComposedArray
from accelsim.arch.dataflows import Inner
from accelsim.kernels.inner import (
    LEADER_FOLLOWER,
    SKIP_AHEAD,
    TWO_FINGER,
    inner_bitmaps,
    inner_coordinates,
)
from accelsim.kernels.inner_tiles import (
    column_tiles,
    inner_tiles,
    partial_outputs,
    segments,
)
from accelsim.kernels.items import ITEM_COLUMNS, MACS, OUTPUTS, READS_A
from accelsim.kernels.spgemm import pack_bits
from accelsim.mapping.dataflows.problem import Cost, Problem, columns_of, full, rows_of
from accelsim.mapping.dataflows.sharing import shared_cost

_RULES = {
    "two_finger": TWO_FINGER, "skip_ahead": SKIP_AHEAD, "leader_follower": LEADER_FOLLOWER,
}  # fmt: skip
# So that the last item of the slowest PE is a small part of the whole.
ITEMS_PER_PE = 2
_EVERY = np.zeros(1, np.int64), np.zeros(0, np.int32)


def inner_cost(problem: Problem, flow: Inner, array: ComposedArray) -> Cost:
    """One item a row of A and a part of the columns of B, so that no PE goes without."""
    if flow.micro_tile is not None and problem.kept is None:
        return _tiled_cost(problem, flow, array)
    parts = max(1, min(problem.n, -(-ITEMS_PER_PE * array.pe_array.pes // max(1, problem.m))))
    items = np.concatenate([inner_items(part, array) for part in _column_parts(problem, parts)])
    return shared_cost(array, items, int(items[:, OUTPUTS].sum()))


def _tiled_cost(problem: Problem, flow: Inner, array: ComposedArray) -> Cost:
    """One item a micro-tile of A; only nonempty tiles of A and B meet.

    Of a dense operand one micro-tile is looked at, and counted as often as there are others.
    """
    micro, depth = flow.micro_tile, flow.memory_depth
    assert micro is not None and depth is not None
    m, n = problem.m, problem.n
    rows = m if problem.a is not None else min(m, micro)
    columns = n if problem.bt is not None else min(n, micro)
    part = Problem(rows, columns, problem.k, problem.a, problem.bt)
    (a_ptr, a_idx), (bt_ptr, bt_idx) = part.a_rows, part.bt_rows
    tiles = -(-rows // micro) * -(-problem.k // micro)
    items = np.zeros((max(1, tiles), ITEM_COLUMNS), np.int64)
    a_tiles = segments(a_ptr, a_idx, problem.k, micro)
    b_tiles = segments(bt_ptr, bt_idx, problem.k, micro)
    inner_tiles(a_idx, a_tiles, bt_idx, b_tiles, micro, items)
    tile_ptr, tile_column = column_tiles(b_tiles[0], b_tiles[1], micro)
    b_ptr, b_idx = part.b_rows
    partial_outputs(a_ptr, a_idx, b_ptr, b_idx, tile_ptr, tile_column, columns, micro, depth, items)
    if columns < n:
        items = -(-items * n // columns)
    if rows < m:
        times = -(-m // micro)
        items = -(-np.repeat(items, times, axis=0) * m // (times * rows))
    return replace(shared_cost(array, items, problem.outputs), macs=problem.macs)


def _column_parts(problem: Problem, parts: int) -> Iterator[Problem]:
    """The same product, some columns of B at a time."""
    if parts == 1:
        yield problem
        return
    for part in range(parts):
        n0, n1 = problem.n * part // parts, problem.n * (part + 1) // parts
        bt = None if problem.bt is None else rows_of(problem.bt, n0, n1)
        kept = None if problem.kept is None else columns_of(problem.kept, n0, n1)
        yield Problem(problem.m, n1 - n0, problem.k, problem.a, bt, kept)


def inner_items(problem: Problem, array: ComposedArray) -> np.ndarray:
    """The table of items. Dense columns of B are all alike, and so are dense rows of A."""
    if problem.bt is None:
        return _one_column(problem, array)
    if problem.a is None and problem.kept is None and problem.m > 1:
        one = Problem(1, problem.n, problem.k, None, problem.bt, None)
        return np.repeat(_items(one, array), problem.m, axis=0)
    return _items(problem, array)


def _one_column(problem: Problem, array: ComposedArray) -> np.ndarray:
    """Every dot product of a row with a dense column costs the same."""
    rows = 1 if problem.a is None else problem.m
    one = Problem(rows, 1, problem.k, problem.a, full(1, problem.k))
    items = _items(one, array)
    if problem.a is None:
        items = np.repeat(items, problem.m, axis=0)
    times = np.full(problem.m, problem.n) if problem.kept is None else np.diff(problem.kept[0])
    reads = items[:, READS_A] * (times > 0)
    items *= times[:, None]
    items[:, READS_A] = reads
    return items


def _items(problem: Problem, array: ComposedArray) -> np.ndarray:
    items = np.zeros((problem.m, ITEM_COLUMNS), np.int64)
    (a_ptr, a_idx), (b_ptr, b_idx) = problem.a_rows, problem.bt_rows
    kept_ptr, kept_idx = _EVERY if problem.kept is None else problem.kept
    rule = array.intersect
    lanes = array.pe_array.lanes
    if rule.kind == "bitmap":
        assert rule.width is not None
        a_bits = pack_bits(a_ptr, a_idx, problem.k)
        b_bits = pack_bits(b_ptr, b_idx, problem.k)
        skip = array.pe_array.zeros == "skip"
        inner_bitmaps(
            a_bits, b_bits, problem.k, rule.width, lanes, skip, kept_ptr, kept_idx,
            np.diff(b_ptr), items,
        )  # fmt: skip
    else:
        inner_coordinates(
            a_ptr, a_idx, b_ptr, b_idx, _RULES[rule.kind], lanes, kept_ptr, kept_idx, items
        )
    return items


def kept_macs(problem: Problem) -> int:
    """Effectual multiplications of a sampled product of two sparse operands."""
    items = np.zeros((problem.m, ITEM_COLUMNS), np.int64)
    assert problem.kept is not None
    (a_ptr, a_idx), (b_ptr, b_idx) = problem.a_rows, problem.bt_rows
    kept_ptr, kept_idx = problem.kept
    inner_coordinates(a_ptr, a_idx, b_ptr, b_idx, TWO_FINGER, 1, kept_ptr, kept_idx, items)
    return int(items[:, MACS].sum())
