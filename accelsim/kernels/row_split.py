"""Rows of PEs for the kept positions of a row, cut into segments (Sanger).

Lu et al., MICRO 2021. A row of C is cut into segments of `segment` columns, the reach of a row of
`pes` PEs. A segment with z kept positions takes ceil(z / pes) rows of PEs (sub-rows), an empty one
none: `split_only`. `packed`: what is left of a row's segments (z mod pes) shares sub-rows, first
fit in the order of segments.

Not modelled: the preprocessing that finds the split (the index unit is charged for it).
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def row_split(indptr, indices, segment, pes, packed, sub_rows):
    """Count the sub-rows of every row.

    Parameters
    ----------
    indptr : int64[rows + 1]
    indices : int32[nnz]
        Kept columns, increasing.
    segment, pes : int
    packed : bool
    sub_rows : int64[rows]
        Out.
    """
    longest = 0
    for row in range(sub_rows.size):
        longest = max(longest, indptr[row + 1] - indptr[row])
    room = np.zeros(longest + 1, np.int64)  # free PEs of the open sub-rows
    for row in range(sub_rows.size):
        at = indptr[row]
        total = np.int64(0)
        opened = 0
        while at < indptr[row + 1]:
            limit = (indices[at] // segment + 1) * segment
            first = at
            while at < indptr[row + 1] and indices[at] < limit:
                at += 1
            count = at - first
            if not packed:
                total += (count + pes - 1) // pes
                continue
            total += count // pes
            rest = count % pes
            if rest > 0:
                place = 0
                while place < opened and room[place] < rest:
                    place += 1
                if place == opened:
                    room[place] = pes
                    opened += 1
                room[place] -= rest
        sub_rows[row] = total + opened
