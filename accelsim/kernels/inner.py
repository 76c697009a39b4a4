"""Inner products: a row of A against columns of B, by the rule of an intersection unit.

Rules on coordinates. *Two-finger*: a step a coordinate compared, both lists advance on a match.
*Skip-ahead* (ExTensor, Hegde et al., MICRO 2019): a step is a match, or a jump of the list that is
behind to its first coordinate not below the other's. *Leader-follower*: a step a coordinate of A,
looked up in B. All end with the shorter list; a dot product takes max(steps, ceil(matches /
lanes)) cycles, and none if one of its fibers is empty. Every step is a comparison; of a dot product
the sum is written once.

Rule on bitmaps (SparTen, Gondimalla et al., MICRO 2019): a pair of chunks takes max(1,
ceil(matches / lanes)) cycles; whole chunks of zeros may be skipped. A pair of chunks is one
comparison, also where it is skipped.

Not modelled: the levels of a hierarchical intersection (the caller cuts tiles), the latency of the
prefix sum.
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
    READS_A,
    READS_B,
    SUMS,
)
from accelsim.kernels.spgemm import popcount

TWO_FINGER, SKIP_AHEAD, LEADER_FOLLOWER = range(3)


@njit(cache=True)
def _two_finger(a, b):
    """(steps, matches) of two increasing lists."""
    i = j = 0
    steps = matches = 0
    while i < a.size and j < b.size:
        x, y = a[i], b[j]
        steps += 1
        matches += x == y
        i += x <= y
        j += y <= x
    return steps, matches


@njit(cache=True)
def _skip_ahead(a, b):
    """(steps, matches) when the list behind jumps to the other's coordinate."""
    i = j = 0
    steps = matches = 0
    behind = 0  # 1: A jumped last, 2: B did; one jump goes on while it is still below
    while i < a.size and j < b.size:
        x, y = a[i], b[j]
        if x == y:
            steps += 1
            matches += 1
            i += 1
            j += 1
            behind = 0
        elif x < y:
            steps += behind != 1
            behind = 1
            i += 1
        else:
            steps += behind != 2
            behind = 2
            j += 1
    return steps, matches


@njit(cache=True)
def _matches(a, b):
    """Coordinates that both have."""
    i = j = matches = 0
    while i < a.size and j < b.size:
        x, y = a[i], b[j]
        matches += x == y
        i += x <= y
        j += y <= x
    return matches


