"""SDDMM: wanted positions of C[m, n] = A[m, k] x B[k, n], such as the gradient of masked weights.

Loop nest on a sparse row array: for block of rows of A: for block of columns of B: for tile of rows
that the array holds: for slice of K: the rows' slices are stationary, as queries are, and the
slices of B's columns are multicast to the rows that want a product with them. Sums of a tile wait
for the next slice in the array's accumulators, or pass through the scratchpad where these are too
small. An array that cannot skip computes all of C; wanted values alone are written either way, and
their mask is read.

Not modelled: bringing wanted values together as they are written, columns of B as the stationary
side.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from accelsim.arch.array import SparseArray
from accelsim.mapping.machine import ARRAY, INDEX, Machine, Work
from accelsim.mapping.multicast import MulticastTiles, multicast
from accelsim.mapping.reuse import Reuse, Rows
from accelsim.workload.arrays import pointers
from accelsim.workload.operators import Matmul, data_bytes, element_bytes
from accelsim.workload.patterns import Pattern

ACCUMULATOR_BYTES = 4
LISTED_BYTES = 2, 4  # of a stored index below 65,536, and of others


@dataclass(frozen=True)
class Held:
    """How the array holds A: rows of a tile, of them on an array row, elements of a slice of K,
    and whether the load of the next slice is hidden.
    """

    rows: int
    slots: int
    width: int
    hidden: bool


@dataclass(frozen=True)
class Sampled:
    """Wanted outputs of a whole operator on a row array.

    Attributes
    ----------
    works : list[Work]
        Of every tile of `tile_rows` rows, all columns of B, ports not charged.
    blocks : int
        Blocks of columns into which the work is to be cut.
    cycles : int
        Of all tiles, ports charged.
    """

    works: list[Work]
    tile_rows: int
    blocks: int
    cycles: int

    def rows(self, first: int, last: int) -> Work:
        """Work of some rows, which begin with a tile."""
        total = Work()
        for work in self.works[first // self.tile_rows : -(-last // self.tile_rows)]:
            total = total.plus(work)
        return total


def sampled_work(
    machine: Machine,
    op: Matmul,
    wanted: Rows,
    most_rows: int,
    least_blocks: int,
) -> Sampled:
    """The fastest way to make the wanted outputs alone.

    Parameters
    ----------
    machine : Machine
        With a sparse array.
    op : Matmul
    wanted : Rows
        Wanted columns of each row of C.
    most_rows : int
        Rows of A that fit into the scratchpad.
    least_blocks : int
        Blocks of columns of B, each of which fits where weights are staged.
    """
    array = machine.array
    assert isinstance(array, SparseArray)
    kept = np.diff(wanted.indptr)
    found: list[Sampled] = []
    for held in _ways(array, op, most_rows):
        tile_rows = held.rows
        full, slices, rest = _passes(machine, op, wanted, held)
        pairs = np.add.reduceat(kept, np.arange(0, op.m, tile_rows))
        for blocks in _block_counts(array, op.n, int(pairs.max()), least_blocks):
            works = []
            for tile, count in enumerate(pairs.tolist()):
                if not count:
                    works.append(Work())
                    continue
                work = full.tile(tile).times(slices)
                vectors = slices * int(full.vectors[tile]) * held.width
                if rest is not None:
                    work = work.plus(rest.tile(tile))
                    vectors += int(rest.vectors[tile]) * (op.k % held.width)
                rows = min(tile_rows, op.m - tile * tile_rows)
                passes = slices + (rest is not None)
                works.append(_moved(machine, op, work, held, rows, count, vectors, blocks, passes))
            cycles = sum(machine.charged(ARRAY, work).cycles for work in works)
            found.append(Sampled(works, tile_rows, blocks, cycles))
    return min(found, key=lambda sampled: sampled.cycles)


def _ways(array: SparseArray, op: Matmul, most_rows: int) -> Iterator[Held]:
    """One vector a row or several, the load of the next slice exposed or hidden."""
    item = element_bytes(op.dtype)
    for slots in sorted({1, array.queries_per_row if op.m > array.rows else 1}):
        rows = min(array.rows * slots, most_rows)
        for hidden in (False, True):
            room = int(array.query_storage // ((2 if hidden else 1) * rows * item))
            width = max(array.lanes, room // array.lanes * array.lanes)
            yield Held(rows, slots, min(width, op.k), hidden)


def _passes(
    machine: Machine, op: Matmul, wanted: Rows, held: Held
) -> tuple[MulticastTiles, int, MulticastTiles | None]:
    """One slice of full width, how many of them, and what is left of K."""
    array = machine.array
    assert isinstance(array, SparseArray)

    def one(width: int) -> MulticastTiles:
        storage = array.query_storage, data_bytes(width, op.dtype)
        return multicast(
            machine, machine.reuse, wanted, op.n, held.rows, 1, held.slots, width, op.dtype,
            storage,
        )  # fmt: skip

    left = op.k % held.width
    return one(held.width), op.k // held.width, one(left) if left else None


def _block_counts(array: SparseArray, n: int, most_pairs: int, least: int) -> list[int]:
    """Blocks of columns: as few as fit, and so many that sums of a block stay in the array."""
    room = max(1, array.accumulators // ACCUMULATOR_BYTES)
    return sorted({least, min(n, max(least, -(-most_pairs // room)))})


def _moved(
    machine: Machine,
    op: Matmul,
    work: Work,
    held: Held,
    rows: int,
    pairs: int,
    vectors: int,
    blocks: int,
    passes: int,
) -> Work:
    """The work of a tile with what it reads and writes; `vectors` : elements of B multicast.

    Rows of A are delivered beside them. A slice of K writes a sum of each pair, and reads it but
    for the first.
    """
    array = machine.array
    assert isinstance(array, SparseArray)
    stationary = rows * data_bytes(op.k, op.dtype) * (1 if passes == 1 else blocks)
    exposed = 0 if held.hidden else -(-stationary // machine.scratchpad.shares.array.read)
    sums = 0
    if -(-pairs // blocks) * ACCUMULATOR_BYTES > array.accumulators:
        sums = (passes - 1) * pairs * ACCUMULATOR_BYTES
    return work._replace(
        cycles=work.cycles + exposed,
        latency_cycles=work.latency_cycles + exposed,
        fill_cycles=work.fill_cycles + exposed,
        issued_macs=pairs * op.k,
        issued_slots=math.ceil(pairs * op.k / machine.rate(op.dtype)),
        read_bytes=data_bytes(vectors, op.dtype) + stationary + sums,
        write_bytes=data_bytes(pairs, op.dtype) + sums,
        delivered_bytes=work.delivered_bytes + stationary,
        partial_bytes=ACCUMULATOR_BYTES * pairs * (2 * passes - 1),
    )


# ---- the mask, and what of C is written ---------------------------------------------------------
def mask_bytes(rows: int, columns: int, kept: int) -> int:
    """Bytes of a stored mask: a bit a position, or an index for each kept one, what is less."""
    return min(-(-rows * columns // 8), kept * LISTED_BYTES[columns > 1 << 16])


def mask_work(machine: Machine, rows: int, columns: int, kept: int) -> Work:
    """The index unit's pass over a mask as it is stored; it looks each listed position up."""
    index = machine.index
    assert index is not None
    listed = kept * LISTED_BYTES[columns > 1 << 16] <= -(-rows * columns // 8)
    rate, count = (
        (index.csr_nonzeros_per_cycle, kept)
        if listed
        else (index.bitmap_bits_per_cycle, rows * columns)
    )
    cycles = max(1, -(-count // rate))
    work = Work(
        cycles,
        cycles,
        cycles,
        read_bytes=mask_bytes(rows, columns, kept),
        operations=kept if listed else 0,
        metadata_bits=kept * LISTED_BYTES[columns > 1 << 16] * 8 if listed else rows * columns,
    )
    return machine.charged(INDEX, work)


class Written:
    """Where the parts of C lie that are written: blocks of rows, in them blocks of columns.

    All positions, or those of `wanted`: their values alone, the pattern is known to the reader.
    """

    def __init__(
        self, op: Matmul, wanted: Pattern | None, rows: int, columns: int, reuse: Reuse
    ) -> None:
        self._op, self._rows, self._columns = op, rows, columns
        self._ends: np.ndarray | None = None
        if wanted is None:
            return
        self._across = -(-op.n // columns)
        counts = [
            reuse.of(
                _in_columns, reuse.rows(wanted, m0, min(op.m, m0 + rows)), columns, self._across
            )
            for m0 in range(0, op.m, rows)
        ]
        self._ends = pointers(np.concatenate(counts))

    def block(self, m0: int, n0: int, rows: int, columns: int) -> tuple[int, int]:
        """(first byte, bytes) of a block of C."""
        if self._ends is None:
            op = self._op
            before, until = (data_bytes(n, op.dtype) for n in (n0, n0 + columns))
            return m0 * data_bytes(op.n, op.dtype) + rows * before, rows * (until - before)
        at = m0 // self._rows * self._across + n0 // self._columns
        first, last = (data_bytes(int(self._ends[i]), self._op.dtype) for i in (at, at + 1))
        return first, last - first

    def total(self) -> int:
        """Bytes of all that is written."""
        if self._ends is None:
            return self._op.m * data_bytes(self._op.n, self._op.dtype)
        return data_bytes(int(self._ends[-1]), self._op.dtype)

    def row_block(self, m0: int, rows: int) -> int:
        """Elements of all blocks of some rows."""
        if self._ends is None:
            return rows * self._op.n
        at = m0 // self._rows * self._across
        return int(self._ends[at + self._across] - self._ends[at])

    def largest(self) -> int:
        """Elements of the largest block."""
        if self._ends is None:
            return self._rows * self._columns
        return int(np.diff(self._ends).max(initial=0))


def _in_columns(wanted: Rows, columns: int, across: int) -> np.ndarray:
    """Wanted positions in each block of columns, int64[across]."""
    return np.bincount(wanted.indices // columns, minlength=across)
