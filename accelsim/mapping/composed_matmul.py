"""Matrix multiplication on a composed array: compressed operands in, real patterns, result out.

Four loop nests. *Row blocks*: for block of rows of A and C: for block of columns of B; array tasks
work on B as its parts arrive. *Column blocks*: for block of columns of B: for block of rows of A
and C, where that moves less. *Fetched* (Gustavson's dataflow, and a load unit with a cache): for
block of rows of A and C: the rows of B that it names come through the cache, in the order of A.
*Two-phase* (outer products merged later): for part of K: columns of A times rows of B, products
written to DRAM; then for part of C: products read and merged.

Of patches of an image the distinct elements are stored and moved; they become patches on the way
from the scratchpad to the array. Of wanted outputs (SDDMM) the mask is read and the values are
written; which dataflow makes them alone, and which all of C, see `dataflows.cheapest`.

Not modelled: converting an operand into its format (weights are stored so; a dynamic operand is
compressed by the operator that made it); pointers of partial products.
"""

from __future__ import annotations

import math
from functools import cached_property
from itertools import pairwise

import numpy as np

from accelsim.arch.composed import ComposedArray, TwoPhaseMerge
from accelsim.mapping.composed import (
    SUM_BYTES,
    Stored,
    cheapest_cost,
    decode_cycles,
    stored,
    value_bytes,
    work_of,
)
from accelsim.mapping.dataflows import Cost, Problem
from accelsim.mapping.dataflows.problem import Csr, columns_of, rows_of
from accelsim.mapping.machine import ARRAY, Work
from accelsim.mapping.plan import Plan, Traffic, run
from accelsim.mapping.sddmm import mask_bytes
from accelsim.mapping.tensors import Tensor
from accelsim.workload.operators import Matmul

PARTS = 64  # blocks of rows, about, where rows of B are fetched block by block


def map_composed_matmul(plan: Plan, op: Matmul) -> None:
    """Add the tasks of one Matmul operator."""
    _ComposedMatmul(plan, op).emit()


