"""Mergers: exact tiny rows, and every merger against plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.gustavson import merge_dense, merge_hash, merge_queues, merge_radix
from accelsim.kernels.items import (
    COMPARES,
    CYCLES,
    ITEM_COLUMNS,
    MACS,
    OUTPUTS,
    PARTIALS,
    READS_B,
    SUMS,
)

DENSE = np.zeros(1, np.int64), np.zeros(0, np.int32)


def csr(mask):
    ptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64)
    return ptr, np.nonzero(mask)[1].astype(np.int32)


def table(rows):
    return np.zeros((rows, ITEM_COLUMNS), np.int64)


def test_a_row_of_no_more_than_radix_fibers_is_one_merge():
    a, b = np.ones((1, 3), bool), np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1]], bool)
    items = table(1)
    merge_radix(*csr(a), *csr(b), 3, 4, 1, items)
    assert items[0].tolist()[:3] == [5, 5, 5]
    assert (items[0, OUTPUTS], items[0, PARTIALS]) == (3, 0)
    # Two levels of comparisons; of 5 sums that are written 2 are added to another.
    assert (items[0, COMPARES], items[0, SUMS]) == (5 * 2, 5 + 2)


def test_more_fibers_make_a_tree_with_a_full_top():
    # Five fibers {0}, {0}, {1}, {2}, {3} through a merger of four: two meet first.
    b = np.zeros((5, 4), bool)
    b[[0, 1, 2, 3, 4], [0, 0, 1, 2, 3]] = True
    items = table(1)
    merge_radix(*csr(np.ones((1, 5), bool)), *csr(b), 4, 4, 1, items)
    assert items[0, PARTIALS] == 1  # {0} + {0}
    assert items[0, CYCLES] == 2 + (1 + 3)
    assert items[0, OUTPUTS] == 4
    # {0} and {0}: two written, one read; then it and three others are written.
    assert (items[0, COMPARES], items[0, SUMS]) == ((2 + 4) * 2, 3 + 4)


def test_a_tree_of_three_levels():
    # Eight equal fibers of one column, two at a time: 8 -> 4 -> 2 -> 1.
    b = np.ones((8, 1), bool)
    items = table(1)
    merge_radix(*csr(np.ones((1, 8), bool)), *csr(b), 1, 2, 1, items)
    assert items[0, CYCLES] == 8 + 4 + 2
    assert items[0, PARTIALS] == 4 + 2
    # Each of 7 merges writes two and reads one.
    assert (items[0, COMPARES], items[0, SUMS]) == (8 + 4 + 2, 7 * 3)


def test_queues_by_hand():
    # Three queues: two fibers of two fill two, the third merges with the first.
    b = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]], bool)
    items, phases = table(1), np.zeros((1, 2), np.int64)
    merge_queues(*csr(np.ones((1, 3), bool)), *csr(b), 4, 3, 3, phases, items)
    assert phases[0].tolist() == [2 + 2 + (2 + 2), 4 + 2]
    assert items[0, PARTIALS] == 1  # four elements in a queue of three
    assert items[0, OUTPUTS] == 4
    # The third with the first, 4 elements, then 6 through two levels. Written 2, 2 and, after 2
    # were read, 4; in the end 6 are read.
    assert items[0, COMPARES] == 4 + 6 * 2
    assert items[0, SUMS] == 2 + 2 + 2 + 4 + 6


@st.composite
def operands(draw):
    m, k, n = draw(st.integers(1, 5)), draw(st.integers(1, 14)), draw(st.integers(1, 20))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    da, db = (draw(st.sampled_from([0.0, 0.2, 0.7, 1.0])) for _ in range(2))
    return rng.random((m, k)) < da, rng.random((k, n)) < db


@settings(max_examples=40, deadline=None)
@given(operands(), st.sampled_from([2, 3, 4]), st.sampled_from([1, 2]))
def test_every_merger_counts_what_numpy_counts(pair, radix, lanes):
    a, b = pair
    n = b.shape[1]
    product = a.astype(int) @ b.astype(int)
    macs, outputs = product.sum(axis=1), (product > 0).sum(axis=1)
    phases = np.zeros((len(a), 2), np.int64)
    for merge, args in (
        (merge_radix, (radix, lanes)),
        (merge_queues, (radix, 100, phases)),
        (merge_hash, (4, lanes)),
        (merge_dense, (8, 2, lanes)),
    ):
        items = table(len(a))
        merge(*csr(a), *csr(b), n, *args, items)
        assert items[:, MACS].tolist() == macs.tolist()
        assert items[:, OUTPUTS].tolist() == outputs.tolist()
        assert (items[:, CYCLES] * max(1, lanes) >= macs).all()
        assert (items[:, READS_B] >= macs).all()


@settings(max_examples=30, deadline=None)
@given(operands(), st.sampled_from([2, 3, 5]))
def test_a_dense_operand_costs_what_a_full_pattern_costs(pair, radix):
    a, b = pair
    n = b.shape[1]
    full = csr(np.ones_like(b))
    phases = np.zeros((len(a), 2), np.int64)
    for merge, args in (
        (merge_radix, (radix, 1)),
        (merge_queues, (radix, 7, phases)),
        (merge_dense, (8, 2, 3)),
    ):
        dense, written = table(len(a)), table(len(a))
        merge(*csr(a), *DENSE, n, *args, dense)
        merge(*csr(a), *full, n, *args, written)
        assert dense.tolist() == written.tolist()


def naive_dense(a, b, slots, drain, lanes):
    cycles = []
    for row in a:
        steps, columns = 0, set()
        for k in np.flatnonzero(row):
            fiber = np.flatnonzero(b[k])
            columns |= set(fiber.tolist())
            for low in range(0, b.shape[1], slots):
                part = ((fiber >= low) & (fiber < low + slots)).sum()
                steps += -(-int(part) // lanes)
        cycles.append(steps + -(-len(columns) // drain))
    return cycles


@settings(max_examples=30, deadline=None)
@given(operands(), st.sampled_from([3, 8, 64]), st.sampled_from([1, 2, 4]))
def test_a_dense_row_of_sums_equals_python(pair, slots, lanes):
    a, b = pair
    items = table(len(a))
    merge_dense(*csr(a), *csr(b), b.shape[1], slots, 2, lanes, items)
    assert items[:, CYCLES].tolist() == naive_dense(a, b, slots, 2, lanes)


@pytest.mark.parametrize("slots", [4, 64])
def test_a_hash_table_that_is_too_small_takes_more_passes(slots):
    items = table(1)
    merge_hash(*csr(np.ones((1, 2), bool)), *csr(np.ones((2, 16), bool)), 16, slots, 1, items)
    passes = max(1, 16 // slots)
    assert items[0, READS_B] == 32 * passes
    assert items[0, CYCLES] >= 32 * passes
    assert items[0, COMPARES] == 32 + items[0, CYCLES] - 32 * passes  # further probes
    assert items[0, SUMS] == 32 + 16
