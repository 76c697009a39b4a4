"""The first screen: title, what limits each machine, and on which terms they are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from accelsim.analysis.breakdown import PARTS
from accelsim.analysis.comparison import Comparison
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
from accelsim.report.page.ledger import Figure, Ledger
from accelsim.report.tables import groups_of
from accelsim.report.terms import differs_line, equal_line, machines
from accelsim.report.words import (
    ROLE_TITLES,
    as_time,
    count,
    is_upper_bound,
    percent,
    times,
)
from accelsim.sweep.trios import is_control

LIMITS_SHOWN = 2  # parts of a critical path that are named
NAMED = 3  # operators that are named


class Terms(NamedTuple):
    """On which terms a set of machines is compared."""

    names: str
    equal_line: str
    differs_line: str
    equal: PageTable
    different: PageTable


def title(comparisons: Sequence[Comparison]) -> str:
    """What the page is about."""
    if len(comparisons) == 1:
        only = comparisons[0]
        archs = machines(only)
        return f"{only.trace.name}: {archs[-1].name} against {archs[0].name}"
    return "Does a sparse-aware accelerator beat a systolic array of equal size?"


def limits_table(comparisons: Sequence[Comparison], ledger: Ledger) -> PageTable:
    """The largest parts of each machine's critical path, by workload."""
    roles = [role for role in ("baseline", "third", "candidate") if _has(comparisons, role)]
    heads = [text_head("workload"), *(text_head(ROLE_TITLES[role]) for role in roles)]
    rows: list[list[Shown]] = []
    for comparison in comparisons:
        cells: list[Shown] = [comparison.trace.name]
        for role in roles:
            cells.append(_limits(ledger, comparison, role) if role in comparison.results else "-")
        rows.append(cells)
    return PageTable("What the critical path is spent on, largest parts first", heads, rows)


def _has(comparisons: Sequence[Comparison], role: str) -> bool:
    return any(role in comparison.results for comparison in comparisons)


def _limits(ledger: Ledger, comparison: Comparison, role: str) -> Cell:
    where = {"workload": comparison.trace.name, "role": role}
    whole = ledger.only("totals", "total_ps", **where)
    found = [
        (part, ledger.total("breakdown", "time_ps", **where, part=part).over(whole))
        for part in PARTS
    ]
    found.sort(key=lambda item: -item[1].value)
    said = [(part, share) for part, share in found[:LIMITS_SHOWN] if share.value > 0.005]
    text = ", ".join(f"{part} {100 * share.value:.0f}\u00a0%" for part, share in said)
    places = "; ".join(f"{share.value:.9g} = {share.source}" for _, share in said)
    return Cell(text or "nothing to do", source=places)


def terms_of(comparisons: Sequence[Comparison]) -> list[Terms]:
    """The terms of each set of machines."""
    found: dict[tuple[str, ...], Comparison] = {}
    for comparison in comparisons:
        found.setdefault(tuple(arch.name for arch in machines(comparison)), comparison)
    return [_terms(comparison) for comparison in found.values()]


def _terms(comparison: Comparison) -> Terms:
    equal, different = comparison.equal_and_different()
    names = [arch.name for arch in machines(comparison)]
    rows = [[row.name, row.values[0]] for row in equal]
    unequal = [
        [f"{row.name} (SHOULD BE EQUAL)" if row.required else row.name, *row.values]
        for row in different
    ]
    return Terms(
        ", ".join(names),
        equal_line(comparison),
        differs_line(comparison),
        words_table("", ("term", "value on every machine"), rows),
        words_table("Not equal", ("term", *names), unequal),
    )


