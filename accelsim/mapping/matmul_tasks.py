"""Tasks of one product: blocks of rows of A stay, columns of B stream past, C leaves."""

from __future__ import annotations

from accelsim.mapping.arrays import Gemm
from accelsim.mapping.machine import INDEX, Work
from accelsim.mapping.matmul_choice import ACCUMULATOR_BYTES, Choice, activation_bytes
from accelsim.mapping.plan import Plan, Traffic, run
from accelsim.mapping.sddmm import Written, mask_bytes, mask_work
from accelsim.mapping.spmm import bitmap_union_work
from accelsim.mapping.stream import StreamedGemm
from accelsim.workload.operators import Matmul, data_bytes, element_bytes


class MatmulTasks:
    """All weights, in the order in which they lie."""

    def __init__(self, plan: Plan, op: Matmul, gemm: Gemm, choice: Choice) -> None:
        self.plan, self.op, self.gemm = plan, op, gemm
        self.item = element_bytes(op.dtype)
        self.column = data_bytes(op.k, op.dtype)
        self.sparse, self.tiling = choice.sparse, choice.tiling
        self.a_bytes = activation_bytes(op)
        self.written = Written(
            op, op.output_pattern, self.tiling.rows, self.tiling.columns, plan.machine.reuse
        )
        self.stream = StreamedGemm(plan, gemm, op.dtype, op.weights == "static")
        self.a_on_chip = self.c_on_chip = False
        self.a_base = self.b_base = self.c_base = self.bits_base = 0

    def placed(self) -> MatmulTasks:
        """Give operands and result their places."""
        plan, op = self.plan, self.op
        c_bytes = self.written.total()
        self.a_on_chip = plan.inputs_on_chip()
        self.a_base = 0 if self.a_on_chip else plan.place(self.a_bytes, Traffic.ACTIVATIONS)
        self.b_base = plan.place(op.n * self.column, Traffic.WEIGHTS)
        if self.sparse is not None and self.sparse.used == "weights":
            self.bits_base = plan.place(-(-op.n * op.k // 8), Traffic.METADATA)
        self.c_on_chip = plan.keep_output(c_bytes)
        self.c_base = 0 if self.c_on_chip else plan.place(c_bytes, Traffic.OUTPUTS)
        return self

    def emit(self) -> str:
        """Block of rows after block of rows; the loop nest as text."""
        op, tiling, sparse = self.op, self.tiling, self.sparse
        for m0 in range(0, op.m, tiling.rows):
            self._rows(m0, min(tiling.rows, op.m - m0))
        how = "dense" if sparse is None else f"sparse, from the kept {sparse.used}"
        if op.output_pattern is not None:
            how = how.replace("kept outputs", "wanted outputs") + ", wanted outputs written"
        return (
            f"for {tiling.rows} of {op.m} rows: for {tiling.columns} of {op.n} columns: "
            f"for {self.stream.depth(tiling.columns, op.k)} of K {op.k}: {how}"
        )

    def _rows(self, m0: int, rows: int) -> None:
        """Rows of A in, block after block of C out."""
        plan, op, tiling = self.plan, self.op, self.tiling
        held = plan.join([plan.start])
        sums = self._sums(rows)
        first, last = (self.a_bytes * row // op.m for row in (m0, m0 + rows))
        sums += self._copied(rows)
        release = plan.claim_tiles(held, sums + (0 if self.a_on_chip else last - first))
        inputs = held
        if last > first and not self.a_on_chip:
            inputs = plan.load(run(self.a_base + first, last - first), Traffic.ACTIVATIONS, [held])
        known = [inputs, *self._metadata(m0, rows, inputs)]
        done: list[int] = []
        for n0 in range(0, op.n, tiling.columns):
            columns = min(tiling.columns, op.n - n0)
            work = None if self.sparse is None else self.sparse.works[(m0, n0)]
            stream, base = self._weights(n0, columns, known)
            after = [*known, *self._bitmap(n0, columns, inputs)]
            made = stream.add(base, rows, columns, op.k, after, self.item, sparse=work)
            at, size = self.written.block(m0, n0, rows, columns)
            if self.c_on_chip or not size:
                done.append(plan.final(made))
            else:  # the output is written block by block
                block = run(self.c_base + at, size)
                done.append(plan.store(block, Traffic.OUTPUTS, [made]))
        release(plan.join(done))

    def _weights(self, n0: int, columns: int, known: list[int]) -> tuple[StreamedGemm, int]:
        """What brings some columns of B, and where they begin."""
        return self.stream, self.b_base + n0 * self.column

    def _copied(self, rows: int) -> int:
        """Bytes of what else of A is held."""
        return 0

    def _sums(self, rows: int) -> int:
        """Bytes of the sums of two blocks: one leaves while the next is made."""
        if self.sparse is not None and self.sparse.used == "outputs":
            return 2 * self.written.largest() * ACCUMULATOR_BYTES
        return 2 * rows * self.tiling.columns * ACCUMULATOR_BYTES

    def _metadata(self, m0: int, rows: int, after: int) -> list[int]:
        """Fetch the mask of wanted outputs, or the bitmap of kept activations; the index unit
        builds the unions of tiles from what is used.
        """
        op, machine = self.op, self.plan.machine
        used = None if self.sparse is None else self.sparse.used
        found: list[int] = []
        if op.output_pattern is not None:
            kept = self.written.row_block(m0, rows)
            work = mask_work(machine, rows, op.n, kept) if used == "outputs" else None
            found.append(self._pattern(mask_bytes(rows, op.n, kept), work, after))
        if used == "activations":
            stored = -(-rows * (op.activation_elements or op.m * op.k) // (8 * op.m))
            work = bitmap_union_work(machine, rows * op.k)
            found.append(self._pattern(stored, work, after))
        return found

    def _bitmap(self, n0: int, columns: int, after: int) -> list[int]:
        """Fetch the bitmap of some columns of pruned weights; unions of their tiles from it."""
        if self.sparse is None or self.sparse.used != "weights":
            return []
        bits, base = columns * self.op.k, self.bits_base + n0 * self.op.k // 8
        work = bitmap_union_work(self.plan.machine, bits)
        return [self._pattern(-(-bits // 8), work, after, base)]

    def _pattern(self, stored: int, work: Work | None, after: int, base: int | None = None) -> int:
        """Fetch a pattern, placed here unless it has a place; with `work` it is worked on by the
        index unit once `after` has ended.
        """
        plan = self.plan
        if base is None:
            base = plan.place(stored, Traffic.METADATA)
        held = plan.join([plan.start])
        release = plan.claim_tiles(held, stored)
        ready = plan.load(run(base, stored), Traffic.METADATA, [held]) if stored else held
        if work is not None:
            ready = plan.task(INDEX, work, [ready, after])
        release(ready)
        return ready
