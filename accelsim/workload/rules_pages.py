"""Selection of whole pages of keys by every query for itself, as in Quest, NSA and MoBA."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accelsim.workload.arrays import pointers
from accelsim.workload.rules import AttentionRule, Csr, register_rule
from accelsim.workload.rules_topk import chosen_keys, octave_weights, whole_blocks


@register_rule("page_topk")
@dataclass(frozen=True, kw_only=True)
class PageTopk(AttentionRule):
    """The `pages` best pages of `page` keys of every query, causal and seeded.

    Quest (2406.10774) keeps pages of 16 keys, NSA (2502.11089) blocks of 64, MoBA (2502.13189)
    blocks of 512. The first `sinks_pages` pages and the `recent_pages` up to the query's own are
    always kept; the others are chosen as `topk_decay` chooses keys, with the same parameters
    (distances in pages, lives in queries), so that the sets of neighbouring queries overlap. Of
    the query's own page only the visible keys are kept. q_len and kv_len are whatever they are.
    """

    page: int
    pages: int
    seed: int = 0
    sinks_pages: int = 1
    recent_pages: int = 1
    heavy_permille: int = 440
    pool_log2: int = 3
    life_log2: int = 7
    heavy_life_log2: int = 8
    decay_permille: int = 1000

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(self.page > 0, "page must be positive")
        self._require(self.recent_pages > 0, "recent_pages must be positive: the own page is kept")
        self._require(self.sinks_pages >= 0, "sinks_pages must not be negative")
        fixed = self.sinks_pages + self.recent_pages
        self._require(fixed <= self.pages, f"pages must be at least {fixed}, sinks and recent")
        self._require(0 <= self.heavy_permille <= 1000, "heavy_permille must be in [0, 1000]")
        self._require(0 <= self.decay_permille <= 4000, "decay_permille must be in [0, 4000]")
        self._require(0 <= self.pool_log2 <= 8, "pool_log2 must be in [0, 8]")
        logs = (self.life_log2, self.heavy_life_log2)
        self._require(0 <= min(logs) and max(logs) <= 20, "life logarithms must be in [0, 20]")

    @property
    def granule(self) -> tuple[int, int]:
        """See `Rule.granule`."""
        return 1, self.page

    def row_counts(self, start: int, stop: int) -> np.ndarray:
        """See `Rule.row_counts`."""
        position = self.positions(np.arange(start, stop, dtype=np.int64))
        kept = np.minimum(self.pages, position // self.page + 1)
        return (kept - 1) * self.page + position % self.page + 1

    def csr(self, start: int, stop: int) -> Csr:
        """See `Rule.csr`."""
        position = self.positions(np.arange(start, stop, dtype=np.int64))
        kept = np.minimum(self.pages, position // self.page + 1)
        fixed = self.sinks_pages + self.recent_pages
        heavy = min(self.pages * self.heavy_permille // 1000, self.pages - fixed)
        chosen = chosen_keys(
            start,
            pointers(kept),
            (self.q_len, self.kv_len, self.pages, self.page),
            (self.sinks_pages, self.recent_pages, heavy, self.pool_log2),
            (self.life_log2, self.heavy_life_log2),
            self.seed,
            octave_weights(self.decay_permille),
            (0, 0, self.pages, 0),
        )
        last = position % self.page + 1
        return pointers(self.row_counts(start, stop)), whole_blocks(chosen, kept, last, self.page)
