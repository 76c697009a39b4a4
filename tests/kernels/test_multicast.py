"""Multicast to array rows: a slow simulation of the rules, NumPy counts, and lower bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.multicast import multicast_tiles

NO_LIMIT = 1 << 20


@dataclass(frozen=True)
class Array:
    """Parameters of the kernel, by its names."""

    tile_rows: int = 4
    copies: int = 1
    slots_per_row: int = 1
    array_rows: int = 4
    pair_ticks: int = 1
    vector_ticks: int = 1
    bank_groups: int = 4
    bank_ticks: int = 1
    bank_queue: int = 2
    fifo_depth: int = 2
    tile_buffers: int = 2

    def row(self, query: int, copy: int) -> int:
        """Array row of one head of one query of a tile."""
        return (query * self.copies + copy) // self.slots_per_row


def kernel(mask: np.ndarray, a: Array) -> tuple[np.ndarray, np.ndarray]:
    """Run the kernel on bool[rows, columns]."""
    counts = mask.sum(axis=1)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    indices = np.nonzero(mask)[1].astype(np.int32)
    out = np.zeros((-(-mask.shape[0] // a.tile_rows), 5), np.int64)
    work = np.zeros(a.array_rows, np.int64)
    multicast_tiles(
        indptr, indices, mask.shape[1], a.tile_rows, a.copies, a.slots_per_row, a.array_rows,
        a.pair_ticks, a.vector_ticks, a.bank_groups, a.bank_ticks, a.bank_queue, a.fifo_depth,
        a.tile_buffers, out, work,
    )  # fmt: skip
    return out, work


def tick_by_tick(mask: np.ndarray, a: Array) -> list[tuple[int, ...]]:
    """The rules, one tick after the other: (occupancy, vectors, deliveries, pairs, lost)."""
    begins: list[list[int]] = [[] for _ in range(a.bank_groups)]  # reads of a bank group
    finishes: list[list[int]] = [[] for _ in range(a.array_rows)]  # deliveries of a row
    ends = []
    rows = []
    now = 0
    for tile in range(-(-mask.shape[0] // a.tile_rows)):
        part = mask[tile * a.tile_rows : (tile + 1) * a.tile_rows]
        if tile >= a.tile_buffers:  # operands of `tile_buffers` tiles are held at once
            now = max(now, ends[tile - a.tile_buffers])
        vectors = deliveries = pairs = lost = 0
        for key in np.flatnonzero(part.any(axis=0)):
            todo: dict[int, int] = {}
            for query in np.flatnonzero(part[:, key]):
                for copy in range(a.copies):
                    row = a.row(int(query), copy)
                    todo[row] = todo.get(row, 0) + 1
            reads = begins[key % a.bank_groups]
            now += a.vector_ticks
            while True:
                bank_full = sum(begin > now for begin in reads) >= a.bank_queue
                fifo_full = any(
                    sum(finish > now for finish in finishes[row]) >= a.fifo_depth for row in todo
                )
                if not (bank_full or fifo_full):
                    break
                lost += bank_full
                now += 1
            arrive = max(now, reads[-1] + a.bank_ticks) if reads else now
            reads.append(arrive)
            for row, count in todo.items():
                idle = finishes[row][-1] if finishes[row] else 0
                finishes[row].append(max(arrive, idle) + count * a.pair_ticks)
            vectors, deliveries = vectors + 1, deliveries + len(todo)
            pairs += sum(todo.values())
        before = ends[-1] if ends else 0
        ends.append(max([before, *(row[-1] for row in finishes if row)]))
        rows.append((ends[-1] - before, vectors, deliveries, pairs, lost))
    return rows


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, Array]:
    copies = draw(st.integers(1, 3))
    slots = draw(st.integers(1, 3))
    tile_rows = draw(st.integers(1, 5))
    a = Array(
        tile_rows=tile_rows,
        copies=copies,
        slots_per_row=slots,
        array_rows=-(-tile_rows * copies // slots) + draw(st.integers(0, 1)),
        pair_ticks=draw(st.integers(1, 5)),
        vector_ticks=draw(st.integers(1, 4)),
        bank_groups=draw(st.integers(1, 4)),
        bank_ticks=draw(st.integers(1, 6)),
        bank_queue=draw(st.integers(1, 3)),
        fifo_depth=draw(st.integers(1, 3)),
        tile_buffers=NO_LIMIT,
    )
    rows, columns = draw(st.integers(1, 11)), draw(st.sampled_from([1, 5, 63, 64, 65, 130]))
    random = np.random.default_rng(draw(st.integers(0, 999)))
    return random.random((rows, columns)) < draw(st.sampled_from([0.0, 0.05, 0.3, 1.0])), a


@given(cases())
@settings(max_examples=60)
def test_the_kernel_is_the_tick_by_tick_simulation(case):
    mask, a = case
    assert kernel(mask, a)[0].tolist() == [list(row) for row in tick_by_tick(mask, a)]


@given(cases(), st.integers(1, 3))
@settings(max_examples=40)
def test_rows_hold_the_operands_of_as_many_tiles_as_there_are_buffers(case, buffers):
    mask, a = case[0], replace(case[1], tile_buffers=buffers)
    assert kernel(mask, a)[0].tolist() == [list(row) for row in tick_by_tick(mask, a)]


def test_one_buffer_is_a_barrier_at_every_tile():
    # Tile 0: row 0 has 3 keys of 10 ticks. Tile 1: row 1 has 3. Without run-ahead the second tile
    # is issued when the first has ended, at 1 + 3 x 10; each vector takes a tick to issue.
    mask = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0] * 6, [0, 0, 0, 1, 1, 1]], bool)
    a = Array(tile_rows=2, array_rows=2, pair_ticks=10, fifo_depth=8, bank_groups=8, tile_buffers=1)
    assert kernel(mask, a)[0][:, 0].tolist() == [31, 31]


@given(cases())
@settings(max_examples=60)
def test_counts_and_bounds(case):
    mask, a = case
    out, work = kernel(mask, a)
    pairs = int(mask.sum()) * a.copies
    assert out[:, 3].sum() == pairs and work.sum() == pairs * a.pair_ticks
    expected = np.zeros(a.array_rows, np.int64)
    per_query = mask.sum(axis=1) * a.pair_ticks
    for query, ticks in enumerate(per_query):
        for copy in range(a.copies):
            expected[a.row(query % a.tile_rows, copy)] += ticks
    assert work.tolist() == expected.tolist()
    total = int(out[:, 0].sum())
    assert total >= work.max() >= pairs * a.pair_ticks / a.array_rows
    vectors = int(out[:, 1].sum())
    assert total >= vectors * a.vector_ticks
    tiles = range(0, mask.shape[0], a.tile_rows)
    needed = np.concatenate([np.flatnonzero(mask[t : t + a.tile_rows].any(axis=0)) for t in tiles])
    assert vectors == needed.size
    reads = np.bincount(needed % a.bank_groups, minlength=a.bank_groups)
    assert total >= (reads.max() - 1) * a.bank_ticks
    assert (out >= 0).all() and (out[:, 2] <= out[:, 3]).all()


@pytest.mark.parametrize("groups", [1, 4, 7])
def test_keys_of_one_bank_group_are_read_one_after_the_other(groups):
    keys = 50
    mask = np.zeros((4, keys * groups), bool)
    mask[:, ::groups] = True
    a = Array(bank_groups=groups, bank_ticks=9, fifo_depth=64)
    spread = np.zeros_like(mask)
    spread[:, :keys] = True
    one = int(kernel(mask, a)[0][0, 0])
    # Issue 1 tick, 50 reads of 9, of which the last is followed by the pair's tick on arrival.
    assert one == 1 + (keys - 1) * 9 + 1
    many = int(kernel(spread, a)[0][0, 0])
    assert many == (one if groups == 1 else pytest.approx(one / groups, rel=0.15))


def test_a_full_fifo_stops_the_stream_and_depth_hides_imbalance():
    # 20 keys of row 0, then 20 of row 1, 4 ticks each. With depth 1 the last key of row 0 is
    # issued at 1 + 19 x 4 and those of row 1 after it; with depth 20 row 1 begins at 21.
    mask = np.zeros((2, 40), bool)
    mask[0, :20] = mask[1, 20:] = True
    a = Array(tile_rows=2, array_rows=2, pair_ticks=4, bank_groups=40)
    times = {d: int(kernel(mask, replace(a, fifo_depth=d))[0][0, 0]) for d in (1, 4, 20, 64)}
    assert times == {1: 77 + 1 + 20 * 4, 4: 65 + 1 + 20 * 4, 20: 21 + 20 * 4, 64: 21 + 20 * 4}
