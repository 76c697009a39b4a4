"""`accelsim trace`: make a trace, look at it, and check it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli import making

if TYPE_CHECKING:
    from rich.table import Table

    from accelsim.workload.statistics import OperatorStatistics
    from accelsim.workload.trace import Trace

app = typer.Typer(help="Make a trace, look at it, and check it.", no_args_is_help=True)
making.register(app)
_Place = Annotated[
    str, typer.Argument(help="Folder NAME.trace, or the name of a shipped workload.")
]


@app.command()
def info(
    path: _Place,
    tile: Annotated[int, typer.Option(min=1, help="Queries of a tile, for key reuse.")] = 16,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FOLDER", help="Also draw it, PNG and SVG.")
    ] = None,
) -> None:
    """Show the operators of a trace: shapes, density, key reuse, expert load, MACs and bytes.

    Example: accelsim trace info longctx_8k --tile 32
    """
    from rich.console import Console

    from accelsim.workload.statistics import operator_statistics
    from accelsim.workload.trace import find_trace, read_trace

    trace = read_trace(find_trace(path))
    rows = [operator_statistics(operator, tile=tile) for operator in trace.operators]
    console = Console(markup=False)
    if not console.is_terminal:
        console = Console(width=160, markup=False)
    console.print(trace.name, style="bold", highlight=False)
    for line in _provenance(trace):
        console.print(f"  {line}", highlight=False)
    console.print(_table(rows, tile))
    for line in _remarks(rows, tile):
        console.print(line, highlight=False)
    if plot is not None:
        from accelsim.report.trace_pictures import draw_trace

        for file in draw_trace(trace, plot):
            console.print(str(file), highlight=False)


@app.command()
def validate(path: _Place) -> None:
    """Check a trace in full: hashes, shapes, and every index of every array.

    Example: accelsim trace validate runs/mine.trace
    """
    from accelsim.workload.trace import find_trace, validate_trace

    trace = validate_trace(find_trace(path))
    typer.echo(f"OK: {trace.name}, {len(trace.operators)} operators, {trace.content_hash[:12]}")


def _provenance(trace: Trace) -> list[str]:
    origin = "synthetic" if trace.synthetic else "captured from a model"
    seed = "none" if trace.seed is None else str(trace.seed)
    lines = [
        f"{origin}; {trace.phase}, batch {trace.batch}, {trace.seq_len} tokens, seed {seed}",
        f"model: {trace.model or 'not stated'}",
        f"selection: {trace.selection_rule or 'not stated'}",
        f"quality: {_quality(trace)}",
        f"producer: {trace.producer}; schema {trace.schema_version}; "
        f"content {trace.content_hash[:12]}",
    ]
    lines += [f"licence: {trace.licence}"] if trace.licence else []
    return lines + ([f"note: {trace.note}"] if trace.note else [])


def _quality(trace: Trace) -> str:
    if not trace.quality:
        return "unknown"
    return ", ".join(f"{key} {value}" for key, value in sorted(trace.quality.items()))


def _table(rows: list[OperatorStatistics], tile: int) -> Table:
    from rich.table import Table

    table = Table()
    for name in ("operator", "kind", "shape"):
        table.add_column(name)
    for name in ("density", f"keys/{tile} queries", "sharers", "adjacent", "load", "MACs", "MiB"):
        table.add_column(name, justify="right")
    for row in rows:
        reuse = row.reuse
        table.add_row(
            row.scope,
            row.kind,
            row.shape,
            "" if row.density is None else f"{row.density:.4f}",
            "" if reuse is None else f"{reuse.union_mean:.0f}{'~' if reuse.sampled else ''}",
            "" if reuse is None else f"{reuse.sharers:.2f}",
            "" if reuse is None else f"{reuse.jaccard:.2f}",
            "" if row.expert_load is None else f"{row.expert_load:.2f}",
            f"{row.effectual_macs:.3e}",
            f"{row.tensor_bytes / 2**20:.1f}",
        )
    table.add_section()
    macs, size = sum(r.effectual_macs for r in rows), sum(r.tensor_bytes for r in rows)
    total = ["total", "", "", "", "", "", "", "", f"{macs:.3e}", f"{size / 2**20:.1f}"]
    table.add_row(*total, style="bold")
    return table


def _remarks(rows: list[OperatorStatistics], tile: int) -> list[str]:
    lines = [
        "density: kept over possible positions (visible pairs; routed slots). "
        f"keys/{tile} queries: distinct keys of a query tile. sharers: queries of a tile per key.",
        "adjacent: Jaccard overlap of neighbouring queries. load: busiest expert over the mean. "
        "MACs: effectual. MiB: operands, weights and results, once each.",
    ]
    dense, effectual = sum(r.dense_macs for r in rows), sum(r.effectual_macs for r in rows)
    if dense:
        lines.append(f"effectual MACs are {effectual / dense:.4f} of the dense ones")
    if any(row.reuse is not None and row.reuse.sampled for row in rows):
        lines.append("~ from a sample of evenly spaced rows")
    return lines
