"""How a sparse row array runs a dense GEMM: stationary slices, the other operand multicast.

The MACs form dot-product units of `k_slice` lanes; each holds `slots` slices of the stationary
operand (A's rows, or B's columns: the caller may swap them), and a slice of the other operand is
multicast to all units. Results accumulate in the array-local accumulators over the K slices of a
block of the multicast dimension. Each (block, K slice) loads its stationary slices again: hidden
behind the stream when half of the storage is free for the next ones (`slots` = 1), else exposed.
"""

from __future__ import annotations

from numba import njit


@njit(cache=True)
def dense_gemm(
    held, streamed, k, macs, k_slice, slots, hidden, read_share, operand_bytes, accumulator_bytes
):
    """Cycles of one GEMM with one K slice length.

    Parameters
    ----------
    held, streamed, k : int
        Stationary vectors, multicast vectors, their length.
    macs : int
        MAC units, each of one MAC a cycle.
    k_slice : int
        Lanes of a dot-product unit.
    slots : int
        Stationary slices held by one dot-product unit.
    hidden : int
        1 if the next stationary slices load behind the stream.
    read_share : int
        Scratchpad read port of the array, bytes (or parts of a byte) per cycle.
    operand_bytes : int
        In the unit of `read_share`.
    accumulator_bytes : int
        Array-local accumulators, fp32.

    Returns
    -------
    compute, port, reload, read_bytes, delivered_bytes, k_slices : int64
        Cycles bound by compute, further cycles bound by the read port, cycles of exposed reloads
        of stationary slices, bytes (or parts) read from the scratchpad, bytes (or parts) that
        units take in (a streamed slice in each unit that holds something), slices of K.
    """
    units = macs // k_slice
    tile = units * slots
    compute = 0
    port = 0
    reload = 0
    read_bytes = 0
    delivered = 0
    k_slices = (k + k_slice - 1) // k_slice
    for first in range(0, held, tile):
        here = min(tile, held - first)
        block = min(streamed, max(1, accumulator_bytes // (4 * here)))
        blocks = 1 if k_slices == 1 else (streamed + block - 1) // block
        vector_cycles = (here + units - 1) // units
        for at in range(k_slices):
            lanes = min(k_slice, k - at * k_slice)
            stream_bytes = streamed * lanes * operand_bytes
            held_bytes = here * lanes * operand_bytes * blocks
            cycles = streamed * vector_cycles
            compute += cycles
            read_bytes += stream_bytes + held_bytes
            delivered += stream_bytes * min(units, here) + held_bytes
            if hidden == 1:
                need = (stream_bytes + held_bytes + read_share - 1) // read_share
                if first == 0 and at == 0:
                    reload += (here * lanes * operand_bytes + read_share - 1) // read_share
            else:
                need = (stream_bytes + read_share - 1) // read_share
                reload += (held_bytes + read_share - 1) // read_share
            port += max(0, need - cycles)
    return compute, port, reload, read_bytes, delivered, k_slices


@njit(cache=True)
def fastest_dense_gemm(m, n, k, macs, k_slices, most, read_share, operand_bytes, accumulator_bytes):
    """The fastest way to run a GEMM: its K slice, which operand is stationary, hidden loads or not.

    Parameters
    ----------
    m, n, k : int
    k_slices : int64[choices]
        Lanes of a dot-product unit to choose from, at most `macs`.
    most : int
        Stationary slices that a dot-product unit has room for; half as many hide their loads.
    macs, read_share, operand_bytes, accumulator_bytes : int
        See `dense_gemm`.

    Returns
    -------
    hidden, compute, port, reload, read_bytes, delivered_bytes, k_slices : int64
        Whether loads are hidden, then what `dense_gemm` returns; the first of equals.
    """
    best = (0, 0, 0, 0, 0, 0, 0)
    least = -1
    for k_slice in k_slices:
        for swapped in range(2):
            held, streamed = (n, m) if swapped == 1 else (m, n)
            for hidden in range(2):
                if hidden == 1 and most < 2:
                    continue
                slots = max(1, most // 2) if hidden == 1 else most
                found = dense_gemm(
                    held, streamed, k, macs, min(k_slice, macs), slots, hidden, read_share,
                    operand_bytes, accumulator_bytes,
                )  # fmt: skip
                # A hidden load is exposed only when nothing runs before it.
                compute, port, reload, moved, delivered, slices = found
                cycles = compute + port + (0 if hidden == 1 else reload)
                if least < 0 or cycles < least:
                    least = cycles
                    best = (hidden, compute, port, reload, moved, delivered, slices)
    return best
