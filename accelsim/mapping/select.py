"""Top-k of rows of values: stream them through the top-k unit, write the indices of the largest.

Loop nest: for group of rows (as many as a chunk holds): for piece of a row (one, unless a row is
longer than a chunk): running top-k. Values come from DRAM, where an index unit takes them from the
stream in which they arrive, or lie on chip, where it reads them; vector lanes read them in any
case. Indices go to DRAM, as those of an index operator do.

Not modelled: values written beside the indices, a choice that is larger than the tile storage.
"""

from __future__ import annotations

from accelsim.mapping.indices import index_bytes
from accelsim.mapping.plan import Plan, Traffic, run
from accelsim.mapping.topk import topk_work
from accelsim.workload.operators import TopK, data_bytes

CANDIDATE_BYTES = 8  # a value and its index in the running top-k


def map_topk(plan: Plan, op: TopK) -> None:
    """Add the tasks of one TopK operator."""
    _TopKTasks(plan, op).emit()


class _TopKTasks:
    def __init__(self, plan: Plan, op: TopK) -> None:
        self.plan, self.op = plan, op
        self.row_bytes = data_bytes(op.candidates, op.dtype)
        self.stored = op.k * index_bytes(plan.machine, op.candidates)
        self.on_chip = plan.inputs_on_chip()
        size = op.rows * self.row_bytes
        self.base = 0 if self.on_chip else plan.place(size, Traffic.ACTIVATIONS)
        self.out = plan.place(op.rows * self.stored, Traffic.OUTPUTS)

    def emit(self) -> None:
        """Group after group of rows."""
        op, chunk = self.op, self.plan.machine.arch.mapping.chunk
        group = max(1, min(op.rows, chunk // max(self.row_bytes, op.k * CANDIDATE_BYTES)))
        pieces = -(-self.row_bytes // chunk) if group == 1 else 1
        for first in range(0, op.rows, group):
            self._group(first, min(group, op.rows - first), pieces)
        whole = f"{group} of {op.rows} rows"
        cut = f": for {pieces} pieces of a row" if pieces > 1 else ""
        self.plan.choose(f"for {whole}{cut}: top-{op.k} of {op.candidates}")

    def _group(self, first: int, rows: int, pieces: int) -> None:
        """The largest of some rows, and their indices to DRAM."""
        plan, op = self.plan, self.op
        held = plan.join([plan.start])
        release = plan.claim_tiles(held, rows * op.k * CANDIDATE_BYTES)
        chosen: list[int] = []
        base = self.base + first * self.row_bytes
        for piece in range(pieces):
            low, high = (rows * self.row_bytes * p // pieces for p in (piece, piece + 1))
            count = rows * op.candidates * (piece + 1) // pieces
            count -= rows * op.candidates * piece // pieces
            unit, work = topk_work(
                plan.machine,
                count,
                score_bytes=high - low,
                streamed=not self.on_chip,
                write_bytes=rows * self.stored if piece == pieces - 1 else 0,
            )
            if self.on_chip:
                chosen = [plan.task(unit, work, [held, *chosen])]
                continue
            loaded = plan.load(run(base + low, high - low), Traffic.ACTIVATIONS, [held])
            give_back = plan.claim_tiles(loaded, high - low)
            chosen = [plan.task(unit, work, [loaded, *chosen])]
            give_back(chosen[0])
        where = run(self.out + first * self.stored, rows * self.stored)
        release(plan.store(where, Traffic.OUTPUTS, chosen))
