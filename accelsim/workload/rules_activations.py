"""Activation patterns: which neurons fire for which tokens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from accelsim.workload.arrays import INDEX, pointers
from accelsim.workload.hashing import mixed, permutation
from accelsim.workload.rules import Csr, Rule, register_rule

_HOT_CHANCE = 0.9


@register_rule("contextual")
@dataclass(frozen=True, kw_only=True)
class Contextual(Rule):
    """Neurons (columns) that fire for tokens (rows), `keep_permille` of all; seeded.

    `hot_permille` of the neurons fire for nine tokens of ten (fewer, if these alone would be more
    than keep_permille); the chance of the others falls as a power of their rank,
    rank**-(`decay_permille` / 1000), as in PowerInfer (2312.12456) and DejaVu (2310.17157).
    Adjacent tokens overlap: for 2**`life_log2` tokens a neuron holds to one decision, which a
    token follows with a chance of `follow_permille` / 1000; else it decides for itself.

    The shape follows these papers from memory; fit the numbers to a captured model where one is at
    hand.
    """

    keep_permille: int
    hot_permille: int = 20
    seed: int = 0
    decay_permille: int = 500
    life_log2: int = 4
    follow_permille: int = 500

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(0 < self.keep_permille < 900, "keep_permille must be in (0, 900)")
        self._require(0 <= self.hot_permille < 1000, "hot_permille must be in [0, 1000)")
        self._require(0 <= self.decay_permille <= 4000, "decay_permille must be in [0, 4000]")
        self._require(0 <= self.follow_permille <= 1000, "follow_permille must be in [0, 1000]")
        self._require(0 <= self.life_log2 <= 20, "life_log2 must be in [0, 20]")

    def row_counts(self, start: int, stop: int) -> np.ndarray:
        """See `Rule.row_counts`."""
        return self._run(start, stop, np.zeros(0, dtype=INDEX))

    def csr(self, start: int, stop: int) -> Csr:
        """See `Rule.csr`."""
        indptr = pointers(self.row_counts(start, stop))
        indices = np.empty(int(indptr[-1]) + 1, dtype=INDEX)
        self._run(start, stop, indices)
        return indptr, indices[:-1]

    def _run(self, start: int, stop: int, indices: np.ndarray) -> np.ndarray:
        from accelsim.kernels.bernoulli import lasting  # imports numba

        counts = np.empty(stop - start, dtype=np.int64)
        keys = mixed(self.seed, 0, np.arange(start, stop))
        follow = np.uint64(round(self.follow_permille / 1000 * 2**32))
        with np.errstate(over="ignore"):  # wrapping products, seen only with the JIT off
            lasting(start, keys, self._columns, (self.life_log2, follow), counts, indices)
        return counts

    @cached_property
    def _columns(self) -> tuple[np.ndarray, np.ndarray]:
        """Chance (in units of 2**-32) and random key of every column, uint64[cols]."""
        total = self.cols * self.keep_permille / 1000
        hot = min(round(self.cols * self.hot_permille / 1000), int(total / _HOT_CHANCE))
        ranks = np.arange(1, self.cols - hot + 1, dtype=np.float64)
        falling = _scaled(ranks ** -(self.decay_permille / 1000), total - hot * _HOT_CHANCE)
        chance = np.concatenate([np.full(hot, _HOT_CHANCE), falling])
        chance = chance[permutation(self.cols, self.seed, 1)]
        keys = mixed(self.seed, 2, np.arange(self.cols))
        return np.rint(chance * 2.0**32).astype(np.uint64), keys


def _scaled(weights: np.ndarray, total: float) -> np.ndarray:
    """Scale falling weights to a sum of `total` with none above the chance of a hot neuron."""
    rest = np.cumsum(weights[::-1])[::-1]
    scales = (total - np.arange(len(weights)) * _HOT_CHANCE) / rest  # after so many are capped
    scale = scales[np.argmax(weights * scales <= _HOT_CHANCE)]
    return np.minimum(weights * scale, _HOT_CHANCE)
