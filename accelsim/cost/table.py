"""A cost table as figures: energy and area of actions at any width, wires, DRAM and SRAM."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from accelsim.cost.amounts import AreaAmount, EnergyAmount
from accelsim.cost.dram import DramCost, dram_cost
from accelsim.cost.figure import Figure, product
from accelsim.cost.spec import Entry, TableFile
from accelsim.cost.sram import CactiSram, PointsSram, SramModel, SramPoint
from accelsim.cost.stillmaker import SOURCE, VOLTAGE_V, area_ratio, between, energy_ratio
from accelsim.errors import InputError, unknown_name

Quantity = Literal["energy", "area"]


class Scaling(NamedTuple):
    """To which node logic is scaled, and at which voltage."""

    node_nm: float
    voltage_v: float


@dataclass(frozen=True)
class CostTable:
    """The costs of one technology node.

    Attributes
    ----------
    file : TableFile
        What was read; `file.name` belongs beside every result.
    shown : str
        How messages call the table's file.
    bases : Mapping[str, CostTable]
        The tables that entries are scaled from.
    scaling : Scaling, optional
        What `scaled` did to it.
    """

    file: TableFile
    shown: str
    bases: Mapping[str, CostTable] = field(default_factory=dict)
    scaling: Scaling | None = None

    @property
    def name(self) -> str:
        """The name to print with every result."""
        to = self.scaling
        if to is None:
            return self.file.name
        return f"{self.file.name} scaled to {to.node_nm:g} nm by stillmaker at {to.voltage_v:g} V"

    @property
    def content_hash(self) -> str:
        """SHA-256 of everything that it says, and the tables that it is scaled from."""
        bases = {name: base.content_hash for name, base in self.bases.items()}
        content = [self.file.model_dump(mode="json"), bases, self.scaling]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def node_nm(self) -> float:
        """The node that the figures are of."""
        return self.scaling.node_nm if self.scaling else self.file.node_nm

    def energy(self, action: str, bits: float | None = None) -> Figure:
        """Energy of an action, pJ; of a wire, for each mm.

        Parameters
        ----------
        action : str
            A name of the table's actions.
        bits : float, optional
            Another width than the entry's: linear or quadratic in bits, as the entry says.

        Raises
        ------
        InputError
            The action is missing, has no energy, or is known at its own width only.
        """
        return self.figure(action, "energy", bits)

    def area(self, component: str, bits: float | None = None) -> Figure:
        """Area of a component, um2; parameters and errors as of `energy`."""
        return self.figure(component, "area", bits)

    def figure(self, name: str, quantity: Quantity, bits: float | None = None) -> Figure:
        """Energy or area of an action; see `energy`."""
        entry = self._entry(name)
        own = getattr(entry, quantity)
        found = self._figure(own) if own is not None else self._scaled(name, entry, quantity)
        return self._of_width(self._at_node(found, name, entry), name, entry, bits)

    def has(self, action: str, quantity: Quantity = "energy") -> bool:
        """Whether `energy` or `area` (`quantity`) of an action is known."""
        entry = self.file.actions.get(action)
        if entry is None:
            return False
        if self.scaling is not None and not entry.logic:
            return False
        if getattr(entry, quantity) is not None:
            return True
        return entry.scaled_from is not None and self.bases[entry.scaled_from].has(action, quantity)

    def wire_energy(self, bits: float, mm: float) -> Figure:
        """Energy of moving bits over a distance, pJ: linear in both."""
        bit = self.energy("wire")
        return bit.times(bits * mm, f"{bits:g} bits over {mm:g} mm")

    def dram(self, kind: str) -> DramCost:
        """Energy of a kind of DRAM.

        Raises
        ------
        InputError
            The table does not have it.
        """
        if kind not in self.file.dram:
            raise unknown_name("kind of DRAM", kind, self.file.dram, where=self._where)
        return dram_cost(kind, self.file.dram[kind], self.file.assumed_range)

    def dram_of(self, part: str | None) -> DramCost:
        """Energy of the DRAM of a machine.

        Parameters
        ----------
        part : str, optional
            Name of its DRAM part; None for a DRAM that is a bandwidth alone.

        Raises
        ------
        InputError
            The table does not say of what kind the part is.
        """
        name = part or "flat"
        if name not in self.file.parts:
            error = unknown_name("DRAM part", name, self.file.parts, where=self._where)
            remedy = f"{error.remedy}; or give 'parts.{name}.kind' in a table that extends this one"
            raise InputError(error.what, where=error.where, remedy=remedy)
        given = self.file.parts[name]
        why = f"{given.kind} for {name}: {given.assumed}" if given.assumed else ""
        entry = self.file.dram[given.kind]
        return dram_cost(given.kind, entry, self.file.assumed_range, why)

    def dram_interface(self, cost: DramCost, gb_per_s: float) -> Figure:
        """Area of PHY and controller of a DRAM on the die of the accelerator, um2.

        Parameters
        ----------
        cost : DramCost
            Of `dram` or `dram_of`.
        gb_per_s : float
            Peak rate of all its channels.

        Raises
        ------
        InputError
            The table does not say it, or it is a scaled one.
        """
        given = self.file.dram_interface.get(cost.interface)
        if given is None or self.scaling is not None:
            raise InputError(
                f"has no area of an interface '{cost.interface}' of DRAM", where=self._where,
                remedy=f"give 'dram_interface.{cost.interface}'",
            )  # fmt: skip
        one = given.figure(self.file.assumed_range, self.file.node_nm)
        return one.times(gb_per_s, f"{gb_per_s:g} GB/s of DRAM").in_unit("um2")

    def logic_leakage(self, area: Figure) -> Figure:
        """Leakage of logic of an area, mW.

        Parameters
        ----------
        area : Figure
            um2.

        Raises
        ------
        InputError
            The table does not say it, or it is a scaled one: leakage does not follow the rule.
        """
        given = self.file.logic_leakage
        if given is None or self.scaling is not None:
            raise InputError(
                "has no leakage of logic", where=self._where, remedy="give 'logic_leakage'"
            )
        one = given.figure(self.file.assumed_range, self.file.node_nm)
        why = f"leakage of {area.value / 1e6:.4g} mm2 at {given.value:g} mW/mm2"
        return product(one, area, 1e-6, "mW", why)

    def sram(self) -> SramModel:
        """The table's model of SRAM.

        Raises
        ------
        InputError
            The table has none.
        """
        if self.file.sram == "none" or self.scaling is not None:
            raise InputError(
                "has no SRAM, and small memories do not scale like logic", where=self._where,
                remedy="give 'sram: points' with 'sram_points'",
            )  # fmt: skip
        if self.file.sram == "cacti7":
            return CactiSram(self.file.node_nm, self.file.assumed_range)
        leakage = self.file.sram_leakage
        known = None if leakage is None else leakage.figure(self.file.assumed_range)
        return PointsSram(tuple(self._points()), self.file.node_nm, known)

    @property
    def _where(self) -> str:
        return f"cost table {self.name}" + f" ({self.shown})" * (self.shown != self.name)

    def _entry(self, action: str) -> Entry:
        if action not in self.file.actions:
            error = unknown_name("action", action, self.file.actions, where=self._where)
            remedy = f"{error.remedy}; or give 'actions.{action}', or extend a table that has it"
            raise InputError(error.what, where=error.where, remedy=remedy)
        return self.file.actions[action]

    def _figure(self, amount: EnergyAmount | AreaAmount) -> Figure:
        return amount.figure(self.file.assumed_range, self.file.node_nm)

    def _scaled(self, action: str, entry: Entry, quantity: Quantity) -> Figure:
        """What another table says, as logic at this node."""
        if entry.scaled_from is None:
            remedy = f"give '{quantity}' of it in a table that extends this one"
            raise InputError(f"'{action}' has no {quantity}", where=self._where, remedy=remedy)
        base = self.bases[entry.scaled_from]
        return scaled_figure(
            base.figure(action, quantity), base.file.node_nm, self.file.node_nm, base.name
        )

    def _at_node(self, own: Figure, action: str, entry: Entry) -> Figure:
        if self.scaling is None:
            return own
        if not entry.logic:
            raise InputError(
                f"'{action}' is a memory or a wire, which do not scale like logic",
                where=self._where, remedy="give it in a table of this node",
            )  # fmt: skip
        to = self.scaling
        return scaled_figure(own, self.file.node_nm, to.node_nm, self.file.name, to.voltage_v)

    def _of_width(self, own: Figure, action: str, entry: Entry, bits: float | None) -> Figure:
        if bits is None or bits == entry.bits:
            return own
        if entry.width == "fixed" or entry.bits is None:
            at = f"{entry.bits} bits" if entry.bits else "a width that its source does not say"
            raise InputError(f"'{action}' is known at {at} only, not {bits:g}", where=self._where)
        power = 2 if entry.width == "quadratic" else 1
        why = f"{entry.width} in bits: {bits:g} instead of {entry.bits}"
        return own.times((bits / entry.bits) ** power, why)

    def _points(self) -> list[SramPoint]:
        found = []
        for point in self.file.sram_points:
            per_bit = 1 / point.bits
            read, write = (
                self._figure(amount).times(per_bit, f"of {point.bits} bits")
                for amount in (point.read, point.write)
            )
            area = None
            if point.area is not None:
                whole = self._figure(point.area)
                area = whole.times(1 / (8 * point.bytes), "of one bit of the whole memory")
            found.append(SramPoint(point.bytes, read, write, area))
        return found


def scaled_figure(
    own: Figure, from_nm: float, to_nm: float, table: str, voltage_v: float = VOLTAGE_V
) -> Figure:
    """A figure of logic at another node by Stillmaker and Baas, marked `scaled`."""
    if own.unit == "pJ":
        ratio, at = energy_ratio(from_nm, to_nm, voltage_v), f" at {voltage_v:g} V"
    else:
        ratio, at = area_ratio(from_nm, to_nm), ""
    for node in (from_nm, to_nm):
        near = between(node)
        at += f", {node:g} nm between {near[0]:g} and {near[1]:g}" if near else ""
    why = f"x {ratio:.3g}: {table} from {from_nm:g} to {to_nm:g} nm{at} ({SOURCE})"
    return own.times(ratio, why, "scaled")


def scaled(table: CostTable, node_nm: float, by: str, voltage_v: float = VOLTAGE_V) -> CostTable:
    """A table carried to another node by a named rule: logic only, every figure marked `scaled`.

    DRAM stays as it is, because it is of no node of the accelerator. SRAM, wires, and what a
    source measured as a memory do not follow the rule: asking for them is an error.

    Parameters
    ----------
    table : CostTable
    node_nm : float
        A node of the rule.
    by : str
        ``stillmaker``: Stillmaker and Baas, both nodes at `voltage_v`.
    voltage_v : float

    Raises
    ------
    InputError
        An unknown rule or node, a voltage out of its range, or a table that is scaled already.
    """
    if by != "stillmaker":
        raise unknown_name("rule of scaling", by, ["stillmaker"])
    if table.scaling is not None:
        raise InputError("is scaled already; scale once only", where=table.name)
    energy_ratio(table.file.node_nm, node_nm, voltage_v), area_ratio(table.file.node_nm, node_nm)
    return replace(table, scaling=Scaling(node_nm, voltage_v))
