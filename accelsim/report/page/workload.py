"""The part of the page about one workload: operators, memory, load balance, mapping."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from accelsim.analysis.breakdown import PARTS
from accelsim.analysis.columns import STATES
from accelsim.analysis.comparison import Comparison
from accelsim.analysis.meanings import STATE_MEANINGS
from accelsim.analysis.result import Result
from accelsim.analysis.sections import over_steps
from accelsim.report.groups import MANY, names_over_layers
from accelsim.report.page.cells import (
    Cell,
    Head,
    PageTable,
    Shown,
    column_head,
    figure,
    text_head,
    words_table,
)
from accelsim.report.page.energy import groups_table, marks_table
from accelsim.report.page.ledger import Figure, Ledger
from accelsim.report.style import file_name
from accelsim.report.tables import file_hint
from accelsim.report.words import (
    ROLE_TITLES,
    as_bytes,
    as_energy,
    as_time,
    count,
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
)
from accelsim.workload.trace import Trace, shipped_workloads


class WorkloadPart(NamedTuple):
    """What the page shows of one workload; `given` : what names it on the command line."""

    name: str
    given: str
    title: str
    facts: list[tuple[str, str]]
    operators: PageTable
    path: PageTable
    units: PageTable
    requests: PageTable
    traffic: PageTable
    nests: PageTable
    energy: PageTable
    marks: PageTable

    @property
    def anchor(self) -> str:
        """Where links to it lead."""
        return f"w-{file_name(self.name)}"


def workload_part(comparison: Comparison, ledger: Ledger) -> WorkloadPart:
    """Assemble the tables of one workload."""
    name = comparison.trace.name
    title = f"{name}: candidate {times(comparison.speedup())}"
    if "third" in comparison.results:
        title += f", +gather {times(comparison.speedup('third'))}"
    return WorkloadPart(
        name=name,
        given=_given(comparison.trace),
        title=title,
        facts=_facts(comparison),
        operators=operator_table(comparison, ledger),
        path=path_table(comparison, ledger),
        units=unit_table(comparison, ledger),
        requests=request_table(comparison, ledger),
        traffic=traffic_table(comparison, ledger),
        nests=nest_table(comparison),
        energy=groups_table(comparison, ledger),
        marks=marks_table(comparison, ledger),
    )


def _given(trace: Trace) -> str:
    """Its name if that is enough to find it, otherwise its path."""
    shipped = trace.path is None or trace.path in shipped_workloads().values()
    return shlex.quote(trace.name if shipped else str(trace.path))


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
    if comparison.elsewhere.get("baseline"):
        number = len(comparison.elsewhere["baseline"]) + 1
        facts.append((f"{number} placements", placements_text(comparison)))
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


class _Operators(NamedTuple):
    """Figures of the operators of one name, kind and workload, on any machine."""

    ledger: Ledger
    where: dict[str, object]

    def total(self, role: str, column: str, by: str = "") -> Figure:
        return self.ledger.total("summary", column, by, **self.where, role=role)

    def energy(self, role: str) -> Figure:
        return self.ledger.total("energy_operators", "energy_pj", **self.where, role=role)

    def used(self, role: str) -> Figure:
        return self.ledger.mean("summary", "utilization", "time_ps", **self.where, role=role)

    def limit(self, role: str) -> Cell:
        """What holds most of their time; its share stands behind it."""
        rows = self.ledger.rows("summary", **self.where, role=role)
        held = (rows["limited_share"] * rows["time_ps"]).groupby(rows["limited_by"]).sum()
        if not held.sum():
            return Cell(str(rows["limited_by"].iloc[0]))
        name = str(held.idxmax())
        part = self.ledger.total(
            "summary", "time_ps", "limited_share", **self.where, role=role, limited_by=name
        )
        share = figure(
            part.over(self.total(role, "time_ps")), lambda p: f"{name}, {100 * p:.0f}\u00a0%"
        )
        return share._replace(value=None)


def operator_table(comparison: Comparison, ledger: Ledger) -> PageTable:
    """Time of every machine, speedup, limits, bytes, utilisation and working set by operator."""
    workload, roles = comparison.trace.name, list(comparison.results)
    longest = max(result.total_ps for result in comparison.results.values())
    unit, size = time_unit(longest / 10)
    heads = [text_head("operator"), text_head("kind"), column_head("repeat", "number")]
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
        Head("energy, baseline", file_hint("energy_operators", "energy_pj")),
        Head("energy, candidate", file_hint("energy_operators", "energy_pj")),
        column_head("working_set", "working set / scratchpad"),
    ]
    first = ledger.rows("summary", workload=workload, role="baseline")
    rows = []
    for kind, group in dict.fromkeys(zip(first["kind"], first["group"], strict=True)):
        ops = _Operators(ledger, {"workload": workload, "kind": kind, "group": group})
        rows.append(_operator_cells(ops, roles, size, longest))
    rows.append(_total_cells(ledger, workload, roles, size))
    caption = "Time: share of the critical path, so that rows sum to the total"
    if len(first) > MANY:
        caption += "; one row a kind and name over the layers, every operator is in summary.csv"
    return PageTable(caption, heads, rows, frozenset({len(rows) - 1}), searched=True)


def _operator_cells(ops: _Operators, roles: list[str], size: float, longest: int) -> list[Shown]:
    both = ("baseline", "candidate")
    timed = {role: ops.total(role, "time_ps") for role in roles}
    cells: list[Shown] = [str(ops.where["group"]), str(ops.where["kind"])]
    cells.append(figure(ops.total("baseline", "repeat"), count))
    for role in roles:
        cell = figure(timed[role], lambda ps: short(ps / size))
        cells.append(cell._replace(part=timed[role].value / max(1, longest)))
    gain = timed["baseline"].over(timed["candidate"])
    cells.append(figure(gain, times) if gain.value else "-")
    cells += [ops.limit(role) for role in both]
    cells += [figure(ops.total(role, "dram_bytes"), as_bytes) for role in both]
    cells += [figure(ops.used(role), percent) for role in both]
    cells += [figure(ops.energy(role), as_energy) for role in both]
    least = ops.ledger.least("summary", "working_set", **ops.where, role="baseline")
    cells.append(figure(least, short, " (below 1)" if least.value < 1 else ""))
    return cells


def _total_cells(ledger: Ledger, workload: str, roles: list[str], size: float) -> list[Shown]:
    def only(role: str, column: str) -> Figure:
        return ledger.only("totals", column, workload=workload, role=role)

    both = ("baseline", "candidate")
    cells: list[Shown] = ["total", ""]
    where = {"workload": workload, "role": "baseline"}
    cells.append(figure(ledger.total("summary", "repeat", **where), count))
    cells += [figure(only(role, "total_ps"), lambda ps: short(ps / size)) for role in roles]
    cells += [figure(only("candidate", "speedup"), times), "", ""]
    cells += [figure(only(role, "dram_bytes"), as_bytes) for role in both]
    cells += [figure(only(role, "overall_utilization"), percent) for role in both]
    for role in both:
        spent = ledger.only("energy", "energy_pj", workload=workload, role=role)
        cells.append(figure(spent, as_energy))
    return [*cells, ""]


def path_table(comparison: Comparison, ledger: Ledger) -> PageTable:
    """What the critical path of every machine was spent on, as parts of its total."""
    workload, roles = comparison.trace.name, list(comparison.results)
    heads = [text_head("critical path spent on"), *(Head(ROLE_TITLES[role]) for role in roles)]
    rows: list[list[Shown]] = []
    for part in PARTS:
        found = [
            ledger.total("breakdown", "time_ps", workload=workload, role=role, part=part).over(
                ledger.only("totals", "total_ps", workload=workload, role=role)
            )
            for role in roles
        ]
        if any(share.value for share in found):
            cells = [figure(share, percent)._replace(part=share.value) for share in found]
            rows.append([part, *cells])
    caption = "Load balance and stalls: array feed, row imbalance and bank conflicts are waits"
    return PageTable(caption, heads, rows)


def unit_table(comparison: Comparison, ledger: Ledger) -> PageTable:
    """States of every unit, in percent of servers x total."""
    heads = [text_head("machine"), text_head("unit"), column_head("servers")]
    heads += [Head(f"{state} (%)", hint_of_state(state)) for state in STATES]
    rows: list[list[Shown]] = []
    for role in comparison.results:
        where = {"workload": comparison.trace.name, "role": role}
        whole = ledger.only("totals", "total_ps", **where)
        for unit in ledger.rows("units", **where)["unit"]:
            own = where | {"unit": unit}
            servers = ledger.only("units", "servers", **own)
            cells: list[Shown] = [ROLE_TITLES[role], unit, figure(servers, count)]
            for state in STATES:
                held = ledger.only("units", f"{state}_ps", **own).over(whole).over(servers)
                cells.append(figure(held, lambda part: f"{100 * part:.1f}"))
            rows.append(cells)
    return PageTable("Unit states: exclusive, and they sum to servers x total", heads, rows)


def hint_of_state(state: str) -> str:
    """What a state of a unit means."""
    return STATE_MEANINGS[state].what


def request_table(comparison: Comparison, ledger: Ledger) -> PageTable:
    """What each unit asks of DRAM, and how long its lines and its bank queues keep it waiting."""
    heads = [text_head("machine"), text_head("unit"), column_head("requests")]
    heads += [column_head("dram_bytes"), column_head("dram_share", "of peak bandwidth")]
    heads += [column_head("read_latency_ns", "read latency", "ns")]
    heads += [column_head("bank_stall_ps", "held up by banks")]
    heads += [Head(f"reads that wait for {n}", "lines waiting in their bank") for n in WAITS]
    rows: list[list[Shown]] = []
    for role in comparison.results:
        where = {"workload": comparison.trace.name, "role": role}
        whole = ledger.only("totals", "total_ps", **where)
        for unit in ledger.rows("memory", **where)["requester"]:
            own = where | {"requester": unit}

            def only(column: str, own: dict[str, str] = own) -> Figure:
                return ledger.only("memory", column, **own)

            cells: list[Shown] = [ROLE_TITLES[role], unit, figure(only("requests"), count)]
            cells += [figure(only("dram_bytes"), as_bytes), figure(only("dram_share"), percent)]
            reads = only("reads")
            if reads.value:
                cells.append(figure(only("read_latency_ns"), short))
                cells.append(figure(only("bank_stall_ps").over(whole), percent))
                cells += [figure(only(name).over(reads), percent) for name in WAITS.values()]
            else:
                cells += ["posted", *[""] * (1 + len(WAITS))]
            rows.append(cells)
    return PageTable("DRAM requests", heads, rows)


WAITS = {"none": "waits_0", "1 to 3 lines": "waits_1_to_3", "4 and more": "waits_4_up"}


def traffic_table(comparison: Comparison, ledger: Ledger) -> PageTable:
    """DRAM bytes by cause and machine."""
    heads = [text_head("machine"), text_head("cause")]
    names = ("unique_bytes", "requested_bytes", "over_fetch_bytes", "dram_bytes")
    heads += [column_head(name) for name in names]
    rows: list[list[Shown]] = []
    for role in comparison.results:
        where = {"workload": comparison.trace.name, "role": role}
        for cause in dict.fromkeys(ledger.rows("traffic", **where)["cause"]):
            own = where | {"cause": cause}
            cells = [figure(ledger.total("traffic", name, **own), as_bytes) for name in names]
            rows.append([ROLE_TITLES[role], str(cause), *cells])
        total = [figure(ledger.total("traffic", name, **where), as_bytes) for name in names]
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
    names = names_over_layers(table)
    for name, row in zip(names, table.to_dict("records"), strict=True):
        if row["mapping"]:
            key = (row["kind"], name, row["mapping"])
            found[key] = found.get(key, 0) + 1
    return [
        (kind, f"{scope} ({number})" if number > 1 else scope, nest)
        for (kind, scope, nest), number in found.items()
    ]
