"""Numba kernel that unites key columns and diagonals, row by row."""

from __future__ import annotations

from numba import njit


@njit(cache=True)
def columns_and_diagonals(position, columns, distances, indptr, indices):
    """Keys of consecutive queries: given columns, and given distances before the query.

    Parameters
    ----------
    position : int
        Position of the first query; keys after a query are not kept.
    columns : int64[c]
        Ascending.
    distances : int64[d]
        Ascending.
    indptr : int64[n + 1]
        Row pointers, filled in: distinct visible keys of each row.
    indices : int32[indptr[-1]]
        Output.
    """
    diagonals = 0
    for r in range(indptr.size - 1):
        query = position + r
        while diagonals < distances.size and distances[diagonals] <= query:
            diagonals += 1
        d, c = diagonals - 1, 0
        for place in range(indptr[r], indptr[r + 1]):
            left = query - distances[d] if d >= 0 else query + 1
            right = columns[c] if c < columns.size else query + 1
            indices[place] = min(left, right)
            d -= left <= right
            c += right <= left
