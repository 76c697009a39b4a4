"""A component of a machine, and a figure that says which entry of a cost table it hangs on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from accelsim.cost.figure import Figure, total

GROUPS = (
    "array", "scratchpad", "wires", "vector", "index", "gather", "scatter", "store",
    "DRAM interface", "DRAM",
)  # fmt: skip
OFF_CHIP = "DRAM"  # the group that is beside the chip
W_PER_MW = 1e-3


class Priced(NamedTuple):
    """A figure and what it hangs on.

    `entry` : what the figure is derived from, such as ``mac bf16``, ``sram read`` or ``wire``.
    Where it is off, all figures of this entry are off to the same side, on every machine.
    """

    figure: Figure
    entry: str

    def times(self, factor: float, why: str) -> Priced:
        """So many of it."""
        return Priced(self.figure.times(factor, why), self.entry)

    def in_unit(self, unit: str, factor: float) -> Priced:
        """The same in a unit of which it has `factor` times as many."""
        return Priced(self.figure.in_unit(unit, factor), self.entry)


def summed(priced: Iterable[Priced], unit: str, factor: float = 1.0) -> Figure:
    """Sum with its range, in a unit of which it has `factor` times as many; nothing is 0."""
    figures = [each.figure.in_unit(unit, factor) for each in priced]
    return total(figures or [Figure(0.0, 0.0, 0.0, unit, "none", "derived")], "sum")


@dataclass(frozen=True)
class Component:
    """One kind of part of a machine.

    Attributes
    ----------
    group : str
        The unit that it belongs to, one of `GROUPS`.
    name : str
        Such as "MACs" or "row FIFOs".
    count : float
        How many there are.
    area : tuple[Priced, ...]
        um2 of all of them, part by part; empty where no area is known (see `note`).
    leakage : tuple[Priced, ...]
        mW of all of them.
    actions : Mapping[str, tuple[Priced, ...]]
        Energy of one action by its name, pJ: the sum of its parts.
    peak : Mapping[str, float]
        The most of each action that a cycle of the machine can have.
    sparse : bool
        There for sparsity alone: a machine that only computes densely would leave it out.
    note : str
        What it is taken as, and what is not in it.
    """

    group: str
    name: str
    count: float = 1
    area: tuple[Priced, ...] = ()
    leakage: tuple[Priced, ...] = ()
    actions: Mapping[str, tuple[Priced, ...]] = field(default_factory=dict)
    peak: Mapping[str, float] = field(default_factory=dict)
    sparse: bool = False
    note: str = ""

    @property
    def on_chip(self) -> bool:
        """Whether it is a part of the chip."""
        return self.group != OFF_CHIP

    def peak_power(self, clock_ps: int) -> list[Priced]:
        """Peak power, W, part by part: leakage, and every action at its full rate."""
        leakage = [priced.in_unit("W", W_PER_MW) for priced in self.leakage]
        cycles_per_ps = 1 / clock_ps  # a pJ a ps is a W
        return leakage + [
            priced.in_unit("W", most * cycles_per_ps)
            for action, most in self.peak.items()
            for priced in self.actions[action]
        ]
