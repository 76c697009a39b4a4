"""Indices of sparse vectors: pairs of the active features of a sample, gradients of workers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from accelsim.errors import InputError
from accelsim.workload.array_rules import ArrayRule, register_array_rule
from accelsim.workload.arrays import pointers
from accelsim.workload.hashing import mixed, scrambled
from accelsim.workload.samples import uniform_samples
from accelsim.workload.zipf import Zipf

_CHUNK = 1 << 19  # draws or pairs
_MOST_DRAWS = 1 << 17


@register_array_rule("rows_pairs")
@dataclass(frozen=True, kw_only=True)
class RowsPairs(ArrayRule):
    """All unordered pairs of the `active` features of each sample, ascending.

    The pair of features a < b is row b (b - 1) / 2 + a of a table with one row for every pair of
    `features`. A sample draws features one after another, each once, in proportion to popularity:
    rank**-(`exponent_permille` / 1000), the features in random order.
    """

    samples: int
    active: int
    features: int
    exponent_permille: int
    seed: int = 0

    def check(self) -> None:
        """See `Parametric.check`."""
        super().check()
        self._require(self.samples > 0, "samples must be positive")
        self._require(self.features <= 1 << 31, "features must be at most 2**31")
        self._require(1 < self.active <= self.features, "active must be in (1, features]")
        self._require(0 <= self.exponent_permille <= 4000, "exponent_permille must be in [0, 4000]")

    @property
    def unit(self) -> int:
        """Pairs of a sample."""
        return self.active * (self.active - 1) // 2

    @property
    def shape(self) -> tuple[int, ...]:
        """See `ArrayRule.shape`."""
        return (self.samples * self.unit,)

    @property
    def bounds(self) -> tuple[int, int]:
        """See `ArrayRule.bounds`."""
        return 0, self.features * (self.features - 1) // 2

    def draw(self, first: int, last: int) -> np.ndarray:
        """See `ArrayRule.draw`."""
        step = max(1, _CHUNK // max(self.unit, 2 * self.active))
        high, low = np.tril_indices(self.active, -1)
        parts = []
        for at in range(first, last, step):
            features = self.drawn(np.arange(at, min(last, at + step)))
            larger = features[:, high]
            parts.append((larger * (larger - 1) // 2 + features[:, low]).reshape(-1))
        return np.concatenate(parts)

    def drawn(self, samples: np.ndarray) -> np.ndarray:
        """Active features of samples int64[n], ascending, int64[n, active]."""
        ranks = np.empty((len(samples), self.active), dtype=np.int64)
        open_, draws = np.arange(len(samples)), 2 * self.active
        while open_.size:
            if draws > _MOST_DRAWS:
                raise InputError(
                    f"array rule {self.name}: some of {self.active} distinct features are too rare",
                    remedy="lower exponent_permille or active",
                )
            step = max(1, _CHUNK // draws)
            done = []
            for at in range(0, len(open_), step):
                part = open_[at : at + step]
                enough, found = self._distinct(samples[part], draws)
                ranks[part[enough]] = found
                done.append(enough)
            open_, draws = open_[~np.concatenate(done)], 2 * draws
        features = scrambled(ranks.reshape(-1), self.features, self.seed, 1)
        return np.sort(features.reshape(ranks.shape), axis=1)

    def _distinct(self, samples: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray]:
        """Which samples have enough distinct ranks among `draws`, bool[n], and the first of these.

        Returns
        -------
        enough : bool[n]
        ranks : int64[enough, active]
        """
        counters = (samples[:, None] * _MOST_DRAWS + np.arange(draws)).reshape(-1)
        law = Zipf(self.features, self.exponent_permille / 1000)
        ranks = law.ranks(self.seed, counters).reshape(len(samples), draws)
        order = np.argsort(ranks, axis=1, kind="stable")
        ascending = np.take_along_axis(ranks, order, axis=1)
        new = np.ones(ranks.shape, dtype=bool)
        new[:, 1:] = ascending[:, 1:] != ascending[:, :-1]
        first = np.empty_like(new)
        np.put_along_axis(first, order, new, axis=1)
        first &= np.cumsum(first, axis=1) <= self.active
        enough = first.sum(axis=1) == self.active
        return enough, ranks[enough][first[enough]].reshape(-1, self.active)


@register_array_rule("rows_union")
@dataclass(frozen=True, kw_only=True)
class RowsUnion(ArrayRule):
    """What each of `workers` keeps of `elements`, all workers one after another, each ascending.

    `overlap_permille` of what a worker keeps is the same for all workers; the rest it draws from
    the other elements, independently of the others. So without overlap the union of W workers
    grows as 1 - (1 - p)**W.
    """

    workers: int
    elements: int
    keep_permille: int
    overlap_permille: int = 0
    seed: int = 0
    _last: dict[int, np.ndarray] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def check(self) -> None:
        """See `Parametric.check`."""
        super().check()
        self._require(self.workers > 0, "workers must be positive")
        self._require(0 < self.elements < 1 << 31, "elements must be in (0, 2**31)")
        self._require(0 < self.keep_permille <= 1000, "keep_permille must be in (0, 1000]")
        self._require(0 <= self.overlap_permille <= 1000, "overlap_permille must be in [0, 1000]")

    @property
    def unit(self) -> int:
        """Elements that a worker keeps."""
        return max(1, self.elements * self.keep_permille // 1000)

    @property
    def common(self) -> int:
        """Elements that all workers keep."""
        return (self.unit * self.overlap_permille + 500) // 1000

    @property
    def shape(self) -> tuple[int, ...]:
        """See `ArrayRule.shape`."""
        return (self.workers * self.unit,)

    @property
    def bounds(self) -> tuple[int, int]:
        """See `ArrayRule.bounds`."""
        return 0, self.elements

    def draw(self, first: int, last: int) -> np.ndarray:
        """See `ArrayRule.draw`."""
        return np.concatenate([self._kept(worker) for worker in range(first, last)])

    def _kept(self, worker: int) -> np.ndarray:
        """Elements of a worker, int32; the last ones are held: blocks of a list come in order."""
        if worker not in self._last:
            own = self._sample(1 + worker, self.elements - self.common, self.unit - self.common)
            shared = self._sample(0, self.elements, self.common)
            # the element of each of the others: so many common ones lie before it
            own += np.searchsorted(shared - np.arange(len(shared)), own, side="right")
            self._last.clear()
            self._last[worker] = np.sort(np.concatenate([shared, own]), kind="stable")
        return self._last[worker]

    def _sample(self, part: int, universe: int, count: int) -> np.ndarray:
        keys = mixed(self.seed, part)
        return uniform_samples(keys, np.array([universe]), pointers(np.array([count])))
