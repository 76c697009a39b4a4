"""Numba kernels for hashed attention: keys that a query finds near itself in sorted orders."""

from __future__ import annotations

import numpy as np
from numba import njit

from accelsim.kernels.samples import drain


@njit(cache=True)
def count_shared_chunks(first, order, rank, least, counts):
    """Distinct keys of consecutive queries, over all rounds.

    Parameters
    ----------
    first : int
        Position of the first query.
    order : int64[rounds, n]
        Positions in the order of a round (by bucket, then position).
    rank : int64[rounds, n]
        Place of each position in that order.
    least : int64[rounds, n]
        First place that the query at a position sees; it sees all up to its own.
    counts : int64[queries]
        Output.
    """
    seen_by = np.full(order.shape[1], -1, np.int64)
    for r in range(counts.size):
        position = first + r
        count = 0
        for turn in range(order.shape[0]):
            for place in range(least[turn, position], rank[turn, position] + 1):
                key = order[turn, place]
                if seen_by[key] != position:
                    seen_by[key] = position
                    count += 1
        counts[r] = count


@njit(cache=True)
def shared_chunks(first, order, rank, least, indptr, debruijn, indices):
    """Write the keys that `count_shared_chunks` counts: int32[indptr[-1]], ascending in a row."""
    bitmap = np.zeros((order.shape[1] + 63) // 64, np.uint64)
    for r in range(indptr.size - 1):
        position = first + r
        lowest = position
        for turn in range(order.shape[0]):
            lowest = min(lowest, order[turn, least[turn, position]])
            for place in range(least[turn, position], rank[turn, position] + 1):
                key = order[turn, place]
                bitmap[key >> 6] |= np.uint64(1) << np.uint64(key & 63)
        drain(bitmap, lowest >> 6, (position >> 6) + 1, debruijn, indices, indptr[r])
