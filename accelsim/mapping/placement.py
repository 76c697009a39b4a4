"""Where tensors lie in DRAM: one rule for every machine.

Tensors are placed in the order in which they are needed first, each at an aligned address behind
the one before. A seed other than 0 leaves a gap of its own before each, so that the spread of a
result over seeds says how much of it is an accident of addresses. The same seed gives the same
gaps on every machine.

What no longer fits lies at addresses that are in use: those of DRAM again from the start. Tensors
never meet there as data, so that only the rows and banks of their lines are an accident, and the
run says so.

Not modelled: memory that is given back (a weight that is used twice is laid out twice), pages that
lie apart, fetching what does not fit from elsewhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accelsim.arch.spec import Arch
from accelsim.arch.units import BYTES


class Allocator:
    """Gives every tensor its address; addresses go on beyond the DRAM (see `folded`)."""

    def __init__(self, arch: Arch) -> None:
        self._arch, self._policy = arch, arch.mapping.placement
        self._random = np.random.default_rng(self._policy.seed)
        self._next = 0

    def place(self, size_bytes: int) -> int:
        """Address of the next tensor."""
        unit = self._policy.alignment
        if self._policy.seed:
            self._next += int(self._random.integers(0, self._policy.spread // unit + 1)) * unit
        address = self._next
        self._next += -(-int(size_bytes) // unit) * unit
        return address

    @property
    def overflows(self) -> bool:
        """Whether more was placed than the DRAM holds."""
        return self._next > self._arch.dram.capacity

    def folded(self, runs: np.ndarray) -> np.ndarray:
        """Runs at addresses that the DRAM has."""
        return folded(runs, self._arch.dram.capacity) if self.overflows else runs

    def notes(self) -> tuple[str, ...]:
        """What a reader of the result must know."""
        if not self.overflows:
            return ()
        need, have = f"{self._next / 2**30:,.1f} GiB", BYTES.format(self._arch.dram.capacity)
        return (
            f"the replay lays out {need} of tensors, {self._arch.name} has {have} of DRAM: "
            "addresses are used again",
        )


def folded(runs: np.ndarray, capacity: int) -> np.ndarray:
    """Runs at their addresses modulo the capacity, cut where they go on at address 0.

    Parameters
    ----------
    runs : int64[n, 4]
        Address, stride, bytes, count.
    capacity : int

    Returns
    -------
    int64[m, 4]
    """
    last = runs[:, 0] + (runs[:, 3] - 1) * runs[:, 1] + runs[:, 2] - 1
    inside = runs[:, 0] // capacity == last // capacity
    if inside.all():
        moved = runs.copy()
        moved[:, 0] %= capacity
        return moved
    pieces: list[list[int]] = []
    for whole, row in zip(inside.tolist(), runs.tolist(), strict=True):
        pieces += [row] if whole else _cut(row, capacity)
    found = np.array(pieces, np.int64)
    found[:, 0] %= capacity
    return found


def _cut(row: list[int], capacity: int) -> list[list[int]]:
    """A run as runs that do not cross a multiple of the capacity."""
    address, stride, size, count = row
    found: list[list[int]] = []
    while count:
        room = capacity - address % capacity
        if size > room:  # the piece itself crosses
            found += [[address, 0, room, 1], *_cut([address + room, 0, size - room, 1], capacity)]
            whole = 1
        else:
            whole = min(count, (room - size) // stride + 1 if stride else 1)
            found.append([address, stride if whole > 1 else 0, size, whole])
        address, count = address + whole * stride, count - whole
    return found


class KeyRows(NamedTuple):
    """Rows of one head's keys or values: row i is `size` bytes at first + i x stride."""

    first: int
    stride: int
    size: int

    def pieces(self, rows: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Runs of counts[i] rows from rows[i] on."""
        whole = self.stride == self.size
        runs = np.empty((rows.size, 4), np.int64)
        runs[:, 0] = self.first + rows * self.stride
        runs[:, 1] = 0 if whole else self.stride
        runs[:, 2] = counts * self.size if whole else self.size
        runs[:, 3] = 1 if whole else counts
        return runs


class KeyLayout(NamedTuple):
    """How keys and values of all heads lie.

    `bases` : first address of the keys and of the values; `sizes` : bytes of a row of each.
    """

    bases: tuple[int, int]
    sizes: tuple[int, int]
    heads: int
    length: int
    by_token: bool
    interleaved: bool

    def rows(self, values: bool, head: int) -> KeyRows:
        """Rows of a head, counted through the batch."""
        size = self.sizes[values]
        width = sum(self.sizes) if self.interleaved else size
        if not self.by_token:
            return KeyRows(self.bases[values] + head * self.length * width, width, size)
        batch, head = divmod(head, self.heads)
        first = (batch * self.length * self.heads + head) * width
        return KeyRows(self.bases[values] + first, self.heads * width, size)
