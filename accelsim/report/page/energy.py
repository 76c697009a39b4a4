"""Area and energy: the lines of the first screen, the section, and what a workload's part shows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from accelsim.analysis.comparison import Comparison
from accelsim.hardware.columns import group_column
from accelsim.hardware.compared import Costs
from accelsim.hardware.component import GROUPS, OFF_CHIP
from accelsim.report.energy_words import SPARSE, sets_of_machines, verdict_text
from accelsim.report.page.cells import Cell, Head, PageTable, Shown, figure, text_head
from accelsim.report.page.ledger import Figure, Ledger
from accelsim.report.study import Study
from accelsim.report.tables import file_hint
from accelsim.report.terms import shown_results
from accelsim.report.words import ROLE_TITLES, as_energy, percent, times

RANGE = Head("range", "with the figures of the cost table at their low and high ends")
RANGES = (
    "Ranges of an area or an energy: every figure of the table at its low end, or at its high end. "
    "Ranges of a ratio: the same figure is off to the same side on both machines, and each is "
    "where it moves the ratio most; a ratio whose range crosses 1 has no established sign."
)


class EnergyPart(NamedTuple):
    """`energies`, `areas`, `open_signs` : the first screen; `runs`, `components`, `said` : the
    section.
    """

    table: str
    energies: PageTable
    areas: PageTable
    open_signs: list[str]
    runs: PageTable
    components: list[PageTable]
    said: list[str]


def part(study: Study, ledger: Ledger) -> EnergyPart:
    """Everything about area and energy but what stands in the parts of workloads."""
    sets = sets_of_machines(study.comparisons, study.costs)
    return EnergyPart(
        table=study.cost_table.name,
        energies=energies_table(study.comparisons, ledger),
        areas=areas_table(sets, ledger),
        open_signs=open_signs(study, sets),
        runs=runs_table(study.comparisons, ledger),
        components=[components_table(comparison, costs, ledger) for comparison, costs in sets],
        said=[
            f"Cost table {study.cost_table.name}, {study.cost_table.node_nm:g} nm: "
            f"{study.cost_table.file.description}.",
            RANGES,
            f"Sparse: there for sparsity alone ({SPARSE}); a machine that only computes densely "
            "would leave it out. Peak power: every unit at its full rate in every cycle, which no "
            "program does.",
        ],
    )


def energies_table(comparisons: Sequence[Comparison], ledger: Ledger) -> PageTable:
    """Energy of baseline and candidate by workload, with the range of their ratio."""
    heads = [text_head("workload")]
    heads += [_head("energy", "energy_pj", role) for role in ("baseline", "candidate")]
    heads += [_head("cost_ratios", "ratio", "ratio"), RANGE, text_head("candidate needs")]
    rows: list[list[Shown]] = []
    for comparison in comparisons:
        where = {"workload": comparison.trace.name}
        cells: list[Shown] = [comparison.trace.name]
        cells += _of_roles(ledger, comparison, ("baseline", "candidate"), "energy_pj", as_energy)
        cells += _ratio_cells(ledger, "energy", {**where, "role": "candidate"})
        rows.append(cells)
    return PageTable("Energy, DRAM included; ratio: baseline / candidate", heads, rows)


def areas_table(sets: Sequence[tuple[Comparison, Costs]], ledger: Ledger) -> PageTable:
    """Area of every machine against its baseline, and of what is in it for sparsity alone."""
    heads = [text_head("machine"), _head("area", "area_mm2", "area (mm2)")]
    heads += [Head("sparse logic (mm2)", SPARSE), _head("cost_ratios", "ratio", "ratio"), RANGE]
    heads += [text_head("area is")]
    rows: list[list[Shown]] = []
    for comparison, _ in sets:
        for role, result in shown_results(comparison).items():
            where = {"workload": comparison.trace.name, "role": role}
            area = ledger.total("area", "area_mm2", **where)
            sparse = ledger.total("area", "area_mm2", **where, sparse=True)
            cells: list[Shown] = [ROLE_TITLES[role] if len(sets) == 1 else result.arch.name]
            cells += [figure(area, exactly("")), _and_share(sparse, sparse.over(area))]
            if role == "baseline":
                cells += ["", "", ""]
            else:
                cells += _ratio_cells(ledger, "area", where)
            rows.append(cells)
    caption = "Area of the chip, DRAM devices apart; ratio: machine / baseline"
    return PageTable(caption, heads, rows)


def open_signs(study: Study, sets: Sequence[tuple[Comparison, Costs]]) -> list[str]:
    """What could be less or more than the baseline's, and the entry of the table that decides."""
    said = []
    for comparison, costs in sets:
        for role, ratio in costs.area_ratios.items():
            if role in shown_results(comparison) and not ratio.established:
                name = comparison.results[role].arch.name
                said.append(f"area of {name}: {verdict_text('area', ratio)}")
    for comparison, costs in zip(study.comparisons, study.costs, strict=True):
        ratio = costs.energy_ratios["candidate"]
        if not ratio.established:
            said.append(f"energy of {comparison.trace.name}: {verdict_text('energy', ratio)}")
    return said


