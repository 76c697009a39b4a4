"""Inner products in a hierarchy of tiles: ExTensor's intersections and its partial outputs.

Hegde et al., MICRO 2019; loop order and formats as the TeAAL artifact has them (MICRO 2023,
extensor.yaml): memory tiles of `rows` x `depth` x `columns`, the columns outermost, then K, then
rows; within them micro-tiles of `micro` on each side. Micro-tiles of A and B that share their K
tile meet; in each meeting every nonempty row of A's meets every nonempty column of B's by
skip-ahead intersection, a step a cycle. Sums of a K tile leave the chip when the rows' tile is
done and come back, micro-row by micro-row (a row in `micro` columns), when a later K tile touches
them, whether or not it adds to them.

Not modelled: the coordinators' own cycles, meetings of tiles that are found to be empty.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from accelsim.kernels.inner import _skip_ahead
from accelsim.kernels.items import (
    COMPARES,
    CYCLES,
    ISSUED,
    MACS,
    OUTPUTS,
    PARTIALS,
    READS_A,
    READS_B,
    SUMS,
)


@njit(cache=True, error_model="numpy")
def segments(ptr, idx, columns, micro):
    """Nonempty pieces of rows within a K micro-tile, by K tile.

    Returns
    -------
    tile_ptr : int64[K tiles + 1]
    row, first, last : int64[pieces]
        Rows rise within a K tile; the piece is idx[first:last].
    """
    tiles = (columns + micro - 1) // micro
    tile_ptr = np.zeros(tiles + 1, np.int64)
    for row in range(ptr.size - 1):
        before = -1
        for at in range(ptr[row], ptr[row + 1]):
            tile = idx[at] // micro
            if tile != before:
                tile_ptr[tile + 1] += 1
                before = tile
    for tile in range(tiles):
        tile_ptr[tile + 1] += tile_ptr[tile]
    fill = tile_ptr[:-1].copy()
    pieces = tile_ptr[tiles]
    rows = np.empty(pieces, np.int64)
    first, last = np.empty(pieces, np.int64), np.empty(pieces, np.int64)
    for row in range(ptr.size - 1):
        at = ptr[row]
        while at < ptr[row + 1]:
            tile = idx[at] // micro
            begin = at
            while at < ptr[row + 1] and idx[at] // micro == tile:
                at += 1
            place = fill[tile]
            fill[tile] += 1
            rows[place], first[place], last[place] = row, begin, at
    return tile_ptr, rows, first, last


@njit(cache=True, error_model="numpy")
def column_tiles(tile_ptr, rows, micro):
    """Nonempty micro-tiles by K tile, from `segments`: pointers, and which tile each is."""
    out_ptr = np.zeros(tile_ptr.size, np.int64)
    found = np.empty(rows.size, np.int64)
    count = 0
    for tile in range(tile_ptr.size - 1):
        before = -1
        for at in range(tile_ptr[tile], tile_ptr[tile + 1]):
            here = rows[at] // micro
            if here != before:
                found[count] = here
                before = here
                count += 1
        out_ptr[tile + 1] = count
    return out_ptr, found[:count].copy()


@njit(cache=True, error_model="numpy")
def inner_tiles(a_idx, a_seg, b_idx, b_seg, micro, items):
    """Fill the table of items, one a micro-tile of A, but for what `partial_outputs` adds.

    PEs share out the K tiles of a tile of rows, as ExTensor does.

    Parameters
    ----------
    a_idx, b_idx : int32[nnz]
        K coordinates of A's rows and of B's columns.
    a_seg, b_seg : tuples
        From `segments`.
    micro : int
    items : int64[tiles of rows x K tiles, ITEM_COLUMNS]
    """
    a_ptr, a_row, a_first, a_last = a_seg
    b_ptr, b_row, b_first, b_last = b_seg
    for tile in range(a_ptr.size - 1):
        if b_ptr[tile] == b_ptr[tile + 1]:
            continue
        for at in range(a_ptr[tile], a_ptr[tile + 1]):
            item = items[a_row[at] // micro * (a_ptr.size - 1) + tile]
            a = a_idx[a_first[at] : a_last[at]]
            cycles = matched = reads = sums = np.int64(0)
            for other in range(b_ptr[tile], b_ptr[tile + 1]):
                if a.size == 1 and b_last[other] == b_first[other] + 1:
                    steps = 1
                    matches = np.int64(a[0] == b_idx[b_first[other]])
                else:
                    steps, matches = _skip_ahead(a, b_idx[b_first[other] : b_last[other]])
                cycles += steps
                matched += matches
                sums += matches > 0
                reads += b_last[other] - b_first[other]
            item[CYCLES] += cycles
            item[MACS] += matched
            item[ISSUED] += matched
            item[READS_A] += a.size
            item[READS_B] += reads
            item[COMPARES] += cycles
            item[SUMS] += 2 * sums  # `partial_outputs` takes off what had none before


@njit(cache=True, error_model="numpy")
def partial_outputs(
    a_ptr, a_idx, b_ptr, b_idx, tile_ptr, tile_column, columns, micro, depth, items
):
    """Fill the outputs and the sums that come back, of each micro-tile of A.

    Parameters
    ----------
    a_ptr, a_idx, b_ptr, b_idx
        A and B by rows.
    tile_ptr, tile_column : int64[K tiles + 1], int64[n]
        Nonempty micro-tiles of B: tiles of columns, by K tile.
    columns, micro, depth : int
        Of B; micro-tile; K tile of the memory, a multiple of `micro`.
    items : int64[tiles of rows x K tiles, ITEM_COLUMNS]
        PARTIALS : sums read back; as many were written before.
    """
    across = (columns + micro - 1) // micro
    marker = np.full(columns, np.int64(-1))
    held = np.zeros(across, np.int64)  # outputs of the row in each tile of columns
    held_row = np.full(across, np.int64(-1))
    touched = np.full(across, np.int64(-1))
    stamp = np.int64(0)
    for row in range(a_ptr.size - 1):
        first = row // micro * (tile_ptr.size - 1)
        now = -1
        before = -1
        for at in range(a_ptr[row], a_ptr[row + 1]):
            k = a_idx[at]
            if k // depth != now:
                now = k // depth
                stamp += 1
            tile = k // micro
            if tile != before:
                before = tile
                for place in range(tile_ptr[tile], tile_ptr[tile + 1]):
                    column = tile_column[place]
                    if held_row[column] != row:
                        held_row[column] = row
                        held[column] = 0
                    if touched[column] != stamp:
                        touched[column] = stamp
                        items[first + tile, PARTIALS] += held[column]
            for position in range(b_ptr[k], b_ptr[k + 1]):
                column = b_idx[position]
                if marker[column] != row:
                    marker[column] = row
                    held[column // micro] += 1
                    items[first + tile, OUTPUTS] += 1
                    items[first + tile, SUMS] -= 1  # the first sum of an output reads none
