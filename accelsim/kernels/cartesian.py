"""Cartesian products with accumulator banks: the PE of SCNN, on real coordinates.

Parashar et al., ISCA 2017. A PE takes `a_per_cycle` nonzeros of a column of A and `b_per_cycle` of
the same row of B, multiplies all of them with all, and sends the products through a crossbar to
`banks` of accumulators, one addition a bank and cycle. A bank queues `queue_depth` products; the
PE stops when one of them has no room. Which bank a product goes to is a hash of its place in the
PE's part of C, so conflicts are those of the real positions.

Not modelled: arbitration inside the crossbar beyond one product a bank and cycle, halos (here
every PE owns whole rows of C), banks too small for a PE's rows of a tile (B would be read again).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from accelsim.kernels.items import CYCLES, ISSUED, MACS, READS_A, READS_B


@njit(cache=True, error_model="numpy")
def cartesian(
    a_ptr, a_idx, b_ptr, b_idx, pe_rows, a_per_cycle, b_per_cycle, banks, queue_depth, items,
    stalls,
):  # fmt: skip
    """Run every PE over one tile of columns of C.

    Parameters
    ----------
    a_ptr, a_idx : int64[K + 1], int32[nnz]
        Rows of every column of A, increasing.
    b_ptr, b_idx : int64[K + 1], int32[nnz]
        Columns (within the tile) of every row of B, increasing.
    pe_rows : int
        PE p owns rows p x pe_rows up to (p + 1) x pe_rows of C.
    a_per_cycle, b_per_cycle, banks, queue_depth : int
    items : int64[PEs, ITEM_COLUMNS]
        OUTPUTS and SUMS are left alone.
    stalls : int64[PEs]
        Cycles in which a full queue stopped the PE.
    """
    pes = items.shape[0]
    depth = a_ptr.size - 1
    bank_free = np.empty((pes, banks), np.int64)
    bank_free[:] = 0
    time = np.zeros(pes, np.int64)
    for k in range(depth):
        at = a_ptr[k]
        b_count = b_ptr[k + 1] - b_ptr[k]
        while at < a_ptr[k + 1]:
            pe = a_idx[at] // pe_rows
            stop = at
            limit = (pe + 1) * pe_rows
            while stop < a_ptr[k + 1] and a_idx[stop] < limit:
                stop += 1
            items[pe, MACS] += (stop - at) * b_count
            items[pe, ISSUED] += (stop - at) * b_count
            if b_count > 0:
                items[pe, READS_A] += stop - at
            items[pe, READS_B] += b_count * (-(-(stop - at) // a_per_cycle))
            free = bank_free[pe]
            now = time[pe]
            for first in range(at, stop, a_per_cycle):
                for second in range(b_ptr[k], b_ptr[k + 1], b_per_cycle):
                    now += 1
                    latest = now
                    for i in range(first, min(stop, first + a_per_cycle)):
                        base = np.int64(a_idx[i]) * 2654435761
                        for j in range(second, min(b_ptr[k + 1], second + b_per_cycle)):
                            bank = ((base + np.int64(b_idx[j]) * 40503) >> 4) % banks
                            ready = max(free[bank], now) + 1
                            free[bank] = ready
                            latest = max(latest, ready - queue_depth)
                    stalls[pe] += latest - now
                    now = latest
            time[pe] = now
            at = stop
    for pe in range(pes):
        end = time[pe]
        for bank in range(banks):
            end = max(end, bank_free[pe, bank] - 1)
        stalls[pe] += end - time[pe]
        items[pe, CYCLES] = end
