"""N:M structure: does a pattern fit it, and how far below its limit does it stay.

Groups of `m` consecutive positions of a row; nested levels count groups of groups (HighLight, Wu
et al., MICRO 2023). A 2:4 tensor core (NVIDIA A100) does the work of the 2; an array with a
variable N (S2TA, Liu et al., HPCA 2022) that of the fullest group.

Not modelled: groups that cross rows; the last group of a row may be short.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def fullest_group(ptr, idx, columns, units, m):
    """Most nonempty units that any group of a row holds.

    Parameters
    ----------
    ptr : int64[rows + 1]
    idx : int32[nnz]
        Increasing within a row.
    columns : int
    units : int
        Positions of a unit: 1 counts nonzeros, 4 counts blocks of four that hold any.
    m : int
        Units of a group.

    Returns
    -------
    (int, int)
        The most units of a group, and how many units are nonempty in all.
    """
    most = 0
    total = 0
    for row in range(ptr.size - 1):
        group = -1
        unit = -1
        count = 0
        for at in range(ptr[row], ptr[row + 1]):
            here = idx[at] // units
            if here == unit:
                continue
            unit = here
            if here // m != group:
                group = here // m
                count = 0
            count += 1
            total += 1
            most = max(most, count)
    return np.int64(most), np.int64(total)
