"""What a suite says in words: the verdict, and the findings with every figure computed."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.hardware.ratio import Ratio, Span
from accelsim.report.energy_words import against_baseline
from accelsim.report.suite import Suite
from accelsim.report.suite_areas import TableAreas
from accelsim.report.suite_figures import GAINS, Figures, Pair
from accelsim.report.words import (
    as_energy,
    percent,
    short,
    square_mm,
    times,
    verdict_and_reason,
)

COMPARED = ("third", "candidate", "candidate_dense")
NEEDS = {"less": "less energy", "more": "more energy"}  # verdict -> in words


def pair_text(pair: Pair | None) -> str:
    """A speedup and its spread: "1.84x (1.80 to 1.91)"."""
    if pair is None:
        return "refused"
    return f"{times(pair.speedup)} ({short(pair.over.minimum)} to {short(pair.over.maximum)})"


def ratio_text(found: Ratio | Span | None) -> str:
    """A ratio and its range: "1.10x (1.07 to 1.18)"."""
    if found is None:
        return "refused"
    return f"{times(found.value)} ({short(found.low)} to {short(found.high)})"


def needs_text(found: Ratio | None) -> str:
    """What a machine needs against its rival; where that is open, the entry that decides."""
    if found is None:
        return ""
    said = against_baseline("energy", found)
    return NEEDS.get(said, verdict_and_reason(said, found.decided_by))


def sparse_text(areas: TableAreas, role: str) -> str:
    """Area of the sparse logic of a machine, and its share: "30.6 mm2 (7.1 %)"."""
    made = areas.of(role)
    sparse = made.sparse_mm2.value
    return f"{square_mm(sparse)} ({percent(sparse / made.area_mm2.value)})"


def verdict(figures: Figures, suite: Suite, areas: TableAreas) -> str:
    """A few sentences with numbers: over the suite, in how many workloads what pays, costs."""
    said = _speeds(figures, equal=False)
    if not figures.at_equal:
        return said
    base, _ = figures.rivals(equal=True)
    shipped = figures.energy_geomean("candidate")
    energy = figures.energy_geomean("candidate", against=base)
    assert shipped is not None and energy is not None
    return (
        f"{said} Sparse logic takes {sparse_text(areas, 'candidate')} of the sparse machine by "
        f"cost table {areas.table}. With the rivals scaled to equal {suite.equal}: "
        f"{_speeds(figures, equal=True)} The energy of the systolic array is "
        f"{times(energy.geomean)} that of the sparse machine (geometric mean; "
        f"{times(energy.minimum)} to {times(energy.maximum)}), as shipped "
        f"{times(shipped.geomean)} ({times(shipped.minimum)} to {times(shipped.maximum)})."
    )


def _speeds(figures: Figures, *, equal: bool) -> str:
    base, gather = figures.rivals(equal=equal)
    third, candidate, dense, beyond = (
        figures.geomean(role, against=rival)
        for role, rival in (
            (gather, base), ("candidate", base), ("candidate_dense", base), ("candidate", gather),
        )
    )  # fmt: skip
    assert candidate is not None and third is not None and dense is not None
    assert beyond is not None
    over_table = figures.table_geomean("candidate", "baseline") if equal else None
    left = ""
    if over_table is not None:
        left = f", {times(over_table.low)} to {times(over_table.high)} over the table's ranges"
    counts: dict[str, int] = {}
    for workload in figures.workloads:
        gain = figures.gain(workload, equal=equal)
        counts[gain] = counts.get(gain, 0) + 1
    listed = ", ".join(f"{GAINS[gain]} in {counts[gain]}" for gain in GAINS if gain in counts)
    over = "over" if equal else "Over"
    return (
        f"{over} {len(figures.workloads)} workloads the sparse machine runs at "
        f"{times(candidate.geomean)} the speed of the systolic array (geometric mean; "
        f"{times(candidate.minimum)} to {times(candidate.maximum)}{left}), a gathering DMA alone "
        f"at {times(third.geomean)}, the sparse machine with its sparsity off at "
        f"{times(dense.geomean)}. Against the systolic array with the gather the sparse machine "
        f"runs at {times(beyond.geomean)} ({times(beyond.minimum)} to {times(beyond.maximum)}); "
        f"of the workloads, {listed}."
    )


def findings_text(template: str, figures: Figures, areas: Sequence[TableAreas] = ()) -> str:
    """Fill the Markdown of a suite's findings: every figure in it is computed.

    Parameters
    ----------
    template : str
        It may call what `_Speech` has by name, such as ``x("sam_1m_b8")``.
    figures : Figures
    areas : sequence of TableAreas
        By the suite's cost table, and by its other one.
    """
    from jinja2 import Environment, StrictUndefined

    speech = _Speech(figures, areas)
    said = {name: getattr(speech, name) for name in dir(speech) if not name.startswith("_")}
    made = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    return made.from_string(template).render(said)


class _Speech:
    """What a template of findings may call.

    `role`, `against` : of machines; `of` : name of a published machine; `table` : 0 the suite's
    cost table, 1 its other one.
    """

    def __init__(self, figures: Figures, areas: Sequence[TableAreas]) -> None:
        self._figures, self._areas = figures, areas

    def x(
        self, workload: str, role: str = "candidate", against: str = "baseline", of: str = ""
    ) -> str:
        """A speedup with its spread."""
        return pair_text(self._figures.pair(workload, role, of, against))

    def both(self, workload: str, role: str = "candidate") -> str:
        """A speedup with its spread against rivals as shipped; against scaled ones with its range
        over the cost table.
        """
        after = ratio_text(self._figures.over_table(workload, role, "baseline"))
        return f"{self.x(workload, role)}, at equal area {after}"

    def mean(self, role: str = "candidate", against: str = "baseline", of: str = "") -> str:
        """A geometric mean of speedups over the suite."""
        over = self._figures.geomean(role, of, against)
        return "-" if over is None else times(over.geomean)

    def limit(self, workload: str, role: str = "candidate") -> str:
        """What holds most of a machine's critical path."""
        run = self._figures.of(workload, role)[0]
        return f"{run.limited_by} {100 * run.limited_share:.0f} %"

    def energy(
        self, workload: str, role: str = "candidate", against: str = "baseline_equal"
    ) -> str:
        """Energy of the role `against` / energy of a machine, with its range."""
        return ratio_text(self._figures.energy_ratio(workload, role, against=against))

    def needs(self, workload: str, role: str = "candidate", against: str = "baseline_equal") -> str:
        """Less energy, more, or that the sign is not established, and what decides."""
        return needs_text(self._figures.energy_ratio(workload, role, against=against))

    def energy_mean(self, role: str = "candidate", against: str = "baseline_equal") -> str:
        """A geometric mean of ratios of energies over the suite."""
        over = self._figures.energy_geomean(role, "", against)
        return "-" if over is None else times(over.geomean)

    def needing(self, said: str, role: str = "candidate", against: str = "baseline_equal") -> int:
        """On how many workloads it is ``less energy``, ``more energy``, or ``open``."""
        found = [self.needs(name, role, against) for name in self._figures.workloads]
        counts = {each: found.count(each) for each in NEEDS.values()}
        return counts.get(said, len(found) - sum(counts.values()))

    def paying(self, gain: str, *, equal: bool = True) -> int:
        """On how many workloads what pays is `gain`, of `GAINS`."""
        figures = self._figures
        return sum(figures.gain(name, equal=equal) == gain for name in figures.workloads)

    def gain(self, workload: str, *, equal: bool = True) -> str:
        """What pays on a workload, of `GAINS`, in words."""
        return GAINS[self._figures.gain(workload, equal=equal)]

    def token(self, workload: str, role: str = "candidate") -> str:
        """Energy of a token."""
        spent = self._figures.spent(workload, role)
        return "refused" if spent is None else as_energy(spent.token_pj)

    def share(self, workload: str, *groups: str, role: str = "candidate") -> str:
        """The part of a machine's energy that groups of components take."""
        spent = self._figures.spent(workload, role)
        if spent is None:
            return "refused"
        return percent(sum(spent.groups[group] for group in groups) / spent.energy_pj.value)

    def joules(self, workload: str, *groups: str, role: str = "candidate") -> str:
        """Energy of groups of components of a machine, or all of it."""
        spent = self._figures.spent(workload, role)
        if spent is None:
            return "refused"
        return as_energy(sum(spent.groups[group] for group in groups or spent.groups))

    def sparse_energy(self, role: str = "candidate") -> str:
        """The least and the largest part of a machine's energy that its sparse logic takes."""
        found = [self._figures.spent(workload, role) for workload in self._figures.workloads]
        parts = [each.sparse_pj / each.energy_pj.value for each in found if each is not None]
        return f"{percent(min(parts))} to {percent(max(parts))}"

    def costs(self, table: int = 0) -> str:
        """The name of a cost table."""
        return self._areas[table].table

    def area(self, role: str = "candidate", table: int = 0, of: str = "") -> str:
        """Area of a machine."""
        return square_mm(self._areas[table].of(role, of).area_mm2.value)

    def sparse(self, role: str = "candidate", kind: str = "", table: int = 0) -> str:
        """Area of a machine's sparse logic and its share; of one of `SPARSE_KINDS` the area."""
        areas = self._areas[table]
        return square_mm(areas.sparse(role)[kind]) if kind else sparse_text(areas, role)

    def interface(self, role: str = "candidate", table: int = 0) -> str:
        """The part of a machine's area that the interface to DRAM takes."""
        made = self._areas[table].of(role)
        rows = made.rows[made.rows["group"] == "DRAM interface"]
        return percent(float(rows["area_mm2"].sum()) / made.area_mm2.value)

    def assumed(self, role: str = "candidate", table: int = 0) -> str:
        """The part of the sparse logic's area that is assumed."""
        return percent(self._areas[table].guessed(role, sparse=True)[0])

    def area_ratio(self, role: str = "candidate", table: int = 0) -> str:
        """Area of a machine / that of the baseline, as shipped, with its range."""
        return ratio_text(self._areas[table].ratios[role])

    def decides(self, role: str = "candidate", table: int = 0) -> str:
        """The entry of a cost table that moves the ratio of a machine's area most."""
        return self._areas[table].ratios[role].decided_by

    def grown(self, role: str = "baseline_equal", table: int = 0) -> str:
        """How much larger the array of a machine of `SCALED` or `AT_ENDS` is: "10.9 %"."""
        areas = self._areas[table]
        return percent({**areas.scaled, **areas.ends}[role].factor - 1)

    def how(self, role: str = "baseline_equal", table: int = 0) -> str:
        """How a machine was scaled, in a line."""
        return self._areas[table].scaled[role].text
