"""A compressed tensor in DRAM: values in one place, metadata in another, both row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.mapping.composed import Stored
from accelsim.mapping.plan import Plan, Traffic, run


@dataclass(frozen=True)
class Tensor:
    """One stored operand or result.

    Attributes
    ----------
    plan : Plan
    stored : Stored
    kind : Traffic
        Of its values; metadata is `Traffic.METADATA`.
    base : int
        Address; negative when it is on chip. Metadata follows the values.
    share : float64[rows + 1]
        Part of the tensor before each row, from 0 to 1.
    """

    plan: Plan
    stored: Stored
    kind: Traffic
    base: int
    share: np.ndarray

    @classmethod
    def place(
        cls,
        plan: Plan,
        stored: Stored,
        kind: Traffic,
        weights: np.ndarray,
        *,
        on_chip: bool = False,
    ) -> Tensor:
        """Put a tensor into DRAM unless it is on chip; rows take bytes by their `weights`."""
        base = -1
        if not on_chip:
            plan.touch(stored.values, kind)
            plan.touch(stored.metadata, Traffic.METADATA)
            base = plan.allocator.place(stored.total)
        share = np.concatenate([[0], np.cumsum(weights, dtype=np.float64)])
        last = share[-1]
        share = share / last if last else np.linspace(0, 1, len(share))
        return cls(plan, stored, kind, base, share)

    @property
    def on_chip(self) -> bool:
        """Whether nothing has to be moved."""
        return self.base < 0

    def ends(self) -> np.ndarray:
        """Bytes before each row, int64[rows + 1]; 0 where the tensor is on chip."""
        if self.on_chip:
            return np.zeros(len(self.share), np.int64)
        both = (np.floor(self.share * size) for size in (self.stored.values, self.stored.metadata))
        return sum(both, np.zeros(len(self.share))).astype(np.int64)

    def pieces(
        self, first: int, last: int, part: int = 0, parts: int = 1
    ) -> list[tuple[int, int, Traffic]]:
        """(address, bytes, cause) of one of `parts` equal parts of some rows."""
        found = []
        for offset, size, kind in (
            (0, self.stored.values, self.kind),
            (self.stored.values, self.stored.metadata, Traffic.METADATA),
        ):
            begin, end = (int(np.floor(self.share[row] * size)) for row in (first, last))
            low = begin + (end - begin) * part // parts
            high = begin + (end - begin) * (part + 1) // parts
            if high > low and not self.on_chip:
                found.append((self.base + offset + low, high - low, kind))
        return found

    def bytes_of(self, first: int, last: int) -> int:
        """Bytes of some rows."""
        return sum(size for _, size, _ in self.pieces(first, last))

    def load(
        self, first: int, last: int, after: Sequence[int], part: int = 0, parts: int = 1
    ) -> list[tuple[int, int]]:
        """Read a part of some rows: (task, bytes) of every load."""
        return [
            (self.plan.load(run(address, size), kind, after), size)
            for address, size, kind in self.pieces(first, last, part, parts)
        ]

    def store(self, first: int, last: int, after: Sequence[int]) -> int:
        """Write some rows after the tasks; the last task of it."""
        done = [
            self.plan.store(run(address, size), self.kind, after)
            for address, size, _ in self.pieces(first, last)
        ]
        return self.plan.final(self.plan.join(done or after))
