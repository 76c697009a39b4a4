"""Why a result takes as long as it does: its critical path, what units wait for, and its parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from accelsim.analysis.columns import STATES

_WAITS = [state for state in STATES if state not in ("busy", "idle")]


class PathPart(NamedTuple):
    """A unit's time on the critical path for some operators.

    `operators` : how many of them, repeats included.
    """

    unit: str
    name: str
    operators: int
    time_ps: int


class UnitWait(NamedTuple):
    """A unit of the critical path: its time there, and parts of its servers' time.

    `waited_for` : the state other than busy and idle that holds most, empty if none holds any.
    """

    unit: str
    path_ps: int
    busy: float
    idle: float
    waited_for: str
    waited: float


class Why(NamedTuple):
    """What a result's time is made of.

    `path` : sums to `total_ps`, largest first. `limits` : what operators are limited by -> time
    that it holds, largest first. `summary`, `memory` : see `Result`.
    """

    total_ps: int
    path: list[PathPart]
    units: list[UnitWait]
    limits: list[tuple[str, int]]
    summary: dict[str, Any]
    memory: list[dict[str, Any]]


def why(result: dict[str, Any], group: Callable[[str], str] = str) -> Why:
    """Say what holds the time of a result.

    Parameters
    ----------
    result : dict
        See `Result.as_json`.
    group : callable(scope) -> str
        Operators of one name are put together.
    """
    return Why(
        result["summary"]["total_ps"],
        _path(result, group),
        _units(result),
        _limits(result),
        result["summary"],
        result["memory"],
    )


def _path(result: dict[str, Any], group: Callable[[str], str]) -> list[PathPart]:
    repeats = [row["repeat"] for row in result["operators"]]
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for row in result["critical_path"]:
        key = row["unit"], group(row["scope"])
        count, time = found.get(key, (0, 0))
        found[key] = count + repeats[row["operator"]], time + row["time_ps"]
    parts = [PathPart(*key, *value) for key, value in found.items() if value[1]]
    return sorted(parts, key=lambda part: -part.time_ps)


def _units(result: dict[str, Any]) -> list[UnitWait]:
    on_path: dict[str, int] = {}
    for row in result["critical_path"]:
        on_path[row["unit"]] = on_path.get(row["unit"], 0) + row["time_ps"]
    found = []
    for row in result["units"]:
        if not on_path.get(row["unit"]):
            continue
        whole = max(1, row["servers"] * result["summary"]["total_ps"])
        parts = {state: row[f"{state}_ps"] / whole for state in STATES}
        most = max(_WAITS, key=lambda state: parts[state])
        waited = (most, parts[most]) if parts[most] else ("", 0.0)
        found.append(
            UnitWait(row["unit"], on_path[row["unit"]], parts["busy"], parts["idle"], *waited)
        )
    return sorted(found, key=lambda unit: -unit.path_ps)


def _limits(result: dict[str, Any]) -> list[tuple[str, int]]:
    held: dict[str, float] = {}
    for row in result["operators"]:
        time = row["time_ps"] * row["limited_share"]
        held[row["limited_by"]] = held.get(row["limited_by"], 0.0) + time
    return sorted(((name, round(time)) for name, time in held.items()), key=lambda item: -item[1])
