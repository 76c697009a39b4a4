"""`accelsim arch`: list the shipped architectures, show one in full."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli.options import Costs
from accelsim.cli.prices import prices

if TYPE_CHECKING:
    from accelsim.hardware.area import Breakdown

app = typer.Typer(
    no_args_is_help=True, help="List and show architectures. Example: accelsim arch show sparse_v1"
)

PIPED_WIDTH = 160


@app.command("list")
def list_architectures() -> None:
    """List the shipped architectures, and the models of published machines.

    Example: accelsim arch list
    """
    from rich.console import Console
    from rich.table import Table

    from accelsim.arch.equal import array_shape
    from accelsim.arch.load import load_arch, published_names, shipped_names
    from accelsim.arch.units import BYTES, BYTES_PER_SECOND

    table = Table(box=None, pad_edge=False)
    for title in ("name", "array", "MACs", "on chip", "DRAM", "description"):
        table.add_column(title, no_wrap=title != "description", overflow="fold")
    for name in [*shipped_names(), *published_names()]:
        arch = load_arch(name)
        if name == published_names()[0]:
            table.add_section()
        table.add_row(
            name,
            array_shape(arch),
            f"{arch.array.macs:,}",
            BYTES.format(arch.on_chip),
            BYTES_PER_SECOND.format(arch.dram.bandwidth),
            arch.description,
        )
    console = Console() if sys.stdout.isatty() else Console(width=PIPED_WIDTH)
    console.print(table)
    console.print("show one in full: accelsim arch show NAME", style="dim", highlight=False)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A shipped name, or the path of a .yaml file.")],
    override: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Override a field; may be repeated."),
    ] = None,
    costs: Costs = None,
) -> None:
    """Show an architecture: every field, a drawing, area and power, what is modelled, what is not.

    The output is YAML and loads back to the same architecture.

    Examples: accelsim arch show gamma; accelsim arch show systolic_128 --set
    array.shapes.0.rows=64 > mine.yaml
    """
    from accelsim.arch.load import content_hash, load_arch, resolved_yaml
    from accelsim.arch.units import BYTES
    from accelsim.hardware.area import breakdown
    from accelsim.report.machine import MODELLED, drawing, not_modelled

    arch = load_arch(name, override or ())
    table, why_not = prices(costs, [arch])
    typer.echo(resolved_yaml(arch), nl=False)
    local = ", ".join(f"{part} {BYTES.format(size)}" for part, size in arch.local_storage.items())
    macs = ", ".join(f"{arch.peak_macs_per_cycle(d):,} {d}" for d in arch.mac_rate)
    lines = [
        f"clock: {arch.clock_ps} ps; MACs a cycle: {macs}",
        f"scratchpad: {BYTES.format(arch.scratchpad_bytes)} = on_chip less {local}",
        f"content: {content_hash(arch)}",
        "",
        *drawing(arch),
        "",
        *(_area(breakdown(arch, table)) if table else _wrapped("no area and power", why_not)),
        "",
        *_wrapped("modelled", MODELLED),
    ]
    for part, text in not_modelled(arch):
        lines += _wrapped(f"not modelled, {part}", text)
    typer.echo("\n".join(f"# {line}".rstrip() for line in lines))


def _area(found: Breakdown) -> list[str]:
    from accelsim.report.costs_text import area_lines, taken_as

    lines = [*area_lines(found), "", "components are taken as:"]
    for name, text in taken_as(found):
        lines += [f"  {line}" for line in _wrapped(name, text)]
    return lines


def _wrapped(title: str, text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(f"{title}: {text}", 96, subsequent_indent="  ")
