"""The figures of a suite: speedups with their spread over layers or seeds, steps, and verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from accelsim.analysis.comparison import Spread, spread
from accelsim.analysis.sections import Steps, compared_steps, layer_speedups, layers_of, steps_of
from accelsim.hardware.ratio import Ratio, Span, ratio, widest
from accelsim.hardware.steps import ByEntry, summed, whole
from accelsim.report.suite import ENDS, Run

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


class Spent(NamedTuple):
    """Energy of a machine on one workload, mean over seeds; all steps that it ran.

    `energy_pj` : every figure of the cost table low, as it is, and high. `groups` : of it by group
    of components; `sparse_pj` : in what is there for sparsity alone. `edp_js` : energy x time.
    """

    energy_pj: Span
    groups: Mapping[str, float]
    sparse_pj: float
    token_pj: float
    edp_js: float
    unverified_share: float


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
        self.at_equal = "baseline_equal" in self._machine

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

    def spent(self, workload: str, role: str, machine: str = "") -> Spent | None:
        """Energy of a machine; None where it was refused."""
        runs = self.of(workload, role, machine)
        if any(run.refused for run in runs):
            return None
        count = len(runs)
        sums = whole(summed(terms for run in runs for terms in run.energy.values()))
        energy = Span(*(end / count for end in sums))
        made = sum(run.tokens * len(run.energy) for run in runs)
        return Spent(
            energy,
            {group: sum(run.groups[group] for run in runs) / count for group in runs[0].groups},
            sum(run.sparse_energy_pj for run in runs) / count,
            sums.value / max(1, made),
            energy.value * 1e-12 * sum(run.total_ps for run in runs) / count * 1e-12,
            sum(run.unverified_share for run in runs) / count,
        )

    def energy_ratio(
        self, workload: str, role: str, machine: str = "", against: str = "baseline"
    ) -> Ratio | None:
        """Energy of the role `against` / energy of a machine, in the steps that both ran.

        Above 1 where the machine needs less; None where one was refused. Against a scaled rival
        its range holds those at both ends of the sizes too.
        """
        pairs = [(role, machine, against)]
        if against in self.rivals(equal=True):
            for scaled in self.ends():
                to = dict(zip(self.rivals(equal=True), scaled, strict=True))
                pairs.append((to.get(role, role), "" if role in to else machine, to[against]))
        found = [self._energy_ratio(workload, *pair) for pair in pairs]
        known = [each for each in found if each is not None]
        return widest(known) if len(known) == len(found) else None

    def _energy_ratio(self, workload: str, role: str, machine: str, against: str) -> Ratio | None:
        mine, other = self.of(workload, role, machine), self.of(workload, against)
        if any(run.refused or not run.energy for run in (*mine, *other)):
            return None
        both = [_same_energy(*runs) for runs in zip(other, mine, strict=True)]
        return ratio(summed(a for a, _ in both), summed(b for _, b in both))

    def energy_geomean(
        self, role: str, machine: str = "", against: str = "baseline"
    ) -> Spread | None:
        """Of `energy_ratio`, over all workloads that both machines run."""
        found = [self.energy_ratio(name, role, machine, against) for name in self.workloads]
        values = [each.value for each in found if each is not None]
        return spread(values) if values else None

    def rivals(self, *, equal: bool) -> tuple[str, str]:
        """Roles of baseline and third: as shipped, or scaled to the candidate."""
        return ("baseline_equal", "third_equal") if equal else ("baseline", "third")

    def ends(self) -> list[tuple[str, str]]:
        """Roles of baseline and third at both ends of the cost table; empty without a range."""
        pairs = [(f"baseline_{end}", f"third_{end}") for end in ENDS]
        return [pair for pair in pairs if {*pair} <= {*self._machine}]

    def over_table(self, workload: str, role: str, rival: str) -> Span | None:
        """Speedup of candidate, candidate_dense or third over `rival` (baseline or third) at equal
        size, with what the ranges of the cost table leave; None where one was refused.
        """
        pairs = [self.pair(workload, mine, against=other) for mine, other in self._at(role, rival)]
        return _span([None if pair is None else pair.speedup for pair in pairs])

    def table_geomean(self, role: str, rival: str) -> Span | None:
        """The same over all workloads that both machines run: geometric means."""
        means = [self.geomean(mine, against=other) for mine, other in self._at(role, rival)]
        return _span([None if mean is None else mean.geomean for mean in means])

    def _at(self, role: str, rival: str) -> list[tuple[str, str]]:
        """Roles to compare at equal size, and at both ends."""
        return [
            (third if role == "third" else role, base if rival == "baseline" else third)
            for base, third in (self.rivals(equal=True), *self.ends())
        ]

    def gain(self, workload: str, *, equal: bool = False) -> str:
        """Which of `GAINS` it is, against rivals as shipped or scaled to the candidate.

        Against scaled ones the sign must hold wherever in its ranges the cost table is right, and
        is open where a machine at an end of them was refused.
        """
        found = self._gain(workload, *self.rivals(equal=equal))
        if not equal or found == "open":
            return found
        over, beyond, gather = (
            self.over_table(workload, *roles)
            for roles in (("candidate", "baseline"), ("candidate", "third"), ("third", "baseline"))
        )
        if over is None or beyond is None or gather is None:
            return "open"
        holds = {
            "sparsity": min(over.low, beyond.low) > 1,
            "shape": min(over.low, beyond.low) > 1,
            "gather": gather.low > 1,
            "nothing": over.low >= 1 - MARGIN and over.high <= 1 + MARGIN,
            "loss": over.high < 1,
        }
        return found if holds[found] else "open"

    def _gain(self, workload: str, base: str, third: str) -> str:
        candidate = self.pair(workload, "candidate", against=base)
        gather = self.pair(workload, third, against=base)
        beyond = self.pair(workload, "candidate", against=third)
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


def _span(values: Sequence[float | None]) -> Span | None:
    """The first of some figures, with the least and the largest; None where one is missing."""
    found = [value for value in values if value is not None]
    return Span(min(found), found[0], max(found)) if len(found) == len(values) else None


def _same_steps(first: Run, other: Run) -> tuple[Sections, Sections]:
    """The sections of two runs in the steps that both have."""
    steps = {step for step, _ in first.sections} & {step for step, _ in other.sections}
    parts = ({k: t for k, t in run.sections.items() if k[0] in steps} for run in (first, other))
    return next(parts), next(parts)


def _same_energy(first: Run, other: Run) -> tuple[ByEntry, ByEntry]:
    """The energy of two runs in the steps that both have."""
    steps = sorted({*first.energy} & {*other.energy})
    parts = [summed(run.energy[step] for step in steps) for run in (first, other)]
    return parts[0], parts[1]
