"""How much of an energy or an area hangs on figures that are not known well."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from accelsim.hardware.component import Component

GUESSED = ("assumed", "scaled")


class Shares(NamedTuple):
    """Parts of one of a sum of figures; a figure can be in both.

    `unverified` : hangs on figures that were not looked up; `most` : the entry of the cost table
    that has most of it, empty where there is none. `guessed` : hangs on assumed or scaled ones.
    """

    unverified: float
    most: str
    guessed: float


def energy_shares(actions: pd.DataFrame) -> Shares:
    """Of the energy of a run, `Energy.actions`."""
    names = ("energy_pj", "entry", "unverified", "mark")
    return _shares(zip(*(actions[name].tolist() for name in names), strict=True))


def area_shares(parts: Iterable[Component]) -> Shares:
    """Of the area of the components that are on the chip."""
    return _shares(
        (figure.value, entry, figure.unverified, figure.mark)
        for part in parts
        if part.on_chip
        for figure, entry in part.area
    )


def _shares(figures: Iterable[tuple[float, str, bool, str]]) -> Shares:
    """Shares of figures with their entry, whether they are unverified, and their mark."""
    rows = list(figures)
    whole = max(math.fsum(value for value, *_ in rows), 1e-300)
    by_entry: dict[str, float] = {}
    for value, entry, unverified, _ in rows:
        if unverified:
            by_entry[entry] = by_entry.get(entry, 0.0) + value
    guessed = math.fsum(value for value, _, _, mark in rows if mark in GUESSED)
    most = max(by_entry, key=lambda entry: by_entry[entry], default="")
    return Shares(math.fsum(by_entry.values()) / whole, most, guessed / whole)
