"""Unions of kept columns over tiles of rows: which keys (or key blocks) a tile of queries needs.

Pattern arrays: `indptr` int64[rows + 1], `indices` int32[nnz], strictly increasing in a row.
A tile is `tile_rows` consecutive rows; the last may be shorter. With `block` > 1 columns count
as blocks of that many. Work is linear in nonzeros plus tiles x columns / 64.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def union_sizes(indptr, indices, columns, tile_rows, block):
    """Distinct column blocks of every tile.

    Returns
    -------
    int64[tiles]
    """
    rows = indptr.size - 1
    tiles = (rows + tile_rows - 1) // tile_rows
    seen_in = np.full((columns + block - 1) // block, -1, np.int64)
    size = np.zeros(tiles, np.int64)
    for tile in range(tiles):
        first = indptr[tile * tile_rows]
        last = indptr[min(rows, (tile + 1) * tile_rows)]
        count = 0
        if block == 1:
            for position in range(first, last):
                column = indices[position]
                if seen_in[column] != tile:
                    seen_in[column] = tile
                    count += 1
        else:
            for position in range(first, last):
                column = indices[position] // block
                if seen_in[column] != tile:
                    seen_in[column] = tile
                    count += 1
        size[tile] = count
    return size


@njit(cache=True)
def union_columns(indptr, indices, columns, tile_rows, block, tile_ptr):
    """The distinct column blocks of every tile, ascending.

    Parameters
    ----------
    tile_ptr : int64[tiles + 1]
        Running sum of `union_sizes`.

    Returns
    -------
    int32[tile_ptr[-1]]
    """
    rows = indptr.size - 1
    words = ((columns + block - 1) // block + 63) // 64
    bitmap = np.zeros(words, np.uint64)
    out = np.empty(tile_ptr[-1], np.int32)
    for tile in range(tile_ptr.size - 1):
        first = indptr[tile * tile_rows]
        last = indptr[min(rows, (tile + 1) * tile_rows)]
        for position in range(first, last):
            column = indices[position] // block
            bitmap[column >> 6] |= np.uint64(1) << np.uint64(column & 63)
        at = tile_ptr[tile]
        for word in range(words):
            bits = bitmap[word]
            if bits != 0:
                for bit in range(64):
                    if (bits >> np.uint64(bit)) & np.uint64(1):
                        out[at] = word * 64 + bit
                        at += 1
                bitmap[word] = np.uint64(0)
    return out
