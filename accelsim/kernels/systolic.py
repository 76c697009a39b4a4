"""Cycles and edge traffic of one GEMM on a systolic array, for three fold rules.

C[M, N] = A[M, K] x B[K, N] runs on an array of ``rows x columns``. A dataflow says which dimension
lies along the rows (Sr), which along the columns (Sc) and which is streamed (T):

========  =====  ====  ====  ====  ==========================
dataflow  code   Sr    Sc    T     held in the array
========  =====  ====  ====  ====  ==========================
ws        0      K     N     M     B (weights)
os        1      M     N     K     C (outputs)
is        2      K     M     N     A (inputs)
========  =====  ====  ====  ====  ==========================

A *fold* is one ``rows x columns`` piece of Sr x Sc; there are ceil(Sr/R) * ceil(Sc/C) of them.
Sources: serial folds, SCALE-Sim v3; ``tpu_published``, SIGMA (HPCA 2020) as tabulated by TeAAL
(MICRO 2023, Fig 10d); ``preload``, the way a TPU hides its weight load behind the stream.
"""

from __future__ import annotations

from numba import njit

WS = 0
OS = 1
IS = 2

SERIAL = 0
TPU = 1
PRELOAD = 2


@njit(cache=True)
def fold_shape(dataflow: int, m: int, n: int, k: int) -> tuple[int, int, int]:
    """Return (Sr, Sc, T): what lies along the rows, along the columns, and what is streamed."""
    if dataflow == 0:
        return k, n, m
    if dataflow == 1:
        return m, n, k
    return k, m, n


