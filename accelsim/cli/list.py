"""`accelsim list`: what there is, of everything that has a name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from accelsim.errors import unknown_name

KINDS = ("plots", "architectures", "workloads", "suites", "sweeps", "metrics")


def list_(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"{', '.join(KINDS)}.")],
) -> None:
    """List plots, architectures, workloads, suites, sweeps or metrics.

    Example: accelsim list plots

    Example: accelsim list metrics
    """
    if kind not in KINDS:
        raise unknown_name("kind of list", kind, KINDS)
    if kind == "plots":
        _plots()
    elif kind == "architectures":
        from accelsim.cli.arch import list_architectures

        list_architectures()
    elif kind == "workloads":
        from accelsim.cli.workload import list_workloads

        list_workloads()
    elif kind == "suites":
        _suites()
    elif kind == "sweeps":
        from accelsim.cli.sweep import list_ as list_sweeps

        list_sweeps()
    else:
        _metrics()


def _plots() -> None:
    from accelsim.report.gallery import GALLERY

    rows = [(name, entry.needs.value, entry.about) for name, entry in GALLERY.items()]
    _print(("plot", "needs", "what it shows"), rows)
    typer.echo("draw one: accelsim plot NAME ... (accelsim plot --help)")


def _suites() -> None:
    from accelsim.report.suite import load_suite, suite_names
    from accelsim.validation.suites import SUITES

    rows = []
    for name in suite_names():
        suite, _ = load_suite(name)
        rows.append((name, f"accelsim review --suite {name}", suite.title))
    rows += [(name, f"accelsim validate {name}", "reference cases") for name in SUITES]
    _print(("suite", "run it", "what it is"), rows)


def _metrics() -> None:
    from accelsim.analysis.columns import SUMMARY_COLUMNS
    from accelsim.hardware.columns import ENERGY_COLUMNS

    columns = (*SUMMARY_COLUMNS, *ENERGY_COLUMNS)
    _print(("metric", "unit", "formula"), [(c.name, c.unit, c.formula) for c in columns])


def _print(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.table import Table

    from accelsim.report.text import console

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, no_wrap=title == titles[0], overflow="fold")
    for row in rows:
        table.add_row(*row)
    console().print(table)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("list")(list_)
