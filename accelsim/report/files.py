"""Columns of every CSV file beside a page, in their order: unit, and what each one is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from accelsim.analysis.columns import (
    COMPARED_COLUMNS,
    COMPARED_OPERATOR_COLUMNS,
    MEMORY_COLUMNS,
    OPERATOR_COLUMNS,
    PATH_COLUMNS,
    SUMMARY_COLUMNS,
    TRAFFIC_COLUMNS,
    UNIT_COLUMNS,
    Column,
)
from accelsim.hardware.columns import (
    ACTION_COLUMNS,
    AREA_COLUMNS,
    ENERGY_COLUMNS,
    OPERATOR_ENERGY_COLUMNS,
)
from accelsim.report.robustness_tables import (
    ABLATION_COLUMNS,
    FLIP_COLUMNS,
    FLIP_POINT_COLUMNS,
    SPREAD_WITHIN_COLUMNS,
    WHAT_IF_COLUMNS,
)

_SUFFIX = {"MAC/B": "_mac_per_byte"}
_TABLES = "derived: accelsim/report/tables.py"


class File(NamedTuple):
    """What a file holds, in words, and its columns."""

    title: str
    columns: tuple[Column, ...]


def csv_name(column: Column) -> str:
    """Name of a column in a file: its own, with the unit where the name does not end in it."""
    return column.name + _SUFFIX.get(column.unit, "")


def names(file: str) -> list[str]:
    """The first line of NAME.csv."""
    return [csv_name(column) for column in FILES[file].columns]


def _of(columns: Iterable[Column], *chosen: str) -> Iterator[Column]:
    by_name = {column.name: column for column in columns}
    return (by_name[name] for name in chosen)


def _but(columns: Iterable[Column], *left_out: str) -> Iterator[Column]:
    return (column for column in columns if column.name not in left_out)


def _spread(over: str, what: str) -> tuple[Column, ...]:
    """Ends of a spread of speedups."""
    return (
        Column("geomean", "", f"geometric mean of {what} {over}", _COMPARED),
        Column("minimum", "", f"least of {what}", _COMPARED),
        Column("maximum", "", f"largest of {what}", _COMPARED),
        Column("verdict", "", "faster, slower, or sign not established (it crosses 1)", _COMPARED),
    )


_COMPARED = "derived: accelsim/analysis/comparison.py"
_WORKLOAD, _ROLE = _of(COMPARED_COLUMNS, "workload", "role")
_ARCHITECTURE, _CLOCK = _of(SUMMARY_COLUMNS, "architecture", "clock_ghz")
_MACHINE = (_WORKLOAD, _ROLE, _ARCHITECTURE)
_OPERATOR, _SCOPE = _of(OPERATOR_COLUMNS, "operator", "scope")
_BREAKDOWN = "critical path and the tasks' counters: accelsim/analysis/breakdown.py"
_TIMELINE = "engine schedule and the tasks' counters: accelsim/analysis/timeline.py"
_GROUPS = "derived: accelsim/report/groups.py"
_EQUAL = "derived: accelsim/sweep/equal.py"
_OVER = "simulated again: accelsim/sweep/equal_range.py"
_TERMS = "architecture: accelsim/arch/equal.py"
_DENSITY = "simulated: accelsim/sweep/density.py"
_CUT = "simulated: accelsim/sweep/break_even.py"
_REUSE = "trace: accelsim/workload/statistics.py"
_TOKENS = "trace: accelsim/report/plots/expert_load.py"
_RATIO = "derived: accelsim/hardware/ratio.py"
_SUITES = "accelsim/validation/suites.py"


def _shared(name: str, formula: str) -> tuple[Column, ...]:
    """A mean of key reuse, and between what most tiles lie."""
    return (
        Column(name, "", f"{formula}: mean over tiles and layers", _REUSE),
        Column(f"{name}_10th_percentile", "", "10 % of a layer's tiles lie below", _REUSE),
        Column(f"{name}_90th_percentile", "", "10 % of a layer's tiles lie above", _REUSE),
    )


FILES: dict[str, File] = {
    "summary": File("Operators", (
        *_MACHINE,
        _CLOCK,
        *_of(OPERATOR_COLUMNS, "operator", "scope"),
        Column("group", "", "scope; of many operators, less the layer's number", _GROUPS),
        *_but(OPERATOR_COLUMNS, "operator", "scope"),
        Column("fits_on_chip", "", "1 if the working set is below 1, else 0", _TABLES),
        *COMPARED_OPERATOR_COLUMNS,
    )),
    "totals": File("Totals", (
        _WORKLOAD,
        _ROLE,
        *_but(SUMMARY_COLUMNS, "workload"),
        *_but(COMPARED_COLUMNS, "workload", "role"),
    )),
    "layers": File("Spread over layers", (
        _WORKLOAD,
        Column("layers", "", "number of layers", "accelsim/analysis/sections.py"),
        *_spread("over layers", "the candidate's speedups"),
    )),
    "spread": File("Spread over workloads", (
        Column("workloads", "", "which workloads: all, without free indices, or with", _TABLES),
        Column("count", "", "number of workloads", _TABLES),
        Column("ratio", "", "which machine over which", _TABLES),
        *_spread("over workloads", "the speedups"),
    )),
    "terms": File("Terms of the comparison", (
        _WORKLOAD,
        Column("term", "", "what of the machines is compared", _TERMS),
        _ARCHITECTURE,
        Column("value", "", "of this machine, with its unit", _TERMS),
        Column("equal", "", "the same on all machines", _TERMS),
        Column("must_be_equal", "", "the comparison is not fair if it differs", _TERMS),
    )),
    "units": File("Units", (*_MACHINE, *UNIT_COLUMNS)),
    "memory": File("DRAM requests", (
        *_MACHINE,
        *_but(MEMORY_COLUMNS, "bank_waits"),
        Column("reads", "", "reads replayed into banks of the scratchpad", _TABLES),
        Column("waits_0", "", "of these, reads that found no line in their bank", _TABLES),
        Column("waits_1_to_3", "", "reads that found one to three lines", _TABLES),
        Column("waits_4_up", "", "reads that found four lines or more", _TABLES),
    )),
    "traffic": File("DRAM traffic", (*_MACHINE, *TRAFFIC_COLUMNS)),
    "critical_path": File("Critical path", (*_MACHINE, _OPERATOR, *PATH_COLUMNS)),
    "breakdown": File("Breakdown of the critical path", (
        _WORKLOAD,
        _ROLE,
        Column("kind", "", "operator kind", _BREAKDOWN),
        Column("part", "", "what the time was spent on", _BREAKDOWN),
        Column("time_ps", "ps", "its share of the critical path", _BREAKDOWN),
    )),
    "timeline": File("Utilisation over time", (
        _WORKLOAD,
        _ROLE,
        Column("unit", "", "name of the unit, or DRAM", _TIMELINE),
        Column("begin_ps", "ps", "begin of the bin; it ends where the next one begins", _TIMELINE),
        Column(
            "utilization", "", "useful time / (servers x bin); of DRAM bytes / (peak x bin)",
            _TIMELINE,
        ),
    )),
    "area": File("Area and peak power", (*_MACHINE, *AREA_COLUMNS)),
    "energy": File("Energy", (*_MACHINE, *ENERGY_COLUMNS)),
    "energy_operators": File("Energy by operator", (
        _WORKLOAD,
        _ROLE,
        *_of(OPERATOR_ENERGY_COLUMNS, "operator", "scope"),
        Column("kind", "", "operator kind", _BREAKDOWN),
        Column("group", "", "scope; of many operators, less the layer's number", _GROUPS),
        *_but(OPERATOR_ENERGY_COLUMNS, "operator", "scope"),
    )),
    "energy_actions": File("Energy by action", (_WORKLOAD, _ROLE, *ACTION_COLUMNS)),
    "equal": File("Machines made equal", (
        _WORKLOAD,
        _ROLE,
        Column("measure", "", "what is equal: area, power, macs or cost", _EQUAL),
        Column("unit", "", "of the measure", _EQUAL),
        Column("cost_table", "", "which it is by, if any", _EQUAL),
        Column("like", "", "role of the machine that it was scaled to", _EQUAL),
        Column("way", "", "what was multiplied: rows, columns or PEs", _EQUAL),
        Column("other_way", "", "what the other way gave, if it was tried", _EQUAL),
        Column("other_ratio", "", "time with the other way / with this one, simple DRAM", _EQUAL),
        Column("factor", "", "by which these were multiplied", _EQUAL),
        Column("bytes_factor", "", "by which bytes on chip were multiplied", _EQUAL),
        Column("before", "", "the measure of the machine as it was, in `unit`", _EQUAL),
        Column("after", "", "of the machine as scaled", _EQUAL),
        Column("target", "", "of the machine that it was scaled to", _EQUAL),
        Column("ratio", "", "target / before", _EQUAL),
        Column("ratio_low", "", "least by the ranges of the cost table, as in cost_ratios", _EQUAL),
        Column("ratio_high", "", "largest by them", _EQUAL),
        Column("decided_by", "", "entry of the cost table that moves the ratio most", _EQUAL),
        Column(
            "speedup_before", "", "of the candidate over this machine (over the baseline, if it is "
            "the candidate), this machine as it was",
            _OVER,
        ),
        Column("speedup", "", "the same, this machine as scaled", _OVER),
        Column("speedup_low", "", "least, this machine scaled to either end of the ratio", _OVER),
        Column("speedup_high", "", "largest", _OVER),
        Column("verdict", "", "faster, slower, or sign not established (it crosses 1)", _OVER),
        Column("remark", "", "why the range of the cost table was not looked at", _OVER),
    )),
    "cost_ratios": File("Ratios of area and energy", (
        _WORKLOAD,
        _ROLE,
        Column("quantity", "", "area: this machine / baseline; energy: baseline / this", _RATIO),
        Column("ratio", "", "of the figures as they are", _RATIO),
        Column("ratio_low", "", "least, figures of both off to the same side", _RATIO),
        Column("ratio_high", "", "largest, figures of both off to the same side", _RATIO),
        Column("decided_by", "", "entry of the cost table that moves it most", _RATIO),
        Column(
            "verdict", "",
            "less or more energy, larger or smaller area, or sign not established (it crosses 1)",
            _RATIO,
        ),
    )),
    "what_if": File("What would help", WHAT_IF_COLUMNS),
    "flip": File("What changes the winner", FLIP_COLUMNS),
    "flip_points": File("What was tried to change the winner", FLIP_POINT_COLUMNS),
    "ablation": File("What each unit is worth", ABLATION_COLUMNS),
    "spread_within": File("How far the speedup moves", SPREAD_WITHIN_COLUMNS),
    "break_even": File("Break-even overhead", (
        _WORKLOAD,
        Column("cut", "", "part of the candidate's MACs and SRAM taken away", _CUT),
        Column("speedup", "", "baseline time / the candidate's time with this cut", _CUT),
        Column("break_even_cut", "", "cut at which the speedup is 1, between two tried", _CUT),
        Column("remark", "", "what stopped the search", _CUT),
        Column("area_mm2", "mm2", "area of the candidate", _CUT),
        Column("spare_mm2", "mm2", "area that the break-even cut takes of it", _CUT),
        Column("cost_table", "", "what both areas are by", _CUT),
    )),
    "density": File("Speedup against density", (
        Column("kept", "", "keys kept a query", _DENSITY),
        Column("density", "", "kept / visible pairs of query and key", _DENSITY),
        Column("selection", "", "who chooses the keys", _DENSITY),
        Column("role", "", "third (baseline + gather) or candidate", _DENSITY),
        Column("speedup", "", "baseline time / this machine's time", _DENSITY),
    )),
    "expert_load": File("Expert load", (
        _WORKLOAD,
        Column("scope", "", "the operator's name in the model", _TOKENS),
        Column("rank", "", "of the expert, 0 has most tokens", _TOKENS),
        Column("tokens", "", "tokens routed to it", _TOKENS),
    )),
    "key_reuse": File("Key reuse", (
        Column("workload", "", "traces with equal patterns share a line", _REUSE),
        Column("tile_queries", "", "queries of a tile", _REUSE),
        *_shared("distinct_keys", "distinct keys of a tile"),
        *_shared("queries_per_fetched_key", "kept pairs / distinct keys of a tile"),
    )),
    "validation": File("Validation", (
        Column("suite", "", "name", _SUITES),
        Column("checks", "", "what is held against what", _SUITES),
        Column("cases", "", "number of rows", _SUITES),
        Column("max_error", "", "largest error, in the unit named", _SUITES),
        Column("tolerance", "", "what is allowed", _SUITES),
        Column("unit", "", "of the error", _SUITES),
        Column("passed", "", "every row is within tolerance", _SUITES),
    )),
}  # fmt: skip
