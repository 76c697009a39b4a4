"""Numba kernels that draw sorted samples without replacement: rows of k of n columns.

All choices are counter based, in wrapping uint64 arithmetic (see `kernels.patterns`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from accelsim.kernels.patterns import splitmix

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)


@njit(inline="always")
def drain(bitmap, word, end, debruijn, indices, place):
    """Write the numbers of the bits set in words [word, end) ascending, and clear them.

    `debruijn` : int64[64], bit number by de Bruijn product. Returns the place after the last.
    """
    while word < end:
        left = bitmap[word]
        bitmap[word] = np.uint64(0)
        while left != 0:
            rest = left & (left - np.uint64(1))
            bit_number = debruijn[np.int64(((left ^ rest) * _DE_BRUIJN) >> np.uint64(58))]
            indices[place] = (word << 6) + bit_number
            place += 1
            left = rest
        word += 1
    return place


@njit(cache=True)
def uniform_rows(keys, universe, indptr, debruijn, bitmap, indices):
    """Sorted samples, every subset of a row's size as likely as any other.

    Floyd's algorithm: one draw an entry, whatever the share that is taken (Bentley and Floyd,
    CACM 30(9), 1987).

    Parameters
    ----------
    keys : uint64[n]
        Random key of each row.
    universe : int64[n]
        A row draws from [0, universe), at most 2**31.
    indptr : int64[n + 1]
        Row pointers, filled in: at most `universe` entries a row.
    debruijn : int64[64]
        Bit number by de Bruijn product.
    bitmap : uint64[ceil(max(universe) / 64)]
        Scratch, zero.
    indices : int32[indptr[-1]]
        Output.
    """
    one = np.uint64(1)
    for r in range(keys.size):
        last = universe[r]
        place = indptr[r]
        for j in range(last - (indptr[r + 1] - place), last):
            random = splitmix(keys[r] + np.uint64(j + 1) * _GOLDEN)
            pick = np.int64(((random >> np.uint64(32)) * np.uint64(j + 1)) >> np.uint64(32))
            bit = one << np.uint64(pick & 63)
            if bitmap[pick >> 6] & bit != 0:
                pick = np.int64(j)
                bit = one << np.uint64(pick & 63)
            bitmap[pick >> 6] |= bit
        drain(bitmap, 0, (last + 63) >> 6, debruijn, indices, place)


@njit(cache=True)
def chosen_groups(keys, kept, group, indices):
    """Of each group of columns of each row, as many as the row keeps a group, all sets alike.

    Knuth's selection sampling (TAOCP 3.4.2, algorithm S), 32 random bits a column.

    Parameters
    ----------
    keys : uint64[n]
        Random key of each row.
    kept : int64[n]
        Columns that a row keeps in each group.
    group : (int, int)
        Columns of a group, groups of a row.
    indices : int32[sum(kept) * groups]
        Output.
    """
    size, groups = group
    place = 0
    for r in range(keys.size):
        for g in range(groups):
            need = kept[r]
            for i in range(size):
                column = g * size + i
                random = splitmix(keys[r] + np.uint64(column + 1) * _GOLDEN) >> np.uint64(32)
                if np.int64((random * np.uint64(size - i)) >> np.uint64(32)) < need:
                    indices[place] = column
                    place += 1
                    need -= 1
