"""Every encoding gives back exactly the positions it was made from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from accelsim.errors import InputError
from accelsim.workload.patterns import (
    BitPattern,
    BlockPattern,
    CsrPattern,
    NmPattern,
    Pattern,
    RulePattern,
    csr_pattern,
    pattern_from_mask,
    smallest_exact,
)

MASKS = st.tuples(st.integers(1, 20), st.integers(1, 40)).flatmap(lambda s: arrays(bool, s))


def assert_is(pattern: Pattern, mask: np.ndarray) -> None:
    """The pattern keeps exactly the mask, whole and in parts."""
    rows = len(mask)
    assert (pattern.rows, pattern.cols) == mask.shape
    assert pattern.nnz == mask.sum()
    assert pattern.density == pytest.approx(mask.mean())
    for start, stop in {(0, rows), (rows // 3, rows // 2), (rows - 1, rows), (rows, rows)}:
        indptr, indices = pattern.csr(start, stop)
        assert indptr.dtype == np.int64 and indices.dtype == np.int32
        assert indptr.flags.c_contiguous and indices.flags.c_contiguous
        assert indptr.flags.writeable and indices.flags.writeable
        assert np.array_equal(indptr, np.r_[0, np.cumsum(mask[start:stop].sum(axis=1))])
        assert np.array_equal(indices, np.nonzero(mask[start:stop])[1])
        assert np.array_equal(pattern.row_counts(start, stop), mask[start:stop].sum(axis=1))
        assert np.array_equal(pattern.mask(start, stop), mask[start:stop])
    parts = [indices for _, _, indices in pattern.blocks(max_nnz=7)]
    assert np.array_equal(np.concatenate(parts), np.nonzero(mask)[1])


@given(MASKS)
def test_csr_and_bits(mask: np.ndarray) -> None:
    csr = CsrPattern(np.r_[0, np.cumsum(mask.sum(axis=1))], np.nonzero(mask)[1], mask.shape[1])
    assert_is(csr, mask)
    assert_is(BitPattern.from_mask(mask), mask)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 7), st.integers(1, 7), st.data())
def test_blocks(rows: int, cols: int, height: int, width: int, data: st.DataObject) -> None:
    shape = (-(-rows // height), -(-cols // width))
    chosen = data.draw(arrays(bool, shape))
    q_len = data.draw(st.sampled_from([0, *[q for q in range(1, rows + 1) if rows % q == 0]]))
    mask = np.kron(chosen, np.ones((height, width), bool))[:rows, :cols].astype(bool)
    if q_len:
        mask &= np.arange(cols) <= (cols - q_len + np.arange(rows) % q_len)[:, None]
    indptr = np.r_[0, np.cumsum(chosen.sum(axis=1))]
    pattern = BlockPattern(indptr, np.nonzero(chosen)[1], rows, cols, height, width, q_len)
    assert_is(pattern, mask)


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 2, 3, 4, 5, 8, 17]), st.data())
def test_nm(rows: int, groups: int, m: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, m))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    offsets = np.sort(np.argsort(rng.random((rows, groups, m)), axis=2)[:, :, :n], axis=2)
    mask = np.zeros((rows, groups, m), bool)
    np.put_along_axis(mask, offsets, True, axis=2)
    pattern = NmPattern.from_offsets(n, m, offsets.reshape(rows, -1), groups * m)
    assert_is(pattern, mask.reshape(rows, -1))


@given(MASKS)
def test_smallest_exact_is_exact(mask: np.ndarray) -> None:
    assert_is(pattern_from_mask(mask), mask)
    assert_is(pattern_from_mask(mask, q_len=len(mask)), mask)


def test_smallest_exact_chooses_the_smallest() -> None:
    rng = np.random.default_rng(0)
    side = 256
    causal = np.tri(side, dtype=bool)
    band = causal & ~np.tri(side, k=-33, dtype=bool)
    sinks = band.copy()
    sinks[:, :4] |= causal[:, :4]
    blocks = np.kron(rng.random((4, 4)) < 0.5, np.ones((64, 64))).astype(bool)
    blocks[0, 0], blocks[-1, -1] = blocks[1, 1], blocks[-2, -2]
    two_of_four = np.tile(np.array([True, False, True, False]), (side, side // 4))
    cases = {
        "dense": np.ones((side, side), bool), "causal": causal, "band": band,
        "sinks_window": sinks, "block": blocks, "nm": two_of_four,
        "csr": rng.random((side, side)) < 0.01, "bits": rng.random((side, side)) < 0.3,
    }  # fmt: skip
    for name, mask in cases.items():
        pattern = pattern_from_mask(mask, q_len=side)
        assert name == (pattern.rule if isinstance(pattern, RulePattern) else pattern.encoding)
        assert_is(pattern, mask)
    clipped = pattern_from_mask(np.tile(blocks & causal, (2, 1)), q_len=side)
    assert clipped.encoding == "block" and clipped.clip_q_len == side
    assert_is(clipped, np.tile(blocks & causal, (2, 1)))


def test_a_wide_pattern_keeps_its_indices() -> None:
    pattern = csr_pattern(np.array([0, 2]), np.array([3, 1 << 17]), (1 << 17) + 1)
    assert pattern.indices.dtype == np.uint32
    assert pattern.csr()[1].tolist() == [3, 1 << 17]


@pytest.mark.parametrize(
    ("indptr", "indices", "place"),
    [
        ([0, 2], [3, 3], r"indices\[1\] = 3 \(row 0\) does not rise"),
        ([0, 1, 3], [5, 4, 2], r"indices\[2\] = 2 \(row 1\) does not rise"),
        ([0, 1], [9], r"indices\[0\] = 9 \(row 0\) is outside \[0, 8\)"),
        ([0, 2, 1], [1, 2], r"indptr\[2\] = 1 is below indptr\[1\] = 2"),
        ([0, 1], [1, 2], r"indptr\[1\] = 1, but there are 2 indices"),
        ([1, 2], [1, 2], r"indptr\[0\] must be 0"),
    ],
)
def test_bad_csr_is_refused(indptr: list[int], indices: list[int], place: str) -> None:
    with pytest.raises(InputError, match=place):
        smallest_exact(np.array(indptr), np.array(indices), 8)


def test_a_damaged_array_does_not_reach_a_kernel() -> None:
    damaged = CsrPattern(np.array([0, 1]), np.array([9]), 8)
    with pytest.raises(InputError, match=r"rows \[0, 1\) are damaged"):
        damaged.csr()
    with pytest.raises(ValueError, match="outside"):
        BitPattern.from_mask(np.ones((2, 2), bool)).csr(1, 3)
