"""`accelsim arch`: list the shipped architectures, show one in full."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="List and show architectures. Example: accelsim arch show sparse_v1"
)

PIPED_WIDTH = 160

MODELLED = """\
modelled: array compute and feed, port shares, load and store queues, DRAM (level request: every
command, queue and refresh; level train: the same, but long reads that meet nobody in one piece;
level simple: bursts, activates, a share for refresh), claims on scratchpad bytes, dispatch.
not modelled: area, energy, interconnect between units, DRAM power-down, thermals."""


@app.command("list")
def list_architectures() -> None:
    """List the shipped architectures.

    Example: accelsim arch list
    """
    from rich.console import Console
    from rich.table import Table

    from accelsim.arch.equal import array_shape
    from accelsim.arch.load import load_arch, shipped_names
    from accelsim.arch.units import BYTES, BYTES_PER_SECOND

    table = Table(box=None, pad_edge=False)
    for title in ("name", "array", "MACs", "on chip", "DRAM", "description"):
        table.add_column(title, no_wrap=title != "description", overflow="fold")
    for name in shipped_names():
        arch = load_arch(name)
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
) -> None:
    """Show an architecture: every field resolved, what was rounded, what is modelled.

    The output is YAML and loads back to the same architecture.

    Examples: accelsim arch show sparse_v1 --set "dram.bandwidth=450 GB/s";
    accelsim arch show systolic_128 --set array.shapes.0.rows=64 > mine.yaml
    """
    from accelsim.arch.load import content_hash, load_arch, resolved_yaml
    from accelsim.arch.units import BYTES

    arch = load_arch(name, override or ())
    typer.echo(resolved_yaml(arch), nl=False)
    local = ", ".join(f"{part} {BYTES.format(size)}" for part, size in arch.local_storage.items())
    macs = ", ".join(f"{arch.peak_macs_per_cycle(d):,} {d}" for d in arch.mac_rate)
    lines = [
        f"clock: {arch.clock_ps} ps; MACs a cycle: {macs}",
        f"scratchpad: {BYTES.format(arch.scratchpad_bytes)} = on_chip less {local}",
        f"content: {content_hash(arch)}",
        *MODELLED.splitlines(),
    ]
    typer.echo("\n".join(f"# {line}" for line in lines))
