"""Attention: choose a strategy and a tile height by estimate, then emit software-pipelined tasks.

Fused with online softmax on every machine: scores of the next blocks issue before the values of
the present one; scores and probabilities never leave the chip. Keys and values of a pass stay on
chip when they fit and that is cheaper, else each tile fetches what it uses.

Strategies
----------
dense          every visible key (exact attention); on any array
skip           key blocks that hold no kept pair are skipped, others are full; on any array
gather         the union of a tile's kept keys, computed densely under a mask; machines whose DMA
               gathers
sparse         only kept pairs, by multicast; sparse arrays
scores_gather  all scores, top-k, then `gather` for the values; scores_sparse likewise
predict_sparse a named predictor's scores, top-k, then `sparse`

Not modelled: rounding effects of a lower type, attention sinks as extra softmax columns, load
balance by moving queries between rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from accelsim.arch.array import SparseArray
from accelsim.arch.composed import ComposedArray
from accelsim.mapping.arrays import Gemm
from accelsim.mapping.attention_tasks import (
    EXAMINE_LAG,
    KEPT_BYTES,
    KEPT_SHARE,
    LAG,
    RESIDENT_SHARE,
    TILE_SHARE,
    AttentionTasks,
    Placed,
    kv_bytes,
    scored_blocks,
    softmax_work,
)
from accelsim.mapping.attention_tiles import (
    PROBABILITY_BYTES,
    SCORE_BYTES,
    Block,
    Pass,
    Tile,
    TileModel,
)
from accelsim.mapping.dry_plan import DryPlan
from accelsim.mapping.machine import ARRAY, INDEX, VECTOR
from accelsim.mapping.plan import Plan
from accelsim.mapping.topk import topk_work
from accelsim.workload.operators import Attention

# Among choices of about equal time the one with less DRAM traffic is taken.
TRAFFIC_WEIGHT = 1 / 8
# Choices that are run dry: estimated within this factor of the least, and so many at most.
CLOSE = 1.3
MOST_DRY_RUNS = 8


@dataclass(frozen=True)
class Choice:
    """A strategy with its tile height, where keys and values stay, and the estimated time.

    `tiles` : those of the first pass.
    """

    strategy: str
    queries: int
    resident: bool
    cycles: float
    tiles: list[Tile]


def map_attention(plan: Plan, op: Attention, gemm: Gemm) -> None:
    """Add the tasks of one Attention operator."""
    model = TileModel(plan.machine, gemm, op)
    passes = _placed(op, model)
    choice = _choose(plan, model, passes[0])
    known = {_same_tiles(op, passes[0]): choice.tiles}  # of the last pass

    def tiles(placed: Placed) -> list[Tile]:
        kind = _same_tiles(op, placed)
        if kind not in known:
            known.clear()
            known[kind] = _tiles(model, placed.work(op), choice.strategy, choice.queries)
        return known[kind]

    AttentionTasks(plan, model, choice.resident, tiles).run(passes)
    plan.choose(_describe(model, choice))


def _same_tiles(op: Attention, placed: Placed) -> tuple[int, int]:
    """Passes of which this is the same have the same tiles."""
    return placed.copies, 0 if op.pattern is None else placed.pattern_row


def _placed(op: Attention, model: TileModel) -> list[Placed]:
    """Every pass, with where its keys, values and queries lie."""
    group = op.heads // op.kv_heads
    shared = op.pattern is None or op.sharing != "head"
    copies = min(group, _most_rows(model)) if shared else 1
    passes = []
    for batch in range(op.batch):
        for kv_head in range(op.kv_heads):
            for first in range(kv_head * group, (kv_head + 1) * group, copies):
                count = min(copies, (kv_head + 1) * group - first)
                unit = {"head": first, "kv_group": kv_head, "layer": 0}[op.sharing]
                kv_row = (batch * op.kv_heads + kv_head) * op.kv_len
                pattern_row = (batch * op.units + unit) * op.q_len
                passes.append(Placed(kv_row, batch * op.q_len, first, count, pattern_row))
    return passes


def _most_rows(model: TileModel) -> int:
    """Most rows of a tile: bounded by array-local storage."""
    array, op = model.arch.array, model.op
    if isinstance(array, SparseArray):
        slots = array.rows * array.queries_per_row
        slots = min(slots, array.accumulators // (4 * op.d_v))
        return max(1, min(slots, array.query_storage // model.row(op.d_qk)))
    return max(1, min(512, array.accumulators // (4 * op.d_v)))


# ---- choice --------------------------------------------------------------------------------
def _strategies(model: TileModel) -> list[str]:
    op, arch = model.op, model.arch
    sparse = isinstance(arch.array, SparseArray | ComposedArray) and arch.mapping.sparsity
    gathers = arch.load.gathers_attention and arch.index is not None and arch.mapping.sparsity
    if op.pattern is None:
        return ["dense"]
    if op.selection == "from_scores":
        return ["dense", *["scores_gather"] * gathers, *["scores_sparse"] * sparse]
    if op.selection == "accelerator":
        return ["dense", *["predict_sparse"] * sparse]
    return ["dense", "skip", *["gather"] * gathers, *["sparse"] * sparse]


def _heights(model: TileModel, p: Pass, strategy: str) -> list[int]:
    """Candidate tile heights in queries."""
    most = _most_rows(model)
    fixed = model.arch.mapping.tile_queries
    if isinstance(fixed, int):
        return [max(1, min(fixed, p.q_len, most // p.copies))]
    if isinstance(model.arch.array, SparseArray):
        rows = [most >> shift for shift in range(4)]
    else:
        rows = [most >> shift for shift in range(5)]
    op = model.op
    tiles_bytes = model.machine.tiles_bytes
    limit = int(tiles_bytes * TILE_SHARE) // (model.row(op.d_qk) + model.row(op.d_v))
    if p.indices is not None and strategy.startswith(("scores", "predict")):
        kept = max(1, int(p.indices.size) // p.q_len)
        limit = min(limit, int(tiles_bytes * KEPT_SHARE) // (kept * KEPT_BYTES))
    if strategy != "sparse":  # a sparse tile's scores can be cut as finely as needed
        limit = min(limit, model.budget // ((SCORE_BYTES + PROBABILITY_BYTES) * model.key_block()))
    if limit < rows[0]:
        rows.append(limit // 16 * 16 or limit)
    heights = {max(1, r // p.copies) for r in rows if 1 <= r <= limit} or {1}
    return sorted({min(h, p.q_len) for h in heights}, reverse=True)


def _tiles(model: TileModel, p: Pass, strategy: str, queries: int) -> list[Tile]:
    """Tiles of a pass under a strategy."""
    if strategy == "dense":
        return model.dense_tiles(p, queries)
    if strategy == "skip":
        return model.dense_tiles(p, queries, skip=True)
    if strategy == "gather":
        return model.gather_tiles(p, queries)
    if strategy == "sparse":
        return model.sparse_tiles(p, queries)
    kept = model.gather_tiles if strategy == "scores_gather" else model.sparse_tiles
    tiles = kept(p, queries)
    for tile, examined in zip(tiles, model.dense_tiles(p, queries), strict=True):
        tile.metadata_bytes = 0
        tile.examine_blocks = examined.score_blocks
        if strategy == "predict_sparse":
            tile.examine_blocks = [_predicted(model, b, tile.rows) for b in tile.examine_blocks]
        else:
            tile.score_blocks = []
    return tiles


def _predicted(model: TileModel, block: Block, rows: int) -> Block:
    """A dense block of the named predictor's scores."""
    predictor = model.op.predictor or {}
    depth, dtype = int(str(predictor["macs_per_score"])), str(predictor["dtype"])
    keys = block.scores // rows
    work = model.machine.charged(ARRAY, model.gemm(rows, keys, depth, dtype, SCORE_BYTES))
    return Block(work, block.scores, block.last_key, block.keys, block.span)


