"""`accelsim validate`: hold the model against reference cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli.options import JsonOut, write_json
from accelsim.cli.progress import progress_display

if TYPE_CHECKING:
    from accelsim.validation.outcome import Outcome


def validate(
    suite: Annotated[
        str,
        typer.Argument(
            metavar="SUITE", help="systolic, mesh, dram, or engines (which takes long)."
        ),
    ],
    cases: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Your own cases, with the columns of the suite's reference file.",
            show_default="the built-in cases",
        ),
    ] = None,
    json_out: JsonOut = None,
) -> None:
    """Print reference, model and error of every case; exit code 4 beyond the tolerance.

    Example: accelsim validate systolic --cases mine.csv --json outcome.json
    """
    from accelsim.validation.suites import run_suite

    with progress_display() as progress:
        outcome = run_suite(suite, cases, progress)
    if json_out is not None:
        write_json(json_out, outcome.as_json())
    _show(outcome)
    if not outcome.passed:
        raise typer.Exit(4)


def _show(outcome: Outcome) -> None:
    from rich.console import Console
    from rich.table import Table

    from accelsim.validation.outcome import mean_abs

    unit = outcome.unit
    out = Console()
    for label, rows in outcome.groups().items():
        table = Table(title=f"{outcome.suite}, {unit} ({label})", title_justify="left", box=None)
        table.add_column("case", overflow="fold")
        for column in ("reference", "model", "error"):
            table.add_column(column, justify="right")
        table.add_column("")
        for row in rows:
            mark = "" if outcome.holds(row) else row.note or "beyond tolerance"
            table.add_row(
                row.case,
                f"{row.reference:,}",
                f"{row.model:,}",
                f"{row.error:+,}" if row.error else "0",
                mark,
            )
        out.print(table)
        worst = max(rows, key=lambda row: abs(row.error))
        out.print(
            f"{len(rows)} rows ({label}): mean |error| {mean_abs(rows):g} {unit}, "
            f"worst {abs(worst.error):,} {unit}" + (f" ({worst.case})" if worst.error else ""),
            highlight=False,
        )
        out.print()
    failed = sum(not outcome.holds(row) for row in outcome.rows)
    verdict = "passed" if outcome.passed else f"FAILED: {failed} of {len(outcome.rows)} rows"
    out.print(f"{outcome.suite}: {verdict} (tolerance {outcome.tolerance_text})")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("validate")(validate)
