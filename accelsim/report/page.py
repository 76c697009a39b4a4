"""The HTML page: one file with its pictures inside, readable without a network."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from accelsim.analysis.columns import STATES
from accelsim.analysis.comparison import Comparison
from accelsim.analysis.sections import over_layers
from accelsim.report.cells import Head, PageTable, column_head, text_head, words_table
from accelsim.report.questions import answers
from accelsim.report.tables import GROUPS, csv_name, spread_table
from accelsim.report.terms import differs_line, dram_levels, dram_text, equal_line, machines
from accelsim.report.verdict import caveats, verdict
from accelsim.report.words import (
    NOT_MODELLED,
    NOT_MODELLED_OF_DRAM,
    ROLE_MEANING,
    ROLE_TITLES,
    is_upper_bound,
    percent,
    quality_text,
    selection_lines,
    short,
    times,
)
from accelsim.report.workload_page import (
    hint_of_state,
    limits_table,
    workload_part,
)
from accelsim.sweep.break_even import METHOD, BreakEven
from accelsim.sweep.trios import is_control

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
TEMPLATE = "review.html.j2"


class Validated(NamedTuple):
    """One validation suite as it ran for this report."""

    suite: str
    checks: str
    cases: int
    max_error: float
    tolerance: str
    unit: str
    passed: bool


class Terms(NamedTuple):
    """On which terms a set of machines is compared."""

    names: str
    equal_line: str
    differs_line: str
    equal: PageTable
    different: PageTable


class Picture(NamedTuple):
    """A picture as a data URI, and what it shows."""

    name: str
    alt: str
    uri: str


def render(
    comparisons: Sequence[Comparison],
    break_even: Sequence[BreakEven],
    validated: Sequence[Validated],
    origin: Mapping[str, Any],
    pictures: Mapping[str, Path],
    files: Sequence[str],
) -> str:
    """The page as text.

    Parameters
    ----------
    comparisons : sequence of Comparison
    break_even : sequence of BreakEven
    validated : sequence of Validated
        Empty if no suite was run.
    origin : mapping
        See `provenance`.
    pictures : mapping
        Name -> SVG file.
    files : sequence of str
        What lies beside the page.
    """
    archs = [arch for comparison in comparisons for arch in machines(comparison)]
    of_dram = [NOT_MODELLED_OF_DRAM[level] for level in dram_levels(archs)]
    shown = embedded(pictures)
    general = [n for n in shown if n.startswith(("roofline", "expert", "key_reuse", "density"))]
    return (
        environment()
        .get_template(TEMPLATE)
        .render(
            verdict=verdict(comparisons),
            caveats=caveats(comparisons),
            pictures=shown,
            general=general,
            spreads=spreads(comparisons),
            workloads=workload_list(comparisons),
            limits=limits_table(list(comparisons)),
            roles=[(ROLE_TITLES[role], meaning) for role, meaning in ROLE_MEANING.items()],
            terms=[terms(comparison) for comparison in _by_machines(comparisons)],
            parts=[workload_part(comparison) for comparison in comparisons],
            payers=payers(comparisons),
            break_even=break_even_table(break_even, comparisons),
            method=METHOD,
            questions=words_table("", ("question", "answer"), answers(comparisons)),
            not_modelled=[*of_dram, *NOT_MODELLED],
            dram=dram_text(archs),
            validation=validation_table(validated),
            provenance=json.dumps(origin, indent=1, sort_keys=True),
            files=files,
            glossary=glossary(),
        )
    )


def environment() -> Environment:
    """Where the templates are, and how they are filled."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def embedded(pictures: Mapping[str, Path]) -> dict[str, Picture]:
    """Pictures as they go into the page: name -> SVG file gives name -> Picture."""

    def embed(name: str, path: Path) -> Picture:
        data = base64.b64encode(path.read_bytes()).decode()
        return Picture(name, name.replace("_", " "), f"data:image/svg+xml;base64,{data}")

    return {name: embed(name, path) for name, path in pictures.items()}


