"""The part of the page about one workload: operators, units, traffic and loop nests."""

from __future__ import annotations

from typing import NamedTuple

from accelsim.analysis.columns import STATES
from accelsim.analysis.comparison import Comparison
from accelsim.analysis.meanings import STATE_MEANINGS
from accelsim.analysis.result import Result
from accelsim.analysis.sections import over_steps
from accelsim.report.cells import Head, PageTable, column_head, text_head, words_table
from accelsim.report.groups import MANY, OperatorRow, leading_limit, operator_rows
from accelsim.report.words import (
    ROLE_TITLES,
    as_bytes,
    as_time,
    notes_of,
    origin_text,
    percent,
    quality_text,
    replay_text,
    selection_lines,
    short,
    time_unit,
    times,
    without_layer,
)


class WorkloadPart(NamedTuple):
    """What the page shows of one workload."""

    name: str
    title: str
    facts: list[tuple[str, str]]
    operators: PageTable
    units: PageTable
    traffic: PageTable
    nests: PageTable
    pictures: list[str]


def workload_part(comparison: Comparison) -> WorkloadPart:
    """Assemble the tables of one workload."""
    name = comparison.trace.name
    return WorkloadPart(
        name=name,
        title=f"{name}: candidate {times(comparison.speedup())}"
        + (
            f", +gather {times(comparison.speedup('third'))}"
            if "third" in comparison.results
            else ""
        ),
        facts=_facts(comparison),
        operators=operator_table(comparison),
        units=unit_table(comparison),
        traffic=traffic_table(comparison),
        nests=nest_table(comparison),
        pictures=[f"breakdown_{name}", f"utilisation_{name}"],
    )


def _facts(comparison: Comparison) -> list[tuple[str, str]]:
    trace = comparison.trace
    names = [
        f"{ROLE_TITLES[role]} {result.arch.name}"
        for role, result in comparison.results.items()
        if role != "candidate_dense"
    ]
    facts = [
        ("origin", origin_text(trace)),
        ("run", f"{trace.phase}, batch {trace.batch}, {trace.seq_len:,} tokens, cold scratchpad"),
        ("machines", ", ".join(names)),
        ("kept", trace.selection_rule or "not stated"),
        *[("indices", line) for line in selection_lines(comparison)],
        ("quality", quality_text(trace)),
    ]
    steps = over_steps(comparison)
    if steps is not None:
        first, later = (" -> ".join(map(as_time, p)) for p in (steps.first_ps, steps.later_ps))
        ends = f"{short(steps.over.minimum)}x to {short(steps.over.maximum)}x"
        facts.append(("first step", f"baseline -> candidate {first}, {times(steps.first)}"))
        facts.append((f"{steps.number - 1} later", f"each {later}, {times(steps.later)}, {ends}"))
    if trace.note:
        facts.append(("note", trace.note))
    if replayed := replay_text(trace):
        facts.append(("replay", replayed))
    facts += [("note", line) for line in notes_of(comparison.results.values())]
    facts += [("warning", line) for line in working_set_warnings(comparison)]
    return facts


def working_set_warnings(comparison: Comparison) -> list[str]:
    """Where an operator's tensors all fit in the scratchpad, how much of the time that is."""
    result = comparison.results["baseline"]
    table = result.operators
    small = table[(table["working_set"] < 1) & (table["time_ps"] > 0)]
    if small.empty:
        return []
    share = small["time_ps"].sum() / max(1, result.total_ps)
    return [
        f"{len(small)} of {len(table)} operators, {percent(share)} of the baseline's time, have a "
        "working set smaller than the scratchpad: they exercise its memory little"
    ]


def operator_table(comparison: Comparison) -> PageTable:
    """Time of every machine, speedup, limits, bytes, utilisation and working set by operator."""
    roles = list(comparison.results)
    longest = max(result.total_ps for result in comparison.results.values())
    unit, size = time_unit(longest / 10)
    heads = [text_head("operator"), text_head("kind")]
    heads += [column_head("time_ps", ROLE_TITLES[role], unit) for role in roles]
    heads.append(column_head("speedup"))
    heads += [
        Head(f"{ROLE_TITLES[r]} limited by", "largest share of its critical path", numeric=False)
        for r in ("baseline", "candidate")
    ]
    heads += [
        column_head("dram_bytes", "DRAM bytes, baseline"),
        column_head("dram_bytes", "DRAM bytes, candidate"),
        column_head("utilization", "utilisation, baseline"),
        column_head("utilization", "utilisation, candidate"),
        column_head("working_set", "working set / scratchpad"),
    ]
    rows = [_operator_cells(comparison, row, roles, size) for row in operator_rows(comparison)]
    total = [short(comparison.results[role].total_ps / size) for role in roles]
    rows.append(
        ["total", "", *total, times(comparison.speedup()), "", "", *_totals(comparison), ""]
    )
    caption = "Operators (time: share of the critical path, rows sum to the total)"
    if len(comparison.results["baseline"].operators) > MANY:
        caption += "; one row a kind and name over the layers, every operator is in summary.csv"
    return PageTable(caption, heads, rows, frozenset({len(rows) - 1}))


