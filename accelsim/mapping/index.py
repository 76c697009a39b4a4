"""Index prediction by the model itself: score all visible keys, weigh the heads, keep the top k.

Scores of `heads` small heads per query against one shared key vector, ReLU and weighted sum over
the heads on the vector unit (2 lane-operations a head score; a single head's scores are taken as
they are), streaming top-k on the index unit (vector lanes where there is none). The chosen indices
are written to DRAM. A key may stand for `key_stride` tokens: a tile of queries sees the keys whose
tokens are all there, which may be none.

Not modelled: a head-reduction inside the array.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from accelsim.mapping.arrays import Gemm
from accelsim.mapping.indices import index_bytes
from accelsim.mapping.machine import ARRAY, VECTOR
from accelsim.mapping.pipeline import Pipeline, Step
from accelsim.mapping.plan import Plan, Traffic, run
from accelsim.mapping.stream import array_width
from accelsim.mapping.topk import SCORE_BYTES, topk_work
from accelsim.workload.operators import Index, data_bytes

HEAD_SCORE_BYTES = 2
HEAD_OPERATIONS = 2
CANDIDATE_BYTES = 8  # a score and its index in the running top-k


def map_index(plan: Plan, op: Index, gemm: Gemm) -> None:
    """Add the tasks of one Index operator."""
    _IndexTasks(plan, op, gemm).emit()


class _IndexTasks:
    def __init__(self, plan: Plan, op: Index, gemm: Gemm) -> None:
        self.plan, self.op, self.gemm = plan, op, gemm
        self.machine = plan.machine
        self.k_bytes = data_bytes(op.d, op.dtype)
        self.q_bytes = op.heads * self.k_bytes
        self.q_base = plan.place(op.batch * op.q_len * self.q_bytes, Traffic.QUERIES)
        self.k_base = plan.place(op.batch * op.kv_len * self.k_bytes, Traffic.KEYS_VALUES)
        self.score_bytes = HEAD_SCORE_BYTES if op.heads > 1 else SCORE_BYTES
        self.chosen = min(op.top_k, op.kv_len)
        self.stored = self.chosen * index_bytes(self.machine, op.kv_len)
        self.o_base = plan.place(op.batch * op.q_len * self.stored, Traffic.OUTPUTS)
        self.resident = op.kv_len * self.k_bytes <= self.machine.tiles_bytes // 2
        width, room = array_width(self.machine), self.machine.tiles_bytes // 16
        row = op.heads * self.score_bytes
        self.queries = max(1, min(op.q_len, 512 // op.heads, room // (width * row)))
        fit = room // max(self.queries * row, self.k_bytes)
        self.keys = max(width, min(op.kv_len, fit) // width * width)

    def emit(self) -> None:
        """Every batch entry: its keys, then tile by tile of queries."""
        op, plan = self.op, self.plan
        for batch in range(op.batch):
            self.ready: list[int] = []
            lasts: list[int] = []
            held = plan.join([plan.start])
            size = op.kv_len * self.k_bytes if self.resident else 0
            release = plan.claim_tiles(held, size)
            if self.resident:
                for first in range(0, op.kv_len, self.keys):
                    loaded = plan.load(self._keys(batch, first), Traffic.KEYS_VALUES, [held])
                    self.ready.append(plan.join([loaded, *self.ready[-1:]]))
            for first in range(0, op.q_len, self.queries):
                lasts.append(self._tile(batch, first, min(self.queries, op.q_len - first)))
            release(plan.join(lasts))
        where = "keys on chip" if self.resident else "keys fetched per tile"
        plan.choose(
            f"for tile of {self.queries} of {op.q_len} queries x {op.heads} heads: "
            f"for {self.keys} keys: scores | {'head sum | ' * (op.heads > 1)}"
            f"top-{op.top_k} ({where})"
        )

    def _keys(self, batch: int, first: int) -> np.ndarray:
        count = min(self.keys, self.op.kv_len - first)
        return run(
            self.k_base + (batch * self.op.kv_len + first) * self.k_bytes, count * self.k_bytes
        )

    def _tile(self, batch: int, first: int, count: int) -> int:
        """Score, sum over heads and select for one tile of queries; returns its last task."""
        op, plan = self.op, self.plan
        visible = self._visible(first + count)
        row = batch * op.q_len + first
        held = plan.join([plan.start])
        free = plan.claim_tiles(held, count * (self.q_bytes + self.chosen * CANDIDATE_BYTES))
        where = run(self.q_base + row * self.q_bytes, count * self.q_bytes)
        queries = plan.load(where, Traffic.QUERIES, [held])
        chosen: list[int] = []
        fetched: dict[int, tuple[int, Callable[[int], None]]] = {}
        blocks = Pipeline(2, 0)
        for k0 in range(0, visible, self.keys):

            def fetch(k0: int = k0) -> None:
                if not self.resident:
                    task = plan.load(self._keys(batch, k0), Traffic.KEYS_VALUES, [held])
                    fetched[k0] = task, plan.claim_tiles(task, self.keys * self.k_bytes)

            def compute(k0: int = k0) -> None:
                arrived = self.ready[k0 // self.keys] if self.resident else fetched[k0][0]
                here = min(self.keys, visible - k0)
                scored, selected = self._block(count, here, [queries, arrived], chosen)
                if not self.resident:
                    fetched.pop(k0)[1](scored)
                chosen[:] = [selected]

            blocks.add(Step(fetch, compute))
        blocks.flush()
        where = run(self.o_base + row * self.stored, count * self.stored)
        last = chosen or [queries]  # of no key there is nothing to choose
        free(plan.store(where, Traffic.OUTPUTS, last))
        return last[0]

    def _visible(self, query_end: int) -> int:
        """Keys that the queries before `query_end` can see."""
        op = self.op
        if not op.causal:
            return op.kv_len
        return (op.kv_len * op.key_stride - op.q_len + query_end) // op.key_stride

    def _block(self, count: int, keys: int, after: list[int], chosen: list[int]) -> tuple[int, int]:
        """Scores of one block of keys, their sum over heads, and the running top-k."""
        op, plan, machine = self.op, self.plan, self.machine
        rows, scores = count * op.heads, count * keys
        work = self.gemm(rows, keys, op.d, op.dtype, self.score_bytes)
        scored = plan.task(ARRAY, machine.charged(ARRAY, work), after)
        plan.overhead(work.issued_macs)
        release = plan.claim_tiles(scored, rows * keys * self.score_bytes)
        unit, topk = topk_work(machine, scores)
        if op.heads == 1:
            selected = plan.task(unit, topk, [scored, *chosen])
            release(selected)
            return scored, selected
        head_sum = machine.vector_work(
            rows * keys * HEAD_OPERATIONS, rows * keys * HEAD_SCORE_BYTES, scores * SCORE_BYTES
        )
        summed = plan.task(VECTOR, head_sum, [scored])
        release(summed)
        return scored, plan.task(unit, topk, [summed, *chosen])
