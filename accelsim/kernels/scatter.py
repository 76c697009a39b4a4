"""The scatter unit: adding rows into banked accumulators, from real indices.

A row of the table is added to accumulator row `indices[i]`, which lies in bank `indices[i]` %
banks. One row is issued a cycle, in order; an access holds its bank for `service` cycles. Each bank
has a queue of `queue_depth` rows, and a full queue stops the issue. A row whose predecessor in the
same bank waits for the same accumulator is combined with it when `combine` is 1 (one access for
both). Accumulators hold `held_rows` // banks rows of each bank; another row is fetched from the
table in memory, and for it the one that was used longest ago is written back (read-modify-write).

Not modelled: the crossbar in front of the banks (taken as free of blocking), and waiting for rows
that are fetched: the caller moves them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# tiles[tile, .]
CYCLES, STALLED, COMBINED, FETCHED, WRITTEN, SCATTER_COLUMNS = range(6)


@njit(cache=True)
def scatter_tiles(
    indices, tile_ptr, service, banks, queue_depth, combine, table_rows, held_rows, fetched,
    written, waits, values, table,
):  # fmt: skip
    """Add the rows of every tile; a tile begins with empty queues and the accumulators as they are.

    Parameters
    ----------
    indices : int64[n]
    tile_ptr : int64[tiles + 1]
        Offsets into `indices`.
    service : int
        Cycles of an access: elements of a row over lanes of a bank, rounded up.
    banks, queue_depth, combine, table_rows : int
    held_rows : int
        Rows in the accumulators, 0 for all of the table (then nothing is fetched or written).
    fetched : int64[n]
        Out: rows fetched, tile after tile.
    written : int64[n + held_rows]
        Out: rows written back, tile after tile, and at the end those that are still held.
    waits : int64[queue_depth + 1]
        Added to: rows by how many waited in their bank when they came.
    values : float64[n, elements] or int64[n, elements]
        What is added; with no rows only the times are found.
    table : same type[table_rows, elements]
        Added to, if there are values.

    Returns
    -------
    tiles : int64[tiles, SCATTER_COLUMNS]
        Cycles, of them waiting for a full queue, rows combined, fetched and written back.
    written : int64
        Entries of `written`.
    """
    tiles = np.zeros((tile_ptr.size - 1, SCATTER_COLUMNS), np.int64)
    ways = table_rows if held_rows == 0 else max(1, held_rows // banks)
    slots = 0 if held_rows == 0 else banks * ways
    slot_of = np.full(table_rows if slots else 0, -1, np.int32)
    # Slots of a bank in a ring from the newest to the oldest; its entry of `newest` is the newest.
    row_in = np.full(slots, -1, np.int64)
    newer = np.empty(slots, np.int32)
    older = np.empty(slots, np.int32)
    newest = np.empty(banks, np.int32)
    for slot in range(slots):
        first = slot // ways * ways
        newer[slot] = first + (slot - first + ways - 1) % ways
        older[slot] = first + (slot - first + 1) % ways
        newest[slot // ways] = first
    held = np.zeros((slots if values.shape[0] else 0, table.shape[1]), table.dtype)
    mask = banks - 1 if banks & (banks - 1) == 0 else -1
    # Rows that wait, by the cycles that their bank is busy for: a division less for every row.
    waiting = (np.arange(queue_depth * service + 1) + service - 1) // service
    free = np.zeros(banks, np.int64)
    last = np.empty(banks, np.int64)
    fetches = 0
    writes = 0
    for tile in range(tiles.shape[0]):
        free[:] = 0
        last[:] = -1
        time = 0
        end = 0
        for position in range(tile_ptr[tile], tile_ptr[tile + 1]):
            row = indices[position]
            bank = row & mask if mask >= 0 else row % banks
            if slots:
                slot = slot_of[row]
                if slot < 0:  # the oldest makes room
                    slot = newer[newest[bank]]
                    if row_in[slot] >= 0:
                        written[writes] = row_in[slot]
                        writes += 1
                        tiles[tile, WRITTEN] += 1
                        slot_of[row_in[slot]] = -1
                        if values.shape[0]:
                            table[row_in[slot]] = held[slot]
                    fetched[fetches] = row
                    fetches += 1
                    tiles[tile, FETCHED] += 1
                    slot_of[row] = slot
                    row_in[slot] = row
                    if values.shape[0]:
                        held[slot] = table[row]
                if slot != newest[bank]:
                    if slot != newer[newest[bank]]:  # else the ring only turns
                        older[newer[slot]] = older[slot]
                        newer[older[slot]] = newer[slot]
                        oldest = newer[newest[bank]]
                        older[oldest] = slot
                        newer[slot] = oldest
                        older[slot] = newest[bank]
                        newer[newest[bank]] = slot
                    newest[bank] = slot
                if values.shape[0]:
                    held[slot] += values[position]
            elif values.shape[0]:
                table[row] += values[position]
            backlog = free[bank] - time
            if combine == 1 and last[bank] == row and backlog > service:
                tiles[tile, COMBINED] += 1
                time += 1
                continue
            wait = backlog - queue_depth * service
            if wait > 0:
                tiles[tile, STALLED] += wait
                time += wait
                backlog -= wait
            waits[waiting[max(0, backlog)]] += 1
            free[bank] = max(time, free[bank]) + service
            last[bank] = row
            end = max(end, free[bank])
            time += 1
        tiles[tile, CYCLES] = max(end, time)
    for slot in range(slots):
        if row_in[slot] >= 0:
            written[writes] = row_in[slot]
            writes += 1
            if values.shape[0]:
                table[row_in[slot]] = held[slot]
    return tiles, writes