def _of_roles(
    ledger: Ledger,
    comparison: Comparison,
    roles: Sequence[str],
    column: str,
    shown: Callable[[float], str],
) -> list[Cell]:
    """A figure of energy.csv of several machines on one workload."""
    name = comparison.trace.name
    return [figure(ledger.only("energy", column, workload=name, role=r), shown) for r in roles]


def _ratio_cells(ledger: Ledger, quantity: str, where: dict[str, str]) -> list[Shown]:
    where = {**where, "quantity": quantity}
    ratio, *ends = (
        ledger.only("cost_ratios", name, **where) for name in ("ratio", "ratio_low", "ratio_high")
    )
    row = ledger.rows("cost_ratios", **where).iloc[0]
    return [figure(ratio, times), _range(ends, times), str(row["verdict"])]


def _range(ends: Sequence[Figure], shown: Callable[[float], str]) -> Cell:
    return _joined("\u00a0to ".join(shown(end.value) for end in ends), *ends)


def _and_share(size: Figure, share: Figure) -> Cell:
    return _joined(f"{exactly('')(size.value)}, {percent(share.value)}", size, share)


def _joined(text: str, *figures: Figure) -> Cell:
    """A cell of several figures, which says where each of them stands."""
    return Cell(text, source="; ".join(f"{each.value:.9g} = {each.source}" for each in figures))


def _head(file: str, column: str, text: str) -> Head:
    return Head(text, file_hint(file, column))


def exactly(unit: str, digits: int = 3) -> Callable[[float], str]:
    """Three significant digits and a unit."""
    return lambda value: f"{value:,.{digits}g} {unit}".strip()


_RUN_COLUMNS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("token_pj", "a token", as_energy),
    ("power_w", "power", exactly("W")),
    ("tops_per_w", "TOPS/W", exactly("")),
    ("edp_js", "energy x delay", exactly("J s")),
    ("unverified_share", "unverified", percent),
)


def runs_table(comparisons: Sequence[Comparison], ledger: Ledger) -> PageTable:
    """What every machine needed on every workload."""
    heads = [text_head("workload"), text_head("machine")]
    heads += [_head("energy", "energy_pj", "energy"), RANGE]
    heads += [Head("DRAM"), Head("leakage of the chip")]
    heads += [_head("energy", name, text) for name, text, _ in _RUN_COLUMNS]
    heads += [_head("cost_ratios", "ratio", "baseline / machine"), RANGE]
    heads += [text_head("machine needs"), _head("cost_ratios", "decided_by", "decided by")]
    heads[-1] = heads[-1]._replace(numeric=False)
    rows: list[list[Shown]] = []
    for comparison in comparisons:
        for role in comparison.results:
            where = {"workload": comparison.trace.name, "role": role}

            def only(name: str, where: dict[str, str] = where) -> Figure:
                return ledger.only("energy", name, **where)

            cells: list[Shown] = [comparison.trace.name, ROLE_TITLES[role]]
            ends = [only("energy_low_pj"), only("energy_high_pj")]
            cells += [figure(only("energy_pj"), as_energy), _range(ends, as_energy)]
            for name in ("dram_energy_pj", "leakage_pj"):
                cells.append(figure(only(name).over(only("energy_pj")), percent))
            cells += [figure(only(name), shown) for name, _, shown in _RUN_COLUMNS]
            if role == "baseline":
                cells += ["", "", "", ""]
            else:
                cells += _ratio_cells(ledger, "energy", where)
                chosen = ledger.rows("cost_ratios", **where, quantity="energy")
                cells.append(str(chosen["decided_by"].iloc[0]))
            rows.append(cells)
    return PageTable("Energy of every run", heads, rows)


