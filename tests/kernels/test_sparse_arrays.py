"""N:M groups, folds, broadcasts, split rows, run lengths and quick select: by hand and naive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.broadcast import broadcast_rows, stored_values
from accelsim.kernels.flexible import FOLD_COLUMNS, count_folds, flexible_folds, slice_counts
from accelsim.kernels.quickselect import ROUND_CYCLES, quickselect
from accelsim.kernels.row_split import row_split
from accelsim.kernels.run_length import padding_zeros
from accelsim.kernels.structured import fullest_group

# splitmix64 wraps on purpose, which only shows without the compiler.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")


def csr(mask):
    ptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64)
    return ptr, np.nonzero(mask)[1].astype(np.int32)


@st.composite
def masks(draw, most=40):
    rows, columns = draw(st.integers(1, 8)), draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return rng.random((rows, columns)) < draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))


@settings(max_examples=40, deadline=None)
@given(masks(), st.sampled_from([1, 2, 4]), st.sampled_from([2, 4, 8]))
def test_the_fullest_group_equals_numpy(mask, units, m):
    padded = np.zeros((len(mask), -(-mask.shape[1] // (units * m)) * units * m), bool)
    padded[:, : mask.shape[1]] = mask
    held = padded.reshape(len(mask), -1, units).any(axis=2)
    groups = held.reshape(len(mask), -1, m).sum(axis=2)
    most, total = fullest_group(*csr(mask), mask.shape[1], units, m)
    assert (most, total) == (groups.max(), held.sum())


def test_folds_by_hand():
    # Slices of 4 columns with 7 and 2 nonzeros on 5 multipliers: folds of 5, 2 and 2.
    mask = np.zeros((2, 8), bool)
    mask[0, :4] = mask[1, :3] = True
    mask[0, 5:7] = True
    counts = slice_counts(csr(mask)[1], 8, 4)
    assert counts.tolist() == [7, 2]
    folds = np.zeros((count_folds(counts, 5), FOLD_COLUMNS), np.int64)
    flexible_folds(counts, 5, 9, 2, 3, folds)
    assert folds.tolist() == [[5, 3, 9, 3], [2, 1, 9, 3], [2, 1, 9, 3]]


def test_padding_zeros_of_a_code_of_two_bits():
    # Gaps of 3 fit; of 4 take one stored zero, of 8 two.
    ptr, idx = np.array([0, 3]), np.array([3, 8, 17], np.int32)
    assert padding_zeros(ptr, idx, 3) == 0 + 1 + 2


@settings(max_examples=40, deadline=None)
@given(masks(), st.sampled_from([1, 3, 15]))
def test_padding_zeros_equal_an_encoder(mask, most):
    padding = 0
    for row in mask:
        run = 0
        for kept in row[: (np.flatnonzero(row)[-1] + 1) if row.any() else 0]:
            if kept:
                run = 0
            elif run == most:  # the code is full: this zero is stored
                padding += 1
                run = 0
            else:
                run += 1
    assert padding_zeros(*csr(mask), most) == padding


@settings(max_examples=40, deadline=None)
@given(masks(30), masks(12), st.integers(1, 4), st.integers(1, 3), st.sampled_from([-1, 1, 3]))
def test_a_broadcast_equals_a_walk(wide, rows, pes, depth, most):
    k = rows.shape[1]
    bt = np.zeros((wide.shape[1], k), bool)
    bt[:, : min(k, len(wide))] = wide.T[:, :k]
    stored = np.zeros((k, pes), np.int64)
    stored_values(*csr(bt), k, pes, most, stored)
    for at in range(k):
        for pe in range(pes):
            part = bt[pe::pes, at]
            values = int(part.sum())
            if most >= 0 and values:
                values += int(padding_zeros(*csr(part[None]), most))
            assert stored[at, pe] == values
    cycles, busy = np.zeros(len(rows), np.int64), np.zeros(pes, np.int64)
    broadcast_rows(*csr(rows), stored, depth, cycles, busy)
    for row, took in zip(rows, cycles, strict=True):
        time, ends = 0, [[0] for _ in range(pes)]
        for number, at in enumerate(np.flatnonzero(row)):
            time += 1
            for own in ends:
                if number >= depth:  # the place of the broadcast `depth` ago must be free
                    time = max(time, own[number - depth + 1])
            for pe, own in enumerate(ends):
                own.append(max(own[-1], time) + stored[at, pe])
        assert took == max([time, *(own[-1] for own in ends)])
    assert busy.sum() == sum(int(stored[np.flatnonzero(row)].sum()) for row in rows)


def first_fit(counts, pes):
    whole, rooms = 0, []
    for count in counts:
        whole += count // pes
        rest = count % pes
        if not rest:
            continue
        for at, room in enumerate(rooms):
            if room >= rest:
                rooms[at] -= rest
                break
        else:
            rooms.append(pes - rest)
    return whole + len(rooms)


@settings(max_examples=40, deadline=None)
@given(masks(), st.sampled_from([4, 8, 16]), st.integers(1, 6))
def test_split_rows_equal_python(mask, segment, pes):
    split, packed = np.zeros(len(mask), np.int64), np.zeros(len(mask), np.int64)
    row_split(*csr(mask), segment, pes, False, split)
    row_split(*csr(mask), segment, pes, True, packed)
    for row, found, fewer in zip(mask, split, packed, strict=True):
        counts = [int(row[at : at + segment].sum()) for at in range(0, len(row), segment)]
        assert found == sum(-(-count // pes) for count in counts)
        assert fewer == first_fit(counts, pes)
    assert (packed <= split).all()
    assert (packed * pes >= mask.sum(axis=1)).all()


def select(scores, rank, parallelism):
    cycles = np.zeros(1, np.int64)
    scores = np.array(scores, np.float32)
    ends = np.array([0, len(scores)])
    quickselect(scores, ends, np.array([rank], np.int64), parallelism, 1, cycles)
    return int(cycles[0])


@pytest.mark.parametrize("parallelism", [1, 4, 16])
def test_equal_scores_take_one_round(parallelism):
    assert select([3.0] * 40, 7, parallelism) == -(-40 // parallelism) + ROUND_CYCLES


def test_an_empty_row_takes_nothing_and_a_rank_beyond_it_ends():
    assert select([], 0, 4) == 0
    assert select([1.0, 2.0], 5, 4) >= 1 + ROUND_CYCLES


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.data())
def test_rounds_stay_between_one_and_all(size, data):
    rank = data.draw(st.integers(0, size - 1))
    rng = np.random.default_rng(size)
    cycles = select(rng.permutation(size).astype(np.float32), rank, 1)
    assert size + ROUND_CYCLES <= cycles <= size * (size + 1) // 2 + size * ROUND_CYCLES
