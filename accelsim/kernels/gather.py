"""The gather unit: row indices to line requests, line by line through a duplicate window.

Rows are cut into the lines that they touch. A line that is among the last `window` ones requested
in the tile is not requested again (its data are there, or on their way); the one requested last
always counts. Requests that follow each other in memory are joined into runs.

Not modelled: the cycle in which a duplicate is dropped (requests are issued at the rate of the
load unit), and a window that forgets lines in another order than they were requested.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# tiles[tile, .]
LINES, DUPLICATES, USEFUL_BYTES, RUNS, GATHER_COLUMNS = range(5)

_EMPTY = -1


@njit(cache=True)
def _is_live(keys, numbers, fill, key, number, oldest):
    """Look a key up, and note a new number for it if it is older than `oldest`."""
    mask = keys.size - 1
    at = (key * 0x9E3779B1 >> 7) & mask
    while keys[at] != _EMPTY:
        if keys[at] == key:
            if numbers[at] >= oldest:
                return True
            numbers[at] = number
            return False
        at = (at + 1) & mask
    keys[at] = key
    numbers[at] = number
    fill[0] += 1
    return False


@njit(cache=True)
def _forget(keys, numbers, fill, oldest):
    """Keep only what is not older than `oldest`, once half of the table is in use."""
    if 2 * fill[0] < keys.size:
        return
    alive = np.flatnonzero((keys != _EMPTY) & (numbers >= oldest))
    kept, when = keys[alive], numbers[alive]
    keys[:] = _EMPTY
    fill[0] = 0
    for at in range(kept.size):
        _is_live(keys, numbers, fill, kept[at], when[at], oldest)


@njit(cache=True)
def coalesce_rows(
    rows, tile_ptr, base, row_bytes, stride, line_bytes, window, run_address, run_bytes
):
    """Turn the row indices of every tile into runs of whole lines.

    Parameters
    ----------
    rows : int64[n]
    tile_ptr : int64[tiles + 1]
        Offsets into `rows`.
    base, row_bytes, stride, line_bytes : int
        Row r lies at base + r x stride.
    window : int
        Lines that are remembered in a tile.
    run_address, run_bytes : int64[lines of all rows]
        Out: the runs, tile after tile.

    Returns
    -------
    int64[tiles, GATHER_COLUMNS]
        Lines requested, duplicates dropped, bytes of distinct rows among the lines requested
        (rows whose lines were dropped in part count once), runs.
    """
    tiles = np.zeros((tile_ptr.size - 1, GATHER_COLUMNS), np.int64)
    window = max(1, window)
    most = 0
    for tile in range(tiles.shape[0]):
        most = max(most, tile_ptr[tile + 1] - tile_ptr[tile])
    most = min(window, most * ((row_bytes + line_bytes - 1) // line_bytes + 1)) + 1
    size = 16
    while size < 4 * most:
        size *= 2
    keys = np.full(size, _EMPTY, np.int64)
    numbers = np.zeros(size, np.int64)
    fill = np.zeros(1, np.int64)
    whole = row_bytes % line_bytes == 0 and base % line_bytes == 0 and stride % line_bytes == 0
    # Rows that share lines are counted by themselves.
    row_keys = np.full(1 if whole else size, _EMPTY, np.int64)
    row_numbers = np.zeros(row_keys.size, np.int64)
    row_fill = np.zeros(1, np.int64)
    issued = 1
    seen = 1
    runs = 0
    for tile in range(tiles.shape[0]):
        first_run = runs
        began = issued
        row_began = seen
        end = -1  # of the run so far
        for position in range(tile_ptr[tile], tile_ptr[tile + 1]):
            address = base + rows[position] * stride
            if not whole:
                _forget(row_keys, row_numbers, row_fill, max(row_began, seen - most))
                oldest = max(row_began, seen - most)
                if not _is_live(row_keys, row_numbers, row_fill, rows[position], seen, oldest):
                    seen += 1
                    tiles[tile, USEFUL_BYTES] += row_bytes
            line = address // line_bytes
            while line * line_bytes < address + row_bytes:
                oldest = max(began, issued - window)
                _forget(keys, numbers, fill, oldest)
                if _is_live(keys, numbers, fill, line, issued, oldest):
                    tiles[tile, DUPLICATES] += 1
                else:
                    issued += 1
                    tiles[tile, LINES] += 1
                    if line * line_bytes == end:
                        run_bytes[runs - 1] += line_bytes
                    else:
                        run_address[runs] = line * line_bytes
                        run_bytes[runs] = line_bytes
                        runs += 1
                    end = (line + 1) * line_bytes
                line += 1
        tiles[tile, RUNS] = runs - first_run
        if whole:
            tiles[tile, USEFUL_BYTES] = tiles[tile, LINES] * line_bytes
        else:
            tiles[tile, USEFUL_BYTES] = min(
                tiles[tile, USEFUL_BYTES], tiles[tile, LINES] * line_bytes
            )
    return tiles
