"""`accelsim run`: one architecture on one workload."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli.options import (
    Costs,
    Dtype,
    JsonOut,
    Machine,
    Overrides,
    Shape,
    Workload,
    window_of,
    writable,
    write_json,
)
from accelsim.cli.prices import prices, run_json
from accelsim.cli.ran import RAN, what_ran
from accelsim.progress import progress_display

if TYPE_CHECKING:
    from accelsim.analysis.result import Result


WINDOW = "--timeline-window"


class Engine(StrEnum):
    """Which of the two engines runs the program; both give the same answer."""

    COMPILED = "compiled"
    REFERENCE = "reference"


def run(
    arch: Machine,
    workload: Workload,
    shape: Shape = None,
    dtype: Dtype = None,
    overrides: Overrides = None,
    costs: Costs = None,
    json_out: JsonOut = None,
    tiles: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            callback=writable,
            help="Write what was gathered and scattered, by tile.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Draw bandwidth over time and bank conflicts there."),
    ] = None,
    timeline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json.gz",
            callback=writable,
            help="Write who ran when; open it in Perfetto.",
        ),
    ] = None,
    timeline_window: Annotated[
        str | None,
        typer.Option(metavar="BEGIN:END", help="Only this part of it, such as 10us:50us."),
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="compiled for work; reference (SimPy) for reading and checking.")
    ] = Engine.COMPILED,
) -> None:
    """Simulate one architecture on one workload and print where its time and energy go.

    Example: accelsim run --arch sparse_v1 --workload longctx_8k --dtype mxfp4 --set
    dram.bandwidth='450 GB/s'
    """
    from accelsim import load_arch, load_trace
    from accelsim.errors import InputError

    if timeline_window is not None and timeline is None:
        raise InputError("is part of a timeline", where=WINDOW, remedy="add --timeline FILE")
    window = None if timeline_window is None else window_of(timeline_window, WINDOW)
    machine, loaded = load_arch(arch, overrides or ()), load_trace(workload, shape or ())
    trace = loaded if dtype is None else loaded.replayed(dtype)
    table, why_not = prices(costs, [machine])

    from accelsim.hardware.area import breakdown
    from accelsim.hardware.energy import energy_of
    from accelsim.report.text import print_run
    from accelsim.simulation import simulate

    with progress_display() as progress:
        result = simulate(machine, trace, engine=engine.value, progress=progress)
    energy = None if table is None else energy_of(result, table)
    area = None if table is None else breakdown(machine, table)
    if json_out is not None:
        ran = what_ran(arch, machine, workload, loaded, shape, dtype, overrides)
        write_json(json_out, result.as_json() | run_json(energy, area) | {RAN: ran})
    print_run(result, energy, area, why_not)
    if tiles is not None:
        write_tiles(tiles, result)
    if plot is not None:
        draw_memory(plot, result)
    if timeline is not None:
        from accelsim.report.chrome_trace import write_chrome_trace

        count = write_chrome_trace(timeline, result, window)
        typer.echo(f"timeline: {timeline}, {count:,} spans (open it at https://ui.perfetto.dev)")


def write_tiles(path: Path, result: Result) -> None:
    """Write the table of tiles and say how many there are."""
    from accelsim.analysis.tiles import tile_table
    from accelsim.errors import InputError

    table = tile_table(result)
    try:
        table.to_csv(path, index=False)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", where=str(path)) from None
    typer.echo(f"{len(table)} tiles: {path}")


def draw_memory(folder: Path, result: Result) -> None:
    """Draw what the run asked of memory and say where the pictures are."""
    from accelsim.errors import InputError
    from accelsim.report.plots import bandwidth, bank_conflicts
    from accelsim.report.style import save

    figures = {
        "bandwidth": bandwidth.draw(bandwidth.prepare({"": result})),
        "bank_conflicts": bank_conflicts.draw(bank_conflicts.prepare({"": [result]})),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pictures = [save(figure, folder, name)[0] for name, figure in figures.items()]
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}", where=str(folder), remedy="name another folder"
        ) from None
    typer.echo(f"pictures: {', '.join(map(str, pictures))}")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("run")(run)
