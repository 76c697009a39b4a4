"""`accelsim compare`: a baseline, the baseline with a gathering DMA, and a candidate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.machines import equal_terms, machine_sources, named_machines
from accelsim.cli.options import (
    AtEqual,
    Baseline,
    Candidate,
    Costs,
    Dtype,
    Jobs,
    JsonOut,
    Overrides,
    Scale,
    Shape,
    Third,
    Workload,
    cores,
    write_json,
)
from accelsim.cli.prices import add_costs, prices
from accelsim.cli.ran import comparison_json
from accelsim.cli.reports import command_line, validated
from accelsim.errors import InputError
from accelsim.progress import progress_display


def compare(
    context: typer.Context,
    baseline: Baseline,
    candidate: Candidate,
    workload: Workload,
    third: Third = None,
    placements: Annotated[
        int,
        typer.Option(min=1, help="Run so many placements of the tensors in DRAM, for the spread."),
    ] = 1,
    shape: Shape = None,
    dtype: Dtype = None,
    overrides: Overrides = None,
    equal: AtEqual = None,
    scale: Scale = None,
    costs: Costs = None,
    json_out: JsonOut = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Also write the report there: page, pictures, tables, summary.md. Simulates again "
            "what would help and how far the verdict holds.",
        ),
    ] = None,
    jobs: Jobs = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A report without what takes further runs.")
    ] = False,
) -> None:
    """Compare machines on one workload: time per operator, speedup, limits, area and energy.

    Example: accelsim compare --baseline systolic_128 --candidate sparse_v1 --workload tiny_moe_lm

    Example: accelsim compare --baseline systolic_32 --candidate sparse_small --workload
    tiny_moe_lm --out reports/tiny

    Example: accelsim compare --baseline systolic_32 --candidate sparse_small --workload
    tiny_moe_lm --equal area
    """
    for option, given in (("--quick", quick), ("--jobs", jobs is not None)):
        if given and out is None:
            raise InputError("says how a report is made", where=option, remedy="add --out FOLDER")
    terms = equal_terms(equal, scale, costs)
    from accelsim import load_trace

    named = named_machines(baseline, candidate, third)
    machines = machine_sources(named, overrides)
    archs = {role: source.arch() for role, source in machines.items()}
    loaded = load_trace(workload, shape or ())
    trace = loaded if dtype is None else loaded.replayed(dtype)
    scaled = None
    if terms is not None:
        with progress_display() as progress:
            scaled = terms.machines(machines, trace, progress)
        machines = scaled.machines
        archs = {role: source.arch() for role, source in machines.items()}

    from accelsim.hardware.compared import costs_of
    from accelsim.report.page.robust import helps
    from accelsim.report.review import write_comparison
    from accelsim.report.text import print_comparison
    from accelsim.simulation import compare as compare_machines
    from accelsim.sweep.equal_range import over_range
    from accelsim.workload.catalogue import with_batch

    table, why_not = prices(costs, archs.values())
    page, said = None, list[str]()
    with progress_display() as progress:
        if out is None:
            comparison = compare_machines(
                archs["baseline"], archs["candidate"], trace, archs.get("third"),
                placements=placements, at_equal=scaled and scaled.said, progress=progress,
            )  # fmt: skip
            comparison = over_range(comparison, scaled.ends if scaled else {}, progress, table)
        else:
            page, study = write_comparison(
                out, trace, machines, command=command_line(context), studied=not quick,
                placements=placements, again=with_batch(workload, shape or (), dtype),
                equal=scaled, costs=table,
                jobs=cores(jobs), validated=validated(progress), progress=progress,
            )  # fmt: skip
            comparison, said = study.comparisons[0], helps(study)
    priced = None if table is None else costs_of(comparison, table)
    if json_out is not None:
        made = {role: one.overrides for role, one in scaled.scaled.items()} if scaled else {}
        settings = {role: [*(overrides or ()), *made.get(role, ())] for role in machines}
        content = comparison_json(comparison, named, workload, loaded, shape, dtype, settings)
        add_costs(content, priced)
        write_json(json_out, content)
    print_comparison(comparison, page, said, priced, why_not)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("compare")(compare)
