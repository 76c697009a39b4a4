"""Unions of kept columns over tiles, against sets."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.unions import union_columns, union_sizes


def sets(mask: np.ndarray, tile_rows: int, block: int) -> list[list[int]]:
    """Column blocks of every tile, by sets."""
    tiles = []
    for first in range(0, mask.shape[0], tile_rows):
        kept = np.nonzero(mask[first : first + tile_rows])[1]
        tiles.append(sorted({int(column) // block for column in kept}))
    return tiles


def csr(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    indptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64)
    return indptr, np.nonzero(mask)[1].astype(np.int32)


@given(
    st.integers(1, 9), st.sampled_from([1, 7, 63, 64, 65, 129, 200]), st.integers(1, 5),
    st.sampled_from([1, 2, 3, 16, 64, 256]), st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=60)
def test_unions_are_those_of_sets(rows, columns, tile_rows, block, density, seed):
    mask = np.random.default_rng(seed).random((rows, columns)) < density
    expected = sets(mask, tile_rows, block)
    indptr, indices = csr(mask)
    sizes = union_sizes(indptr, indices, columns, tile_rows, block)
    assert sizes.tolist() == [len(tile) for tile in expected]
    pointers = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    found = union_columns(indptr, indices, columns, tile_rows, block, pointers)
    assert found.tolist() == [column for tile in expected for column in tile]


def test_no_rows_have_no_tiles():
    indptr, indices = np.zeros(1, np.int64), np.zeros(0, np.int32)
    assert union_sizes(indptr, indices, 8, 4, 1).size == 0
