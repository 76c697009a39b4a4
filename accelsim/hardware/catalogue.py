"""The components of a machine: the one list that area, peak power and energy are made of."""

from __future__ import annotations

from accelsim.arch.array import SparseArray, SystolicArray
from accelsim.arch.spec import Arch
from accelsim.cost.table import CostTable
from accelsim.errors import InputError
from accelsim.hardware import units
from accelsim.hardware.array import row_array, side_mm, systolic
from accelsim.hardware.component import Component
from accelsim.hardware.composed import composed
from accelsim.hardware.dram import dram
from accelsim.hardware.storage import Parts


def components(arch: Arch, table: CostTable) -> tuple[Component, ...]:
    """What an architecture is made of, by the figures of a cost table.

    Parameters
    ----------
    arch : Arch
    table : CostTable

    Raises
    ------
    InputError
        The table lacks an action or a component that the machine needs.
    """
    try:
        return _components(arch, Parts(table))
    except InputError as error:
        raise error.inside(f"to price {arch.name}") from None


def _components(arch: Arch, parts: Parts) -> tuple[Component, ...]:
    if isinstance(arch.array, SystolicArray):
        array = systolic(arch, parts)
    elif isinstance(arch.array, SparseArray):
        array = row_array(arch, parts)
    else:
        array = composed(arch, parts)
    pad = units.scratchpad(arch, parts)
    wires = units.wires(arch, parts, side_mm(pad), side_mm(array))
    rest = (units.vector, units.index, units.load, units.scatter, units.store, dram)
    return (*array, *pad, *wires, *(each for make in rest for each in make(arch, parts)))
