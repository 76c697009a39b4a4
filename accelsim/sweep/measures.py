"""What machines can be made equal in, by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from accelsim.arch.load import ArchSource
from accelsim.arch.spec import Arch
from accelsim.sweep.equal import Equal, Measure, equal_machines
from accelsim.workload.statistics import dense_macs
from accelsim.workload.trace import Trace

MEASURES = ("macs",)
COSTS = "45nm"  # the cost table whose figures have the best sources


class Terms(NamedTuple):
    """In what machines are to be equal (of `MEASURES`), which of them are scaled, and the costs.

    `scale` : roles; see `equal_machines`. `costs` : name or path of a cost table.
    """

    measure: str
    scale: tuple[str, ...] = ()
    costs: str = COSTS

    def machines(self, machines: Mapping[str, ArchSource], trace: Trace) -> Equal:
        """Scale machines for a trace.

        Raises
        ------
        InputError
            No such machine or cost table, or machines that cannot be made equal.
        """
        return equal_machines(machines, measures(trace, self.costs)[self.measure], self.scale)

    @property
    def options(self) -> list[str]:
        """What a command line says for it."""
        words = ["--equal", self.measure]
        words += [word for role in self.scale for word in ("--scale", role)]
        return words + (["--costs", self.costs] if self.costs != COSTS else [])


def measures(trace: Trace, costs: str) -> dict[str, Measure]:
    """Every measure by its name.

    Parameters
    ----------
    trace : Trace
        Peak MACs are those of the type in which most of its MACs are.
    costs : str
        Name or path of the cost table.
    """
    return {"macs": Measure("macs", "TMAC/s", partial(_peak, main_type(trace)))}


def main_type(trace: Trace) -> str:
    """The number type in which most MACs of a trace are."""
    macs: dict[str, int] = {}
    for op in trace.operators:
        macs[op.dtype] = macs.get(op.dtype, 0) + dense_macs(op) * op.repeat
    return max(macs, key=lambda dtype: macs[dtype])


def _peak(dtype: str, arch: Arch) -> float:
    return arch.peak_macs_per_cycle(dtype) / arch.clock_ps
