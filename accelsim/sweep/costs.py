"""What the points of a plan cost: its table of costs, and the figures that it gives a design."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from accelsim.analysis.result import Result
from accelsim.arch.spec import Arch
from accelsim.cost.load import cost_table_names, load_cost_table
from accelsim.cost.table import CostTable
from accelsim.errors import InputError
from accelsim.hardware.area import chip_area, chip_power
from accelsim.hardware.catalogue import components
from accelsim.hardware.columns import ENERGY_COLUMNS, PRICE_COLUMN
from accelsim.hardware.component import Component
from accelsim.hardware.energy import energy_summary
from accelsim.hardware.price import price_of

OPEN_TABLES = 8  # that a process keeps
TABLE = ENERGY_COLUMNS[0]
COST_FIGURES = (*ENERGY_COLUMNS[1:], PRICE_COLUMN)
OF_MACHINE = ("area_mm2", "peak_power_w", PRICE_COLUMN.name)  # known before it runs
RANGES = {"energy_pj": ("energy_low_pj", "energy_high_pj")}  # low and high of a figure


class TableRef(NamedTuple):
    """A cost table that any process can open: `name` or path, and the hash of its `content`."""

    name: str
    content: str


def table_ref(name: str) -> TableRef:
    """Open a cost table, by name or path.

    Raises
    ------
    InputError
        As `load_cost_table`.
    """
    content = load_cost_table(name).content_hash
    shipped = name in cost_table_names()
    place = name if shipped else str(Path(name).resolve())  # processes may stand elsewhere
    return TableRef(place, content)


@lru_cache(maxsize=OPEN_TABLES)
def cost_table(ref: TableRef) -> CostTable:
    """The table, which is read once a process.

    Raises
    ------
    InputError
        As `load_cost_table`, or it holds something else by now.
    """
    table = load_cost_table(ref.name)
    if table.content_hash != ref.content:
        raise InputError(
            "is not what the sweep began with", where=f"cost table {ref.name}",
            remedy="run the sweep again, with the same table on all machines",
        )  # fmt: skip
    return table


def machine_costs(arch: Arch, ref: TableRef, names: frozenset[str]) -> dict[str, float]:
    """Those of `OF_MACHINE` that are among `names`.

    Raises
    ------
    InputError
        The table lacks what the machine needs.
    """
    wanted = names.intersection(OF_MACHINE)
    if not wanted:
        return {}
    table = cost_table(ref)
    parts = components(arch, table)
    known = {
        "area_mm2": lambda: chip_area(parts),
        "peak_power_w": lambda: chip_power(parts, arch.clock_ps),
        PRICE_COLUMN.name: lambda: price_of(arch, table, parts),
    }
    return {name: known[name]().value for name in sorted(wanted)}


def cost_figures(result: Result, table: CostTable, parts: tuple[Component, ...]) -> dict[str, Any]:
    """Every one of `COST_FIGURES` of a run; a price that is not known is None."""
    found = energy_summary(result, table, parts)
    try:
        price_usd = price_of(result.arch, table, parts).value
    except InputError:
        price_usd = None
    return {column.name: found[column.name] for column in COST_FIGURES[:-1]} | {
        PRICE_COLUMN.name: price_usd
    }
