"""Area and energy on a suite's page: what sparse logic takes, and speed at equal area."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from accelsim.cost.load import load_cost_table
from accelsim.hardware.component import GROUPS
from accelsim.report.page.cells import Head, PageTable, text_head
from accelsim.report.suite import Suite
from accelsim.report.suite_areas import SPARSE_KINDS, TRIO, TableAreas
from accelsim.report.suite_figures import GAINS, Figures, Spent
from accelsim.report.suite_findings import needs_text, ratio_text, sparse_text
from accelsim.report.words import (
    ROLE_TITLES,
    as_energy,
    percent,
    short,
    square_mm,
    times,
)
from accelsim.sweep.equal import METHOD

RANGES = (
    "Ranges of an area: every figure of the table at its low end, or at its high end. Ranges of a "
    "ratio: the same figure is off to the same side on both machines, and each is where it moves "
    "the ratio most; at equal area rivals are scaled to both ends of the ratio of areas and "
    "simulated again, for the ranges of speedups and energies. What crosses 1 has no established "
    "sign; of a ratio of energies the entry of the table that moves it most is named."
)
SPARSE = (
    "Sparse logic is what a machine that only computes densely would leave out: gather, scatter "
    "and index units (of the load unit the window that finds duplicates), FIFOs of rows and what "
    "matches them, buses that pass all rows, and the ports by which these reach the scratchpad."
)
TIME_ALONE = (
    "The mapping chooses for time alone, on every machine: a scaled rival may gain time by a "
    "mapping that reads the scratchpad more, and so need more energy than it does as shipped. "
    "Energies are given against rivals as shipped too."
)


class CostsPart(NamedTuple):
    """`said` : sentences; `equal` : the table of speedups and energy; `sparse`, `components` : of
    area; `energies` : of every machine; `other` : areas by both cost tables.
    """

    equal: PageTable
    said: list[str]
    sparse: PageTable
    components: PageTable
    energies: PageTable
    other: PageTable


def costs_part(suite: Suite, figures: Figures, areas: Sequence[TableAreas]) -> CostsPart:
    """Everything about area and energy on the page."""
    table = load_cost_table(suite.costs)
    said = [f"Cost table {table.name}, {table.node_nm:g} nm: {table.file.description}."]
    if figures.at_equal:
        texts = "; ".join(one.text for one in areas[0].scaled.values())
        said += [f"Rivals at equal {suite.equal}: {texts}.", METHOD, TIME_ALONE]
        said += [f"No range of {role}: {why}." for role, why in areas[0].remarks.items()]
    said.append(f"{SPARSE} {guessed_text(areas[0])}")
    return CostsPart(
        equal=equal_table(suite, figures),
        said=[*said, RANGES],
        sparse=sparse_table(areas[0]),
        components=components_table(areas[0]),
        energies=energies_table(figures),
        other=tables_table(suite, areas),
    )


def guessed_text(areas: TableAreas) -> str:
    """How much of the candidate's area is assumed, or not looked up."""
    parts = []
    for what, sparse in (("its area", False), ("its sparse logic", True)):
        assumed, unverified = areas.guessed("candidate", sparse=sparse)
        parts.append(
            f"of {what} {percent(assumed)} is assumed, and {percent(unverified)} is on figures "
            "that were not looked up"
        )
    return f"Of the candidate: {'; '.join(parts)}; the table of components says which."


def equal_table(suite: Suite, figures: Figures) -> PageTable:
    """Speedup of the candidate as shipped and at equal area, its energy, and both verdicts."""
    base, gather = figures.rivals(equal=figures.at_equal)
    heads = [text_head("workload"), Head("speedup, equal MACs")]
    if figures.at_equal:
        heads += [Head(f"equal {suite.equal}"), Head(f"over +gather, equal {suite.equal}")]
        heads += [text_head(f"what pays at equal {suite.equal}")]
    rivals = ["baseline", base] if figures.at_equal else ["baseline"]
    for rival in rivals:
        terms = "equal MACs" if rival == "baseline" else f"equal {suite.equal}"
        heads.append(Head(f"energy, {terms}", "of the baseline / of the candidate"))
        heads.append(text_head("candidate needs"))
    rows = []
    for workload in figures.workloads:
        pair = figures.pair(workload, "candidate")
        cells = [workload, "refused" if pair is None else times(pair.speedup)]
        if figures.at_equal:
            cells += [
                ratio_text(figures.over_table(workload, "candidate", rival))
                for rival in ("baseline", "third")
            ]
            cells.append(GAINS[figures.gain(workload, equal=True)])
        for rival in rivals:
            found = figures.energy_ratio(workload, "candidate", against=rival)
            cells += [ratio_text(found), needs_text(found)]
        rows.append(cells)
    means = [figures.geomean("candidate")]
    if figures.at_equal:
        means += [figures.geomean("candidate", against=rival) for rival in (base, gather)]
    last = ["geometric mean", *("-" if m is None else times(m.geomean) for m in means)]
    last += [""] if figures.at_equal else []
    for rival in rivals:
        energy = figures.energy_geomean("candidate", against=rival)
        last += ["-" if energy is None else times(energy.geomean), ""]
    rows.append(last)
    caption = (
        "The candidate over the baseline, time and energy (DRAM included), with what the ranges of "
        f"{suite.costs} leave"
    )
    return PageTable(caption, heads, rows, frozenset({len(rows) - 1}))


