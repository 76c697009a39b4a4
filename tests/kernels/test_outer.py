"""Outer products and merges: tiny cases by hand, tiles against NumPy, banks against a queue."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.cartesian import cartesian
from accelsim.kernels.items import (
    COMPARES,
    CYCLES,
    ITEM_COLUMNS,
    MACS,
    OUTPUTS,
    PARTIALS,
    READS_A,
    READS_B,
    SUMS,
)
from accelsim.kernels.outer import group_counts, merge_rows, outer_columns, outer_tiles


def csr(mask):
    ptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64)
    return ptr, np.nonzero(mask)[1].astype(np.int32)


def test_a_column_by_hand():
    items = np.zeros((3, ITEM_COLUMNS), np.int64)
    outer_columns(np.array([17, 0, 16]), np.array([3, 5, 0]), 16, 1, items)
    assert items[:, CYCLES].tolist() == [2 * 3, 0, 0]
    assert items[:, MACS].tolist() == [51, 0, 0]
    assert items[:, READS_A].tolist() == [17, 0, 0]
    assert items[:, READS_B].tolist() == [6, 0, 0]


@st.composite
def operands(draw):
    m, k, n = (draw(st.integers(1, 14)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    da, db = (draw(st.sampled_from([0.0, 0.2, 0.7, 1.0])) for _ in range(2))
    return rng.random((m, k)) < da, rng.random((n, k)) < db


@settings(max_examples=40, deadline=None)
@given(operands(), st.integers(1, 5), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3))
def test_tiles_equal_numpy(pair, tile_rows, tile_columns, qa, qb):
    a, bt = pair
    k = a.shape[1]
    ca, cb = group_counts(*csr(a), k, tile_rows), group_counts(*csr(bt), k, tile_columns)
    items = np.zeros((len(ca) * len(cb), ITEM_COLUMNS), np.int64)
    outer_tiles(ca, cb, qa, qb, items)
    for i in range(len(ca)):
        for j in range(len(cb)):
            x = a[i * tile_rows : (i + 1) * tile_rows].sum(axis=0)
            y = bt[j * tile_columns : (j + 1) * tile_columns].sum(axis=0)
            row = items[i * len(cb) + j]
            assert row[CYCLES] == (-(-x // qa) * -(-y // qb)).sum()
            assert row[MACS] == (x * y).sum()


@pytest.mark.parametrize(
    ("fibers", "passes"), [(0, 0), (1, 1), (2, 1), (4, 1), (5, 2), (16, 2), (17, 3)]
)
def test_passes_of_a_merge(fibers, passes):
    products = 10 * fibers
    items = np.zeros((1, ITEM_COLUMNS), np.int64)
    merge_rows(np.array([fibers]), np.array([products]), np.array([7]), 4, 2, items)
    assert items[0, CYCLES] == passes * products // 2
    assert items[0, PARTIALS] == max(0, passes - 1) * products
    assert items[0, OUTPUTS] == 7
    assert items[0, COMPARES] == passes * products * 2  # levels of a merger of four
    assert items[0, SUMS] == 2 * products - 7


def banks_of(i, j, banks):
    """The hash of a product's place."""
    return ((i * 2654435761 + j * 40503) >> 4) % banks


@settings(max_examples=30, deadline=None)
@given(operands(), st.sampled_from([1, 2, 4]), st.integers(1, 4), st.integers(1, 3))
def test_banks_equal_a_clock_by_clock_queue(pair, quantum, banks, depth):
    a, bt = pair
    pes = 2
    pe_rows = -(-len(a) // pes)
    items, stalls = np.zeros((pes, ITEM_COLUMNS), np.int64), np.zeros(pes, np.int64)
    cartesian(*csr(a.T), *csr(bt.T), pe_rows, quantum, quantum, banks, depth, items, stalls)
    for pe in range(pes):
        rows = range(pe * pe_rows, min(len(a), (pe + 1) * pe_rows))
        time, work, free = 0, 0, [0] * banks
        for k in range(a.shape[1]):
            left = [i for i in rows if a[i, k]]
            right = [j for j in range(len(bt)) if bt[j, k]]
            for x in range(0, len(left), quantum):
                for y in range(0, len(right), quantum):
                    time += 1
                    latest = time
                    for i in left[x : x + quantum]:
                        for j in right[y : y + quantum]:
                            bank = banks_of(i, j, banks)
                            free[bank] = max(free[bank], time) + 1
                            latest = max(latest, free[bank] - depth)
                            work += 1
                    time = latest
        end = max([time, *(f - 1 for f in free)])
        assert items[pe, CYCLES] == end
        assert items[pe, MACS] == work
        assert end * banks >= work  # no bank adds more than one product a cycle
