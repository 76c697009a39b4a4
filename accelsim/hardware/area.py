"""Area and peak power of a machine, component by component.

Peak power is what every unit would draw at its full rate in every cycle, and all of it leaks; DRAM
streams at its peak. No program does all of that at once, so it lies above a thermal design power.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from accelsim.arch.spec import Arch
from accelsim.cost.figure import Figure, total
from accelsim.cost.table import CostTable
from accelsim.hardware.catalogue import components
from accelsim.hardware.columns import AREA_COLUMNS
from accelsim.hardware.component import Component, Priced

OFF_CHIP = "DRAM"


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
    rows : pandas.DataFrame
        `AREA_COLUMNS`, a component each.
    """

    table: str
    area_mm2: Figure
    sparse_mm2: Figure
    peak_power_w: Figure
    dram_power_w: Figure
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
    chip = _chip(parts)
    beside = [part for part in parts if part.group == OFF_CHIP]
    watts = _watts(arch)
    return Breakdown(
        table.name,
        chip_area(parts),
        _sum((area for part in chip if part.sparse for area in part.area), 1e-6, "mm2"),
        chip_power(parts, arch),
        power(beside, watts),
        pd.DataFrame(
            [_row(part, watts) for part in parts], columns=[each.name for each in AREA_COLUMNS]
        ),
    )


def chip_area(parts: Iterable[Component]) -> Figure:
    """Area of the components that are on the chip, mm2."""
    return _sum((area for part in _chip(parts) for area in part.area), 1e-6, "mm2")


def chip_power(parts: Iterable[Component], arch: Arch) -> Figure:
    """Peak power of the components that are on the chip, W."""
    return power(_chip(parts), _watts(arch))


def _chip(parts: Iterable[Component]) -> list[Component]:
    return [part for part in parts if part.group != OFF_CHIP]


def _watts(arch: Arch) -> float:
    """Watts of a pJ in every cycle."""
    return 1e-12 * 1e12 / arch.clock_ps


def power(parts: Iterable[Component], watts: float) -> Figure:
    """Peak power; `watts` of a pJ in every cycle."""
    found = []
    for part in parts:
        found += [_as_unit(p.figure, 1e-3, "W") for p in part.leakage]
        for name, most in part.peak.items():
            found += [_as_unit(p.figure, most * watts, "W") for p in part.actions[name]]
    return total(found or [_nothing("W")], "peak power")


def _sum(parts: Iterable[Priced], factor: float, unit: str) -> Figure:
    return total([_as_unit(p.figure, factor, unit) for p in parts] or [_nothing(unit)], "sum")


def _as_unit(figure: Figure, factor: float, unit: str) -> Figure:
    return replace(figure, value=figure.value * factor, low=figure.low * factor,
                   high=figure.high * factor, unit=unit)  # fmt: skip


def _nothing(unit: str) -> Figure:
    return Figure(0.0, 0.0, 0.0, unit, "none", "derived")


def _row(part: Component, watts: float) -> dict[str, object]:
    area = _sum(part.area, 1e-6, "mm2")
    leakage = _sum(part.leakage, 1e-3, "W")
    peak = power([part], watts)
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
