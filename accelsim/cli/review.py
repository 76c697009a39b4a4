"""`accelsim review`: the shipped architectures on the shipped workloads, as one report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.machines import equal_terms
from accelsim.cli.options import AtEqual, Costs, Dtype, Jobs, Scale, Shape, cores
from accelsim.cli.reports import validated
from accelsim.errors import InputError
from accelsim.progress import progress_display


def review(
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="Where the report is written.")
    ] = Path("reports/latest"),
    workload: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|PATH",
            help="A workload to include, as often as wanted.",
            show_default="the shipped ones that take seconds",
        ),
    ] = None,
    shape: Shape = None,
    suite: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Run a suite instead: full-size workloads, published machines beside the others.",
        ),
    ] = None,
    jobs: Jobs = None,
    dtype: Dtype = None,
    equal: AtEqual = None,
    scale: Scale = None,
    costs: Costs = None,
) -> None:
    """Compare the shipped architectures on the shipped workloads and write the report.

    Example: accelsim review --out reports/mine --workload tiny_moe_lm

    Example: accelsim review --suite sparse_12 --jobs 2 --out reports/sparse_12
    """
    if suite is not None:
        said = {"--workload": workload, "--shape": shape, "--dtype": dtype, "--equal": equal}
        said |= {"--scale": scale, "--costs": costs}
        for option, given in said.items():
            if given:
                raise InputError(
                    "a suite says what is run, on which machines and at which costs",
                    where="--suite", remedy=f"drop {option}",
                )  # fmt: skip
        _suite(out, suite, cores(jobs))
        return
    terms = equal_terms(equal, scale, costs)
    from accelsim.cost.load import DEFAULT_TABLE, load_cost_table
    from accelsim.report.overview import print_review
    from accelsim.report.review import write_review

    with progress_display() as progress:
        review = write_review(
            out,
            workload or None,
            shape=shape or (),
            dtype=dtype,
            jobs=cores(jobs),
            progress=progress,
            validated=validated(progress),
            terms=terms,
            costs=load_cost_table(costs or DEFAULT_TABLE),
        )
    print_review(review)


def _suite(out: Path, name: str, jobs: int) -> None:
    from accelsim.report.overview import print_suite
    from accelsim.report.suite_review import write_suite

    with progress_display() as progress:
        review = write_suite(out, name, jobs=jobs, progress=progress)
    print_suite(review)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("review")(review)
