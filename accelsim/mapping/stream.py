"""Weights that stream past stationary rows: one output block, panel by panel of K."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from accelsim.arch.array import SparseArray
from accelsim.arch.composed import ComposedArray
from accelsim.mapping.arrays import Gemm
from accelsim.mapping.machine import ARRAY, Machine, Work
from accelsim.mapping.plan import Plan, Release
from accelsim.workload.operators import data_bytes

ACCUMULATOR_BYTES = 4


def array_width(machine: Machine) -> int:
    """Output columns that the array works on at once."""
    array = machine.arch.array
    if isinstance(array, SparseArray):
        return max(array.rows, array.segments * array.lanes)
    if isinstance(array, ComposedArray):
        return max(array.pe_array.pes, array.pe_array.lanes)
    return max(shape.columns for shape in array.shapes)


def panel_depth(machine: Machine, columns: int, k: int, dtype: str) -> int:
    """K of a panel of so many columns: half of the weight staging holds it."""
    whole = columns * data_bytes(k, dtype)
    return max(1, min(k, machine.weights_bytes // 2 * k // whole))


@dataclass(frozen=True)
class StreamedGemm:
    """C[rows, columns] += A[rows, k] x B[k, columns], B read from DRAM at `base`.

    B is stored tile by tile, so that a panel (as much of K as half the weight staging holds) is
    contiguous; it arrives in chunks of `mapping.chunk` and is worked on as one array task. A
    static B depends on nothing: it may be fetched before its operator, as far as staging reaches.
    Sums of one panel stay in the array; between panels they stay only if they fit, else each panel
    reads and writes them.
    """

    plan: Plan
    gemm: Gemm
    dtype: str
    static: bool = True

    def depth(self, columns: int, k: int) -> int:
        """K of a panel."""
        return panel_depth(self.plan.machine, columns, k, self.dtype)

    def tile_bytes(self, columns: int, k: int) -> int:
        """Bytes of so many columns of B; each column takes whole bytes."""
        return columns * data_bytes(k, self.dtype)

    def works(
        self,
        rows: int,
        columns: int,
        k: int,
        out_bytes: float,
        first: bool = True,
        last: bool = True,
    ) -> Iterator[Work]:
        """Array work of every panel, ports charged. A panel reads the sums of the one before.

        `first`, `last` : whether these are the first and the last products added into C.
        """
        machine, depth = self.plan.machine, self.depth(columns, k)
        sums = sum_bytes = rows * columns * ACCUMULATOR_BYTES
        if sums <= machine.arch.array.accumulators:
            sums = 0
        panels = -(-k // depth)
        for at in range(panels):
            begins, ends = first and at == 0, last and at == panels - 1
            here = min(depth, k - at * depth)
            work = self.gemm(rows, columns, here, self.dtype, out_bytes if ends else 0)
            if sums or not begins:
                read = work.read_bytes + (0 if begins else sums)
                written = work.write_bytes + (0 if ends else sums)
                partial = work.partial_bytes + (0 if begins else sum_bytes)
                work = work._replace(read_bytes=read, write_bytes=written, partial_bytes=partial)
            yield machine.charged(ARRAY, work)

    def cycles(
        self,
        rows: int,
        columns: int,
        k: int,
        out_bytes: float,
        first: bool = True,
        last: bool = True,
    ) -> int:
        """Array cycles of the whole block."""
        return sum(w.cycles for w in self.works(rows, columns, k, out_bytes, first, last))

    def add(
        self,
        base: int,
        rows: int,
        columns: int,
        k: int,
        inputs: list[int],
        out_bytes: float,
        *,
        sparse: Work | None = None,
        first: bool = True,
        last: bool = True,
    ) -> int:
        """Add the tasks; returns the last. `sparse` replaces the dense cost of the whole block.

        The array takes its tasks in order, so sums of a panel meet those of the panel before.
        """
        plan, depth = self.plan, self.depth(columns, k)
        panels = -(-k // depth)
        if sparse is None:
            works = list(self.works(rows, columns, k, out_bytes, first, last))
        else:
            works = [plan.machine.charged(ARRAY, piece) for piece in sparse.split(panels)]
        task = -1
        for at, work in enumerate(works):
            loads, release = self.panel(base, at * depth, min(depth, k - at * depth), columns, k)
            task = plan.task(ARRAY, work, [*inputs, *loads])
            release(task)
        return task

    def panel(
        self, base: int, first: int, depth: int, columns: int, k: int
    ) -> tuple[Sequence[int], Release]:
        """Request `depth` of K from `first` on, chunk by chunk; see `Plan.load_weights`."""
        whole = self.tile_bytes(columns, k)
        begin, end = (whole * at // k for at in (first, first + depth))
        waits = [] if self.static else [self.plan.start]
        return self.plan.load_weights(base + begin, end - begin, waits)
