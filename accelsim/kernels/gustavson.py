"""Row by row products (Gustavson): rows of B that a row of A names are scaled and merged.

Four ways to merge them in a PE.

*Radix merger* (GAMMA, Zhang et al., ASPLOS 2021): up to `radix` fibers at once, so many of their
elements a cycle. More fibers make a tree of merges whose top is full; partial fibers leave the PE
and come back. Their lengths are those of the real unions.

*Sorting queues* (MatRaptor, Srivastava et al., MICRO 2020): the first queues - 1 fibers go to a
queue each; each further one is merged with the shortest queue into the spare one. A second phase
merges the queues into the row of C, while the next row fills a second set. A queue holds
`elements`; what does not fit leaves the PE.

*Hash table*: an insertion a cycle and every further probe another; *dense row*: an addition a
cycle a lane, then the row drains. C rows that exceed `slots` take several passes.

Comparisons: an element passes the levels of a merger's tree, log2(radix), each time that it enters.
Into sorting queues each element of a merge is one, and log2(queues) at the end; a probe of the
hash table is one; a dense row takes none.

Not modelled: stalls of a merger whose fibers arrive late (the port law and the loads say so),
bubbles between rows.
"""

from __future__ import annotations

import numpy as np
from numba import njit

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
def _union_count(a_idx, first, last, b_ptr, b_idx, marker, stamp):
    """Distinct columns of the rows of B that are named; `marker` keeps the last stamp."""
    count = np.int64(0)
    for at in range(first, last):
        k = a_idx[at]
        for position in range(b_ptr[k], b_ptr[k + 1]):
            column = b_idx[position]
            if marker[column] != stamp:
                marker[column] = stamp
                count += 1
    return count


@njit(cache=True)
def levels(radix):
    """Comparisons of an element that passes a merger of so many inputs: log2, rounded up."""
    found = 0
    while (1 << found) < radix:
        found += 1
    return found


@njit(cache=True)
def _counts(items, row, fibers, macs, outputs):
    items[row, SUMS] = 2 * macs - outputs
    items[row, MACS] = macs
    items[row, ISSUED] = macs
    items[row, READS_A] = fibers
    items[row, READS_B] = macs
    items[row, OUTPUTS] = outputs


@njit(cache=True)
def _length(b_ptr, k, b_columns):
    """Elements of row k of B, which is dense when there are no pointers."""
    return np.int64(b_columns) if b_ptr.size == 1 else b_ptr[k + 1] - b_ptr[k]


@njit(cache=True, error_model="numpy")
def merge_radix(a_ptr, a_idx, b_ptr, b_idx, columns, radix, per_cycle, items):
    """Fill the table of items, one a row of A, for a radix merger.

    Parameters
    ----------
    a_ptr, a_idx : int64[M + 1], int32[nnz]
        A by rows.
    b_ptr, b_idx : int64[K + 1] or int64[1], int32[nnz]
        B by rows; one pointer only: dense.
    columns : int
        Of B and C.
    radix, per_cycle : int
        Fibers merged at once, and elements of them that enter in a cycle.
    items : int64[M, ITEM_COLUMNS]
    """
    dense = b_ptr.size == 1
    marker = np.full(1 if dense else columns, np.int64(-1))
    stamp = np.int64(0)
    tree = levels(radix)
    for row in range(a_ptr.size - 1):
        first, last = a_ptr[row], a_ptr[row + 1]
        fibers = last - first
        macs = np.int64(0)
        for at in range(first, last):
            macs += _length(b_ptr, a_idx[at], columns)
        cycles = (macs + per_cycle - 1) // per_cycle
        partials = np.int64(0)
        if fibers > radix:
            # Groups so that the top merge is full: it takes single fibers and merged groups.
            cycles, partials = _merge_tree(
                a_idx, first, last, b_ptr, b_idx, columns, radix, per_cycle, marker, stamp
            )
            stamp += 2 * fibers
        if dense:
            outputs = np.int64(columns) if fibers > 0 else np.int64(0)
        elif fibers <= 1:
            outputs = macs
        else:
            outputs = _union_count(a_idx, first, last, b_ptr, b_idx, marker, stamp)
            stamp += 1
        _counts(items, row, fibers, macs, outputs)
        items[row, CYCLES] = cycles
        items[row, PARTIALS] = partials
        items[row, COMPARES] = tree * (macs + partials)
        items[row, SUMS] += partials  # each is made of sums, and added to another


