"""`accelsim diff`: where the time went between two results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli.options import Role, no_roles

if TYPE_CHECKING:
    from rich.table import Table

    from accelsim.analysis.difference import Difference, Moved

_File = Annotated[
    Path, typer.Argument(metavar="RESULT.json", help="Of accelsim run --json, or compare --json.")
]


def diff(
    before: _File,
    after: _File,
    rows: Annotated[int, typer.Option(min=1, help="Operators shown, largest change first.")] = 12,
    role: Role = None,
) -> None:
    """Say where time and energy went between two results: by operator, by unit, by hardware.

    Example: accelsim diff before.json after.json
    """
    from accelsim.analysis.difference import difference
    from accelsim.analysis.saved import read_saved
    from accelsim.report.words import without_layer

    first, last = read_saved(before, role), read_saved(after, role)
    if role is not None and not (first.role or last.role):
        raise no_roles(before)
    found = difference(first.result, last.result, without_layer)
    _print(found, rows, str(before), str(after))


def _print(found: Difference, rows: int, before: str, after: str) -> None:
    from accelsim.report.text import console
    from accelsim.report.words import as_time, times

    page = console()
    speedup = times(found.before_ps / max(1, found.after_ps))
    page.print(
        f"{before}: {as_time(found.before_ps)}   {after}: {as_time(found.after_ps)}   "
        f"speedup {speedup}"
    )
    page.print(_table("operator", found.operators[:rows], found, limits=True))
    left = found.operators[rows:]
    if left:
        moved = sum(row.change_ps for row in left)
        page.print(f"  {len(left)} more: {_signed(moved)} (--rows {len(found.operators)})")
    units = [row for row in found.units if row.before_ps or row.after_ps]
    page.print(_table("unit on the critical path", units, found, limits=False))
    if found.energy:
        page.print(_energy_table(found))
    facts = _facts(found)
    if facts:
        page.print("\n".join(["also:", *(f"  {line}" for line in facts)]))


def _table(title: str, rows: list[Moved], found: Difference, *, limits: bool) -> Table:
    from rich.table import Table

    from accelsim.report.words import as_time, percent

    table = Table(title, box=None)
    for name in ("before", "after", "change", "of the change"):
        table.add_column(name, justify="right")
    if limits:
        table.add_column("limited by")
    whole = found.after_ps - found.before_ps
    for row in rows:
        share = percent(row.change_ps / whole) if whole else "-"
        cells = [row.name, as_time(row.before_ps), as_time(row.after_ps), _signed(row.change_ps)]
        was, now = row.limited_by
        table.add_row(*cells, share, *[now if was == now else f"{was} -> {now}"] * limits)
    return table


def _energy_table(found: Difference) -> Table:
    from rich.table import Table

    from accelsim.report.words import as_energy

    table = Table("energy of the hardware", box=None)
    for name in ("before", "after", "change"):
        table.add_column(name, justify="right")
    whole = (sum(row[1] for row in found.energy), sum(row[2] for row in found.energy))
    for name, before, after in (*found.energy, ("total", *whole)):
        change = as_energy(abs(after - before))
        signed = f"{'-' if after < before else '+'}{change}" if after != before else "0"
        table.add_row(name, as_energy(before), as_energy(after), signed)
    return table


def _signed(time_ps: int) -> str:
    from accelsim.report.words import as_time

    return f"{'-' if time_ps < 0 else '+'}{as_time(abs(time_ps))}" if time_ps else "0"


def _facts(found: Difference) -> list[str]:
    """Figures that differ and are neither times nor names."""
    return [
        f"{name}: {_short(before)} -> {_short(after)}"
        for name, before, after in found.facts
        if not name.startswith(("total_", "replayed_"))
    ]


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("diff")(diff)
