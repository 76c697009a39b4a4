"""DRAM in the file of a cost table: kinds, their energy by what they do, and parts of machines."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from accelsim.config.record import FieldError, Spec
from accelsim.cost.amounts import (
    Checked,
    EnergyAmount,
    Positive,
    PowerAmount,
    StoragePriceAmount,
    Text,
)  # fmt: skip

Count = Annotated[int, Field(strict=True, gt=0)]
Current = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class DramSplit(Spec):
    """Energy of a DRAM by what it does, as a source gives it.

    Attributes
    ----------
    activate : energy
        Of opening one row and closing it.
    read, write : energy
        Of moving one bit, the row being open.
    row_bytes : int
        Of the row that `activate` opens, in all devices that open it together.
    refresh : energy, optional
        Of one refresh command of a rank.
    background, idle : power, optional
        Of a rank all the time: with a row open; with all rows closed.
    """

    activate: EnergyAmount
    read: EnergyAmount
    write: EnergyAmount
    row_bytes: Count
    refresh: EnergyAmount | None = None
    background: PowerAmount | None = None
    idle: PowerAmount | None = None


class Rail(Spec):
    """A supply of a device, and the currents that it draws from it, mA.

    Attributes
    ----------
    volts : float
        Its voltage.
    idd0 : float
        Opening and closing a row as fast as it goes.
    idd2n, idd3n : float
        At rest with all rows closed; with one open.
    idd4r, idd4w : float
        Reading, writing, without a gap.
    idd5 : float
        Refreshing, one refresh after the other.
    """

    volts: Positive
    idd0: Current
    idd2n: Current
    idd3n: Current
    idd4r: Current
    idd4w: Current
    idd5: Current


class DramCurrents(Spec):
    """Currents of a data sheet, from which energies follow by the power formula of Micron.

    Attributes
    ----------
    rails : mapping
        Supply to its currents; that of the I/O is not among them.
    devices : int
        How many work together as a rank.
    row_bytes : int
        Of the row that they open together.
    burst_bits : int
        Of one burst of one device.
    burst_ns, tras_ns, trp_ns, trfc_ns : float
        How long a burst, an open row at least, a precharge and a refresh take.
    io : energy, optional
        Of moving a bit between the device and the far end of its pins, added to that of the core.
    source : str
        Of the currents.
    checked : str
        As of every figure.
    note : str, optional
        What else a reader should know.
    """

    rails: dict[str, Rail]
    devices: Count
    row_bytes: Count
    burst_bits: Count
    burst_ns: Positive
    tras_ns: Positive
    trp_ns: Positive
    trfc_ns: Positive
    io: EnergyAmount | None = None
    source: Text
    checked: Checked
    note: str = ""


class DramEntry(Spec):
    """A kind of DRAM.

    Attributes
    ----------
    energy : energy, optional
        Of moving `bits` bits, all that the source counts included; not needed with `currents`.
    bits : int
        How many that are.
    includes : str
        What the source counts, such as background power or the controller.
    split : optional
        The same by activates, reads and writes, where a source gives it.
    currents : optional
        Instead of `split`: currents from which it is computed.
    interface : str
        What it needs on the die of the accelerator, see `dram_interface` of the table: `hbm` beside
        the die on an interposer, `board`: pins of a package.
    price : optional
        Of its capacity.
    """

    energy: EnergyAmount | None = None
    bits: Count = 1
    includes: str = "not said by the source"
    split: DramSplit | None = None
    currents: DramCurrents | None = None
    interface: Literal["hbm", "board"] = "board"
    price: StoragePriceAmount | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if self.energy is None and self.currents is None:
            raise FieldError("energy", "'energy' is missing, expected it or 'currents'")
        if self.split is not None and self.currents is not None:
            raise FieldError("currents", "is there beside 'split', expected one of them")
        return self


class DramPart(Spec):
    """Which kind of DRAM a part of an architecture is.

    Attributes
    ----------
    kind : str
        A kind of the table.
    assumed : str, optional
        Why this kind stands for the part, where it is another; all its figures are then assumed.
    """

    kind: Text
    assumed: str = ""
