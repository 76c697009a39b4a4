"""Levels of a parameter: its values, or quarters of its points where values are continuous."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

MANY = 16  # different numbers, above which they are taken as continuous
QUARTERS = 4


class Level(NamedTuple):
    """A value of a parameter (`low` is `high`), or the least and the greatest of a bin of them."""

    low: object
    high: object


class Levels(NamedTuple):
    """`codes` : int64[rows], number of the level, -1 where the parameter does not apply."""

    levels: list[Level]
    codes: np.ndarray


def levels_of(values: pd.Series, continuous: bool = False) -> Levels:
    """Find the levels of a parameter, in order.

    Parameters
    ----------
    values : Series
        NaN where the parameter does not apply.
    continuous : bool
        Drawn from a range: more than four different numbers become quartile bins. More than
        `MANY` of them do so always.
    """
    codes = np.full(len(values), -1, np.int64)
    there = values.notna().to_numpy()
    found, different = pd.factorize(values[there])
    different = np.asarray(different).tolist()
    if _are_numbers(different) and len(different) > (QUARTERS if continuous else MANY):
        numbers = np.array(different, float)[found]
        edges = np.quantile(numbers, [0.25, 0.5, 0.75])
        bins = np.searchsorted(edges, numbers, side="left")
        used = np.unique(bins)
        codes[there] = np.searchsorted(used, bins)
        members = [numbers[bins == number] for number in used]
        return Levels([Level(_whole(m.min()), _whole(m.max())) for m in members], codes)
    order = sorted(range(len(different)), key=lambda number: _order(different[number]))
    codes[there] = np.argsort(order)[found]
    return Levels([Level(different[number], different[number]) for number in order], codes)


def _whole(number: float) -> int | float:
    return int(number) if number == int(number) else float(number)


def several(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """The columns that hold more than one value, NaN apart."""
    return [name for name in names if frame[name].nunique() > 1]


def _are_numbers(values: Collection[object]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def _order(value: object) -> tuple[bool, float, str]:
    """Numbers by size, then the rest by name."""
    number = _are_numbers([value])
    return (not number, float(value) if number else 0.0, str(value))  # type: ignore[arg-type]
