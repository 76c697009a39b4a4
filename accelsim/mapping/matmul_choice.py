"""How a product is tiled, and which of its patterns a row array uses: a choice by estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from accelsim.arch.array import SparseArray
from accelsim.mapping.arrays import Gemm
from accelsim.mapping.machine import Machine, Work
from accelsim.mapping.sddmm import Written, sampled_work
from accelsim.mapping.spmm import spmm_works
from accelsim.mapping.stream import array_width
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


def activation_bytes(op: Matmul) -> int:
    """Bytes of A as it is stored."""
    if op.activation_elements is not None:
        return data_bytes(op.activation_elements, op.dtype)
    return op.m * data_bytes(op.k, op.dtype)


@dataclass(frozen=True)
class SparsePlan:
    """A pattern that is used: which, block sizes, and work by (row, column) of a block."""

    used: str
    tiling: Tiling
    works: dict[tuple[int, int], Work]

    @property
    def array_cycles(self) -> int:
        """Ports not charged."""
        return sum(work.cycles for work in self.works.values())


@dataclass(frozen=True)
class Choice:
    """How a product is run: block sizes, the pattern that is used if any, and cycles of the array
    by estimate, ports not charged.
    """

    tiling: Tiling
    sparse: SparsePlan | None
    array_cycles: int

    def weight_bytes(self, op: Matmul) -> int:
        """Bytes of B that are read, once for each block of rows."""
        return -(-op.m // self.tiling.rows) * op.n * data_bytes(op.k, op.dtype)


def choose(machine: Machine, op: Matmul, gemm: Gemm, tiling: Tiling | None = None) -> Choice:
    """The faster of dense, in blocks of `tiling`, and each pattern that the array can use."""
    if tiling is None:
        row = -(-activation_bytes(op) // op.m)
        tiling = tile_gemm(machine, op.m, op.n, op.k, element_bytes(op.dtype), row)
    dense = sum(
        gemm(min(tiling.rows, op.m - m0), op.n, op.k, op.dtype, 2).cycles
        for m0 in range(0, op.m, tiling.rows)
    )
    options = [Choice(tiling, None, dense)]
    for plan in _sparse_plans(machine, op, tiling):
        options.append(Choice(plan.tiling, plan, plan.array_cycles))
    rate = machine.dram_bytes_per_cycle

    def cost(choice: Choice) -> tuple[float, int]:
        cycles = choice.array_cycles
        return max(cycles, choice.weight_bytes(op) / rate), cycles

    return min(options, key=cost)


def _sparse_plans(machine: Machine, op: Matmul, tiling: Tiling) -> list[SparsePlan]:
    """A plan for each pattern that the array can use."""
    arch = machine.arch
    if not isinstance(arch.array, SparseArray) or arch.index is None or not arch.mapping.sparsity:
        return []
    found: list[SparsePlan] = []
    if op.activation_pattern is not None:
        works = _by_rows(machine, op, op.activation_pattern, tiling)
        found.append(SparsePlan("activations", tiling, works))
    if op.weight_pattern is not None:
        works = _by_columns(machine, op, op.weight_pattern, tiling)
        found.append(SparsePlan("weights", tiling, works))
    if op.output_pattern is not None:
        found.append(by_outputs(machine, op, op.output_pattern))
    return found


def by_outputs(machine: Machine, op: Matmul, pattern: Pattern) -> SparsePlan:
    """Wanted outputs; blocks of rows are whole tiles of the array."""
    wanted = machine.reuse.rows(pattern)
    column = data_bytes(op.k, op.dtype)
    room = machine.tiles_bytes * 19 // 20
    # Rows of A and wanted sums twice, columns of B twice.
    sums = 2 * ACCUMULATOR_BYTES * -(-wanted.nonzeros // op.m)
    most = min(op.m, max(1, room // (2 * (column + sums))))
    each = max(1, machine.weights_bytes // (2 * column))
    sampled = sampled_work(machine, op, wanted, most, -(-op.n // each))
    columns, tile = -(-op.n // sampled.blocks), sampled.tile_rows
    tiles = -(-op.m // tile) if most == op.m else max(1, most // tile)
    while True:
        tiling = Tiling(min(op.m, tiles * tile), columns)
        written = Written(op, pattern, tiling.rows, tiling.columns, machine.reuse)
        sums = 2 * written.largest() * ACCUMULATOR_BYTES
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
        kept = machine.reuse.rows(pattern, m0, min(op.m, m0 + tiling.rows))
        columns = {n0: min(tiling.columns, op.n - n0) for n0 in range(0, op.n, tiling.columns)}
        found = spmm_works(machine, kept, op.k, columns.values(), op.dtype)
        works.update({(m0, n0): found[width] for n0, width in columns.items()})
    return works


def _by_columns(
    machine: Machine, op: Matmul, pattern: Pattern, tiling: Tiling
) -> dict[tuple[int, int], Work]:
    works = {}
    for n0 in range(0, op.n, tiling.columns):
        kept = machine.reuse.rows(pattern, n0, min(op.n, n0 + tiling.columns))
        rows = {m0: min(tiling.rows, op.m - m0) for m0 in range(0, op.m, tiling.rows)}
        found = spmm_works(machine, kept, op.k, rows.values(), op.dtype)
        works.update({(m0, n0): found[height] for m0, height in rows.items()})
    return works
