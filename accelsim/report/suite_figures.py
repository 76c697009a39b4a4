"""The figures of a suite: speedups with their spread over layers or seeds, steps, and verdicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from accelsim.analysis.comparison import Spread, spread
from accelsim.analysis.sections import Steps, compared_steps, layer_speedups, layers_of, steps_of
from accelsim.report.suite import Run

Sections = dict[tuple[int, int], int]

MARGIN = 0.05  # a gain of less is called none
GAINS = {
    "sparsity": "sparse hardware pays",
    "shape": "its shape or units, not sparsity",
    "gather": "a gather alone would do",
    "nothing": "nothing helps",
    "loss": "the sparse machine loses",
    "open": "sign not established",
}


class Pair(NamedTuple):
    """A machine against another on one workload.

    `speedup` : end to end (geometric mean over seeds); `over` : spread over `samples` layers or
    seeds (`of`).
    """

    speedup: float
    over: Spread
    samples: tuple[float, ...]
    of: str


class Figures:
    """Runs of a suite, by workload and machine."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = list(runs)
        self.workloads = list(dict.fromkeys(run.workload for run in runs))
        self.columns = list(dict.fromkeys((run.role, run.machine) for run in runs))
        self._by: dict[tuple[str, str, str], list[Run]] = {}
        for run in runs:
            self._by.setdefault((run.workload, run.role, run.machine), []).append(run)
        self._machine = {role: machine for role, machine in reversed(self.columns)}

    def of(self, workload: str, role: str, machine: str = "") -> list[Run]:
        """Runs of one machine, one a seed; a role alone names its only machine."""
        return self._by[workload, role, machine or self._machine[role]]

    def pair(
        self, workload: str, role: str, machine: str = "", against: str = "baseline"
    ) -> Pair | None:
        """Speedup of a machine over that of the role `against`; None where one was refused."""
        mine, other = self.of(workload, role, machine), self.of(workload, against)
        if any(run.refused for run in (*mine, *other)):
            return None
        both = [_same_steps(*runs) for runs in zip(other, mine, strict=True)]
        whole = [sum(a.values()) / max(1, sum(b.values())) for a, b in both]
        if len(whole) > 1:
            return Pair(spread(whole).geomean, spread(whole), tuple(whole), "seeds")
        parts = layer_speedups(*map(layers_of, both[0]))
        return Pair(whole[0], spread(parts or whole), tuple(parts or whole), "layers")

    def geomean(self, role: str, machine: str = "", against: str = "baseline") -> Spread | None:
        """Over all workloads that both machines run."""
        pairs = [self.pair(name, role, machine, against) for name in self.workloads]
        found = [pair.speedup for pair in pairs if pair is not None]
        return spread(found) if found else None

    def gain(self, workload: str) -> str:
        """Which of `GAINS` it is."""
        candidate = self.pair(workload, "candidate")
        gather = self.pair(workload, "third")
        beyond = self.pair(workload, "candidate", against="third")
        assert candidate is not None and gather is not None and beyond is not None
        if beyond.speedup > 1 + MARGIN and candidate.speedup > 1 + MARGIN:
            if min(beyond.over.minimum, candidate.over.minimum) <= 1:
                return "open"
            sparse = self.pair(workload, "candidate", against="candidate_dense")
            assert sparse is not None
            return "sparsity" if sparse.speedup > 1 + MARGIN else "shape"
        if gather.speedup > 1 + MARGIN:
            return "gather" if gather.over.minimum > 1 else "open"
        if candidate.speedup < 1 - MARGIN:
            return "loss" if candidate.over.maximum < 1 else "open"
        return "nothing"

    def over_steps(self, workload: str, role: str = "candidate") -> Steps | None:
        """Steps of a machine beside the baseline's; None where there is one step only."""
        return compared_steps(self.steps(workload, "baseline"), self.steps(workload, role))

    def steps(self, workload: str, role: str, machine: str = "") -> dict[int, int]:
        """Time of every step, ps, of the first seed."""
        return steps_of(self.of(workload, role, machine)[0].sections)


def _same_steps(first: Run, other: Run) -> tuple[Sections, Sections]:
    """The sections of two runs in the steps that both have."""
    steps = {step for step, _ in first.sections} & {step for step, _ in other.sections}
    parts = ({k: t for k, t in run.sections.items() if k[0] in steps} for run in (first, other))
    return next(parts), next(parts)


def speedup_table(figures: Figures) -> pd.DataFrame:
    """One row a workload and machine: suite.csv."""
    rows = []
    for workload in figures.workloads:
        for role, machine in figures.columns:
            runs = figures.of(workload, role, machine)
            pair = figures.pair(workload, role, machine)
            first = runs[0]
            rows.append(
                {
                    "workload": workload,
                    "role": role,
                    "architecture": machine,
                    "steps": len(figures.steps(workload, role, machine)),
                    "total_ps": sum(run.total_ps for run in runs) // len(runs),
                    "speedup": math.nan if pair is None else pair.speedup,
                    "minimum": math.nan if pair is None else pair.over.minimum,
                    "maximum": math.nan if pair is None else pair.over.maximum,
                    "samples": 0 if pair is None else len(pair.samples),
                    "samples_of": "" if pair is None else pair.of,
                    "overall_utilization": first.utilization,
                    "dram_utilization": first.dram_utilization,
                    "dram_bytes": first.dram_bytes,
                    "effectual_macs": first.effectual_macs,
                    "limited_by": first.limited_by,
                    "limited_share": first.limited_share,
                    "refused": first.refused,
                }
            )
    return pd.DataFrame(rows)


def sample_table(figures: Figures) -> pd.DataFrame:
    """One row a workload, machine and layer or seed: samples.csv."""
    rows = [
        {
            "workload": workload, "role": role, "architecture": machine, "of": pair.of,
            "sample": number, "speedup": value,
        }
        for workload in figures.workloads
        for role, machine in figures.columns
        if (pair := figures.pair(workload, role, machine)) is not None
        for number, value in enumerate(pair.samples)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def step_table(figures: Figures) -> pd.DataFrame:
    """One row a workload, machine and step: steps.csv."""
    rows = [
        {
            "workload": workload, "role": role, "architecture": machine, "step": step,
            "time_ps": time,
        }
        for workload in figures.workloads
        for role, machine in figures.columns
        for step, time in figures.steps(workload, role, machine).items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["workload", "role", "architecture", "step", "time_ps"])
