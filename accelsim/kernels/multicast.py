"""A row array fed by multicast: SDDMM and SpMM over real patterns, tile by tile.

Rows of the array hold stationary vectors (queries, tokens or output rows); a gathered vector (a
key, a value row, a weight row) is read once from its scratchpad bank and multicast to the rows
of the tile that kept it. A row has a FIFO of `fifo_depth` vectors, takes them in order and works
`pair_ticks` for each of its stationary vectors that kept it. The stream stops when a receiving
row's FIFO is full or a bank's queue is full, so imbalance between rows costs what the FIFO depth
cannot hide. Rows run ahead: at most `tile_buffers` tiles are in work at once.
(The feeding law of the design, section 6: a multicast over f rows divides the reads by f.)

Times are ticks; `TICKS` ticks are one cycle.

Not modelled: skew of the multicast wires, arbitration between buses (vectors are issued in
order, one every `vector_ticks`), reordering of rows.
"""

from __future__ import annotations

import numpy as np
from numba import njit

TICKS = 1024


@njit(cache=True)
def _collect_tile(indptr, indices, first_row, last_row, bitmap, cursor, union, offset, entry):
    """Transpose one tile: its distinct columns ascending, and the rows that kept each.

    Fills `union` int32[size], `offset` int64[size + 1], `entry` uint16[nnz of the tile] (row
    within the tile). Leaves `bitmap` and `cursor` zero. Returns size.
    """
    for position in range(indptr[first_row], indptr[last_row]):
        column = indices[position]
        if cursor[column] == 0:
            bitmap[column >> 6] |= np.uint64(1) << np.uint64(column & 63)
        cursor[column] += 1
    size = 0
    total = 0
    for word in range(bitmap.size):
        bits = bitmap[word]
        bitmap[word] = np.uint64(0)
        while bits != np.uint64(0):
            lowest = bits & (~bits + np.uint64(1))
            bits ^= lowest
            column = word * 64 + _bit_index(lowest)
            union[size] = column
            offset[size] = total
            count = cursor[column]
            cursor[column] = total
            total += count
            size += 1
    offset[size] = total
    for row in range(first_row, last_row):
        for position in range(indptr[row], indptr[row + 1]):
            column = indices[position]
            entry[cursor[column]] = row - first_row
            cursor[column] += 1
    for at in range(size):
        cursor[union[at]] = 0
    return size


@njit(cache=True)
def _bit_index(power):
    """Index of the single set bit of a uint64."""
    index = 0
    if power & np.uint64(0xFFFFFFFF00000000):
        index += 32
    if power & np.uint64(0xFFFF0000FFFF0000):
        index += 16
    if power & np.uint64(0xFF00FF00FF00FF00):
        index += 8
    if power & np.uint64(0xF0F0F0F0F0F0F0F0):
        index += 4
    if power & np.uint64(0xCCCCCCCCCCCCCCCC):
        index += 2
    if power & np.uint64(0xAAAAAAAAAAAAAAAA):
        index += 1
    return index


