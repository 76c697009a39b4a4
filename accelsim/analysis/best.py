"""The designs of a sweep over its workloads, and the best of them.

A design is an architecture with values of its parameters; a case is what it runs: a workload, with
values of the parameters of that workload where they were varied.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

CASES = "cases"  # column: how many cases a design ran on


class Designs(NamedTuple):
    """`table` : one row a design: its `keys`, `CASES`, and the mean of each figure over its cases.

    `cases` : the cases that any design ran on, as values of the columns `case_keys`; a design that
    has fewer of them is incomplete and must not be compared by its means. `means` : how each figure
    was averaged, "geometric mean", or "mean" where one is not positive.
    """

    table: pd.DataFrame
    keys: list[str]
    case_keys: list[str]
    cases: pd.DataFrame
    means: dict[str, str]

    def complete(self) -> pd.DataFrame:
        """The designs that ran on every case."""
        return self.table[self.table[CASES] == len(self.cases)]


class Best(NamedTuple):
    """The best design by one figure in one case, or over all of them (`case` is empty).

    `row` : its row of figures. `value` : the figure. `gain` : how many times better it is than the
    worst design there, None where a figure is not positive. `of` : designs compared.
    """

    figure: str
    direction: str
    case: tuple[object, ...]
    row: pd.Series
    value: float
    gain: float | None
    of: int


def designs_of(
    frame: pd.DataFrame, keys: Sequence[str], case_keys: Sequence[str], figures: Sequence[str]
) -> Designs:
    """Average figures over the cases of each design, designs in the order of the rows.

    Parameters
    ----------
    frame : DataFrame
        A row for every point that has figures; of a design that is there twice in a case the first
        counts.
    keys, case_keys : sequence of str
        Columns that name a design and a case.
    figures : sequence of str
        Columns to average; NaN counts as a case that did not run.
    """
    keys, case_keys = list(keys), list(case_keys)
    rows = frame.dropna(subset=list(figures)).drop_duplicates([*keys, *case_keys])
    groups = rows.groupby(keys, dropna=False, sort=False)
    parts: dict[str, pd.Series] = {CASES: groups.size()}
    means = {}
    for name in figures:
        positive = bool((rows[name] > 0).all())
        means[name] = "geometric mean" if positive else "mean"
        if positive:
            log = pd.Series(np.log(rows[name].to_numpy(float)), index=rows.index)
            by_key = [rows[key] for key in keys]
            parts[name] = log.groupby(by_key, dropna=False, sort=False).mean().map(math.exp)
        else:
            parts[name] = groups[name].mean()
    table = pd.DataFrame(parts).reset_index()
    return Designs(table, keys, case_keys, rows[case_keys].drop_duplicates(), means)


def best_designs(
    frame: pd.DataFrame, designs: Designs, objectives: Mapping[str, str]
) -> list[Best]:
    """The best design in every case, and over all cases among those that ran on each.

    Parameters
    ----------
    frame : DataFrame
        The rows that `designs` was made from.
    objectives : mapping
        Column -> "minimise" or "maximise". Of equally good designs the first one is taken.
    """
    found = []
    for figure, direction in objectives.items():
        whole = designs.complete()
        if len(whole):
            found.append(_best(whole, figure, direction, ()))
        if len(whole) and len(designs.cases) == 1:
            continue  # the only case is all of them
        rows = frame.dropna(subset=[figure])
        for case, own in rows.groupby(designs.case_keys, dropna=False, sort=False):
            found.append(_best(own, figure, direction, case))
    return found


def _best(rows: pd.DataFrame, figure: str, direction: str, case: tuple[object, ...]) -> Best:
    values = rows[figure].to_numpy(float)
    least, most = int(values.argmin()), int(values.argmax())
    at, worst = (least, most) if direction == "minimise" else (most, least)
    positive = values[least] > 0
    gain = float(values[most] / values[least]) if positive else None
    return Best(figure, direction, case, rows.iloc[at], float(values[at]), gain, len(rows))
