"""`accelsim workload list`: what is shipped to replay."""

from __future__ import annotations

import typer

app = typer.Typer(help="The shipped workloads.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `list` a subcommand though it is the only one."""


@app.command("list")
def list_workloads() -> None:
    """Print the name of every shipped workload, one a line.

    Example: accelsim workload list
    """
    from accelsim.workload.trace import shipped_workloads

    for name in sorted(shipped_workloads()):
        typer.echo(name)
