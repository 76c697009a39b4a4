"""Tasks of a product that fetches only the weights it needs.

Loop nest: for block of rows of A: mask in, union of the named rows or columns of B; for block of
columns: for panel of K: gather | array. Where rows of B are left out, an array that computes
densely gets the activations that meet the others brought together by the vector lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.mapping.arrays import Gemm
from accelsim.mapping.machine import VECTOR
from accelsim.mapping.matmul_choice import Choice
from accelsim.mapping.matmul_tasks import MatmulTasks
from accelsim.mapping.needed import Needed, NeededBlock
from accelsim.mapping.plan import Plan, Release, Traffic
from accelsim.mapping.sddmm import mask_bytes, mask_work
from accelsim.mapping.stream import StreamedGemm
from accelsim.workload.operators import Matmul, data_bytes


def map_gathered_matmul(plan: Plan, op: Matmul, gemm: Gemm, needed: Needed) -> None:
    """Add the tasks of one Matmul operator."""
    by_k, column = needed.axis == "k", data_bytes(op.k, op.dtype)
    vector, count = (data_bytes(op.n, op.dtype), op.k) if by_k else (column, op.n)
    blocks = [
        _NeededTasks(plan, op, gemm, block, choice, by_k)
        for block, choice in zip(needed.blocks, needed.choices, strict=True)
    ]
    a_on_chip = plan.inputs_on_chip()
    a_base = 0 if a_on_chip else plan.place(op.m * column, Traffic.ACTIVATIONS)
    b_base = plan.place(count * vector, Traffic.WEIGHTS, needed.distinct() * vector)
    c_bytes = sum(block.written.total() for block in blocks)
    c_on_chip = plan.keep_output(c_bytes)
    c_base = 0 if c_on_chip else plan.place(c_bytes, Traffic.OUTPUTS)
    for block in blocks:
        block.a_on_chip, block.c_on_chip = a_on_chip, c_on_chip
        block.a_base = a_base + block.needed.first * column
        block.b_base, block.c_base = b_base, c_base
        text = block.emit()
        c_base += block.written.total()
    named = f"{needed.distinct()} of {count} {'rows' if by_k else 'columns'}"
    plan.choose(f"{text}; {named} of B fetched by need")


@dataclass(frozen=True, kw_only=True)
class GatheredGemm(StreamedGemm):
    """Panels of B that are gathered.

    Attributes
    ----------
    vectors : int64[n]
        Rows of B (`by_k`; K counts these alone) or columns (those of one block).
    pitch : int, bytes
        From one of them to the next as they lie.
    known : int
        Task after which they are known.
    """

    vectors: np.ndarray
    by_k: bool
    pitch: int
    known: int

    def panel(
        self, base: int, first: int, depth: int, columns: int, k: int
    ) -> tuple[Sequence[int], Release]:
        """Gather `depth` of K from `first` on, chunk by chunk; see `Plan.load_weights`."""
        rows, size = self.vectors, data_bytes(depth, self.dtype)
        if self.by_k:
            rows, size = rows[first : first + depth], data_bytes(columns, self.dtype)
        else:
            base += data_bytes(first, self.dtype)
        count = max(1, self.plan.machine.arch.mapping.chunk // size)
        loads, claims = [], []
        for at in range(0, rows.size, count):
            part = rows[at : at + count]
            loads.append(
                self.plan.gather(base, part, size, Traffic.WEIGHTS, [self.known], stride=self.pitch)
            )
            claims.append(self.plan.claim_weights(loads[-1], part.size * size))

        def release(task: int) -> None:
            for claim in claims:
                claim(task)

        return loads, release


class _NeededTasks(MatmulTasks):
    """One block of rows: the product of what it needs, A as it lies."""

    def __init__(
        self, plan: Plan, op: Matmul, gemm: Gemm, needed: NeededBlock, choice: Choice, by_k: bool
    ) -> None:
        super().__init__(plan, needed.op, gemm, choice)
        self.whole, self.needed, self.by_k = op, needed, by_k
        self.a_bytes = needed.rows * data_bytes(op.k, op.dtype)
        self._known = -1

    @property
    def _copies(self) -> bool:
        """Whether activations are brought together."""
        return self.by_k and self.sparse is None

    def _copied(self, rows: int) -> int:
        return rows * self.column if self._copies else 0

    def _metadata(self, m0: int, rows: int, after: int) -> list[int]:
        """The mask, the union of what it names, and the activations brought together."""
        plan, machine = self.plan, self.plan.machine
        columns = self.whole.k if self.by_k else self.whole.n
        kept = self.needed.kept * rows // self.needed.rows
        stored = mask_bytes(rows, columns, kept)
        work = mask_work(machine, rows, columns, kept)
        self._known = self._pattern(stored, work, plan.start)
        found = [self._known]
        if self.by_k and self.op.output_pattern is not None:
            wanted = self.written.row_block(m0, rows)
            found.append(self._pattern(mask_bytes(rows, self.op.n, wanted), None, after))
        if self._copies:
            moved = self._copied(rows)
            copy = machine.vector_work(rows * self.op.k, moved, moved)
            found.append(plan.task(VECTOR, copy, [after, self._known]))
        return found

    def _weights(self, n0: int, columns: int, known: list[int]) -> tuple[StreamedGemm, int]:
        union, dtype = self.needed.union, self.op.dtype
        pitch = data_bytes(self.whole.n if self.by_k else self.whole.k, dtype)
        stream = GatheredGemm(
            self.plan, self.gemm, dtype, vectors=union if self.by_k else
            union[n0 : n0 + columns], by_k=self.by_k, pitch=pitch, known=self._known,
        )  # fmt: skip
        return stream, self.b_base + data_bytes(n0, dtype) * self.by_k
