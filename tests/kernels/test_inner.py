"""Intersections: exact steps of tiny fibers, and counts against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.inner import (
    LEADER_FOLLOWER,
    SKIP_AHEAD,
    TWO_FINGER,
    bitmap_matches,
    inner_bitmaps,
    inner_coordinates,
)
from accelsim.kernels.inner_tiles import column_tiles, inner_tiles, partial_outputs, segments
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
from accelsim.kernels.spgemm import pack_bits

EVERY = np.zeros(1, np.int64), np.zeros(0, np.int32)


def csr(mask):
    ptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64)
    return ptr, np.nonzero(mask)[1].astype(np.int32)


def fiber(*columns):
    return np.array([0, len(columns)]), np.array(columns, np.int32)


@pytest.mark.parametrize(
    ("a", "b", "two_finger", "skip", "matches"),
    [
        ((1, 2, 3), (1, 2, 3), 3, 3, 3),
        ((1, 2, 3, 9), (9,), 4, 2, 1),  # a jump over 1, 2, 3, then the match
        ((0, 2, 4), (1, 3, 5), 5, 5, 0),  # they overtake each other
        ((0, 1, 2), (7,), 3, 1, 0),
        ((5,), (), 0, 0, 0),
    ],
)
def test_steps_by_hand(a, b, two_finger, skip, matches):
    steps = {}
    for rule in (TWO_FINGER, SKIP_AHEAD, LEADER_FOLLOWER):
        items = np.zeros((1, ITEM_COLUMNS), np.int64)
        inner_coordinates(*fiber(*a), *fiber(*b), rule, 1, *EVERY, items)
        steps[rule] = items[0, CYCLES]
        assert items[0, MACS] == matches
        assert items[0, COMPARES] == items[0, CYCLES]
        assert items[0, SUMS] == (matches > 0)
    assert steps[TWO_FINGER] == two_finger
    assert steps[SKIP_AHEAD] == skip
    assert steps[LEADER_FOLLOWER] == (len(a) if b else 0)


def naive_skip(a, b):
    """Jump by jump on Python lists."""
    steps, i, j = 0, 0, 0
    while i < len(a) and j < len(b):
        steps += 1
        if a[i] == b[j]:
            i, j = i + 1, j + 1
        elif a[i] < b[j]:
            i = next((t for t in range(i, len(a)) if a[t] >= b[j]), len(a))
        else:
            j = next((t for t in range(j, len(b)) if b[t] >= a[i]), len(b))
    return steps


@st.composite
def problem(draw):
    m, n, k = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    da, db = (draw(st.sampled_from([0.0, 0.05, 0.4, 1.0])) for _ in range(2))
    kept = rng.random((m, n)) < 0.6
    return rng.random((m, k)) < da, rng.random((n, k)) < db, kept


@settings(max_examples=40, deadline=None)
@given(problem(), st.sampled_from([1, 2, 4]), st.booleans())
def test_coordinates_equal_python(case, lanes, sampled):
    a, b, kept = case
    wanted = kept if sampled else np.ones_like(kept)
    for rule in (TWO_FINGER, SKIP_AHEAD, LEADER_FOLLOWER):
        items = np.zeros((len(a), ITEM_COLUMNS), np.int64)
        inner_coordinates(*csr(a), *csr(b), rule, lanes, *(csr(kept) if sampled else EVERY), items)
        common = (a.astype(int) @ b.astype(int).T) * wanted
        assert items[:, MACS].tolist() == common.sum(axis=1).tolist()
        assert items[:, OUTPUTS].tolist() == (common > 0).sum(axis=1).tolist()
        for row in range(len(a)):
            cycles = reads = 0
            for column in np.flatnonzero(wanted[row]):
                left, right = np.flatnonzero(a[row]), np.flatnonzero(b[column])
                if not left.size or not right.size:
                    continue
                reads += right.size
                if rule == SKIP_AHEAD:
                    steps = naive_skip(left.tolist(), right.tolist())
                elif rule == LEADER_FOLLOWER:
                    steps = left.size
                else:  # coordinates seen until one list ends, common ones once
                    last = min(left[-1], right[-1])
                    steps = np.union1d(left[left <= last], right[right <= last]).size
                cycles += max(steps, -(-common[row, column] // lanes))
            assert items[row, CYCLES] == cycles
            assert items[row, READS_B] == reads


@settings(max_examples=40, deadline=None)
@given(
    problem(), st.sampled_from([16, 32, 64, 128]), st.sampled_from([1, 3]), st.booleans(),
    st.booleans(),
)  # fmt: skip
def test_bitmaps_equal_python(case, chunk, lanes, skip, sampled):
    a, b, kept = case
    wanted = kept if sampled else np.ones_like(kept)
    k = a.shape[1]
    items = np.zeros((len(a), ITEM_COLUMNS), np.int64)
    inner_bitmaps(
        pack_bits(*csr(a), k), pack_bits(*csr(b), k), k, chunk, lanes, skip,
        *(csr(kept) if sampled else EVERY), b.sum(axis=1), items,
    )  # fmt: skip
    for row in range(len(a)):
        cycles = 0
        for column in np.flatnonzero(wanted[row]):
            for start in range(0, k, chunk):
                x, y = a[row, start : start + chunk], b[column, start : start + chunk]
                if skip and not (x.any() and y.any()):
                    continue
                cycles += max(1, -(-int((x & y).sum()) // lanes))
        assert items[row, CYCLES] == cycles
        assert items[row, COMPARES] == wanted[row].sum() * -(-k // chunk)
    assert (items[:, SUMS] == items[:, OUTPUTS]).all()
    common = (a.astype(int) @ b.astype(int).T) * wanted
    assert items[:, MACS].tolist() == common.sum(axis=1).tolist()


def test_matches_alone():
    rng = np.random.default_rng(0)
    a, b = rng.random((3, 70)) < 0.3, rng.random((4, 70)) < 0.3
    macs, pairs = np.zeros(3, np.int64), np.zeros(3, np.int64)
    bitmap_matches(pack_bits(*csr(a), 70), pack_bits(*csr(b), 70), macs, pairs)
    common = a.astype(int) @ b.astype(int).T
    assert macs.tolist() == common.sum(axis=1).tolist()
    assert pairs.tolist() == (common > 0).sum(axis=1).tolist()


def naive_tiles(a, bt, micro, depth):
    """Meetings of pieces, and sums that come back, tile by tile on masks."""
    (m, k), n = a.shape, len(bt)
    cycles, back = 0, 0
    held: dict[tuple[int, int], set[int]] = {}
    for low in range(0, k, micro):
        span = slice(low, low + micro)
        for row in range(m):
            for column in range(n):
                left = np.flatnonzero(a[row, span]).tolist()
                right = np.flatnonzero(bt[column, span]).tolist()
                if left and right:
                    cycles += naive_skip(left, right)
    for first in range(0, k, depth):
        touched = set()
        for low in range(first, min(k, first + depth), micro):
            span = slice(low, low + micro)
            across = {column // micro for column in range(n) if bt[column, span].any()}
            touched |= {(row, tile) for row in range(m) if a[row, span].any() for tile in across}
        back += sum(len(held.get(key, ())) for key in touched)
        for row in range(m):
            for column in range(n):
                if (a[row, first : first + depth] & bt[column, first : first + depth]).any():
                    held.setdefault((row, column // micro), set()).add(column)
    return cycles, back


@settings(max_examples=30, deadline=None)
@given(problem(), st.sampled_from([(2, 4), (4, 4), (8, 32)]))
def test_tiles_that_are_not_empty_meet(case, sizes):
    a, bt, _ = case
    micro, depth = sizes
    k = a.shape[1]
    items = np.zeros((-(-len(a) // micro) * -(-k // micro), ITEM_COLUMNS), np.int64)
    (a_ptr, a_idx), (bt_ptr, bt_idx) = csr(a), csr(bt)
    a_tiles, b_tiles = segments(a_ptr, a_idx, k, micro), segments(bt_ptr, bt_idx, k, micro)
    inner_tiles(a_idx, a_tiles, bt_idx, b_tiles, micro, items)
    where = column_tiles(b_tiles[0], b_tiles[1], micro)
    partial_outputs(a_ptr, a_idx, *csr(bt.T), *where, len(bt), micro, depth, items)
    cycles, back = naive_tiles(a, bt, micro, depth)
    product = a.astype(int) @ bt.astype(int).T
    assert items[:, CYCLES].sum() == cycles
    assert items[:, PARTIALS].sum() == back
    assert items[:, MACS].sum() == product.sum()
    assert items[:, OUTPUTS].sum() == np.count_nonzero(product)
    assert items[:, COMPARES].sum() == cycles
    meets = sum(
        np.count_nonzero(a[:, at : at + micro].astype(int) @ bt[:, at : at + micro].T)
        for at in range(0, k, micro)
    )
    assert items[:, SUMS].sum() == 2 * meets - np.count_nonzero(product)
    assert items[:, SUMS].min() >= 0
