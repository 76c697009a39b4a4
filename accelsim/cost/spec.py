"""The file of a cost table: what every action and component of one technology node costs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from accelsim.config.record import FieldError, Spec
from accelsim.cost.units import Area, Energy

Checked = Literal["confirmed", "read from repository file", "from memory", "derived", "assumed"]
Text = Annotated[str, Field(min_length=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Bits = Annotated[int, Field(strict=True, gt=0)]
Factor = Annotated[float, Field(ge=1, allow_inf_nan=False)]


class Amount(Spec):
    """What energies and areas have in common.

    Attributes
    ----------
    source : str
        Where the figure was published.
    checked : str
        How it is known. `from memory` is shown as `unverified` wherever the figure appears.
    node_nm : float, optional
        The node that the figure is of, where it is not the table's. It is taken as it is.
    note : str, optional
        What else a reader should know.
    """

    source: Text
    checked: Checked
    node_nm: Positive | None = None
    note: str = ""


class EnergyAmount(Amount):
    """An energy; without `low` and `high` the range is not known, and the table's factor is used.

    Attributes
    ----------
    value, low, high : energy
        Of one action, such as ``0.2 pJ``.
    """

    value: Energy
    low: Energy | None = None
    high: Energy | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _check_order(self.low, self.value, self.high, "pJ")
        return self


class AreaAmount(Amount):
    """An area; without `low` and `high` the range is not known, and the table's factor is used.

    Attributes
    ----------
    value, low, high : area
        Of one instance, such as ``282 um2``.
    """

    value: Area
    low: Area | None = None
    high: Area | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _check_order(self.low, self.value, self.high, "um2")
        return self


def _check_order(low: float | None, value: float, high: float | None, unit: str) -> None:
    if (low is None) != (high is None):
        missing = "low" if low is None else "high"
        raise FieldError(missing, f"'{missing}' is missing, expected both 'low' and 'high'")
    if low is not None and low > value:
        raise FieldError("low", f"low {low:g} {unit} is above value {value:g} {unit}")
    if high is not None and high < value:
        raise FieldError("high", f"high {high:g} {unit} is below value {value:g} {unit}")


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


class DramSplit(Spec):
    """Energy of a DRAM by what it does.

    Attributes
    ----------
    activate : energy
        Of opening one row and closing it.
    read, write : energy
        Of moving one bit, the row being open.
    """

    activate: EnergyAmount
    read: EnergyAmount
    write: EnergyAmount


class DramEntry(Spec):
    """A kind of DRAM.

    Attributes
    ----------
    energy : energy
        Of moving `bits` bits, all that the source counts included.
    bits : int
        How many that are.
    includes : str
        What the source counts, such as background power or the controller.
    split : optional
        The same by activates, reads and writes, where a source gives it.
    """

    energy: EnergyAmount
    bits: Bits
    includes: str = "not said by the source"
    split: DramSplit | None = None


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
        Where no range is known, low is the value divided by this and high the value times it.
    sram : str
        `cacti7`: the fit over CACTI 7 runs at this node; `points`: through `sram_points`; `none`.
    sram_points : list
        Published memories, from small to large; two or more.
    wire_pitch_um : float
        Distance of two parallel wires of a bus, assumed; gives the size of a crossbar.
    gated_share : float
        Energy of a MAC whose operand is zero and whose inputs are held, over that of a MAC.
    actions : mapping
        Name to entry.
    dram : mapping
        Kind to entry.
    """

    name: Text
    description: str = ""
    node_nm: Positive
    voltage_v: Positive | None = None
    assumed_range: Factor = 2.0
    sram: Literal["cacti7", "points", "none"] = "none"
    sram_points: tuple[SramEntry, ...] = ()
    wire_pitch_um: Positive | None = None
    gated_share: Positive | None = None
    actions: dict[str, Entry] = {}
    dram: dict[str, DramEntry] = {}

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