def _by_machines(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """One comparison for each set of machines."""
    found: dict[tuple[str, ...], Comparison] = {}
    for comparison in comparisons:
        found.setdefault(tuple(arch.name for arch in machines(comparison)), comparison)
    return list(found.values())


def terms(comparison: Comparison) -> Terms:
    """What is equal between the machines, and what is not, with amounts."""
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


def spreads(comparisons: Sequence[Comparison]) -> PageTable:
    """Geometric means with minimum, maximum and verdict."""
    heads = [text_head("workloads"), Head("number"), text_head("ratio")]
    heads += [Head("geometric mean"), Head("minimum"), Head("maximum"), text_head("verdict")]
    rows = []
    for row in spread_table(comparisons).to_dict("records"):
        figures = [times(row[name]) for name in ("geomean", "minimum", "maximum")]
        ratio = row["ratio"]
        for role in ("candidate_dense", "third"):
            ratio = ratio.replace(role, ROLE_TITLES[role])
        rows.append([row["workloads"], str(row["count"]), ratio, *figures, row["verdict"]])
    caption = "Speedups over workloads; controls are left out"
    return PageTable(caption, heads, rows)


def workload_list(comparisons: Sequence[Comparison]) -> PageTable:
    """One row a workload: speedups, and what to know with them."""
    heads = [text_head("workload"), column_head("speedup", "candidate")]
    heads += [column_head("speedup", "+gather"), column_head("speedup", "sparsity off")]
    heads += [column_head("attention_speedup", "attention alone")]
    heads.append(Head("candidate over layers", "lowest to highest speedup of a layer"))
    heads += [text_head("origin"), text_head("working set below scratchpad")]
    rows = []
    for comparison in comparisons:
        trace = comparison.trace
        third = comparison.speedup("third") if "third" in comparison.results else None
        control = " (control)" if is_control(trace.name) else ""
        rows.append(
            [
                trace.name + control,
                times(comparison.speedup()),
                times(third),
                times(comparison.speedup("candidate_dense")),
                times(comparison.attention_speedup()),
                _layers(comparison),
                _origin(comparison),
                _small_share(comparison),
            ]
        )
    return PageTable("Speedup over the baseline by workload", heads, rows)


def _layers(comparison: Comparison) -> str:
    found = over_layers(comparison)
    return f"{short(min(found))} to {short(max(found))} ({len(found)})" if len(found) > 1 else "-"


def _origin(comparison: Comparison) -> str:
    origin = "synthetic" if comparison.trace.synthetic else "traced"
    if comparison.trace.replayed_in:
        origin += f", replayed in {comparison.trace.replayed_in}"
    return f"{origin}, upper bound (free indices)" if is_upper_bound(comparison) else origin


def _small_share(comparison: Comparison) -> str:
    """How much of the time is in operators that fit on chip; empty if none is."""
    result = comparison.results["baseline"]
    table = result.operators
    share = table.loc[table["working_set"] < 1, "time_ps"].sum() / max(1, result.total_ps)
    return f"{percent(share)} of the time" if share else ""


def payers(comparisons: Sequence[Comparison]) -> PageTable:
    """Who pays for the indices, and what the selection costs in quality."""
    rows = [
        (c.trace.name, line, quality_text(c.trace))
        for c in comparisons
        for line in selection_lines(c)
    ]
    return words_table("", ("workload", "selection (operators): who pays", "quality"), rows)


def break_even_table(found: Sequence[BreakEven], comparisons: Sequence[Comparison]) -> PageTable:
    """The largest cut, and what was simulated around it."""
    heads = [text_head("workload"), Head("speedup"), Head("break-even cut"), text_head("between")]
    heads.append(text_head("cuts simulated (speedup)"))
    by_name = {item.workload: item for item in found}
    rows = []
    for comparison in comparisons:
        name = comparison.trace.name
        item = by_name.get(name)
        if is_control(name):
            continue
        if item is None:
            none = "none: the candidate does not win"
            rows.append([name, times(comparison.speedup()), "-", none, ""])
            continue
        tried = ", ".join(f"{percent(c)} ({times(s)})" for c, s in sorted(item.speedups.items()))
        if item.loses_at == item.loses_at:
            cut, between = (
                percent(item.cut),
                f"{percent(item.wins_at)} and {percent(item.loses_at)}",
            )
        else:
            cut, between = f"at least {percent(item.cut)}", item.remark
        rows.append([name, times(item.speedups[0.0]), cut, between, tried])
    return PageTable("Break-even overhead against the baseline", heads, rows)


def validation_table(validated: Sequence[Validated]) -> PageTable:
    """Suites with their largest error."""
    heads = [text_head("suite"), text_head("checks"), Head("cases")]
    heads += [Head("largest error"), Head("tolerance"), text_head("unit"), text_head("status")]
    rows = [
        [
            item.suite,
            item.checks,
            str(item.cases),
            short(item.max_error) if item.max_error else "0",
            item.tolerance,
            item.unit,
            "within tolerance" if item.passed else "FAILED",
        ]
        for item in validated
    ]
    return PageTable("", heads, rows)


def glossary() -> list[PageTable]:
    """Every declared column with its unit and formula, and the states of units."""
    tables = [
        words_table(title, ("column", "unit", "formula"), [
            (csv_name(column), column.unit or "-", column.formula) for column in columns
        ])
        for title, columns in GROUPS
    ]  # fmt: skip
    states = [(state, hint_of_state(state)) for state in STATES]
    return [*tables, words_table("Unit states", ("state", "meaning"), states)]