class _ComposedMatmul:
    def __init__(self, plan: Plan, op: Matmul) -> None:
        self.plan, self.op, self.machine = plan, op, plan.machine
        array = self.machine.arch.array
        assert isinstance(array, ComposedArray)
        self.array, self.value = array, value_bytes(array, op.dtype)
        sparse = self.machine.arch.mapping.sparsity
        a, b = op.activation_pattern, op.weight_pattern
        self.rate = self.machine.rate(op.dtype)
        reuse = self.machine.reuse
        self.a: Csr | None = None if a is None or not sparse else reuse.rows(a).csr
        self.bt: Csr | None = None if b is None or not sparse else reuse.rows(b).csr
        self.used: set[str] = set()
        merge = array.merge
        tiled = any(flow.kind == "inner" and flow.micro_tile for flow in array.dataflows)
        self.spills = isinstance(merge, TwoPhaseMerge) or tiled
        outer = any(flow.kind == "outer" for flow in array.dataflows)
        self.two_phase = isinstance(merge, TwoPhaseMerge) and merge.order == "rows" and outer
        wanted = op.output_pattern
        self.wanted: Csr | None = None if wanted is None else reuse.rows(wanted).csr
        # Where products are written out first all of them are made.
        self.kept = self.wanted if sparse and not self.two_phase else None
        self.whole = Problem(op.m, op.n, op.k, self.a, self.bt, self.kept)
        self._place()

    def _place(self) -> None:
        """Lay out A and C by rows, B by columns, or by rows where it is fetched by rows."""
        plan, op, forms = self.plan, self.op, self.array.formats
        a_size = stored(forms.a, self.a, op.m, op.k, self.value)
        self.a_metadata = a_size.metadata
        if op.activation_elements is not None:  # patches of an image: what is distinct is stored
            a_size = a_size.part(op.activation_elements, op.m * op.k)
        b_size = stored(forms.b, self.bt, op.n, op.k, self.value)
        a_rows = np.ones(op.m) if self.a is None else np.diff(self.a[0])
        self.a_tensor = Tensor.place(
            plan, a_size, Traffic.ACTIVATIONS, a_rows, on_chip=plan.inputs_on_chip()
        )
        if self.fetches:
            self.b_base = plan.place(b_size.total, Traffic.WEIGHTS, self._named_bytes(b_size))
        b_rows = np.ones(op.n) if self.bt is None else np.diff(self.bt[0])
        self.b_tensor = Tensor.place(plan, b_size, Traffic.WEIGHTS, b_rows, on_chip=self.fetches)
        compressed = forms.c.kind != "dense" and (self.a is not None or self.bt is not None)
        outputs = self.whole.outputs if compressed else op.m * op.n
        bits = forms.c.metadata_bits(op.m, op.n, outputs) if compressed else 0
        c_rows = self.whole.row_outputs if compressed else np.ones(op.m)
        self.mask: Tensor | None = None
        if self.wanted is not None:  # values alone: the reader knows where they belong
            c_rows, outputs, bits = np.diff(self.wanted[0]), self.wanted[1].size, 0
            mask = Stored(0, mask_bytes(op.m, op.n, outputs))
            self.mask = Tensor.place(plan, mask, Traffic.METADATA, np.ones(op.m))
        c_size = Stored(math.ceil(outputs * self.value) + -(-bits // 8), 0)
        self.c_tensor = Tensor.place(
            plan, c_size, Traffic.OUTPUTS, c_rows, on_chip=plan.keep_output(c_size.total)
        )

    def emit(self) -> None:
        """Add the tasks."""
        text = self._two_phase() if self.two_phase else self._blocked()
        how = ", ".join(sorted(self.used))
        sizes = self.a_tensor.stored, self.b_tensor.stored
        share = 100 * sum(s.metadata for s in sizes) / max(1, sum(s.total for s in sizes))
        self.plan.choose(f"{text}: {how}; metadata {share:.0f} % of operands, K {self.op.k}")

    # ---- blocked and fetched -----------------------------------------------------------------
    def _blocked(self) -> str:
        plan, op = self.plan, self.op
        cuts, columns = self._tiling()
        if not self.fetches and self._columns_first(len(cuts) - 1):
            return self._column_blocks()
        pieces = self._pieces(cuts) if self.fetches else []
        for number, (m0, m1) in enumerate(pairwise(cuts)):
            held = plan.join([plan.start])
            mask = self._mask_pieces(m0, m1)
            size = self.a_tensor.bytes_of(m0, m1) + 2 * self.c_tensor.bytes_of(m0, m1)
            release = plan.claim_tiles(held, size + sum(length for _, length in mask))
            loads = [task for task, _ in self.a_tensor.load(m0, m1, [held])]
            loads += self._masks(mask, held)
            known = plan.join(loads or [held])
            last = known
            if pieces:
                last = self._fetched(m0, m1, pieces[number], known)
            else:
                for n0 in range(0, op.n, columns):
                    last = self._block(m0, m1, n0, min(op.n, n0 + columns), known)
            release(self.c_tensor.store(m0, m1, [last]))
        rows = max(m1 - m0 for m0, m1 in pairwise(cuts))
        across = "the rows of B that they name" if pieces else f"{columns} of {op.n} columns"
        return f"for up to {rows} of {op.m} rows: for {across}"

    def _mask_pieces(
        self, m0: int, m1: int, part: int = 0, parts: int = 1
    ) -> list[tuple[int, int]]:
        """(address, bytes) of the mask of some rows of C, or of a part of it."""
        if self.mask is None:
            return []
        return [piece[:2] for piece in self.mask.pieces(m0, m1, part, parts)]

    def _mask_ends(self) -> np.ndarray | int:
        """Bytes of the mask before each row of C."""
        return 0 if self.mask is None else self.mask.ends()

    def _masks(self, pieces: list[tuple[int, int]], after: int) -> list[int]:
        """Read pieces of the mask."""
        plan = self.plan
        return [plan.load(run(*piece), Traffic.METADATA, [after]) for piece in pieces]

    def _column_tiling(self) -> tuple[int, list[int]]:
        """Columns of B that a third of the tile storage holds, and rows of A and C for another."""
        op, room = self.op, self.machine.tiles_bytes * 19 // 60
        per_column = max(1.0, self.b_tensor.stored.total / op.n)
        columns = max(1, min(op.n, int(room / per_column)))
        part = columns / op.n
        taken = 2 * self.c_tensor.ends() + self._mask_ends()
        return columns, _cuts(self.a_tensor.ends() + part * taken, room)

    def _columns_first(self, row_blocks: int) -> bool:
        """Whether A for every block of columns is less than B for every block of rows."""
        if row_blocks == 1:
            return False
        a, b = self.a_tensor.ends()[-1], self.b_tensor.stored.total
        blocks = -(-self.op.n // self._column_tiling()[0])
        return bool(b + a * blocks < a + b * row_blocks)

    def _column_blocks(self) -> str:
        plan, op = self.plan, self.op
        columns, cuts = self._column_tiling()
        parts = -(-op.n // columns)
        for part in range(parts):
            n0, n1 = part * columns, min(op.n, (part + 1) * columns)
            bt = None if self.bt is None else rows_of(self.bt, n0, n1)
            block = Problem(1, n1 - n0, op.k, None, bt)
            waits = plan.join([] if op.weights == "static" else [plan.start])
            release_b = plan.claim_tiles(waits, self.b_tensor.bytes_of(n0, n1))
            ready = [task for task, _ in self.b_tensor.load(n0, n1, [waits])]
            done = []
            for m0, m1 in pairwise(cuts):
                held = plan.join([plan.start, *ready])
                writes = self.c_tensor.pieces(m0, m1, part, parts)
                mask = self._mask_pieces(m0, m1, part, parts)
                size = self.a_tensor.bytes_of(m0, m1) + 2 * sum(size for _, size, _ in writes)
                release = plan.claim_tiles(held, size + sum(length for _, length in mask))
                loads = [task for task, _ in self.a_tensor.load(m0, m1, [held])]
                loads += self._masks(mask, held)
                a = None if self.a is None else rows_of(self.a, m0, m1)
                work, cost = self._work(block.with_rows(m1 - m0, a, self._kept(m0, m1, n0, n1)))
                spilled = self._product_bytes(cost.partials) if self.spills else 0
                pieces = [plan.machine.charged(ARRAY, w) for w in work.split(1 + (spilled > 0))]
                task = plan.task(ARRAY, pieces[0], [held, *loads])
                if spilled:
                    task = self._spill(spilled, task, pieces[1])
                done.append(task)
                for address, length, kind in writes:
                    task = plan.store(run(address, length), kind, [task])
                release(plan.final(task))
            release_b(plan.join(done))
        rows = max(m1 - m0 for m0, m1 in pairwise(cuts))
        return f"for {columns} of {op.n} columns: for up to {rows} of {op.m} rows"

    def _kept(self, m0: int, m1: int, n0: int, n1: int) -> Csr | None:
        """Wanted positions of a block of C that the array may make alone."""
        if self.kept is None:
            return None
        rows = rows_of(self.kept, m0, m1)
        return rows if n1 - n0 == self.op.n else columns_of(rows, n0, n1)

    def _spill(self, size: int, made: int, merge: Work) -> int:
        """Partial sums leave and come back before the last of the work."""
        plan = self.plan
        where = run(plan.place(size, Traffic.SPILLS), size)
        back = plan.load(where, Traffic.SPILLS, [plan.store(where, Traffic.SPILLS, [made])])
        return plan.task(ARRAY, merge, [back])

    def _tiling(self) -> tuple[list[int], int]:
        """Cuts between blocks of rows of A and C, and columns of B that fit the staging."""
        op, machine = self.op, self.machine
        room = machine.tiles_bytes * 19 // 20
        taken = self.a_tensor.ends() + 2 * self.c_tensor.ends() + self._mask_ends()
        if self.fetches:  # so that fetching the next block hides behind the present one
            room = min(room // 4, int(taken[-1]) // PARTS)
        cuts = _cuts(taken, room)
        per_column = max(1.0, self.b_tensor.stored.total / op.n)
        columns = max(1, min(op.n, int(machine.weights_bytes // 2 / per_column)))
        # Few large blocks where patterns are examined: a block is one call of a kernel.
        width = self.array.macs if self.bt is None else max(self.array.macs, op.n // 8)
        return cuts, min(op.n, max(columns, width))

    @cached_property
    def fetches(self) -> bool:
        """Whether rows of B come through the load unit's cache, as A names them."""
        only = {flow.kind for flow in self.array.dataflows} == {"gustavson"}
        sparse = self.a is not None and self.bt is not None
        return only and sparse and self.machine.arch.load.cache is not None

    def _cheapest(self, problem: Problem) -> tuple[str, Cost]:
        return self.machine.reuse.of(cheapest_cost, problem, self.machine.exact_array)

    def _work(self, problem: Problem) -> tuple[Work, Cost]:
        kind, cost = self._cheapest(problem)
        self.used.add(kind)
        op, forms = self.op, self.array.formats
        sizes = [
            (forms.a, self.a_metadata * problem.m // op.m),
            (forms.b, self.b_tensor.stored.metadata * problem.n // op.n),
        ]
        metadata = sum(size for _, size in sizes)
        decode = max(decode_cycles(form, size) for form, size in sizes)
        out = self.c_tensor.stored.total * problem.m * problem.n // (op.m * op.n)
        work = work_of(self.array, self.rate, cost, op.dtype, out, metadata, decode)
        if problem.kept is not None:  # the mask is decoded too
            metadata += mask_bytes(problem.m, problem.n, problem.kept[1].size)
        return work._replace(metadata_bits=8 * metadata), cost

    def _block(self, m0: int, m1: int, n0: int, n1: int, known: int) -> int:
        """One block of C: array tasks behind the parts of B."""
        plan = self.plan
        a = None if self.a is None else rows_of(self.a, m0, m1)
        bt = None if self.bt is None else rows_of(self.bt, n0, n1)
        kept = self._kept(m0, m1, n0, n1)
        work, cost = self._work(Problem(m1 - m0, n1 - n0, self.op.k, a, bt, kept))
        # Weights arrive in chunks that fit twice into the staging storage.
        step = min(plan.machine.weights_bytes // 2, plan.machine.arch.mapping.chunk)
        parts = max(1, -(-self.b_tensor.bytes_of(n0, n1) // max(1, step)))
        waits = [] if self.op.weights == "static" else [plan.start]
        spilled = self._product_bytes(cost.partials) if self.spills else 0
        pieces = work.split(parts + (spilled > 0))
        task = known
        for part in range(parts):
            loads = self.b_tensor.load(n0, n1, waits, part, parts)
            charged = plan.machine.charged(ARRAY, pieces[part])
            task = plan.task(ARRAY, charged, [known, *(load for load, _ in loads)])
            for load, size in loads:
                plan.claim_weights(load, size)(task)
        if spilled:
            task = self._spill(spilled, task, plan.machine.charged(ARRAY, pieces[-1]))
        return task

    def _product_bytes(self, products: int) -> int:
        """Bytes of partial products: each travels as a value and an index."""
        index_bits = getattr(self.array.formats.c, "index_bits", 0)
        return math.ceil(products * self.value) + -(-products * index_bits // 8)

    def _pieces(self, cuts: list[int]) -> list[Work]:
        """Work of every block of rows: PEs go on from block to block, only the ends are cut."""
        work, cost = self._work(self.whole)
        assert cost.item_ends is not None
        return work.cut([0, *(int(cost.item_ends[cut - 1]) for cut in cuts[1:])])

    def _fetched(self, m0: int, m1: int, work: Work, known: int) -> int:
        """Rows of B through the cache, then the block's work."""
        plan = self.plan
        assert self.a is not None
        named = self.a[1][self.a[0][m0] : self.a[0][m1]]
        ends = self._b_ends(self.b_tensor.stored)
        start = self.b_base + ends[named]
        size = ends[named + 1] - ends[named]
        loaded = plan.gather_extents(start, size, Traffic.WEIGHTS, [known])
        return plan.task(ARRAY, plan.machine.charged(ARRAY, work), [known, loaded])

    def _b_ends(self, size: Stored) -> np.ndarray:
        """Where each row of B ends, values beside their indices: int64[k + 1], bytes."""
        ends = np.concatenate([[0], np.cumsum(self.whole.b_row_counts)])
        return ends * size.total // max(1, int(ends[-1]))

    def _named_bytes(self, size: Stored) -> int:
        """Bytes of the lines that hold the rows of B that A names at all."""
        assert self.a is not None
        line = self.machine.arch.dram.line
        ends, rows = self._b_ends(size), np.unique(self.a[1])
        rows = rows[ends[rows + 1] > ends[rows]]
        first, last = ends[rows] // line, (ends[rows + 1] - 1) // line
        shared = int(np.count_nonzero(first[1:] == last[:-1]))
        return (int((last - first + 1).sum()) - shared) * line

    # ---- two phases --------------------------------------------------------------------------
    def _two_phase(self) -> str:
        """Products of parts of K, written out; then parts of C, merged."""
        plan, op = self.plan, self.op
        kind, cost = self._cheapest(self.whole)
        self.used.add(kind)
        first = Cost(
            cycles=cost.cycles, busy_cycles=cost.busy_cycles, macs=cost.macs,
            issued_macs=cost.issued_macs, reads_a=cost.reads_a, reads_b=cost.reads_b, outputs=0,
            latency_cycles=cost.latency_cycles, delivered=cost.delivered,
        )  # fmt: skip
        spilled = self._product_bytes(cost.macs)
        operands = self.a_tensor.stored.total + self.b_tensor.stored.total
        room = max(1, self.machine.tiles_bytes // 4)
        parts = max(1, -(-max(spilled, operands) // room))
        base = plan.place(spilled, Traffic.SPILLS)
        work = work_of(self.array, self.rate, first, op.dtype, spilled)
        metadata = self.a_metadata + self.b_tensor.stored.metadata
        works = work._replace(metadata_bits=8 * metadata).split(parts)
        stores = []
        for part, work in enumerate(works):
            held = plan.join([plan.start])
            # Columns of A and rows of B: the same parts of what is stored, laid out by K.
            loads = [
                *self.a_tensor.load(0, op.m, [held], part, parts),
                *self.b_tensor.load(0, op.n, [held], part, parts),
            ]
            at, size = _cut(spilled, part, parts)
            release = plan.claim_tiles(held, sum(length for _, length in loads) + size)
            after = [held, *(load for load, _ in loads)]
            done = plan.task(ARRAY, plan.machine.charged(ARRAY, work), after)
            if size:
                done = plan.store(run(base + at, size), Traffic.SPILLS, [done])
            stores.append(done)
            release(done)
        self._merge(cost, base, spilled, parts, plan.join(stores))
        return f"for {parts} parts of K {op.k}: products; for {parts} parts of C: merge"

    def _merge(self, cost: Cost, base: int, spilled: int, parts: int, ready: int) -> None:
        """The second phase; further passes of a merge stay on chip."""
        plan = self.plan
        again = (cost.partials - cost.macs) * SUM_BYTES
        work = Work(1, 1, 1).times(cost.merge_cycles)._replace(
            read_bytes=spilled + again,
            write_bytes=self.c_tensor.stored.total + again,
            partial_bytes=cost.sums * SUM_BYTES,
            operations=cost.comparisons,
        )
        for part, piece in enumerate(work.split(parts)):
            held = plan.join([ready])
            at, size = _cut(spilled, part, parts)
            writes = self.c_tensor.pieces(0, self.op.m, part, parts)
            mask = self._mask_pieces(0, self.op.m, part, parts)
            moved = sum(length for _, length, _ in writes) + sum(length for _, length in mask)
            release = plan.claim_tiles(held, size + moved)
            loads = [plan.load(run(base + at, size), Traffic.SPILLS, [held])] if size else []
            loads += self._masks(mask, held)
            done = plan.task(ARRAY, plan.machine.charged(ARRAY, piece), [held, *loads])
            for address, length, kind in writes:
                done = plan.store(run(address, length), kind, [done])
            release(plan.final(done))


def _cuts(taken: np.ndarray, room: int) -> list[int]:
    """Cuts between blocks of rows that take at most `room` bytes each, or are a single row."""
    cuts, rows = [0], len(taken) - 1
    while cuts[-1] < rows:
        stop = int(np.searchsorted(taken, taken[cuts[-1]] + room, side="right")) - 1
        cuts.append(min(rows, max(stop, cuts[-1] + 1)))
    return cuts


def _cut(size: int, part: int, parts: int) -> tuple[int, int]:
    """(offset, length) of one of equal parts."""
    begin, end = size * part // parts, size * (part + 1) // parts
    return begin, end - begin
