"""Machines on one trace: speedups per operator, over attention alone, and in all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from accelsim.analysis.breakdown import path_parts
from accelsim.analysis.result import Result
from accelsim.arch.equal import equalities
from accelsim.workload.operators import Attention
from accelsim.workload.trace import Trace

NOT_ESTABLISHED = "sign not established"


class Scaled(NamedTuple):
    """How a machine was scaled: its array and its bytes on chip times a factor.

    `way` : what of the array, "rows", "columns" or "PEs"; `other` : what the other way gave, if it
    was tried; `other_ratio` : its time over that of this one. `before`, `after` : of the measure,
    in its unit. `text` : the same in a line.
    """

    way: str
    other: str
    other_ratio: float | None
    factor: float
    bytes_factor: float
    before: float
    after: float
    text: str


class OverRange(NamedTuple):
    """What the range of the cost table makes of a machine that was scaled, and of the speedup.

    `ratio` : of the measure, the machine that it was scaled to over it as it was; `low`, `high` :
    the ends. `decided_by` : the entry of the table that moves it most. `speedups` : of the
    candidate over this machine (the baseline, if it is the candidate) when it is scaled to the
    value, the low and the high end; `before` : when it is as it was.
    """

    ratio: float
    low: float
    high: float
    decided_by: str
    speedups: tuple[float, float, float]
    before: float

    @property
    def spread(self) -> Spread:
        """The speedups with their minimum and maximum."""
        return spread(self.speedups)


def rival_of(role: str) -> str:
    """What the candidate is held against where this machine is scaled: it, or the baseline."""
    return "baseline" if role == "candidate" else role


EnergyByEntry = Mapping[str, tuple[float, float, float]]


class AtEqual(NamedTuple):
    """That machines were scaled to have as much of a measure, in `unit`, as the role `like`.

    `table` : the cost table that says how much, if any. `machines` : role -> how it was scaled.
    `ranges` : role -> what the range of the table makes of it, where it was looked at; `remarks` :
    role -> why it was not, though the table has one. `energies` : role -> energy by entry of the
    table (pJ: low, value, high) when it is scaled to the low and to the high end.
    """

    measure: str
    unit: str
    table: str
    like: str
    target: float
    machines: dict[str, Scaled]
    ranges: dict[str, OverRange]
    remarks: dict[str, str]
    energies: Mapping[str, tuple[EnergyByEntry, EnergyByEntry]]

    def as_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        scaled = {role: how._asdict() for role, how in self.machines.items()}
        ranges = {role: over._asdict() for role, over in self.ranges.items()}
        plain = {name: each for name, each in self._asdict().items() if name != "energies"}
        return {**plain, "machines": scaled, "ranges": ranges}


@dataclass(frozen=True)
class Comparison:
    """Results of several machines by role: baseline, third (may be missing), candidate,
    candidate_dense (the candidate with sparsity off).

    `elsewhere` : role -> total_ps with each further placement of the tensors; may be empty.
    `at_equal` : what machines were scaled to; None where they are as they are.
    """

    trace: Trace
    results: dict[str, Result]
    elsewhere: dict[str, list[int]] = field(default_factory=dict)
    at_equal: AtEqual | None = None

    def speedup(self, role: str = "candidate") -> float:
        """Baseline time / this machine's time, end to end."""
        return self.results["baseline"].total_ps / max(1, self.results[role].total_ps)

    def placement_spread(self, role: str = "candidate", rival: str = "baseline") -> Spread:
        """The speedup over a rival with every placement run; both sides have the same one."""
        return spread(self.over_placements(role, rival))

    def over_placements(self, role: str = "candidate", rival: str = "baseline") -> list[float]:
        """The speedup over a rival with each placement that was run."""
        totals = [
            [self.results[name].total_ps, *self.elsewhere.get(name, ())] for name in (rival, role)
        ]
        return [first / max(1, other) for first, other in zip(*totals, strict=True)]

    @cached_property
    def parts(self) -> dict[str, pd.DataFrame]:
        """Role -> its critical path by operator kind and what it was spent on, see `path_parts`."""
        return {role: path_parts(result) for role, result in self.results.items()}

    def attention_speedup(self, role: str = "candidate") -> float | None:
        """The same over the attention operators alone (their shares of the critical path)."""
        times = self.times()
        rows = times[times["kind"] == "attention"]
        if rows.empty or not rows[role].sum():
            return None
        return float(rows["baseline"].sum() / rows[role].sum())

    def times(self) -> pd.DataFrame:
        """Per operator: scope, kind and time_ps of every role."""
        first = self.results["baseline"].operators
        table = first[["scope", "kind"]].copy()
        for role, result in self.results.items():
            table[role] = result.operators["time_ps"].to_numpy()
        return table

    def operator_speedups(self, role: str = "candidate") -> pd.DataFrame:
        """Per operator: scope, kind, speedup of a role (operators with time on both sides)."""
        times = self.times()
        seen = times[(times["baseline"] > 0) & (times[role] > 0)]
        out = seen[["scope", "kind"]].copy()
        out["speedup"] = seen["baseline"] / seen[role]
        return out

    def equal_and_different(self) -> tuple[list[Any], list[Any]]:
        """Rows of what is equal between the machines, and of what differs."""
        archs = [r.arch for role, r in self.results.items() if role != "candidate_dense"]
        return equalities(archs, scaled=self.at_equal is not None)

    def selections(self) -> dict[str, int]:
        """How many attention operators have which selection (who pays for the indices)."""
        found: dict[str, int] = {}
        for op in self.trace.operators:
            if isinstance(op, Attention) and op.pattern is not None:
                found[op.selection] = found.get(op.selection, 0) + 1
        return found

    def as_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        roles = [role for role in self.results if role != "baseline"]
        return {
            "workload": self.trace.name,
            "replayed_in": self.trace.replayed_in or "",
            "speedup": {role: self.speedup(role) for role in roles},
            "placement_totals_ps": self.elsewhere,
            "equal": None if self.at_equal is None else self.at_equal.as_json(),
            "attention_speedup": {role: self.attention_speedup(role) for role in roles},
            "operators": self.times().to_dict("records"),
            "results": {role: result.as_json() for role, result in self.results.items()},
        }


@dataclass(frozen=True)
class Spread:
    """Geometric mean of speedups with their minimum and maximum."""

    geomean: float
    minimum: float
    maximum: float

    @property
    def verdict(self) -> str:
        """Faster, slower, or sign not established (the spread crosses 1)."""
        if self.minimum > 1:
            return "faster"
        if self.maximum < 1:
            return "slower"
        return NOT_ESTABLISHED


def spread(speedups: Sequence[float]) -> Spread:
    """Sum up speedups; an empty list is a Spread of 1."""
    if not len(speedups):
        return Spread(1.0, 1.0, 1.0)
    values = np.asarray(speedups, float)
    return Spread(math.exp(np.log(values).mean()), float(values.min()), float(values.max()))
