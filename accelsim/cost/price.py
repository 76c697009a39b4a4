"""What a die and its DRAM cost to buy: a wafer shared by the dies on it that work.

Dies on a wafer of diameter d: pi d^2 / 4A - pi d / sqrt(2A), without those that its edge cuts.
Yield is negative binomial, (1 + A D / c)^-c with D defects for an area and clustering c, or
Poisson's exp(-A D) without c. Design, masks, package, test, a seller's margin and
the largest die that a mask can hold are left out.
"""

from __future__ import annotations

import math

from accelsim.cost.figure import ENDS, Figure, made_of
from accelsim.cost.spec import PriceEntry
from accelsim.cost.table import CostTable
from accelsim.errors import InputError


def dies_of_wafer(area_mm2: float, wafer_mm: float) -> float:
    """Whole dies of an area on a wafer, those with faults included; at least 0."""
    edge = math.pi * wafer_mm / math.sqrt(2 * area_mm2)
    return max(0.0, math.pi * wafer_mm**2 / (4 * area_mm2) - edge)


def die_yield(area_mm2: float, defects_per_cm2: float, clustering: float | None) -> float:
    """Share of dies of an area that have no fault."""
    faults = area_mm2 / 100 * defects_per_cm2
    if clustering is None:
        return math.exp(-faults)
    return (1 + faults / clustering) ** -clustering


def die_price(table: CostTable, area: Figure) -> Figure:
    """Price of a die that works, USD.

    Parameters
    ----------
    table : CostTable
    area : Figure
        um2. The low end of the price has the smallest area, the cheapest wafer and the fewest
        defects.

    Raises
    ------
    InputError
        A table without `price`, a scaled one, or a die that does not fit on its wafer.
    """
    given, where = table.file.price, f"cost table {table.name}"
    if given is None or table.scaling is not None:
        raise InputError("has no price of wafers", where=where, remedy="give 'price'")
    spread = table.file.assumed_range
    wafer, defects = given.wafer.figure(spread), given.defects.figure(spread)
    ends = [
        _share(given, getattr(wafer, end), getattr(defects, end), getattr(area, end), where)
        for end in ENDS
    ]
    good = die_yield(area.value / 1e6, defects.value, given.clustering)
    why = f"die of {area.value / 1e6:.4g} mm2, yield {good:.3f}, wafer {wafer.value:,.0f} USD"
    return made_of((wafer, defects, area), ends, "USD", why)


def dram_price(table: CostTable, kind: str, gib: float) -> Figure:
    """Price of a capacity of a kind of DRAM, USD.

    Parameters
    ----------
    table : CostTable
    kind : str
        A kind of the table, such as `table.dram_of(part).kind`.
    gib : float

    Raises
    ------
    InputError
        An unknown kind, or one without a price.
    """
    kind = table.dram(kind).kind
    given = table.file.dram[kind].price
    if given is None:
        raise InputError(
            f"'{kind}' has no price", where=f"cost table {table.name}",
            remedy=f"give 'dram.{kind}.price' in a table that extends this one",
        )  # fmt: skip
    one = given.figure(table.file.assumed_range)
    return one.times(gib, f"{gib:g} GiB of {kind}").in_unit("USD")


def _share(
    given: PriceEntry, wafer_usd: float, defects: float, area_um2: float, where: str
) -> float:
    """Price of a wafer over the dies on it that work."""
    area_mm2 = area_um2 / 1e6
    dies = dies_of_wafer(area_mm2, given.wafer_mm) if area_mm2 > 0 else 0.0
    if dies < 1:
        raise InputError(
            f"a die of {area_mm2:,.0f} mm2 does not fit on a wafer of {given.wafer_mm:g} mm",
            where=where, remedy="give a smaller area",
        )  # fmt: skip
    return wafer_usd / (dies * die_yield(area_mm2, defects, given.clustering))
