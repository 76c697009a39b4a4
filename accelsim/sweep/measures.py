"""What machines can be made equal in, by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from accelsim.arch.load import ArchSource
from accelsim.arch.spec import Arch
from accelsim.cost.load import DEFAULT_TABLE, load_cost_table
from accelsim.cost.table import CostTable
from accelsim.hardware.area import chip_area, chip_power
from accelsim.hardware.catalogue import components
from accelsim.hardware.price import chip_price
from accelsim.hardware.ratio import ByEntry, area_terms, power_terms
from accelsim.mapping.reuse import Reuse
from accelsim.progress import Progress
from accelsim.simulation import simulate
from accelsim.sweep.break_even import SEARCH_LEVEL
from accelsim.sweep.equal import Equal, equal_machines
from accelsim.sweep.equalised import Measure
from accelsim.workload.statistics import dense_macs
from accelsim.workload.trace import Trace

MEASURES = ("area", "power", "macs", "cost")


class Terms(NamedTuple):
    """In what machines are to be equal (of `MEASURES`), which of them are scaled, and the costs.

    `scale` : roles; see `equal_machines`. `costs` : name or path of a cost table.
    """

    measure: str
    scale: tuple[str, ...] = ()
    costs: str = DEFAULT_TABLE

    def machines(
        self,
        machines: Mapping[str, ArchSource],
        trace: Trace,
        progress: Progress | None = None,
    ) -> Equal:
        """Scale machines for a trace, each in the way that is faster on it.

        The ways are simulated at the simple DRAM level.

        Raises
        ------
        InputError
            No such machine or cost table, or machines that cannot be made equal.
        """
        measure, reuse = measure_of(self.measure, trace, self.costs), Reuse()

        def total_ps(source: ArchSource) -> int:
            arch = source.arch().at_dram_level(SEARCH_LEVEL)
            return simulate(arch, trace, progress=progress, reuse=reuse).total_ps

        return equal_machines(machines, measure, self.scale, total_ps)

    @property
    def options(self) -> list[str]:
        """What a command line says for it."""
        words = ["--equal", self.measure]
        return words + [word for role in self.scale for word in ("--scale", role)]


def measure_of(name: str, trace: Trace, costs: str) -> Measure:
    """A measure by its name, of `MEASURES`.

    Area, peak power and the price of a die are the chip's: its DRAM does not scale.

    Parameters
    ----------
    name : str
    trace : Trace
        Peak MACs are those of the type in which most of its MACs are.
    costs : str
        Name or path of a cost table.

    Raises
    ------
    InputError
        No such cost table.
    """
    if name == "macs":
        return Measure(name, "TMAC/s", "", partial(_peak, main_type(trace)))
    table = load_cost_table(costs)
    if name == "area":
        return area_measure(table)
    if name == "power":
        return Measure(name, "W", table.name, partial(_power_w, table), partial(_powers, table))
    # a die costs by its area, so the range of the price is that of the area
    return Measure(name, "USD", table.name, partial(_die_usd, table), partial(_areas, table))


def area_measure(table: CostTable) -> Measure:
    """Area by a cost table."""
    return Measure("area", "mm2", table.name, partial(_area_mm2, table), partial(_areas, table))


def main_type(trace: Trace) -> str:
    """The number type in which most MACs of a trace are."""
    macs: dict[str, int] = {}
    for op in trace.operators:
        macs[op.dtype] = macs.get(op.dtype, 0) + dense_macs(op) * op.repeat
    return max(macs, key=lambda dtype: macs[dtype])


def _area_mm2(table: CostTable, arch: Arch) -> float:
    return chip_area(components(arch, table)).value


def _areas(table: CostTable, arch: Arch) -> ByEntry:
    return area_terms(components(arch, table))


def _power_w(table: CostTable, arch: Arch) -> float:
    return chip_power(components(arch, table), arch.clock_ps).value


def _powers(table: CostTable, arch: Arch) -> ByEntry:
    return power_terms(components(arch, table), arch.clock_ps)


def _die_usd(table: CostTable, arch: Arch) -> float:
    return chip_price(table, components(arch, table)).value


def _peak(dtype: str, arch: Arch) -> float:
    return arch.peak_macs_per_cycle(dtype) / arch.clock_ps