@njit(cache=True, error_model="numpy")
def inner_coordinates(a_ptr, a_idx, b_ptr, b_idx, rule, lanes, kept_ptr, kept_idx, items):
    """Fill the table of items, one a row of A.

    Parameters
    ----------
    a_ptr, a_idx : int64[M + 1], int32[nnz]
        A by rows.
    b_ptr, b_idx : int64[N + 1], int32[nnz]
        B by columns.
    rule : int
        TWO_FINGER, SKIP_AHEAD or LEADER_FOLLOWER.
    lanes : int
        Matches multiplied in a cycle.
    kept_ptr, kept_idx : int64[M + 1] or int64[1], int32[kept]
        Columns wanted of every row of C; one pointer only: all.
    items : int64[M, ITEM_COLUMNS]
    """
    every = kept_ptr.size == 1
    columns = b_ptr.size - 1
    for row in range(a_ptr.size - 1):
        a = a_idx[a_ptr[row] : a_ptr[row + 1]]
        cycles = macs = outputs = reads = compared = np.int64(0)
        first = 0 if every else kept_ptr[row]
        last = columns if every else kept_ptr[row + 1]
        if a.size == 0:
            last = first
        for at in range(first, last):
            column = at if every else kept_idx[at]
            b = b_idx[b_ptr[column] : b_ptr[column + 1]]
            if b.size == 0:
                continue
            if rule == TWO_FINGER:
                steps, matches = _two_finger(a, b)
            elif rule == SKIP_AHEAD:
                steps, matches = _skip_ahead(a, b)
            else:
                steps, matches = a.size, _matches(a, b)
            compared += steps
            cycles += max(steps, (matches + lanes - 1) // lanes)
            macs += matches
            outputs += matches > 0
            reads += b.size
        items[row, CYCLES] = cycles
        items[row, MACS] = macs
        items[row, ISSUED] = macs
        items[row, READS_A] = a.size if reads > 0 else 0
        items[row, READS_B] = reads
        items[row, OUTPUTS] = outputs
        items[row, COMPARES] = compared
        items[row, SUMS] = outputs


@njit(cache=True)
def bitmap_matches(a_words, b_words, macs, outputs):
    """Common bits of all pairs of rows: totals and nonempty pairs, int64[M] each."""
    for row in range(a_words.shape[0]):
        a = a_words[row]
        total = pairs = np.int64(0)
        for column in range(b_words.shape[0]):
            b = b_words[column]
            count = np.int64(0)
            for w in range(a.size):
                count += popcount(a[w] & b[w])
            total += count
            pairs += count > 0
        macs[row] = total
        outputs[row] = pairs


@njit(cache=True, error_model="numpy")
def _chunk_cycles(count, lanes):
    """Cycles of a pair of chunks."""
    return max(np.int64(1), (count + lanes - 1) // lanes)


@njit(cache=True, error_model="numpy")
def _dot_one_lane(a, b, width, lanes):
    """(cycles, matches), chunks of one word, nothing skipped: 1 lane is the common case."""
    cycles = matches = np.int64(0)
    if lanes == 1:
        for w in range(width):
            count = popcount(a[w] & b[w])
            matches += count
            cycles += max(count, np.int64(1))
    else:
        for w in range(width):
            count = popcount(a[w] & b[w])
            matches += count
            cycles += _chunk_cycles(count, lanes)
    return cycles, matches


@njit(cache=True, error_model="numpy")
def _dot_words(a, b, chunk_words, lanes, skip):
    """(cycles, matches), chunks of several words."""
    cycles = matches = np.int64(0)
    for start in range(0, a.size, chunk_words):
        count = np.int64(0)
        any_a = any_b = np.uint64(0)
        for w in range(start, min(a.size, start + chunk_words)):
            count += popcount(a[w] & b[w])
            any_a |= a[w]
            any_b |= b[w]
        matches += count
        if not skip or (any_a != np.uint64(0) and any_b != np.uint64(0)):
            cycles += _chunk_cycles(count, lanes)
    return cycles, matches


@njit(cache=True, error_model="numpy")
def _dot_parts(a, b, columns, chunk_bits, lanes, skip):
    """(cycles, matches), several chunks in a word."""
    cycles = matches = np.int64(0)
    low = (np.uint64(1) << np.uint64(chunk_bits)) - np.uint64(1)
    for start in range(0, columns, chunk_bits):
        shift = np.uint64(start & 63)
        x = (a[start >> 6] >> shift) & low
        y = (b[start >> 6] >> shift) & low
        count = popcount(x & y)
        matches += count
        if not skip or (x != np.uint64(0) and y != np.uint64(0)):
            cycles += _chunk_cycles(count, lanes)
    return cycles, matches


@njit(cache=True, error_model="numpy")
def inner_bitmaps(
    a_words, b_words, columns, chunk_bits, lanes, skip, kept_ptr, kept_idx, b_values, items
):
    """Fill the table of items, one a row of A, for bitmaps.

    Parameters
    ----------
    a_words, b_words : uint64[M, words], uint64[N, words]
        Bit rows of A and bit columns of B, from `pack_bits`.
    columns : int
        K.
    chunk_bits : int
        A power of two from 16 on.
    lanes : int
    skip : bool
        Whether a pair of chunks of which one is all zeros takes no cycle.
    kept_ptr, kept_idx : int64[M + 1] or int64[1], int32[kept]
        As in `inner_coordinates`.
    b_values : int64[N]
        Nonzeros of B's columns, which are read with each dot product.
    items : int64[M, ITEM_COLUMNS]
    """
    every = kept_ptr.size == 1
    words = a_words.shape[1]
    for row in range(a_words.shape[0]):
        a = a_words[row]
        own = np.int64(0)
        for w in range(words):
            own += popcount(a[w])
        total = macs = outputs = reads = np.int64(0)
        first = 0 if every else kept_ptr[row]
        last = b_words.shape[0] if every else kept_ptr[row + 1]
        for at in range(first, last):
            column = at if every else kept_idx[at]
            b = b_words[column]
            if chunk_bits < 64:
                cycles, matches = _dot_parts(a, b, columns, chunk_bits, lanes, skip)
            elif chunk_bits == 64 and not skip:
                cycles, matches = _dot_one_lane(a, b, words, lanes)
            else:
                cycles, matches = _dot_words(a, b, chunk_bits >> 6, lanes, skip)
            total += cycles
            macs += matches
            outputs += matches > 0
            reads += b_values[column]
        items[row, CYCLES] = total
        items[row, MACS] = macs
        items[row, ISSUED] = macs
        items[row, READS_A] = own if last > first else 0
        items[row, READS_B] = reads
        items[row, OUTPUTS] = outputs
        items[row, COMPARES] = (last - first) * ((columns + chunk_bits - 1) // chunk_bits)
        items[row, SUMS] = outputs
