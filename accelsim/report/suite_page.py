"""The page of a suite: verdict, findings, limits, steps, published machines, terms."""

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
from accelsim.report.suite import Machine, Suite
from accelsim.report.suite_figures import GAINS, MARGIN, Figures, Pair
from accelsim.report.words import (
    NOT_MODELLED,
    NOT_MODELLED_OF_DRAM,
    ROLE_TITLES,
    as_time,
    short,
    times,
)
from accelsim.workload.trace import Trace

TEMPLATE = "suite.html.j2"
TRIO = ("baseline", "third", "candidate")
COMPARED = ("third", "candidate", "candidate_dense")


def render(
    suite: Suite,
    machines: Sequence[Machine],
    figures: Figures,
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
            verdict=verdict(figures),
            caveats=[*caveats(traces), *changed_shapes(suite)],
            gallery=embedded(pictures),
            gains=gains_table(figures),
            findings=Markup(MarkdownIt().enable("table").render(findings)),
            limits=limits_table(figures),
            steps=steps_table(figures, traces),
            published=published_table(figures),
            terms=terms(machines),
            workloads=workload_table(traces),
            not_modelled=[NOT_MODELLED_OF_DRAM[suite.dram_level], *NOT_MODELLED],
            provenance=json.dumps(origin, indent=1, sort_keys=True),
            files=files,
        )
    )


def findings_text(template: str, figures: Figures) -> str:
    """Fill the Markdown of a suite's findings: every figure in it is computed.

    It may call ``x(workload, role, against="baseline")`` for a speedup with its spread, ``mean``
    for a geometric mean over the suite, and ``limit(workload, role)``.
    """
    from jinja2 import Environment, StrictUndefined

    def x(workload: str, role: str = "candidate", against: str = "baseline", of: str = "") -> str:
        return pair_text(figures.pair(workload, role, of, against))

    def mean(role: str = "candidate", against: str = "baseline", of: str = "") -> str:
        over = figures.geomean(role, of, against)
        return "-" if over is None else times(over.geomean)

    def limit(workload: str, role: str = "candidate") -> str:
        run = figures.of(workload, role)[0]
        return f"{run.limited_by} {100 * run.limited_share:.0f} %"

    made = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    return made.from_string(template).render(x=x, mean=mean, limit=limit)


def pair_text(pair: Pair | None) -> str:
    """A speedup and its spread: "1.84x (1.80 to 1.91)"."""
    if pair is None:
        return "refused"
    return f"{times(pair.speedup)} ({short(pair.over.minimum)} to {short(pair.over.maximum)})"


def verdict(figures: Figures) -> str:
    """Two sentences with numbers: over the suite, and in how many workloads what pays."""
    over = {role: figures.geomean(role) for role in COMPARED}
    beyond = figures.geomean("candidate", against="third")
    candidate, third, dense = (over[role] for role in ("candidate", "third", "candidate_dense"))
    assert candidate is not None and third is not None and dense is not None
    assert beyond is not None
    counts: dict[str, int] = {}
    for workload in figures.workloads:
        gain = figures.gain(workload)
        counts[gain] = counts.get(gain, 0) + 1
    listed = ", ".join(f"{GAINS[gain]} in {counts[gain]}" for gain in GAINS if gain in counts)
    return (
        f"Over {len(figures.workloads)} workloads the sparse machine runs at "
        f"{times(candidate.geomean)} the speed of the systolic array (geometric mean; "
        f"{times(candidate.minimum)} to {times(candidate.maximum)}), a gathering DMA alone at "
        f"{times(third.geomean)}, the sparse machine with its sparsity off at "
        f"{times(dense.geomean)}. Against the systolic array with the gather the sparse machine "
        f"runs at {times(beyond.geomean)} ({times(beyond.minimum)} to {times(beyond.maximum)}); "
        f"of the workloads, {listed}."
    )


def caveats(traces: Sequence[Trace]) -> list[str]:
    """What a reader of the verdict must know."""
    synthetic = sum(trace.synthetic for trace in traces)
    return [
        "Energy and area: not on this page, and sparse hardware is not free; accelsim compare "
        "--out FOLDER has both for one workload.",
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


def gains_table(figures: Figures) -> PageTable:
    """One row a workload: speedups with their spread, and what pays."""
    heads = [text_head("workload"), *(Head(ROLE_TITLES[role]) for role in COMPARED)]
    heads += [Head("candidate over +gather"), text_head("spread over"), text_head("what pays")]
    rows = []
    for workload in figures.workloads:
        pairs = [figures.pair(workload, role) for role in COMPARED]
        beyond = figures.pair(workload, "candidate", against="third")
        of = "" if beyond is None else f"{len(beyond.samples)} {beyond.of}"
        cells = [pair_text(pair) for pair in (*pairs, beyond)]
        rows.append([workload, *cells, of, GAINS[figures.gain(workload)]])
    means = [figures.geomean(role) for role in COMPARED]
    means.append(figures.geomean("candidate", against="third"))
    last = [
        "-" if m is None else f"{times(m.geomean)} ({short(m.minimum)} to {short(m.maximum)})"
        for m in means
    ]
    rows.append(["geometric mean", *last, "workloads", ""])
    caption = "Speedup over the baseline, end to end (lowest to highest of the layers or seeds)"
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


def published_table(figures: Figures) -> PageTable:
    """Published machines: speedup with spread, as published and scaled."""
    columns = [column for column in figures.columns if column[0] in ("published", "scaled")]
    heads = [text_head("workload"), *(Head(machine) for _, machine in columns)]
    rows = [
        [workload, *(pair_text(figures.pair(workload, *column)) for column in columns)]
        for workload in figures.workloads
    ]
    last = []
    for column in columns:
        over = figures.geomean(*column)
        text = "-" if over is None else times(over.geomean)
        last.append(text)
    rows.append(["geometric mean", *last])
    caption = "Speedup over the baseline (lowest to highest of the layers or seeds)"
    return PageTable(caption, heads, rows, frozenset({len(rows) - 1}))


def terms(machines: Sequence[Machine]) -> list[Terms]:
    """The terms of the trio, and of every published machine beside the baseline."""
    trio = [machine.arch for machine in machines if machine.role in TRIO]
    groups = [trio] + [
        [trio[0], machine.arch] for machine in machines if machine.role in ("published", "scaled")
    ]
    found = []
    for archs in groups:
        equal, different = equalities(archs)
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