def _choose(plan: Plan, model: TileModel, first: Placed) -> Choice:
    """The fastest strategy, tile height and residency on the first pass.

    A coarse estimate sorts out what is far off; the rest is run dry, task by task.
    """
    work = first.work(model.op)
    close: list[Choice] = []
    for strategy in _strategies(model):
        for queries in _heights(model, work, strategy):
            tiles = _tiles(model, work, strategy, queries)
            for resident in (True, False) if _fits(model) else (False,):
                cycles = _estimate(model, work, tiles, resident)
                close.append(Choice(strategy, queries, resident, cycles, tiles))
            least = min(choice.cycles for choice in close)
            close = [choice for choice in close if choice.cycles <= CLOSE * least]
    if len(close) == 1:
        return close[0]
    close = sorted(close, key=lambda choice: choice.cycles)[:MOST_DRY_RUNS]
    dry = [replace(choice, cycles=_dry_run(plan, model, first, choice)) for choice in close]
    return min(dry, key=lambda choice: choice.cycles)


def _dry_run(plan: Plan, model: TileModel, first: Placed, choice: Choice) -> float:
    """Cycles of the first pass, with a little for its DRAM traffic."""
    dry = DryPlan(plan.machine, plan)
    AttentionTasks(dry, model, choice.resident, lambda _: choice.tiles).run([first])
    return dry.cycles + dry.dram_cycles * TRAFFIC_WEIGHT


