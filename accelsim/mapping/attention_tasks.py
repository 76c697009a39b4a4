"""Tasks of an attention operator: loads ahead, scores, softmax, and values behind them.

Where values are part of the keys, a key row is stored, fetched and held once: a block's keys stay
until its values have been used. A tile whose scores choose the keys gives them back block by block
as they are scored; the values of the chosen keys are then fetched again, as the whole front part
of each row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from accelsim.arch.array import SparseArray
from accelsim.mapping.attention_tiles import PROBABILITY_BYTES, SCORE_BYTES, TileModel
from accelsim.mapping.machine import ARRAY, INDEX, VECTOR, Core, Work
from accelsim.mapping.pipeline import Pipeline, Step
from accelsim.mapping.placement import KeyLayout
from accelsim.mapping.plan import Plan, Release, Traffic, row_runs, run
from accelsim.mapping.reuse import Reuse
from accelsim.mapping.tiles import AttentionShape, Block, Pass, Tile
from accelsim.mapping.topk import topk_work
from accelsim.workload.operators import Attention

# Of the tile storage: keys and values that stay (of one pass, or of two when they fit), one
# tile's queries and outputs, and its kept list with the probabilities.
RESIDENT_SHARE = 1 / 2
TILE_SHARE = 1 / 32
KEPT_SHARE = 1 / 12
KEPT_BYTES = 16  # a kept score and its index, and about four probabilities of a masked block
# Steps whose loads are requested ahead, and score blocks that issue ahead of a value block, so that
# softmax is hidden behind them. Where a tile is examined first, a step is a whole tile.
AHEAD, LAG = 2, 2
EXAMINE_AHEAD, EXAMINE_LAG = 1, 1
CANDIDATE_BYTES = 8  # a kept score and its index in the running top-k
SPARSE_KEPT_BYTES = CANDIDATE_BYTES + PROBABILITY_BYTES


def kv_bytes(model: TileModel) -> int:
    """Keys and values of one head."""
    return model.op.kv_len * model.key_bytes()


def softmax_work(
    core: Core, op: AttentionShape, tile: Tile, scores: int, probability_bytes: int | None = None
) -> Work:
    """Online softmax over `scores` of a tile, with the rescaling of its outputs.

    `probability_bytes` : what is written, when it is more than one probability a score.
    """
    written = scores * PROBABILITY_BYTES if probability_bytes is None else probability_bytes
    operations = scores * core.softmax_operations
    blocks = len(tile.score_blocks)
    if blocks > 1:
        share = scores / max(1, sum(b.scores for b in tile.score_blocks))
        rescale = core.vector.operations["rescale"]
        operations += (blocks - 1) * share * tile.rows * op.d_v * rescale
    return core.vector_work(operations, scores * SCORE_BYTES, written)


@dataclass
class Placed:
    """A pass and where it lies.

    `kv_row` : first row of its keys, which lie head by head; `first_query`, `first_head` : where
    its queries and outputs begin, which lie query by query, all heads of one together; `copies` :
    heads of the pass; `pattern_row` : first row of its pattern.
    """

    kv_row: int
    first_query: int
    first_head: int
    copies: int
    pattern_row: int

    def work(self, op: Attention, reuse: Reuse) -> Pass:
        """The pass and its pattern's rows."""
        if op.pattern is None:
            return Pass(self.copies, None)
        rows = reuse.rows(op.pattern, self.pattern_row, self.pattern_row + op.q_len)
        return Pass(self.copies, rows)


@dataclass
class Keys:
    """Keys and values of one head in the scratchpad, used by one pass or by several.

    `touched[values]` : keys (values) that tiles fetched themselves; `ready[i]` : task after which
    chunk i has arrived; `used` : last task of every tile; `release` gives the storage back.
    """

    passes: int
    touched: dict[bool, np.ndarray]
    ready: list[int] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    release: Release | None = None