def workload_list(comparisons: Sequence[Comparison], ledger: Ledger) -> PageTable:
    """One row a workload: speedups, and what to know with them."""
    heads = [text_head("workload"), column_head("speedup", "candidate")]
    heads += [column_head("speedup", "+gather"), column_head("speedup", "sparsity off")]
    heads += [column_head("attention_speedup", "attention alone")]
    heads += [Head("layers"), Head("lowest of a layer"), Head("highest of a layer")]
    heads += [text_head("origin"), Head("time in operators below the scratchpad")]
    rows: list[list[Shown]] = []
    for comparison in comparisons:
        name = comparison.trace.name
        cells: list[Shown] = [f"{name} (control)" if is_control(name) else name]
        for role in ("candidate", "third", "candidate_dense"):
            there = role in comparison.results
            cells.append(
                figure(ledger.only("totals", "speedup", workload=name, role=role), times)
                if there
                else "-"
            )
        attention = ledger.only("totals", "attention_speedup", workload=name, role="candidate")
        cells.append(figure(attention, times) if attention.value == attention.value else "-")
        layers = ledger.rows("layers", workload=name)
        if len(layers):
            for column, shown in (("layers", count), ("minimum", times), ("maximum", times)):
                cells.append(figure(ledger.only("layers", column, workload=name), shown))
        else:
            cells += ["-", "-", "-"]
        cells += [_origin(comparison), _small_share(ledger, name)]
        rows.append(cells)
    return PageTable("Speedup over the baseline by workload", heads, rows)


def _origin(comparison: Comparison) -> str:
    origin = "synthetic" if comparison.trace.synthetic else "traced"
    if comparison.trace.replayed_in:
        origin += f", replayed in {comparison.trace.replayed_in}"
    return f"{origin}, upper bound (free indices)" if is_upper_bound(comparison) else origin


def _small_share(ledger: Ledger, name: str) -> Cell | str:
    """How much of the baseline's time is in operators that fit on chip."""
    where = {"workload": name, "role": "baseline"}
    small = ledger.total("summary", "time_ps", "fits_on_chip", **where)
    share = small.over(ledger.total("summary", "time_ps", **where))
    return figure(share, percent) if share.value else ""


def spreads(comparisons: Sequence[Comparison], ledger: Ledger) -> PageTable:
    """Geometric means over workloads with minimum, maximum and verdict."""
    heads = [text_head("workloads"), Head("number"), text_head("ratio")]
    heads += [Head("geometric mean"), Head("minimum"), Head("maximum"), text_head("verdict")]
    rows: list[list[Shown]] = []
    groups = groups_of(comparisons)
    for group, members in groups.items():
        if group != "all" and members == groups["all"]:
            continue
        for row in ledger.rows("spread", workloads=group).to_dict("records"):
            where = {"workloads": group, "ratio": row["ratio"]}

            def only(column: str, where: dict[str, str] = where) -> Figure:
                return ledger.only("spread", column, **where)

            ratio = str(row["ratio"])
            for role in ("candidate_dense", "third"):
                ratio = ratio.replace(role, ROLE_TITLES[role])
            cells = [figure(only(name), times) for name in ("geomean", "minimum", "maximum")]
            rows.append([group, figure(only("count"), count), ratio, *cells, str(row["verdict"])])
    return PageTable("Speedups over workloads; controls are left out", heads, rows)


def why(comparisons: Sequence[Comparison], ledger: Ledger) -> list[str]:
    """Where the time that the candidate saves comes from, one sentence a workload."""
    said = []
    for comparison in comparisons:
        name = comparison.trace.name
        if is_control(name):
            continue
        said.append(_why(name, ledger, comparison))
    return said


def _why(name: str, ledger: Ledger, comparison: Comparison) -> str:
    times_ps = [
        ledger.rows("summary", workload=name, role=role)
        .groupby("group", sort=False)["time_ps"]
        .sum()
        for role in ("baseline", "candidate")
    ]
    saved = times_ps[0] - times_ps[1]
    base, new = (comparison.results[role].total_ps for role in ("baseline", "candidate"))
    moved = base - new
    if abs(moved) < base / 100:
        return f"{name}: candidate and baseline differ by less than 1 %"
    largest = saved[saved.abs().sort_values(ascending=False, kind="stable").index][:NAMED]
    parts = [
        f"{group} {'-' if time > 0 else '+'}{as_time(abs(time))}"
        for group, time in largest.items()
        if abs(time) > abs(moved) / 20
    ]
    said = f"saves {as_time(moved)} of the baseline's {as_time(base)}"
    if moved < 0:
        said = f"takes {as_time(-moved)} more than the baseline's {as_time(base)}"
    return f"{name}: the candidate {said}: {', '.join(parts)}"
