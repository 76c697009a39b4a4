"""The file of a cost table: what every action and component of one technology node costs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from accelsim.config.record import FieldError, Spec
from accelsim.cost.amounts import (
    ASSUMED_RANGE,
    AreaAmount,
    DefectsAmount,
    EnergyAmount,
    Factor,
    LeakageAmount,
    MoneyAmount,
    Positive,
    RateAreaAmount,
    StorageLeakageAmount,
    Text,
)  # fmt: skip
from accelsim.cost.dram_spec import DramEntry, DramPart

Bits = Annotated[int, Field(strict=True, gt=0)]


class Entry(Spec):
    """An action, or a component and its action.

    Attributes
    ----------
    energy : optional
        Of one action of `bits` bits.
    area : optional
        Of one instance of `bits` bits.
    bits : int, optional
        The width that both are of; left out where the source does not say it.
    width : str
        How they go with another width: `linear` in bits (adders, registers, wires, comparators,
        counters), `quadratic` (integer multipliers), `fixed`: no other width is known.
    logic : bool
        Goes with the node as logic does; memories and wires do not, and are never scaled.
    scaled_from : str, optional
        A table; what is missing of energy and area is taken from its entry of this name, scaled
        as logic by Stillmaker and Baas, and marked `scaled`.
    """

    energy: EnergyAmount | None = None
    area: AreaAmount | None = None
    bits: Bits | None = None
    width: Literal["linear", "quadratic", "fixed"] = "fixed"
    logic: Annotated[bool, Field(strict=True)] = True
    scaled_from: str | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.energy is None and self.area is None and self.scaled_from is None:
            raise FieldError("energy", "'energy' is missing, expected 'energy', 'area' or both")
        if self.bits is None and self.width != "fixed":
            raise FieldError("bits", f"'bits' is missing, a {self.width} width needs it")
        return self


class SramEntry(Spec):
    """A published memory.

    Attributes
    ----------
    bytes : int
        Its size.
    bits : int
        Of the access that `read` and `write` are of.
    read, write : energy
        Of one access.
    area : optional
        Of the whole memory.
    """

    bytes: Bits
    bits: Bits
    read: EnergyAmount
    write: EnergyAmount
    area: AreaAmount | None = None


class PriceEntry(Spec):
    """What a die costs: wafers, and how many of their dies work.

    Attributes
    ----------
    wafer : price
        Of one processed wafer.
    wafer_mm : float
        Its diameter.
    defects : density
        Of faults that make a die useless.
    clustering : float, optional
        How evenly faults lie: yield is ``(1 + area * defects / clustering)^-clustering``; `null`:
        evenly, so that it is ``exp(-area * defects)``.
    """

    wafer: MoneyAmount
    wafer_mm: Positive = 300.0
    defects: DefectsAmount
    clustering: Positive | None = 10.0


class TableFile(Spec):
    """A cost table. A file may also say `extends:`, a table or a list of them that it is laid over.

    Attributes
    ----------
    name : str
        Printed with every result that was made with the table.
    description : str
        One sentence.
    node_nm : float
        The technology node.
    voltage_v : float
        The supply of the figures.
    assumed_range : float
        Where no range is known, low is the value divided by this and high the value times it;
        SRAM of the fit has at least this range.
    sram : str
        `cacti7`: the fit over CACTI 7 runs at this node, or between or beside nodes that have runs;
        `points`: through `sram_points`; `none`.
    sram_points : list
        Published memories, from small to large; two or more.
    sram_leakage : optional
        Of memories through `sram_points`, which say nothing of it.
    logic_leakage : optional
        Of everything that is not SRAM, for its area.
    dram_interface : mapping
        Area of PHY and controller on the die for the peak rate of the DRAM: `hbm`, `board`.
    price : optional
        Of a die of this node.
    wire_pitch_um : float
        Distance of two parallel wires of a bus, assumed; gives the size of a crossbar.
    gated_share : float
        Energy of a MAC whose operand is zero and whose inputs are held, over that of a MAC.
    actions : mapping
        Name to entry.
    dram : mapping
        Kind to entry.
    parts : mapping
        DRAM part of an architecture to its kind; `flat` is a DRAM that is a bandwidth alone.
    """

    name: Text
    description: str = ""
    node_nm: Positive
    voltage_v: Positive | None = None
    assumed_range: Factor = ASSUMED_RANGE
    sram: Literal["cacti7", "points", "none"] = "none"
    sram_points: tuple[SramEntry, ...] = ()
    sram_leakage: StorageLeakageAmount | None = None
    logic_leakage: LeakageAmount | None = None
    dram_interface: dict[str, RateAreaAmount] = {}
    price: PriceEntry | None = None
    wire_pitch_um: Positive | None = None
    gated_share: Positive | None = None
    actions: dict[str, Entry] = {}
    dram: dict[str, DramEntry] = {}
    parts: dict[str, DramPart] = {}

    @model_validator(mode="after")
    def _kinds_of_parts(self) -> Self:
        for name, part in self.parts.items():
            if part.kind not in self.dram:
                known = ", ".join(self.dram)
                raise FieldError(
                    f"parts.{name}.kind", f"unknown kind of DRAM '{part.kind}', known: {known}"
                )
        return self

    @model_validator(mode="after")
    def _points(self) -> Self:
        if self.sram != "points":
            return self
        sizes = [point.bytes for point in self.sram_points]
        if len(sizes) < 2:
            raise FieldError("sram_points", "'sram: points' needs two or more 'sram_points'")
        for at in range(1, len(sizes)):
            if sizes[at] <= sizes[at - 1]:
                raise FieldError(f"sram_points.{at}.bytes", "is not above the size before it")
            for name in ("read", "write"):
                small, large = (
                    getattr(point, name).value / point.bits
                    for point in self.sram_points[at - 1 :][:2]
                )
                if large < small:
                    path = f"sram_points.{at}.{name}.value"
                    raise FieldError(path, "a bit costs less than in the smaller memory before it")
        return self
