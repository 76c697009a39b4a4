"""Where tensors lie in DRAM: one rule for every machine.

Tensors are placed in the order in which they are needed first, each at an aligned address behind
the one before. A seed other than 0 leaves a gap of its own before each, so that the spread of a
result over seeds says how much of it is an accident of addresses. The same seed gives the same
gaps on every machine.

Not modelled: memory that is given back (addresses are used once), pages that lie apart.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accelsim.arch.spec import Arch
from accelsim.errors import InputError


class Allocator:
    """Gives every tensor its address."""

    def __init__(self, arch: Arch) -> None:
        self._arch, self._policy = arch, arch.mapping.placement
        self._random = np.random.default_rng(self._policy.seed)
        self._next = 0

    def place(self, size_bytes: int) -> int:
        """Address of the next tensor.

        Raises
        ------
        InputError
            The DRAM is full.
        """
        unit = self._policy.alignment
        if self._policy.seed:
            self._next += int(self._random.integers(0, self._policy.spread // unit + 1)) * unit
        address = self._next
        self._next += -(-int(size_bytes) // unit) * unit
        if self._next > self._arch.dram.capacity:
            raise InputError(
                f"the tensors of this workload need more than {self._next} B of DRAM",
                where=f"architecture '{self._arch.name}': dram.capacity",
                remedy="more or larger DRAM, or a slice of the trace",
            )
        return address


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
