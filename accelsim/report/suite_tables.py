"""The tables of a suite, one CSV file each, and what every column is."""

from __future__ import annotations

import math

import pandas as pd

from accelsim.analysis.columns import SUMMARY_COLUMNS, Column
from accelsim.hardware.columns import AREA_COLUMNS, group_column
from accelsim.hardware.component import GROUPS
from accelsim.hardware.ratio import Ratio
from accelsim.report.files import File
from accelsim.report.suite import ENDS, SCALED
from accelsim.report.suite_areas import TableAreas
from accelsim.report.suite_figures import Figures, Pair

_RUNS = "simulated: accelsim/report/suite.py"
_FIGURES = "derived: accelsim/report/suite_figures.py"
_RATIO = "derived: accelsim/hardware/ratio.py"
_AREA = "derived: accelsim/hardware/area.py"
_KNOWN = {column.name: column for column in SUMMARY_COLUMNS}

_WORKLOAD = Column("workload", "", "trace or recipe", _RUNS)
_ROLE = Column(
    "role",
    "",
    "of the machine; *_equal: scaled to the candidate; *_low, *_high: to both ends of its range",
    _RUNS,
)
_ARCHITECTURE = Column("architecture", "", "name of the machine", _RUNS)
_PAIR = (_WORKLOAD, _ROLE, _ARCHITECTURE)


def _speedup(end: str, of: str) -> tuple[Column, ...]:
    return (
        Column(f"speedup{end}", "", f"time of {of} / time, in the steps of both", _FIGURES),
        Column(f"minimum{end}", "", "least of it over layers or seeds", _FIGURES),
        Column(f"maximum{end}", "", "largest of it over layers or seeds", _FIGURES),
    )


def _ratio(end: str, of: str) -> tuple[Column, ...]:
    name, sizes = f"energy_ratio{end}", ", at any of its sizes" * bool(end)
    return (
        Column(name, "", f"energy of {of} / energy, in the steps of both", _RATIO),
        Column(f"{name}_low", "", f"least, figures of both off to the same side{sizes}", _RATIO),
        Column(f"{name}_high", "", f"largest, figures of both off to the same side{sizes}", _RATIO),
        Column(f"{name}_decided_by", "", "entry of the cost table that moves it most", _RATIO),
    )


AT_EQUAL = {  # role of a machine at equal size -> of it as shipped
    "candidate": "candidate", "candidate_dense": "candidate_dense", **SCALED,
}  # fmt: skip
AT_EQUAL_COLUMNS = (
    *_speedup("_at_equal", "the scaled baseline"),
    Column("speedup_at_equal_low", "", "least of it over the ranges of the cost table", _FIGURES),
    Column("speedup_at_equal_high", "", "largest of it over them", _FIGURES),
    *_ratio("_at_equal", "the scaled baseline"),
)
SUITE_FILES: dict[str, File] = {
    "suite": File("Suite: workloads and machines", (
        *_PAIR,
        Column("steps", "", "steps or prompts that were run", _RUNS),
        Column("total_ps", "ps", "time, mean over seeds", _RUNS),
        *_speedup("", "the baseline as shipped"),
        Column("samples", "", "layers or seeds", _FIGURES),
        Column("samples_of", "", "layers, or seeds", _FIGURES),
        *(_KNOWN[name] for name in (
            "overall_utilization", "dram_utilization", "dram_bytes", "effectual_macs",
        )),
        Column("limited_by", "", "what holds most of the critical path", _RUNS),
        Column("limited_share", "", "its share", _RUNS),
        Column("area_mm2", "mm2", "of the chip", _AREA),
        Column("energy_pj", "pJ", "of all steps, DRAM included, mean over seeds", _RUNS),
        Column("energy_low_pj", "pJ", "with every figure at its low end", _RUNS),
        Column("energy_high_pj", "pJ", "with every figure at its high end", _RUNS),
        *(
            Column(group_column(group), "pJ", f"of it {group} components", _RUNS)
            for group in GROUPS
        ),
        Column("sparse_pj", "pJ", "of it what is there for sparsity alone", _RUNS),
        Column("token_pj", "pJ", "energy / (tokens of a step x steps)", _FIGURES),
        Column("edp_js", "J s", "energy x time, of all steps", _FIGURES),
        Column("unverified_share", "", "share of the energy on figures not looked up", _RUNS),
        *_ratio("", "the baseline as shipped"),
        *AT_EQUAL_COLUMNS,
        Column("refused", "", "why the machine cannot run the workload", _RUNS),
    )),
    "samples": File("Suite: layers and seeds", (
        *_PAIR,
        Column("of", "", "layers, or seeds", _FIGURES),
        Column("sample", "", "number of the layer or seed", _FIGURES),
        Column("speedup", "", "time of the baseline as shipped / time", _FIGURES),
    )),
    "steps": File("Suite: steps", (
        *_PAIR,
        Column("step", "", "number of the step or prompt", _RUNS),
        Column("time_ps", "ps", "its time, first seed", _RUNS),
    )),
    "area": File("Suite: area", (
        _ROLE,
        _ARCHITECTURE,
        Column("cost_table", "", "name of the cost table", _AREA),
        *AREA_COLUMNS,
    )),
}  # fmt: skip
SUITE_GROUPS = tuple(
    (f"{file.title} ({name}.csv)", file.columns) for name, file in SUITE_FILES.items()
)


