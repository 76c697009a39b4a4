"""Entry point of the `accelsim` command, and what it does with each kind of failure.

Exit codes: 0 ok, 1 a fault of accelsim itself, 2 wrong usage, 3 bad input, 4 validation failed,
5 some points of a sweep failed, 130 interrupted. Nothing heavy is imported here: each command
imports what it needs when it runs.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from accelsim import __version__
from accelsim.cli import (
    arch,
    compare,
    costs,
    diff,
    dram,
    explain,
    plot,
    review,
    robustness,
    run,
    search,
    sweep,
    trace,
    validate,
    what_if,
    workload,
)
from accelsim.cli import list as list_command
from accelsim.errors import InputError

TRACEBACK = "ACCELSIM_TRACEBACK"

app = typer.Typer(
    name="accelsim",
    help="Does a sparse-aware accelerator beat a systolic array on your model? Replays traces.",
    epilog="Example: accelsim compare --baseline systolic_128 --candidate sparse_v1 "
    "--workload tiny_moe_lm",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
run.register(app)
compare.register(app)
diff.register(app)
explain.register(app)
review.register(app)
validate.register(app)
what_if.register(app)
robustness.register(app)
plot.register(app)
list_command.register(app)
costs.register(app)
app.add_typer(sweep.app, name="sweep")
search.register(app)
app.add_typer(trace.app, name="trace")
app.add_typer(arch.app, name="arch")
app.add_typer(workload.app, name="workload")
app.add_typer(dram.app, name="dram")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"accelsim {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Carry the options that stand before any subcommand."""


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and never a traceback."""
    try:
        app()
    except InputError as error:
        typer.echo(f"accelsim: error: {error}", err=True)
        sys.exit(3)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        said = " ".join(f"{type(error).__name__}: {error}".split())
        typer.echo(
            f"accelsim: a fault of accelsim itself, please report it: {said} "
            f"(set {TRACEBACK}=1 to see where)",
            err=True,
        )
        sys.exit(1)
