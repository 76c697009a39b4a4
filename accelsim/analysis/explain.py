"""One figure of a result explained: its formula with the numbers put in, and where each is from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from accelsim.analysis.columns import STATES, Column
from accelsim.analysis.formulas import (
    BASELINE,
    Place,
    Term,
    declared_at,
    evaluate,
    rows_of,
    stored,
    terms_of,
)
from accelsim.analysis.meanings import MEANINGS, STATE_MEANINGS, Meaning
from accelsim.analysis.saved import Saved
from accelsim.errors import InputError, unknown_name

DEPTH = 2  # of the tree of inputs
_OF_COMPARISON = ("compared", "compared_costs")
LARGEST = 4  # rows of a table that are named
LARGEST_ACTIONS = 8
# Parts whose figures need no name before them, the first that has a name is taken.
_PLAIN = ("summary", "compared", "machine", "counts", "energy.summary", "compared_costs")
# What a row of a part is called: before the colon, and before a second one.
_HEADS = {
    "units": "unit", "memory": "requester", "operators": "operator", "work": "operator",
    "traffic": "operator", "critical_path": "operator", "compared_operators": "operator",
    "energy.operators": "operator", "area": "component", "energy.actions": "component",
}  # fmt: skip
_ACTIONS = "energy.actions"
_SECOND = {"traffic": ("cause",), "critical_path": ("unit",), _ACTIONS: ("action", "entry")}
# Columns that name a row.
_NAMES = (
    "operator", "scope", "cause", "unit", "requester", "group", "component", "action", "entry",
)  # fmt: skip


class Explanation(NamedTuple):
    """A figure or a word explained.

    `name` : as asked for. `value` : of the figure, a tuple where it is a column of a table, None
    for a word. `column` : how it is declared. `filled` : the expression with numbers put in.
    `inputs` : what stands in the expression, explained in turn. `meaning` : of the word, of the
    state that is asked for, or of the word that is the value. `largest` : of a column of a table,
    names and values of its largest rows; of what limits an operator, its units by their time.
    `part` : of a state, its part of the time of the unit's servers. `actions` : of energy, the rows
    of its largest actions.
    """

    name: str
    value: Any = None
    column: Column | None = None
    filled: str = ""
    inputs: tuple[Explanation, ...] = ()
    meaning: Meaning | None = None
    largest: tuple[tuple[str, Any], ...] = ()
    part: float | None = None
    actions: tuple[dict[str, Any], ...] = ()


def explain(saved: Saved, metric: str, operator: str | None = None) -> Explanation:
    """Explain a figure or a word of a result.

    Parameters
    ----------
    saved : Saved
    metric : str
        A total (``overall_utilization``), ``OPERATOR:COLUMN`` (scope or number in the trace),
        ``UNIT:COLUMN`` or ``UNIT:STATE`` (``array:stall:memory``), ``OPERATOR:CAUSE:COLUMN`` of
        the traffic, ``OPERATOR:UNIT:time_ps`` of the critical path, ``COMPONENT:COLUMN`` of the
        area, ``COMPONENT:ACTION:COLUMN`` of the energy (``COMPONENT:ACTION:ENTRY:COLUMN`` where it
        hangs on several figures), a state, or what an operator is limited by (``row imbalance``).
    operator : str, optional
        Stands before the metric.

    Raises
    ------
    InputError
        No such metric: the nearest ones are named.
    """
    name = metric if operator is None else f"{operator}:{metric}"
    if name in MEANINGS:
        return Explanation(name, meaning=MEANINGS[name])
    return _explained(saved, _find(saved, name), name, DEPTH)


_Rows = list[tuple[str, int]]  # part, row


def _find(saved: Saved, name: str) -> Place:
    plain = _plain(saved)
    if name in plain:
        return plain[name]
    heads = _heads(saved)
    cuts = [at for at, letter in enumerate(name) if letter == ":"]
    for cut in reversed(cuts):  # scopes may hold colons, and so do states
        head, tail = name[:cut], name[cut + 1 :]
        if head in heads:
            return _in_rows(saved, heads[head], head, tail)
    if name in heads:
        tails = sorted(_tails(saved, heads[name]))
        raise InputError(
            f"'{name}' is no metric alone", remedy=f"expected {name}:COLUMN, {', '.join(tails)}"
        )
    if cuts:
        raise unknown_name("operator or unit", name[: cuts[0]], heads)
    raise _no_metric(saved, name, heads)


def _no_metric(saved: Saved, name: str, heads: dict[str, _Rows]) -> InputError:
    """Build the error for a name without a colon."""
    if name in saved.lacks:
        return InputError(
            f"has no '{name}'",
            remedy="run it again with --json, with --costs TABLE where the machine has no price",
        )
    compared = [each for part in _OF_COMPARISON for each in saved.parts.get(part, ())]
    if any(column.name == name for column in compared):
        return InputError(
            f"'{name}' is of a machine that is compared with a baseline",
            remedy="expected a file of accelsim compare --json, and its third or candidate",
        )
    for part, key in _heads_of(saved):
        if part not in _SECOND and any(column.name == name for column in saved.parts[part]):
            mine = [head for head, rows in heads.items() if any(p == part for p, _ in rows)]
            first = next((head for head in mine if not head.isdigit()), key)
            return InputError(
                f"'{name}' is of every {key}",
                remedy=f"expected {key.upper()}:{name}, such as {first}:{name}",
            )
    return unknown_name("metric", name, [*_plain(saved), *MEANINGS])


def _in_rows(saved: Saved, rows: _Rows, head: str, tail: str) -> Place:
    tails = _tails(saved, rows)
    found = tails.get(tail)
    if found is None:
        raise unknown_name("metric", tail, tails, where=head)
    if len(found) > 1 and found[0].part == _ACTIONS:
        own = [rows_of(saved, _ACTIONS)[place.row] for place in found]
        names = [f"{head}:{row['action']}:{row['entry']}:{found[0].column}" for row in own]
        raise InputError(f"hangs on {len(found)} figures", where=f"{head}:{tail}",
                         remedy=f"name one: {', '.join(names)}")  # fmt: skip
    if len(found) > 1:
        own = [rows_of(saved, place.part)[place.row] for place in found]
        numbers = [row.get("operator", place.row) for row, place in zip(own, found, strict=True)]
        raise InputError(
            f"{len(found)} operators are called '{head}'",
            remedy=f"name one by its number: {numbers[0]}:{tail}, {numbers[1]}:{tail}, ...",
        )
    return found[0]


def _plain(saved: Saved) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for part in (each for each in _PLAIN if each in saved.parts):
        row = rows_of(saved, part)[0]
        for column in saved.parts[part]:
            if column.name in row:
                found.setdefault(column.name, Place(part, column.name))
    return found


def _heads_of(saved: Saved) -> list[tuple[str, str]]:
    """Parts whose rows stand before a colon, and the column that names them."""
    return [(part, key) for part, key in _HEADS.items() if part in saved.parts]


def _heads(saved: Saved) -> dict[str, _Rows]:
    """Names that stand before a colon: operators by scope and by number, units, components."""
    scopes = [row["scope"] for row in saved.result["operators"]]
    heads: dict[str, _Rows] = {}
    for part, key in _heads_of(saved):
        for number, row in enumerate(rows_of(saved, part)):
            own = row.get(key, number)
            names = [str(own), scopes[own]] if key == "operator" else [own]
            for name in dict.fromkeys(names):
                heads.setdefault(name, []).append((part, number))
    return heads


def _tails(saved: Saved, rows: _Rows) -> dict[str, list[Place]]:
    """What may stand after the colon, and the places that it then names."""
    found: dict[str, list[Place]] = {}
    parts: dict[str, str] = {}  # the first part that has a name keeps it
    for part, number in rows:
        row = rows_of(saved, part)[number]
        second = [f"{row[key]}:" for key in _SECOND.get(part, ())]
        for column in saved.parts[part]:
            if part in _SECOND and column.name in _NAMES:
                continue
            place = Place(part, column.name, number)
            names = ["".join(second) + column.name]
            if part == _ACTIONS:
                names.append(second[0] + column.name)
            if part == "units" and column.name.removesuffix("_ps") in STATES:
                names.append(column.name.removesuffix("_ps"))
            for name in names:
                if parts.setdefault(name, part) == part:
                    found.setdefault(name, []).append(place)
    return found


def _explained(saved: Saved, place: Place, name: str, depth: int) -> Explanation:
    column, value = declared_at(saved, place), stored(saved, place)
    found = Explanation(name, value, column)
    if isinstance(value, str):
        found = found._replace(meaning=MEANINGS.get(value))
    if place.column == "limited_by":
        path = [r for r in rows_of(saved, "critical_path") if r["operator"] == place.row]
        found = found._replace(largest=_largest(path, "time_ps"))
    if (state := place.column.removesuffix("_ps")) in STATES:
        row = rows_of(saved, place.part)[place.row]
        whole = row["servers"] * saved.result["summary"]["total_ps"]
        found = found._replace(meaning=STATE_MEANINGS[state], part=value / max(1, whole))
    if not column.expression or not depth:
        return found
    terms = terms_of(saved, place)
    inputs = tuple(_of_term(saved, term, depth - 1) for term in terms)
    return found._replace(filled=_filled(column.expression, terms), inputs=inputs)


def _of_term(saved: Saved, term: Term, depth: int) -> Explanation:
    if isinstance(term.value, tuple):
        rows = [_named(saved, row) for row in term.rows]
        column = declared_at(saved, term.place)
        if term.place.part == _ACTIONS:
            most = sorted(rows, key=lambda row: -row[term.place.column])[:LARGEST_ACTIONS]
            return Explanation(term.name, term.value, column, actions=tuple(most))
        largest = _largest(rows, term.place.column)
        return Explanation(term.name, term.value, column, largest=largest)
    if term.of_baseline:
        return _explained(saved.of_baseline(BASELINE), term.place, term.name, depth)
    return _explained(saved, term.place, term.name, depth)


def _named(saved: Saved, row: dict[str, Any]) -> dict[str, Any]:
    """A row of a table of operators with their scope, which not every one holds."""
    number = row.get("operator")
    return row if number is None else row | {"scope": saved.result["operators"][number]["scope"]}


def _largest(rows: Sequence[dict[str, Any]], column: str) -> tuple[tuple[str, Any], ...]:
    """Names and values of the largest rows, by what tells rows of one operator apart."""
    keys = ["cause", "unit", "component", "scope"]
    if len({row.get("operator") for row in rows}) > 1:
        keys.insert(0, "scope")
    ordered = sorted(rows, key=lambda row: -row[column])[:LARGEST]
    return tuple(
        (str(row[next(key for key in keys if key in row)]), row[column])
        for row in ordered
        if row[column]
    )


def _filled(expression: str, terms: list[Term]) -> str:
    """The expression with numbers in place of names, and of sums over columns of tables."""
    values = {term.name: term.value for term in terms}

    def over_rows(match: re.Match[str]) -> str:
        term = next(term for term in terms if term.name == match.group(2))
        return f"{number_text(evaluate(match.group(0), [term]))}"

    text = re.sub(r"\b(sum|max)\(([\w.]+)\)", over_rows, expression)
    found: Iterator[str] = (
        number_text(values[piece]) if piece in values else piece
        for piece in re.split(r"([A-Za-z_][\w.]*)", text)
    )
    return "".join(found)


def number_text(value: Any) -> str:
    """A figure as text: whole ones in full, others with six significant digits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.1f}"
