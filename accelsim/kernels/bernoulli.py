"""Numba kernels that keep entries at random: each one for itself, or as the rows before did.

All choices are counter based, in wrapping uint64 arithmetic (see `kernels.patterns`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from accelsim.kernels.patterns import splitmix

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_B = np.uint64(0x94D049BB133111EB)
_LOW = np.uint64(0xFFFFFFFF)


@njit(cache=True)
def count_independent(keys, rows, columns, counts):
    """Entries kept of each row: (r, c) with a chance of rows[r] x columns[c] / 2**64.

    Two entries share a 64-bit random number, of which each takes one half.

    Parameters
    ----------
    keys : uint64[n]
        Random key of each row.
    rows : uint64[n], columns : uint64[cols]
        Factors of the chance, below 2**32.
    counts : int64[n]
        Output.
    """
    for r in range(keys.size):
        key, factor, count = keys[r], rows[r], 0
        for c in range(0, columns.size - 1, 2):
            random = splitmix(key + np.uint64(c + 1) * _GOLDEN)
            count += (random & _LOW) < ((factor * columns[c]) >> np.uint64(32))
            count += (random >> np.uint64(32)) < ((factor * columns[c + 1]) >> np.uint64(32))
        if columns.size & 1:
            c = columns.size - 1
            random = splitmix(key + np.uint64(c + 1) * _GOLDEN)
            count += (random & _LOW) < ((factor * columns[c]) >> np.uint64(32))
        counts[r] = count


@njit(cache=True)
def independent(keys, rows, columns, indices):
    """Write the entries that `count_independent` counts, ascending, row after row.

    `indices` : int32[sum of the counts + 1]; the last is scratch, so that a candidate is written
    before it is known whether it is kept.
    """
    place = 0
    for r in range(keys.size):
        key, factor = keys[r], rows[r]
        for c in range(0, columns.size - 1, 2):
            random = splitmix(key + np.uint64(c + 1) * _GOLDEN)
            indices[place] = c
            place += (random & _LOW) < ((factor * columns[c]) >> np.uint64(32))
            indices[place] = c + 1
            place += (random >> np.uint64(32)) < ((factor * columns[c + 1]) >> np.uint64(32))
        if columns.size & 1:
            c = columns.size - 1
            random = splitmix(key + np.uint64(c + 1) * _GOLDEN)
            indices[place] = c
            place += (random & _LOW) < ((factor * columns[c]) >> np.uint64(32))


@njit(cache=True)
def lasting(first, row_keys, columns, life, counts, indices):
    """Entries kept by consecutive rows whose columns stay on or off for a while.

    A column decides anew every 2**`life_log2` rows, each column at its own time; a row follows
    that decision with a chance of `follow` / 2**32, or decides for itself. Both keep column c
    with a chance of columns[c] / 2**32.

    Parameters
    ----------
    first : int
        Number of the first row.
    row_keys : uint64[n]
        Random key of each row.
    columns : (uint64[cols], uint64[cols])
        Chance and random key of each column.
    life : (int, uint64)
        life_log2, follow.
    counts : int64[n]
        Output: entries of each row.
    indices : int32[sum of the counts + 1]
        Output, as of `independent`; empty if only the counts are wanted.
    """
    chance, column_keys = columns
    life_log2, follow = life
    wanted = indices.size > 0
    kept = np.zeros(chance.size, np.uint8)
    until = np.full(chance.size, first, np.int64)
    place = 0
    for r in range(row_keys.size):
        row, key, count = first + r, row_keys[r], 0
        for c in range(chance.size):
            if until[c] <= row:
                phase = np.int64(column_keys[c] >> np.uint64(40)) & ((1 << life_log2) - 1)
                epoch = (row + phase) >> life_log2
                until[c] = ((epoch + 1) << life_log2) - phase
                random = splitmix(column_keys[c] + np.uint64(epoch) * _MIX_B)
                kept[c] = (random & _LOW) < chance[c]
            random = splitmix(key + np.uint64(c + 1) * _GOLDEN)
            own = (random & _LOW) < chance[c]
            keep = kept[c] != 0 if (random >> np.uint64(32)) < follow else own
            count += keep
            if wanted:
                indices[place] = c
                place += keep
        counts[r] = count
