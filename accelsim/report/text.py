"""The console output of `accelsim run` and `accelsim compare`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from accelsim.analysis.columns import STATES
from accelsim.analysis.comparison import Comparison, spread
from accelsim.analysis.result import Result
from accelsim.analysis.sections import over_layers, over_steps
from accelsim.hardware.area import Breakdown
from accelsim.hardware.compared import Costs
from accelsim.hardware.energy import Energy
from accelsim.report.costs_text import compared_costs, cost_lines, group_table
from accelsim.report.groups import MANY, OperatorRow, leading_limit, operator_rows
from accelsim.report.layout import WIDTH
from accelsim.report.layout import titled as _line
from accelsim.report.layout import whole_table as _table
from accelsim.report.terms import differs_line, dram_text, equal_line, machines
from accelsim.report.words import (
    ROLE_TITLES,
    as_bytes,
    as_time,
    energy_unit,
    equal_range_lines,
    notes_of,
    origin_text,
    percent,
    placements_text,
    quality_text,
    replay_text,
    selection_lines,
    short,
    time_unit,
    times,
    without_layer,
)
from accelsim.workload.trace import Trace


def print_run(
    result: Result,
    energy: Energy | None = None,
    area: Breakdown | None = None,
    why_not: str = "",
) -> None:
    """Print one Result on the console; `why_not` : why there is no energy."""
    console().print(run_text(result, energy, area, why_not), crop=False)


def print_comparison(
    comparison: Comparison,
    report: Path | None = None,
    said: Sequence[str] = (),
    costs: Costs | None = None,
    why_not: str = "",
) -> None:
    """Print a Comparison on the console.

    `report` is where the full report lies, if any, and `said` what its first screen says of what
    would help and what would change the winner. `why_not` : why there are no costs.
    """
    console().print(comparison_text(comparison, report, said, costs, why_not), crop=False)


def comparison_text(
    comparison: Comparison,
    report: Path | None = None,
    said: Sequence[str] = (),
    costs: Costs | None = None,
    why_not: str = "",
) -> RenderableType:
    """The terms, a table of operators, the verdict, and what the machines cost."""
    head = [_line("workload", f"{comparison.trace.name} ({origin_text(comparison.trace)})")]
    head += _replay_lines(comparison.trace)
    head += [_line("machines", _machine_names(comparison))]
    head += [_line("scaled", text) for text in _scaled(comparison)]
    head += [_line("equal", equal_line(comparison)), _line("differs", differs_line(comparison))]
    head += [_line("selection", line) for line in selection_lines(comparison)]
    head.append(_line("quality", quality_text(comparison.trace)))
    head.append(_line(*dram_text(machines(comparison)).split(": ")))
    head += _notes(list(comparison.results.values()))
    return Group(
        *head,
        Text(),
        _comparison_table(comparison),
        Text(),
        *_verdict(comparison),
        *([] if costs is None else [Text(), *compared_costs(costs)]),
        *_not_priced(why_not),
        *(Text(line) for line in said),
        *([_line("report", str(report))] if report is not None else []),
    )


def run_text(
    result: Result,
    energy: Energy | None = None,
    area: Breakdown | None = None,
    why_not: str = "",
) -> RenderableType:
    """Totals, operators, states of the units, DRAM traffic, energy and area of one Result."""
    s = result.summary
    parts = [
        f"{as_time(s['total_ps'])}, {s['total_cycles']:,.0f} cycles at {s['clock_ghz']:.4g} GHz",
        f"utilisation {percent(s['overall_utilization'])}",
        f"DRAM {as_bytes(s['dram_bytes'])}, {percent(s['dram_utilization'])} of peak",
    ]
    product = (
        f"{percent(s['array_occupancy'])} array busy x {percent(s['mapping_efficiency'])} of its "
        f"slots used x {percent(s['effectual_fraction'])} effectual"
    )
    return Group(
        _line("machine", f"{result.arch.name}: {result.arch.description}"),
        _line("workload", f"{result.trace.name} ({origin_text(result.trace)})"),
        *_replay_lines(result.trace),
        *_notes([result]),
        _line("total", "; ".join(parts)),
        _line("utilisation", product),
        _line(*dram_text([result.arch]).split(": ")),
        *([] if energy is None or area is None else cost_lines(energy, area)),
        *_not_priced(why_not),
        Text(),
        _operator_table(result, energy),
        Text(),
        _unit_table(result),
        Text(),
        _traffic_table(result),
        Text(),
        _memory_table(result),
        *([] if energy is None or area is None else [Text(), group_table(energy, area)]),
        *_small_working_sets(result),
    )


def console() -> Console:
    """The terminal, or a page of fixed width where there is none; names are shown as they are."""
    console = Console(highlight=False, markup=False)
    if console.is_terminal or os.environ.get("COLUMNS"):
        return console
    return Console(width=WIDTH, highlight=False, markup=False)


def _not_priced(why_not: str) -> list[Text]:
    return [_line("no area and energy", why_not)] if why_not else []


def _replay_lines(trace: Trace) -> list[Text]:
    text = replay_text(trace)
    return [_line("replay", text)] if text else []


def _notes(results: list[Result]) -> list[Text]:
    return [_line("note", text) for text in notes_of(results)]


def _scaled(comparison: Comparison) -> list[str]:
    """How each machine was scaled, a line each."""
    equal = comparison.at_equal
    return [] if equal is None else [how.text for how in equal.machines.values()]


def _machine_names(comparison: Comparison) -> str:
    named = [
        f"{ROLE_TITLES[role]} {result.arch.name}"
        for role, result in comparison.results.items()
        if role != "candidate_dense"
    ]
    return ", ".join(named) + ", and the candidate with sparsity off"


def _comparison_table(comparison: Comparison) -> Table:
    roles = list(comparison.results)
    longest = max(result.total_ps for result in comparison.results.values())
    unit, size = time_unit(longest / 10)
    titles = [f"{ROLE_TITLES[role]}\n{unit}" for role in roles]
    table = _table(["operator"], [*titles, "speedup", "limit"], "limited by")
    for row in operator_rows(comparison):
        cells = [_cell(row.time_ps[role], size) for role in roles]
        share = f"{100 * row.limited_share['candidate']:.0f} %"
        limit = row.limited_by["candidate"]
        table.add_row(_name(row), *cells, times(row.speedup("candidate")), share, limit)
    totals = [_cell(comparison.results[role].total_ps, size) for role in roles]
    table.add_section()
    table.add_row("total", *totals, times(comparison.speedup()), style="bold")
    frame = comparison.times()
    attention = frame[frame["kind"] == "attention"]
    if len(attention) and len(frame) > 1:
        cells = [_cell(attention[role].sum(), size) for role in roles]
        table.add_row("attention alone", *cells, times(comparison.attention_speedup()))
    return table


def _cell(time_ps: float, size: float) -> str:
    return f"{time_ps / size:,.3f}" if time_ps / size < 1 else short(time_ps / size)


def _name(row: OperatorRow) -> str:
    return f"{row.name} ({row.operators})" if row.operators > 1 else row.name


def _verdict(comparison: Comparison) -> list[Text]:
    others = [role for role in comparison.results if role != "baseline"]
    ends = ", ".join(f"{ROLE_TITLES[r]} {times(comparison.speedup(r))}" for r in others)
    speedups = comparison.operator_speedups()["speedup"]
    over = spread(list(speedups))
    text = (
        f"geomean {times(over.geomean)}, {times(over.minimum)} to {times(over.maximum)} over "
        f"{len(speedups)} operator{'s' * (len(speedups) > 1)}: {over.verdict}"
    )
    first = comparison.results["baseline"].summary["overall_utilization"]
    last = comparison.results["candidate"].summary["overall_utilization"]
    lines = [
        _line("speedup over the baseline, end to end", ends),
        _line("speedup of the candidate by operator", text),
        _line("utilisation", f"{percent(first)} -> {percent(last)} (effectual MACs / peak)"),
    ]
    lines += [Text(line) for line in equal_range_lines(comparison)]
    lines += _sections(comparison)
    count = len(comparison.elsewhere.get("baseline", ()))
    if count:
        lines.append(
            _line(f"over {count + 1} placements of the tensors", placements_text(comparison))
        )
    lines += _small_working_sets(comparison.results["baseline"])
    return lines


def _sections(comparison: Comparison) -> list[Text]:
    """The spread over layers, and the first step apart from the later ones."""
    lines = []
    layers = over_layers(comparison)
    if len(layers) > 1:
        over = spread(layers)
        text = f"candidate {short(over.minimum)}x to {short(over.maximum)}x: {over.verdict}"
        lines.append(_line(f"over {len(layers)} layers", text))
    steps = over_steps(comparison)
    if steps is not None:
        first = " -> ".join(as_time(time) for time in steps.first_ps)
        later = " -> ".join(as_time(time) for time in steps.later_ps)
        ends = f"{short(steps.over.minimum)}x to {short(steps.over.maximum)}x"
        after = f"{steps.number - 1} later, each {later}, {ends}"
        text = f"first {first}, {times(steps.first)}; {after}"
        lines.append(_line(f"{steps.number} steps, baseline -> candidate", text))
    return lines


def _small_working_sets(result: Result) -> list[Text]:
    """A warning where the whole working set of operators that matter fits on chip."""
    table = result.operators
    small = table[(table["working_set"] < 1) & (table["time_ps"] > 0)]
    if small.empty:
        return []
    share = small["time_ps"].sum() / max(1, table["time_ps"].sum())
    text = (
        f"{len(small)} of {len(table)} operators ({percent(share)} of the time) have a working set "
        f"smaller than the scratchpad of {result.arch.name}: they exercise its memory little"
    )
    return [_line("warning", text)]


def _operator_table(result: Result, energy: Energy | None) -> Table:
    table = result.operators
    unit, size = time_unit(result.total_ps / 10)
    grouped = len(table) > MANY
    names = [without_layer(s) if grouped else s for s in table["scope"]]
    titles = [unit, "share", "utilisation", "DRAM", "set/pad", "limit"]
    joules, name_of = np.zeros(len(table)), ""
    if energy is not None:
        spent = energy.operators["energy_pj"].to_numpy(float)
        name_of, one = energy_unit(spent.sum() / 10)
        titles, joules = [*titles, name_of], spent / one
    out = _table(["operator"], titles, "limited by")
    for (_, name), rows in table.groupby([table["kind"], names], sort=False):
        time = int(rows["time_ps"].sum())
        weighted = float((rows["utilization"] * rows["time_ps"]).sum()) / max(1, time)
        limit, share = leading_limit(rows)
        count = int(rows["repeat"].sum())
        out.add_row(
            f"{name} ({count})" if count > 1 else str(name),
            _cell(time, size),
            percent(time / max(1, result.total_ps)),
            percent(weighted),
            as_bytes(rows["dram_bytes"].sum()),
            short(rows["working_set"].max()),
            f"{100 * share:.0f} %",
            *([short(joules[rows.index].sum())] if name_of else []),
            limit,
        )
    return out


def _unit_table(result: Result) -> Table:
    out = _table(["unit"], ["servers", *STATES])
    whole = max(1, result.total_ps)
    for row in result.units.to_dict("records"):
        parts = [row[f"{state}_ps"] / (whole * row["servers"]) for state in STATES]
        out.add_row(row["unit"], str(row["servers"]), *(f"{100 * part:.1f}" for part in parts))
    out.caption = "% of servers x total"
    out.caption_justify = "left"
    return out


def _memory_table(result: Result) -> Table:
    titles = ["lines", "bytes", "of peak", "latency ns", "bank stall", "waits 0", "1 to 3", "4 up"]
    out = _table(["DRAM requests of"], titles)
    for row in result.memory.to_dict("records"):
        waits = np.array([*row["bank_waits"], 0, 0, 0, 0])
        stalled = row["bank_stall_ps"] / max(1, result.total_ps)
        reads = max(1, int(waits.sum()))
        spread = [waits[0], waits[1:4].sum(), waits[4:].sum()]
        out.add_row(
            row["requester"],
            f"{row['requests']:,}",
            as_bytes(row["dram_bytes"]),
            percent(row["dram_share"]),
            short(row["read_latency_ns"]) if waits.any() else "posted",
            percent(stalled) if waits.any() else "",
            *(percent(count / reads) if waits.any() else "" for count in spread),
        )
    hits, trains = (percent(result.summary[n]) for n in ("row_hit_rate", "train_fraction"))
    out.caption = f"waits: reads by lines waiting in their scratchpad bank. DRAM row hits: {hits}"
    if result.arch.dram.level == "train":
        out.caption += f". Bytes moved by trains: {trains}, the rest command by command"
    out.caption_justify = "left"
    return out


def _traffic_table(result: Result) -> Table:
    out = _table(["DRAM bytes for"], ["unique", "requested", "over-fetch", "moved"])
    sums = result.traffic.groupby("cause", sort=False).sum(numeric_only=True)
    for cause, row in sums.iterrows():
        names = ("unique_bytes", "requested_bytes", "over_fetch_bytes", "dram_bytes")
        out.add_row(str(cause), *(as_bytes(row[name]) for name in names))
    return out
