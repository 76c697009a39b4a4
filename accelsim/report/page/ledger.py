"""The tables behind a page, from which every figure on it is taken, with the place it has there.

A figure says which rows of which file it is the sum, mean or quotient of; what it says can be
followed by hand, and is followed by a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd


class Figure(NamedTuple):
    """A number and where it stands, such as "sum of time_ps, summary.csv [role=baseline]"."""

    value: float
    source: str

    def over(self, other: Figure) -> Figure:
        """Quotient of two figures; 0 where the other is 0."""
        value = self.value / other.value if other.value else 0.0
        return Figure(value, f"{self.source} / {other.source}")


class Ledger:
    """Tables by name, as they are written to NAME.csv.

    Rows are chosen by the values of columns. An index over these columns is made once, so that
    many figures of one table cost little.
    """

    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        self.tables = dict(tables)
        self._indices: dict[tuple[str, tuple[str, ...]], dict[tuple[object, ...], object]] = {}

    def rows(self, name: str, /, **where: object) -> pd.DataFrame:
        """Rows of a table with these values; none if there are no such rows or no such table."""
        table = self.tables.get(name, pd.DataFrame())
        if table.empty or not where:
            return table
        columns = tuple(sorted(where))
        key = (name, columns)
        if key not in self._indices:
            groups = table.groupby(list(columns), sort=False, dropna=False).indices
            self._indices[key] = {
                k if isinstance(k, tuple) else (k,): at for k, at in groups.items()
            }
        found = self._indices[key].get(tuple(where[column] for column in columns), [])
        return table.iloc[found]  # type: ignore[call-overload]

    def total(self, name: str, column: str, by: str = "", /, **where: object) -> Figure:
        """Sum of a column, or of its products with another, over the rows chosen."""
        rows = self.rows(name, **where)
        place = _place("sum", f"{column} x {by}" if by else column, name, where)
        if rows.empty:
            return Figure(0.0, place)
        values = rows[column] * rows[by] if by else rows[column]
        return Figure(float(values.sum()), place)

    def mean(self, name: str, column: str, by: str, /, **where: object) -> Figure:
        """Mean of a column, weighted by another."""
        return self.total(name, column, by, **where).over(self.total(name, by, "", **where))

    def least(self, name: str, column: str, /, **where: object) -> Figure:
        """Smallest of a column over the rows chosen."""
        rows = self.rows(name, **where)
        value = float(rows[column].min()) if len(rows) else 0.0
        return Figure(value, _place("min", column, name, where))

    def only(self, name: str, column: str, /, **where: object) -> Figure:
        """The figure of the one row chosen; nan where the row has none.

        Raises
        ------
        LookupError
            There is none, or there are several.
        """
        rows = self.rows(name, **where)
        if len(rows) != 1:
            raise LookupError(f"{len(rows)} rows of {name} with {where}, expected one")
        value = rows[column].iloc[0]
        value = float("nan") if value is None else float(value)
        return Figure(value, _place("only", column, name, where))


def _place(how: str, column: str, name: str, where: Mapping[str, object]) -> str:
    chosen = "; ".join(f"{key}={value}" for key, value in where.items())
    said = f"{column}, {name}.csv" if how == "only" else f"{how} of {column}, {name}.csv"
    return f"{said} [{chosen}]" if chosen else said
