"""The review: the shipped machines on the shipped workloads, as a folder that can be shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from accelsim.analysis.comparison import Comparison
from accelsim.arch.load import arch_source, load_arch, resolved_yaml
from accelsim.arch.spec import Arch
from accelsim.errors import InputError
from accelsim.report import tables
from accelsim.report.folder import MARK, check_target, fresh_folder
from accelsim.report.page import Validated, render
from accelsim.report.pictures import Drawn, draw_all
from accelsim.report.provenance import provenance
from accelsim.simulation import compare
from accelsim.sweep.break_even import BreakEven, break_even
from accelsim.sweep.density import KEPT, DensityPoint, density_points
from accelsim.sweep.trios import BIG, DEFAULT_WORKLOADS, Trio, is_control, trio_for
from accelsim.workload.catalogue import load_workload
from accelsim.workload.trace import Trace

Progress = Callable[[str, int, int], None]
PAGE = "index.html"


class Figures(NamedTuple):
    """All that a report shows, before it is written."""

    comparisons: list[Comparison]
    break_even: list[BreakEven]
    density: list[DensityPoint]


class Review(NamedTuple):
    """A report that was written."""

    page: Path
    figures: Figures


def write_review(
    out: str | Path,
    workloads: Sequence[str] | None = None,
    *,
    shape: Sequence[str] = (),
    dtype: str | None = None,
    progress: Progress | None = None,
    validated: Sequence[Validated] = (),
    kept: Sequence[int] = KEPT,
) -> Review:
    """Compare the shipped machines and write the report, all of it or nothing.

    Parameters
    ----------
    out : str or Path
        Folder of the report; it may replace an older report, nothing else.
    workloads : sequence of str, optional
        Names or paths, by default the shipped ones that take seconds (`DEFAULT_WORKLOADS`).
    shape : sequence of str
        Changes of the workloads, which must then be recipes; see `load_recipe`.
    dtype : str, optional
        Number type in which every workload is replayed.
    progress : callable(text, done, of), optional
    validated : sequence of Validated
        What validation suites found, shown as it is.
    kept : sequence of int
        Keys per query in the density sweep; empty leaves the sweep out.

    Returns
    -------
    Review
        The page, `out`/index.html, and what it shows.

    Raises
    ------
    InputError
        Unknown workload or type, or a place that cannot be written; `out` is then as it was.
    """
    names = list(dict.fromkeys(workloads or DEFAULT_WORKLOADS))
    check_target(out)
    traces = [load_workload(name, shape) for name in names]
    if dtype is not None:
        traces = [trace.replayed(dtype) for trace in traces]
    _check_names(traces)
    trios = [trio_for(trace) for trace in traces]
    archs = {name: load_arch(name) for trio in [*trios, BIG] for name in trio}
    figures = _simulate(traces, trios, archs, kept, dtype, progress)
    options = [f" --workload {name}" for name in workloads or ()]
    options += [f" --shape {text}" for text in shape]
    options += [f" --dtype {dtype}"] if dtype is not None else []
    command = "accelsim review" + "".join(options)
    with fresh_folder(out) as fresh:
        _write(fresh, figures, archs, command, validated, progress)
    return Review(Path(out) / PAGE, figures)


def _check_names(traces: Sequence[Trace]) -> None:
    names = [trace.name for trace in traces]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"two workloads are called '{name}'", remedy="a report needs names that differ"
            )


def _simulate(
    traces: Sequence[Trace],
    trios: Sequence[Trio],
    archs: dict[str, Arch],
    kept: Sequence[int],
    dtype: str | None,
    progress: Progress | None,
) -> Figures:
    steps = len(traces) + 1
    comparisons, found = [], []
    for number, (trace, trio) in enumerate(zip(traces, trios, strict=True)):
        inner = _within(progress, trace.name, number, steps)
        baseline, third, candidate = (archs[name] for name in trio)
        comparison = compare(baseline, candidate, trace, third, progress=inner)
        comparisons.append(comparison)
        if not is_control(trace.name):
            found.append(break_even(comparison, arch_source(trio.candidate), inner))
    inner = _within(progress, "density", len(traces), steps)
    points = density_points(BIG, tuple(kept), dtype=dtype, progress=inner) if kept else []
    return Figures(comparisons, [item for item in found if item is not None], points)


def _within(progress: Progress | None, title: str, step: int, steps: int) -> Progress | None:
    """A progress display of one step of several."""
    if progress is None:
        return None
    outer = progress

    def show(text: str, done: int, of: int) -> None:
        outer(text if text.startswith(title) else f"{title}: {text}", step, steps)

    return show


def _write(
    folder: Path,
    figures: Figures,
    archs: dict[str, Arch],
    command: str,
    validated: Sequence[Validated],
    progress: Progress | None,
) -> None:
    drawn = draw_all(folder, figures.comparisons, figures.density, progress)
    _write_tables(folder, figures, drawn)
    (folder / "resolved").mkdir()
    for name, arch in sorted(archs.items()):
        text = resolved_yaml(arch)
        (folder / "resolved" / f"{name}.yaml").write_text(text, encoding="utf-8")
    traces = [comparison.trace for comparison in figures.comparisons]
    origin = provenance(list(archs.values()), traces, command)
    text = json.dumps(origin, indent=1, sort_keys=True) + "\n"
    (folder / MARK).write_text(text, encoding="utf-8")
    files = sorted(path.name for path in folder.glob("*.csv")) + [MARK, "resolved/"]
    page = render(figures.comparisons, figures.break_even, validated, origin, drawn.pictures, files)
    (folder / PAGE).write_text(page, encoding="utf-8")


def _write_tables(folder: Path, figures: Figures, drawn: Drawn) -> None:
    comparisons = figures.comparisons
    for name, table in (
        ("summary", tables.summary_table(comparisons)),
        ("totals", tables.totals_table(comparisons)),
        ("spread", tables.spread_table(comparisons)),
        ("units", tables.unit_table(comparisons)),
        ("traffic", tables.traffic_table(comparisons)),
        ("critical_path", tables.path_table(comparisons)),
        ("breakdown", tables.parts_table(comparisons)),
        ("timeline", tables.timeline_table(comparisons)),
        ("break_even", tables.break_even_table(figures.break_even)),
        ("density", tables.density_table(figures.density)),
        ("expert_load", tables.expert_table(drawn.experts)),
        ("key_reuse", tables.reuse_table(drawn.reuse)),
    ):
        tables.write_csv(table, folder / f"{name}.csv")
