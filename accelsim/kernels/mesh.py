"""Cycles of STONNE's output-stationary mesh (its TPU_OS_DENSE controller), exact to the cycle.

C[M, N] = A[M, K] x B[K, N] on a mesh of ``rows x columns``: a tile of outputs stays in the mesh,
B enters at the top of each column, A at the left of each row, tiles run one after another. The
mechanism of one tile, which reproduces the reference rows and STONNE's own order of events:

1. Cycle 0 configures. From cycle 1 on, step k's operands join their read port's queue; port p
   serves ``P = (rows + columns) / dn_bw`` consecutive edge lines (columns first, then rows) and
   sends one word a cycle. P > 1 means a distribution tree, which costs one cycle.
2. A multiplier fires when both operands are there and passes them on in the next cycle.
3. A finished output reaches its collection line 2 cycles after the multiplier fired (line =
   multiplier index modulo ``rn_bw``, one output a line a cycle) and the write queue 1 later.
4. The write queue is left by ceil(waiting / 2) outputs a cycle.

With a line for every multiplier, and ports that do not mix rows with columns, a tile of r x c
takes ``n * (K - 1) + r + c + 3 + (min(r, c) > 1) + (P > 1)`` with ``n = min(P, max(r, c))``: for a
tile that fills the ports the published form, ``s * (K - 1) + r + c + 4 + (s > 1)``.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def _last_operand(line: int, used: int, first: int, limit: int, lines: int, steps: int) -> int:
    """Cycle offset at which the last step's operand leaves its port for edge line ``line``.

    ``used`` columns come first, then rows from edge line ``first`` up to ``limit``; a port sends
    all operands of step k before those of step k + 1.
    """
    begin = (line // lines) * lines
    rank = 0
    load = 0
    for other in range(begin, begin + lines):
        if other < used or (other >= first and other < limit):
            load += 1
            if other < line:
                rank += 1
    return (steps - 1) * load + rank


@njit(cache=True)
def _fire_cycles(
    r: int, c: int, k: int, columns: int, lines_per_port: int, fire: np.ndarray
) -> None:
    """Fill ``fire : int64[r, c]``: the cycle of each multiplier's last product."""
    tree = 1 if lines_per_port > 1 else 0
    for i in range(r):
        for j in range(c):
            if i == 0:
                top = _last_operand(j, c, columns, columns + r, lines_per_port, k) + 1 + tree
            else:
                top = fire[i - 1, j] + 1
            if j == 0:
                left = 1 + tree
                left += _last_operand(columns + i, c, columns, columns + r, lines_per_port, k)
            else:
                left = fire[i, j - 1] + 1
            fire[i, j] = max(top, left)


@njit(cache=True)
def _drain(fire: np.ndarray, columns: int, rn_bw: int) -> int:
    """Return the cycle in which the last output leaves the write queue."""
    r, c = fire.shape
    order = np.argsort(fire.ravel(), kind="mergesort")
    line_free = np.zeros(rn_bw, dtype=np.int64)
    first = fire[0, 0] + 3
    arrivals = np.zeros(fire[r - 1, c - 1] - fire[0, 0] + r * c + 1, dtype=np.int64)
    last = 0
    for index in order:
        i = index // c
        j = index - i * c
        line = (i * columns + j) % rn_bw
        slot = max(fire[i, j] + 3, line_free[line])
        line_free[line] = slot + 1
        arrivals[slot - first] += 1
        last = max(last, slot - first)
    waiting = 0
    cycle = 0
    while cycle <= last or waiting > 0:
        if cycle <= last:
            waiting += arrivals[cycle]
        waiting //= 2
        cycle += 1
    return first + cycle - 1


@njit(cache=True)
def mesh_tile(r: int, c: int, k: int, rows: int, columns: int, dn_bw: int, rn_bw: int) -> int:
    """Cycles of one tile that uses ``r x c`` of the mesh, configuration included."""
    fire = np.empty((r, c), dtype=np.int64)
    _fire_cycles(r, c, k, columns, (rows + columns) // dn_bw, fire)
    return _drain(fire, columns, rn_bw) + 1


@njit(cache=True)
def mesh_gemm(m: int, n: int, k: int, rows: int, columns: int, dn_bw: int, rn_bw: int) -> int:
    """Cycles of one GEMM: the sum over its tiles, which run strictly one after another.

    Parameters
    ----------
    m, n, k : int
        C[m, n] = A[m, k] x B[k, n]; 0 is no work and takes 0 cycles.
    rows, columns : int
        The mesh.
    dn_bw : int
        Read ports, one word a cycle each; divides ``rows + columns``.
    rn_bw : int
        Collection lines, one output a cycle each.

    Returns
    -------
    int
        Cycles.
    """
    if m == 0 or n == 0 or k == 0:
        return 0
    full_m = m // rows
    full_n = n // columns
    rest_m = m - full_m * rows
    rest_n = n - full_n * columns
    total = 0
    if full_m > 0 and full_n > 0:
        total += full_m * full_n * mesh_tile(rows, columns, k, rows, columns, dn_bw, rn_bw)
    if rest_m > 0 and full_n > 0:
        total += full_n * mesh_tile(rest_m, columns, k, rows, columns, dn_bw, rn_bw)
    if full_m > 0 and rest_n > 0:
        total += full_m * mesh_tile(rows, rest_n, k, rows, columns, dn_bw, rn_bw)
    if rest_m > 0 and rest_n > 0:
        total += mesh_tile(rest_m, rest_n, k, rows, columns, dn_bw, rn_bw)
    return total
