"""`accelsim what-if`: what would help most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from accelsim.cli.options import Dtype, JsonOut, Machine, Overrides, Shape, Workload, write_json
from accelsim.progress import progress_display

if TYPE_CHECKING:
    from accelsim.sweep.what_if import WhatIf


def what_if(
    arch: Machine,
    workload: Workload,
    shape: Shape = None,
    dtype: Dtype = None,
    overrides: Overrides = None,
    json_out: JsonOut = None,
) -> None:
    """Run a workload with every unit twice as fast and every buffer twice as large, one by one.

    Each change is mapped anew, as if it stood in the YAML; the largest gain comes first.

    Example: accelsim what-if --arch sparse_v1 --workload tiny_moe_lm
    """
    from accelsim import load_trace
    from accelsim.arch.load import arch_source
    from accelsim.sweep.what_if import what_if

    source = arch_source(arch).changed(overrides or ())
    trace = load_trace(workload, shape or ())
    trace = trace if dtype is None else trace.replayed(dtype)
    with progress_display() as progress:
        before, found = what_if(source, trace, progress)
    if json_out is not None:
        write_json(json_out, {"total_ps": before, "changes": [each._asdict() for each in found]})
    print_what_if(f"{trace.name} on {source.arch().name}", before, found)


def print_what_if(what: str, before_ps: int, found: list[WhatIf]) -> None:
    """Print changes and their gains, in the order given."""
    from rich.table import Table

    from accelsim.report.text import console
    from accelsim.report.words import as_time

    table = Table("what if", box=None)
    for name in ("gain", "time"):
        table.add_column(name, justify="right")
    for each in found:
        cells = [each.refused] if each.refused else [f"{each.gain:.3f}x", as_time(each.total_ps)]
        table.add_row(each.name, *cells)
    page = console()
    page.print(f"{what}: {as_time(before_ps)}")
    page.print(table)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("what-if")(what_if)
