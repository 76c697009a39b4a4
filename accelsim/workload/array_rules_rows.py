"""Rows of a table that sparse inputs look up: uniform, or by popularity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accelsim.workload.array_rules import ArrayRule, register_array_rule
from accelsim.workload.hashing import below, mixed, scrambled
from accelsim.workload.zipf import Zipf


@dataclass(frozen=True, kw_only=True)
class Rows(ArrayRule):
    """`n` rows of a table of `table_rows`, drawn independently of each other, integer[n]."""

    n: int
    table_rows: int
    seed: int = 0

    def check(self) -> None:
        """See `Parametric.check`."""
        super().check()
        self._require(self.n > 0, "n must be positive")
        self._require(0 < self.table_rows <= 1 << 31, "table_rows must be in (0, 2**31]")

    @property
    def shape(self) -> tuple[int, ...]:
        """See `ArrayRule.shape`."""
        return (self.n,)

    @property
    def bounds(self) -> tuple[int, int]:
        """See `ArrayRule.bounds`."""
        return 0, self.table_rows


@register_array_rule("rows_uniform")
@dataclass(frozen=True, kw_only=True)
class RowsUniform(Rows):
    """Every row as likely."""

    def draw(self, first: int, last: int) -> np.ndarray:
        """See `ArrayRule.draw`."""
        return below(mixed(self.seed, np.arange(first, last)), self.table_rows)


@register_array_rule("rows_zipf")
@dataclass(frozen=True, kw_only=True)
class RowsZipf(Rows):
    """The row of rank r with a chance of r**-(`exponent_permille` / 1000), in random order."""

    exponent_permille: int

    def check(self) -> None:
        """See `Parametric.check`."""
        super().check()
        self._require(0 <= self.exponent_permille <= 4000, "exponent_permille must be in [0, 4000]")

    def draw(self, first: int, last: int) -> np.ndarray:
        """See `ArrayRule.draw`."""
        law = Zipf(self.table_rows, self.exponent_permille / 1000)
        ranks = law.ranks(self.seed, np.arange(first, last))
        return scrambled(ranks, self.table_rows, self.seed, 1)
