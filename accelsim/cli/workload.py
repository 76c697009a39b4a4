"""`accelsim workload list|show|build`: what there is to replay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.options import Shape

app = typer.Typer(help="Shipped traces, and recipes of named models.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="A recipe, or FILE.yaml:KEY.")]


@app.command("list")
def list_workloads() -> None:
    """Print every shipped workload: traces, then recipes with phase, size and sparsity.

    Example: accelsim workload list
    """
    from accelsim.report.workloads import print_workloads

    print_workloads()


@app.command("show")
def show_workload(name: Name, shape: Shape = None) -> None:
    """Print a recipe: sources, totals beside the published ones, and its operators.

    Example: accelsim workload show mixtral_8x7b_prefill_2k --shape batch=4
    """
    from accelsim.report.workloads import print_recipe
    from accelsim.workload.recipes.recipe import load_recipe

    print_recipe(load_recipe(name, shape or ()))


@app.command("build")
def build_workload(
    name: Name,
    out: Annotated[Path, typer.Option(metavar="NAME.trace", help="The folder to write.")],
    shape: Shape = None,
) -> None:
    """Write a recipe as a trace folder; patterns and routing stay rules, so it is small.

    Example: accelsim workload build mixtral_8x7b_prefill_2k --out mixtral.trace --shape length=512
    """
    from accelsim.workload.recipes.recipe import load_recipe
    from accelsim.workload.trace import write_trace

    trace = load_recipe(name, shape or ()).trace()
    write_trace(out, trace.name, trace.operators, **trace.metadata)
    typer.echo(f"{len(trace.operators)} operators: {out}")
