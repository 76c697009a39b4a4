"""`accelsim run`: one architecture on one workload."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from accelsim.cli.options import JsonOut, Overrides, Workload, write_json
from accelsim.cli.progress import progress_display


class Engine(StrEnum):
    """Which of the two engines runs the program; both give the same answer."""

    COMPILED = "compiled"
    REFERENCE = "reference"


def run(
    arch: Annotated[
        str, typer.Option("--arch", metavar="NAME|PATH", help="A shipped architecture or a YAML.")
    ],
    workload: Workload,
    overrides: Overrides = None,
    json_out: JsonOut = None,
    engine: Annotated[
        Engine, typer.Option(help="compiled for work; reference (SimPy) for reading and checking.")
    ] = Engine.COMPILED,
) -> None:
    """Simulate one architecture on one workload and print where its time goes.

    Example: accelsim run --arch sparse_v1 --workload longctx_8k --set dram.bandwidth='450 GB/s'
    """
    from accelsim import load_arch, load_trace

    machine, trace = load_arch(arch, overrides or ()), load_trace(workload)

    from accelsim.report.text import print_run
    from accelsim.simulation import simulate

    with progress_display() as progress:
        result = simulate(machine, trace, engine=engine.value, progress=progress)
    if json_out is not None:
        write_json(json_out, result.as_json())
    print_run(result)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("run")(run)
