"""Area of a suite's machines by its cost tables, and how its rivals were scaled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from accelsim.cost.load import load_cost_table
from accelsim.hardware.area import Breakdown, breakdown
from accelsim.hardware.catalogue import components
from accelsim.hardware.ratio import Ratio, area_terms, ratio
from accelsim.report.suite import AT_ENDS, SCALED, Machine, Suite, equal_of
from accelsim.sweep.equal import Equalised

TRIO = ("baseline", "third", "candidate")
SPARSE_KINDS = {  # group of components -> what of it is there for sparsity alone
    "gather": "gather",
    "scatter": "scatter",
    "index": "index",
    "array": "FIFOs and matching",
    "wires": "buses past all rows",
    "scratchpad": "switches",
}


class TableAreas(NamedTuple):
    """Areas by one cost table.

    `machines`, `made` : and their breakdowns. `ratios` : role of the trio -> its area / that of
    the baseline, as shipped. `scaled` : role -> how it was, or would be, scaled by this table;
    empty where a suite scales none.
    `ends` : role of `AT_ENDS` -> how; `remarks` : role -> why it could not be scaled to the ends.
    """

    table: str
    machines: Sequence[Machine]
    made: Sequence[Breakdown]
    ratios: Mapping[str, Ratio]
    scaled: Mapping[str, Equalised]
    ends: Mapping[str, Equalised]
    remarks: Mapping[str, str]

    def of(self, role: str, machine: str = "") -> Breakdown:
        """The breakdown of a machine; a role alone names its only one."""
        return next(
            made
            for each, made in zip(self.machines, self.made, strict=True)
            if each.role == role and machine in ("", each.arch.name)
        )

    def sparse(self, role: str) -> dict[str, float]:
        """Area of what is there for sparsity alone, mm2, by `SPARSE_KINDS`."""
        rows = self.of(role).rows
        rows = rows[rows["sparse"].astype(bool)]
        sums = rows.groupby("group")["area_mm2"].sum()
        return {kind: float(sums.get(group, 0.0)) for group, kind in SPARSE_KINDS.items()}

    def guessed(self, role: str, *, sparse: bool) -> tuple[float, float]:
        """The part of a machine's area, or of its sparse logic's, that is assumed, and the part
        that hangs on a figure which was not looked up.
        """
        rows = self.of(role).rows
        rows = rows[rows["sparse"].astype(bool)] if sparse else rows
        whole = max(float(rows["area_mm2"].sum()), 1e-300)
        chosen = rows["mark"] == "assumed", rows["unverified"].astype(bool)
        parts = [float(rows.loc[each, "area_mm2"].sum()) / whole for each in chosen]
        return parts[0], parts[1]


def areas_of(suite: Suite, machines: Sequence[Machine]) -> list[TableAreas]:
    """Areas by the suite's cost table, of all machines, and by its other one, of those as shipped.

    Raises
    ------
    InputError
        A table lacks what a machine needs, or machines cannot be made equal by it.
    """
    chips = [machine for machine in machines if machine.role != "candidate_dense"]
    trio = [machine for machine in chips if machine.role in TRIO]
    found = [_by_table(suite, suite.costs, chips)]
    if suite.other_costs is not None:
        found.append(_by_table(suite, suite.other_costs, trio))
    return found


def _by_table(suite: Suite, name: str, machines: Sequence[Machine]) -> TableAreas:
    table = load_cost_table(name)
    terms = {
        machine.role: area_terms(components(machine.arch, table))
        for machine in machines
        if machine.role in TRIO
    }
    equal = None if suite.equal is None else equal_of(suite, name)
    ends = {} if equal is None else equal.ends
    return TableAreas(
        table.name,
        machines,
        [breakdown(machine.arch, table) for machine in machines],
        {role: ratio(terms[role], terms["baseline"]) for role in TRIO[1:]},
        {} if equal is None else {role: equal.scaled[of] for role, of in SCALED.items()},
        {role: getattr(ends[of], end) for role, (of, end) in AT_ENDS.items() if of in ends},
        {} if equal is None else equal.remarks,
    )
