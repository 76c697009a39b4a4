"""Matrix multiplication: weight tiles stream past blocks of activation rows.

Loop nest: for block of rows of A (as many as fit beside the output): for block of columns of B:
for chunk of K: array task; partial sums stay in the array's accumulators or the tile storage. A
weight chunk is fetched ahead of need, bounded by the weight staging storage.

On a sparse array a pattern may be used instead of `dense_mode`: kept activations (rows hold
output rows of A, weight rows are multicast) or kept weights (rows hold output columns, activation
columns are multicast), whichever is faster by estimate. Systolic arrays run dense.

Where A has fewer distinct elements than m x k (patches of an image that overlap), these are what
moves and is kept; patches are formed on the way from the scratchpad to the array, which reads
m x k elements on every machine.

Not modelled: elements that two blocks of rows share (each comes with one of them), storing the
output in a compressed format, N:M weight decoding.
"""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.arch.array import SparseArray
from accelsim.arch.composed import ComposedArray
from accelsim.mapping.arrays import Gemm
from accelsim.mapping.composed_matmul import map_composed_matmul
from accelsim.mapping.machine import INDEX, Machine, Work
from accelsim.mapping.plan import Plan, Traffic, run
from accelsim.mapping.spmm import bitmap_union_work, spmm_works
from accelsim.mapping.stream import StreamedGemm, array_width
from accelsim.workload.operators import DTYPE_BYTES, Matmul
from accelsim.workload.patterns import Pattern

ACCUMULATOR_BYTES = 4


@dataclass(frozen=True)
class Tiling:
    """Rows of A and columns of B of one output block."""

    rows: int
    columns: int


