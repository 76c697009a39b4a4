"""`accelsim costs`: the cost tables, and every figure of one with its range, mark and source."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli.options import JsonOut, write_json

if TYPE_CHECKING:
    from accelsim.cost.listing import Line

PIPED_WIDTH = 200


def costs(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME|PATH", help="A shipped table, a YAML or a CSV.")
    ] = None,
    entry: Annotated[
        str | None,
        typer.Argument(metavar="ACTION", help="An action, a kind of DRAM or a field: its steps."),
    ] = None,
    json_out: JsonOut = None,
) -> None:
    """List the cost tables, every figure of one, or all that is known of one action.

    Example: accelsim costs

    Example: accelsim costs 45nm

    Example: accelsim costs 7nm register

    Example: accelsim costs mine.yaml --json costs.json
    """
    if name is None:
        _tables(json_out)
        return
    from accelsim.cost.listing import listing
    from accelsim.cost.load import load_cost_table

    table = load_cost_table(name)
    lines = listing(table, entry)
    if json_out is not None:
        head = {"table": table.name, "node_nm": table.node_nm}
        write_json(json_out, {**head, "figures": [_plain(line) for line in lines]})
    typer.echo(f"cost table {table.name}, {table.node_nm:g} nm: {table.file.description}")
    _print(
        ("entry", "what", "of", "figure", "range", "mark", "source"),
        [_row(line) for line in lines],
    )
    if entry is not None:
        for line in lines:
            for step in line.figure.derivation:
                typer.echo(f"{line.quantity}: {step}")


def _tables(json_out: Path | None) -> None:
    from accelsim.cost.load import cost_table_names, load_cost_table

    tables = sorted(map(load_cost_table, cost_table_names()), key=lambda one: one.node_nm)
    rows = [
        (one.name, f"{one.node_nm:g} nm", one.file.sram, one.file.description) for one in tables
    ]
    if json_out is not None:
        titles = ("name", "node", "sram", "description")
        listed = [dict(zip(titles, row, strict=True)) for row in rows]
        write_json(json_out, {"tables": listed})
    _print(("table", "node", "SRAM", "what it is"), rows)
    typer.echo("all figures of one: accelsim costs NAME")


def _row(line: Line) -> tuple[str, ...]:
    figure = line.figure
    between = f"{_short(figure.low)} to {_short(figure.high)}"
    between += "" if figure.range_known else " (assumed)"
    doubt = figure.unverified and figure.mark != "from memory"
    mark = figure.mark + ", unverified" * doubt
    shown = f"{_short(figure.value)} {figure.unit}"
    return line.entry, line.quantity, line.per, shown, between, mark, figure.source


def _short(value: float) -> str:
    return f"{value:.4g}" if value < 10_000 else f"{value:,.0f}"


def _plain(line: Line) -> dict[str, object]:
    figure = line.figure
    return {
        "section": line.section,
        "entry": line.entry,
        "quantity": line.quantity,
        "per": line.per,
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "unit": figure.unit,
        "range_known": figure.range_known,
        "mark": figure.mark,
        "unverified": figure.unverified,
        "source": figure.source,
        "derivation": list(figure.derivation),
    }


def _print(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    if not (console.is_terminal or os.environ.get("COLUMNS")):
        console = Console(width=PIPED_WIDTH, highlight=False, markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, no_wrap=title != titles[-1], overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("costs")(costs)
