"""Drawn keys: a reference without any locality, and columns with diagonals (MInference)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accelsim.workload.arrays import INDEX, pointers
from accelsim.workload.hashing import mixed
from accelsim.workload.rules import AttentionRule, Csr, register_rule
from accelsim.workload.samples import uniform_samples


@register_rule("uniform_topk")
@dataclass(frozen=True, kw_only=True)
class UniformTopk(AttentionRule):
    """`k` of the visible keys, every subset as likely (all, if no more are visible); causal.

    What a selection costs without locality: neighbouring queries share keys by chance only.
    """

    k: int
    seed: int = 0

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(self.k > 0, "k must be positive")

    def row_counts(self, start: int, stop: int) -> np.ndarray:
        """See `Rule.row_counts`."""
        rows = np.arange(start, stop, dtype=np.int64)
        return np.minimum(self.k, self.positions(rows) + 1)

    def csr(self, start: int, stop: int) -> Csr:
        """See `Rule.csr`."""
        rows = np.arange(start, stop, dtype=np.int64)
        visible = self.positions(rows) + 1
        indptr = pointers(self.row_counts(start, stop))
        keys = mixed(self.seed, rows // self.q_len, visible)
        return indptr, uniform_samples(keys, visible, indptr)


@register_rule("vertical_slash")
@dataclass(frozen=True, kw_only=True)
class VerticalSlash(AttentionRule):
    """`vertical` key columns and `slash` diagonals of each unit, causal (MInference, 2407.02490).

    The first column is among the vertical ones (a sink); half of the diagonals, rounded up, are
    the main one and those next to it. The others are drawn, every set as likely.
    """

    vertical: int
    slash: int
    seed: int = 0

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(self.vertical >= 0, "vertical must not be negative")
        self._require(self.slash > 0, "slash must be positive: a query keeps its own key")

    def row_counts(self, start: int, stop: int) -> np.ndarray:
        """See `Rule.row_counts`."""
        parts = [np.zeros(0, dtype=np.int64)]
        for unit, first, last in self.unit_spans(start, stop):
            position = self.positions(np.arange(first, last))
            columns, distances = self._chosen(unit)
            both = _sums(columns, distances, self.kv_len)
            parts.append(
                np.searchsorted(columns, position, side="right")
                + np.searchsorted(distances, position, side="right")
                - both[position]
            )
        return np.concatenate(parts)

    def csr(self, start: int, stop: int) -> Csr:
        """See `Rule.csr`."""
        from accelsim.kernels.merged import columns_and_diagonals  # imports numba

        indptr = pointers(self.row_counts(start, stop))
        indices = np.empty(int(indptr[-1]), dtype=INDEX)
        for unit, first, last in self.unit_spans(start, stop):
            part = indptr[first - start : last - start + 1]
            position = self.kv_len - self.q_len + first % self.q_len
            columns_and_diagonals(
                position, *self._chosen(unit), part - part[0], indices[part[0] : part[-1]]
            )
        return indptr, indices

    def _chosen(self, unit: int) -> tuple[np.ndarray, np.ndarray]:
        """Columns and distances of a unit, int64, each ascending."""
        near = min((self.slash + 1) // 2, self.kv_len)
        fixed = np.array([min(1, self.vertical), near])
        universe = self.kv_len - fixed
        more = np.minimum(np.array([self.vertical, self.slash]) - fixed, universe)
        keys = mixed(self.seed, unit, np.arange(2))
        drawn = uniform_samples(keys, universe, pointers(more)).astype(np.int64)
        columns, distances = drawn[: more[0]] + fixed[0], drawn[more[0] :] + near
        return (
            np.concatenate([np.arange(fixed[0]), columns]),
            np.concatenate([np.arange(near), distances]),
        )


def _sums(left: np.ndarray, right: np.ndarray, length: int) -> np.ndarray:
    """How many pairs of distinct numbers of two ascending lists have each sum, int64[length]."""
    found = np.zeros(length, dtype=np.int64)
    for number in left.tolist():
        sums = right[: np.searchsorted(right, length - number)] + number
        found[sums] += 1  # the numbers are distinct, so each sum occurs once
    return found
