"""A top-k engine by quick select: rounds of comparing with a pivot, `parallelism` a cycle.

SpAtten (Wang, Zhang, Han, HPCA 2021). A round compares what is left with a pivot drawn from it,
`parallelism` scores a cycle and `ROUND_CYCLES` to fill and turn the pipeline, and keeps the side in
which the wanted rank lies; it ends when the pivot has that rank. Rule and the 3 cycles: the
latency model in the authors' repository (TopKLatencyModel). Pivots come from a splitmix64 sequence
of the given seed, so that the same scores give the same cycles.

Not modelled: the FIFOs between the comparators and the zero eliminator (they keep up).
"""

from __future__ import annotations

import numpy as np
from numba import njit

ROUND_CYCLES = 3


@njit(cache=True)
def _draw(state):
    """Next number of splitmix64; `state : uint64[1]`."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True)
def quickselect(scores, row_ptr, rank, parallelism, seed, cycles):
    """Cycles to find the score of rank `rank` (counted from 0, the least first) in every row.

    Parameters
    ----------
    scores : float32[n]
    row_ptr : int64[rows + 1]
    rank : int64[rows]
        At or beyond the row's length everything is kept: the rounds end when nothing is left.
    parallelism : int
        Scores compared in a cycle.
    seed : int
    cycles : int64[rows]
        Out.
    """
    state = np.array([seed], np.uint64)
    longest = 0
    for row in range(rank.size):
        longest = max(longest, row_ptr[row + 1] - row_ptr[row])
    left = np.empty(longest, np.float32)
    for row in range(rank.size):
        size = row_ptr[row + 1] - row_ptr[row]
        for at in range(size):
            left[at] = scores[row_ptr[row] + at]
        target = rank[row]
        spent = np.int64(0)
        while size > 0:
            spent += (size + parallelism - 1) // parallelism + ROUND_CYCLES
            pivot = left[np.int64(_draw(state) % np.uint64(size))]
            below = equal = 0
            for at in range(size):
                below += left[at] < pivot
                equal += left[at] == pivot
            if below <= target < below + equal:
                break
            lower = below > target
            kept = 0
            for at in range(size):
                if (left[at] < pivot) if lower else (left[at] > pivot):
                    left[kept] = left[at]
                    kept += 1
            if not lower:
                target -= below + equal
            size = kept
        cycles[row] = spent
