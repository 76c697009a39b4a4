"""Collects the operators of a recipe: names, order, and what is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from accelsim.workload.operators import Matmul, Operator, Vector

# Lane-operations per element of element-wise work, assumed; those of a capture are the same.
NORM, ROPE, ADD, SOFTMAX = 6, 3, 1, 6
ACTIVATION = {"relu": 1, "relu2": 2, "gelu": 6, "silu": 4}
ADAM = 12  # two moments, bias corrections, root, division, decay


class Builder:
    """Adds operators one after another.

    Attributes
    ----------
    operators : list[Operator]
    dtype : str
        Type of every operator that does not name its own.
    """

    def __init__(self, dtype: str) -> None:
        self.operators: list[Operator] = []
        self.dtype = dtype
        self._prefix, self._repeat = "", 1

    @contextmanager
    def within(self, name: str, repeat: int = 1) -> Iterator[None]:
        """Operators added inside have ``name.`` before theirs, and stand for `repeat` as many.

        An empty name changes none.
        """
        before = self._prefix, self._repeat
        dotted = f"{name}." if name else ""
        self._prefix, self._repeat = f"{self._prefix}{dotted}", self._repeat * repeat
        yield
        self._prefix, self._repeat = before

    @contextmanager
    def beside(self, operator: Operator, name: str) -> Iterator[None]:
        """Operators added inside are called after `operator`, ``name.`` in front, and are repeated
        as it is.
        """
        inner = operator.scope.removeprefix(self._prefix)
        with self.within(f"{name}.{inner}", operator.repeat):
            yield

    def add(self, kind: type[Operator], scope: str, *after: int | None, **fields: Any) -> int:
        """Add an operator that reads the results of `after`; returns its index."""
        fields.setdefault("dtype", self.dtype)
        inputs = tuple(dict.fromkeys(i for i in after if i is not None))
        scope = f"{self._prefix}{scope}"
        self.operators.append(kind(scope=scope, inputs=inputs, repeat=self._repeat, **fields))
        return len(self.operators) - 1

    def matmul(self, scope: str, m: int, n: int, k: int, *after: int | None, **fields: Any) -> int:
        """Add a product; see `Matmul`."""
        return self.add(Matmul, scope, *after, m=m, n=n, k=k, **fields)

    def vector(
        self, scope: str, elements: int, lanes: int, *after: int | None, **fields: Any
    ) -> int:
        """Add element-wise work; see `Vector`."""
        return self.add(Vector, scope, *after, elements=elements, lane_operations=lanes, **fields)


def simulated(count: int, most: int) -> list[tuple[int, int]]:
    """Which of `count` equal layers are replayed: (number, how many it stands for).

    At most `most`: the first and the last, which stand for themselves, and between them the next
    ones, which share the rest out evenly. In a long stack every inner layer meets the same
    neighbours and takes the same time, but for its own patterns.
    """
    if count <= most:
        return [(number, 1) for number in range(count)]
    inner = max(1, most - 2)
    ends = min(2, most - 1)
    share, more = divmod(count - ends, inner)
    found = [(1 + i, share + (i < more)) for i in range(inner)]
    if ends >= 1:
        found.insert(0, (0, 1))
    if ends == 2:
        found.append((count - 1, 1))
    return found