class AttentionTasks:
    """Adds the tasks of one operator, pass by pass."""

    def __init__(
        self,
        plan: Plan,
        op: Attention,
        model: TileModel,
        resident: bool,
        tiles: Callable[[Placed], tuple[Tile, ...]],
    ) -> None:
        self.plan, self.op, self.model, self.tiles = plan, op, model, tiles
        self.q_bytes = self.k_bytes = model.row(op.d_qk)
        self.v_bytes = model.row(op.d_v)
        rows_q, rows_k = op.batch * op.q_len * op.heads, op.batch * op.kv_len * op.kv_heads
        # What others made may be on chip; a cache of keys and values from before is in DRAM.
        read = rows_k * (self.k_bytes + (0 if op.values_in_keys else self.v_bytes))
        self.queries_on_chip = plan.inputs_on_chip()
        self.keys_on_chip = plan.inputs_on_chip(rows_q * self.q_bytes + read)
        self.o_on_chip = plan.keep_output(rows_q * self.v_bytes)
        self.resident = resident and not self.keys_on_chip
        self.q_base = self.o_base = 0
        where = plan.machine.arch.mapping.placement
        bases = 0, 0
        if not self.o_on_chip:
            self.o_base = plan.place(rows_q * self.v_bytes, Traffic.OUTPUTS)
        if not self.queries_on_chip:
            self.q_base = plan.place(rows_q * self.q_bytes, Traffic.QUERIES, 0)
        if not self.keys_on_chip:  # what tiles touch is counted as they are added
            whole = None if self.resident else 0
            if op.values_in_keys:
                bases = (plan.place(rows_k * self.k_bytes, Traffic.KEYS_VALUES, whole),) * 2
            elif where.interleaved:
                both = rows_k * (self.k_bytes + self.v_bytes)
                first = plan.place(both, Traffic.KEYS_VALUES, whole)
                bases = first, first + self.k_bytes
            else:
                bases = (
                    plan.place(rows_k * self.k_bytes, Traffic.KEYS_VALUES, whole),
                    plan.place(rows_k * self.v_bytes, Traffic.KEYS_VALUES, whole),
                )
        self.layout = KeyLayout(
            bases,
            (self.k_bytes, self.k_bytes if op.values_in_keys else self.v_bytes),
            op.kv_heads,
            op.kv_len,
            where.keys_by == "token",
            where.interleaved and not op.values_in_keys,
        )
        room = plan.machine.tiles_bytes * RESIDENT_SHARE
        self.most_live = 2 if 2 * kv_bytes(model) <= room else 1

    def run(self, passes: list[Placed]) -> None:
        """Every pass; the next head's keys are requested as soon as there is room."""
        rows = [placed.kv_row for placed in passes]
        length = self.model.op.kv_len
        keys = {
            row: Keys(rows.count(row), {v: np.zeros(length, bool) for v in (False, True)})
            for row in dict.fromkeys(rows)
        }
        to_load = list(keys)
        pipeline: Pipeline | None = None

        def load_next() -> None:
            if to_load:
                row = to_load.pop(0)
                self._load(keys[row], row)

        for _ in range(self.most_live):
            load_next()
        for placed in passes:
            tiles = self.tiles(placed)
            if pipeline is None:
                examined = any(t.examine_blocks for t in tiles)
                pipeline = (
                    Pipeline(EXAMINE_AHEAD, EXAMINE_LAG) if examined else Pipeline(AHEAD, LAG)
                )
            if placed.kv_row in to_load:  # its storage is still that of a pass in the pipeline
                pipeline.flush()
            user = _PassTasks(self, placed, keys[placed.kv_row])
            for tile in tiles:
                for step in user.steps(tile):
                    pipeline.add(step)

            def free(user: _PassTasks = user) -> None:
                if user.free():
                    load_next()

            pipeline.add(Step(follow=free))
        if pipeline is not None:
            pipeline.flush()

    def _load(self, keys: Keys, row: int) -> None:
        """Stream K and V into the scratchpad chunk by chunk."""
        if not self.resident:
            return
        plan, length = self.plan, self.model.op.kv_len
        held = plan.join([plan.start])
        keys.release = plan.claim_tiles(held, kv_bytes(self.model))
        parts_of_row = (False,) if self.model.op.values_in_keys else (False, True)
        for first in range(0, length, self.chunk()):
            count = min(self.chunk(), length - first)
            parts = []
            for values in parts_of_row:
                rows = self.layout.rows(values, row // length)
                piece = rows.pieces(np.array([first]), np.array([count]))
                parts.append(plan.load(piece, Traffic.KEYS_VALUES, [held]))
            keys.ready.append(plan.join([*parts, *keys.ready[-1:]]))

    def chunk(self) -> int:
        """Keys that arrive together."""
        return max(1, self.plan.machine.arch.mapping.chunk // max(self.k_bytes, self.v_bytes))


class _PassTasks:
    """The tiles of one pass, and what they leave to do when the pass ends."""

    def __init__(self, tasks: AttentionTasks, placed: Placed, keys: Keys) -> None:
        self.tasks, self.placed, self.keys = tasks, placed, keys

    def steps(self, tile: Tile) -> list[Step]:
        """A tile as pipeline steps."""
        work = _TileTasks(self, tile)
        if tile.examine_blocks:
            return [Step(work.load, work.examine, work.values_after_selection)]
        if not tile.value_blocks:  # nothing kept: the outputs are zero
            return [Step(work.claim, follow=work.write_zeros)]
        return work.paired(work.load)

    def free(self) -> bool:
        """The pass has ended; after the last pass on the same keys they may go."""
        tasks, keys = self.tasks, self.keys
        keys.passes -= 1
        if keys.passes:
            return False
        if tasks.model.op.values_in_keys:  # of a row that was fetched its value is no more
            keys.touched[True] &= ~keys.touched[False]
        for values, size in ((False, tasks.k_bytes), (True, tasks.v_bytes)):
            tasks.plan.touch(int(keys.touched[values].sum()) * size, Traffic.KEYS_VALUES)
        if keys.release is not None:
            keys.release(tasks.plan.join(keys.used or keys.ready[-1:]))
        return True


class _TileTasks:
    """The tasks of one tile."""

    def __init__(self, user: _PassTasks, tile: Tile) -> None:
        self.user, self.tile, self.t = user, tile, user.tasks
        self.plan, self.model, self.placed = self.t.plan, self.t.model, user.placed
        self.ready = user.keys.ready
        self.known: list[int] = []
        self.fetched: dict[tuple[int, bool], tuple[int, Release]] = {}

    def claim(self) -> None:
        """Claim the tile's queries, outputs, stored indices and kept list."""
        t, tile = self.t, self.tile
        self.held = self.plan.join([self.plan.start])
        size = tile.rows * (t.q_bytes + t.v_bytes) + tile.metadata_bytes
        if tile.examine_blocks:
            size += tile.kept * CANDIDATE_BYTES
            if not tile.score_blocks:
                size += self._probability_bytes()
        self.release_tile = self.plan.claim_tiles(self.held, size)

    def _probability_bytes(self) -> int:
        """Probabilities as P V reads them: of the kept pairs, or of a whole masked block."""
        return sum(block.scores for block in self.tile.value_blocks) * PROBABILITY_BYTES

    def load(self) -> None:
        """Claim; fetch queries and indices; build the union of the keys."""
        self.claim()
        t, plan, tile = self.t, self.plan, self.tile
        self.known = [self.held]
        if not t.queries_on_chip:
            queries = plan.load(self._rows(t.q_base, t.q_bytes), Traffic.QUERIES, [self.held])
            plan.touch(tile.rows * t.q_bytes, Traffic.QUERIES)
            self.known = [queries]
        if tile.metadata_bytes:
            base = plan.place(tile.metadata_bytes, Traffic.METADATA)
            where = run(base, tile.metadata_bytes)
            self.known.append(plan.load(where, Traffic.METADATA, [self.held]))
        if tile.union is not None and not tile.examine_blocks:
            self.known.append(plan.task(INDEX, tile.union, self.known))

    def _rows(self, base: int, row_bytes: int) -> np.ndarray:
        """The run of this tile's rows: the heads of the pass, query after query."""
        heads, placed = self.t.op.heads, self.placed
        first = (placed.first_query + self.tile.first_query) * heads + placed.first_head
        piece, count = placed.copies * row_bytes, self.tile.queries
        if placed.copies == heads:
            piece, count = piece * count, 1
        return np.array([[base + first * row_bytes, heads * row_bytes, piece, count]], np.int64)

    def paired(self, load: Callable[[], None]) -> list[Step]:
        """Known indices: score block, softmax, and the value block some steps behind."""
        tile, apart = self.tile, not self.model.op.values_in_keys
        final = len(tile.score_blocks) - 1
        steps = []
        for at, (score, value) in enumerate(zip(tile.score_blocks, tile.value_blocks, strict=True)):

            def fetch(at: int = at, score: Block = score, value: Block = value) -> None:
                if at == 0:
                    load()
                self._fetch(at, score, False)
                if apart:
                    self._fetch(at, value, True)

            held: dict[str, int] = {}

            def compute(at: int = at, score: Block = score, held: dict[str, int] = held) -> None:
                switch = bool(tile.examine_blocks) and at == 0
                scored = self._array(at, score, False, self.known, switch, hold=not apart)
                self.releases[at] = self.plan.claim_tiles(
                    scored, score.scores * (SCORE_BYTES + PROBABILITY_BYTES)
                )
                work = softmax_work(self.model.core, self.model.op, tile, score.scores)
                held["softmax"] = self.plan.task(VECTOR, work, [scored])

            def follow(at: int = at, value: Block = value, held: dict[str, int] = held) -> None:
                valued = self._array(at, value, apart, [held["softmax"]])
                self.releases[at](valued)
                if at == final:
                    self._finish(valued)

            steps.append(Step(fetch, compute, follow))
        self.releases: dict[int, Release] = {}
        return steps

    def _fetch(self, at: int, block: Block, values: bool) -> None:
        """Request a block's keys or values, when they do not stay on chip."""
        t = self.t
        if t.keys_on_chip or t.resident:
            return
        keys = t.model.op.kv_len
        rows = t.layout.rows(values, self.placed.kv_row // keys)
        rows = rows._replace(size=t.v_bytes if values else t.k_bytes)
        first, stride, size = rows
        if block.span == 1:
            task = self.plan.gather(
                first, block.keys, size, Traffic.KEYS_VALUES, self.known, stride
            )
        else:
            begin, count = row_runs(0, block.keys, block.span)[:, [0, 2]].T
            runs = rows.pieces(begin, np.minimum(count, keys - begin))
            task = self.plan.load(runs, Traffic.KEYS_VALUES, self.known)
        release = self.plan.claim_tiles(task, block.keys.size * block.span * size)
        self.fetched[(at, values)] = task, release
        touched = self.user.keys.touched[values]
        if block.span == 1:
            touched[block.keys] = True
        else:
            for key, many in zip(begin.tolist(), count.tolist(), strict=True):
                touched[key : key + many] = True

    def _array(
        self,
        at: int,
        block: Block,
        values: bool,
        after: list[int],
        switch: bool = False,
        hold: bool = False,
        dtype: int = 0,
    ) -> int:
        """One array task, after its operand has arrived; fetched storage is given back.

        `switch` : the array changes between its dense and its sparse mode first. `hold` : what
        was fetched stays, for the values of the same block. `dtype` : a predictor's, as counted.
        """
        waits: list[int] = []
        release: Release | None = None
        if (at, values) in self.fetched:
            task, release = self.fetched[(at, values)]
            if hold:
                release = None
            else:
                del self.fetched[(at, values)]
            waits = [task]
        elif self.ready:
            chunk = max(0, block.last_key - 1) // self.t.chunk()
            waits = [self.ready[min(len(self.ready) - 1, chunk)]]
        array = self.model.core.array
        work = block.work
        if switch and isinstance(array, SparseArray):
            cycles = array.reconfiguration_cycles
            work = Work(cycles, cycles, fill_cycles=cycles).plus(work)
        done = self.plan.task(ARRAY, work, list(dict.fromkeys([*after, *waits])), dtype=dtype)
        if release is not None:
            release(done)
        return done

    def examine(self) -> None:
        """Scores of all visible keys (or a predictor's), top-k block by block, then softmax."""
        plan, tile, dtype = self.plan, self.tile, self.model.op.examined_dtype
        self.selected: list[int] = []
        pipeline = Pipeline(AHEAD, 0)
        for at, block in enumerate(tile.examine_blocks):

            def fetch(at: int = at, block: Block = block) -> None:
                self._fetch(at, block, False)

            def compute(at: int = at, block: Block = block) -> None:
                scored = self._array(at, block, False, self.known, switch=at == 0, dtype=dtype)
                release = plan.claim_tiles(scored, block.scores * SCORE_BYTES)
                unit, work = topk_work(plan.machine, block.scores)
                self.selected = [plan.task(unit, work, [scored, *self.selected])]
                release(self.selected[0])

            pipeline.add(Step(fetch, compute))
        pipeline.flush()
        issued = sum(block.work.issued_macs for block in tile.examine_blocks)
        kept = 0 if tile.score_blocks else tile.kept * self.model.op.d_qk
        plan.overhead(issued - kept)
        if tile.union is not None:
            self.selected = [plan.task(INDEX, tile.union, self.selected)]
        self.known = self.selected
        if tile.value_blocks and not tile.score_blocks:
            # Added here, so that it does not queue behind the end of the tile before.
            written = self._probability_bytes()
            work = softmax_work(self.model.core, self.model.op, tile, tile.kept, written)
            self.softmax = [plan.task(VECTOR, work, self.known)]

    def values_after_selection(self) -> None:
        """The values; after a predictor the scores of the kept pairs and their softmax first."""
        tile = self.tile
        if tile.score_blocks:
            inner = Pipeline(AHEAD, LAG)
            for step in self.paired(lambda: None):
                inner.add(step)
            inner.flush()
            return
        if not tile.value_blocks:
            self.write_zeros()
            return
        values = Pipeline(AHEAD, 0)
        last: list[int] = []
        for at, block in enumerate(tile.value_blocks):

            def fetch(at: int = at, block: Block = block) -> None:
                self._fetch(at, block, True)

            def compute(at: int = at, block: Block = block) -> None:
                last[:] = [self._array(at, block, True, self.softmax, switch=at == 0)]

            values.add(Step(fetch, compute))
        values.flush()
        self._finish(last[0])

    def _finish(self, last: int) -> None:
        """Divide by the sums and write the outputs."""
        outputs = self.tile.rows * self.model.op.d_v
        cost = self.model.core.vector.operations["divide"] * outputs
        written = self.tile.rows * self.t.v_bytes
        work = self.plan.machine.vector_work(cost, outputs * SCORE_BYTES, written)
        self._write(self.plan.task(VECTOR, work, [last]))

    def write_zeros(self) -> None:
        """Outputs of a tile that keeps nothing."""
        outputs = self.tile.rows * self.model.op.d_v
        work = self.plan.machine.vector_work(outputs, 0, self.tile.rows * self.t.v_bytes)
        self._write(self.plan.task(VECTOR, work, list(dict.fromkeys([self.held, *self.known]))))

    def _write(self, done: int) -> None:
        t, plan = self.t, self.plan
        self.user.keys.used.append(done)
        if t.o_on_chip:
            self.release_tile(plan.final(done))
        else:
            where = self._rows(t.o_base, t.v_bytes)
            self.release_tile(plan.store(where, Traffic.OUTPUTS, [done]))
