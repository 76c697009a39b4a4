"""One figure of energy, area, power or time, that says where it comes from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Mark = Literal[
    "confirmed", "read from repository file", "from memory", "derived", "assumed", "scaled"
]


ENDS = ("value", "low", "high")


@dataclass(frozen=True)
class Figure:
    """A value, its range and its origin.

    Attributes
    ----------
    value, low, high : float
        In `unit`; low <= value <= high.
    unit : str
        pJ, um2, mW, ns or USD.
    source : str
        Where it was published.
    mark : Mark
        How the figure, or the last step of its derivation, is known.
    unverified : bool
        Some figure in it was written down from memory and not looked up.
    range_known : bool
        The range comes from sources; else from an assumed factor, as a rule that of the table.
    derivation : tuple[str, ...]
        The steps that made it of figures of the table, first to last; empty for one of the table.
    """

    value: float
    low: float
    high: float
    unit: str
    source: str
    mark: Mark
    unverified: bool = False
    range_known: bool = True
    derivation: tuple[str, ...] = ()

    def times(self, factor: float, why: str, mark: Mark = "derived") -> Figure:
        """So many of it; the whole range is multiplied."""
        return self.between(factor, factor, factor, why, mark)

    def between(
        self, factor: float, low: float, high: float, why: str, mark: Mark = "derived"
    ) -> Figure:
        """Multiplied by a factor that is itself known only within a range."""
        if factor == low == high == 1 and mark == "derived":
            return self
        return Figure(  # not `replace`, which takes five times as long
            self.value * factor, self.low * low, self.high * high, self.unit, self.source,
            _weakest({self.mark, mark}), self.unverified, self.range_known,
            (*self.derivation, why),
        )  # fmt: skip

    def in_unit(self, unit: str, factor: float = 1.0) -> Figure:
        """The same figure in a unit of which it has `factor` times as many."""
        return Figure(
            self.value * factor, self.low * factor, self.high * factor, unit, self.source,
            self.mark, self.unverified, self.range_known, self.derivation,
        )  # fmt: skip

    def text(self, digits: int = 3) -> str:
        """Value, range and what must be said wherever it is shown: ``0.2 pJ (0.1 to 0.4)``."""
        said = [f"{_round(self.low, digits)} to {_round(self.high, digits)}"]
        said += [] if self.range_known else ["range assumed"]
        said += [self.mark] if self.mark in ("assumed", "scaled", "derived") else []
        said += ["unverified"] if self.unverified else []
        return f"{_round(self.value, digits)} {self.unit} ({', '.join(said)})"


def total(figures: Sequence[Figure], why: str) -> Figure:
    """Sum of figures of one unit; their ranges add, as if all were off to the same side."""
    if len({figure.unit for figure in figures}) != 1:
        raise ValueError(f"figures of one unit, not {[figure.unit for figure in figures]}")
    ends = (math.fsum(getattr(figure, end) for figure in figures) for end in ENDS)
    return made_of(figures, tuple(ends), figures[0].unit, why)


def product(one: Figure, other: Figure, factor: float, unit: str, why: str) -> Figure:
    """Product of two figures that are known apart from each other, times a factor, in `unit`."""
    ends = (getattr(one, end) * getattr(other, end) * factor for end in ENDS)
    return made_of((one, other), tuple(ends), unit, why)


def made_of(figures: Sequence[Figure], ends: Sequence[float], unit: str, why: str) -> Figure:
    """A figure that a rule makes of others: as well known as the least known of them.

    Parameters
    ----------
    figures : sequence of Figure
        What went into it.
    ends : sequence of float
        Value, low and high.
    unit : str
    why : str
        The rule, its last step.
    """
    value, low, high = ends
    steps = [step for figure in figures for step in figure.derivation]
    sources = [part for figure in figures for part in figure.source.split("; ")]
    return Figure(
        value=value,
        low=low,
        high=high,
        unit=unit,
        source="; ".join(dict.fromkeys(sources)),
        mark=_weakest({figure.mark for figure in figures}),
        unverified=any(figure.unverified for figure in figures),
        range_known=all(figure.range_known for figure in figures),
        derivation=(*dict.fromkeys(steps), why),
    )


def _weakest(marks: set[Mark]) -> Mark:
    """The mark of what is made of figures: what one of them assumes, the whole assumes."""
    if "assumed" in marks:
        return "assumed"
    return "scaled" if "scaled" in marks else "derived"


def _round(value: float, digits: int) -> str:
    return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:,.0f}"
