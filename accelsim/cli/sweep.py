"""`accelsim sweep`: many design points on many workloads, resumable; and their report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from accelsim.errors import InputError
from accelsim.progress import progress_display

if TYPE_CHECKING:
    from accelsim.sweep.estimate import Estimate
    from accelsim.sweep.pools import Pool
    from accelsim.sweep.running import Outcome, Shard

SOME_FAILED = 5  # exit code
SHOWN_ERRORS = 5


class PlanFirst(TyperGroup):
    """`accelsim sweep PLAN` is `accelsim sweep run PLAN`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the subcommand in front where there is none."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=PlanFirst,
    help="Many design points on many workloads. 'accelsim sweep PLAN' runs a plan.",
    epilog="Example: accelsim sweep array_and_ports --out runs/ports --jobs 2",
    no_args_is_help=True,
)
PlanArgument = Annotated[
    str, typer.Argument(metavar="PLAN", help="A plan's YAML file, or a shipped one (sweep list).")
]
Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder of the results; others may share it.")
]
Jobs = Annotated[int, typer.Option(min=1, help="Processes on this machine.")]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="tcp://HOST:PORT|slurm|lsf",
        help="Run on a dask cluster: one that is up, or --jobs workers of a batch system.",
    ),
]

CostTable = Annotated[
    str | None,
    typer.Option(
        "--costs", metavar="NAME|PATH", help="Cost table of energy, area and price, not the plan's."
    ),
]


@app.command()
def run(
    plan: PlanArgument,
    out: Out,
    jobs: Jobs = 1,
    cluster: Cluster = None,
    costs: CostTable = None,
    shard: Annotated[
        str, typer.Option(metavar="I/N", help="Run only every N-th point, from I (0 to N-1) on.")
    ] = "0/1",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count the points and time a few; write nothing.")
    ] = False,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Also write results.parquet (extra 'parquet').")
    ] = False,
) -> None:
    """Run what is missing of a sweep and write its table.

    Kill it at any time: the same command goes on where it was. Exit code 5: some points failed
    (column 'error' of the table says why).

    Example: accelsim sweep array_and_ports --out runs/ports --jobs 2

    Example: accelsim sweep mine.yaml --out runs/mine --shard $SLURM_ARRAY_TASK_ID/100
    """
    part = _shard(shard)
    if dry_run:
        from accelsim.sweep.estimate import estimate

        with progress_display() as progress:
            found = estimate(plan, out, costs=costs, shard=part, progress=progress)
        _print_estimate(found, jobs)
        return
    from accelsim.sweep.running import run_sweep

    try:
        with progress_display("points") as progress:
            outcome = run_sweep(
                plan, out, costs=costs, pool=pool_of(jobs, cluster), shard=part, progress=progress
            )
    except KeyboardInterrupt:
        typer.echo("interrupted: the same command goes on where it was", err=True)
        raise
    if parquet:
        from accelsim.sweep.parquet import write_parquet

        write_parquet(outcome.folder)
    _print_outcome(outcome)
    if outcome.written.failed:
        raise typer.Exit(SOME_FAILED)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out of a sweep.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Where it goes.", show_default="DIR/report"),
    ] = None,
    plan: Annotated[
        str | None, typer.Option("--plan", metavar="NAME", help="Where DIR holds several.")
    ] = None,
) -> None:
    """Say what a sweep found: Pareto front, what matters, what interacts, the best designs.

    Example: accelsim sweep report runs/ports
    """
    from accelsim.report.sweep_report import write_sweep_report

    with progress_display() as progress:
        page = write_sweep_report(folder, out, plan, progress)
    typer.echo(f"report: {page}")


@app.command("list")
def list_() -> None:
    """List the shipped plans.

    Example: accelsim sweep list
    """
    from rich.console import Console
    from rich.table import Table

    from accelsim.sweep.plan import load_plan, plan_names
    from accelsim.sweep.sampling import count_points

    table = Table("plan", "points", "what it varies", box=None)
    for name in plan_names():
        plan, _ = load_plan(name)
        table.add_row(name, f"{count_points(plan):,}", plan.description)
    Console().print(table)


def _shard(text: str) -> Shard:
    """Read I/N."""
    from accelsim.sweep.running import Shard

    number, slash, of = text.partition("/")
    if not (slash and number.isdecimal() and of.isdecimal() and int(number) < int(of)):
        raise InputError(
            f"'{text}' is no part of a sweep", where="--shard",
            remedy="expected I/N with I from 0 to N-1, such as 0/3",
        )  # fmt: skip
    return Shard(int(number), int(of))


def pool_of(jobs: int, cluster: str | None) -> Pool:
    """Processes of this machine, or the workers of a cluster."""
    from accelsim.sweep.pools import local_pool

    if cluster is None:
        return local_pool(jobs)
    from accelsim.sweep.cluster import cluster_pool

    return cluster_pool(cluster, jobs)


def _print_estimate(found: Estimate, jobs: int) -> None:
    typer.echo(
        f"{found.points:,} points: {found.to_run:,} to run, {found.found:,} found or equal to "
        f"others, {found.left_out:,} left out by constraints, {found.refused.total():,} refused"
    )
    for error, count in found.refused.most_common(SHOWN_ERRORS):
        typer.echo(f"refused: {count:,} points: {error}")
    if found.seconds_each is not None:
        whole = found.seconds_each * found.to_run / jobs
        typer.echo(
            f"{found.seconds_each:.2f} s a point (a few were timed): about {_duration(whole)} "
            f"with --jobs {jobs}"
        )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _print_outcome(outcome: Outcome) -> None:
    from accelsim.sweep.results import RESULTS

    written = outcome.written
    typer.echo(
        f"{outcome.ran:,} points run, {outcome.found:,} found; the table has {written.rows:,} "
        f"rows, {written.failed.total():,} of them failed"
    )
    for constraint, count in written.left_out.items():
        typer.echo(f"left out: {count:,} points by '{constraint}'")
    if outcome.replaced:
        typer.echo("the table of another plan of this name was replaced (its points stay)")
    if written.missing:
        typer.echo(f"missing: {len(written.missing):,} points of other shards")
    for error, count in written.failed.most_common(SHOWN_ERRORS):
        typer.echo(f"failed: {count:,} points: {error}", err=True)
    typer.echo(f"results: {outcome.folder / RESULTS} (columns.csv beside it says what they mean)")
    if written.rows:
        typer.echo(f"report:  accelsim sweep report {outcome.folder}")
