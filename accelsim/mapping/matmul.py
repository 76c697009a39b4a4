"""Matrix multiplication: weight tiles stream past blocks of activation rows.

Loop nest: for block of rows of A (as many as fit beside the output): for block of columns of B:
for chunk of K: array task; partial sums stay in the array's accumulators or the tile storage. A
weight chunk is fetched ahead of need, bounded by the weight staging storage.

On a sparse array a pattern may be used instead of `dense_mode`: kept activations (rows hold
output rows of A, weight rows are multicast), kept weights (rows hold output columns, activation
columns are multicast) or wanted outputs (see `sddmm`), whichever is faster by estimate. Systolic
arrays run dense. Of wanted outputs every machine reads the mask and writes the values.

Where A has fewer distinct elements than m x k (patches of an image that overlap), these are what
moves and is kept; patches are formed on the way from the scratchpad to the array, which reads
m x k elements on every machine.

Not modelled: elements that two blocks of rows share (each comes with one of them), storing the
output in a compressed format, N:M weight decoding.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

from accelsim.arch.array import SparseArray
from accelsim.arch.composed import ComposedArray
from accelsim.mapping.arrays import Gemm
from accelsim.mapping.composed_matmul import map_composed_matmul
from accelsim.mapping.machine import INDEX, Machine, Work
from accelsim.mapping.plan import Plan, Traffic, run
from accelsim.mapping.sddmm import Written, mask_bytes, mask_work, sampled_work
from accelsim.mapping.spmm import bitmap_union_work, spmm_work
from accelsim.mapping.stream import StreamedGemm, array_width
from accelsim.workload.operators import Matmul, data_bytes, element_bytes
from accelsim.workload.patterns import Pattern

ACCUMULATOR_BYTES = 4


@dataclass(frozen=True)
class Tiling:
    """Rows of A and columns of B of one output block."""

    rows: int
    columns: int


def tile_gemm(
    machine: Machine, m: int, n: int, k: int, item_bytes: float, row_bytes: int | None = None
) -> Tiling:
    """The largest block of rows that fits twice, and columns worth one chunk of weights.

    `row_bytes` : bytes of a row of A as it is stored, by default of k elements.
    """
    row = math.ceil(k * item_bytes) if row_bytes is None else row_bytes
    width = array_width(machine)
    chunk = min(machine.arch.mapping.chunk, machine.weights_bytes // 2)
    columns = max(width, int(chunk // (k * item_bytes)) // width * width)
    columns = min(n, columns, max(1, int(machine.weights_bytes // (2 * item_bytes))))
    room = machine.tiles_bytes * 19 // 20
    rows = min(m, max(1, room // (2 * (row + 2 * columns * ACCUMULATOR_BYTES))))
    return Tiling(rows, columns)


@dataclass(frozen=True)
class SparsePlan:
    """A pattern that is used: which, block sizes, and work by (row, column) of a block."""

    used: str
    tiling: Tiling
    works: dict[tuple[int, int], Work]

    def cost(self, machine: Machine, op: Matmul) -> tuple[float, int]:
        """Cycles by estimate, those of the array second."""
        array = sum(work.cycles for work in self.works.values())
        return _cost(machine, op, self.tiling, array)


def map_matmul(plan: Plan, op: Matmul, gemm: Gemm) -> None:
    """Add the tasks of one Matmul operator."""
    if isinstance(plan.machine.arch.array, ComposedArray):
        map_composed_matmul(plan, op)
    else:
        _MatmulTasks(plan, op, gemm).emit()


class _MatmulTasks:
    def __init__(self, plan: Plan, op: Matmul, gemm: Gemm) -> None:
        self.plan, self.op, self.gemm = plan, op, gemm
        machine, self.item = plan.machine, element_bytes(op.dtype)
        self.column = data_bytes(op.k, op.dtype)
        distinct = op.activation_elements
        self.a_bytes = op.m * self.column if distinct is None else data_bytes(distinct, op.dtype)
        tiling = tile_gemm(machine, op.m, op.n, op.k, self.item, -(-self.a_bytes // op.m))
        self.sparse = _sparse_plan(machine, op, gemm, tiling)
        self.tiling = tiling if self.sparse is None else self.sparse.tiling
        self.wanted = op.output_pattern
        self.written = Written(op, self.wanted, self.tiling.rows, self.tiling.columns)
        c_bytes = self.written.total()
        self.a_on_chip = plan.inputs_on_chip()
        self.a_base = 0 if self.a_on_chip else plan.place(self.a_bytes, Traffic.ACTIVATIONS)
        self.b_base = plan.place(op.n * self.column, Traffic.WEIGHTS)
        self.c_on_chip = plan.keep_output(c_bytes)
        self.c_base = 0 if self.c_on_chip else plan.place(c_bytes, Traffic.OUTPUTS)
        self.stream = StreamedGemm(plan, gemm, op.dtype, op.weights == "static")

    def emit(self) -> None:
        """Block of rows after block of rows."""
        op, tiling, sparse = self.op, self.tiling, self.sparse
        for m0 in range(0, op.m, tiling.rows):
            self._rows(m0, min(tiling.rows, op.m - m0))
        how = "dense" if sparse is None else f"sparse, from the kept {sparse.used}"
        if self.wanted is not None:
            how = how.replace("kept outputs", "wanted outputs") + ", wanted outputs written"
        self.plan.choose(
            f"for {tiling.rows} of {op.m} rows: for {tiling.columns} of {op.n} columns: "
            f"for {self.stream.depth(tiling.columns, op.k)} of K {op.k}: {how}"
        )

    def _rows(self, m0: int, rows: int) -> None:
        """Rows of A in, block after block of C out."""
        plan, op, tiling = self.plan, self.op, self.tiling
        held = plan.join([plan.start])
        sums = self._sums(rows)
        first, last = (self.a_bytes * row // op.m for row in (m0, m0 + rows))
        release = plan.claim_tiles(held, sums + (0 if self.a_on_chip else last - first))
        inputs = held
        if last > first and not self.a_on_chip:
            inputs = plan.load(run(self.a_base + first, last - first), Traffic.ACTIVATIONS, [held])
        known = [inputs, *self._metadata(m0, rows, inputs)]
        done: list[int] = []
        for n0 in range(0, op.n, tiling.columns):
            columns = min(tiling.columns, op.n - n0)
            work = None if self.sparse is None else self.sparse.works[(m0, n0)]
            base = self.b_base + n0 * self.column
            made = self.stream.add(base, rows, columns, op.k, known, self.item, sparse=work)
            at, size = self.written.block(m0, n0, rows, columns)
            if self.c_on_chip or not size:
                done.append(plan.final(made))
            else:  # the output is written block by block
                block = run(self.c_base + at, size)
                done.append(plan.store(block, Traffic.OUTPUTS, [made]))
        release(plan.join(done))

    def _sums(self, rows: int) -> int:
        """Bytes of the sums of two blocks: one leaves while the next is made."""
        if self.sparse is not None and self.sparse.used == "outputs":
            return 2 * self.written.largest() * ACCUMULATOR_BYTES
        return 2 * rows * self.tiling.columns * ACCUMULATOR_BYTES

    def _metadata(self, m0: int, rows: int, after: int) -> list[int]:
        """Fetch the mask of wanted outputs, or the bitmap of the pattern that is used; the index
        unit builds the unions of tiles from what is used.
        """
        op, machine = self.op, self.plan.machine
        used = None if self.sparse is None else self.sparse.used
        found = []
        if self.wanted is not None:
            kept = self.written.row_block(m0, rows)
            work = mask_work(machine, rows, op.n, kept) if used == "outputs" else None
            found.append(self._pattern(mask_bytes(rows, op.n, kept), work, after))
        if used == "activations" or used == "weights":
            bits = (rows if used == "activations" else op.n) * op.k
            stored = -(-bits // 8)
            if used == "activations" and op.activation_elements is not None:
                stored = -(-rows * op.activation_elements // (8 * op.m))
            found.append(self._pattern(stored, bitmap_union_work(machine, bits), after))
        return found

    def _pattern(self, stored: int, work: Work | None, after: int) -> int:
        """Fetch a pattern; with `work` it is worked on by the index unit once `after` has ended."""
        plan = self.plan
        base = plan.place(stored, Traffic.METADATA)
        held = plan.join([plan.start])
        release = plan.claim_tiles(held, stored)
        ready = plan.load(run(base, stored), Traffic.METADATA, [held]) if stored else held
        if work is not None:
            ready = plan.task(INDEX, work, [ready, after])
        release(ready)
        return ready


def _sparse_plan(machine: Machine, op: Matmul, gemm: Gemm, tiling: Tiling) -> SparsePlan | None:
    """The fastest pattern to use; None where dense is faster or all there is."""
    arch = machine.arch
    if not isinstance(arch.array, SparseArray) or arch.index is None or not arch.mapping.sparsity:
        return None
    options: list[SparsePlan] = []
    if op.activation_pattern is not None:
        works = _by_rows(machine, op, op.activation_pattern, tiling)
        options.append(SparsePlan("activations", tiling, works))
    if op.weight_pattern is not None:
        works = _by_columns(machine, op, op.weight_pattern, tiling)
        options.append(SparsePlan("weights", tiling, works))
    if op.output_pattern is not None:
        options.append(_by_outputs(machine, op, op.output_pattern))
    if not options:
        return None
    dense = sum(
        gemm(min(tiling.rows, op.m - m0), op.n, op.k, op.dtype, 2).cycles
        for m0 in range(0, op.m, tiling.rows)
    )
    best = min(options, key=lambda option: option.cost(machine, op))
    return best if best.cost(machine, op) < _cost(machine, op, tiling, dense) else None


def _cost(machine: Machine, op: Matmul, tiling: Tiling, array_cycles: int) -> tuple[float, int]:
    """The larger of array and weights from DRAM, and the array alone; ports not charged."""
    dram = machine.arch.dram
    rate = dram.line * dram.channels * machine.ps / dram.burst_ps
    moved = -(-op.m // tiling.rows) * op.n * data_bytes(op.k, op.dtype)
    return max(array_cycles, moved / rate), array_cycles


def _by_outputs(machine: Machine, op: Matmul, pattern: Pattern) -> SparsePlan:
    """Wanted outputs; blocks of rows are whole tiles of the array."""
    indptr, indices = pattern.csr()
    column = data_bytes(op.k, op.dtype)
    room = machine.tiles_bytes * 19 // 20
    # Rows of A and wanted sums twice, columns of B twice.
    sums = 2 * ACCUMULATOR_BYTES * -(-indices.size // op.m)
    most = min(op.m, max(1, room // (2 * (column + sums))))
    each = max(1, machine.weights_bytes // (2 * column))
    sampled = sampled_work(machine, op, indptr, indices, most, -(-op.n // each))
    columns, tile = -(-op.n // sampled.blocks), sampled.tile_rows
    tiles = -(-op.m // tile) if most == op.m else max(1, most // tile)
    while True:
        tiling = Tiling(min(op.m, tiles * tile), columns)
        sums = 2 * Written(op, pattern, *astuple(tiling)).largest() * ACCUMULATOR_BYTES
        if tiles == 1 or 2 * (tiling.rows * column + sums) <= room:
            break
        tiles //= 2
    works = {}
    for m0 in range(0, op.m, tiling.rows):
        whole = sampled.rows(m0, min(op.m, m0 + tiling.rows))
        starts = range(0, op.n, columns)
        ends = [*starts, op.n]
        for n0, work in zip(starts, whole.cut(ends), strict=True):
            works[(m0, n0)] = work
    return SparsePlan("outputs", tiling, works)


def _by_rows(
    machine: Machine, op: Matmul, pattern: Pattern, tiling: Tiling
) -> dict[tuple[int, int], Work]:
    works = {}
    for m0 in range(0, op.m, tiling.rows):
        indptr, indices = pattern.csr(m0, min(op.m, m0 + tiling.rows))
        for n0 in range(0, op.n, tiling.columns):
            columns = min(tiling.columns, op.n - n0)
            works[(m0, n0)] = spmm_work(machine, indptr, indices, op.k, columns, op.dtype)
    return works


def _by_columns(
    machine: Machine, op: Matmul, pattern: Pattern, tiling: Tiling
) -> dict[tuple[int, int], Work]:
    works = {}
    for n0 in range(0, op.n, tiling.columns):
        indptr, indices = pattern.csr(n0, min(op.n, n0 + tiling.columns))
        for m0 in range(0, op.m, tiling.rows):
            rows = min(tiling.rows, op.m - m0)
            works[(m0, n0)] = spmm_work(machine, indptr, indices, op.k, rows, op.dtype)
    return works
