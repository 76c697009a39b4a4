"""Tiles of one attention pass on each kind of array: what every block costs, ready to be emitted.

A *pass* is one (batch entry, key/value head) and the query heads that share both its keys and its
index set (`copies` of them). A *tile* is `queries` consecutive queries x copies rows; it is cut
into *blocks* along the keys. The same tiles serve the estimate that chooses among strategies and
the tasks that are emitted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from accelsim.arch.array import SparseArray
from accelsim.arch.composed import ComposedArray
from accelsim.arch.spec import Arch
from accelsim.kernels.multicast import TICKS
from accelsim.kernels.unions import union_columns, union_sizes
from accelsim.mapping.arrays import SPARSE_PIPELINE_CYCLES, Gemm
from accelsim.mapping.composed import PatternTiles, pattern_tiles
from accelsim.mapping.indices import key_index_bytes
from accelsim.mapping.machine import ARRAY, INDEX, Machine, Work
from accelsim.mapping.multicast import MulticastTiles, multicast, pair_ticks, tile_buffers
from accelsim.workload.operators import Attention, data_bytes

SCORE_BYTES = 4  # fp32 scores
PROBABILITY_BYTES = 2  # bf16 probabilities
# Tile storage is shared by resident keys and values, score blocks in flight, queries and outputs.
SCORE_SHARE = 12
# Longer blocks would only lengthen the way of the first and last one through the pipeline.
MOST_KEYS = 1024


@dataclass(slots=True)
class Block:
    """Some keys of a tile: the array work on them and the scores it leaves.

    `keys` are the rows to fetch when keys and values do not stay on chip (of `span` keys each);
    `last_key` says which resident chunk must have arrived.
    """

    work: Work
    scores: int
    last_key: int
    keys: np.ndarray
    span: int = 1


@dataclass(slots=True)
class Tile:
    """Some queries: score blocks (Q K^T) and value blocks (P V).

    With known indices value block j uses score block j. Where indices come from scores that are
    computed here, `examine_blocks` come first, each followed by its share of a streaming top-k;
    then `score_blocks` may be empty (the kept scores are those). `index` is the work of building
    the union of the kept keys; `kept` the kept pairs; `metadata_bytes` the indices or mask bits
    that must be read from DRAM.
    """

    first_query: int
    queries: int
    rows: int
    score_blocks: list[Block]
    value_blocks: list[Block]
    examine_blocks: list[Block] = field(default_factory=list)
    index: Work | None = None
    kept: int = 0
    metadata_bytes: int = 0


@dataclass(frozen=True)
class Pass:
    """One pass: its pattern rows as CSR (None: dense), and how many heads share them."""

    q_len: int
    kv_len: int
    copies: int
    causal: bool
    indptr: np.ndarray | None = None
    indices: np.ndarray | None = None

    def visible(self, query_end: int) -> int:
        """Keys that the queries before `query_end` can see."""
        return self.kv_len - self.q_len + query_end if self.causal else self.kv_len


@dataclass
class TileModel:
    """Costs tiles of one Attention operator on one machine."""

    machine: Machine
    gemm: Gemm
    op: Attention
    _dense: dict[tuple[int, int], tuple[Work, Work]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.arch: Arch = self.machine.arch
        self.budget = self.machine.tiles_bytes // SCORE_SHARE
        # Lane-operations per score, and per output element when a later block rescales it.
        cost = self.arch.vector.operations
        self.rescale_operations = cost["rescale"]
        self.softmax_operations = sum(
            value for name, value in cost.items() if name not in ("rescale", "divide")
        )
        dram = self.arch.dram
        # What a new row costs at least, as bytes at full rate, and that rate in bytes per cycle.
        self.row_bytes = dram.line * dram.activate_ps / dram.burst_ps
        self.dram_rate = dram.line * dram.channels * self.arch.clock_ps / dram.burst_ps

    def row(self, width: int) -> int:
        """Bytes of a vector of so many elements of the operator's type."""
        return data_bytes(width, self.op.dtype)

    def slots(self, macs: int) -> int:
        """MAC slots that so many MACs of the operator's type take."""
        return math.ceil(macs / self.arch.rate(self.op.dtype))

    # ---- dense blocks, on either array kind -------------------------------------------------
    def key_block(self) -> int:
        """Granularity at which masked keys are skipped: the width of the narrowest array shape.

        A sparse array multicasts single keys; it skips as many as a segment has lanes.
        """
        array = self.arch.array
        if isinstance(array, SparseArray):
            return array.lanes
        if isinstance(array, ComposedArray):
            return max(16, array.pe_array.lanes)
        return min(shape.columns for shape in array.shapes)

    def dense_pair(self, rows: int, keys: int) -> tuple[Work, Work]:
        """Work of Q K^T and of P V for a dense block, ports charged."""
        pair = self._dense.get((rows, keys))
        if pair is None:
            op, gemm = self.op, self.gemm
            works = [
                gemm(rows, keys, op.d_qk, op.dtype, SCORE_BYTES),
                gemm(rows, op.d_v, keys, op.dtype, 0),
            ]
            works = [self.machine.charged(ARRAY, work) for work in works]
            if isinstance(self.arch.array, SparseArray):  # or queries on rows, all keys to all rows
                others = self._row_array_block(self.arch.array, rows, keys)
                works = [
                    min(work, self.machine.charged(ARRAY, other), key=lambda w: w.cycles)
                    for work, other in zip(works, others, strict=True)
                ]
            pair = works[0], works[1]
            self._dense[(rows, keys)] = pair
        return pair

    def _row_array_block(self, array: SparseArray, rows: int, keys: int) -> tuple[Work, Work]:
        """Dense block on a row array: every key goes to every row (a full pattern)."""
        works = []
        for width, out in ((self.op.d_qk, rows * keys * SCORE_BYTES), (self.op.d_v, 0)):
            slots = self.slots_per_row(rows)
            ticks = slots * pair_ticks(self.machine, width, self.op.dtype)
            cycles = -(-keys * ticks // TICKS)
            moved = keys * self.row(width)
            if not out:
                moved += rows * keys * PROBABILITY_BYTES
            works.append(
                Work(
                    cycles=cycles,
                    latency_cycles=cycles + SPARSE_PIPELINE_CYCLES,
                    busy_cycles=cycles,
                    issued_macs=rows * keys * width,
                    issued_slots=self.slots(rows * keys * width),
                    read_bytes=moved,
                    write_bytes=out,
                )
            )
        return works[0], works[1]

    def block_keys(self, rows: int) -> int:
        """Most keys of a block, so that its scores, and its keys and values, fit their share."""
        step = self.key_block()
        fit = self.budget // max(rows * (SCORE_BYTES + PROBABILITY_BYTES), self.key_bytes())
        return max(step, min(MOST_KEYS, fit) // step * step)

    def dense_tiles(self, p: Pass, queries: int, *, skip: bool = False) -> list[Tile]:
        """Whole visible extent per tile; with `skip`, only key blocks that hold a kept pair."""
        step = self.key_block()
        active: list[np.ndarray] = []
        if skip:
            assert p.indptr is not None
            ptr = _offsets(union_sizes(p.indptr, p.indices, p.kv_len, queries, step))
            ids = union_columns(p.indptr, p.indices, p.kv_len, queries, step, ptr)
            active = [ids[ptr[i] : ptr[i + 1]] for i in range(ptr.size - 1)]
        tiles = []
        for number, first in enumerate(range(0, p.q_len, queries)):
            count = min(queries, p.q_len - first)
            visible = p.visible(first + count)
            if skip:
                ids = active[number]
            else:
                ids = np.arange(-(-visible // step), dtype=np.int32)
            kept = 0 if p.indptr is None else int(p.indptr[first + count] - p.indptr[first])
            tile = self._blocked(p, first, count, ids, step, visible)
            tile.kept = kept * p.copies
            if skip:
                tile.metadata_bytes = min(
                    self.listed(count, kept) * self.index_bytes(), count * ids.size * step // 8
                )
            tiles.append(tile)
        return tiles

    def gather_tiles(self, p: Pass, queries: int) -> list[Tile]:
        """The union of the kept keys per tile, computed densely under a mask."""
        assert p.indptr is not None
        ptr = _offsets(union_sizes(p.indptr, p.indices, p.kv_len, queries, 1))
        keys = union_columns(p.indptr, p.indices, p.kv_len, queries, 1, ptr)
        tiles = []
        for number, first in enumerate(range(0, p.q_len, queries)):
            count = min(queries, p.q_len - first)
            union = keys[ptr[number] : ptr[number + 1]]
            tile = self._blocked(p, first, count, union, 1, p.kv_len)
            kept = int(p.indptr[first + count] - p.indptr[first])
            tile.kept = kept * p.copies
            tile.index = self.union_work(count, kept, p.kv_len)
            tile.metadata_bytes = self.listed(count, kept) * self.index_bytes()
            tiles.append(tile)
        return tiles

    def _blocked(
        self, p: Pass, first: int, count: int, ids: np.ndarray, span: int, limit: int
    ) -> Tile:
        rows = count * p.copies
        if ids.size == 0:
            return Tile(first, count, rows, [], [])
        per = max(1, self.block_keys(rows) // span)
        per = -(-ids.size // max(1, -(-ids.size // per)))  # blocks of equal size
        score, value = [], []
        for at in range(0, ids.size, per):
            part = ids[at : at + per]
            last_key = min(limit, (int(part[-1]) + 1) * span)
            keys = int(part.size) * span - max(0, (int(part[-1]) + 1) * span - limit)
            qk, pv = self.dense_pair(rows, keys)
            score.append(Block(qk, rows * keys, last_key, part, span))
            value.append(Block(pv, rows * keys, last_key, part, span))
        return self._completed(Tile(first, count, rows, score, value))

    def _completed(self, tile: Tile) -> Tile:
        """Add what a tile does once: take its queries in, and give its outputs out."""
        if tile.score_blocks:
            tile.score_blocks[0].work = self._taking(tile.rows, tile.score_blocks[0].work)
        if tile.value_blocks:
            tile.value_blocks[-1].work = self._giving(tile.rows, tile.value_blocks[-1].work)
        return tile

    def _taking(self, rows: int, work: Work) -> Work:
        """The first score block of a tile, after the load of its queries into a sparse array."""
        array = self.arch.array
        if not isinstance(array, SparseArray):
            return work
        moved = rows * self.row(self.op.d_qk)
        # Storage for two tiles hides the load behind the present one.
        exposed = 2 * moved > array.query_storage
        cycles = -(-moved // self.arch.scratchpad.shares.array.read) if exposed else 0
        load = Work(cycles, cycles, fill_cycles=cycles, read_bytes=moved)
        return self.machine.charged(ARRAY, load.plus(work))

    def _giving(self, rows: int, work: Work) -> Work:
        """The last value block of a tile, with its outputs."""
        out = Work(write_bytes=rows * self.op.d_v * SCORE_BYTES)
        return self.machine.charged(ARRAY, work.plus(out))

    # ---- sparse tiles on a row array ---------------------------------------------------------
    def slots_per_row(self, rows: int) -> int:
        """Stationary vectors an array row holds when a tile has so many rows."""
        array = self.arch.array
        assert isinstance(array, SparseArray)
        return -(-rows // array.rows)

    def sparse_tiles(self, p: Pass, queries: int) -> list[Tile]:
        """Only kept pairs: each key of the union is multicast to the rows that kept it."""
        assert p.indptr is not None
        array, op, rows = self.arch.array, self.op, queries * p.copies
        qk: MulticastTiles | PatternTiles
        pv: MulticastTiles | PatternTiles
        if isinstance(array, ComposedArray):
            qk, pv = (self._patterns(p, queries, scores) for scores in (True, False))
        else:
            assert isinstance(array, SparseArray)
            held = array.query_storage, self.row(op.d_qk)
            summed = array.accumulators, op.d_v * SCORE_BYTES
            qk = pv = self._multicast(p, queries, op.d_qk, held)
            same = tile_buffers(array, rows, held) == tile_buffers(array, rows, summed)
            if op.d_v != op.d_qk or not same:
                pv = self._multicast(p, queries, op.d_v, summed)
        tiles = []
        # The keys themselves are needed only when they are fetched from DRAM tile by tile.
        ptr = _offsets(qk.vectors)
        keys = union_columns(p.indptr, p.indices, p.kv_len, queries, 1, ptr)
        for number, first in enumerate(range(0, p.q_len, queries)):
            count = min(queries, p.q_len - first)
            kept = int(p.indptr[first + count] - p.indptr[first])
            union = keys[ptr[number] : ptr[number + 1]]
            pairs = kept * p.copies
            stored = max(pairs * (SCORE_BYTES + PROBABILITY_BYTES), union.size * self.key_bytes())
            parts = max(1, -(-stored // self.budget))
            parts = min(parts, max(1, union.size))
            if not union.size:
                tiles.append(Tile(first, count, count * p.copies, [], []))
                continue
            score = self._sparse_blocks(qk.tile(number), self.op.d_qk, union, parts, pairs, True)
            value = self._sparse_blocks(pv.tile(number), self.op.d_v, union, parts, pairs, False)
            tile = self._completed(Tile(first, count, count * p.copies, score, value))
            tile.kept = pairs
            tile.index = self.union_work(count, kept, p.kv_len)
            tile.metadata_bytes = self.listed(count, kept) * self.index_bytes()
            tiles.append(tile)
        return tiles

    def _patterns(self, p: Pass, queries: int, scores: bool) -> PatternTiles:
        assert p.indptr is not None and p.indices is not None
        width = self.op.d_qk if scores else self.op.d_v
        return pattern_tiles(
            self.machine, (p.indptr, p.indices), p.kv_len, queries, p.copies, width,
            self.op.dtype, scores,
        )  # fmt: skip

    def _multicast(
        self, p: Pass, queries: int, width: int, storage: tuple[int, int]
    ) -> MulticastTiles:
        slots = self.slots_per_row(queries * p.copies)
        assert p.indptr is not None and p.indices is not None
        return multicast(
            self.machine,
            p.indptr,
            p.indices,
            p.kv_len,
            queries,
            p.copies,
            slots,
            width,
            self.op.dtype,
            storage,
        )

    def _sparse_blocks(
        self, whole: Work, width: int, union: np.ndarray, parts: int, pairs: int, scores: bool
    ) -> list[Block]:
        moved = union.size * self.row(width)
        whole = whole._replace(
            issued_macs=pairs * width,
            issued_slots=self.slots(pairs * width),
            read_bytes=moved if scores else moved + pairs * PROBABILITY_BYTES,
            write_bytes=pairs * SCORE_BYTES if scores else 0,
        )
        blocks = []
        for part, piece in enumerate(whole.split(parts)):
            keys = union[union.size * part // parts : union.size * (part + 1) // parts]
            count = pairs * (part + 1) // parts - pairs * part // parts
            last_key = int(keys[-1]) + 1 if keys.size else 0
            blocks.append(Block(self.machine.charged(ARRAY, piece), count, last_key, keys))
        return blocks

    def key_bytes(self) -> int:
        """Bytes of one key and its value, which may be part of the key."""
        op = self.op
        return self.row(op.d_qk) + (0 if op.values_in_keys else self.row(op.d_v))

    # ---- indices -----------------------------------------------------------------------------
    def index_bytes(self) -> int:
        """Bytes of one stored key index."""
        return key_index_bytes(self.arch, self.op.kv_len)

    def listed(self, queries: int, kept: int) -> int:
        """Indices that list the kept pairs of a tile: one for each block kept together."""
        pattern = self.op.pattern
        rows, columns = (1, 1) if pattern is None else pattern.granule
        return -(-kept // (min(rows, queries) * columns))

    def union_work(self, queries: int, kept: int, kv_len: int) -> Work | None:
        """Build the union of a tile's keys from CSR or bitmaps, whichever is faster."""
        index = self.arch.index
        if index is None or self.op.selection == "static":
            return None  # a static union is built before the run
        listed = self.listed(queries, kept)
        cycles = max(
            1,
            min(
                -(-listed // index.csr_nonzeros_per_cycle),
                -(-queries * kv_len // index.bitmap_bits_per_cycle),
            ),
        )
        cycles *= -(-kv_len // index.window_entries)  # keys beyond the window take another pass
        # Indices that the unit selected itself are still in it; others are read.
        own = self.op.selection in ("from_scores", "accelerator")
        work = Work(cycles, cycles, cycles, read_bytes=0 if own else listed * self.index_bytes())
        return self.machine.charged(INDEX, work)


def _offsets(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
