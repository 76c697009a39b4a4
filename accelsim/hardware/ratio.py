"""Ratio of two machines' costs, and its range when both hang on the same figures.

A figure that is off is off on both machines, so the range of a ratio is not that of its parts. For
each entry of the cost table both sides take the low end, or the value, or the high end. The least
and the largest ratio over all choices are found exactly, by Dinkelbach's method (Management
Science, 1967).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from accelsim.hardware.component import Component, Priced

MOST_STEPS = 64


class Span(NamedTuple):
    """A cost with its low and high end."""

    low: float
    value: float
    high: float


NOTHING = Span(0.0, 0.0, 0.0)
ByEntry = Mapping[str, Span]  # entry of the cost table -> what hangs on it


class Ratio(NamedTuple):
    """First / other: `low` and `high` with every entry where it moves the ratio most.

    `decided_by` : the entry that moves it most, alone.
    """

    value: float
    low: float
    high: float
    decided_by: str

    @property
    def established(self) -> bool:
        """Whether its range lies on one side of 1."""
        return self.low > 1 or self.high < 1


def energy_terms(actions: pd.DataFrame) -> ByEntry:
    """Energy by entry, pJ, of `Energy.actions`."""
    sums = actions.groupby("entry", sort=True)[["low_pj", "energy_pj", "high_pj"]].sum()
    return {str(entry): Span(*map(float, row)) for entry, *row in sums.itertuples()}


def area_terms(parts: Iterable[Component]) -> ByEntry:
    """Area by entry, um2, of the components that are on the chip."""
    return by_entry(priced for part in parts if part.on_chip for priced in part.area)


def power_terms(parts: Iterable[Component], clock_ps: int) -> ByEntry:
    """Peak power by entry, W, of the components that are on the chip."""
    return by_entry(p for part in parts if part.on_chip for p in part.peak_power(clock_ps))


def by_entry(parts: Iterable[Priced]) -> ByEntry:
    """Sums of figures of one unit by entry."""
    found: dict[str, Span] = {}
    for figure, entry in parts:
        here, before = (figure.low, figure.value, figure.high), found.get(entry, NOTHING)
        found[entry] = Span(*(a + b for a, b in zip(before, here, strict=True)))
    return found


def ratio(first: ByEntry, other: ByEntry) -> Ratio:
    """Sum of the first / sum of the other.

    Parameters
    ----------
    first, other : mapping of str to Span
        Costs by entry; entries of one name are off together.

    Raises
    ------
    ValueError
        The other costs nothing.
    """
    entries = sorted({*first, *other})
    pairs = {name: (first.get(name, NOTHING), other.get(name, NOTHING)) for name in entries}
    value = _quotient(pairs, dict.fromkeys(entries, "value"))
    alone = {
        name: max(
            abs(_quotient(pairs, dict.fromkeys(entries, "value") | {name: end}) - value)
            for end in ("low", "high")
        )
        for name in entries
    }
    decided = max(entries, key=lambda name: alone[name], default="")
    return Ratio(value, _extreme(pairs, value, -1), _extreme(pairs, value, 1), decided)


def widest(found: Sequence[Ratio]) -> Ratio:
    """The first of some ratios, with the range of them all."""
    low, high = min(each.low for each in found), max(each.high for each in found)
    return found[0]._replace(low=low, high=high)


Pairs = Mapping[str, tuple[Span, Span]]


def _quotient(pairs: Pairs, ends: Mapping[str, str]) -> float:
    above = sum(getattr(one, ends[name]) for name, (one, _) in pairs.items())
    below = sum(getattr(two, ends[name]) for name, (_, two) in pairs.items())
    if below <= 0:
        raise ValueError("a ratio to a machine that costs nothing")
    return float(above / below)


def _extreme(pairs: Pairs, value: float, sign: int) -> float:
    """The largest (1) or smallest (-1) ratio."""
    best = value
    for _ in range(MOST_STEPS):
        ends = {
            name: max(
                Span._fields,
                key=lambda end: sign * (getattr(one, end) - best * getattr(two, end)),
            )
            for name, (one, two) in pairs.items()
        }
        found = _quotient(pairs, ends)
        if sign * (found - best) <= 1e-12 * best:
            return best
        best = found
    return best
