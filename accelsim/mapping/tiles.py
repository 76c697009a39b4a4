"""What attention is cut into: passes, tiles, blocks; none of it changes once it is made."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accelsim.mapping.machine import Work
from accelsim.mapping.reuse import Rows
from accelsim.workload.operators import DTYPE_BITS, Attention


class Predictor(NamedTuple):
    """A named predictor of scores."""

    macs_per_score: int
    dtype: str


class AttentionShape(NamedTuple):
    """All that tiles read of an Attention operator; `granule` : of its pattern, 1 x 1 without."""

    q_len: int
    kv_len: int
    d_qk: int
    d_v: int
    dtype: str
    causal: bool
    values_in_keys: bool
    selection: str
    granule: tuple[int, int]
    predictor: Predictor | None

    @classmethod
    def of(cls, op: Attention) -> AttentionShape:
        """The shape of an operator."""
        predictor = None
        if op.predictor:
            named = op.predictor
            predictor = Predictor(int(str(named["macs_per_score"])), str(named["dtype"]))
        granule = (1, 1) if op.pattern is None else op.pattern.granule
        return cls(
            op.q_len, op.kv_len, op.d_qk, op.d_v, op.dtype, op.causal, op.values_in_keys,
            op.selection, granule, predictor,
        )  # fmt: skip

    @property
    def examined_dtype(self) -> int:
        """The counter `dtype` of tasks that examine scores: of a predictor in another type."""
        found = self.predictor if self.selection == "accelerator" else None
        if found is None or found.dtype == self.dtype:
            return 0
        return 1 + list(DTYPE_BITS).index(found.dtype)

    def visible(self, query_end: int) -> int:
        """Keys that the queries before `query_end` can see."""
        return self.kv_len - self.q_len + query_end if self.causal else self.kv_len


class Pass(NamedTuple):
    """One pass: how many heads share it, and its pattern's rows (None: dense)."""

    copies: int
    kept: Rows | None


class Block(NamedTuple):
    """Some keys of a tile: the array work on them and the scores it leaves.

    `keys` are the rows to fetch when keys and values do not stay on chip (of `span` keys each);
    `last_key` says which resident chunk must have arrived.
    """

    work: Work
    scores: int
    last_key: int
    keys: np.ndarray
    span: int = 1


Blocks = tuple[Block, ...]

# A Tile and a Block as Python objects: their fields, the Work in them and a view of the keys.
TILE_BYTES, BLOCK_BYTES = 512, 1024


class Tile(NamedTuple):
    """Some queries: score blocks (Q K^T) and value blocks (P V).

    With known indices value block j uses score block j. Where indices come from scores that are
    computed here, `examine_blocks` come first, each followed by its share of a streaming top-k;
    then `score_blocks` may be empty (the kept scores are those). `union` is the work of building
    the union of the kept keys; `kept` the kept pairs; `metadata_bytes` the indices or mask bits
    that must be read from DRAM.
    """

    first_query: int
    queries: int
    rows: int
    score_blocks: Blocks
    value_blocks: Blocks
    examine_blocks: Blocks = ()
    union: Work | None = None
    kept: int = 0
    metadata_bytes: int = 0

    @property
    def scored_blocks(self) -> Blocks:
        """The blocks whose scores go through softmax."""
        return self.score_blocks or self.value_blocks


class Tiles(tuple[Tile, ...]):
    """Tiles that say what it takes to keep them; their keys are parts of read-only arrays."""

    @property
    def kept_bytes(self) -> int:
        """See `accelsim.mapping.reuse`."""
        blocks = (len(t.score_blocks) + len(t.value_blocks) for t in self)
        return TILE_BYTES * len(self) + BLOCK_BYTES * sum(blocks)