@njit(cache=True)
def serial_folds(dataflow: int, m: int, n: int, k: int, rows: int, columns: int) -> int:
    """Cycles of strictly serial folds, exact to SCALE-Sim v3 (its "total cycles", no stalls).

    ``ceil(Sr/R) * ceil(Sc/C) * P - 1`` with P = 2R + C + T - 2 (ws, is) or R + C + T - 2 (os). The
    -1 once a layer is SCALE-Sim's: it reports the index of the last cycle. A ragged fold costs a
    full one. No work takes 0 cycles.
    """
    sr, sc, t = fold_shape(dataflow, m, n, k)
    folds = -(-sr // rows) * -(-sc // columns)
    if folds == 0 or t == 0:
        return 0
    load = 0 if dataflow == 1 else rows
    return folds * (load + rows + columns + t - 2) - 1


@njit(cache=True)
def tpu_cycles(stationary: int, streamed: int, k: int, rows: int, columns: int) -> int:
    """Cycles with S held and X streamed: ``ceil(S/C) * ceil(K/R) * (X + min(K, R) + C)``.

    SIGMA's TPU-like baseline, no overlap of fill and drain between folds; no work takes 0 cycles.
    """
    if stationary == 0 or streamed == 0 or k == 0:
        return 0
    return -(-stationary // columns) * -(-k // rows) * (streamed + min(k, rows) + columns)


@njit(cache=True)
def tpu_dataflow(m: int, n: int, k: int, rows: int, columns: int) -> int:
    """Return the side that ``tpu_published`` holds: 0 (ws, B) or 2 (is, A); a tie holds B."""
    held_b = tpu_cycles(n, m, k, rows, columns)
    held_a = tpu_cycles(m, n, k, rows, columns)
    return 0 if held_b <= held_a else 2


@njit(cache=True)
def tpu_published(m: int, n: int, k: int, rows: int, columns: int) -> int:
    """Cycles of the published TPU-like array: the faster of holding A and holding B."""
    return min(tpu_cycles(n, m, k, rows, columns), tpu_cycles(m, n, k, rows, columns))


@njit(cache=True)
def preload(
    dataflow: int, m: int, n: int, k: int, rows: int, columns: int, rows_per_cycle: int
) -> tuple[int, int]:
    """Occupancy and latency when the next fold's weights load behind the present stream.

    A fold holds the array for ``max(T, ceil(used rows / rows_per_cycle))`` cycles; a ragged fold
    loads only the rows it uses and still streams T. The last fold keeps its slot too: the load of
    whatever follows goes behind it. Latency adds what nothing hides: the first
    fold's load, the skew R - 1 and the drain C - 1. With one row a cycle and full folds this is
    ``folds * max(T, R) + 2R + C - 2``. Under os nothing is loaded; the finished outputs leave
    by rows behind the next stream instead, and the last fold's exit is what is exposed (SCALE-Sim
    charges no such exit).

    Returns
    -------
    tuple of int
        (occupancy_cycles, latency_cycles); both 0 without work.
    """
    sr, sc, t = fold_shape(dataflow, m, n, k)
    if sr == 0 or sc == 0 or t == 0:
        return 0, 0
    full = sr // rows
    rest = sr - full * rows
    full_move = -(-rows // rows_per_cycle)
    rest_move = -(-rest // rows_per_cycle)
    column_cycles = full * max(t, full_move)
    if rest > 0:
        column_cycles += max(t, rest_move)
    occupancy = -(-sc // columns) * column_cycles
    exposed = full_move
    if full == 0 or (dataflow == 1 and rest > 0):
        exposed = rest_move
    return occupancy, occupancy + exposed + rows + columns - 2


@njit(cache=True)
def edge_elements(
    dataflow: int, m: int, n: int, k: int, rows: int, columns: int
) -> tuple[int, int, int]:
    """Elements through the array's edges: streamed operand, stationary operand, outputs.

    Under ws and is the streamed operand passes once per fold column, the held one is loaded once,
    and each of the ceil(K/R) folds along K writes its partial sums: of the ``output_elements``
    all but M*N are partial sums that are also read back to be added. Under os nothing is held:
    the first figure is A (row edge), the second is B (column edge), and outputs leave once.
    """
    sr, sc, t = fold_shape(dataflow, m, n, k)
    row_folds = -(-sr // rows)
    column_folds = -(-sc // columns)
    if dataflow == 1:
        return m * k * column_folds, k * n * row_folds, m * n
    return sr * t * column_folds, sr * sc, t * sc * row_folds


@njit(cache=True)
def stream_slots(dataflow: int, m: int, n: int, k: int, rows: int, columns: int) -> int:
    """MAC slots offered while folds stream: ``folds * R * C * T``.

    SCALE-Sim's mapping efficiency is ``M*N*K / stream_slots`` = Sr*Sc over the folds' R*C.
    """
    sr, sc, t = fold_shape(dataflow, m, n, k)
    return -(-sr // rows) * -(-sc // columns) * rows * columns * t


@njit(cache=True)
def systolic_gemm(
    dataflow: int,
    fold_rule: int,
    m: int,
    n: int,
    k: int,
    rows: int,
    columns: int,
    preload_rows_per_cycle: int,
) -> tuple[int, int, int, int, int, int]:
    """Every figure of one GEMM on the array.

    Parameters
    ----------
    dataflow : int
        0 ws, 1 os, 2 is. The rule ``tpu_published`` chooses its own side and ignores it.
    fold_rule : int
        0 serial_folds, 1 tpu_published, 2 preload.
    m, n, k : int
        C[m, n] = A[m, k] x B[k, n]; 0 is no work.
    rows, columns : int
        The array, each at least 1.
    preload_rows_per_cycle : int
        Stationary rows that enter per cycle, at least 1 (used by ``preload``).

    Returns
    -------
    tuple of int
        ``(occupancy_cycles, latency_cycles, issued_mac_slots, streamed_elements,
        stationary_elements, output_elements)``. Serial rules overlap nothing, so there latency
        equals occupancy. ``issued_mac_slots`` = m*n*k are the slots used; those offered are
        ``occupancy_cycles * rows * columns``. Elements as in :func:`edge_elements`.
    """
    used_dataflow = dataflow
    if fold_rule == 0:
        occupancy = serial_folds(dataflow, m, n, k, rows, columns)
        latency = occupancy
    elif fold_rule == 1:
        used_dataflow = tpu_dataflow(m, n, k, rows, columns)
        occupancy = tpu_published(m, n, k, rows, columns)
        latency = occupancy
    else:
        occupancy, latency = preload(dataflow, m, n, k, rows, columns, preload_rows_per_cycle)
    streamed, stationary, outputs = edge_elements(used_dataflow, m, n, k, rows, columns)
    return occupancy, latency, m * n * k, streamed, stationary, outputs
