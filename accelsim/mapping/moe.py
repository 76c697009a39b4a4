"""Mixture of experts: dispatch by row gather, grouped expert GEMMs, combine.

Loop nest: for expert: for block of its routed tokens: for chunk of d_ff: up (and gate), activation,
down one chunk behind; outputs accumulate over the chunks. Tokens are padded to nothing but the
fold. Weight passes of an expert = ceil(routed tokens / token block); the block is what fits with
its accumulators and two intermediate chunks.

Dispatch gathers token rows by the permutation on every machine. Combine: rows are gathered back
by the inverse permutation and added on the vector unit; a machine with a scatter unit adds them
into on-chip accumulators instead, when they fit. A sparse array may skip zeros of the activation
in the down projection.

Not modelled: the router (its own matmul in the trace), expert parallelism over chips.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from accelsim.arch.array import SparseArray, SystolicArray
from accelsim.mapping.adding import ACCUMULATOR_BYTES, add_rows
from accelsim.mapping.arrays import Gemm
from accelsim.mapping.machine import INDEX, SCATTER, VECTOR, Machine, Work
from accelsim.mapping.pipeline import Pipeline, Step
from accelsim.mapping.plan import Plan, Traffic, row_runs, run
from accelsim.mapping.reuse import Rows
from accelsim.mapping.spmm import bitmap_union_work, spmm_work
from accelsim.mapping.stream import StreamedGemm, array_width
from accelsim.workload.arrays import kernel_array
from accelsim.workload.operators import Moe, data_bytes, element_bytes

# Rows of a block that does not overlap the one before: a DRAM round trip and the last chunk's way
# through the array (estimate only; the tasks pay what they pay).
EXPOSED_CYCLES = 600
# Lane-operations per element of the intermediate: ReLU 1; SiLU and product of a
# gated MLP 6 (assumed).
ACTIVATION_OPERATIONS = {2: 1, 3: 6}


def map_moe(plan: Plan, op: Moe, gemm: Gemm) -> None:
    """Add the tasks of one Moe operator."""
    _MoeTasks(plan, op, gemm).emit()


def routed_slots(op: Moe) -> list[np.ndarray]:
    """Slots (token * top_k + slot) of every expert, in token order; dropped slots are nowhere."""
    flat = kernel_array(op.expert_ids, np.int64).ravel()
    order = np.argsort(flat, kind="stable")
    bounds = np.searchsorted(flat[order], np.arange(op.experts + 1))
    return [order[bounds[e] : bounds[e + 1]] for e in range(op.experts)]


class _MoeTasks:
    def __init__(self, plan: Plan, op: Moe, gemm: Gemm) -> None:
        self.plan, self.op, self.gemm = plan, op, gemm
        self.machine: Machine = plan.machine
        self.row_bytes = data_bytes(op.d_model, op.dtype)
        self.slots = routed_slots(op)
        self.pattern = self._pattern()
        routed = sum(slots.size for slots in self.slots)
        # Part of the down projection that is left when zeros are skipped.
        self.kept = 1.0
        if self.pattern is not None:
            self.kept = self.pattern.nonzeros / max(1, routed * op.d_ff)
        self.stream = StreamedGemm(plan, gemm, op.dtype)
        self.chunk, self.block = self._tiling()
        x_bytes = op.tokens * self.row_bytes
        self.x_on_chip = plan.inputs_on_chip()
        self.x_base = 0
        if not self.x_on_chip:
            tokens = np.unique(np.concatenate(self.slots) // op.top_k).size
            self.x_base = plan.place(x_bytes, Traffic.ACTIVATIONS, tokens * self.row_bytes)
        active = sum(1 for slots in self.slots if slots.size)
        starts = range(0, op.d_ff, self.chunk)
        self.expert_bytes = sum(self._weights(min(self.chunk, op.d_ff - c)) for c in starts)
        self.w_base = plan.place(active * self.expert_bytes, Traffic.WEIGHTS)
        self.y_on_chip = plan.keep_output(x_bytes)
        self.y_base = 0 if self.y_on_chip else plan.place(x_bytes, Traffic.OUTPUTS)
        self.scatters = self._scatter_pays(routed)
        self.parts_on_chip = self.scatters or plan.fits_on_chip(routed * self.row_bytes)
        self.parts_base = 0
        if not self.parts_on_chip:
            self.parts_base = plan.place(routed * self.row_bytes, Traffic.SPILLS)
        self.outputs: list[int] = []
        self.skipped = 0

    def _weights(self, columns: int) -> int:
        """Weights of one expert for so many columns of d_ff: up (and gate), then down."""
        op = self.op
        up = (op.matrices - 1) * columns * self.row_bytes
        return up + op.d_model * data_bytes(columns, op.dtype)

    def _scatter_pays(self, routed: int) -> bool:
        """Whether adding rows on the scatter unit beats gathering them for the vector unit."""
        op, arch = self.op, self.machine.arch
        sums = op.tokens * op.d_model * ACCUMULATOR_BYTES
        if arch.scatter is None or 2 * sums > arch.mapping.activation_storage:
            return False
        elements = routed * op.d_model
        scatter = self.machine.charged(
            SCATTER,
            Work(
                cycles=-(-elements // (arch.scatter.banks * arch.scatter.lanes)),
                read_bytes=routed * self.row_bytes + elements * ACCUMULATOR_BYTES,
                write_bytes=elements * ACCUMULATOR_BYTES,
            ),
        )
        gather = self.machine.vector_work(
            elements, routed * self.row_bytes, op.tokens * self.row_bytes
        )
        moved = (
            0 if self.plan.fits_on_chip(routed * self.row_bytes) else 2 * routed * self.row_bytes
        )
        dram = moved * arch.dram.burst_ps / (arch.dram.line * arch.dram.channels * arch.clock_ps)
        return scatter.cycles <= gather.cycles + dram

    def _tiling(self) -> tuple[int, int]:
        """Columns of d_ff and tokens of a block, by estimate on the real loads.

        Large blocks read the weights less often. Blocks that fit twice overlap the rows of the
        next block with the present one; blocks that fit once pay `EXPOSED_CYCLES` each.
        """
        op, arch = self.op, self.machine.arch
        loads = np.array([slots.size for slots in self.slots if slots.size])
        lines_per_cycle = arch.dram.channels * arch.clock_ps / arch.dram.burst_ps
        expert = op.matrices * op.d_model * op.d_ff * element_bytes(op.dtype)
        expert /= lines_per_cycle * arch.dram.line
        block_cycles = cache(self._block_cycles)
        best: tuple[float, int, int] | None = None
        for chunk in self._chunks():
            per = self.row_bytes + op.d_model * ACCUMULATOR_BYTES
            per += 2 * self._intermediate(1, chunk)
            for copies in (2, 1):
                block = max(1, int(self.machine.tiles_bytes * 0.95) // (copies * per))
                passes = -(-loads // block)
                array = sum(
                    int(count) * block_cycles(-(-int(load) // int(count)), chunk)
                    for load, count in zip(loads, passes, strict=True)
                )
                total = int(passes.sum())
                cycles = max(array, total * expert) + total * EXPOSED_CYCLES * (copies == 1)
                if best is None or cycles < best[0]:
                    best = cycles, chunk, block
        assert best is not None
        return best[1], best[2]

    def _chunks(self) -> list[int]:
        """Columns of d_ff to choose from: widths of the array, also cut to whole folds of its rows,
        over which the down projection sums a chunk.
        """
        op, core, widest = self.op, self.machine.core, array_width(self.machine)
        rows = {1}
        if isinstance(core.array, SystolicArray):
            rate = core.rate(op.dtype)
            rows |= {max(1, int(shape.rows * rate)) for shape in core.array.shapes}
        widths = [min(op.d_ff, widest << shift) for shift in range(4)]
        return sorted({width - width % fold for width in widths for fold in rows if fold <= width})

    def _intermediate(self, rows: int, columns: int) -> int:
        """Bytes of an intermediate: its sums, and what they become."""
        row = data_bytes(columns, self.op.dtype) + columns * ACCUMULATOR_BYTES
        return rows * (self.op.matrices - 1) * row

    def _block_cycles(self, rows: int, chunk: int) -> int:
        """Array cycles of a block of tokens; zeros that can be skipped count as skipped."""
        op = self.op
        up = self.stream.cycles(rows, chunk, op.d_model, ACCUMULATOR_BYTES)
        single = chunk >= op.d_ff
        down = self.stream.cycles(rows, op.d_model, chunk, 0, first=single, last=single)
        return round((up * (op.matrices - 1) + down * self.kept) * -(-op.d_ff // chunk))

    def _pattern(self) -> Rows | None:
        arch = self.machine.arch
        if self.op.activation_pattern is None or not arch.mapping.sparsity:
            return None
        if not isinstance(arch.array, SparseArray) or arch.index is None:
            return None
        slots = self.op.tokens * self.op.top_k
        return self.machine.reuse.rows(self.op.activation_pattern, 0, slots)

    def emit(self) -> None:
        """Every expert that got tokens, then the combine."""
        base, op = self.w_base, self.op
        for slots in self.slots:
            if not slots.size:
                continue
            for block in np.array_split(slots, -(-slots.size // self.block)):
                self._token_tasks(block, base)
            base += self.expert_bytes
        self._combine()
        loads = np.array([slots.size for slots in self.slots])
        skip = f", zeros skipped in {self.skipped} token blocks" if self.skipped else ""
        self.plan.choose(
            f"for expert of {op.experts} (loads {loads.min()}..{loads.max()} of {loads.sum()}): "
            f"for {self.block} tokens: for {self.chunk} of d_ff {op.d_ff}: up | activation | down"
            f"{skip}; combine by {'scatter' if self.scatters else 'gather'}"
        )

    def _token_tasks(self, slots: np.ndarray, base: int) -> None:
        """One block of tokens of one expert."""
        plan, op, rows = self.plan, self.op, int(slots.size)
        held = plan.join([plan.start])
        release = plan.claim_tiles(held, rows * (self.row_bytes + op.d_model * ACCUMULATOR_BYTES))
        inputs = held
        if not self.x_on_chip:
            tokens = slots // op.top_k
            inputs = plan.gather(self.x_base, tokens, self.row_bytes, Traffic.ACTIVATIONS, [held])
        stream = self.stream
        chunks = -(-op.d_ff // self.chunk)
        down = self._down_work(slots)
        pieces = down.split(chunks) if down is not None else [None] * chunks
        pipeline = Pipeline(0, 1)
        last: list[int] = []
        for at in range(chunks):
            columns = min(self.chunk, op.d_ff - at * self.chunk)
            here = base + at * self._weights(self.chunk)
            ups = [
                stream.add(
                    here + i * columns * self.row_bytes, rows, columns, op.d_model, [inputs], 4
                )
                for i in range(op.matrices - 1)
            ]
            work = self._activation(rows, columns, marks=down is not None)
            active = plan.task(VECTOR, work, ups)
            if down is not None:
                union = bitmap_union_work(self.machine, rows * columns)
                active = plan.task(INDEX, union, [active])
            # The first up task holds the intermediate; the down task gives it back.
            give_back = plan.claim_tiles(ups[0], self._intermediate(rows, columns))

            def follow(
                active: int = active,
                columns: int = columns,
                here: int = here,
                piece: Work | None = pieces[at],
                at: int = at,
                give_back: Callable[[int], None] = give_back,
            ) -> None:
                weights = here + (op.matrices - 1) * columns * self.row_bytes
                last[:] = [
                    stream.add(
                        weights,
                        rows,
                        op.d_model,
                        columns,
                        [active],
                        0,
                        sparse=piece,
                        first=at == 0,
                        last=at == chunks - 1,
                    )
                ]
                give_back(last[0])

            pipeline.add(Step(follow=follow))
        pipeline.flush()
        done = self._weighted(slots, last[0])
        release(done)
        self.outputs.append(done)

    def _down_work(self, slots: np.ndarray) -> Work | None:
        """SpMM over the kept activations, where that beats the dense down projection."""
        if self.pattern is None:
            return None
        op = self.op
        kept = self.machine.reuse.of(_taken, self.pattern, slots.tobytes())
        sparse = spmm_work(self.machine, kept, op.d_ff, op.d_model, op.dtype)
        dense = self.gemm(int(slots.size), op.d_model, op.d_ff, op.dtype, 0)
        if sparse.cycles >= dense.cycles:
            return None
        self.skipped += 1
        return sparse

    def _activation(self, rows: int, columns: int, marks: bool) -> Work:
        """The activation function; `marks` : also make the bitmap of what is not zero."""
        elements, inputs = rows * columns, self.op.matrices - 1
        return self.machine.vector_work(
            elements * (ACTIVATION_OPERATIONS[self.op.matrices] + marks),
            elements * inputs * ACCUMULATOR_BYTES,
            rows * data_bytes(columns, self.op.dtype) + (elements // 8 if marks else 0),
        )

    def _weighted(self, slots: np.ndarray, last: int) -> int:
        """Scale by the routing weight; then scatter-add, or write the rows out."""
        plan, op, rows = self.plan, self.op, int(slots.size)
        elements = rows * op.d_model
        work = self.machine.vector_work(
            elements, elements * ACCUMULATOR_BYTES, rows * self.row_bytes
        )
        done = plan.task(VECTOR, work, [last])
        if self.scatters:
            unit = self.machine.arch.scatter
            assert unit is not None
            rows_of = np.array([0, rows])
            added = add_rows(slots // op.top_k, rows_of, op.d_model, unit)
            work = added.scatter_work(self.machine, unit, 0, op.d_model, self.row_bytes)
            return plan.task(SCATTER, work, [done], **added.counters(0, combine=True))
        if self.parts_on_chip:
            return done
        base, self.parts_base = self.parts_base, self.parts_base + rows * self.row_bytes
        return plan.store(run(base, rows * self.row_bytes), Traffic.SPILLS, [done])

    def _combine(self) -> None:
        """Bring the rows of a token together and write the result."""
        plan, op = self.plan, self.op
        ready = plan.join(self.outputs or [plan.start])
        block = max(1, self.machine.tiles_bytes // 8 // (self.row_bytes * (op.top_k + 1)))
        place = np.full(op.tokens * op.top_k, -1, np.int64)
        routed = np.concatenate(self.slots)
        place[routed] = np.arange(routed.size)
        first_part = self.parts_base - routed.size * self.row_bytes
        for first in range(0, op.tokens, block):
            tokens = min(block, op.tokens - first)
            rows = place[first * op.top_k : (first + tokens) * op.top_k]
            rows = rows[rows >= 0]
            held = plan.join([ready])
            size = 0 if self.parts_on_chip else rows.size * self.row_bytes
            release = plan.claim_tiles(held, size)
            after = held
            if size:
                after = plan.load(
                    row_runs(first_part, rows, self.row_bytes), Traffic.SPILLS, [held]
                )
            adds = tokens if self.scatters else max(tokens, rows.size)
            width = op.d_model * ACCUMULATOR_BYTES if self.scatters else self.row_bytes
            work = self.machine.vector_work(
                adds * op.d_model, adds * width, tokens * self.row_bytes
            )
            done = plan.task(VECTOR, work, [after])
            release(done)
            if self.y_on_chip:
                plan.final(done)
            else:
                where = run(self.y_base + first * self.row_bytes, tokens * self.row_bytes)
                plan.store(where, Traffic.OUTPUTS, [done])


def _taken(pattern: Rows, slots: bytes) -> Rows:
    return Rows(*take_rows(pattern.indptr, pattern.indices, np.frombuffer(slots, np.int64)))


def take_rows(
    indptr: np.ndarray, indices: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """CSR of some rows of a CSR, in the order given."""
    lengths = (indptr[1:] - indptr[:-1])[rows]
    out = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    position = np.arange(out[-1]) - np.repeat(out[:-1] - indptr[rows], lengths)
    return out, np.ascontiguousarray(indices[position], np.int32)
