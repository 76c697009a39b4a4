"""The structure of a product: multiplications and nonzeros of every row of C = A x B.

Three ways to count a row's distinct columns, the cheapest for each row: a marker a column (its
cost grows with the multiplications), the OR of bit rows of B (with its width over 64 and the
fibers of the row), or a row that is a single fiber, which is its own union. Exact; numerical
cancellation is not looked at.
"""

from __future__ import annotations

import numpy as np
from numba import njit

BIT_LIMIT_BYTES = 1 << 28  # bit rows of B are built up to here


@njit(cache=True)
def popcount(word):
    """Set bits of a uint64."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + (
        (word >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    word = word + (word >> np.uint64(8))
    word = word + (word >> np.uint64(16))
    word = word + (word >> np.uint64(32))
    return np.int64(word & np.uint64(0x7F))


@njit(cache=True)
def pack_bits(ptr, idx, columns):
    """Bit rows of a pattern: uint64[rows, ceil(columns / 64)], column c in bit c % 64."""
    rows = ptr.size - 1
    words = np.zeros((rows, (columns + 63) // 64), np.uint64)
    for row in range(rows):
        line = words[row]
        for at in range(ptr[row], ptr[row + 1]):
            column = idx[at]
            line[column >> 6] |= np.uint64(1) << np.uint64(column & 63)
    return words


@njit(cache=True)
def row_multiplies(a_ptr, a_idx, b_ptr, macs):
    """Multiplications of every row of C: the lengths of the rows of B that it names."""
    for row in range(a_ptr.size - 1):
        total = np.int64(0)
        for at in range(a_ptr[row], a_ptr[row + 1]):
            k = a_idx[at]
            total += b_ptr[k + 1] - b_ptr[k]
        macs[row] = total


@njit(cache=True)
def _or_rows(a_idx, first, last, words, union):
    """OR of the bit rows that are named, four at a time; returns the bits set."""
    union[:] = np.uint64(0)
    at = first
    while at + 4 <= last:
        p, q = words[a_idx[at]], words[a_idx[at + 1]]
        r, s = words[a_idx[at + 2]], words[a_idx[at + 3]]
        for w in range(union.size):
            union[w] |= (p[w] | q[w]) | (r[w] | s[w])
        at += 4
    while at < last:
        p = words[a_idx[at]]
        for w in range(union.size):
            union[w] |= p[w]
        at += 1
    count = np.int64(0)
    for w in range(union.size):
        count += popcount(union[w])
    return count


@njit(cache=True)
def spgemm_symbolic(a_ptr, a_idx, b_ptr, b_idx, columns, bit_limit_bytes, macs, outputs):
    """Multiplications and structural nonzeros of every row of C.

    Parameters
    ----------
    a_ptr, a_idx : int64[M + 1], int32[nnz]
        A by rows.
    b_ptr, b_idx : int64[K + 1], int32[nnz]
        B by rows.
    columns : int
        Of B and C.
    bit_limit_bytes : int
        Most that bit rows of B may take; `BIT_LIMIT_BYTES` is a sensible one.
    macs, outputs : int64[M]
        Out.
    """
    rows = a_ptr.size - 1
    row_multiplies(a_ptr, a_idx, b_ptr, macs)
    width = (columns + 63) // 64
    depth = b_ptr.size - 1
    total = np.int64(0)
    for row in range(rows):
        total += macs[row]
    # A word takes about as long as half a marked element; building the bits takes nnz + words.
    bits = depth * width * 8 <= bit_limit_bytes and total > 2 * a_idx.size * width + depth * width
    words = pack_bits(b_ptr, b_idx, columns) if bits else np.zeros((1, 1), np.uint64)
    union = np.zeros(width, np.uint64)
    marker = np.full(columns, -1, np.int32)
    for row in range(rows):
        first, last = a_ptr[row], a_ptr[row + 1]
        if last - first <= 1:
            outputs[row] = macs[row]
        elif bits and macs[row] > (last - first) * width // 2:
            outputs[row] = _or_rows(a_idx, first, last, words, union)
        else:
            count = np.int64(0)
            for at in range(first, last):
                k = a_idx[at]
                for position in range(b_ptr[k], b_ptr[k + 1]):
                    column = b_idx[position]
                    if marker[column] != row:
                        marker[column] = row
                        count += 1
            outputs[row] = count
