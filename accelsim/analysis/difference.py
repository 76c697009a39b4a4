"""Where the time went between two results that were written as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from accelsim.analysis.saved import inside


class Moved(NamedTuple):
    """A part of the critical path in two results; times in ps, 0 where it is not there.

    `limited_by` : what holds most of it in each; empty for units.
    """

    name: str
    before_ps: int
    after_ps: int
    limited_by: tuple[str, str] = ("", "")

    @property
    def change_ps(self) -> int:
        """After less before."""
        return self.after_ps - self.before_ps


class Difference(NamedTuple):
    """Two results side by side.

    `operators` and `units` : each sums to the totals; largest change first. `facts` : figures of
    the summaries that differ, (name, before, after). `energy` : energy by group of components,
    (name, before, after), pJ, largest change first; empty where a result has none.
    """

    before_ps: int
    after_ps: int
    operators: list[Moved]
    units: list[Moved]
    facts: list[tuple[str, object, object]]
    energy: list[tuple[str, float, float]]


def difference(
    before: dict[str, Any], after: dict[str, Any], group: Callable[[str], str] = str
) -> Difference:
    """Compare two results.

    Parameters
    ----------
    before, after : dict
        See `Result.as_json`; of any architectures and workloads.
    group : callable(scope) -> str
        Operators of one name are put together.
    """
    return Difference(
        before["summary"]["total_ps"],
        after["summary"]["total_ps"],
        _moved(_by_operator(before, group), _by_operator(after, group)),
        _moved(_by_unit(before), _by_unit(after)),
        [*_facts(before, after, "summary"), *_facts(before, after, "energy.summary")],
        _energy(before, after),
    )


def _facts(
    before: dict[str, Any], after: dict[str, Any], part: str
) -> list[tuple[str, object, object]]:
    """Figures of a summary that differ; none where it is missing."""
    first, last = (inside(result, part) or {} for result in (before, after))
    return [
        (name, first[name], value)
        for name, value in last.items()
        if first.get(name, value) != value
    ]


def _energy(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, float, float]]:
    tables = [inside(result, "energy.actions") for result in (before, after)]
    if None in tables:
        return []
    sums: dict[str, list[float]] = {}
    for side, rows in enumerate(tables):
        for row in rows:
            sums.setdefault(row["group"], [0.0, 0.0])[side] += row["energy_pj"]
    found = [(group, first, last) for group, (first, last) in sums.items()]
    return sorted(found, key=lambda row: -abs(row[2] - row[1]))


_Parts = dict[str, tuple[int, dict[str, float]]]  # name -> time, and time by what limits it


def _by_operator(result: dict[str, Any], group: Callable[[str], str]) -> _Parts:
    found: _Parts = {}
    for row in result["operators"]:
        time, limits = found.get(name := group(row["scope"]), (0, {}))
        held = row["time_ps"] * row["limited_share"]
        limits[row["limited_by"]] = limits.get(row["limited_by"], 0.0) + held
        found[name] = time + row["time_ps"], limits
    return found


def _by_unit(result: dict[str, Any]) -> _Parts:
    found: _Parts = {}
    for row in result["critical_path"]:
        found[row["unit"]] = found.get(row["unit"], (0, {}))[0] + row["time_ps"], {}
    return found


def _moved(before: _Parts, after: _Parts) -> list[Moved]:
    rows = []
    for name in dict.fromkeys([*before, *after]):
        first, last = before.get(name, (0, {})), after.get(name, (0, {}))
        limits = (_leading(first[1]), _leading(last[1]))
        rows.append(Moved(name, first[0], last[0], limits))
    return sorted(rows, key=lambda row: -abs(row.change_ps))


def _leading(limits: dict[str, float]) -> str:
    return max(limits, key=lambda name: limits[name]) if limits else ""