def _operator_cells(
    comparison: Comparison, row: OperatorRow, roles: list[str], size: float
) -> list[str]:
    cells = [f"{row.name} ({row.operators})" if row.operators > 1 else row.name, row.kind]
    cells += [short(row.time_ps[role] / size) for role in roles]
    cells.append(times(row.speedup("candidate")))
    for role in ("baseline", "candidate"):
        cells.append(f"{row.limited_by[role]}, {100 * row.limited_share[role]:.0f} %")
    moved, used, smallest = [], [], 0.0
    for role in ("baseline", "candidate"):
        table = comparison.results[role].operators
        mine = table[[_same(row, k, s) for k, s in zip(table["kind"], table["scope"], strict=True)]]
        moved.append(as_bytes(mine["dram_bytes"].sum()))
        weighted = (mine["utilization"] * mine["time_ps"]).sum() / max(1, mine["time_ps"].sum())
        used.append(percent(weighted))
        smallest = mine["working_set"].min()
    warned = f"{short(smallest)} (below 1)" if smallest < 1 else short(smallest)
    return [*cells, *moved, *used, warned]


def _same(row: OperatorRow, kind: str, scope: str) -> bool:
    return row.kind == kind and row.name in (scope, without_layer(scope))


def _totals(comparison: Comparison) -> list[str]:
    both = [comparison.results[role].summary for role in ("baseline", "candidate")]
    moved = [as_bytes(s["dram_bytes"]) for s in both]
    return [*moved, *(percent(s["overall_utilization"]) for s in both)]


def unit_table(comparison: Comparison) -> PageTable:
    """States of every unit, in percent of servers x total."""
    heads = [text_head("machine"), text_head("unit"), column_head("servers")]
    heads += [Head(f"{state} (%)", hint_of_state(state)) for state in STATES]
    rows = []
    for role, result in comparison.results.items():
        for row in result.units.to_dict("records"):
            whole = max(1, result.total_ps * row["servers"])
            parts = [f"{100 * row[f'{state}_ps'] / whole:.1f}" for state in STATES]
            rows.append([ROLE_TITLES[role], row["unit"], str(row["servers"]), *parts])
    return PageTable("Unit states: exclusive, and they sum to servers x total", heads, rows)


def hint_of_state(state: str) -> str:
    """What a state of a unit means."""
    return STATE_MEANINGS[state].what


def traffic_table(comparison: Comparison) -> PageTable:
    """DRAM bytes by cause and machine."""
    heads = [text_head("machine"), text_head("cause")]
    names = ("unique_bytes", "requested_bytes", "over_fetch_bytes", "dram_bytes")
    heads += [column_head(name) for name in names]
    rows = []
    for role, result in comparison.results.items():
        sums = result.traffic.groupby("cause", sort=False).sum(numeric_only=True)
        for cause, row in sums.iterrows():
            rows.append([ROLE_TITLES[role], str(cause), *(as_bytes(row[name]) for name in names)])
        total = [as_bytes(result.traffic[name].sum()) for name in names]
        rows.append([ROLE_TITLES[role], "all", *total])
    strong = frozenset(at for at, row in enumerate(rows) if row[1] == "all")
    return PageTable("DRAM traffic by cause", heads, rows, strong)


def nest_table(comparison: Comparison) -> PageTable:
    """The mapping that was chosen for every operator, equal ones together."""
    rows = []
    for role, result in comparison.results.items():
        for kind, scope, nest in _nests(result):
            rows.append([ROLE_TITLES[role], scope, kind, nest])
    titles = ("machine", "operator", "kind", "loop nest: the choice of the mapping")
    return words_table("Loop nests", titles, rows)


def _nests(result: Result) -> list[tuple[str, str, str]]:
    table = result.operators
    found: dict[tuple[str, str, str], int] = {}
    grouped = len(table) > MANY
    for row in table.to_dict("records"):
        if row["mapping"]:
            scope = without_layer(row["scope"]) if grouped else row["scope"]
            key = (row["kind"], scope, row["mapping"])
            found[key] = found.get(key, 0) + 1
    return [
        (kind, f"{scope} ({count})" if count > 1 else scope, nest)
        for (kind, scope, nest), count in found.items()
    ]


def limits_table(comparisons: list[Comparison]) -> PageTable:
    """What holds most of each machine's critical path, by workload."""
    roles = ("baseline", "third", "candidate")
    heads = [text_head("workload")]
    heads += [text_head(f"{ROLE_TITLES[role]} is limited by") for role in roles]
    rows = []
    for comparison in comparisons:
        cells = [comparison.trace.name]
        for role in roles:
            result = comparison.results.get(role)
            cells.append("-" if result is None else _limit(result))
        rows.append(cells)
    return PageTable("What limits each machine, end to end", heads, rows)


def _limit(result: Result) -> str:
    limit, share = leading_limit(result.operators)
    return f"{limit}, {100 * share:.0f} % of {as_time(result.total_ps)}"
