"""What a machine costs to buy: its die and the DRAM beside it."""

from __future__ import annotations

from collections.abc import Iterable

from accelsim.arch.spec import Arch
from accelsim.cost.figure import Figure, total
from accelsim.cost.price import die_price, dram_price
from accelsim.cost.table import CostTable
from accelsim.hardware.area import chip_area
from accelsim.hardware.catalogue import components
from accelsim.hardware.component import Component
from accelsim.hardware.dram import dram_cost_of
from accelsim.hardware.storage import UM2_PER_MM2, Parts

BYTES_PER_GIB = 1 << 30


def price(arch: Arch, table: CostTable) -> Figure:
    """Price of a die that works and of the DRAM's capacity, USD; see `accelsim.cost.price`.

    Raises
    ------
    InputError
        The table lacks a price, or an action that the machine needs; or the die is too large.
    """
    return price_of(arch, table, components(arch, table))


def price_of(arch: Arch, table: CostTable, parts: Iterable[Component]) -> Figure:
    """`price` of a machine whose components are at hand."""
    gib = arch.dram.capacity / BYTES_PER_GIB
    dram = dram_price(table, dram_cost_of(arch, Parts(table)).kind, gib)
    return total([chip_price(table, parts), dram], "machine")


def chip_price(table: CostTable, parts: Iterable[Component]) -> Figure:
    """Price of a die that works, USD, of the components of a machine; errors as of `price`."""
    return die_price(table, chip_area(parts).in_unit("um2", UM2_PER_MM2))