def tile_gemm(
    machine: Machine, m: int, n: int, k: int, item_bytes: int, row_bytes: int | None = None
) -> Tiling:
    """The largest block of rows that fits twice, and columns worth one chunk of weights.

    `row_bytes` : bytes of a row of A as it is stored, by default of k elements.
    """
    row = k * item_bytes if row_bytes is None else row_bytes
    width = array_width(machine)
    chunk = min(machine.arch.mapping.chunk, machine.weights_bytes // 2)
    columns = max(width, chunk // (k * item_bytes) // width * width)
    columns = min(n, columns, max(1, machine.weights_bytes // (2 * item_bytes)))
    room = machine.tiles_bytes * 19 // 20
    rows = min(m, max(1, room // (2 * (row + 2 * columns * ACCUMULATOR_BYTES))))
    return Tiling(rows, columns)


def map_matmul(plan: Plan, op: Matmul, gemm: Gemm) -> None:
    """Add the tasks of one Matmul operator."""
    if isinstance(plan.machine.arch.array, ComposedArray):
        map_composed_matmul(plan, op)
        return
    machine, item = plan.machine, DTYPE_BYTES[op.dtype]
    a_bytes, c_bytes = (op.activation_elements or op.m * op.k) * item, op.m * op.n * item
    tiling = tile_gemm(machine, op.m, op.n, op.k, item, -(-a_bytes // op.m))
    a_on_chip = plan.inputs_on_chip()
    a_base = 0 if a_on_chip else plan.place(a_bytes, Traffic.ACTIVATIONS)
    b_base = plan.place(op.n * op.k * item, Traffic.WEIGHTS)
    c_on_chip = plan.keep_output(c_bytes)
    c_base = 0 if c_on_chip else plan.place(c_bytes, Traffic.OUTPUTS)
    sparse = _sparse_plan(machine, op, gemm, tiling)
    stream = StreamedGemm(plan, gemm, op.dtype, op.weights == "static")
    bits_base = 0
    if sparse is not None and sparse[0] == "weights":
        bits_base = plan.place(-(-op.n * op.k // 8), Traffic.METADATA)
    for m0 in range(0, op.m, tiling.rows):
        rows = min(tiling.rows, op.m - m0)
        held = plan.join([plan.start])
        sums = 2 * rows * tiling.columns * ACCUMULATOR_BYTES  # one leaves while the next is made
        first, last = (a_bytes * row // op.m for row in (m0, m0 + rows))
        release = plan.claim_tiles(held, sums + (0 if a_on_chip else last - first))
        inputs = held
        if last > first and not a_on_chip:
            block = run(a_base + first, last - first)
            inputs = plan.load(block, Traffic.ACTIVATIONS, [held])
        known = [inputs]
        if sparse is not None and sparse[0] == "activations":
            stored = -(-rows * (op.activation_elements or op.m * op.k) // (8 * op.m))
            bits_base = plan.place(stored, Traffic.METADATA)
            known.append(_metadata(plan, bits_base, stored, rows * op.k, inputs))
        done: list[int] = []
        for n0 in range(0, op.n, tiling.columns):
            columns = min(tiling.columns, op.n - n0)
            work = None if sparse is None else sparse[1][(m0, n0)]
            base = b_base + n0 * op.k * item
            after = known
            if sparse is not None and sparse[0] == "weights":
                at, bits = bits_base + n0 * op.k // 8, columns * op.k
                after = [*known, _metadata(plan, at, -(-bits // 8), bits, inputs)]
            made = [stream.add(base, rows, columns, op.k, after, item, sparse=work)]
            if c_on_chip:
                done.append(plan.final(made[0]))
            else:  # the output is written block by block
                block = run(c_base + (m0 * op.n + n0 * rows) * item, rows * columns * item)
                done.append(plan.store(block, Traffic.OUTPUTS, made))
        release(plan.join(done))
    how = "dense" if sparse is None else f"sparse, from the kept {sparse[0]}"
    plan.choose(
        f"for {tiling.rows} of {op.m} rows: for {tiling.columns} of {op.n} columns: "
        f"for {stream.depth(tiling.columns, op.k)} of K {op.k}: {how}"
    )


def _metadata(plan: Plan, base: int, stored: int, bits: int, after: int) -> int:
    """Fetch the bitmap of a block, and build the unions of its tiles from it.

    `stored` : bytes at `base`; `bits` : of the block.
    """
    held = plan.join([plan.start])
    release = plan.claim_tiles(held, stored)
    loaded = plan.load(run(base, stored), Traffic.METADATA, [held])
    built = plan.task(INDEX, bitmap_union_work(plan.machine, bits), [loaded, after])
    release(built)
    return built


def _sparse_plan(
    machine: Machine, op: Matmul, gemm: Gemm, tiling: Tiling
) -> tuple[str, dict[tuple[int, int], Work]] | None:
    """Work per output block when a pattern is used; None where dense is faster or all there is."""
    arch = machine.arch
    if not isinstance(arch.array, SparseArray) or arch.index is None or not arch.mapping.sparsity:
        return None
    options: list[tuple[str, dict[tuple[int, int], Work]]] = []
    if op.activation_pattern is not None:
        options.append(("activations", _by_rows(machine, op, op.activation_pattern, tiling)))
    if op.weight_pattern is not None:
        options.append(("weights", _by_columns(machine, op, op.weight_pattern, tiling)))
    if not options:
        return None
    dense = sum(
        gemm(min(tiling.rows, op.m - m0), op.n, op.k, op.dtype, 2).cycles
        for m0 in range(0, op.m, tiling.rows)
    )
    best = min(options, key=lambda option: sum(work.cycles for work in option[1].values()))
    return best if sum(work.cycles for work in best[1].values()) < dense else None


def _by_rows(
    machine: Machine, op: Matmul, pattern: Pattern, tiling: Tiling
) -> dict[tuple[int, int], Work]:
    works = {}
    for m0 in range(0, op.m, tiling.rows):
        indptr, indices = pattern.csr(m0, min(op.m, m0 + tiling.rows))
        columns = {n0: min(tiling.columns, op.n - n0) for n0 in range(0, op.n, tiling.columns)}
        found = spmm_works(machine, indptr, indices, op.k, columns.values(), op.dtype)
        works.update({(m0, n0): found[width] for n0, width in columns.items()})
    return works


def _by_columns(
    machine: Machine, op: Matmul, pattern: Pattern, tiling: Tiling
) -> dict[tuple[int, int], Work]:
    works = {}
    for n0 in range(0, op.n, tiling.columns):
        indptr, indices = pattern.csr(n0, min(op.n, n0 + tiling.columns))
        rows = {m0: min(tiling.rows, op.m - m0) for m0 in range(0, op.m, tiling.rows)}
        found = spmm_works(machine, indptr, indices, op.k, rows.values(), op.dtype)
        works.update({(m0, n0): found[height] for m0, height in rows.items()})
    return works
