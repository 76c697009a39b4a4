"""The page of a sweep: verdict, what was varied, front, what matters, best designs, failures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from accelsim.report.page.cells import Head, PageTable, text_head, words_table
from accelsim.report.page.html import embedded, environment
from accelsim.report.sweep_study import (
    ARCHITECTURE,
    Front,
    Response,
    Study,
    left_out,
    settings_left_out,
)
from accelsim.report.sweep_tables import SPEEDUP, speedup_of
from accelsim.report.sweep_verdict import caveats, verdict
from accelsim.report.sweep_words import figure_text, level_text, name_text, settings, value_text
from accelsim.report.words import percent, times
from accelsim.sweep.costs import TABLE
from accelsim.sweep.plan import Parameter
from accelsim.sweep.values import as_number

TEMPLATE = "sweep.html.j2"
FRONT_ROWS = 60
PAIR_ROWS = 12
FAILURE_ROWS = 20
VALUES_SHOWN = 16


def render(
    study: Study, origin: Mapping[str, Any], pictures: Mapping[str, Path], files: Sequence[str]
) -> str:
    """The page as text; `pictures` : name -> SVG file."""
    return (
        environment()
        .get_template(TEMPLATE)
        .render(
            plan=study.plan,
            verdict=verdict(study),
            caveats=caveats(study),
            gallery=embedded(pictures),
            cost_table=cost_table_text(study),
            facts=facts(study),
            varied=varied_table(study),
            fronts=[(front_name(front), front_table(study, front)) for front in study.fronts],
            without_front=study.without_front,
            responses=[
                (name, swing_table(study, name, r), variance_table(study, r), pair_table(study, r))
                for name, r in study.responses.items()
            ],
            not_studied=[f"{name_text(name)}: {why}" for name, why in study.not_studied.items()],
            best=best_page_table(study),
            limits=limits_table(study),
            failures=failures_table(study),
            left_out=left_out_lines(study),
            provenance=json.dumps(origin, indent=1, sort_keys=True),
            files=files,
        )
    )


def front_name(front: Front) -> str:
    """Name of the picture of a front."""
    return f"pareto_{'_'.join(front.objectives)}"


def facts(study: Study) -> list[tuple[str, str]]:
    """What the plan says beside its parameters."""
    plan = study.plan
    archs = [
        entry.label + (f" ({'; '.join(entry.set)})" if entry.set else "")
        for entry in plan.architectures
    ]
    works = []
    for work in plan.workloads:
        changed = [*work.shape, *[f"in {work.dtype}"] * (work.dtype is not None)]
        works.append(work.label + (f" ({'; '.join(changed)})" if changed else ""))
    sampling = plan.sampling.model_dump()
    kind = str(sampling.pop("kind")).replace("_", " ")
    terms = ", ".join(f"{k} {v}" for k, v in sampling.items() if not isinstance(v, tuple))
    goals = [f"{way} {name_text(name)}" for name, way in plan.objectives.items()]
    rows = [
        ("architectures", "; ".join(archs)),
        ("workloads", "; ".join(works)),
        ("points", f"{kind}{f' ({terms})' if terms else ''}: {len(study.rows):,} rows, "
         f"{len(study.designs.table):,} designs"),
        ("objectives", ", ".join(goals)),
        ("baseline", plan.baseline or ""),
        ("cost table", cost_table_text(study)),
        ("constraints", "; ".join(plan.constraints)),
        ("derived", "; ".join(f"{path} = {to.value}" for path, to in plan.derived.items())),
        ("metrics", "; ".join(f"{name} = {text}" for name, text in plan.metrics.items())),
    ]  # fmt: skip
    return [(name, text) for name, text in rows if text]


def cost_table_text(study: Study) -> str:
    """The cost table that area, energy and price are by; empty in results without them."""
    return ", ".join(map(str, study.done[TABLE.name].unique())) if TABLE.name in study.done else ""


def varied_table(study: Study) -> PageTable:
    """Parameters, their values and where they apply."""
    rows = []
    single = settings_left_out(study)
    for name, parameter in study.plan.parameters.items():
        remark = "one value: not studied" if name in single else ""
        of = ", ".join(parameter.only) or "all"
        values = _values_text(study, name, parameter)
        rows.append([name, ", ".join(parameter.path), values, of, remark])
    return words_table("", ("parameter", "sets", "values", "architectures", ""), rows)


def _values_text(study: Study, name: str, parameter: Parameter) -> str:
    """A range as it was planned, or values as they are called in the results."""
    between, column = parameter.range, study.plan.column(name)
    if between is None:
        found = study.rows[column].dropna() if column in study.rows else pd.Series(dtype=object)
        planned = [value_text(column, as_number(parameter.shown(v))) for v in parameter.values]
        texts = [value_text(column, value) for value in found.unique()]
        texts.sort(key=lambda text: planned.index(text) if text in planned else len(planned))
        more = len(texts) - VALUES_SHOWN
        return ", ".join(texts[:VALUES_SHOWN]) + (f" and {more} more" if more > 0 else "")
    terms = [f"{between.scale} scale"] * (between.scale != "linear")
    terms += [f"{between.steps} steps"] * (between.steps is not None)
    terms += [f"multiples of {between.multiple_of}"] * (between.multiple_of is not None)
    return f"{between.low} to {between.high}" + (f" ({', '.join(terms)})" if terms else "")


def _design_heads(study: Study) -> list[Head]:
    return [text_head("architecture"), *(text_head(n) for n in study.design_columns.values())]


def _design_cells(study: Study, row: Mapping[Any, Any]) -> list[str]:
    return [str(row[ARCHITECTURE]), *(value_text(c, row[c]) for c in study.design_columns)]


def front_table(study: Study, front: Front) -> PageTable:
    """The designs on a front, by number; the knee in bold."""
    whole = study.designs.complete()
    heads = [Head("point"), *_design_heads(study), *(Head(name_text(n)) for n in front.objectives)]
    rows = []
    for number, at in enumerate(front.points[:FRONT_ROWS]):
        row = whole.iloc[at].to_dict()
        figures = [figure_text(name, row[name]) for name in front.objectives]
        rows.append([str(number + 1), *_design_cells(study, row), *figures])
    more = len(front.points) - len(rows)
    caption = f"On the front, best {name_text(front.objectives[0])} first; the knee in bold"
    caption += f"; {more:,} more in pareto.csv" * (more > 0)
    strong = {front.knee} - {None}
    return PageTable(caption, heads, rows, frozenset(strong))  # type: ignore[arg-type]


def swing_table(study: Study, objective: str, response: Response) -> PageTable:
    """Highest over lowest effect of every parameter: over all, and within each part."""
    parts = list(response.within.items())
    heads = [text_head("parameter"), text_head("lowest at"), text_head("highest at"), Head("all")]
    heads += [Head(name) for (_, name), _ in parts]
    inner = [{swing.parameter: swing.range for swing in part.swings()} for _, part in parts]
    rows = []
    for swing in response.whole.swings():
        name = swing.parameter
        ends = [level_text(name, end.level) for end in (swing.lowest, swing.highest)]
        own = [times(ranges.get(name)) for ranges in inner]
        rows.append([study.columns[name], *ends, times(swing.range), *own])
    caption = f"{name_text(objective)}: highest over lowest effect, over all and within each"
    return PageTable(caption, heads, rows)


def variance_table(study: Study, response: Response) -> PageTable:
    """Shares of the variance of the log objective over designs."""
    whole = response.whole
    if whole.mains is None:
        text = "not known: the objective is constant, or there are no more points than values"
        return words_table("Share of the variance", ("",), [[text]])
    rows = [[study.columns[name], percent(share)] for name, share in whole.main.items()]
    rows.sort(key=lambda row: -float(row[1].split()[0]))
    first = len(rows)
    assert whole.interactions is not None and whole.remainder is not None
    unknown = sum(pair.share is None for pair in whole.pairs)
    rows += [
        ["all main effects", percent(whole.mains)],
        ["pairs" + f" ({unknown} not judged)" * (unknown > 0), percent(whole.interactions)],
        ["remainder", percent(whole.remainder)],
    ]
    caption = f"Share of the variance of its logarithm over {whole.settings:,} settings"
    if not whole.balanced:
        caption += ", less what chance would explain"
    heads = [text_head(""), Head("share")]
    return PageTable(caption, heads, rows, frozenset(range(first, first + 3)))


def pair_table(study: Study, response: Response) -> PageTable | None:
    """The strongest pairs; None with a single parameter."""
    pairs = response.whole.pairs
    if not pairs:
        return None
    rows = [
        [study.columns[p.first], study.columns[p.second],
         "too few points" if p.share is None else percent(p.share)]
        for p in pairs[:PAIR_ROWS]
    ]  # fmt: skip
    more = len(pairs) - len(rows)
    caption = "Pairs, strongest first" + f"; {more} more in interactions.csv" * (more > 0)
    return PageTable(caption, [text_head(""), text_head("and"), Head("share")], rows)


def best_page_table(study: Study) -> PageTable:
    """Best designs by objective, over all workloads and in each."""
    with_speedup = SPEEDUP in study.done.columns
    heads = [text_head("objective"), text_head("workload"), *_design_heads(study), Head("value")]
    heads += [Head("over the worst"), *[Head("speedup", "over the baseline")] * with_speedup]
    heads.append(Head("designs"))
    rows: list[list[str]] = []
    strong, only = set(), len(study.designs.cases) == 1
    for best in study.best:
        if not best.case:
            strong.add(len(rows))
        over = [times(speedup_of(study, best))] if with_speedup else []
        over_all = "all" if only else f"all: {study.designs.means[best.figure]}"
        case = study.case_text(best.case) if best.case else over_all
        cells = _design_cells(study, best.row.to_dict())
        value = figure_text(best.figure, best.value)
        gain = times(best.gain)
        rows.append([name_text(best.figure), case, *cells, value, gain, *over, f"{best.of:,}"])
    return PageTable("", heads, rows, frozenset(strong))


def limits_table(study: Study) -> PageTable | None:
    """What holds the largest share of the critical path, by architecture."""
    if "limited_by" not in study.done.columns or study.done["limited_by"].isna().all():
        return None
    done = study.done
    counts = done["limited_by"].value_counts(sort=False)
    order = sorted(counts.index, key=lambda name: (-counts[name], str(name)))
    archs = list(done[ARCHITECTURE].unique())
    heads = [text_head("limited by"), Head("all"), *(Head(a) for a in archs if len(archs) > 1)]
    heads.append(Head("of the critical path", "mean share of the time of those points"))
    rows = []
    for name in order:
        own = done[done["limited_by"] == name]
        cells = [percent(len(own) / len(done))]
        for arch in archs if len(archs) > 1 else ():
            here = done[done[ARCHITECTURE] == arch]
            cells.append(percent((here["limited_by"] == name).mean()))
        rows.append([str(name), *cells, percent(own["limited_share"].mean())])
    return PageTable("Share of points, by what limits them most", heads, rows)


def failures_table(study: Study) -> PageTable | None:
    """Errors, the most frequent first, with the first point of each."""
    failed = study.rows[study.rows["error"].notna()]
    if failed.empty:
        return None
    rows = []
    names = {study.plan.column(name): name for name in study.plan.parameters}
    shown = {column: name for column, name in names.items() if column in failed.columns}
    for error, own in failed.groupby("error", sort=False):
        first = own.iloc[0].to_dict()
        values = ", ".join(settings(first, shown))
        where = f"{first[ARCHITECTURE]} on {first['workload']}" + (f": {values}" if values else "")
        rows.append((len(own), [f"{len(own):,}", str(error), where]))
    rows.sort(key=lambda row: -row[0])
    more = len(rows) - FAILURE_ROWS
    caption = "Failed points by error" + f"; {more} more errors in the results" * (more > 0)
    heads = [Head("points"), text_head("error"), text_head("first at")]
    return PageTable(caption, heads, [cells for _, cells in rows[:FAILURE_ROWS]])


def left_out_lines(study: Study) -> list[str]:
    """Points of the plan without a row, and cases that no design ran on."""
    lines = []
    count = left_out(study)
    if count:
        terms = "; ".join(study.plan.constraints)
        why = f"left out by the constraints ({terms}), or not run" if terms else "not run"
        lines.append(f"{count:,} points of the plan have no row: {why}.")
    ran = set(study.done["workload"])
    idle = [w for w in pd.unique(study.rows["workload"]) if w not in ran]
    if idle:
        lines.append(f"No design ran on: {', '.join(map(str, idle))}; means leave it out.")
    return lines
