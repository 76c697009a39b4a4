"""Padding zeros of a run-length code: a run longer than the code can count takes stored zeros.

EIE (Han et al., ISCA 2016) and SCNN (Parashar et al., ISCA 2017) store before each value how many
zeros precede it, in a few bits.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def padding_zeros(indptr, indices, most_zeros):
    """Count the zeros that must be stored.

    Parameters
    ----------
    indptr : int64[rows + 1]
    indices : int32[nnz]
        Increasing within a row; runs do not cross rows, zeros after the last value take nothing.
    most_zeros : int
        Zeros that one code word can skip, 2^bits - 1.

    Returns
    -------
    int
    """
    padding = np.int64(0)
    for row in range(indptr.size - 1):
        last = -1
        for at in range(indptr[row], indptr[row + 1]):
            padding += (indices[at] - last - 1) // (most_zeros + 1)
            last = indices[at]
    return padding
