"""The page of a suite: verdict, findings, costs, limits, steps, published machines, terms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from accelsim.arch.equal import equalities
from accelsim.report.page.cells import Head, PageTable, text_head, words_table
from accelsim.report.page.head import Terms
from accelsim.report.page.html import embedded, environment
from accelsim.report.suite import SCALED, Machine, Suite
from accelsim.report.suite_areas import TRIO, TableAreas
from accelsim.report.suite_costs import costs_part
from accelsim.report.suite_figures import GAINS, MARGIN, Figures
from accelsim.report.suite_findings import COMPARED, pair_text, verdict
from accelsim.report.words import (
    NOT_MODELLED,
    NOT_MODELLED_OF_DRAM,
    ROLE_TITLES,
    as_time,
    percent,
    short,
    square_mm,
    times,
)
from accelsim.workload.trace import Trace

TEMPLATE = "suite.html.j2"


def render(
    suite: Suite,
    machines: Sequence[Machine],
    figures: Figures,
    areas: Sequence[TableAreas],
    traces: Sequence[Trace],
    findings: str,
    origin: Mapping[str, Any],
    pictures: Mapping[str, Path],
    files: Sequence[str],
) -> str:
    """The page as text; `findings` is Markdown, see `findings_text`."""
    return (
        environment()
        .get_template(TEMPLATE)
        .render(
            suite=suite,
            verdict=verdict(figures, suite, areas[0]),
            caveats=[*caveats(suite, figures, traces), *changed_shapes(suite)],
            costs=costs_part(suite, figures, areas),
            gallery=embedded(pictures),
            gains=[gains_table(figures, suite, equal=equal) for equal in equals(figures)],
            findings=Markup(MarkdownIt().enable("table").render(findings)),
            limits=limits_table(figures),
            steps=steps_table(figures, traces),
            published=published_table(figures, areas[0]),
            terms=terms(machines),
            workloads=workload_table(traces),
            not_modelled=[NOT_MODELLED_OF_DRAM[suite.dram_level], *NOT_MODELLED],
            provenance=json.dumps(origin, indent=1, sort_keys=True),
            files=files,
        )
    )


def equals(figures: Figures) -> list[bool]:
    """Whether rivals are as shipped, or scaled; of both where a suite scales them."""
    return [False, True] if figures.at_equal else [False]


def caveats(suite: Suite, figures: Figures, traces: Sequence[Trace]) -> list[str]:
    """What a reader of the verdict must know."""
    synthetic = sum(trace.synthetic for trace in traces)
    shares = [run.unverified_share for run in figures.runs if run.role in TRIO]
    return [
        f"Energy and area: by cost table {suite.costs}, not of a layout; "
        f"{percent(min(shares))} to {percent(max(shares))} of the energy is on figures that were "
        "not looked up (unverified).",
        f"{synthetic} of {len(traces)} workloads have generated patterns: shapes are those of the "
        "models, positions are drawn from stated rules, and what a selection costs in quality is "
        "not known.",
        "Layers and steps lie at addresses of their own; where the DRAM is too small for all of "
        "them, addresses are used again.",
        f"Called a gain: above {100 * MARGIN:.0f} %, in every layer or seed simulated.",
    ]


def changed_shapes(suite: Suite) -> list[str]:
    """Workloads that do not run at the size that their name says."""
    found = []
    for entry in suite.workloads:
        sizes = [t for t in entry.shape if not t.startswith(("simulated_layers=", "steps="))]
        if sizes:
            found.append(f"{entry.workload} runs with {', '.join(sizes)}.")
    return found


def gains_table(figures: Figures, suite: Suite, *, equal: bool) -> PageTable:
    """One row a workload: speedups with their spread, and what pays."""
    base, gather = figures.rivals(equal=equal)
    over = [(gather, base), ("candidate", base), ("candidate_dense", base), ("candidate", gather)]
    heads = [text_head("workload"), *(Head(ROLE_TITLES[role]) for role in COMPARED)]
    heads += [Head("candidate over +gather"), text_head("spread over"), text_head("what pays")]
    rows = []
    for workload in figures.workloads:
        pairs = [figures.pair(workload, role, against=rival) for role, rival in over]
        of = "" if pairs[-1] is None else f"{len(pairs[-1].samples)} {pairs[-1].of}"
        cells = [pair_text(pair) for pair in pairs]
        rows.append([workload, *cells, of, GAINS[figures.gain(workload, equal=equal)]])
    means = [figures.geomean(role, against=rival) for role, rival in over]
    last = [
        "-" if m is None else f"{times(m.geomean)} ({short(m.minimum)} to {short(m.maximum)})"
        for m in means
    ]
    rows.append(["geometric mean", *last, "workloads", ""])
    terms = f"{suite.equal} by {suite.costs}" if equal else "MACs, bytes on chip, ports and DRAM"
    caption = (
        f"At equal {terms}: speedup over the baseline, end to end (lowest to highest of the layers "
        "or seeds)"
    )
    return PageTable(caption, heads, rows, frozenset({len(rows) - 1}))


def limits_table(figures: Figures) -> PageTable:
    """What holds most of each machine's critical path, and how busy it is."""
    heads = [text_head("workload")]
    for role in TRIO:
        heads += [text_head(f"{ROLE_TITLES[role]}: limited by"), Head("time")]
        heads += [Head("MACs used", "effectual MACs / (peak x time)"), Head("DRAM used")]
    rows = []
    for workload in figures.workloads:
        cells = [workload]
        for role in TRIO:
            run = figures.of(workload, role)[0]
            cells += [f"{run.limited_by}, {100 * run.limited_share:.0f} %", as_time(run.total_ps)]
            cells += [f"{100 * run.utilization:.0f} %", f"{100 * run.dram_utilization:.0f} %"]
        rows.append(cells)
    return PageTable("What holds the largest share of the critical path", heads, rows)