@njit(cache=True, error_model="numpy")
def _merge_tree(a_idx, first, last, b_ptr, b_idx, columns, radix, per_cycle, marker, stamp):
    """(cycles, partial elements) of the merges of more than `radix` fibers.

    Levels of a tree from the leaves: consecutive fibers in groups of `radix`, the first group
    smaller so that the merge at the top has exactly `radix` inputs.
    """
    # Inputs of a level cover the fibers [bound[i], bound[i + 1]).
    bound = np.arange(first, last + 1)
    size = np.empty(last - first, np.int64)
    for at in range(size.size):
        size[at] = _length(b_ptr, a_idx[first + at], columns)
    cycles = partials = np.int64(0)
    inputs = size.size
    while inputs > radix:
        surplus = inputs - radix  # a merge of r inputs takes r - 1 away
        merges = (surplus + radix - 2) // (radix - 1)
        short = surplus - (merges - 1) * (radix - 1) + 1  # the first merge, so the top is full
        if merges > radix:  # more than one level below the top: whole groups
            merges, short = inputs // radix, radix
        at = made = done = 0
        while at < inputs:
            take = 1
            if done < merges:
                take = short if done == 0 else radix
                done += 1
            stop = at + take
            if take > 1:
                total = np.int64(0)
                for i in range(at, stop):
                    total += size[i]
                cycles += (total + per_cycle - 1) // per_cycle
                if b_ptr.size == 1:
                    merged = np.int64(columns)
                else:
                    merged = _union_count(
                        a_idx, bound[at], bound[stop], b_ptr, b_idx, marker, stamp
                    )
                    stamp += 1
                partials += merged
                size[made] = merged
            else:
                size[made] = size[at]
            bound[made] = bound[at]
            made += 1
            at = stop
        bound[made] = last
        inputs = made
    total = np.int64(0)
    for i in range(inputs):
        total += size[i]
    return cycles + (total + per_cycle - 1) // per_cycle, partials


@njit(cache=True, error_model="numpy")
def merge_queues(a_ptr, a_idx, b_ptr, b_idx, columns, queues, elements, phases, items):
    """Fill the table of items, one a row of A, for sorting queues.

    `phases : int64[M, 2]` : cycles in which the row fills the queues, and in which they are merged.
    A row takes the larger one, as rows follow each other in a PE and two sets of queues overlap
    them; the last row's merge is left to the caller. Other parameters as in `merge_radix`.
    """
    dense = b_ptr.size == 1
    marker = np.full((queues, 1 if dense else columns), np.int64(-1))
    whole = np.full(1 if dense else columns, np.int64(-1))
    tree = levels(queues)
    for row in range(a_ptr.size - 1):
        held = np.zeros(queues, np.int64)
        fill = macs = spilled = outputs = compared = moved = np.int64(0)
        for at in range(a_ptr[row], a_ptr[row + 1]):
            k = a_idx[at]
            length = _length(b_ptr, k, columns)
            macs += length
            fiber = at - a_ptr[row]
            queue = fiber
            if fiber >= queues - 1:
                queue = 0
                for other in range(1, queues - 1):
                    if held[other] < held[queue]:
                        queue = other
                fill += held[queue]
                compared += held[queue] + length
                moved += held[queue]
            fill += length
            if dense:
                held[queue] = columns
                outputs = np.int64(columns)
            else:
                for position in range(b_ptr[k], b_ptr[k + 1]):
                    column = b_idx[position]
                    if marker[queue, column] != row:
                        marker[queue, column] = row
                        held[queue] += 1
                    if whole[column] != row:
                        whole[column] = row
                        outputs += 1
            moved += held[queue]
            spilled += max(np.int64(0), held[queue] - elements)
        merge = np.int64(0)
        for queue in range(queues):
            merge += held[queue]
        phases[row, 0] = fill
        phases[row, 1] = merge
        _counts(items, row, a_ptr[row + 1] - a_ptr[row], macs, outputs)
        items[row, CYCLES] = max(fill, merge)
        items[row, PARTIALS] = spilled
        items[row, COMPARES] = compared + tree * merge
        items[row, SUMS] = moved + merge  # into queues and out of them


