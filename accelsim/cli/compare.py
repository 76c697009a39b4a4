"""`accelsim compare`: a baseline, the baseline with a gathering DMA, and a candidate."""

from __future__ import annotations

from typing import Annotated

import typer

from accelsim.cli.options import Dtype, JsonOut, Overrides, Shape, Workload, write_json
from accelsim.cli.ran import comparison_json
from accelsim.progress import progress_display


def default_third(baseline: str) -> str | None:
    """Name the shipped `<baseline>_gather`, if there is one."""
    from accelsim.arch.load import shipped_names

    name = f"{baseline}_gather"
    return name if name in shipped_names() else None


def compare(
    baseline: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="The machine to be measured against.")
    ],
    candidate: Annotated[str, typer.Option(metavar="NAME|PATH", help="The machine in question.")],
    workload: Workload,
    third: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="The honest rival, usually baseline + gather.",
            show_default="the shipped BASELINE_gather, where there is one",
        ),
    ] = None,
    placements: Annotated[
        int,
        typer.Option(min=1, help="Run so many placements of the tensors in DRAM, for the spread."),
    ] = 1,
    shape: Shape = None,
    dtype: Dtype = None,
    overrides: Overrides = None,
    json_out: JsonOut = None,
) -> None:
    """Compare machines on one workload: time per operator, speedup, and what limits each.

    Example: accelsim compare --baseline systolic_128 --candidate sparse_v1 --workload tiny_moe_lm
    """
    from accelsim import load_arch, load_trace

    changes = overrides or ()
    rival = third if third is not None else default_third(baseline)
    first, last = load_arch(baseline, changes), load_arch(candidate, changes)
    between = None if rival is None else load_arch(rival, changes)
    loaded = load_trace(workload, shape or ())
    trace = loaded if dtype is None else loaded.replayed(dtype)

    from accelsim.report.text import print_comparison
    from accelsim.simulation import compare as compare_machines

    with progress_display() as progress:
        comparison = compare_machines(
            first, last, trace, third=between, placements=placements, progress=progress
        )
    if json_out is not None:
        named = {"baseline": baseline, "third": rival, "candidate": candidate}
        content = comparison_json(comparison, named, workload, loaded, shape, dtype, overrides)
        write_json(json_out, content)
    print_comparison(comparison)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("compare")(compare)
