"""Zipf's law without a table: rejection-inversion (Hoermann and Derflinger, TOMACS 6(3), 1996)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accelsim.workload.hashing import chances, mixed


@dataclass(frozen=True)
class Zipf:
    """Ranks 0 to `count` - 1, rank r with a chance in proportion to (r + 1)**-`exponent`."""

    count: int
    exponent: float

    def ranks(self, seed: int, counters: np.ndarray) -> np.ndarray:
        """A rank for each counter (int64[n]), int64[n]; each depends on its own counter only."""
        top = self._area(np.array([1.5, self.count + 0.5, 2.5]))
        low, high = top[0] - 1, top[1]
        sure = 2 - self._at(top[2:] - self._height(np.array([2.0])))[0]
        found = np.empty(len(counters), dtype=np.int64)
        open_, turn = np.arange(len(counters)), 0
        while open_.size:
            chance = chances(mixed(seed, 0, counters[open_], turn))
            area = high + chance * (low - high)
            place = self._at(area)
            rank = np.clip(np.floor(place + 0.5), 1, self.count)
            taken = rank - place <= sure
            taken |= area >= self._area(rank + 0.5) - self._height(rank)
            found[open_[taken]] = rank[taken].astype(np.int64) - 1
            open_, turn = open_[~taken], turn + 1
        return found

    def _height(self, x: np.ndarray) -> np.ndarray:
        return np.exp(-self.exponent * np.log(x))

    def _area(self, x: np.ndarray) -> np.ndarray:
        """Integral of the height from 1 to x."""
        logarithm = np.log(x)
        power = (1 - self.exponent) * logarithm
        return logarithm * _ratio(np.expm1, power)

    def _at(self, area: np.ndarray) -> np.ndarray:
        """Inverse of `_area`."""
        power = np.maximum(area * (1 - self.exponent), -1 + 1e-15)
        return np.exp(area * _ratio(np.log1p, power))


def _ratio(function: np.ufunc, x: np.ndarray) -> np.ndarray:
    """function(x) / x of expm1 or log1p, 1 where x is 0."""
    safe = np.where(x == 0, 1, x)
    return np.where(x == 0, 1, function(safe) / safe)
