"""Area and peak power of a machine, component by component.

Peak power is what every unit would draw at its full rate in every cycle, and all of it leaks; DRAM
streams at its peak. No program does all of that at once, so it lies above a thermal design power.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from accelsim.arch.spec import Arch
from accelsim.cost.figure import Figure
from accelsim.cost.table import CostTable
from accelsim.hardware.catalogue import components
from accelsim.hardware.columns import AREA_COLUMNS
from accelsim.hardware.component import W_PER_MW, Component, summed
from accelsim.hardware.known import Shares, area_shares

MM2_PER_UM2 = 1e-6


@dataclass(frozen=True)
class Breakdown:
    """Area and peak power of an architecture.

    Attributes
    ----------
    table : str
        Name of the cost table.
    area_mm2, sparse_mm2 : Figure
        Of the chip; of what is there for sparsity alone.
    peak_power_w, dram_power_w : Figure
        Of the chip, and of its DRAM beside it.
    known : Shares
        Of the chip's area, what hangs on figures that are not known well.
    rows : pandas.DataFrame
        `AREA_COLUMNS`, a component each.
    """

    table: str
    area_mm2: Figure
    sparse_mm2: Figure
    peak_power_w: Figure
    dram_power_w: Figure
    known: Shares
    rows: pd.DataFrame

    def as_json(self) -> list[dict[str, Any]]:
        """The rows as plain data."""
        return [
            {str(name): value for name, value in row.items()}
            for row in self.rows.to_dict("records")
        ]


def breakdown(arch: Arch, table: CostTable) -> Breakdown:
    """Area and peak power of an architecture by the figures of a cost table.

    Parameters
    ----------
    arch : Arch
    table : CostTable

    Raises
    ------
    InputError
        The table lacks an action or a component that the machine needs.
    """
    parts = components(arch, table)
    sparse = [area for part in parts if part.sparse and part.on_chip for area in part.area]
    return Breakdown(
        table.name,
        chip_area(parts),
        summed(sparse, "mm2", MM2_PER_UM2),
        chip_power(parts, arch.clock_ps),
        _power((part for part in parts if not part.on_chip), arch.clock_ps),
        area_shares(parts),
        pd.DataFrame(
            [_row(part, arch.clock_ps) for part in parts],
            columns=[each.name for each in AREA_COLUMNS],
        ),
    )


def chip_area(parts: Iterable[Component]) -> Figure:
    """Area of the components that are on the chip, mm2."""
    return summed(
        (area for part in parts if part.on_chip for area in part.area), "mm2", MM2_PER_UM2
    )


def chip_power(parts: Iterable[Component], clock_ps: int) -> Figure:
    """Peak power of the components that are on the chip, W."""
    return _power((part for part in parts if part.on_chip), clock_ps)


def _power(parts: Iterable[Component], clock_ps: int) -> Figure:
    return summed((each for part in parts for each in part.peak_power(clock_ps)), "W")


def _row(part: Component, clock_ps: int) -> dict[str, object]:
    area, leakage = summed(part.area, "mm2", MM2_PER_UM2), summed(part.leakage, "W", W_PER_MW)
    peak = _power([part], clock_ps)
    return {
        "group": part.group,
        "component": part.name,
        "count": part.count,
        "area_mm2": area.value,
        "area_low_mm2": area.low,
        "area_high_mm2": area.high,
        "leakage_w": leakage.value,
        "peak_power_w": peak.value,
        "peak_power_low_w": peak.low,
        "peak_power_high_w": peak.high,
        "sparse": part.sparse,
        "mark": area.mark if part.area else peak.mark,
        "unverified": area.unverified or peak.unverified,
        "note": part.note,
    }
