"""Scopes: which components of a machine a published figure stands for.

A scope is words with ``|`` between them. A word is ``all`` (everything but DRAM), ``none`` (the
model has nothing of the kind), a group (``array``), or a component of a group (``array/MACs``);
``*0.5`` behind a component takes that share of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from accelsim.arch.spec import Arch
from accelsim.errors import InputError
from accelsim.hardware.component import W_PER_MW, Component, Priced
from accelsim.hardware.storage import UM2_PER_MM2

ALL, NONE = "all", "none"
NAND2_UM2 = 1.44  # of a two-input gate at 65 nm, from memory
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
        return part.on_chip
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
    return [p.in_unit("mm2", share / UM2_PER_MM2) for part, share in taken for p in part.area]


def leakage_of(taken: Sequence[Taken]) -> list[Priced]:
    """Leakage, W; of DRAM its power at rest."""
    return [p.in_unit("W", share * W_PER_MW) for part, share in taken for p in part.leakage]


def peak_of(taken: Sequence[Taken], clock_ps: int) -> list[Priced]:
    """Peak power, W: leakage, and every action at its full rate."""
    return [p.in_unit("W", share) for part, share in taken for p in part.peak_power(clock_ps)]


def gates_of(taken: Sequence[Taken]) -> list[Priced]:
    """Thousands of two-input gates that take the area, by their size at 65 nm."""
    return [priced.in_unit("k gates", 1e3 / NAND2_UM2) for priced in area_of(taken)]


def storage_kib(taken: Sequence[Taken], arch: Arch) -> float:
    """Capacity of scratchpad and storage of the array, KiB."""
    array = arch.array.storage
    sizes = {"scratchpad/banks": arch.scratchpad_bytes} | {
        f"array/{component}": array[name] for component, name in _STORED.items() if name in array
    }
    return sum(share * sizes.get(f"{part.group}/{part.name}", 0) / 1024 for part, share in taken)
