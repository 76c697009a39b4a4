"""Outer products: column k of A times row k of B, quantum by quantum.

What an outer product costs depends on the two counts of nonzeros alone: nA values of A in groups
of `a_per_cycle`, nB of B in groups of `b_per_cycle`, so ceil(nA / qa) x ceil(nB / qb) cycles. With
qa x qb = 16 x 1 this is OuterSPACE (Pal et al., HPCA 2018), 1 x 1 the PE of Eyeriss v2 (Chen et
al., JETCAS 2019), and cut to tiles of C, 8 x 16, the condensed outer product of DSTC (Wang et al.,
ISCA 2021). The second phase merges the products of each row of C, `radix` lists at a time.

Not modelled: the network that adds up sums of PEs which worked on different k, bank conflicts of
the local accumulators (see `accelsim.kernels.cartesian`), and cycles in which condensed values are
brought together.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from accelsim.kernels.gustavson import levels
from accelsim.kernels.items import (
    COMPARES,
    CYCLES,
    ISSUED,
    MACS,
    OUTPUTS,
    PARTIALS,
    READS_A,
    READS_B,
    SUMS,
)


@njit(cache=True)
def group_counts(ptr, idx, columns, group):
    """Count the nonzeros of every column within groups of consecutive rows.

    Parameters
    ----------
    ptr : int64[rows + 1]
    idx : int32[nnz]
    columns, group : int

    Returns
    -------
    int32[ceil(rows / group), columns]
    """
    rows = ptr.size - 1
    counts = np.zeros(((rows + group - 1) // group, columns), np.int32)
    for row in range(rows):
        line = counts[row // group]
        for at in range(ptr[row], ptr[row + 1]):
            line[idx[at]] += 1
    return counts


@njit(cache=True, error_model="numpy")
def outer_columns(a_counts, b_counts, a_per_cycle, b_per_cycle, items):
    """Fill the table of items, one a k, for products that leave the PE.

    Parameters
    ----------
    a_counts, b_counts : int64[K]
        Nonzeros of A's columns and of B's rows.
    a_per_cycle, b_per_cycle : int
    items : int64[K, ITEM_COLUMNS]
        OUTPUTS is left alone: a row of C is complete only after the merge.
    """
    for k in range(a_counts.size):
        a, b = a_counts[k], b_counts[k]
        products = a * b
        items[k, CYCLES] = (-(-a // a_per_cycle)) * (-(-b // b_per_cycle))
        items[k, MACS] = products
        items[k, ISSUED] = products
        # B's row is read again for every group of A's column.
        items[k, READS_A] = a if b > 0 else 0
        items[k, READS_B] = b * (-(-a // a_per_cycle))
        items[k, PARTIALS] = products


@njit(cache=True, error_model="numpy")
def outer_tiles(a_counts, b_counts, a_per_cycle, b_per_cycle, items):
    """Fill the table of items, one a tile of C, for products that are summed in place.

    Parameters
    ----------
    a_counts : int32[tiles of rows, K]
        From `group_counts` of A.
    b_counts : int32[tiles of columns, K]
        From `group_counts` of B transposed.
    a_per_cycle, b_per_cycle : int
    items : int64[tiles of rows x tiles of columns, ITEM_COLUMNS]
        Tile (i, j) in row i x tiles of columns + j. OUTPUTS and SUMS are left alone.
    """
    a_tiles, depth = a_counts.shape
    b_tiles = b_counts.shape[0]
    a_steps = np.empty((a_tiles, depth), np.int32)
    b_steps = np.empty((b_tiles, depth), np.int32)
    for i in range(a_tiles):
        for k in range(depth):
            a_steps[i, k] = -(-a_counts[i, k] // a_per_cycle)
    for j in range(b_tiles):
        for k in range(depth):
            b_steps[j, k] = -(-b_counts[j, k] // b_per_cycle)
    for i in range(a_tiles):
        for j in range(b_tiles):
            cycles = macs = reads_a = reads_b = np.int64(0)
            for k in range(depth):
                cycles += np.int64(a_steps[i, k] * b_steps[j, k])
                macs += np.int64(a_counts[i, k] * b_counts[j, k])
                reads_a += np.int64(a_counts[i, k]) if b_counts[j, k] > 0 else np.int64(0)
                reads_b += np.int64(b_counts[j, k]) if a_counts[i, k] > 0 else np.int64(0)
            at = i * b_tiles + j
            items[at, CYCLES] = cycles
            items[at, MACS] = macs
            items[at, ISSUED] = macs
            items[at, READS_A] = reads_a
            items[at, READS_B] = reads_b


@njit(cache=True, error_model="numpy")
def merge_rows(fibers, products, outputs, radix, elements_per_cycle, items):
    """Fill the table of items, one a row of C, for the second phase.

    A row's lists are merged `radix` at a time until one is left; every pass but the last moves
    all products (sums that meet early would shorten later passes: that is not counted). They are
    added in the last one.

    Parameters
    ----------
    fibers, products, outputs : int64[M]
        Lists of products of a row, their elements, and what is left of them.
    radix, elements_per_cycle : int
    items : int64[M, ITEM_COLUMNS]
    """
    tree = levels(radix)
    for row in range(fibers.size):
        lists = fibers[row]
        passes = 0
        while lists > 1:
            lists = -(-lists // radix)
            passes += 1
        passes = max(passes, 1) if products[row] > 0 else 0
        items[row, CYCLES] = passes * (-(-products[row] // elements_per_cycle))
        items[row, PARTIALS] = max(0, passes - 1) * products[row]
        items[row, OUTPUTS] = outputs[row]
        items[row, COMPARES] = passes * products[row] * tree
        items[row, SUMS] = 2 * products[row] - outputs[row]
