"""Compressed rows: turning them round, and cutting memory runs into lines."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def transpose(indptr, indices, columns):
    """List for every column the rows that name it, in row order.

    Parameters
    ----------
    indptr : int64[rows + 1]
    indices : int64[nnz]
    columns : int

    Returns
    -------
    column_ptr : int64[columns + 1]
    rows : int64[nnz]
    """
    # One place further to the right than they belong: filling a column moves its start to its end.
    fill = np.zeros(columns + 2, np.int64)
    for i in range(indices.size):
        fill[indices[i] + 2] += 1
    for column in range(columns):
        fill[column + 2] += fill[column + 1]
    rows = np.empty(indices.size, np.int64)
    for row in range(indptr.size - 1):
        for i in range(indptr[row], indptr[row + 1]):
            column = indices[i] + 1
            rows[fill[column]] = row
            fill[column] += 1
    return fill[:-1], rows


@njit(cache=True, error_model="numpy")
def lines_of_runs(address, stride, piece_bytes, count, line_bytes):
    """Count the lines of every run.

    Parameters
    ----------
    address, stride, piece_bytes, count, line_bytes : int64[runs]
        A run has `count` pieces of `piece_bytes` at address, address + stride, ...

    Returns
    -------
    lines : int64[runs]
    """
    lines = np.zeros(address.size, np.int64)
    for run in range(address.size):
        line = line_bytes[run]
        pieces = count[run]
        # Pieces that lie alike on their lines touch equally many.
        alike = stride[run] % line == 0
        for piece in range(1 if alike else pieces):
            first = address[run] + piece * stride[run]
            lines[run] += (first + piece_bytes[run] - 1) // line - first // line + 1
        if alike:
            lines[run] *= pieces
    return lines