def steps_table(figures: Figures, traces: Sequence[Trace]) -> PageTable:
    """The first step or prompt, and the later ones: time, and the candidate's speedup."""
    heads = [text_head("workload"), text_head("phase"), Head("steps")]
    heads += [Head("baseline, first"), Head("baseline, later (each)")]
    heads += [Head("candidate, first"), Head("candidate, later (each)")]
    heads += [Head("speedup, first"), Head("speedup, later"), Head("least and most of the later")]
    rows = []
    for trace in traces:
        steps = figures.over_steps(trace.name)
        if steps is None:
            continue
        times_ps = zip(steps.first_ps, steps.later_ps, strict=True)
        cells = [as_time(time) for pair in times_ps for time in pair]
        spread = f"{short(steps.over.minimum)} to {short(steps.over.maximum)}"
        ends = [times(steps.first), times(steps.later), spread]
        rows.append([trace.name, trace.phase, str(steps.number), *cells, *ends])
    caption = (
        "The first step or prompt starts with empty buffers; the cache of keys grows by a token a "
        "step in decoding"
    )
    return PageTable(caption, heads, rows)


def published_table(figures: Figures, areas: TableAreas) -> PageTable:
    """Published machines: area, speedup with spread, as published and scaled."""
    columns = [column for column in figures.columns if column[0] in ("published", "scaled")]
    heads = [text_head("workload"), *(Head(machine) for _, machine in columns)]
    sizes = [areas.of(*column).area_mm2.value for column in columns]
    rows = [[f"area by {areas.table}", *map(square_mm, sizes)]]
    rows += [
        [workload, *(pair_text(figures.pair(workload, *column)) for column in columns)]
        for workload in figures.workloads
    ]
    for name, mean in (
        ("geometric mean", figures.geomean),
        ("geometric mean, baseline energy / its energy", figures.energy_geomean),
    ):
        means = [mean(*column) for column in columns]
        rows.append([name, *("-" if m is None else times(m.geomean) for m in means)])
    caption = "Speedup over the baseline as shipped (lowest to highest of the layers or seeds)"
    return PageTable(caption, heads, rows, frozenset({0, len(rows) - 2, len(rows) - 1}))


def terms(machines: Sequence[Machine]) -> list[Terms]:
    """The terms of the trio, and of every published machine beside the baseline."""
    trio = [machine.arch for machine in machines if machine.role in TRIO]
    groups = [trio] + [
        [trio[0], machine.arch] for machine in machines if machine.role in ("published", "scaled")
    ]
    equal_trio = [machine.arch for machine in machines if machine.role in (*SCALED, "candidate")]
    if len(equal_trio) > 1:
        groups.insert(1, equal_trio)
    found = []
    for archs in groups:
        equal, different = equalities(archs, scaled=archs is equal_trio)
        names = [arch.name for arch in archs]
        unequal = [[row.name, *row.values] for row in different]
        found.append(
            Terms(
                ", ".join(names),
                "",
                "",
                words_table("Equal", ("term", "value"), [[r.name, r.values[0]] for r in equal]),
                words_table("Not equal", ("term", *names), unequal),
            )
        )
    return found


def workload_table(traces: Sequence[Trace]) -> PageTable:
    """What was run, and where it is from."""
    titles = ("workload", "model", "run", "sparsity", "source")
    rows = []
    for trace in traces:
        run = f"{trace.phase}, batch {trace.batch}, {trace.seq_len:,} tokens"
        rows.append([trace.name, trace.model, run, trace.selection_rule or "", trace.note or ""])
    return words_table("", titles, rows)