@njit(cache=True)
def multicast_tiles(
    indptr,
    indices,
    columns,
    tile_rows,
    copies,
    slots_per_row,
    array_rows,
    pair_ticks,
    vector_ticks,
    bank_groups,
    bank_ticks,
    bank_queue,
    fifo_depth,
    tile_buffers,
    out,
    row_work,
):
    """Stream every tile of a pattern through the array.

    Parameters
    ----------
    indptr : int64[rows + 1]
    indices : int32[nnz]
        Kept columns of each stationary vector.
    columns : int
    tile_rows : int
        Pattern rows of a tile, at most 65,536; tile_rows x copies <= array_rows x slots_per_row.
    copies : int
        Stationary vectors that share one pattern row (heads that share an index set).
    slots_per_row : int
        Stationary vectors held by one array row.
    array_rows : int
    pair_ticks : int
        Time of a row for one (stationary, gathered) pair.
    vector_ticks : int
        Least time between two gathered vectors (buses, scratchpad port).
    bank_groups, bank_ticks, bank_queue : int
        A vector lies in bank group column % bank_groups, which is held for bank_ticks; at most
        bank_queue vectors wait for a group.
    fifo_depth : int
    tile_buffers : int
    out : int64[tiles, 5]
        Filled with: occupancy (ticks from the previous tile's end to this one's), vectors
        multicast, deliveries (vectors x receiving rows), pairs, ticks lost to full bank queues.
    row_work : int64[array_rows]
        Ticks of work of every row over all tiles are added; its maximum bounds the whole pass.
    """
    rows = indptr.size - 1
    tiles = (rows + tile_rows - 1) // tile_rows
    largest = 0
    for tile in range(tiles):
        span = indptr[min(rows, (tile + 1) * tile_rows)] - indptr[tile * tile_rows]
        largest = max(largest, span)
    bitmap = np.zeros((columns + 63) // 64, np.uint64)
    cursor = np.zeros(columns, np.int64)
    union = np.empty(min(largest, columns), np.int32)
    offset = np.empty(min(largest, columns) + 1, np.int64)
    entry = np.empty(largest, np.uint16)
    row_free = np.zeros(array_rows, np.int64)
    fifo = np.zeros((array_rows, fifo_depth), np.int64)
    fifo_at = np.zeros(array_rows, np.int64)
    bank_free = np.zeros(bank_groups, np.int64)
    done = np.zeros(tiles + 1, np.int64)
    first_row = np.empty(tile_rows, np.int64)  # of the array, that a row of a tile lies on; no
    last_row = np.empty(tile_rows, np.int64)  # divisions below
    for entered in range(tile_rows):
        first_row[entered] = entered * copies // slots_per_row
        last_row[entered] = ((entered + 1) * copies - 1) // slots_per_row
    single = copies == 1 and slots_per_row == 1
    room = np.zeros(array_rows, np.int64)  # when the FIFO of a row has room for another vector
    issue = 0
    for tile in range(tiles):
        first = tile * tile_rows
        last = min(rows, first + tile_rows)
        size = _collect_tile(indptr, indices, first, last, bitmap, cursor, union, offset, entry)
        if tile >= tile_buffers:
            issue = max(issue, done[tile - tile_buffers + 1])  # the end of tile - tile_buffers
        lost = 0
        deliveries = 0
        for at in range(size):
            group = union[at] % bank_groups
            time = issue + vector_ticks
            wait = bank_free[group] - bank_queue * bank_ticks - time
            if wait > 0:
                lost += wait
                time += wait
            if single:  # as below, a row of the array for each
                for position in range(offset[at], offset[at + 1]):
                    time = max(time, room[entry[position]])
                issue = time
                arrive = max(time, bank_free[group])
                bank_free[group] = arrive + bank_ticks
                for position in range(offset[at], offset[at + 1]):
                    row = entry[position]
                    finish = max(row_free[row], arrive) + pair_ticks
                    row_free[row] = finish
                    slot = fifo_at[row]
                    fifo[row, slot] = finish
                    slot = slot + 1 if slot + 1 < fifo_depth else 0
                    fifo_at[row] = slot
                    room[row] = fifo[row, slot]
                deliveries += offset[at + 1] - offset[at]
                continue
            for position in range(offset[at], offset[at + 1]):
                entered = entry[position]
                for row in range(first_row[entered], last_row[entered] + 1):
                    time = max(time, fifo[row, fifo_at[row]])
            issue = time
            arrive = max(time, bank_free[group])
            bank_free[group] = arrive + bank_ticks
            receiver = -1
            for position in range(offset[at], offset[at + 1]):
                entered = entry[position]
                low = entered * copies
                high = low + copies
                for row in range(first_row[entered], last_row[entered] + 1):
                    pairs = min(high, (row + 1) * slots_per_row) - max(low, row * slots_per_row)
                    work = pairs * pair_ticks
                    row_work[row] += work
                    finish = max(row_free[row], arrive) + work
                    row_free[row] = finish
                    if row == receiver:  # a second query of the row that kept the same key
                        slot = fifo_at[row] - 1
                        fifo[row, slot if slot >= 0 else fifo_depth - 1] = finish
                    else:
                        fifo[row, fifo_at[row]] = finish
                        fifo_at[row] = fifo_at[row] + 1 if fifo_at[row] + 1 < fifo_depth else 0
                        deliveries += 1
                    receiver = row
        if single:
            for row in range(last - first):
                row_work[row] += (indptr[first + row + 1] - indptr[first + row]) * pair_ticks
        end = done[tile]
        for row in range(array_rows):
            end = max(end, row_free[row])
        done[tile + 1] = end
        out[tile, 0] = end - done[tile]
        out[tile, 1] = size
        out[tile, 2] = deliveries
        out[tile, 3] = (indptr[last] - indptr[first]) * copies
        out[tile, 4] = lost
