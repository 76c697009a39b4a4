"""The expressions of `columns`, evaluated on what `Result.as_json` gives."""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterable
from typing import Any, NamedTuple

from simpleeval import DEFAULT_OPERATORS, SimpleEval

from accelsim.analysis.columns import (
    COMPARED_COLUMNS,
    COMPARED_OPERATOR_COLUMNS,
    COUNT_COLUMNS,
    MACHINE_COLUMNS,
    MEMORY_COLUMNS,
    OPERATOR_COLUMNS,
    PATH_COLUMNS,
    SUMMARY_COLUMNS,
    TRAFFIC_COLUMNS,
    UNIT_COLUMNS,
    WORK_COLUMNS,
    Column,
)
from accelsim.analysis.saved import Saved

# Part of a result -> its columns. A comparison has the last two.
PARTS: dict[str, tuple[Column, ...]] = {
    "summary": SUMMARY_COLUMNS,
    "operators": OPERATOR_COLUMNS,
    "units": UNIT_COLUMNS,
    "traffic": TRAFFIC_COLUMNS,
    "memory": MEMORY_COLUMNS,
    "critical_path": PATH_COLUMNS,
    "machine": MACHINE_COLUMNS,
    "work": WORK_COLUMNS,
    "counts": COUNT_COLUMNS,
    "compared": COMPARED_COLUMNS,
    "compared_operators": COMPARED_OPERATOR_COLUMNS,
}
TABLES = ("operators", "units", "traffic", "memory", "critical_path", "work")
_OF_OPERATOR = ("operators", "work", "compared_operators")
BASELINE = "baseline"


class Place(NamedTuple):
    """Where a figure stands: a part of a result and its row there (0 where there is one)."""

    part: str
    column: str
    row: int = 0

    @property
    def declared(self) -> Column:
        """How the figure is declared."""
        return next(column for column in PARTS[self.part] if column.name == self.column)


class Term(NamedTuple):
    """A name of an expression, what it stands for, and where that is.

    `value` : a tuple if `name` is a column of a table. `rows` : of the table, for its values.
    `of_baseline` : it is the baseline's.
    """

    name: str
    value: Any
    place: Place
    rows: tuple[dict[str, Any], ...] = ()
    of_baseline: bool = False


def rows_of(saved: Saved, part: str) -> list[dict[str, Any]]:
    """The rows of a part; one where it is no table."""
    if part == "compared":
        return [saved.compared or {}]
    if part == "compared_operators":
        return [{}] * len(saved.result["operators"] if saved.baseline else ())
    found = saved.result[part]
    return found if isinstance(found, list) else [found]


def stored(saved: Saved, place: Place) -> Any:
    """The figure as it was written; computed where it was not."""
    row = rows_of(saved, place.part)[place.row]
    return row[place.column] if place.column in row else computed(saved, place)


def computed(saved: Saved, place: Place) -> Any:
    """The figure by its expression."""
    return evaluate(place.declared.expression, terms_of(saved, place))


def evaluate(expression: str, terms: Iterable[Term]) -> Any:
    """Value of an expression; a part of nothing is 0."""
    names: dict[str, Any] = {}
    for term in terms:
        first, dot, last = term.name.partition(".")
        if dot:
            names.setdefault(first, {})[last] = term.value
        else:
            names[first] = term.value
    divide = {ast.Div: lambda a, b: operator.truediv(a, b) if b else 0.0}
    largest = {"sum": sum, "max": lambda values: max(values, default=0)}
    evaluator = SimpleEval(
        operators={**DEFAULT_OPERATORS, **divide}, functions=largest, names=names
    )
    return evaluator.eval(expression)


def terms_of(saved: Saved, place: Place) -> list[Term]:
    """The names of a figure's expression, in order, each once."""
    tree = ast.parse(place.declared.expression, mode="eval")
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner | called
    ]
    ordered = sorted(found, key=lambda node: (node.lineno, node.col_offset))
    names = dict.fromkeys(ast.unparse(node) for node in ordered)
    return [_resolved(saved, place, name) for name in names]


def _resolved(saved: Saved, place: Place, name: str) -> Term:
    first, dot, last = name.partition(".")
    if dot and first == BASELINE and saved.baseline is not None:
        whole = Saved(saved.baseline)
        found = _own(whole, place, last)
        return Term(name, stored(whole, found), found, of_baseline=True)
    if dot and first in TABLES:
        rows = rows_of(saved, first)
        if place.part in _OF_OPERATOR:
            rows = [row for row in rows if row["operator"] == place.row]
        values = tuple(row[last] for row in rows)
        return Term(name, values, Place(first, last), tuple(rows))
    if dot:
        unit = next(at for at, row in enumerate(rows_of(saved, "units")) if row["unit"] == first)
        found = Place("units", last, unit)
    else:
        found = _own(saved, place, name)
    return Term(name, stored(saved, found), found)


def _own(saved: Saved, place: Place, name: str) -> Place:
    """A name without a dot: of the row, then of the machine, the counts and the totals."""
    parts = ["operators", "work"] if place.part in _OF_OPERATOR else [place.part]
    for part in (*parts, "machine", "counts", "summary"):
        for column in PARTS[part]:
            if column.name.replace(":", "_") == name:
                row = place.row if part in parts else 0
                return Place(part, column.name, row)
    raise KeyError(f"{name} of {place}")
