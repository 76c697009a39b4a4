"""The multicast kernel on a machine's sparse array: rates from the Arch, Work per tile."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from accelsim.arch.array import SparseArray
from accelsim.errors import InputError
from accelsim.kernels.multicast import TICKS, multicast_tiles
from accelsim.mapping.arrays import SPARSE_PIPELINE_CYCLES
from accelsim.mapping.machine import Core, Work
from accelsim.mapping.reuse import Reuse, Rows
from accelsim.workload.operators import data_bytes

MOST_TILE_ROWS = 1 << 16  # the kernel numbers them in 16 bits


def pair_ticks(core: Core, width: int, dtype: str) -> int:
    """Ticks of an array row for one pair of vectors of `width` elements."""
    array, rate = core.array, core.rate(dtype)
    assert isinstance(array, SparseArray)
    segments = -(-width // array.lanes)
    if segments <= array.segments:
        return max(1, round(TICKS / ((array.segments // segments) * rate)))
    return round(-(-segments // array.segments) * TICKS / rate)


@dataclass(frozen=True)
class MulticastTiles:
    """Cost of every tile of one pass.

    `ticks` int64[tiles] : from the previous tile's end to this one's; `vectors` int64[tiles] :
    vectors read and multicast, `deliveries` to a row's FIFO (one for all that a row holds), and
    `mask_bits` by which rows tell the vectors that each of their stationary ones kept. Of the whole
    pass, ticks: `busy`, in which the most loaded row works; `conflict`, in which the stream waited
    for a bank; `stream`, which the buses and the port need at least. `vector_bytes` : of one.
    """

    ticks: np.ndarray
    vectors: np.ndarray
    deliveries: np.ndarray
    mask_bits: np.ndarray
    busy: int
    conflict: int
    stream: int
    vector_bytes: int = 0

    def tile(self, number: int) -> Work:
        """Cycles of one tile; busy and stalled in the proportion of the whole pass."""
        bits, deliveries = int(self.mask_bits[number]), int(self.deliveries[number])
        return self._work(int(self.ticks[number]), deliveries, bits)

    def whole(self) -> Work:
        """Cycles of the pass."""
        return self._work(self._total, int(self.deliveries.sum()), int(self.mask_bits.sum()))

    @cached_property
    def _total(self) -> int:
        return int(self.ticks.sum())

    def _work(self, ticks: int, deliveries: int, mask_bits: int) -> Work:
        total = max(1, self._total)
        cycles = -(-ticks // TICKS)
        busy = min(cycles, -(-ticks * self.busy // (total * TICKS)))
        conflict = min(cycles - busy, ticks * self.conflict // (total * TICKS))
        stalled = cycles - busy - conflict
        fed = min(stalled, ticks * max(0, self.stream - self.busy) // (total * TICKS))
        return Work(
            cycles=cycles,
            latency_cycles=cycles + SPARSE_PIPELINE_CYCLES,
            busy_cycles=busy,
            conflict_stall_cycles=conflict,
            input_stall_cycles=stalled,
            imbalance_cycles=stalled - fed,
            delivered_bytes=deliveries * self.vector_bytes,
            metadata_bits=mask_bits,
        )


def tile_buffers(array: SparseArray, rows: int, storage: tuple[int, int]) -> int:
    """Tiles of so many stationary vectors that the array holds at once."""
    size, each = storage
    return max(1, min(array.tile_buffers, size // (rows * each)))


def multicast(
    core: Core,
    reuse: Reuse,
    kept: Rows,
    columns: int,
    tile_rows: int,
    copies: int,
    slots_per_row: int,
    width: int,
    dtype: str,
    storage: tuple[int, int],
) -> MulticastTiles:
    """Stream a pattern through the array; parameters as `kernels.multicast.multicast_tiles`.

    `width` : elements of a multicast vector. `storage` : array-local bytes for the stationary
    side and bytes of one stationary vector: rows run ahead into as many tiles as it holds.
    """
    array, pad = core.array, core.scratchpad
    assert isinstance(array, SparseArray)
    if tile_rows > MOST_TILE_ROWS:
        raise InputError(
            f"a tile of {tile_rows:,} rows is more than {MOST_TILE_ROWS:,}",
            where=f"architecture '{core.name}'",
            remedy="fewer rows of the array, or queries a row",
        )
    vector_bytes = data_bytes(width, dtype)
    banks = min(pad.banks, -(-vector_bytes // pad.bank_bytes))
    buses = -(-vector_bytes // array.bus_bytes) * TICKS / array.multicast_buses
    port = vector_bytes * TICKS / pad.shares.array.read
    found = reuse.of(
        _streamed,
        kept,
        columns,
        tile_rows,
        copies,
        slots_per_row,
        array.rows,
        pair_ticks(core, width, dtype),
        math.ceil(max(buses, port)),
        pad.banks // banks,
        -(-vector_bytes // (banks * pad.bank_bytes)) * TICKS,
        pad.queue_depth,
        array.fifo_depth,
        tile_buffers(array, tile_rows * copies, storage),
    )
    return replace(found, vector_bytes=vector_bytes)  # of no concern to the kernel


def _streamed(
    kept: Rows,
    columns: int,
    tile_rows: int,
    copies: int,
    slots_per_row: int,
    array_rows: int,
    row_ticks: int,
    vector_ticks: int,
    *limits: int,
) -> MulticastTiles:
    """The kernel; `limits` : of banks, FIFOs and storage, in its order."""
    out = np.zeros((-(-kept.count // tile_rows), 5), np.int64)
    row_work = np.zeros(array_rows, np.int64)
    shape = columns, tile_rows, copies, slots_per_row, array_rows, row_ticks, vector_ticks
    multicast_tiles(*(*kept.csr, *shape, *limits, out, row_work))
    stream = int(out[:, 1].sum()) * vector_ticks
    ticks, vectors, deliveries = (out[:, column].copy() for column in range(3))
    # A bit for every vector and stationary one of the tile, of which the last may have fewer.
    held = np.minimum(tile_rows, kept.count - tile_rows * np.arange(vectors.size)) * copies
    return MulticastTiles(
        ticks, vectors, deliveries, vectors * held, int(row_work.max()), int(out[:, 4].sum()),
        stream,
    )  # fmt: skip
