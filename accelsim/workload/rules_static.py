"""Attention patterns that are known before any key is: strided, blocks of BigBird, compressed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accelsim.workload.arrays import INDEX, pointers, ranges
from accelsim.workload.hashing import mixed
from accelsim.workload.rules import AttentionRule, Csr, RangeRule, register_rule
from accelsim.workload.rules_topk import whole_blocks
from accelsim.workload.samples import uniform_samples


@register_rule("strided")
@dataclass(frozen=True, kw_only=True)
class Strided(AttentionRule):
    """The last `stride` keys, and every earlier key at a multiple of `stride`; causal.

    The strided pattern of Sparse Transformer (1904.10509), both of its heads as one set.
    """

    stride: int

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(self.stride > 0, "stride must be positive")

    def row_counts(self, start: int, stop: int) -> np.ndarray:
        """See `Rule.row_counts`."""
        position = self.positions(np.arange(start, stop, dtype=np.int64))
        return position // self.stride + np.minimum(self.stride, position + 1)

    def csr(self, start: int, stop: int) -> Csr:
        """See `Rule.csr`."""
        position = self.positions(np.arange(start, stop, dtype=np.int64))
        far = position // self.stride
        counts = far + np.minimum(self.stride, position + 1)
        place = ranges(np.zeros_like(counts), counts)
        far, position = np.repeat(far, counts), np.repeat(position, counts)
        near = position - np.minimum(self.stride - 1, position) + place - far
        keys = np.where(place < far, position % self.stride + place * self.stride, near)
        return pointers(counts), keys.astype(INDEX)


@register_rule("bigbird")
@dataclass(frozen=True, kw_only=True)
class BigBird(AttentionRule):
    """Key blocks of every query block: around it, global ones and random ones (2007.14062).

    The form without extra tokens (ITC), to both sides. Of `global_blocks` blocks the larger half
    stand first and the others last; as queries they see everything. Any other query block sees
    these, the `window_blocks` around it, and `random_blocks` of the rest (all, if there are no
    more), drawn anew for each unit and query block. q_len = kv_len, a multiple of `block`.
    """

    block: int = 64
    random_blocks: int = 3
    window_blocks: int = 3
    global_blocks: int = 2
    seed: int = 0

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(self.block > 0, "block must be positive")
        self._require(self.q_len == self.kv_len, "needs q_len = kv_len")
        self._require(self.kv_len % self.block == 0, f"kv_len is no multiple of {self.block}")
        self._require(min(self.random_blocks, self.global_blocks) >= 0, "blocks below 0")
        self._require(self.window_blocks % 2 == 1, "window_blocks must be odd")

    @property
    def granule(self) -> tuple[int, int]:
        """See `Rule.granule`."""
        return self.block, self.block

    def row_counts(self, start: int, stop: int) -> np.ndarray:
        """See `Rule.row_counts`."""
        kept, *_ = self._gaps(np.arange(start, stop) % self.q_len // self.block)
        return kept * self.block

    def csr(self, start: int, stop: int) -> Csr:
        """See `Rule.csr`."""
        bands = np.arange(start // self.block, -(-stop // self.block))
        kept, blocks = self._blocks(bands)
        band = np.arange(start, stop) // self.block - start // self.block
        chosen = blocks[ranges((np.cumsum(kept) - kept)[band], kept[band])]
        whole = np.full(stop - start, self.block)
        keys = whole_blocks(chosen, kept[band], whole, self.block)
        return pointers(kept[band] * self.block), keys

    @property
    def _count(self) -> int:
        return self.kv_len // self.block

    def _gaps(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Of query blocks int64[n]: key blocks kept, random ones, and the gaps these fall into.

        Returns
        -------
        kept, random : int64[n]
        begin, end : int64[n, 2]
            The blocks between first global ones and window, and between window and last ones.
        """
        last = self.global_blocks // 2
        first = min(self._count, self.global_blocks - last)
        last = self._count - min(last, self._count - first)
        half = self.window_blocks // 2
        near = np.clip(place - half, first, last)
        far = np.clip(place + half + 1, first, last)
        begin = np.stack([np.full_like(place, first), far], axis=1)
        end = np.stack([near, np.full_like(place, last)], axis=1)
        everything = (place < first) | (place >= last)
        free = np.where(everything, 0, (end - begin).sum(axis=1))
        random = np.minimum(self.random_blocks, free)
        return self._count - free + random, random, begin, end

    def _blocks(self, bands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Key blocks of query blocks `bands` (all units): how many each, and which, ascending."""
        place = bands % self._count
        kept, random, begin, end = self._gaps(place)
        keys = mixed(self.seed, bands // self._count, place)
        free = (end - begin).sum(axis=1)
        rank = uniform_samples(keys, free, pointers(random)).astype(np.int64)
        band = np.repeat(np.arange(len(bands)), random)
        before = (end - begin)[band, 0]
        drawn = np.where(rank < before, begin[band, 0] + rank, begin[band, 1] + rank - before)
        mask = np.ones((len(bands), self._count), dtype=bool)
        column = np.arange(self._count)
        for gap in range(2):
            mask &= (column < begin[:, gap, None]) | (column >= end[:, gap, None])
        mask[kept == self._count] = True
        mask[band, drawn] = True
        return kept, np.nonzero(mask)[1]


@register_rule("compressed")
@dataclass(frozen=True, kw_only=True)
class Compressed(RangeRule):
    """The compressed entries that are complete: a query at position p sees (p + 1) // stride.

    An entry stands for `stride` tokens, so that cols (and kv_len) counts entries. Query i of
    q_len stands at position `tokens` - q_len + i. Early queries see nothing.
    """

    q_len: int
    kv_len: int
    tokens: int
    stride: int

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(self.stride > 0, "stride must be positive")
        self._require(0 < self.q_len <= self.tokens, "needs 0 < q_len <= tokens")
        self._require(self.kv_len == self.cols, f"kv_len {self.kv_len} is not cols {self.cols}")
        entries = self.tokens // self.stride
        self._require(entries <= self.cols, f"{entries} entries do not fit in cols {self.cols}")
        self._require(
            self.rows % self.q_len == 0, f"rows {self.rows} are no multiple of q_len {self.q_len}"
        )

    def spans(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `RangeRule.spans`."""
        position = self.tokens - self.q_len + rows % self.q_len
        zero = np.zeros_like(rows)
        return zero, zero, (position + 1) // self.stride
