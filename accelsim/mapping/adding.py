"""Adding rows into accumulators that are read, added to and written back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accelsim.arch.memory import ScatterUnit
from accelsim.kernels.scatter import (
    COMBINED,
    CYCLES,
    FETCHED,
    STALLED,
    WRITTEN,
    scatter_tiles,
)
from accelsim.mapping.machine import SCATTER, VECTOR, Machine, Work
from accelsim.workload.arrays import kernel_array

ACCUMULATOR_BYTES = 4


@dataclass(frozen=True)
class Added:
    """What adding the rows of every tile does, in order.

    Attributes
    ----------
    tiles : int64[tiles, .]
        See `accelsim.kernels.scatter`.
    rows : int64[tiles]
        Rows added.
    fetched, written : list of int64[.], one a tile
        Rows of the table that come from memory, and go back to it.
    kept : int64[.]
        Rows that are still in the accumulators at the end, if they do not hold the whole table.
    """

    tiles: np.ndarray
    rows: np.ndarray
    fetched: list[np.ndarray]
    written: list[np.ndarray]
    kept: np.ndarray

    def scatter_work(
        self, machine: Machine, unit: ScatterUnit, tile: int, elements: int, row_bytes: int
    ) -> Work:
        """Cost of a tile on the scatter unit, ports charged; combined rows touch a sum once.

        Its operations are additions: of every row, those that are combined before included.
        """
        rows, (cycles, stalled, combined) = int(self.rows[tile]), self._counts(tile)
        sums = (rows - combined) * elements * ACCUMULATOR_BYTES
        work = Work(
            cycles=cycles,
            latency_cycles=cycles,
            busy_cycles=cycles - stalled,
            conflict_stall_cycles=stalled,
            read_bytes=rows * row_bytes + sums,
            write_bytes=sums,
            operations=rows * elements,
        )
        return machine.charged(SCATTER, work)

    def vector_work(self, machine: Machine, tile: int, elements: int, row_bytes: int) -> Work:
        """Cost of a tile on the vector unit, a row at a time, ports charged."""
        rows = int(self.rows[tile])
        cycles = rows * -(-elements // machine.arch.vector.lanes)
        sums = rows * elements * ACCUMULATOR_BYTES
        read = sums + rows * row_bytes
        work = Work(
            cycles, cycles, cycles, read_bytes=read, write_bytes=sums, operations=rows * elements
        )
        return machine.charged(VECTOR, work)

    def counters(self, tile: int, *, combine: bool) -> dict[str, int]:
        """Counters of a tile's task; only the scatter unit combines rows."""
        return {
            "added_rows": int(self.rows[tile]),
            "combined_rows": int(self.tiles[tile, COMBINED]) if combine else 0,
            "fetched_rows": int(self.tiles[tile, FETCHED]),
            "written_rows": int(self.tiles[tile, WRITTEN]),
        }

    def _counts(self, tile: int) -> tuple[int, int, int]:
        cycles, stalled, combined = self.tiles[tile, [CYCLES, STALLED, COMBINED]].tolist()
        return cycles, stalled, combined


def add_rows(
    indices: np.ndarray,
    tile_ptr: np.ndarray,
    elements: int,
    unit: ScatterUnit | None,
    *,
    table_rows: int = 0,
    held_rows: int = 0,
) -> Added:
    """Count what it takes to add rows of `elements` into a table, tile by tile.

    Parameters
    ----------
    indices : int[n]
        Row of the table for each row that is added.
    tile_ptr : int[tiles + 1]
        Offsets into `indices`.
    elements : int
        Of a row.
    unit : ScatterUnit or None
        Its banks and queues; None for accumulators that software manages, without banks.
    table_rows, held_rows : int
        Rows of the table, and of it in the accumulators; 0 for all.
    """
    indices = kernel_array(indices, np.int64)
    tile_ptr = kernel_array(tile_ptr, np.int64)
    banks, lanes, depth = (unit.banks, unit.lanes, unit.queue_depth) if unit else (1, elements, 1)
    held = held_rows and held_slots(held_rows, unit)
    fetched = np.empty(indices.size, np.int64)
    written = np.empty(indices.size + held, np.int64)
    waits = np.zeros(depth + 1, np.int64)
    nothing = np.zeros((0, 1), np.int64)
    tiles, writes = scatter_tiles(
        indices, tile_ptr, -(-elements // lanes), banks, depth, 1, table_rows, held, fetched,
        written, waits, nothing, nothing,
    )  # fmt: skip
    fetch_end, write_end = np.cumsum(tiles[:, FETCHED]), np.cumsum(tiles[:, WRITTEN])
    last = int(write_end[-1]) if write_end.size else 0
    return Added(
        tiles,
        np.diff(tile_ptr),
        np.split(fetched[: int(fetch_end[-1]) if fetch_end.size else 0], fetch_end[:-1]),
        np.split(written[:last], write_end[:-1]),
        written[last:writes],
    )


def held_slots(held_rows: int, unit: ScatterUnit | None) -> int:
    """Rows that accumulators of so many hold when every bank has as many, at least one."""
    banks = unit.banks if unit else 1
    return banks * max(1, held_rows // banks)
