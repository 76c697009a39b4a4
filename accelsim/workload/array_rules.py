"""Array rules: lists of indices or expert ids that are parameters only.

An array rule stands where an array of an operator may stand: it has a shape and a type, and is
computed where its values are read (`numpy.asarray`), any part of it apart. See `registry` for
what a rule is.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import DTypeLike

from accelsim.workload.registry import Parametric, Registry

_BLOCK_ENTRIES = 1 << 20
_HELD_BYTES = 1 << 22


@dataclass(frozen=True, kw_only=True)
class ArrayRule(Parametric, ABC):
    """What generates an integer array.

    The entries along the first axis fall into units that are drawn together.
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""

    @property
    @abstractmethod
    def bounds(self) -> tuple[int, int]:
        """Values are in [first, second)."""

    @property
    def dtype(self) -> np.dtype:
        """Type of the array: int32 where the values fit."""
        return np.dtype(np.int32 if self.bounds[1] <= 1 << 31 else np.int64)

    @property
    def unit(self) -> int:
        """Entries along the first axis that are drawn together."""
        return 1

    @abstractmethod
    def draw(self, first: int, last: int) -> np.ndarray:
        """Entries of units [first, last), one at least, of any integer type; the same in whichever
        block.
        """

    def block(self, start: int, stop: int) -> np.ndarray:
        """Entries [start, stop) along the first axis, as a fresh array."""
        if not 0 <= start <= stop <= len(self):
            raise ValueError(f"entries [{start}, {stop}) are outside [0, {len(self)})")
        if start == stop:
            return np.empty((0, *self.shape[1:]), dtype=self.dtype)
        unit = self.unit
        first, last = start // unit, -(-stop // unit)
        part = self.draw(first, last)[start - first * unit : stop - first * unit]
        return part.astype(self.dtype, copy=False)

    def blocks(self, entries: int = _BLOCK_ENTRIES) -> Iterator[tuple[int, np.ndarray]]:
        """Walk over the array in blocks of about `entries` values: (first entry, block)."""
        row = math.prod(self.shape[1:])
        step = max(1, entries // (row * self.unit)) * self.unit
        for start in range(0, len(self), step):
            yield start, self.block(start, min(len(self), start + step))

    @property
    def ndim(self) -> int:
        """Dimensions of the array."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Values of the array."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the array, which are not stored."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        """Compute the array; a small one is held, read-only, and given again."""
        if self.nbytes > _HELD_BYTES:
            whole = self._computed()
        else:
            whole = self._held
            if copy:
                whole = whole.copy()
        return whole if dtype is None else whole.astype(dtype, copy=False)

    @cached_property
    def _held(self) -> np.ndarray:
        whole = self._computed()
        whole.flags.writeable = False
        return whole

    def _computed(self) -> np.ndarray:
        whole = np.empty(self.shape, dtype=self.dtype)
        for start, part in self.blocks():
            whole[start : start + len(part)] = part
        return whole


ARRAY_RULES: Registry[ArrayRule] = Registry(
    "array rule", ("array_rules_routing", "array_rules_rows", "array_rules_sparse")
)
register_array_rule = ARRAY_RULES.register
array_rule_names = ARRAY_RULES.names
find_array_rule = ARRAY_RULES.find


def make_array_rule(name: str, params: dict[str, object]) -> ArrayRule:
    """Build the array rule `name`, with its parameters checked by name and type."""
    return ARRAY_RULES.make(name, params)
