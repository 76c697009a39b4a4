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

import math
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from accelsim.arch.array import SparseArray
from accelsim.arch.composed import ComposedArray
from accelsim.arch.spec import Arch
from accelsim.mapping.arrays import gemm_work
from accelsim.mapping.attention_tasks import (
    EXAMINE_LAG,
    KEPT_BYTES,
    KEPT_SHARE,
    LAG,
    RESIDENT_SHARE,
    SPARSE_KEPT_BYTES,
    TILE_SHARE,
    AttentionTasks,
    Placed,
    kv_bytes,
    softmax_work,
)
from accelsim.mapping.attention_tiles import PROBABILITY_BYTES, SCORE_BYTES, TileModel
from accelsim.mapping.dry_plan import DryPlan
from accelsim.mapping.machine import ARRAY, INDEX, VECTOR, Core, Machine
from accelsim.mapping.plan import Plan
from accelsim.mapping.reuse import Reuse, Rows
from accelsim.mapping.tiles import AttentionShape, Pass, Tile, Tiles
from accelsim.mapping.topk import topk_work
from accelsim.workload.operators import Attention

# Among choices of about equal time the one with less DRAM traffic is taken.
TRAFFIC_WEIGHT = 1 / 8
# Choices that are run dry: estimated within this factor of the least, and so many at most.
CLOSE = 1.3
MOST_DRY_RUNS = 8
# The part of a strategy that finds its keys; a strategy of this name does no more.
EXAMINE = ("scores", "predict")


class TileList(NamedTuple):
    """Tiles of a pass under a strategy, with sums over them that need no DRAM.

    Those of the units, and `chain_cycles` : from a tile's first score to its last value.
    """

    tiles: Tiles
    array_cycles: int
    vector_cycles: int
    index_cycles: int
    chain_cycles: int

    @property
    def kept_bytes(self) -> int:
        """What it takes to keep."""
        return self.tiles.kept_bytes


@dataclass(frozen=True)
class Choice:
    """A strategy with its tile height, where keys and values stay, and the estimated time.

    `tiles` : those of the first pass.
    """

    strategy: str
    queries: int
    resident: bool
    cycles: float
    tiles: TileList


