"""Every figure of a cost table in one list, as `accelsim costs` shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from accelsim.cost.figure import Figure
from accelsim.cost.table import CostTable
from accelsim.errors import unknown_name

SHOWN_SRAM = (8 << 10, 64 << 10, 1 << 20)  # bytes, of 8 B wide memories with one read-write port
DRAM_QUANTITIES = ("bit", "activate", "read", "write", "refresh", "background", "idle")


class Line(NamedTuple):
    """One figure: `section` actions, SRAM, DRAM, parts or table; `entry` its name there; `quantity`
    what of it; `per` what it is of, such as ``8 bits``.
    """

    section: str
    entry: str
    quantity: str
    per: str
    figure: Figure


def listing(table: CostTable, entry: str | None = None) -> list[Line]:
    """Every figure of a table in its own order, or those of one entry.

    Parameters
    ----------
    table : CostTable
    entry : str, optional
        An action, a kind of DRAM, a DRAM part, or a field of the table such as `logic_leakage`.

    Raises
    ------
    InputError
        No such entry.
    """
    lines = [*_actions(table), *_of_table(table), *_sram(table), *_dram(table), *_parts(table)]
    if entry is None:
        return lines
    found = [line for line in lines if line.entry == entry]
    if not found:
        names = dict.fromkeys(line.entry for line in lines)
        raise unknown_name("entry", entry, names, where=f"cost table {table.name}")
    return found


def _actions(table: CostTable) -> Iterator[Line]:
    for name, entry in table.file.actions.items():
        per = f"{entry.bits} bit" + "s" * (entry.bits > 1) if entry.bits else ""
        if table.has(name):
            yield Line("actions", name, "energy", per, table.energy(name))
        if table.has(name, "area"):
            yield Line("actions", name, "area", per, table.area(name))


def _of_table(table: CostTable) -> Iterator[Line]:
    file, nm, spread = table.file, table.file.node_nm, table.file.assumed_range
    if file.logic_leakage is not None:
        yield Line("table", "logic_leakage", "power", "mm2", file.logic_leakage.figure(spread, nm))
    if file.sram_leakage is not None:
        yield Line("table", "sram_leakage", "power", "MiB", file.sram_leakage.figure(spread, nm))
    for name, amount in file.dram_interface.items():
        yield Line("table", f"dram_interface.{name}", "area", "GB/s", amount.figure(spread, nm))
    if file.price is not None:
        yield Line("table", "price.wafer", "price", "wafer", file.price.wafer.figure(spread))
        yield Line("table", "price.defects", "defects", "cm2", file.price.defects.figure(spread))


def _sram(table: CostTable) -> Iterator[Line]:
    if table.file.sram == "none":
        return
    for size in SHOWN_SRAM:
        cost, name = table.sram().cost(size, 8), f"sram_{size >> 10}kib"
        for quantity in ("read", "write", "area", "leakage", "access"):
            figure = getattr(cost, quantity)
            if figure is not None:
                per = "64 bits" if quantity in ("read", "write") else ""
                yield Line("SRAM", name, quantity, per, figure)


def _dram(table: CostTable) -> Iterator[Line]:
    for kind, entry in table.file.dram.items():
        cost = table.dram(kind)
        for quantity in DRAM_QUANTITIES:
            figure = getattr(cost, quantity)
            if figure is not None:
                per = {"activate": f"row of {cost.row_bytes:,} B"} if cost.row_bytes else {}
                per |= dict.fromkeys(("bit", "read", "write"), "bit")
                yield Line("DRAM", kind, quantity, per.get(quantity, "rank"), figure)
        if entry.price is not None:
            yield Line("DRAM", kind, "price", "GiB", entry.price.figure(table.file.assumed_range))


def _parts(table: CostTable) -> Iterator[Line]:
    for name in table.file.parts:
        cost = table.dram_of(None if name == "flat" else name)
        yield Line("parts", name, cost.kind, "bit", cost.bit)