def components_table(comparison: Comparison, costs: Costs, ledger: Ledger) -> PageTable:
    """Area, leakage and peak power of every component, one machine beside the other."""
    roles = ("baseline", "candidate")
    measures: tuple[tuple[str, str, Callable[[float], str]], ...] = (
        ("area_mm2", "area (mm2)", exactly("")),
        ("leakage_w", "leakage (mW)", lambda watts: f"{1000 * watts:,.3g}"),
        ("peak_power_w", "peak power (W)", exactly("")),
    )
    heads = [text_head("unit"), text_head("component"), text_head("sparse")]
    heads += [
        _head("area", n, f"{text}, {ROLE_TITLES[r]}") for n, text, _ in measures for r in roles
    ]
    heads += [text_head("known"), text_head("taken as")]
    found: dict[tuple[str, str], dict[Hashable, Any]] = {}
    for role in roles:
        for row in costs.areas[role].rows.to_dict("records"):
            found[row["group"], row["component"]] = row
    rows: list[list[Shown]] = []
    for (group, component), row in sorted(found.items(), key=lambda i: GROUPS.index(i[0][0])):
        where = {"workload": comparison.trace.name, "group": group, "component": component}
        cells: list[Shown] = [group, component, "sparse" if row["sparse"] else ""]
        for name, _, shown in measures:
            cells += [_of_component(ledger, where | {"role": role}, name, shown) for role in roles]
        known = f"{row['mark']}, unverified" if row["unverified"] else str(row["mark"])
        rows.append([*cells, known, str(row["note"])])
    names = " and ".join(comparison.results[role].arch.name for role in roles)
    whole: list[Shown] = ["all", "DRAM devices included", ""]
    for name, _, shown in measures:
        for role in roles:
            total = ledger.total("area", name, workload=comparison.trace.name, role=role)
            whole.append(figure(total, shown))
    rows.append([*whole, "", ""])
    caption = f"Components of {names}; of every machine: area.csv"
    return PageTable(caption, heads, rows, frozenset({len(rows) - 1}))


def _of_component(
    ledger: Ledger, where: dict[str, str], name: str, shown: Callable[[float], str]
) -> Shown:
    if not len(ledger.rows("area", **where)):
        return "-"
    found = ledger.total("area", name, **where)
    return figure(found, shown) if found.value else "-"


def groups_table(comparison: Comparison, ledger: Ledger) -> PageTable:
    """Energy of a workload by unit and machine."""
    name, roles = comparison.trace.name, list(comparison.results)
    heads = [text_head("energy of"), *(Head(ROLE_TITLES[role]) for role in roles)]
    largest = max(ledger.only("energy", "energy_pj", workload=name, role=r).value for r in roles)
    rows: list[list[Shown]] = []
    for group in GROUPS:
        found = [
            ledger.total("energy_operators", group_column(group), workload=name, role=role)
            for role in roles
        ]
        if any(each.value for each in found):
            shown = [
                figure(e, as_energy)._replace(part=e.value / largest) if e.value else "-"
                for e in found
            ]
            rows.append([f"{group} (devices)" if group == OFF_CHIP else group, *shown])
    rows.append(["all", *_of_roles(ledger, comparison, roles, "energy_pj", as_energy)])
    strong = frozenset({len(rows) - 1})
    return PageTable("Energy by unit, leakage and DRAM included", heads, rows, strong)


def marks_table(comparison: Comparison, ledger: Ledger) -> PageTable:
    """On figures of which kind the energy of a workload rests."""
    name, roles = comparison.trace.name, list(comparison.results)
    heads = [text_head("energy on figures"), *(Head(ROLE_TITLES[role]) for role in roles)]
    marks = dict.fromkeys(ledger.rows("energy_actions", workload=name)["mark"])
    rows: list[list[Shown]] = []
    for mark in sorted(marks):
        rows.append([str(mark), *_shares(ledger, name, roles, mark)])
    unverified = _of_roles(ledger, comparison, roles, "unverified_share", percent)
    rows.append(["with a figure that was not looked up", *unverified])
    return PageTable("How the figures behind the energy are known", heads, rows)


def _shares(ledger: Ledger, name: str, roles: Sequence[str], mark: str) -> list[Cell]:
    return [
        figure(
            ledger.total("energy_actions", "energy_pj", workload=name, role=role, mark=mark).over(
                ledger.only("energy", "energy_pj", workload=name, role=role)
            ),
            percent,
        )
        for role in roles
    ]
