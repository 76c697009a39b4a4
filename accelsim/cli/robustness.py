"""`accelsim robustness`: what flips the verdict of a comparison, and how far it moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli.machines import machine_sources, named_machines
from accelsim.cli.options import (
    Baseline,
    Candidate,
    Dtype,
    JsonOut,
    Overrides,
    Shape,
    Third,
    Workload,
    write_json,
)
from accelsim.progress import progress_display

if TYPE_CHECKING:
    from accelsim.workload.trace import Trace

LEVELS = ("request", "train", "simple")


def robustness(
    baseline: Baseline,
    candidate: Candidate,
    workload: Workload,
    third: Third = None,
    texts: Annotated[
        list[str] | None,
        typer.Option(metavar="TRACE", help="A capture of another text; may be given often."),
    ] = None,
    parts: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PART", help="flips, ablation or spreads; default: all."),
    ] = None,
    along: Annotated[
        list[str] | None,
        typer.Option(
            "--axis", metavar="NAME", help="Flips along this alone, such as 'vector lanes'."
        ),
    ] = None,
    dram_level: Annotated[
        str | None,
        typer.Option(
            help="Run all at this DRAM level: simple is the quickest.",
            show_default="each machine's own",
        ),
    ] = None,
    shape: Shape = None,
    dtype: Dtype = None,
    overrides: Overrides = None,
    json_out: JsonOut = None,
) -> None:
    """Search the smallest change that flips the winner, take units away, and vary the rest.

    Bandwidth, ports, lanes, lines in flight, batch and density are changed on all machines alike.
    A hundred runs and more: minutes, on a large workload hours.

    Example: accelsim robustness --baseline systolic_32 --candidate sparse_small
    --workload tiny_moe_lm --dram-level simple
    """
    from accelsim.errors import InputError, unknown_name
    from accelsim.report.robustness_text import print_robustness
    from accelsim.simulation import compare
    from accelsim.sweep.axes import AXES
    from accelsim.sweep.robustness import PARTS
    from accelsim.sweep.robustness import robustness as study
    from accelsim.workload.catalogue import load_workload, with_batch

    if dram_level is not None and dram_level not in LEVELS:
        raise unknown_name("DRAM level", dram_level, LEVELS)
    for part in parts or ():
        if part not in PARTS:
            raise unknown_name("part of the robustness", part, PARTS)
    for option, given, part in (("--axis", along, "flips"), ("--texts", texts, "spreads")):
        if given and part not in (parts or PARTS):
            raise InputError(f"is of the {part}", where=option, remedy=f"add --only {part}")
    for name in along or ():
        if name not in AXES:
            raise unknown_name("axis", name, AXES)
    named = named_machines(baseline, candidate, third)
    machines = machine_sources(named, overrides)
    archs = {role: source.arch() for role, source in machines.items()}
    if dram_level is not None:
        archs = {role: arch.at_dram_level(dram_level) for role, arch in archs.items()}

    def opened(name: str, *changes: str) -> Trace:
        trace = load_workload(name, changes)
        return trace if dtype is None else trace.replayed(dtype)

    trace = opened(workload, *(shape or ()))
    others = [opened(name) for name in texts or ()]

    with progress_display() as progress:
        comparison = compare(
            archs["baseline"], archs["candidate"], trace, archs.get("third"), progress=progress
        )
        found = study(
            machines, trace, comparison, again=with_batch(workload, shape or (), dtype),
            texts=others, level=dram_level, parts=parts or PARTS, along=along or AXES,
            progress=progress,
        )  # fmt: skip
    if json_out is not None:
        write_json(json_out, found.as_json())
    print_robustness(found, {role: arch.name for role, arch in archs.items()})


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("robustness")(robustness)
