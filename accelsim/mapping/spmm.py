"""SpMM on a sparse row array: C[r, w] = sum over kept k of A[r, k] x B[k, w].

Array rows hold output rows (a slice of `width` accumulators each), the rows of B are read once
per tile and multicast to the output rows that kept them. Used for kept activations after a ReLU
and for pruned weights; attention does the same with its own tiles.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from accelsim.arch.array import SparseArray
from accelsim.mapping.machine import INDEX, Machine, Work
from accelsim.mapping.multicast import multicast
from accelsim.mapping.reuse import Rows
from accelsim.workload.operators import data_bytes

ACCUMULATOR_BYTES = 4


def spmm_work(machine: Machine, kept: Rows, depth: int, width: int, dtype: str) -> Work:
    """Cost of one SpMM as a single array task; see `spmm_works`."""
    return spmm_works(machine, kept, depth, [width], dtype)[width]


def spmm_works(
    machine: Machine,
    kept: Rows,
    depth: int,
    widths: Iterable[int],
    dtype: str,
) -> dict[int, Work]:
    """Cost of one SpMM as a single array task, ports not charged, for every width.

    Delivered are rows of B to each row that kept them, and the kept values of A; a sum is read and
    written for each kept value and element of a row of B.

    Parameters
    ----------
    machine : Machine
        With a sparse array.
    kept : Rows
        Kept k of each output row.
    depth : int
        Number of rows of B.
    widths : iterable of int
        Columns of B and C.
    dtype : str
    """
    slices: dict[int, Work] = {}
    return {
        width: _whole(machine, kept, depth, width, dtype, slices) for width in dict.fromkeys(widths)
    }


def _whole(
    machine: Machine,
    kept: Rows,
    depth: int,
    width: int,
    dtype: str,
    known: dict[int, Work],
) -> Work:
    """Slice after slice; `known` : slices that were costed."""
    array = machine.array
    assert isinstance(array, SparseArray)
    rows, nonzeros = kept.count, kept.nonzeros
    if rows == 0 or nonzeros == 0:
        return Work()
    lanes_wide = array.segments * array.lanes
    slots = array.queries_per_row if rows > array.rows else 1
    tile = array.rows * slots
    total = Work()
    # Accumulators hold `lanes_wide` outputs a slot: wider outputs take one pass for each slice,
    # and slices of one width take the same.
    for slice_width, slices in ((lanes_wide, width // lanes_wide), (width % lanes_wide, 1)):
        if not slice_width * slices:
            continue
        if slice_width in known:
            total = total.plus(known[slice_width].times(slices))
            continue
        storage = array.accumulators, slice_width * ACCUMULATOR_BYTES
        tiles = multicast(
            machine, machine.reuse, kept, depth, tile, 1, slots, slice_width, dtype, storage
        )
        whole = tiles.whole()
        # Rows of B, the kept values of A, and its bitmap, which says where they belong.
        values = data_bytes(nonzeros, dtype)
        moved = int(tiles.vectors.sum()) * data_bytes(slice_width, dtype)
        moved += values + rows * depth // 8
        known[slice_width] = whole._replace(
            issued_macs=nonzeros * slice_width,
            issued_slots=math.ceil(nonzeros * slice_width / machine.rate(dtype)),
            read_bytes=moved,
            write_bytes=rows * data_bytes(slice_width, dtype),
            delivered_bytes=whole.delivered_bytes + values,
            partial_bytes=2 * ACCUMULATOR_BYTES * nonzeros * slice_width,
        )
        total = total.plus(known[slice_width].times(slices))
    return total


def bitmap_union_work(machine: Machine, bits: int) -> Work:
    """Cost of building the unions of tiles from a bitmap of so many bits on the index unit."""
    index = machine.index
    assert index is not None
    cycles = max(1, -(-bits // index.bitmap_bits_per_cycle))
    work = Work(cycles, cycles, cycles, read_bytes=-(-bits // 8), metadata_bits=bits)
    return machine.charged(INDEX, work)
