"""Operators of a comparison as rows of a table: one each, or grouped over the layers."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from accelsim.analysis.comparison import Comparison
from accelsim.analysis.limits import leading_limit
from accelsim.report.words import without_layer

MANY = 16


class OperatorRow(NamedTuple):
    """One operator, or all of one kind and name over the layers.

    `time_ps` : role -> time on the critical path. `limited_by`, `limited_share` : role -> what
    holds the largest share of that time, and the share. `operators` : how many the row is for.
    """

    name: str
    kind: str
    operators: int
    time_ps: dict[str, int]
    limited_by: dict[str, str]
    limited_share: dict[str, float]

    def speedup(self, role: str) -> float | None:
        """Baseline time over this machine's; None where one of them has none."""
        first, other = self.time_ps["baseline"], self.time_ps[role]
        return first / other if first and other else None


def operator_rows(comparison: Comparison, many: int = MANY) -> list[OperatorRow]:
    """Rows in order of execution; grouped if there are more than `many` operators."""
    first = comparison.results["baseline"].operators
    keys = list(zip(first["kind"], names_over_layers(first, many), strict=True))
    members: dict[tuple[str, str], list[int]] = {}
    for number, key in enumerate(keys):
        members.setdefault(key, []).append(number)
    return [_row(comparison, kind, name, rows) for (kind, name), rows in members.items()]


def names_over_layers(operators: pd.DataFrame, many: int = MANY) -> list[str]:
    """Names of operators; without layer numbers if there are more than `many`."""
    grouped = len(operators) > many
    return [without_layer(scope) if grouped else scope for scope in operators["scope"]]


def _row(comparison: Comparison, kind: str, name: str, numbers: list[int]) -> OperatorRow:
    time_ps, limits, shares = {}, {}, {}
    count = 0
    for role, result in comparison.results.items():
        rows = result.operators.iloc[numbers]
        count = int(rows["repeat"].sum())
        time_ps[role] = int(rows["time_ps"].sum())
        limits[role], shares[role] = leading_limit(rows)
    return OperatorRow(name, kind, count, time_ps, limits, shares)