@njit(cache=True, error_model="numpy")
def merge_hash(a_ptr, a_idx, b_ptr, b_idx, columns, slots, lanes, items):
    """Fill the table of items, one a row of A, for a hash table (linear probing).

    `slots` : a power of two. A row whose outputs exceed it is done in ranges of columns, each of
    which reads all its fibers again. `lanes` divide the insertions, not the further probes.
    Other parameters as in `merge_radix`.
    """
    dense = b_ptr.size == 1
    marker = np.full(1 if dense else columns, np.int64(-1))
    keys = np.empty(slots, np.int64)
    used = np.full(slots, np.int64(-1))
    stamp = np.int64(0)
    for row in range(a_ptr.size - 1):
        first, last = a_ptr[row], a_ptr[row + 1]
        inserts = macs = np.int64(0)
        for at in range(first, last):
            length = _length(b_ptr, a_idx[at], columns)
            macs += length
            inserts += (length + lanes - 1) // lanes
        if dense:
            outputs = np.int64(columns) if last > first else np.int64(0)
        else:
            outputs = _union_count(a_idx, first, last, b_ptr, b_idx, marker, row)
        passes = max(np.int64(1), (outputs + slots - 1) // slots)
        width = (columns + passes - 1) // passes
        probes = np.int64(0)
        for part in range(passes):
            if dense:
                break  # consecutive columns: no two share a slot
            stamp += 1
            filled = 0
            for at in range(first, last):
                k = a_idx[at]
                for position in range(b_ptr[k], b_ptr[k + 1]):
                    column = np.int64(b_idx[position])
                    if column < part * width or column >= (part + 1) * width:
                        continue
                    slot = (column * 2654435761 >> 7) & (slots - 1)
                    tried = 0
                    while used[slot] == stamp and keys[slot] != column and tried < slots:
                        probes += 1
                        tried += 1
                        slot = (slot + 1) & (slots - 1)
                    if used[slot] != stamp and filled < slots:
                        used[slot] = stamp
                        keys[slot] = column
                        filled += 1
        _counts(items, row, last - first, macs, outputs)
        items[row, CYCLES] = passes * inserts + probes
        items[row, READS_B] = passes * macs
        items[row, COMPARES] = macs + probes


@njit(cache=True, error_model="numpy")
def merge_dense(a_ptr, a_idx, b_ptr, b_idx, columns, slots, drain_per_cycle, lanes, items):
    """Fill the table of items, one a row of A, for a dense row of `slots` sums.

    A wider C is done in ranges of `slots` columns, each reading only what falls into it; the row
    of sums drains `drain_per_cycle` a cycle. Other parameters as in `merge_radix`.
    """
    dense = b_ptr.size == 1
    parts = max(1, (columns + slots - 1) // slots)
    marker = np.full(1 if dense else columns, np.int64(-1))
    for row in range(a_ptr.size - 1):
        first, last = a_ptr[row], a_ptr[row + 1]
        steps = macs = outputs = np.int64(0)
        for at in range(first, last):
            k = a_idx[at]
            length = _length(b_ptr, k, columns)
            macs += length
            if parts == 1:
                steps += (length + lanes - 1) // lanes
            elif dense:
                steps += (parts - 1) * ((slots + lanes - 1) // lanes)
                steps += (columns - (parts - 1) * slots + lanes - 1) // lanes
            else:
                steps += _ranged_steps(b_idx, b_ptr[k], b_ptr[k + 1], slots, lanes)
        if dense:
            outputs = np.int64(columns) if last > first else np.int64(0)
        else:
            outputs = _union_count(a_idx, first, last, b_ptr, b_idx, marker, row)
        _counts(items, row, last - first, macs, outputs)
        items[row, CYCLES] = steps + (outputs + drain_per_cycle - 1) // drain_per_cycle
        items[row, READS_A] = parts * (last - first)


@njit(cache=True, error_model="numpy")
def _ranged_steps(b_idx, first, last, slots, lanes):
    """Steps of a fiber, range of columns after range."""
    steps = np.int64(0)
    at = first
    while at < last:
        limit = (b_idx[at] // slots + 1) * slots
        count = 0
        while at < last and b_idx[at] < limit:
            at += 1
            count += 1
        steps += (count + lanes - 1) // lanes
    return steps
