"""`accelsim dram`: streams of requests on a DRAM part, as a tool of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli.options import JsonOut, write_json
from accelsim.progress import progress_display

if TYPE_CHECKING:
    from rich.console import Console

    from accelsim.arch.part import Part
    from accelsim.report.dram import StreamRun
    from accelsim.workload.operators import Attention
    from accelsim.workload.streams import Chunk

app = typer.Typer(
    no_args_is_help=True,
    help="Streams of requests on a DRAM part, at request level. "
    "Example: accelsim dram run --part hbm2 --stream row_gather --row-bytes 256",
)

PIPED_WIDTH = 132
SAMPLES = 100
KEY_BYTES = 256  # d 128 in bf16


@app.command("list")
def list_parts() -> None:
    """List the shipped DRAM parts and the streams.

    Example: accelsim dram list
    """
    from rich.console import Console
    from rich.table import Table

    from accelsim.arch.parts import load_part, part_names
    from accelsim.workload.streams import STREAMS

    table = Table(box=None, pad_edge=False)
    for title in ("part", "GB/s", "channels", "request", "row", "assumed", "description"):
        table.add_column(title, overflow="fold")
    for name in part_names():
        part = load_part(name)
        table.add_row(
            name,
            f"{part.bandwidth / 1e9:.4g}",
            str(part.channels),
            f"{part.request_bytes} B",
            f"{part.row_bytes} B",
            ", ".join(part.assumed) or "nothing",
            part.description,
        )
    _console().print(table)
    Console(highlight=False).print(f"streams: {', '.join(STREAMS)}", soft_wrap=True)


@app.command("run")
def run(
    part: Annotated[str, typer.Option(metavar="NAME|PATH", help="A shipped part or a YAML.")],
    stream: Annotated[
        str | None, typer.Option(metavar="NAME", help="See `accelsim dram list`.")
    ] = None,
    workload: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH", help="Instead: the keys that a trace's first attention gathers."
        ),
    ] = None,
    tile: Annotated[int, typer.Option(min=1, help="Queries that gather together.")] = 16,
    row_bytes: Annotated[
        str | None, typer.Option(metavar="N,N,...", help="Bytes of a gathered row.")
    ] = None,
    window: Annotated[
        str, typer.Option(metavar="N,N,...", help="Most reads outstanding; 'none': the queues.")
    ] = "none",
    requests: Annotated[int, typer.Option(min=1, help="Requests of each run.")] = 200_000,
    width: Annotated[int, typer.Option(min=1, help="Requests offered a clock.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Of random streams.")] = 1,
    parameter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Another parameter of the stream."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change a field of the part."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write pictures and a CSV there.")
    ] = None,
    json_out: JsonOut = None,
) -> None:
    """Offer a stream in order, as fast as the part takes it: bandwidth, row hits, latency.

    Example: accelsim dram run --part hbm2 --stream row_gather --row-bytes 64,256,4096
    --window 8,32,128,512 --plot reports/gather
    """
    from accelsim.arch.parts import load_part
    from accelsim.engine.dram import run_stream
    from accelsim.report.dram import StreamRun
    from accelsim.workload.streams import attention_gather

    device = load_part(part, overrides or ())
    if (stream is None) == (workload is None):
        raise typer.BadParameter("expected one of --stream and --workload")
    given = _parameters(parameter or ())
    sizes = [] if row_bytes is None else _numbers("row-bytes", row_bytes)
    rows = [{"row_bytes": size} for size in sizes] or [{}]
    windows = [0] if window == "none" else _numbers("window", window)
    name = stream or f"keys of {workload}"
    attention = _attention(workload) if workload is not None else None
    runs: list[StreamRun] = []
    with progress_display() as progress:
        for row in rows:
            for most in windows:
                if progress is not None:
                    text = f"{name}{_label(row)}, {most or 'no'} limit"
                    progress(text, len(runs), len(rows) * len(windows))
                if attention is None:
                    made = _stream(device, name, given | row, requests, seed)
                else:
                    size = row.get("row_bytes", KEY_BYTES)
                    made = attention_gather(
                        attention, requests, size, queries=tile, atom=device.request_bytes
                    )
                result = run_stream(device.vector, _within(made, device), width=width, window=most)
                runs.append(StreamRun(device, f"{name}{_label(given | row)}", most, result))
    _show(device, name, runs, plot, json_out)


def _stream(
    device: Part, name: str, given: Mapping[str, float], requests: int, seed: int
) -> Iterator[Chunk]:
    from accelsim.workload import streams

    chunk = min(streams.CHUNK, max(1, requests // SAMPLES))
    atom = device.request_bytes
    return streams.stream(name, requests, given, seed=seed, atom=atom, chunk=chunk)


def _attention(workload: str) -> Attention:
    """The first attention of a trace that leaves keys out."""
    from accelsim.errors import InputError
    from accelsim.workload.operators import Attention
    from accelsim.workload.trace import find_trace, read_trace

    for op in read_trace(find_trace(workload)).operators:
        if isinstance(op, Attention) and op.pattern is not None:
            return op
    raise InputError("has no attention that leaves keys out", where=workload)


def _within(chunks: Iterator[Chunk], device: Part) -> Iterator[Chunk]:
    """Refuse addresses beyond the capacity of the part."""
    from accelsim.arch.units import BYTES
    from accelsim.errors import InputError

    for addresses, is_write in chunks:
        if addresses.size and int(addresses.max()) >= device.capacity:
            raise InputError(
                f"address {int(addresses.max()):,} lies beyond {BYTES.format(device.capacity)}",
                where=device.name,
                remedy="make footprint, offset or the number of requests smaller",
            )
        yield addresses, is_write


def _show(
    device: Part, stream: str, runs: Sequence[StreamRun], plot: Path | None, json_out: Path | None
) -> None:
    from accelsim.report.dram import stream_table, stream_text

    table = stream_table(runs)
    if json_out is not None:
        write_json(json_out, {"part": device.name, "runs": table.to_dict("records")})
    console = _console()
    peak = f"peak {device.bandwidth / 1e9:.4g} GB/s, request {device.request_bytes} B"
    console.print(f"{device.name}: {device.description}; {peak}", highlight=False)
    if device.assumed:
        console.print(f"assumed, without a public source: {', '.join(device.assumed)}")
    console.print(stream_text(runs))
    if plot is not None:
        for name in _draw(device, stream, runs, plot):
            typer.echo(f"picture: {name}")


def _draw(device: Part, stream: str, runs: Sequence[StreamRun], folder: Path) -> list[Path]:
    from accelsim.errors import InputError
    from accelsim.report.dram import stream_table
    from accelsim.report.plots import dram_time, dram_window
    from accelsim.report.style import save
    from accelsim.report.tables import write_csv

    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_csv(stream_table(runs), folder / "streams.csv")
        last = runs[-1]
        label = f"{last.label}, {last.window or 'queues'} outstanding"
        data = dram_time.prepare(device, label, last.result)
        drawn = [save(dram_time.draw(data), folder, "dram_time")[0]]
        if len({run.window for run in runs}) > 1:
            windows = dram_window.prepare(device, stream, runs)
            drawn.append(save(dram_window.draw(windows), folder, "dram_window")[0])
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}", where=str(folder), remedy="name another folder"
        ) from None
    return drawn


def _label(given: Mapping[str, float]) -> str:
    return "".join(f" {name}={value:g}" for name, value in given.items())


def _numbers(what: str, text: str) -> list[int]:
    from accelsim.errors import InputError

    try:
        values = [int(part) for part in text.split(",")]
    except ValueError:
        values = [0]
    if min(values) < 1:
        raise InputError(
            f"'{text}' is not a list of whole numbers above 0",
            where=f"--{what}",
            remedy="e.g. 8,32",
        )
    return values


def _parameters(texts: Sequence[str]) -> dict[str, float]:
    from accelsim.errors import InputError

    given = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            given[name.strip()] = float(value)
        except ValueError:
            raise InputError(
                f"'{text}' is not NAME=NUMBER", where="--parameter", remedy="e.g. stride_bytes=4096"
            ) from None
    return given


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False) if sys.stdout.isatty() else Console(width=PIPED_WIDTH)