def suite_tables(figures: Figures, areas: list[TableAreas]) -> dict[str, pd.DataFrame]:
    """Every table by the name of its file."""
    return {
        "suite": speedup_table(figures),
        "samples": sample_table(figures),
        "steps": step_table(figures),
        "area": area_table(areas),
    }


def speedup_table(figures: Figures) -> pd.DataFrame:
    """One row a workload and machine: suite.csv."""
    rows = [
        _row(figures, workload, role, machine)
        for workload in figures.workloads
        for role, machine in figures.columns
    ]
    return pd.DataFrame(rows, columns=[each.name for each in SUITE_FILES["suite"].columns])


def _row(figures: Figures, workload: str, role: str, machine: str) -> dict[str, object]:
    runs = figures.of(workload, role, machine)
    pair = figures.pair(workload, role, machine)
    first = runs[0]
    row: dict[str, object] = {
        "workload": workload,
        "role": role,
        "architecture": machine,
        "steps": len(figures.steps(workload, role, machine)),
        "total_ps": sum(run.total_ps for run in runs) // len(runs),
        **_speedups("", pair),
        "samples": 0 if pair is None else len(pair.samples),
        "samples_of": "" if pair is None else pair.of,
        "overall_utilization": first.utilization,
        "dram_utilization": first.dram_utilization,
        "dram_bytes": first.dram_bytes,
        "effectual_macs": first.effectual_macs,
        "limited_by": first.limited_by,
        "limited_share": first.limited_share,
        **_energies(figures, workload, role, machine),
        **_ratios("", figures.energy_ratio(workload, role, machine)),
        "refused": first.refused,
    }
    if figures.at_equal and role in AT_EQUAL:
        base, _ = figures.rivals(equal=True)
        row |= _speedups("_at_equal", figures.pair(workload, role, machine, base))
        if role != base:
            over = figures.over_table(workload, AT_EQUAL[role], "baseline")
            row |= {f"speedup_at_equal_{end}": getattr(over, end, math.nan) for end in ENDS}
        row |= _ratios("_at_equal", figures.energy_ratio(workload, role, machine, base))
    return row


def _speedups(end: str, pair: Pair | None) -> dict[str, object]:
    return {
        f"speedup{end}": math.nan if pair is None else pair.speedup,
        f"minimum{end}": math.nan if pair is None else pair.over.minimum,
        f"maximum{end}": math.nan if pair is None else pair.over.maximum,
    }


def _ratios(end: str, found: Ratio | None) -> dict[str, object]:
    if found is None:
        return {}
    name = f"energy_ratio{end}"
    return {
        name: found.value,
        f"{name}_low": found.low,
        f"{name}_high": found.high,
        f"{name}_decided_by": found.decided_by,
    }


def _energies(figures: Figures, workload: str, role: str, machine: str) -> dict[str, object]:
    spent = figures.spent(workload, role, machine)
    if spent is None:
        return {}
    return {
        "area_mm2": figures.of(workload, role, machine)[0].area_mm2,
        "energy_pj": spent.energy_pj.value,
        "energy_low_pj": spent.energy_pj.low,
        "energy_high_pj": spent.energy_pj.high,
        **{group_column(group): energy for group, energy in spent.groups.items()},
        "sparse_pj": spent.sparse_pj,
        "token_pj": spent.token_pj,
        "edp_js": spent.edp_js,
        "unverified_share": spent.unverified_share,
    }


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


def area_table(areas: list[TableAreas]) -> pd.DataFrame:
    """One row a cost table, machine and component: area.csv."""
    parts = []
    for each in areas:
        for machine, made in zip(each.machines, each.made, strict=True):
            rows = made.rows.copy()
            rows.insert(0, "role", machine.role)
            rows.insert(1, "architecture", machine.arch.name)
            rows.insert(2, "cost_table", each.table)
            parts.append(rows)
    return pd.concat(parts, ignore_index=True)