def map_attention(plan: Plan, op: Attention) -> None:
    """Add the tasks of one Attention operator."""
    machine = plan.machine
    model = TileModel(machine.core, machine.reuse, AttentionShape.of(op))
    passes = _placed(op, model)
    choice = _choose(plan, op, model, passes[0])
    known = {_same_tiles(op, passes[0]): choice.tiles}  # of the last pass

    def tiles(placed: Placed) -> tuple[Tile, ...]:
        kind = _same_tiles(op, placed)
        if kind not in known:
            known.clear()
            work = placed.work(op, machine.reuse)
            known[kind] = _tiles(model, work, choice.strategy, choice.queries)
        return known[kind].tiles

    AttentionTasks(plan, op, model, choice.resident, tiles).run(passes)
    plan.choose(_describe(op, choice))


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
    array, op = model.core.array, model.op
    if isinstance(array, SparseArray):
        slots = array.rows * array.queries_per_row
        slots = min(slots, array.accumulators // (4 * op.d_v))
        return max(1, min(slots, array.query_storage // model.row(op.d_qk)))
    return max(1, min(512, array.accumulators // (4 * op.d_v)))


# ---- choice --------------------------------------------------------------------------------
def _strategies(arch: Arch, op: Attention) -> list[str]:
    # The rows of a SparseArray take the union of a tile's keys, which the index unit builds.
    unions = arch.index is not None or op.selection == "static"
    sparse = isinstance(arch.array, ComposedArray) or (
        isinstance(arch.array, SparseArray) and unions
    )
    sparse = sparse and arch.mapping.sparsity
    gathers = arch.load.gathers_attention and arch.index is not None and arch.mapping.sparsity
    if op.pattern is None:
        return ["dense"]
    if op.selection == "from_scores":
        return ["dense", *["scores_gather"] * gathers, *["scores_sparse"] * sparse]
    if op.selection == "accelerator":
        return ["dense", *["predict_sparse"] * sparse]
    return ["dense", "skip", *["gather"] * gathers, *["sparse"] * sparse]


def _heights(model: TileModel, p: Pass, strategy: str, fixed: int | Literal["auto"]) -> list[int]:
    """Candidate tile heights in queries."""
    most, op = _most_rows(model), model.op
    if isinstance(fixed, int):
        return [max(1, min(fixed, op.q_len, most // p.copies))]
    if isinstance(model.core.array, SparseArray):
        rows = [most >> shift for shift in range(4)]
    else:
        rows = [most >> shift for shift in range(5)]
    tiles_bytes = model.core.tiles_bytes
    limit = int(tiles_bytes * TILE_SHARE) // (model.row(op.d_qk) + model.row(op.d_v))
    if p.kept is not None and strategy.startswith(("scores", "predict")):
        limit = min(limit, _kept_rows(model, p.kept, strategy))
    if strategy != "sparse":  # a sparse tile's scores can be cut as finely as needed
        limit = min(limit, model.budget // ((SCORE_BYTES + PROBABILITY_BYTES) * model.key_block()))
    if limit < rows[0]:
        rows.append(limit // 16 * 16 or limit)
    heights = {max(1, r // p.copies) for r in rows if 1 <= r <= limit} or {1}
    return sorted({min(h, op.q_len) for h in heights}, reverse=True)


def _kept_rows(model: TileModel, kept: Rows, strategy: str) -> int:
    """Most rows of a tile whose kept lists have room.

    A sparse tile has one probability for a kept pair: where all rows are as full as the fullest,
    more of them fit than of rows with masked blocks.
    """
    room = int(model.core.tiles_bytes * KEPT_SHARE)
    rows = room // (max(1, kept.nonzeros // model.op.q_len) * KEPT_BYTES)
    if not strategy.endswith("sparse"):
        return rows
    fullest = max(1, int(np.diff(kept.indptr).max(initial=0)))
    return max(rows, room // (fullest * SPARSE_KEPT_BYTES))


def _tiles(model: TileModel, p: Pass, strategy: str, queries: int) -> TileList:
    """Tiles of a pass under a strategy."""
    reuse = model.reuse
    return reuse.of(_tile_list, reuse, model.core, model.op, p, strategy, queries)


def _tile_list(
    reuse: Reuse, core: Core, op: AttentionShape, p: Pass, strategy: str, queries: int
) -> TileList:
    model = TileModel(core, reuse, op)
    tiles = _made(model, p, strategy, queries)
    array = vector = index = chain = 0
    switch = core.array.reconfiguration_cycles * isinstance(core.array, SparseArray)
    for tile in tiles:
        for block in (*tile.examine_blocks, *tile.score_blocks, *tile.value_blocks):
            array += block.work.cycles
        for block in tile.examine_blocks:
            unit, work = topk_work(core, block.scores)
            index += work.cycles if unit == INDEX else 0
            vector += work.cycles if unit == VECTOR else 0
        softmax = softmax_work(core, op, tile, sum(b.scores for b in tile.scored_blocks)).cycles
        array += 2 * switch if tile.examine_blocks else 0
        vector += softmax
        index += tile.union.cycles if tile.union else 0
        chain += _chain(core, tile, softmax, switch)
    return TileList(Tiles(tiles), array, vector, index, chain)


def _made(model: TileModel, p: Pass, strategy: str, queries: int) -> list[Tile]:
    if strategy == "dense":
        return model.dense_tiles(p, queries)
    if strategy == "skip":
        return model.skip_tiles(p, queries)
    if strategy == "gather":
        return model.gather_tiles(p, queries)
    if strategy == "sparse":
        return model.sparse_tiles(p, queries)
    predicts = strategy.startswith("predict")
    examined = model.dense_tiles(p, queries)
    if predicts:
        examined = [_predicted(model, tile) for tile in examined]
    if strategy in EXAMINE:
        kept = [tile._replace(score_blocks=(), value_blocks=()) for tile in examined]
    elif strategy == "scores_gather":
        kept = model.gather_tiles(p, queries)
    else:
        kept = model.sparse_tiles(p, queries)
    return [
        tile._replace(
            metadata_bytes=0,
            examine_blocks=dense.score_blocks,
            score_blocks=tile.score_blocks if predicts else (),
        )
        for tile, dense in zip(kept, examined, strict=True)
    ]


def _predicted(model: TileModel, tile: Tile) -> Tile:
    """A dense tile with the named predictor's scores."""
    assert model.op.predictor is not None
    depth, dtype = model.op.predictor
    blocks = []
    for block in tile.score_blocks:
        keys = block.scores // tile.rows
        work = gemm_work(model.core, model.reuse, tile.rows, keys, depth, dtype, SCORE_BYTES)
        blocks.append(block._replace(work=model.core.charged(ARRAY, work)))
    return tile._replace(score_blocks=tuple(blocks))


def _choose(plan: Plan, op: Attention, model: TileModel, first: Placed) -> Choice:
    """The fastest strategy, tile height and residency on the first pass.

    A coarse estimate sorts out what is far off; the rest is run dry, task by task.
    """
    machine = plan.machine
    work = first.work(op, machine.reuse)
    close, least = list[Choice](), math.inf
    for strategy in _strategies(machine.arch, op):
        for queries in _heights(model, work, strategy, machine.arch.mapping.tile_queries):
            for resident in (True, False) if _fits(model) else (False,):
                alone = _examining(machine, model, work, strategy, queries, resident)
                if alone > CLOSE * least:
                    continue
                tiles = _tiles(model, work, strategy, queries)
                cycles = _estimate(machine, model, tiles, resident)
                close.append(Choice(strategy, queries, resident, cycles, tiles))
                least = min(least, cycles)
            close = [choice for choice in close if choice.cycles <= CLOSE * least]
    if len(close) == 1:
        return close[0]
    close = sorted(close, key=lambda choice: choice.cycles)[:MOST_DRY_RUNS]
    dry = [replace(choice, cycles=_dry_run(plan, op, model, first, choice)) for choice in close]
    return min(dry, key=lambda choice: choice.cycles)


def _dry_run(plan: Plan, op: Attention, model: TileModel, first: Placed, choice: Choice) -> float:
    """Cycles of the first pass, with a little for its DRAM traffic."""
    dry = DryPlan(plan.machine, plan)
    AttentionTasks(dry, op, model, choice.resident, lambda _: choice.tiles.tiles).run([first])
    return dry.cycles + dry.dram_cycles * TRAFFIC_WEIGHT


def _fits(model: TileModel) -> bool:
    return kv_bytes(model) <= model.core.tiles_bytes * RESIDENT_SHARE


def _estimate(machine: Machine, model: TileModel, found: TileList, resident: bool) -> float:
    """Cycles of a pass: its busiest unit, or the way through all units of what is in flight."""
    fetched, examined = 0.0, False
    for tile in found.tiles:
        examined |= bool(tile.examine_blocks)
        fetched += tile.metadata_bytes
        if not resident:
            fetched += _fetch_bytes(machine, model, tile)
    if resident:
        fetched += kv_bytes(model)
    in_flight = 1 + (EXAMINE_LAG if examined else LAG)
    dram = fetched / machine.dram_bytes_per_cycle
    array, vector, index = found.array_cycles, found.vector_cycles, found.index_cycles
    through = (array + vector + index + dram) / max(1, len(found.tiles))
    longest = max(array, vector, index, dram, found.chain_cycles / in_flight)
    return longest + through + dram * TRAFFIC_WEIGHT


def _examining(
    machine: Machine, model: TileModel, p: Pass, strategy: str, queries: int, resident: bool
) -> float:
    """What of an estimate finding the keys takes: a bound that needs no look at the pattern."""
    part = strategy.partition("_")[0]
    if part not in EXAMINE:
        return 0.0
    return _estimate(machine, model, _tiles(model, p._replace(kept=None), part, queries), resident)


def _chain(core: Core, tile: Tile, softmax: int, switch: int) -> int:
    """Cycles from a tile's first score to its last value, block by block, with nothing between."""
    values = sum(b.work.cycles for b in tile.value_blocks)
    if not tile.examine_blocks:
        return values + softmax + sum(b.work.latency_cycles for b in tile.score_blocks)
    last = tile.examine_blocks[-1]
    _, topk = topk_work(core, last.scores)
    examined = sum(b.work.cycles for b in tile.examine_blocks[:-1]) + last.work.latency_cycles
    union = tile.union.cycles if tile.union else 0
    return examined + topk.cycles + union + softmax + values + 2 * switch


def _fetch_bytes(machine: Machine, model: TileModel, tile: Tile) -> float:
    """DRAM time of a tile's keys and values, as bytes at full rate (short rows cost more)."""
    line, row_bytes = machine.arch.dram.line, machine.dram_row_bytes
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
            total += block.keys.size * (max(lines, row_bytes) if scattered else piece)
    return total


def _describe(op: Attention, choice: Choice) -> str:
    where = "K and V of a head on chip" if choice.resident else "K and V fetched per tile"
    rows = choice.queries
    return (
        f"{choice.strategy}: for batch {op.batch}, kv head {op.kv_heads}: for tile of {rows} of "
        f"{op.q_len} queries: for key block: scores | softmax | values ({where})"
    )
