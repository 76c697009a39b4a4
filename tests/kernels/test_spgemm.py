"""Structure of a product against SciPy, in every regime."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.spgemm import BIT_LIMIT_BYTES, pack_bits, popcount, spgemm_symbolic


def csr(mask):
    """Pointers and indices of a boolean matrix."""
    ptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64)
    return ptr, np.nonzero(mask)[1].astype(np.int32)


def structure(a, b):
    """(multiplications, nonzeros) of every row of a product, by SciPy."""
    left, right = sp.csr_array(a.astype(np.int64)), sp.csr_array(b.astype(np.int64))
    product = (left @ right).toarray()
    return product.sum(axis=1), (product > 0).sum(axis=1)


@st.composite
def operands(draw):
    m, k, n = (draw(st.integers(1, 12)) for _ in range(3))
    seed = draw(st.integers(0, 2**16))
    rng = np.random.default_rng(seed)
    da, db = (draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])) for _ in range(2))
    return rng.random((m, k)) < da, rng.random((k, n)) < db


@settings(max_examples=40, deadline=None)
@given(operands(), st.sampled_from([0, BIT_LIMIT_BYTES]))
def test_rows_equal_scipys(pair, limit):
    a, b = pair
    macs, outputs = np.zeros(len(a), np.int64), np.zeros(len(a), np.int64)
    spgemm_symbolic(*csr(a), *csr(b), b.shape[1], limit, macs, outputs)
    want_macs, want_outputs = structure(a, b)
    assert macs.tolist() == want_macs.tolist()
    assert outputs.tolist() == want_outputs.tolist()


@pytest.mark.parametrize("limit", [0, BIT_LIMIT_BYTES])
def test_bit_rows_and_markers_agree_on_dense_rows(limit):
    rng = np.random.default_rng(5)
    a, b = rng.random((9, 40)) < 0.7, rng.random((40, 150)) < 0.6
    macs, outputs = np.zeros(9, np.int64), np.zeros(9, np.int64)
    spgemm_symbolic(*csr(a), *csr(b), 150, limit, macs, outputs)
    assert outputs.tolist() == structure(a, b)[1].tolist()


def test_bits_of_a_row_and_their_count():
    mask = np.zeros((2, 130), bool)
    mask[0, [0, 63, 64, 129]] = True
    words = pack_bits(*csr(mask), 130)
    assert words.shape == (2, 3)
    assert [int(word) for word in words[0]] == [1 | 1 << 63, 1, 2]
    assert sum(int(popcount(word)) for word in words[0]) == 4
    assert int(popcount(np.uint64(2**64 - 1))) == 64
