"""`accelsim search`: the front of a sweep's objectives from a part of its points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli.sweep import SOME_FAILED, Cluster, CostTable, Jobs, Out, PlanArgument, pool_of
from accelsim.progress import progress_display

if TYPE_CHECKING:
    from accelsim.sweep.search import SearchOutcome

SHOWN_DESIGNS = 20
SHOWN_ERRORS = 5
WIDEST = 400


def search(
    plan: PlanArgument,
    out: Out,
    points: Annotated[
        int, typer.Option("--points", metavar="N", min=1, help="Designs to simulate.")
    ],
    seed: Annotated[int, typer.Option(min=0, help="Another one asks for other points.")] = 0,
    batch: Annotated[
        int, typer.Option(min=1, help="Designs asked for at once; at least --jobs keeps all busy.")
    ] = 4,
    sampler: Annotated[
        str, typer.Option(metavar="NAME", help="model, or optuna's tpe or nsga2.")
    ] = "model",
    jobs: Jobs = 1,
    cluster: Cluster = None,
    costs: CostTable = None,
) -> None:
    """Search the space of a plan for the front of its objectives.

    The same plan, seed, batch and number of points give the same files, whatever --jobs; kill it
    at any time, the same command goes on where it was, and more points go on where fewer ended.
    Several workloads count as one, by the geometric mean.

    Example: accelsim search memory_system --out runs/memory --points 64 --jobs 2

    Example: accelsim search mine.yaml --out runs/mine --points 200 --seed 1 --batch 16
    """
    from accelsim.sweep.pools import one_thread

    one_thread()  # small matrices are slower on several, and the cores are for points
    from accelsim.sweep.search import run_search

    with progress_display("points") as progress:
        outcome = run_search(
            plan, out, points, costs=costs, seed=seed, batch=batch, sampler=sampler,
            pool=pool_of(jobs, cluster), progress=progress,
        )  # fmt: skip
    _print_outcome(outcome)


def _print_outcome(outcome: SearchOutcome) -> None:
    from accelsim.sweep.results import RESULTS

    counts = [
        f"{outcome.ran:,} points run, {outcome.found:,} found",
        f"{outcome.designs:,} designs, {outcome.failed:,} of them failed",
        f"{outcome.refused:,} refused",
        f"{outcome.left_out:,} left out by constraints",
    ]
    typer.echo("; ".join(counts))
    if outcome.ended:
        typer.echo(f"ended early: {outcome.ended}")
    for error, count in outcome.written.failed.most_common(SHOWN_ERRORS):
        typer.echo(f"failed: {count:,} points: {error}", err=True)
    if outcome.front:
        _print_front(outcome)
    typer.echo(f"results: {outcome.folder / RESULTS} (columns.csv beside it says what they mean)")
    if outcome.written.rows:
        typer.echo(f"report:  accelsim sweep report {outcome.folder} --plan {outcome.plan.name}")
    if outcome.failed:
        raise typer.Exit(SOME_FAILED)


def _print_front(outcome: SearchOutcome) -> None:
    """The designs that no other is better than in all objectives."""
    from rich.console import Console
    from rich.table import Table

    plan = outcome.plan
    arch = ["architecture"] * (len(plan.architectures) > 1)
    table = Table(box=None)
    for name in [*arch, *plan.parameters]:
        table.add_column(name)
    for name, way in plan.objectives.items():
        table.add_column(f"{name} ({way})", justify="right")
    for best in outcome.front[:SHOWN_DESIGNS]:
        values = [
            _shown(parameter.shown(best.values.get(name, "")))
            for name, parameter in plan.parameters.items()
        ]
        figures = [_figure(value) for value in best.objectives.values()]
        table.add_row(*[best.architecture] * len(arch), *values, *figures)
    typer.echo(f"\nfront: {len(outcome.front):,} designs that no other is better than in all")
    console = Console()
    whole = Console(width=WIDEST).measure(table).maximum  # rather broken lines than cut figures
    Console(width=max(console.width, whole)).print(table)
    if len(outcome.front) > SHOWN_DESIGNS:
        typer.echo(f"... and {len(outcome.front) - SHOWN_DESIGNS:,} more")
    typer.echo("")


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:,.5g}"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("search")(search)
