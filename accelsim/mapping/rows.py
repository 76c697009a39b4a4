"""Gather of table rows, scatter-add into a table, and element-wise work, chunk by chunk.

Scatter-add: the table is accumulated on chip (fp32) when half the tile storage holds it. Else that
half holds the rows used last; others are read from memory, and the rows for which they make room
are written back (read-modify-write). Rows are added by the scatter unit or on the vector unit, a
row at a time, whichever is faster.

Not modelled: compression of indices.
"""

from __future__ import annotations

import numpy as np

from accelsim.mapping.adding import ACCUMULATOR_BYTES, Added, add_rows, held_slots
from accelsim.mapping.indices import index_bytes
from accelsim.mapping.machine import SCATTER, VECTOR, Machine
from accelsim.mapping.plan import Plan, Traffic, row_runs, run
from accelsim.workload.arrays import kernel_array
from accelsim.workload.operators import Gather, ScatterAdd, Vector, data_bytes, element_bytes


def map_gather(plan: Plan, op: Gather) -> None:
    """Add the tasks of one Gather operator."""
    machine, row = plan.machine, data_bytes(op.row_elements, op.dtype)
    indices = kernel_array(op.indices, np.int64)
    index = index_bytes(machine, op.table_rows)
    distinct = int(np.unique(indices).size)
    table = plan.place(op.table_rows * row, Traffic.ACTIVATIONS, distinct * row)
    out_on_chip = plan.keep_output(indices.size * row)
    out = 0 if out_on_chip else plan.place(indices.size * row, Traffic.OUTPUTS)
    listed = plan.place(indices.size * index, Traffic.METADATA)
    count = _rows_in_chunk(machine, row)
    for first in range(0, indices.size, count):
        part = indices[first : first + count]
        where = run(listed + first * index, part.size * index)
        held = plan.join([plan.start])
        release = plan.claim_tiles(held, part.size * (row + index))
        known = plan.load(where, Traffic.METADATA, [held])
        loaded = plan.gather(table, part, row, Traffic.ACTIVATIONS, [known])
        if out_on_chip:
            plan.final(loaded)
            release(loaded)
        else:
            release(plan.store(run(out + first * row, part.size * row), Traffic.OUTPUTS, [loaded]))
    plan.choose(f"for {count} of {indices.size} rows of {row} B")


def map_scatter_add(plan: Plan, op: ScatterAdd) -> None:
    """Add the tasks of one ScatterAdd operator."""
    machine, row = plan.machine, data_bytes(op.row_elements, op.dtype)
    indices = kernel_array(op.indices, np.int64)
    index = index_bytes(machine, op.table_rows)
    wide = op.row_elements * ACCUMULATOR_BYTES
    distinct = np.unique(indices)
    source = plan.place(indices.size * row, Traffic.ACTIVATIONS)
    listed = plan.place(indices.size * index, Traffic.METADATA)
    table = plan.place(op.table_rows * wide, Traffic.OUTPUTS, int(distinct.size) * wide)
    unit = machine.arch.scatter if machine.arch.mapping.sparsity else None
    most = machine.tiles_bytes // 2 // wide
    held_rows = 0 if distinct.size <= most else held_slots(most, unit)
    held = plan.join([plan.start])
    release_table = plan.claim_tiles(held, (held_rows or distinct.size) * wide)
    count = _rows_in_chunk(machine, row + wide)
    tile_ptr = np.append(np.arange(0, indices.size, count), indices.size)
    added = add_rows(
        indices, tile_ptr, op.row_elements, unit, table_rows=op.table_rows, held_rows=held_rows
    )
    stored = np.zeros(op.table_rows if held_rows else 0, bool)
    lasts: list[int] = []
    stores: list[int] = []
    for tile, first in enumerate(tile_ptr[:-1].tolist()):
        size, fetched, written = int(added.rows[tile]), added.fetched[tile], added.written[tile]
        begin = plan.join([held])
        moved = (fetched.size + written.size) * wide
        release = plan.claim_tiles(begin, size * (row + index) + moved)
        where = run(listed + first * index, size * index)
        known = plan.load(where, Traffic.METADATA, [begin])
        loads = [plan.load(run(source + first * row, size * row), Traffic.ACTIVATIONS, [begin])]
        again = stored[fetched] if held_rows else np.zeros(0, bool)
        for rows, after in ((fetched[~again], []), (fetched[again], stores)):
            if rows.size:
                runs = row_runs(table, rows, wide)
                loads.append(plan.load(runs, Traffic.SPILLS, [known, *after]))
        lasts = [_add_tile(plan, op, added, tile, [known, *loads, *lasts])]
        if written.size:
            stored[written] = True
            stores = [plan.store(row_runs(table, written, wide), Traffic.OUTPUTS, lasts)]
        release((stores if written.size else lasts)[0])
    kept = added.kept if held_rows else distinct
    if kept.size:
        lasts = [plan.store(row_runs(table, np.sort(kept), wide), Traffic.OUTPUTS, lasts)]
    release_table(plan.join(lasts))
    spills = sum(rows.size for rows in added.fetched)
    plan.choose(
        f"for {count} of {indices.size} rows: add into {distinct.size} distinct rows "
        + (f"({held_rows} held, {spills} read, added to, written back)" if held_rows else "on chip")
    )


def _add_tile(plan: Plan, op: ScatterAdd, added: Added, tile: int, after: list[int]) -> int:
    machine, row = plan.machine, data_bytes(op.row_elements, op.dtype)
    work = added.vector_work(machine, tile, op.row_elements, row)
    unit = machine.arch.scatter
    if unit is not None and machine.arch.mapping.sparsity:
        scatter = added.scatter_work(machine, unit, tile, op.row_elements, row)
        if scatter.cycles <= work.cycles:
            return plan.task(SCATTER, scatter, after, **added.counters(tile, combine=True))
    return plan.task(VECTOR, work, after, **added.counters(tile, combine=False))


def map_vector(plan: Plan, op: Vector) -> None:
    """Add the tasks of one Vector operator."""
    machine = plan.machine
    size = data_bytes(op.elements, op.dtype)
    on_chip = plan.keep_output(size * op.results)
    inputs_on_chip = plan.inputs_on_chip()
    base = 0 if inputs_on_chip else plan.place(size * op.operands, Traffic.ACTIVATIONS)
    out = 0 if on_chip else plan.place(size * op.results, Traffic.OUTPUTS)
    count = max(1, int(machine.arch.mapping.chunk // element_bytes(op.dtype)))
    for first in range(0, op.elements, count):
        here = min(count, op.elements - first)
        before = data_bytes(first, op.dtype)
        piece = data_bytes(first + here, op.dtype) - before
        begin = plan.join([plan.start])
        release = plan.claim_tiles(begin, piece * (op.operands + op.results))
        after = begin
        if not inputs_on_chip:
            where = run(base + before * op.operands, piece * op.operands)
            after = plan.load(where, Traffic.ACTIVATIONS, [begin])
        work = machine.vector_work(
            here * op.lane_operations, piece * op.operands, piece * op.results
        )
        done = plan.task(VECTOR, work, [after])
        if on_chip:
            release(plan.final(done))
        else:
            where = run(out + before * op.results, piece * op.results)
            release(plan.store(where, Traffic.OUTPUTS, [done]))
    plan.choose(f"for {count} of {op.elements} elements")


def _rows_in_chunk(machine: Machine, row_bytes: int) -> int:
    return max(1, max(machine.arch.mapping.chunk, row_bytes) // row_bytes)
