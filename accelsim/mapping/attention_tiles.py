"""Tiles of one attention pass on each kind of array: what every block costs, ready to be emitted.

A *pass* is one (batch entry, key/value head) and the query heads that share both its keys and its
index set (`copies` of them). A *tile* is `queries` consecutive queries x copies rows; it is cut
into *blocks* along the keys. The same tiles serve the estimate that chooses among strategies and
the tasks that are emitted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from accelsim.arch.array import SparseArray
from accelsim.arch.composed import ComposedArray
from accelsim.kernels.multicast import TICKS
from accelsim.kernels.unions import union_columns, union_sizes
from accelsim.mapping.arrays import SPARSE_PIPELINE_CYCLES, gemm_work
from accelsim.mapping.composed import PatternTiles, pattern_tiles
from accelsim.mapping.indices import key_index_bytes
from accelsim.mapping.machine import ARRAY, INDEX, Core, Work
from accelsim.mapping.multicast import MulticastTiles, multicast, pair_ticks, tile_buffers
from accelsim.mapping.reuse import Reuse, Rows
from accelsim.mapping.tiles import AttentionShape, Block, Pass, Tile, Tiles
from accelsim.workload.arrays import pointers
from accelsim.workload.operators import data_bytes

SCORE_BYTES = 4  # fp32 scores
PROBABILITY_BYTES = 2  # bf16 probabilities
# Tile storage is shared by resident keys and values, score blocks in flight, queries and outputs.
SCORE_SHARE = 12
# Longer blocks would only lengthen the way of the first and last one through the pipeline.
MOST_KEYS = 1024


@dataclass
class TileModel:
    """Costs tiles of one attention on one machine."""

    core: Core
    reuse: Reuse
    op: AttentionShape

    def __post_init__(self) -> None:
        self.budget = self.core.tiles_bytes // SCORE_SHARE
        self._pairs: dict[tuple[int, int], tuple[Work, Work, Work]] = {}

    def row(self, width: int) -> int:
        """Bytes of a vector of so many elements of the operator's type."""
        return data_bytes(width, self.op.dtype)

    def slots(self, macs: int) -> int:
        """MAC slots that so many MACs of the operator's type take."""
        return math.ceil(macs / self.core.rate(self.op.dtype))

    # ---- dense blocks, on either array kind -------------------------------------------------
    def key_block(self) -> int:
        """Granularity at which masked keys are skipped: the width of the narrowest array shape.

        A sparse array multicasts single keys; it skips as many as a segment has lanes.
        """
        array = self.core.array
        if isinstance(array, SparseArray):
            return array.lanes
        if isinstance(array, ComposedArray):
            return max(16, array.pe_array.lanes)
        return min(shape.columns for shape in array.shapes)

    def dense_pair(self, rows: int, keys: int) -> tuple[Work, Work, Work]:
        """See the function of this name; asked of every block, and of few sizes."""
        found = self._pairs.get((rows, keys))
        if found is None:
            op, reuse = self.op, self.reuse
            found = reuse.of(dense_pair, reuse, self.core, rows, keys, op.d_qk, op.d_v, op.dtype)
            self._pairs[rows, keys] = found
        return found

    def block_keys(self, rows: int) -> int:
        """Most keys of a block, so that its scores, and its keys and values, fit their share."""
        step = self.key_block()
        fit = self.budget // max(rows * (SCORE_BYTES + PROBABILITY_BYTES), self.key_bytes())
        return max(step, min(MOST_KEYS, fit) // step * step)

    def dense_tiles(self, p: Pass, queries: int) -> list[Tile]:
        """Whole visible extent per tile."""
        tiles = self.reuse.of(_plain_tiles, self.reuse, self.core, self.op, p.copies, queries)
        if p.kept is None:
            return list(tiles)
        kept = self._kept_pairs(p.kept, queries)
        return [tile._replace(kept=k * p.copies) for tile, k in zip(tiles, kept, strict=True)]

    def plain_tiles(self, copies: int, queries: int) -> list[Tile]:
        """As `dense_tiles`, without a pattern."""
        op, step = self.op, self.key_block()
        tiles = []
        for first in range(0, op.q_len, queries):
            count = min(queries, op.q_len - first)
            visible = op.visible(first + count)
            ids = np.arange(-(-visible // step), dtype=np.int32)
            ids.flags.writeable = False
            tiles.append(self._blocked(copies, first, count, ids, step, visible))
        return tiles

    def skip_tiles(self, p: Pass, queries: int) -> list[Tile]:
        """Only the key blocks that hold a kept pair."""
        assert p.kept is not None
        op, step = self.op, self.key_block()
        ptr, ids = self.unions(p.kept, queries, step)
        tiles = []
        for number, kept in enumerate(self._kept_pairs(p.kept, queries)):
            first = number * queries
            count = min(queries, op.q_len - first)
            named = ids[ptr[number] : ptr[number + 1]]
            listed = self.listed(count, kept) * self.index_bytes()
            bits = min(listed, count * named.size * step // 8)
            tile = self._blocked(p.copies, first, count, named, step, op.visible(first + count))
            tiles.append(tile._replace(kept=kept * p.copies, metadata_bytes=bits))
        return tiles

    def _kept_pairs(self, kept: Rows, queries: int) -> list[int]:
        """Kept pairs of every tile, of one head."""
        ends = kept.csr[0]
        bounds = [*ends[:-1:queries].tolist(), int(ends[-1])]
        return [end - begin for begin, end in pairwise(bounds)]

    def unions(self, kept: Rows, queries: int, span: int) -> tuple[np.ndarray, np.ndarray]:
        """Blocks of `span` keys that each tile names: where its own end, and all of them."""
        return self.reuse.of(unions, kept, self.op.kv_len, queries, span)

    def gather_tiles(self, p: Pass, queries: int) -> list[Tile]:
        """The union of the kept keys per tile, computed densely under a mask."""
        assert p.kept is not None
        op = self.op
        ptr, keys = self.unions(p.kept, queries, 1)
        tiles = []
        for number, kept in enumerate(self._kept_pairs(p.kept, queries)):
            first = number * queries
            count = min(queries, op.q_len - first)
            union = keys[ptr[number] : ptr[number + 1]]
            tile = self._blocked(p.copies, first, count, union, 1, op.kv_len)
            tiles.append(self._indexed(tile, kept, p.copies))
        return tiles

    def _indexed(self, tile: Tile, kept: int, copies: int) -> Tile:
        """A tile with what its kept pairs, of one head so many, cost beside the array."""
        return tile._replace(
            kept=kept * copies,
            union=self.union_work(tile.queries, kept, self.op.kv_len),
            metadata_bytes=self.listed(tile.queries, kept) * self.index_bytes(),
        )

    def _blocked(
        self, copies: int, first: int, count: int, ids: np.ndarray, span: int, limit: int
    ) -> Tile:
        rows = count * copies
        if ids.size == 0:
            return Tile(first, count, rows, (), ())
        per = max(1, self.block_keys(rows) // span)
        per = -(-ids.size // max(1, -(-ids.size // per)))  # blocks of equal size
        score, value = list[Block](), list[Block]()
        for at in range(0, ids.size, per):
            part = ids[at : at + per]
            last_key = min(limit, (int(part[-1]) + 1) * span)
            keys = int(part.size) * span - max(0, (int(part[-1]) + 1) * span - limit)
            qk, pv, added = self.dense_pair(rows, keys)
            score.append(Block(qk, rows * keys, last_key, part, span))
            value.append(Block(added if value else pv, rows * keys, last_key, part, span))
        return self._tile(first, count, rows, score, value)

    def _tile(
        self, first: int, count: int, rows: int, score: list[Block], value: list[Block]
    ) -> Tile:
        """A tile, with what it does once: take its queries in, and give its outputs out."""
        score[0] = score[0]._replace(work=self._taking(rows, score[0].work))
        value[-1] = value[-1]._replace(work=self._giving(rows, value[-1].work))
        return Tile(first, count, rows, tuple(score), tuple(value))

    def _taking(self, rows: int, work: Work) -> Work:
        """The first score block of a tile, after the load of its queries into a sparse array."""
        array = self.core.array
        if not isinstance(array, SparseArray):
            return work
        moved = rows * self.row(self.op.d_qk)
        # Storage for two tiles hides the load behind the present one.
        exposed = 2 * moved > array.query_storage
        cycles = -(-moved // self.core.scratchpad.shares.array.read) if exposed else 0
        load = Work(cycles, cycles, fill_cycles=cycles, read_bytes=moved, delivered_bytes=moved)
        return self.core.charged(ARRAY, load.plus(work))

    def _giving(self, rows: int, work: Work) -> Work:
        """The last value block of a tile, with its outputs."""
        out = Work(write_bytes=rows * self.op.d_v * SCORE_BYTES)
        return self.core.charged(ARRAY, work.plus(out))

    # ---- sparse tiles on a row array ---------------------------------------------------------
    def sparse_tiles(self, p: Pass, queries: int) -> list[Tile]:
        """Only kept pairs: each key of the union is multicast to the rows that kept it."""
        assert p.kept is not None
        array, op, rows = self.core.array, self.op, queries * p.copies
        qk: MulticastTiles | PatternTiles
        pv: MulticastTiles | PatternTiles
        if isinstance(array, ComposedArray):
            qk, pv = (self._patterns(p.kept, p.copies, queries, scores) for scores in (True, False))
        else:
            assert isinstance(array, SparseArray)
            held = array.query_storage, self.row(op.d_qk)
            summed = array.accumulators, op.d_v * SCORE_BYTES
            qk = pv = self._multicast(p.kept, p.copies, queries, op.d_qk, held)
            same = tile_buffers(array, rows, held) == tile_buffers(array, rows, summed)
            if op.d_v != op.d_qk or not same:
                pv = self._multicast(p.kept, p.copies, queries, op.d_v, summed)
        tiles = []
        ptr, keys = self.unions(p.kept, queries, 1)
        for number, kept in enumerate(self._kept_pairs(p.kept, queries)):
            first = number * queries
            count = min(queries, op.q_len - first)
            union = keys[ptr[number] : ptr[number + 1]]
            pairs = kept * p.copies
            stored = max(pairs * (SCORE_BYTES + PROBABILITY_BYTES), union.size * self.key_bytes())
            parts = max(1, -(-stored // self.budget))
            parts = min(parts, max(1, union.size))
            if not union.size:
                tiles.append(Tile(first, count, count * p.copies, (), ()))
                continue
            works = [qk.tile(number), pv.tile(number)]
            if isinstance(array, ComposedArray):  # decodes the indices of every row it works on
                bits = self.listed(count, pairs) * self.index_bytes() * 8
                works = [work._replace(metadata_bits=bits) for work in works]
            score = self._sparse_blocks(works[0], op.d_qk, union, parts, pairs, True)
            value = self._sparse_blocks(works[1], op.d_v, union, parts, pairs, False)
            tile = self._tile(first, count, count * p.copies, score, value)
            tiles.append(self._indexed(tile, kept, p.copies))
        return tiles

    def _patterns(self, kept: Rows, copies: int, queries: int, scores: bool) -> PatternTiles:
        op = self.op
        width = op.d_qk if scores else op.d_v
        return pattern_tiles(
            self.core, self.reuse, kept, op.kv_len, queries, copies, width, op.dtype, scores
        )

    def _multicast(
        self, kept: Rows, copies: int, queries: int, width: int, storage: tuple[int, int]
    ) -> MulticastTiles:
        array, op = self.core.array, self.op
        assert isinstance(array, SparseArray)
        slots = slots_per_row(array, queries * copies)
        return multicast(
            self.core, self.reuse, kept, op.kv_len, queries, copies, slots, width, op.dtype,
            storage,
        )  # fmt: skip

    def _sparse_blocks(
        self, whole: Work, width: int, union: np.ndarray, parts: int, pairs: int, scores: bool
    ) -> list[Block]:
        """Blocks of a tile; row arrays get probabilities one by one and add in accumulators.

        A dot product writes its sum there once, a value is added to `width` sums that are read
        and written. Composed arrays said so themselves.
        """
        moved = union.size * self.row(width)
        probabilities = 0 if scores else pairs * PROBABILITY_BYTES
        if isinstance(self.core.array, SparseArray):
            whole = whole._replace(
                delivered_bytes=whole.delivered_bytes + probabilities,
                partial_bytes=pairs * SCORE_BYTES * (1 if scores else 2 * width),
            )
        whole = whole._replace(
            issued_macs=pairs * width,
            issued_slots=self.slots(pairs * width),
            read_bytes=moved + probabilities,
            write_bytes=pairs * SCORE_BYTES if scores else 0,
        )
        blocks = []
        for part, piece in enumerate(whole.split(parts)):
            keys = union[union.size * part // parts : union.size * (part + 1) // parts]
            count = pairs * (part + 1) // parts - pairs * part // parts
            last_key = int(keys[-1]) + 1 if keys.size else 0
            blocks.append(Block(self.core.charged(ARRAY, piece), count, last_key, keys))
        return blocks

    def key_bytes(self) -> int:
        """Bytes of one key and its value, which may be part of the key."""
        op = self.op
        return self.row(op.d_qk) + (0 if op.values_in_keys else self.row(op.d_v))

    # ---- indices -----------------------------------------------------------------------------
    def index_bytes(self) -> int:
        """Bytes of one stored key index."""
        return key_index_bytes(self.core, self.op.kv_len)

    def listed(self, queries: int, kept: int) -> int:
        """Indices that list the kept pairs of a tile: one for each block kept together."""
        rows, columns = self.op.granule
        return -(-kept // (min(rows, queries) * columns))

    def union_work(self, queries: int, kept: int, kv_len: int) -> Work | None:
        """Build the union of a tile's keys from CSR or bitmaps, whichever is faster."""
        index = self.core.index
        if index is None or self.op.selection == "static":
            return None  # a static union is built before the run
        listed, size = self.listed(queries, kept), self.index_bytes()
        by_index = -(-listed // index.csr_nonzeros_per_cycle)
        by_bitmap = -(-queries * kv_len // index.bitmap_bits_per_cycle)
        # Keys beyond the window take another pass; of a list each index is looked up in it.
        passes = -(-kv_len // index.window_entries)
        cycles = max(1, min(by_index, by_bitmap)) * passes
        looked_up = listed if by_index <= by_bitmap else 0
        bits = listed * size * 8 if by_index <= by_bitmap else queries * kv_len
        # Indices that the unit selected itself are still in it; others are read.
        own = self.op.selection in ("from_scores", "accelerator")
        work = Work(
            cycles,
            cycles,
            cycles,
            read_bytes=0 if own else listed * size,
            operations=looked_up * passes,
            metadata_bits=bits * passes,
        )
        return self.core.charged(INDEX, work)


def unions(kept: Rows, columns: int, tile_rows: int, span: int) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of `span` columns that the rows of each tile name.

    Returns
    -------
    (int64[tiles + 1], int32[named])
        Where those of each tile begin, and all of them, ascending within a tile.
    """
    ptr = pointers(union_sizes(*kept.csr, columns, tile_rows, span))
    return ptr, union_columns(*kept.csr, columns, tile_rows, span, ptr)


def _plain_tiles(
    reuse: Reuse, core: Core, op: AttentionShape, copies: int, queries: int
) -> Tiles:
    return Tiles(TileModel(core, reuse, op).plain_tiles(copies, queries))


def slots_per_row(array: SparseArray, rows: int) -> int:
    """Stationary vectors an array row holds when a tile has so many rows."""
    return -(-rows // array.rows)


def dense_pair(
    reuse: Reuse, core: Core, rows: int, keys: int, d_qk: int, d_v: int, dtype: str
) -> tuple[Work, Work, Work]:
    """Work of Q K^T and of P V for a dense block, ports charged; third, P V of a block that is not
    the first of its tile, which reads the sums of those before.
    """
    scores = gemm_work(core, reuse, rows, keys, d_qk, dtype, SCORE_BYTES)
    values = gemm_work(core, reuse, rows, d_v, keys, dtype, 0)
    sums = values.partial_bytes + rows * d_v * SCORE_BYTES
    pairs = [[scores], [values], [values._replace(partial_bytes=sums)]]
    if isinstance(core.array, SparseArray):  # or queries on rows, all keys to all rows
        written = rows * keys * SCORE_BYTES
        pairs[0].append(_full_pattern(core, core.array, rows, keys, d_qk, dtype, written))
        for works in pairs[1:]:  # sums are read in any case
            works.append(_full_pattern(core, core.array, rows, keys, d_v, dtype, 0))
    qk, pv, added = (
        min((core.charged(ARRAY, work) for work in works), key=lambda w: w.cycles)
        for works in pairs
    )
    return qk, pv, added


def _full_pattern(
    core: Core, array: SparseArray, rows: int, keys: int, width: int, dtype: str, out_bytes: int
) -> Work:
    """Dense block on a row array: every key goes to every row that holds a query.

    Sums as those of kept pairs; no mask is looked at.
    """
    slots = slots_per_row(array, rows)
    cycles = -(-keys * slots * pair_ticks(core, width, dtype) // TICKS)
    size = keys * data_bytes(width, dtype)
    probabilities = 0 if out_bytes else rows * keys * PROBABILITY_BYTES
    macs = rows * keys * width
    return Work(
        cycles=cycles,
        latency_cycles=cycles + SPARSE_PIPELINE_CYCLES,
        busy_cycles=cycles,
        issued_macs=macs,
        issued_slots=math.ceil(macs / core.rate(dtype)),
        read_bytes=size + probabilities,
        write_bytes=out_bytes,
        delivered_bytes=-(-rows // slots) * size + probabilities,
        partial_bytes=rows * keys * SCORE_BYTES * (1 if out_bytes else 2 * width),
    )
