"""A pattern of routed slots without the rows of those that were dropped."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from accelsim.errors import InputError
from accelsim.workload.array_rules import ArrayRule
from accelsim.workload.arrays import pointers
from accelsim.workload.encodings import Csr, Pattern


@dataclass(frozen=True, eq=False)
class RoutedPattern(Pattern):
    """Another pattern, of which the rows of dropped slots keep nothing.

    Attributes
    ----------
    of : Pattern
    expert_ids : integer array or array rule
        One value for each row of `of`, below 0 for a dropped slot.
    """

    encoding: ClassVar[str] = "routed"
    of: Pattern
    expert_ids: np.ndarray | ArrayRule
    rows: int = field(init=False)
    cols: int = field(init=False)

    def __post_init__(self) -> None:
        if self.expert_ids.size != self.of.rows:
            raise InputError(f"{self.expert_ids.size} slots for {self.of.rows} rows")
        object.__setattr__(self, "rows", self.of.rows)
        object.__setattr__(self, "cols", self.of.cols)

    @property
    def granule(self) -> tuple[int, int]:
        """See `Pattern.granule`."""
        return 1, self.of.granule[1]

    def csr(self, start: int = 0, stop: int | None = None) -> Csr:
        """See `Pattern.csr`."""
        start, stop = self._span(start, stop)
        indptr, indices = self.of.csr(start, stop)
        counts = np.diff(indptr)
        indices = indices[np.repeat(self._served[start:stop], counts)]
        return pointers(counts * self._served[start:stop]), indices

    def row_counts(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """See `Pattern.row_counts`."""
        start, stop = self._span(start, stop)
        return self.of.row_counts(start, stop) * self._served[start:stop]

    @cached_property
    def _served(self) -> np.ndarray:
        """Slots that were not dropped, bool[rows]."""
        return np.asarray(self.expert_ids).reshape(-1) >= 0
