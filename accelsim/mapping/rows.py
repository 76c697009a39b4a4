"""Gather of table rows, scatter-add into a table, and element-wise work, chunk by chunk.

Scatter-add: the table is accumulated on chip (fp32) when half the tile storage holds it, else each
chunk reads the distinct rows it touches, adds, and writes them back (read-modify-write). Rows are
added by the scatter unit or on the vector unit, a row at a time, whichever is faster.

Not modelled: compression of indices, write-combining across chunks.
"""

from __future__ import annotations

import numpy as np

from accelsim.mapping.adding import ACCUMULATOR_BYTES, scatter_work
from accelsim.mapping.machine import SCATTER, VECTOR, Machine, Work
from accelsim.mapping.plan import Plan, Traffic, row_runs, run
from accelsim.workload.arrays import kernel_array
from accelsim.workload.operators import DTYPE_BYTES, Gather, ScatterAdd, Vector

INDEX_BYTES = 4


def map_gather(plan: Plan, op: Gather) -> None:
    """Add the tasks of one Gather operator."""
    machine, row = plan.machine, op.row_elements * DTYPE_BYTES[op.dtype]
    indices = kernel_array(op.indices, np.int64)
    distinct = int(np.unique(indices).size)
    table = plan.place(op.table_rows * row, Traffic.ACTIVATIONS, distinct * row)
    out_on_chip = plan.keep_output(indices.size * row)
    out = 0 if out_on_chip else plan.place(indices.size * row, Traffic.OUTPUTS)
    listed = plan.place(indices.size * INDEX_BYTES, Traffic.METADATA)
    count = _rows_in_chunk(machine, row)
    for first in range(0, indices.size, count):
        part = indices[first : first + count]
        where = run(listed + first * INDEX_BYTES, part.size * INDEX_BYTES)
        held = plan.join([plan.start])
        release = plan.claim_tiles(held, part.size * (row + INDEX_BYTES))
        known = plan.load(where, Traffic.METADATA, [held])
        loaded = plan.load(row_runs(table, part, row), Traffic.ACTIVATIONS, [known])
        if out_on_chip:
            plan.final(loaded)
            release(loaded)
        else:
            release(plan.store(run(out + first * row, part.size * row), Traffic.OUTPUTS, [loaded]))
    plan.choose(f"for {count} of {indices.size} rows of {row} B")


def map_scatter_add(plan: Plan, op: ScatterAdd) -> None:
    """Add the tasks of one ScatterAdd operator."""
    machine, row = plan.machine, op.row_elements * DTYPE_BYTES[op.dtype]
    indices = kernel_array(op.indices, np.int64)
    wide = op.row_elements * ACCUMULATOR_BYTES
    distinct = np.unique(indices)
    source = plan.place(indices.size * row, Traffic.ACTIVATIONS)
    listed = plan.place(indices.size * INDEX_BYTES, Traffic.METADATA)
    table = plan.place(op.table_rows * wide, Traffic.OUTPUTS, int(distinct.size) * wide)
    on_chip = distinct.size * wide <= machine.tiles_bytes // 2
    held = plan.join([plan.start])
    release_table = plan.claim_tiles(held, distinct.size * wide if on_chip else 0)
    count = _rows_in_chunk(machine, row + wide)
    lasts: list[int] = []
    for first in range(0, indices.size, count):
        part = indices[first : first + count]
        touched = np.unique(part)
        begin = plan.join([held])
        size = part.size * (row + INDEX_BYTES) + (0 if on_chip else touched.size * wide)
        release = plan.claim_tiles(begin, size)
        where = run(listed + first * INDEX_BYTES, part.size * INDEX_BYTES)
        known = plan.load(where, Traffic.METADATA, [begin])
        loads = [
            plan.load(run(source + first * row, part.size * row), Traffic.ACTIVATIONS, [begin])
        ]
        if not on_chip:  # the chunk before may have written the same rows
            loads.append(plan.load(row_runs(table, touched, wide), Traffic.SPILLS, [known, *lasts]))
        added = _add_rows(plan, op, part, row, [known, *loads, *lasts])
        if on_chip:
            lasts = [added]
        else:
            lasts = [plan.store(row_runs(table, touched, wide), Traffic.OUTPUTS, [added])]
        release(lasts[0])
    if on_chip and lasts:
        lasts = [plan.store(row_runs(table, distinct, wide), Traffic.OUTPUTS, lasts)]
    release_table(plan.join(lasts))
    plan.choose(
        f"for {count} of {indices.size} rows: add into {distinct.size} distinct rows "
        f"({'on chip' if on_chip else 'read, add, write back'})"
    )


def _add_rows(plan: Plan, op: ScatterAdd, part: np.ndarray, row: int, after: list[int]) -> int:
    machine = plan.machine
    lanes = machine.arch.vector.lanes
    cycles = int(part.size) * -(-op.row_elements // lanes)
    sums = int(part.size) * op.row_elements * ACCUMULATOR_BYTES
    work = Work(cycles, cycles, cycles, read_bytes=sums + int(part.size) * row, write_bytes=sums)
    work = machine.charged(VECTOR, work)
    unit = machine.arch.scatter
    if unit is not None and machine.arch.mapping.sparsity:
        scatter = scatter_work(machine, unit, part, op.row_elements, row // op.row_elements)
        if scatter.cycles <= work.cycles:
            return plan.task(SCATTER, scatter, after)
    return plan.task(VECTOR, work, after)


def map_vector(plan: Plan, op: Vector) -> None:
    """Add the tasks of one Vector operator."""
    machine, item = plan.machine, DTYPE_BYTES[op.dtype]
    size = op.elements * item
    on_chip = plan.keep_output(size)
    inputs_on_chip = plan.inputs_on_chip()
    base = 0 if inputs_on_chip else plan.place(size * op.operands, Traffic.ACTIVATIONS)
    out = 0 if on_chip else plan.place(size, Traffic.OUTPUTS)
    count = max(1, machine.arch.mapping.chunk // item)
    for first in range(0, op.elements, count):
        here = min(count, op.elements - first)
        begin = plan.join([plan.start])
        release = plan.claim_tiles(begin, here * item * (op.operands + 1))
        after = begin
        if not inputs_on_chip:
            where = run(base + first * op.operands * item, here * op.operands * item)
            after = plan.load(where, Traffic.ACTIVATIONS, [begin])
        work = machine.vector_work(
            here * op.lane_operations, here * op.operands * item, here * item
        )
        done = plan.task(VECTOR, work, [after])
        if on_chip:
            release(plan.final(done))
        else:
            release(plan.store(run(out + first * item, here * item), Traffic.OUTPUTS, [done]))
    plan.choose(f"for {count} of {op.elements} elements")


def _rows_in_chunk(machine: Machine, row_bytes: int) -> int:
    return max(1, max(machine.arch.mapping.chunk, row_bytes) // row_bytes)
