"""The space of a plan as a search sees it: numbers on axes, some of one architecture only."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

import numpy as np

from accelsim.sweep.plan import ARCHITECTURE, Parameter, Plan
from accelsim.sweep.values import Scale, Value, as_number, quantity_of

NEAR = 0.1  # of an axis: the deviation of a step to a point nearby


class Axis(NamedTuple):
    """A parameter as numbers from `low` to `high`, both included.

    `kind` : "choice", the number of one of `values` without an order; "index", the same in rising
    order; "whole", multiples of the step of `scale`; "real". `log` : equal ratios count equally.
    """

    name: str
    kind: Literal["choice", "index", "whole", "real"]
    low: float
    high: float
    log: bool = False
    values: tuple[Value, ...] = ()
    scale: Scale | None = None

    @property
    def size(self) -> float:
        """How many values there are."""
        return math.inf if self.kind == "real" else self.high - self.low + 1

    def value(self, number: float) -> Value:
        """What the parameter is set to."""
        if self.scale is None:
            return self.values[int(number)]
        step = self.scale.step or Fraction(1)
        exact = Fraction(number)
        return self.scale.shown(exact if self.kind == "real" else exact * step)

    def at(self, share: float) -> float:
        """The number at a share of the way from low to high."""
        whole = self.kind != "real"
        # A whole number stands for all that is rounded to it, so that each is as likely.
        low, high = (self.low - 0.5, self.high + 0.5) if whole else (self.low, self.high)
        number = low * (high / low) ** share if self.log else low + (high - low) * share
        number = min(self.high, max(self.low, number))
        return min(int(self.high), math.ceil(number - 0.5)) if whole else number

    def share(self, number: float) -> float:
        """How far from low to high a number lies, 0 to 1."""
        if self.high == self.low:
            return 0.5
        if self.log:
            return math.log(number / self.low) / math.log(self.high / self.low)
        return (number - self.low) / (self.high - self.low)


class Suggestion(NamedTuple):
    """A point of the space: an architecture, by number, and a number on each of its axes."""

    arch: int
    numbers: tuple[float, ...]


class Space:
    """Every suggestion that there is for a plan.

    Attributes
    ----------
    axes : tuple of Axis, for every architecture
    names : list of str
        Of every axis of any.
    """

    def __init__(self, plan: Plan) -> None:
        made = {name: _axis(name, parameter) for name, parameter in plan.parameters.items()}
        self.axes = [
            tuple(axis for name, axis in made.items() if plan.applies(name, arch))
            for arch in range(len(plan.architectures))
        ]
        self.names = list(made)
        self.all_axes = list(made.values())
        self.size = sum(math.prod(axis.size for axis in axes) for axes in self.axes)

    def values(self, suggestion: Suggestion) -> dict[str, Value]:
        """What the parameters are set to."""
        axes = self.axes[suggestion.arch]
        pairs = zip(axes, suggestion.numbers, strict=True)
        return {axis.name: axis.value(number) for axis, number in pairs}

    def numbers(self, suggestion: Suggestion) -> dict[str, float]:
        """The numbers by the names of axes; `ARCHITECTURE` is one where there are several."""
        names = [axis.name for axis in self.axes[suggestion.arch]]
        found = dict(zip(names, suggestion.numbers, strict=True))
        return found if len(self.axes) == 1 else {ARCHITECTURE: suggestion.arch, **found}

    def at(self, shares: Sequence[float]) -> Suggestion:
        """The suggestion at shares of the architectures and of all axes, each from 0 to 1."""
        arch = min(int(shares[0] * len(self.axes)), len(self.axes) - 1)
        along = dict(zip(self.names, shares[1:], strict=True))
        return Suggestion(arch, tuple(axis.at(along[axis.name]) for axis in self.axes[arch]))

    def drawn(self, rng: np.random.Generator) -> Suggestion:
        """Any suggestion."""
        return self.at(rng.random(1 + len(self.names)).tolist())

    def every(self) -> Iterator[Suggestion]:
        """All of a finite space, in order."""
        for arch, axes in enumerate(self.axes):
            ranges = [range(int(axis.low), int(axis.high) + 1) for axis in axes]
            for numbers in itertools.product(*ranges):
                yield Suggestion(arch, numbers)

    def near(self, suggestion: Suggestion, rng: np.random.Generator) -> Suggestion:
        """Another one a small step away, usually along one axis."""
        axes = self.axes[suggestion.arch]
        moved = rng.random(len(axes)) < 1 / max(1, len(axes))
        if axes and not moved.any():
            moved[rng.integers(len(axes))] = True
        numbers = [
            _step(axis, number, rng) if move else number
            for axis, number, move in zip(axes, suggestion.numbers, moved, strict=True)
        ]
        return Suggestion(suggestion.arch, tuple(numbers))

    def encoded(self, suggestions: Sequence[Suggestion]) -> np.ndarray:
        """float64[suggestions, 1 + axes]: architecture, then the share of every axis.

        A choice is its number; an axis that an architecture does not have is -1.
        """
        found = np.full((len(suggestions), 1 + len(self.names)), -1.0)
        columns = [[1 + self.names.index(axis.name) for axis in axes] for axes in self.axes]
        for row, (arch, numbers) in enumerate(suggestions):
            found[row, 0] = arch
            for column, axis, number in zip(columns[arch], self.axes[arch], numbers, strict=True):
                found[row, column] = number if axis.kind == "choice" else axis.share(number)
        return found

    @property
    def without_order(self) -> np.ndarray:
        """bool[1 + axes]: columns of `encoded` of which only equality counts."""
        return np.array([True, *(axis.kind == "choice" for axis in self.all_axes)])


def _step(axis: Axis, number: float, rng: np.random.Generator) -> float:
    if axis.kind == "choice":
        return axis.at(rng.random())
    moved = axis.at(min(1.0, max(0.0, axis.share(number) + rng.normal(0, NEAR))))
    if moved == number:
        moved = min(axis.high, max(axis.low, number + rng.choice((-1, 1))))
    return moved if axis.kind == "real" else int(moved)


def _axis(name: str, parameter: Parameter) -> Axis:
    if parameter.range is None:
        values = parameter.values
        numbers = [as_number(value) for value in values]
        plain = all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)
        alike = len({quantity_of(value) for value in values}) == 1
        if plain and alike and not parameter.linked:
            rising = tuple(sorted(values, key=as_number))  # type: ignore[arg-type]
            return Axis(name, "index", 0, len(rising) - 1, values=rising)
        return Axis(name, "choice", 0, len(values) - 1, values=values)
    scale = parameter.range.bounds
    if scale.step or scale.whole or scale.quantity is not None:
        step = scale.step or Fraction(1)
        low, high = math.ceil(scale.low / step), math.floor(scale.high / step)
        return Axis(name, "whole", low, high, scale.log and low > 0, scale=scale)
    return Axis(name, "real", float(scale.low), float(scale.high), scale.log, scale=scale)
