"""Scatter-add into banked accumulators: cycles and conflicts from real indices.

A row of `row_elements` is added to accumulator row `indices[i]`. Accumulator row r lies in bank
r % banks; a bank adds `lanes` elements a cycle. One row is issued a cycle; each bank has a queue of
`queue_depth` rows, and a full queue stops the issue. A row whose predecessor in the same bank's
queue has the same index is combined with it when `combine` is 1 (one access for both).

Not modelled: the crossbar in front of the banks (taken as free of blocking).
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def scatter_cycles(indices, row_elements, banks, lanes, queue_depth, combine):
    """Cycles to add all rows.

    Returns
    -------
    cycles, stalled, combined : int64
        Total cycles, cycles in which the issue waited for a full queue, rows combined.
    """
    service = (row_elements + lanes - 1) // lanes
    free = np.zeros(banks, np.int64)
    newest = np.full(banks, -1, np.int64)
    time = 0
    stalled = 0
    combined = 0
    end = 0
    for position in range(indices.size):
        row = np.int64(indices[position])
        bank = row % banks
        if combine == 1 and newest[bank] == row and free[bank] - time > service:
            combined += 1
            time += 1
            continue
        wait = free[bank] - queue_depth * service - time
        if wait > 0:
            stalled += wait
            time += wait
        start = max(time, free[bank])
        free[bank] = start + service
        newest[bank] = row
        end = max(end, free[bank])
        time += 1
    return max(end, time), stalled, combined
