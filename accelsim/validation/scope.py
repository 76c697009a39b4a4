"""Scopes: which components of a machine a published figure stands for.

A scope is words with ``|`` between them. A word is ``all`` (everything but DRAM), ``none`` (the
model has nothing of the kind), a group (``array``), or a component of a group (``array/MACs``);
``*0.5`` behind a component takes that share of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from accelsim.arch.spec import Arch
from accelsim.cost.figure import Figure, total
from accelsim.errors import InputError
from accelsim.hardware.area import OFF_CHIP
from accelsim.hardware.component import Component, Priced
from accelsim.hardware.ratio import ByEntry, Span

ALL, NONE = "all", "none"
NAND2_UM2 = 1.44  # of a two-input gate at 65 nm, from memory
_UM2_PER_MM2, _MW_PER_W = 1e6, 1e3
_STORED = {  # component of an array -> its name in `storage`
    "operand storage": "operands", "stationary operands": "stationary",
    "accumulators": "accumulators",
}  # fmt: skip


class Taken(NamedTuple):
    """A component, and the share of it that is in the scope."""

    component: Component
    share: float


def in_scope(scope: str, parts: Sequence[Component], where: str) -> list[Taken]:
    """Components of a scope.

    Parameters
    ----------
    scope : str
    parts : sequence of Component
        All of a machine.
    where : str
        Where the scope stands, for errors.

    Raises
    ------
    InputError
        A word that names no component of the machine, a share that is none, a component twice.
    """
    found: list[Taken] = []
    for word in scope.split("|") if scope != NONE else ():
        name, _, share = word.partition("*")
        taken = [part for part in parts if _names(name, part)]
        if not taken:
            have = ", ".join(dict.fromkeys(f"{part.group}/{part.name}" for part in parts))
            raise InputError(
                f"'{name}' is no component of this machine", where=where, remedy=f"it has {have}"
            )
        found += [Taken(part, _share(share, where)) for part in taken]
    names = [(taken.component.group, taken.component.name) for taken in found]
    if len(set(names)) < len(names):
        raise InputError(
            f"'{scope}' names a component twice", where=where, remedy="name every component once"
        )
    return found


def _names(name: str, part: Component) -> bool:
    if name == ALL:
        return part.group != OFF_CHIP
    return name in (part.group, f"{part.group}/{part.name}")


def _share(text: str, where: str) -> float:
    try:
        share = float(text or 1)
    except ValueError:
        share = 0
    if not 0 < share <= 1:
        raise InputError(
            f"'*{text}' is no share", where=where, remedy="a number above 0 and up to 1"
        )
    return share


def area_of(taken: Sequence[Taken]) -> list[Priced]:
    """Area, mm2."""
    return [
        _in(priced, share / _UM2_PER_MM2, "mm2") for part, share in taken for priced in part.area
    ]


def leakage_of(taken: Sequence[Taken]) -> list[Priced]:
    """Leakage, W; of DRAM its power at rest."""
    return [_in(priced, share / _MW_PER_W, "W") for part, share in taken for priced in part.leakage]


def peak_of(taken: Sequence[Taken], clock_ps: int) -> list[Priced]:
    """Peak power, W: leakage, and every action at its full rate."""
    return leakage_of(taken) + [
        _in(priced, share * most / clock_ps, "W")  # a pJ a ps is a W
        for part, share in taken
        for action, most in part.peak.items()
        for priced in part.actions[action]
    ]


def gates_of(taken: Sequence[Taken]) -> list[Priced]:
    """Thousands of two-input gates that take the area, by their size at 65 nm."""
    return [_in(priced, 1e3 / NAND2_UM2, "k gates") for priced in area_of(taken)]


def storage_kib(taken: Sequence[Taken], arch: Arch) -> float:
    """Capacity of scratchpad and storage of the array, KiB."""
    array = arch.array.storage
    sizes = {"scratchpad/banks": arch.scratchpad_bytes} | {
        f"array/{component}": array[name] for component, name in _STORED.items() if name in array
    }
    return sum(share * sizes.get(f"{part.group}/{part.name}", 0) / 1024 for part, share in taken)


def summed(priced: Sequence[Priced], unit: str) -> Figure:
    """Sum with its range; nothing is a figure of 0."""
    figures = [each.figure for each in priced]
    return total(figures or [Figure(0.0, 0.0, 0.0, unit, "none", "derived")], "sum of a scope")


def terms(priced: Sequence[Priced]) -> ByEntry:
    """Sums by entry of the cost table."""
    found: dict[str, Span] = {}
    for figure, entry in priced:
        here, before = (figure.low, figure.value, figure.high), found.get(entry, (0.0, 0.0, 0.0))
        found[entry] = Span(*(a + b for a, b in zip(before, here, strict=True)))
    return found


def _in(priced: Priced, factor: float, unit: str) -> Priced:
    figure = priced.figure.times(factor, f"in {unit}")
    return Priced(Figure(**{**vars(figure), "unit": unit}), priced.entry)
