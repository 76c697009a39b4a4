"""Kernels that draw and unite key sets, against sets; the same with the JIT on and off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.hashed_chunks import count_shared_chunks, shared_chunks
from accelsim.kernels.merged import columns_and_diagonals
from accelsim.kernels.samples import chosen_groups, uniform_rows
from accelsim.workload.samples import bit_numbers

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered")
GOLDEN, MIX_A, MIX_B = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
WHOLE = (1 << 64) - 1


def splitmix(value: int) -> int:
    value &= WHOLE
    value = (value ^ (value >> 30)) * MIX_A & WHOLE
    value = (value ^ (value >> 27)) * MIX_B & WHOLE
    return value ^ (value >> 31)


def pointers(counts: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def floyd(key: int, universe: int, count: int) -> list[int]:
    taken: set[int] = set()
    for j in range(universe - count, universe):
        pick = (splitmix(key + (j + 1) * GOLDEN) >> 32) * (j + 1) >> 32
        taken.add(j if pick in taken else pick)
    return sorted(taken)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, WHOLE), st.integers(0, 200), st.data()), max_size=4))
def test_uniform_rows_are_floyds_samples(rows) -> None:
    counts = [data.draw(st.integers(0, universe)) for _, universe, data in rows]
    indptr = pointers(counts)
    indices = np.empty(indptr[-1], np.int32)
    bitmap = np.zeros(4, np.uint64)
    keys = np.array([key for key, *_ in rows], np.uint64)
    universe = np.array([universe for _, universe, _ in rows], np.int64)
    uniform_rows(keys, universe, indptr, bit_numbers(), bitmap, indices)
    expected = [floyd(k, u, c) for (k, u, _), c in zip(rows, counts, strict=True)]
    assert indices.tolist() == [key for row in expected for key in row]
    assert not bitmap.any()


def test_chosen_groups_keep_so_many_of_each_group() -> None:
    keys = np.arange(400, dtype=np.uint64) * np.uint64(12345)
    kept = np.arange(400, dtype=np.int64) % 6
    indices = np.empty(int(kept.sum()) * 3, np.int32)
    chosen_groups(keys, kept, (5, 3), indices)
    place = 0
    totals = np.zeros(15, np.int64)
    for keep in kept.tolist():
        row = indices[place : place + 3 * keep]
        assert (np.diff(row) > 0).all()
        assert np.bincount(row // 5, minlength=3).tolist() == [keep] * 3
        totals += np.bincount(row, minlength=15)
        place += 3 * keep
    assert totals == pytest.approx(np.full(15, kept.sum() / 5), rel=0.12)


@settings(max_examples=30)
@given(
    st.integers(0, 40), st.integers(1, 9), st.sets(st.integers(0, 49)), st.sets(st.integers(0, 49))
)
def test_columns_and_diagonals_are_those_of_sets(position, queries, columns, distances) -> None:
    rows = []
    for query in range(position, position + queries):
        kept = columns | {query - distance for distance in distances}
        rows.append(sorted(key for key in kept if 0 <= key <= query))
    indptr = pointers([len(row) for row in rows])
    indices = np.empty(indptr[-1], np.int32)
    lists = (np.array(sorted(part), np.int64) for part in (columns, distances))
    columns_and_diagonals(position, *lists, indptr, indices)
    assert indices.tolist() == [key for row in rows for key in row]


def test_shared_chunks_are_counted_and_written_as_sets() -> None:
    rng = np.random.default_rng(3)
    order, rank, least = (np.zeros((2, 150), np.int64) for _ in range(3))
    for turn in range(2):
        bucket = rng.integers(0, 9, 150)
        order[turn] = np.argsort(bucket, kind="stable")
        rank[turn, order[turn]] = np.arange(150)
        begin = np.searchsorted(bucket[order[turn]], bucket)
        least[turn] = np.maximum(begin, rank[turn] // 8 * 8 - 8)
    rows = [
        sorted({int(key) for turn in range(2)
                for key in order[turn, least[turn, query] : rank[turn, query] + 1]})
        for query in range(20, 150)
    ]  # fmt: skip
    counts = np.empty(130, np.int64)
    count_shared_chunks(20, order, rank, least, counts)
    assert counts.tolist() == [len(row) for row in rows]
    indices = np.empty(int(counts.sum()), np.int32)
    shared_chunks(20, order, rank, least, pointers(counts.tolist()), bit_numbers(), indices)
    assert indices.tolist() == [key for row in rows for key in row]
