"""Flexible stationary operand: folds of nonzeros, one streamed vector after another (SIGMA).

Qin et al., HPCA 2020. The stationary operand is cut into slices of `stream_words` of K, which is
how many values of a streamed vector enter in a cycle. The nonzeros of a slice are packed on the
multipliers without gaps; `multipliers` of them are a fold. A fold loads `load_words` values a
cycle, then takes one streamed vector a cycle, then the segmented adder tree empties. Zeros of the
streamed operand are not skipped.

Not modelled: routing conflicts of the distribution network (a Benes network has none).
"""

from __future__ import annotations

import numpy as np
from numba import njit

# folds[fold, .]
NONZEROS, LOAD, STREAM, DRAIN, FOLD_COLUMNS = range(5)


@njit(cache=True, error_model="numpy")
def slice_counts(idx, columns, slice_columns):
    """Nonzeros of every slice of `slice_columns` columns: int64[slices]."""
    counts = np.zeros((columns + slice_columns - 1) // slice_columns, np.int64)
    for at in range(idx.size):
        counts[idx[at] // slice_columns] += 1
    return counts


@njit(cache=True, error_model="numpy")
def count_folds(counts, multipliers):
    """How many folds the slices take."""
    folds = 0
    for at in range(counts.size):
        folds += -(-counts[at] // multipliers)
    return folds


@njit(cache=True, error_model="numpy")
def flexible_folds(counts, multipliers, streamed, load_words, drain_cycles, folds):
    """Fill the cycles of every fold.

    Parameters
    ----------
    counts : int64[slices]
        Nonzeros of each slice of K.
    multipliers, streamed, load_words, drain_cycles : int
        `streamed` : vectors that pass (N, or M).
    folds : int64[count_folds, FOLD_COLUMNS]
        Nonzeros; cycles to load, to stream, and of the adder tree after the last vector.
    """
    fold = 0
    for at in range(counts.size):
        left = counts[at]
        while left > 0:
            here = min(left, multipliers)
            folds[fold, NONZEROS] = here
            folds[fold, LOAD] = -(-here // load_words)
            folds[fold, STREAM] = streamed
            folds[fold, DRAIN] = drain_cycles
            fold += 1
            left -= here
