"""Matrix multiplication on a composed array: compressed operands in, real patterns, result out.

Two loop nests. *Blocked*: for block of rows of A and C: for block of columns of B; an array task
works on a part of B as soon as it has arrived. Where the load unit has a cache and the dataflow is
Gustavson's, the rows of B that a block names are fetched through it instead, in the order of A.
*Two-phase* (outer products that are merged later): for block of K: columns of A times rows of B,
products written to DRAM; then for block of rows of C: products read and merged.

Not modelled: converting an operand into its format (weights are stored so; a dynamic operand is
compressed by the operator that made it), the pointers of partial products.
"""

from __future__ import annotations

import math
from functools import cached_property
from itertools import pairwise

import numpy as np

from accelsim.arch.composed import ComposedArray, TwoPhaseMerge
from accelsim.arch.formats import Format
from accelsim.mapping.composed import (
    SUM_BYTES,
    Stored,
    decode_cycles,
    stored,
    value_bytes,
    work_of,
)
from accelsim.mapping.dataflows import Cost, Problem, cheapest
from accelsim.mapping.dataflows.problem import Csr, rows_of
from accelsim.mapping.machine import ARRAY, Work
from accelsim.mapping.plan import Plan, Traffic, run
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
        self.array, self.value = array, value_bytes(self.machine.arch, op.dtype)
        sparse = self.machine.arch.mapping.sparsity
        a, b = op.activation_pattern, op.weight_pattern
        self.a: Csr | None = None if a is None or not sparse else a.csr()
        self.bt: Csr | None = None if b is None or not sparse else b.csr()
        forms = array.formats
        self.a_stored = stored(forms.a, self.a, op.m, op.k, self.value)
        self.b_stored = stored(forms.b, self.bt, op.n, op.k, self.value)
        whole = Problem(op.m, op.n, op.k, self.a, self.bt)
        compressed = forms.c.kind != "dense" and (self.a is not None or self.bt is not None)
        self.outputs = whole.outputs if compressed else op.m * op.n
        bits = forms.c.metadata_bits(op.m, op.n, self.outputs) if compressed else 0
        self.c_stored = Stored(math.ceil(self.outputs * self.value), -(-bits // 8))
        self.whole = whole
        self.used: set[str] = set()

    def emit(self) -> None:
        """Add the tasks."""
        plan, op = self.plan, self.op
        self.a_on_chip = plan.inputs_on_chip()
        self.a_base = 0
        if not self.a_on_chip:
            self.a_base = self._place(self.a_stored, Traffic.ACTIVATIONS)
        self.b_base = self._place(self.b_stored, Traffic.WEIGHTS)
        self.c_on_chip = plan.keep_output(self.c_stored.total)
        self.c_base = 0 if self.c_on_chip else self._place(self.c_stored, Traffic.OUTPUTS)
        outer = any(flow.kind == "outer" for flow in self.array.dataflows)
        # Condensed columns are merged as they are made; only what is left over leaves.
        if outer and isinstance(self.array.merge, TwoPhaseMerge) and self._writes_all():
            text = self._two_phase()
        else:
            text = self._blocked()
        how = ", ".join(sorted(self.used))
        share = 100 * (self.a_stored.metadata + self.b_stored.metadata)
        total = max(1, self.a_stored.total + self.b_stored.total)
        plan.choose(f"{text}: {how}; metadata {share / total:.0f} % of operands, K {op.k}")

    def _writes_all(self) -> bool:
        """Whether every product is written out before any is merged."""
        merge = self.array.merge
        return isinstance(merge, TwoPhaseMerge) and merge.order == "rows"

    def _place(self, size: Stored, kind: Traffic) -> int:
        self.plan.touch(size.values, kind)
        if size.metadata:
            self.plan.touch(size.metadata, Traffic.METADATA)
        return self.plan.allocator.place(size.total)

    # ---- blocked ---------------------------------------------------------------------------
    def _blocked(self) -> str:
        plan, op = self.plan, self.op
        a_ends, c_ends = self._row_ends()
        cuts, columns = self._tiling(a_ends, c_ends)
        pieces = self._pieces(cuts) if self._fetches() else []
        for number, (m0, m1) in enumerate(pairwise(cuts)):
            held = plan.join([plan.start])
            a_bytes, c_bytes = int(a_ends[m1] - a_ends[m0]), int(c_ends[m1] - c_ends[m0])
            release = plan.claim_tiles(held, 2 * c_bytes + (0 if self.a_on_chip else a_bytes))
            known = held
            if not self.a_on_chip and a_bytes:
                known = self._load_rows(int(a_ends[m0]), a_bytes, held)
            last = known
            if pieces:
                last = self._fetched(m0, m1, pieces[number], known)
            else:
                for n0 in range(0, op.n, columns):
                    last = self._block(m0, m1, n0, min(op.n, n0 + columns), known)
            if self.c_on_chip or not c_bytes:
                release(plan.final(last))
            else:
                where = run(self.c_base + int(c_ends[m0]), c_bytes)
                release(plan.store(where, Traffic.OUTPUTS, [last]))
        rows = max(m1 - m0 for m0, m1 in pairwise(cuts))
        return f"for up to {rows} of {op.m} rows: for {columns} of {op.n} columns"

    def _row_ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Bytes of A and of C before each row, int64[m + 1]: rows take what their nonzeros take."""
        even = np.arange(self.op.m + 1)
        a_part = even if self.a is None else self.a[0]
        c_part = even
        if self.outputs < self.op.m * self.op.n and self.whole.a is not None:
            c_part = np.concatenate([[0], np.cumsum(self.whole.row_outputs)])
        ends = []
        for part, total in ((a_part, self.a_stored.total), (c_part, self.c_stored.total)):
            share = part / max(1, int(part[-1]))
            ends.append(np.floor(share * total).astype(np.int64))
        return ends[0], ends[1]

    def _tiling(self, a_ends: np.ndarray, c_ends: np.ndarray) -> tuple[list[int], int]:
        """Cuts between blocks of rows of A and C, and columns of B that fit the staging."""
        op, machine = self.op, self.machine
        room = machine.tiles_bytes * 19 // 20
        if self._fetches():  # so that fetching the next block hides behind the present one
            room = min(room // 4, (int(a_ends[-1]) + 2 * int(c_ends[-1])) // PARTS)
        taken = 2 * c_ends + (0 if self.a_on_chip else a_ends)
        cuts = [0]
        while cuts[-1] < op.m:
            stop = int(np.searchsorted(taken, taken[cuts[-1]] + room, side="right")) - 1
            cuts.append(min(op.m, max(stop, cuts[-1] + 1)))
        if self._fetches():
            return cuts, op.n
        per_column = max(1.0, self.b_stored.total / op.n)
        columns = max(1, min(op.n, int(machine.weights_bytes // 2 / per_column)))
        # Few large blocks where patterns are examined: a block is one call of a kernel.
        width = self.array.macs if self.bt is None else max(self.array.macs, op.n // 8)
        return cuts, min(op.n, max(columns, width))

    def _fetches(self) -> bool:
        """Whether rows of B come through the load unit's cache, as A names them."""
        only = {flow.kind for flow in self.array.dataflows} == {"gustavson"}
        sparse = self.a is not None and self.bt is not None
        return only and sparse and self.machine.arch.load.cache is not None

    def _load_rows(self, first: int, size: int, after: int) -> int:
        """Load some rows of A: values, and the metadata that lies with them."""
        plan = self.plan
        metadata = size * self.a_stored.metadata // max(1, self.a_stored.total)
        loads = []
        for at, length, kind in (
            (first, size - metadata, Traffic.ACTIVATIONS),
            (first + size - metadata, metadata, Traffic.METADATA),
        ):
            if length:
                loads.append(plan.load(run(self.a_base + at, length), kind, [after]))
        return plan.join(loads)

    def _problem(self, m0: int, m1: int, n0: int, n1: int) -> Problem:
        a = None if self.a is None else rows_of(self.a, m0, m1)
        bt = None if self.bt is None else rows_of(self.bt, n0, n1)
        return Problem(m1 - m0, n1 - n0, self.op.k, a, bt)

    def _work(self, problem: Problem, a_share: float, b_share: float) -> tuple[Work, Cost]:
        kind, cost = cheapest(problem, self.array)
        self.used.add(kind)
        forms: tuple[tuple[Format, float], ...] = (
            (self.array.formats.a, self.a_stored.metadata * a_share),
            (self.array.formats.b, self.b_stored.metadata * b_share),
        )
        metadata = int(sum(size for _, size in forms))
        decode = max(decode_cycles(form, int(size)) for form, size in forms)
        out = int(self.c_stored.total * problem.m * problem.n / (self.op.m * self.op.n))
        return work_of(self.machine.arch, cost, self.op.dtype, out, metadata, decode), cost

    def _block(self, m0: int, m1: int, n0: int, n1: int, known: int) -> int:
        """One block of C: array tasks behind the parts of B."""
        plan, op = self.plan, self.op
        problem = self._problem(m0, m1, n0, n1)
        a_share, b_share = (m1 - m0) / op.m, (n1 - n0) / op.n
        work = self._work(problem, a_share, b_share)[0]
        size = max(1, int(self.b_stored.total * b_share))
        # Weights arrive in chunks that fit twice into the staging storage.
        step = min(plan.machine.weights_bytes // 2, max(plan.machine.arch.mapping.chunk, 1))
        parts = max(1, -(-size // max(1, step)))
        base = self.b_base + int(self.b_stored.total * n0 / op.n)
        waits = [] if op.weights == "static" else [plan.start]
        task = known
        metadata = self.b_stored.metadata / max(1, self.b_stored.total)
        for part, piece in enumerate(work.split(parts)):
            begin, end = size * part // parts, size * (part + 1) // parts
            charged = plan.machine.charged(ARRAY, piece)
            kind = Traffic.WEIGHTS
            loads = []
            inside = int((end - begin) * metadata)
            for offset, length, what in (
                (begin, end - begin - inside, kind),
                (end - inside, inside, Traffic.METADATA),
            ):
                if length > 0:
                    loads.append((plan.load(run(base + offset, length), what, waits), length))
            task = plan.task(ARRAY, charged, [known, *(load for load, _ in loads)])
            for load, length in loads:
                plan.claim_weights(load, length)(task)
        return task

    def _pieces(self, cuts: list[int]) -> list[Work]:
        """Work of every block of rows: PEs go on from block to block, only the ends are cut."""
        work, cost = self._work(self.whole, 1.0, 1.0)
        assert cost.item_ends is not None
        ends = [0, *(int(cost.item_ends[cut - 1]) for cut in cuts[1:])]
        return work.cut(ends)

    def _fetched(self, m0: int, m1: int, work: Work, known: int) -> int:
        """Rows of B through the cache, then the block's work."""
        plan = self.plan
        assert self.a is not None
        ptr = self._b_pointers
        named = self.a[1][self.a[0][m0] : self.a[0][m1]]
        start = self.b_base + (ptr[named] * self.b_stored.total) // max(1, int(ptr[-1]))
        stop = self.b_base + (ptr[named + 1] * self.b_stored.total) // max(1, int(ptr[-1]))
        loaded = plan.gather_extents(start, stop - start, Traffic.WEIGHTS, [known])
        return plan.task(ARRAY, plan.machine.charged(ARRAY, work), [known, loaded])

    @cached_property
    def _b_pointers(self) -> np.ndarray:
        """Where each row of B begins, in nonzeros."""
        return np.concatenate([[0], np.cumsum(self.whole.b_row_counts)])

    # ---- two phases ------------------------------------------------------------------------
    def _two_phase(self) -> str:
        """Products of blocks of K, written out; then blocks of rows of C, merged."""
        plan, op, whole = self.plan, self.op, self.whole
        kind, cost = cheapest(whole, self.array)
        self.used.add(kind)
        first = Cost(
            cycles=cost.cycles, busy_cycles=cost.busy_cycles, macs=cost.macs,
            issued_macs=cost.issued_macs, reads_a=cost.reads_a, reads_b=cost.reads_b, outputs=0,
            latency_cycles=cost.latency_cycles,
        )  # fmt: skip
        # A product travels as a value and an index.
        index_bits = getattr(self.array.formats.c, "index_bits", 0)
        spilled = math.ceil(cost.macs * self.value) + -(-cost.macs * index_bits // 8)
        half = max(1, self.machine.tiles_bytes // 4)
        parts = max(1, -(-max(spilled, self.a_stored.total + self.b_stored.total) // half))
        base = plan.place(spilled, Traffic.SPILLS)
        works = work_of(plan.machine.arch, first, op.dtype, spilled).split(parts)
        stores = []
        for part, work in enumerate(works):
            held = plan.join([plan.start])
            sizes = [_cut(size.total, part, parts) for size in (self.a_stored, self.b_stored)]
            out = _cut(spilled, part, parts)
            release = plan.claim_tiles(held, sum(s for _, s in sizes) + out[1])
            loads = [
                plan.load(run(where + at, size), traffic, [held])
                for (at, size), where, traffic in zip(
                    sizes, (self.a_base, self.b_base), (Traffic.ACTIVATIONS, Traffic.WEIGHTS),
                    strict=True,
                )
                if size and not (traffic == Traffic.ACTIVATIONS and self.a_on_chip)
            ]  # fmt: skip
            done = plan.task(ARRAY, plan.machine.charged(ARRAY, work), [held, *loads])
            if out[1]:
                done = plan.store(run(base + out[0], out[1]), Traffic.SPILLS, [done])
            stores.append(done)
            release(done)
        self._merge(cost, base, spilled, parts, plan.join(stores))
        return f"for {parts} parts of K {op.k}: products; for {parts} parts of C: merge"

    def _merge(self, cost: Cost, base: int, spilled: int, parts: int, ready: int) -> None:
        plan = self.plan
        again = cost.partials - cost.macs  # written and read by further passes of the merge
        work = Work(
            cycles=cost.merge_cycles,
            latency_cycles=cost.merge_cycles,
            busy_cycles=cost.merge_cycles,
            read_bytes=spilled + again * SUM_BYTES,
            write_bytes=self.c_stored.total + again * SUM_BYTES,
        )
        for part, piece in enumerate(work.split(parts)):
            held = plan.join([ready])
            at, size = _cut(spilled, part, parts)
            c_at, c_size = _cut(self.c_stored.total, part, parts)
            release = plan.claim_tiles(held, size + c_size)
            loads = [plan.load(run(base + at, size), Traffic.SPILLS, [held])] if size else []
            done = plan.task(ARRAY, plan.machine.charged(ARRAY, piece), [held, *loads])
            if self.c_on_chip or not c_size:
                release(plan.final(done))
            else:
                release(plan.store(run(self.c_base + c_at, c_size), Traffic.OUTPUTS, [done]))


def _cut(size: int, part: int, parts: int) -> tuple[int, int]:
    """(offset, length) of one of equal parts."""
    begin, end = size * part // parts, size * (part + 1) // parts
    return begin, end - begin