def _fits(model: TileModel) -> bool:
    return kv_bytes(model) <= model.machine.tiles_bytes * RESIDENT_SHARE


def _estimate(model: TileModel, p: Pass, tiles: list[Tile], resident: bool) -> float:
    """Cycles of a pass: its busiest unit, or the way through all units of what is in flight."""
    array = vector = index = 0
    chain = fetched = 0.0
    switch = model.arch.array.reconfiguration_cycles * isinstance(model.arch.array, SparseArray)
    in_flight = 1 + (EXAMINE_LAG if any(t.examine_blocks for t in tiles) else LAG)
    for tile in tiles:
        for block in (*tile.examine_blocks, *tile.score_blocks, *tile.value_blocks):
            array += block.work.cycles
        for block in tile.examine_blocks:
            unit, work = topk_work(model.machine, block.scores)
            index += work.cycles if unit == INDEX else 0
            vector += work.cycles if unit == VECTOR else 0
        softmax = softmax_work(model, tile, sum(b.scores for b in scored_blocks(tile))).cycles
        array += 2 * switch if tile.examine_blocks else 0
        vector += softmax
        index += tile.index.cycles if tile.index else 0
        chain += _chain(model, tile, softmax)
        fetched += tile.metadata_bytes
        if not resident:
            fetched += _fetch_bytes(model, tile)
    if resident:
        fetched += kv_bytes(model)
    dram = fetched / model.dram_rate
    through = (array + vector + index + dram) / max(1, len(tiles))
    return max(array, vector, index, dram, chain / in_flight) + through + dram * TRAFFIC_WEIGHT


def _chain(model: TileModel, tile: Tile, softmax: int) -> float:
    """Cycles from a tile's first score to its last value, block by block, with nothing between."""
    values = sum(b.work.cycles for b in tile.value_blocks)
    if not tile.examine_blocks:
        return values + softmax + sum(b.work.latency_cycles for b in tile.score_blocks)
    switch = model.arch.array.reconfiguration_cycles * isinstance(model.arch.array, SparseArray)
    last = tile.examine_blocks[-1]
    _, topk = topk_work(model.machine, last.scores)
    examined = sum(b.work.cycles for b in tile.examine_blocks[:-1]) + last.work.latency_cycles
    union = tile.index.cycles if tile.index else 0
    return examined + topk.cycles + union + softmax + values + 2 * switch


def _fetch_bytes(model: TileModel, tile: Tile) -> float:
    """DRAM time of a tile's keys and values, as bytes at full rate (short rows cost more)."""
    line = model.arch.dram.line
    total = 0.0
    parts = [(tile.examine_blocks or tile.score_blocks, model.op.d_qk)]
    if tile.examine_blocks or not model.op.values_in_keys:
        parts.append((tile.value_blocks, model.op.d_v))
    for blocks, width in parts:
        row = model.row(width)
        for block in blocks:
            piece = row * block.span
            lines = -(-piece // line) * line
            scattered = block.span == 1 and block.keys.size < block.last_key // 2
            total += block.keys.size * (max(lines, model.row_bytes) if scattered else piece)
    return total


def _describe(model: TileModel, choice: Choice) -> str:
    op = model.op
    where = "K and V of a head on chip" if choice.resident else "K and V fetched per tile"
    rows = choice.queries
    return (
        f"{choice.strategy}: for batch {op.batch}, kv head {op.kv_heads}: for tile of {rows} of "
        f"{op.q_len} queries: for key block: scores | softmax | values ({where})"
    )