def sparse_table(areas: TableAreas) -> PageTable:
    """What gather, scatter, index and FIFO logic take of each machine."""
    roles = [*TRIO, *areas.scaled]
    heads = [text_head("machine"), Head("area", "DRAM devices apart"), text_head("range")]
    heads += [*(Head(kind) for kind in SPARSE_KINDS.values()), Head("sparse logic")]
    heads += [Head("/ baseline"), text_head("scaled")]
    rows = []
    for role in roles:
        made = areas.of(role)
        area, kinds = made.area_mm2, areas.sparse(role)
        found = areas.ratios.get(role)
        how = areas.scaled[role].text if role in areas.scaled else "as shipped"
        rows.append(
            [
                title_of(areas, role),
                square_mm(area.value),
                f"{square_mm(area.low)} to {square_mm(area.high)}",
                *(square_mm(size) if size else "-" for size in kinds.values()),
                sparse_text(areas, role),
                "" if found is None else ratio_text(found),
                how,
            ]
        )
    return PageTable(f"Area and its sparse logic, by {areas.table}", heads, rows)


def title_of(areas: TableAreas, role: str) -> str:
    """Role and name of a machine."""
    name = next(machine.arch.name for machine in areas.machines if machine.role == role)
    return f"{ROLE_TITLES[role]}: {name}" if role in ROLE_TITLES else name


def components_table(areas: TableAreas) -> PageTable:
    """Area of every component of the trio; what it is taken as is said of the last that has it."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    told: dict[tuple[str, str], tuple[str, str, str]] = {}
    for role in TRIO:
        for row in areas.of(role).rows.to_dict("records"):
            if row["area_mm2"]:
                key = row["group"], row["component"]
                found.setdefault(key, {})[role] = row["area_mm2"]
                known = f"{row['mark']}, unverified" if row["unverified"] else row["mark"]
                told[key] = "sparse" if row["sparse"] else "", known, row["note"]
    heads = [text_head("unit"), text_head("component"), text_head("")]
    heads += [Head(f"{ROLE_TITLES[role]} (mm2)") for role in TRIO]
    heads += [text_head("known"), text_head("taken as")]
    rows = []
    for key in sorted(found, key=lambda key: GROUPS.index(key[0])):
        sparse, known, note = told[key]
        sizes = [short(found[key][role]) if role in found[key] else "-" for role in TRIO]
        rows.append([*key, sparse, *sizes, known, note])
    whole = [short(areas.of(role).area_mm2.value) for role in TRIO]
    rows.append(["all", "", "", *whole, "", ""])
    sums = [sparse_text(areas, role) for role in TRIO]
    rows.append(["sparse logic", "", "sparse", *sums, "", ""])
    strong = frozenset({len(rows) - 2, len(rows) - 1})
    return PageTable(f"Area by component, by {areas.table}", heads, rows, strong)


def energies_table(figures: Figures) -> PageTable:
    """What every machine of the trio, and its rivals at equal area, needed on every workload."""
    roles = [*TRIO, *(figures.rivals(equal=True) if figures.at_equal else ())]
    heads = [text_head("workload"), text_head("machine"), Head("energy"), text_head("range")]
    heads += [Head("array"), Head("scratchpad and wires"), Head("DRAM"), Head("sparse logic")]
    heads += [Head("a token"), Head("energy x delay (J s)"), Head("unverified")]
    rows = []
    for workload in figures.workloads:
        for role in roles:
            name = figures.of(workload, role)[0].machine
            spent = figures.spent(workload, role)
            cells = ["refused", *[""] * 8] if spent is None else _energy_cells(spent)
            rows.append([workload, name, *cells])
    return PageTable("Energy of every run, all steps, DRAM included", heads, rows)


def _energy_cells(spent: Spent) -> list[str]:
    energy, groups = spent.energy_pj, spent.groups
    parts = groups["array"], groups["scratchpad"] + groups["wires"], groups["DRAM"], spent.sparse_pj
    return [
        as_energy(energy.value),
        f"{as_energy(energy.low)} to {as_energy(energy.high)}",
        *(percent(part / energy.value) for part in parts),
        as_energy(spent.token_pj),
        f"{spent.edp_js:.3g}",
        percent(spent.unverified_share),
    ]


def tables_table(suite: Suite, areas: Sequence[TableAreas]) -> PageTable:
    """Areas of the trio by each cost table, and how rivals are, or would be, scaled by it."""
    heads = [text_head("cost table")]
    heads += [Head(ROLE_TITLES[role]) for role in TRIO]
    heads += [Head(f"{ROLE_TITLES[role]} / baseline") for role in TRIO[1:]]
    heads += [text_head("decided by"), Head("sparse logic of the candidate")]
    if areas[0].scaled:
        heads += [text_head(f"at equal {suite.equal}, the baseline"), text_head("+gather")]
    rows = []
    for number, each in enumerate(areas):
        row = [each.table if number == 0 else f"{each.table} (not simulated)"]
        row += [square_mm(each.of(role).area_mm2.value) for role in TRIO]
        row += [ratio_text(each.ratios[role]) for role in TRIO[1:]]
        row += [each.ratios["candidate"].decided_by, sparse_text(each, "candidate")]
        row += [one.text for one in each.scaled.values()]
        rows.append(row)
    return PageTable("Areas by each cost table, and what is equal by it", heads, rows)
