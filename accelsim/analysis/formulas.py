"""The expressions of `columns`, evaluated on what `Result.as_json` gives."""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterable
from typing import Any, NamedTuple

from simpleeval import DEFAULT_OPERATORS, SimpleEval

from accelsim.analysis.columns import Column
from accelsim.analysis.saved import Saved, inside

_OF_OPERATOR = ("operators", "work", "compared_operators")
# Where a name that is not of the row itself is looked up, in this order.
_SINGLE = ("machine", "counts", "summary", "energy.summary")
BASELINE = "baseline"


class Place(NamedTuple):
    """Where a figure stands: a part of a result and its row there (0 where there is one)."""

    part: str
    column: str
    row: int = 0


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


def declared_at(saved: Saved, place: Place) -> Column:
    """How a figure is declared."""
    return next(column for column in saved.parts[place.part] if column.name == place.column)


def rows_of(saved: Saved, part: str) -> list[dict[str, Any]]:
    """The rows of a part; one where it is no table."""
    if part in ("compared", "compared_costs"):
        return [saved.compared or {}]
    if part == "compared_operators":
        return [{}] * len(saved.result["operators"] if saved.baseline else ())
    found = inside(saved.result, part)
    return found if isinstance(found, list) else [found]


def stored(saved: Saved, place: Place) -> Any:
    """The figure as it was written; computed where it was not."""
    row = rows_of(saved, place.part)[place.row]
    return row[place.column] if place.column in row else computed(saved, place)


def computed(saved: Saved, place: Place) -> Any:
    """The figure by its expression."""
    return evaluate(declared_at(saved, place).expression, terms_of(saved, place))


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
    tree = ast.parse(declared_at(saved, place).expression, mode="eval")
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
        whole = saved.of_baseline(BASELINE)
        found = _own(whole, place, last)
        return Term(name, stored(whole, found), found, of_baseline=True)
    if dot and (table := _table(saved, place, first)):
        rows = rows_of(saved, table)
        if place.part in _OF_OPERATOR:
            rows = [row for row in rows if row["operator"] == place.row]
        values = tuple(row[last] for row in rows)
        return Term(name, values, Place(table, last), tuple(rows))
    if dot:
        unit = next(at for at, row in enumerate(rows_of(saved, "units")) if row["unit"] == first)
        found = Place("units", last, unit)
    else:
        found = _own(saved, place, name)
    return Term(name, stored(saved, found), found)


def _table(saved: Saved, place: Place, name: str) -> str:
    """The part that a name before a dot stands for: one beside the figure's comes first."""
    beside = f"{place.part.rpartition('.')[0]}.{name}"
    return next((part for part in (beside, name) if part in saved.parts), "")


def _own(saved: Saved, place: Place, name: str) -> Place:
    """A name without a dot: of the row, then of the machine, the counts, the totals and energy."""
    parts = ["operators", "work"] if place.part in _OF_OPERATOR else [place.part]
    for part in (*parts, *(each for each in _SINGLE if each in saved.parts)):
        for column in saved.parts[part]:
            if column.name.replace(":", "_") == name:
                row = place.row if part in parts else 0
                return Place(part, column.name, row)
    raise KeyError(f"{name} of {place}")
