"""Nonzero activations broadcast to PEs with queues, each PE with its own columns of C (EIE).

Han et al., ISCA 2016. Entry k of a row of A that is not zero goes to all PEs; PE p multiplies it
with its part of row k of B, a stored value a cycle, padding zeros of the run-length code included.
An activation for which a PE stores nothing takes none of its cycles. PEs drift apart as far as the
activation queues allow.

Not modelled: the tree that finds the next nonzero activation (one a cycle is assumed).
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def stored_values(ptr, idx, columns, owners, most_zeros, stored):
    """Stored values of each PE's part of every row of B, padding zeros included.

    Parameters
    ----------
    ptr : int64[columns of C + 1]
    idx : int32[nnz]
        Rows k of every column of C (B transposed), increasing.
    columns : int
        K.
    owners : int
        PEs; column c of C belongs to PE c mod owners, as its entry c // owners.
    most_zeros : int
        Zeros that the run-length code can skip: 2^bits - 1; of longer runs each such stretch and
        the zero after it is stored as a padding value. Negative: another format, no padding.
    stored : int64[K, owners]
        Out.

    Returns
    -------
    int
        Padding zeros.
    """
    padding = 0
    # Along a row of B, PE p's entries are columns p, p + owners, ...: the last one seen.
    last = np.full((columns, owners), -1, np.int64)
    for column in range(ptr.size - 1):
        pe, entry = column % owners, column // owners
        for at in range(ptr[column], ptr[column + 1]):
            k = idx[at]
            stored[k, pe] += 1
            if most_zeros >= 0:
                extra = (entry - last[k, pe] - 1) // (most_zeros + 1)
                stored[k, pe] += extra
                padding += extra
                last[k, pe] = entry
    return padding


@njit(cache=True, error_model="numpy")
def broadcast_rows(a_ptr, a_idx, stored, queue_depth, cycles, busy):
    """Cycles of every row of A, one after another, a broadcast a cycle at most.

    Parameters
    ----------
    a_ptr : int64[M + 1]
    a_idx : int32[nnz]
    stored : int64[K, PEs]
    queue_depth : int
        Activations that wait at a PE, the one in work included.
    cycles : int64[M]
        Out: from the end of the row before to the end of this one (a row ends for all PEs).
    busy : int64[PEs]
        Cycles of work are added.
    """
    pes = stored.shape[1]
    free = np.zeros(pes, np.int64)
    queue = np.zeros((queue_depth, pes), np.int64)
    now = 0
    for row in range(a_ptr.size - 1):
        begin = now
        free[:] = begin
        queue[:, :] = begin
        time = begin
        for at in range(a_ptr[row], a_ptr[row + 1]):
            slot = (at - a_ptr[row]) % queue_depth
            time += 1
            for pe in range(pes):
                time = max(time, queue[slot, pe])
            work = stored[a_idx[at]]
            for pe in range(pes):
                free[pe] = max(free[pe], time) + work[pe]
                queue[slot, pe] = free[pe]
                busy[pe] += work[pe]
        now = time
        for pe in range(pes):
            now = max(now, free[pe])
        cycles[row] = now - begin
