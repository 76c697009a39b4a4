"""Reports that are asked for: machines on one workload, or the shipped machines on several."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from accelsim.arch.load import ArchSource
from accelsim.cost.load import DEFAULT_TABLE
from accelsim.cost.table import CostTable
from accelsim.errors import InputError
from accelsim.report.folder import check_target
from accelsim.report.page.models import Validated
from accelsim.report.study import Case, Density, Study, study_of
from accelsim.report.writing import write_report
from accelsim.sweep.axes import Again
from accelsim.sweep.break_even import SEARCH_LEVEL
from accelsim.sweep.density import KEPT
from accelsim.sweep.equal import Equal
from accelsim.sweep.measures import Terms
from accelsim.sweep.trios import DEFAULT_WORKLOADS, STUDIED, trio_for
from accelsim.workload.catalogue import load_workload, with_batch
from accelsim.workload.trace import Trace

Progress = Callable[[str, int, int], None]


class Review(NamedTuple):
    """A report that was written."""

    page: Path
    study: Study


def write_comparison(
    out: str | Path,
    trace: Trace,
    machines: Mapping[str, ArchSource],
    *,
    command: str,
    studied: bool = True,
    placements: int = 1,
    again: Again | None = None,
    equal: Equal | None = None,
    costs: CostTable | None = None,
    jobs: int = 1,
    validated: Sequence[Validated] = (),
    progress: Progress | None = None,
) -> Review:
    """Compare machines on one workload and write the report, all of it or nothing.

    Parameters
    ----------
    out : str or Path
        Folder of the report; it may replace an older report, nothing else.
    trace : Trace
    machines : mapping
        Role (baseline, third, candidate) -> architecture; `third` may be missing.
    command : str
        What makes the same report.
    studied : bool
        Also simulate what would help and how far the verdict holds, which takes many runs.
    placements : int
        See `simulation.compare`.
    again : callable(batch), optional
        Gives the workload with another batch; None for a stored trace.
    equal : Equal, optional
        How `machines` were scaled.
    costs : CostTable, optional
        For area and energy; by default that of `DEFAULT_TABLE`.
    jobs : int
        Processes; the report does not depend on it.

    Raises
    ------
    InputError
        A trace that cannot be shown, a cost table that lacks what a machine needs, or a place that
        cannot be written; `out` is then as it was.
    """
    check_target(out)
    _check([trace])
    case = Case(trace, machines, studied, placements, again=again, equal=equal)
    study = study_of([case], costs=costs, jobs=jobs, progress=progress)
    return Review(write_report(out, study, command, validated, progress), study)


def write_review(
    out: str | Path,
    workloads: Sequence[str] | None = None,
    *,
    shape: Sequence[str] = (),
    dtype: str | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    validated: Sequence[Validated] = (),
    kept: Sequence[int] = KEPT,
    terms: Terms | None = None,
    costs: CostTable | None = None,
) -> Review:
    """Compare the shipped machines and write the report, all of it or nothing.

    Parameters
    ----------
    out : str or Path
        Folder of the report; it may replace an older report, nothing else.
    workloads : sequence of str, optional
        Names or paths, by default the shipped ones that take seconds (`DEFAULT_WORKLOADS`), of
        which `STUDIED` say how far the verdict holds.
    shape : sequence of str
        Changes of the workloads, which must then be recipes; see `load_recipe`.
    dtype : str, optional
        Number type in which every workload is replayed.
    jobs : int
        Processes; the report does not depend on it.
    progress : callable(text, done, of), optional
    validated : sequence of Validated
        What validation suites found, shown as it is.
    kept : sequence of int
        Keys per query in the density sweep; empty leaves the sweep out.
    terms : Terms, optional
        In what the machines are made equal on each workload.
    costs : CostTable, optional
        For area and energy; by default that of `DEFAULT_TABLE`.

    Raises
    ------
    InputError
        Unknown workload, type or measure, machines that cannot be made equal, a cost table that
        lacks what a machine needs, or a place that
        cannot be written; `out` is then as it was.
    """
    names = list(dict.fromkeys(workloads or DEFAULT_WORKLOADS))
    check_target(out)
    traces = [load_workload(name, shape) for name in names]
    if dtype is not None:
        traces = [trace.replayed(dtype) for trace in traces]
    _check(traces)
    cases = [
        Case(
            trace,
            trio_for(trace).sources(),
            studied=workloads is not None or trace.name in STUDIED,
            level=SEARCH_LEVEL,
            again=with_batch(name, shape, dtype),
            terms=terms,
        )
        for name, trace in zip(names, traces, strict=True)
    ]
    density = Density(tuple(kept), dtype, terms) if kept else None
    study = study_of(cases, density, costs=costs, jobs=jobs, progress=progress)
    options = [f" --workload {name}" for name in workloads or ()]
    options += [f" --shape {text}" for text in shape]
    options += [f" --dtype {dtype}"] if dtype is not None else []
    options += [f" {shlex.join(terms.options)}"] if terms is not None else []
    options += _costs_option(study.cost_table)
    command = "accelsim review" + "".join(options)
    return Review(write_report(out, study, command, validated, progress), study)


def _costs_option(table: CostTable) -> list[str]:
    """How a table is named on the command line, if it must be."""
    given = table.file.name if table.shown == f"{table.file.name}.yaml" else table.shown
    return [] if given == DEFAULT_TABLE else [f" --costs {shlex.quote(given)}"]


def _check(traces: Sequence[Trace]) -> None:
    """Refuse what a page cannot show, before anything runs."""
    for trace in traces:
        if not trace.operators:
            raise InputError("has no operators", where=f"workload '{trace.name}'")
        if not trace.name.strip() or not trace.name.isprintable():
            raise InputError(
                f"the workload is called {trace.name!r}", where=str(trace.path or ""),
                remedy="a report needs a name of letters that can be printed",
            )  # fmt: skip
    names = [trace.name for trace in traces]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"two workloads are called '{name}'", remedy="a report needs names that differ"
            )
