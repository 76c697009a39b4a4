"""Another pattern, transposed unit by unit: only the original is stored."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from accelsim.errors import InputError
from accelsim.workload.arrays import INDEX, POINTER, kernel_array, pointers
from accelsim.workload.encodings import Csr, Pattern

_BLOCK_NNZ = 1 << 21


@dataclass(frozen=True, eq=False)
class TransposedPattern(Pattern):
    """Another pattern with rows and columns of each unit exchanged, as its gradients need it.

    Each unit of `unit_rows` rows becomes `of.cols` rows of `unit_rows` columns. A unit is turned
    round as a whole when a row of it is read, in time linear in its kept positions, and held until
    its last row was read: reading block by block stays linear.

    Attributes
    ----------
    of : Pattern
    unit_rows : int
        Rows of `of` in a unit.
    """

    encoding: ClassVar[str] = "transposed"
    of: Pattern
    unit_rows: int
    rows: int = field(init=False)
    cols: int = field(init=False)
    _turned: dict[int, Csr] = field(default_factory=dict, init=False, repr=False)
    _counted: dict[int, np.ndarray] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.unit_rows <= 0 or self.of.rows % self.unit_rows:
            raise InputError(f"{self.of.rows} rows are no multiple of unit_rows {self.unit_rows}")
        object.__setattr__(self, "rows", self.of.rows // self.unit_rows * self.of.cols)
        object.__setattr__(self, "cols", self.unit_rows)

    @cached_property
    def nnz(self) -> int:
        """See `Pattern.nnz`."""
        return self.of.nnz

    @property
    def granule(self) -> tuple[int, int]:
        """See `Pattern.granule`; blocks that lie across units are shared in smaller parts."""
        high, wide = self.of.granule
        if self.of.rows > self.unit_rows:
            high, wide = math.gcd(high, self.unit_rows), math.gcd(wide, self.of.cols)
        return wide, high

    def csr(self, start: int = 0, stop: int | None = None) -> Csr:
        """See `Pattern.csr`."""
        start, stop = self._span(start, stop)
        counts, parts = [np.zeros(0, dtype=POINTER)], [np.zeros(0, dtype=INDEX)]
        for unit, first, last in self._unit_spans(start, stop):
            indptr, indices = self._unit(unit)
            counts.append(np.diff(indptr[first : last + 1]))
            parts.append(indices[indptr[first] : indptr[last]])
            if last == self.of.cols:
                self._turned.clear()
        return pointers(np.concatenate(counts)), np.concatenate(parts)

    def row_counts(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """See `Pattern.row_counts`."""
        counts = [np.zeros(0, dtype=POINTER)]
        for unit, first, last in self._unit_spans(*self._span(start, stop)):
            if unit not in self._counted:
                self._counted.clear()
                self._counted[unit] = self._column_counts(unit)
            counts.append(self._counted[unit][first:last])
        return np.concatenate(counts)

    def _unit_spans(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Cut rows [start, stop) at the units: unit, first row in it, row after the last."""
        height = self.of.cols
        while start < stop:
            unit, first = divmod(start, height)
            last = min(height, first + stop - start)
            yield unit, first, last
            start += last - first

    def _unit(self, unit: int) -> Csr:
        from accelsim.kernels.csr import transpose  # imports numba

        if unit not in self._turned:
            self._turned.clear()
            indptr, indices = self.of.csr(unit * self.unit_rows, (unit + 1) * self.unit_rows)
            turned, rows = transpose(
                kernel_array(indptr, POINTER), kernel_array(indices, POINTER), self.of.cols
            )
            self._turned[unit] = turned, rows.astype(INDEX)
        return self._turned[unit]

    def _column_counts(self, unit: int) -> np.ndarray:
        """Kept positions of every column of `of` within a unit, int64[of.cols]."""
        counts = np.zeros(self.of.cols, dtype=POINTER)
        step = max(1, self.of.rows * _BLOCK_NNZ // max(1, self.nnz))
        end = (unit + 1) * self.unit_rows
        for start in range(unit * self.unit_rows, end, step):
            _, indices = self.of.csr(start, min(end, start + step))
            counts += np.bincount(indices, minlength=self.of.cols)
        return counts
