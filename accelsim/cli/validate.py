"""`accelsim validate`: hold the model against reference cases."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli.options import JsonOut, write_json
from accelsim.progress import progress_display

if TYPE_CHECKING:
    from rich.console import Console

    from accelsim.validation.outcome import Outcome, Row


PIPED_WIDTH = 160


def validate(
    suite: Annotated[
        str,
        typer.Argument(
            metavar="SUITE",
            help="systolic, mesh, dram, stonne, sanger, spatten, published, sparseloop, area, all"
            " of these, or engines (which takes long).",
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
    patterns: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Bitmaps (.npz) that the cases of suite stonne name.",
            show_default="the built-in ones",
        ),
    ] = None,
    json_out: JsonOut = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Also write validation.md and a scatter plot of every row."
        ),
    ] = None,
) -> None:
    """Print reference, model and error of every case; exit code 4 beyond the tolerance.

    Example: accelsim validate stonne --cases mine.csv --patterns bitmaps --json outcome.json
    """
    from accelsim.errors import InputError
    from accelsim.validation.suites import ALL, run_suite

    if suite == "all" and (cases is not None or patterns is not None):
        raise InputError(
            "all suites run on their built-in cases", where="--cases", remedy="name one suite"
        )
    names = ALL if suite == "all" else (suite,)
    with progress_display() as progress:
        outcomes = [run_suite(name, cases, progress, patterns) for name in names]
    if json_out is not None:
        found = [outcome.as_json() for outcome in outcomes]
        passed = all(outcome.passed for outcome in outcomes)
        write_json(json_out, found[0] if suite != "all" else {"suites": found, "passed": passed})
    for outcome in outcomes:
        _show(outcome)
    if report is not None:
        typer.echo(f"report: {_write_report(report, outcomes)}")
    if not all(outcome.passed for outcome in outcomes):
        raise typer.Exit(4)


def _write_report(folder: Path, outcomes: list[Outcome]) -> Path:
    """The page and its picture; either both or an error."""
    from accelsim.errors import InputError
    from accelsim.report.plots import validation as scatter
    from accelsim.report.style import save
    from accelsim.validation.page import page_text, points

    pictures, page = folder / "pictures", folder / "validation.md"
    try:
        pictures.mkdir(parents=True, exist_ok=True)
        save(scatter.draw(scatter.prepare(*points(outcomes))), pictures, "validation")
        page.write_text(page_text(outcomes), encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}", where=str(folder), remedy="name another folder"
        ) from None
    return page


def _show(outcome: Outcome) -> None:
    from rich.console import Console
    from rich.table import Table

    from accelsim.validation.outcome import TREND

    unit = outcome.unit
    out = Console() if sys.stdout.isatty() else Console(width=PIPED_WIDTH)
    sources: dict[str, int] = {}
    for label, rows in outcome.groups().items():
        if any(row.compared for row in rows):
            _show_compared(out, outcome.suite, rows, sources)
            continue
        title = f"{outcome.suite}, {unit} unless said ({label})"
        table = Table(title=title, title_justify="left", box=None)
        table.add_column("case", overflow="fold")
        for column in ("reference", "model", "error", "", "tolerance", "source"):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("")
        for row in rows:
            judged = label != TREND
            mark = row.note or "beyond tolerance" if judged and not outcome.holds(row) else ""
            source = sources.setdefault(row.source, len(sources) + 1) if row.source else 0
            table.add_row(
                f"{row.case} ({row.unit})" if row.unit else row.case,
                _figure(row.reference),
                _figure(row.model),
                _figure(row.error, sign=True),
                f"{100 * row.relative_error:+.2f} %" if row.error else "",
                outcome.tolerance_of(row) if judged else "shown only",
                f"({source})" if source else "",
                mark,
            )
        out.print(table)
        out.print(_summary(outcome, label, rows), highlight=False)
        out.print()
    for text, number in sources.items():
        out.print(f"({number}) {text}", highlight=False, markup=False)
    for text in outcome.remarks:
        out.print(f"\n{text}", highlight=False, markup=False)
    for group, mean in outcome.means().items():
        limit = outcome.mean_limits[group]
        name = group or "all rows"
        held = "" if mean <= limit else ": FAILED"
        out.print(
            f"{name}: mean |error| {100 * mean:.2f} %, at most {100 * limit:g} %{held}",
            highlight=False,
        )
    judged_rows = outcome.judged()
    if not judged_rows:
        out.print(f"{outcome.suite}: shown only, nothing is judged")
        return
    failed = sum(not outcome.holds(row) for row in judged_rows)
    verdict = "passed" if outcome.passed else f"FAILED: {failed} of {len(judged_rows)} rows"
    out.print(f"{outcome.suite}: {verdict} (tolerance {outcome.tolerance_text})")


def _show_compared(
    out: Console, suite: str, rows: tuple[Row, ...], sources: dict[str, int]
) -> None:
    """Rows whose model has a range, and what sets those apart that it does not hold."""
    from rich.table import Table

    table = Table(title=f"{suite} (shown only)", title_justify="left", box=None)
    table.add_column("machine: part", overflow="fold")
    for column in ("published", "model", "low to high", "ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    for column in ("in range", "basis", "known", "source"):
        table.add_column(column)
    apart = []
    for row in rows:
        if (found := row.compared) is None:
            continue
        source = sources.setdefault(row.source, len(sources) + 1)
        table.add_row(
            row.case, f"{_figure(row.reference)} {row.unit}", _figure(row.model),
            f"{_figure(found.low)} to {_figure(found.high)}", f"{row.ratio:.3g}",
            f"{'yes' if found.inside else 'no'} ({found.expect})", found.basis, found.mark,
            f"({source})",
        )  # fmt: skip
        if not found.inside:
            apart.append(f"{row.case} ({row.unit}, ratio {row.ratio:.3g}): {found.why}")
    out.print(table)
    out.print("\nout of range:", *apart, sep="\n  ", highlight=False, markup=False)
    out.print()


def _summary(outcome: Outcome, label: str, rows: tuple[Row, ...]) -> str:
    from accelsim.validation.outcome import TREND, mean_abs, mean_relative

    worst = max(rows, key=lambda row: abs(row.relative_error))
    if any(row.unit for row in rows) or label == TREND:
        text = f"mean |error| {100 * mean_relative(rows):.2f} %"
        text += f", worst {100 * abs(worst.relative_error):.2f} %"
    else:
        worst = max(rows, key=lambda row: abs(row.error))
        text = f"mean |error| {mean_abs(rows):.4g} {outcome.unit}"
        text += f", worst {_figure(abs(worst.error))} {outcome.unit}"
    counted = " and never judged" if label == TREND else ""
    return f"{len(rows)} rows ({label}{counted}): {text}" + (
        f" ({worst.case})" if worst.error else ""
    )


def _figure(value: float, *, sign: bool = False) -> str:
    """Whole numbers with thousands, others with four digits."""
    if value == 0:
        return "0"
    text = f"{value:,.0f}" if value == int(value) and abs(value) >= 1 else f"{value:,.4g}"
    return f"+{text}" if sign and value > 0 else text


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("validate")(validate)
