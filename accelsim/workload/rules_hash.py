"""Attention among tokens that were hashed to the same bucket (Reformer)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from accelsim.workload.arrays import INDEX, pointers
from accelsim.workload.hashing import cumulative_chance, drawn, mixed
from accelsim.workload.rules import AttentionRule, Csr, register_rule
from accelsim.workload.samples import bit_numbers

Sorted = tuple[np.ndarray, np.ndarray, np.ndarray]


@register_rule("lsh")
@dataclass(frozen=True, kw_only=True)
class Lsh(AttentionRule):
    """Keys of the query's hash bucket that lie near it in sorted order; causal (2001.04451).

    In each of `rounds` rounds the tokens of a unit are hashed to ceil(kv_len / `bucket`) buckets
    and sorted by (bucket, position), and the order is cut into chunks of `bucket` tokens. A query
    sees the tokens of its own bucket, up to itself, that lie in its chunk or the one before; the
    rounds are united. Buckets differ in size: each takes tokens with a chance drawn uniformly
    from 0.5 to 1.5 of the mean.
    """

    bucket: int = 64
    rounds: int = 1
    seed: int = 0
    _held: dict[int, Sorted] = field(default_factory=dict, init=False, repr=False, compare=False)

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(self.bucket > 0 and self.rounds > 0, "bucket > 0 and rounds > 0 are needed")

    def row_counts(self, start: int, stop: int) -> np.ndarray:
        """See `Rule.row_counts`."""
        from accelsim.kernels.hashed_chunks import count_shared_chunks  # imports numba

        counts = np.empty(stop - start, dtype=np.int64)
        for unit, first, last in self.unit_spans(start, stop):
            position = self.kv_len - self.q_len + first % self.q_len
            part = counts[first - start : last - start]
            count_shared_chunks(position, *self._sorted(unit), part)
        return counts

    def csr(self, start: int, stop: int) -> Csr:
        """See `Rule.csr`."""
        from accelsim.kernels.hashed_chunks import shared_chunks  # imports numba

        indptr = pointers(self.row_counts(start, stop))
        indices = np.empty(int(indptr[-1]), dtype=INDEX)
        with np.errstate(over="ignore"):  # wrapping products, seen only with the JIT off
            for unit, first, last in self.unit_spans(start, stop):
                position = self.kv_len - self.q_len + first % self.q_len
                part = indptr[first - start : last - start + 1]
                shared_chunks(
                    position, *self._sorted(unit), part - part[0], bit_numbers(),
                    indices[part[0] : part[-1]],
                )  # fmt: skip
        return indptr, indices

    def _sorted(self, unit: int) -> Sorted:
        """Order, rank and first place seen of the tokens of a unit, int64[rounds, kv_len] each.

        Only the unit asked for last is held: blocks of rows come in order.
        """
        if unit not in self._held:
            parts = [self._round(unit, turn) for turn in range(self.rounds)]
            self._held.clear()
            self._held[unit] = tuple(np.stack(part) for part in zip(*parts, strict=True))  # type: ignore[assignment]
        return self._held[unit]

    def _round(self, unit: int, turn: int) -> Sorted:
        buckets = -(-self.kv_len // self.bucket)
        weights = 0.5 + mixed(self.seed, unit, turn, 0, np.arange(buckets)) / 2.0**64
        random = mixed(self.seed, unit, turn, 1, np.arange(self.kv_len))
        hashed = drawn(cumulative_chance(weights), random)
        order = np.argsort(hashed, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(self.kv_len)
        begin = np.searchsorted(hashed[order], hashed)
        least = np.maximum(begin, (rank // self.bucket - 1) * self.bucket)
        return order, rank, least
