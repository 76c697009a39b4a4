"""Crossbars, and below which size storage is made of registers."""

from __future__ import annotations

from typing import NamedTuple

from accelsim.cost.figure import Figure
from accelsim.cost.sram import SIZE_RANGE
from accelsim.cost.table import CostTable
from accelsim.errors import InputError

REGISTER_BYTES = SIZE_RANGE[0]  # a queue below the smallest SRAM is made of registers


class Crossbar(NamedTuple):
    """A crossbar: `word` pJ of moving one word; `area` um2."""

    word: Figure
    area: Figure


def crossbar(table: CostTable, inputs: int, outputs: int, bits: int) -> Crossbar:
    """A matrix crossbar.

    Where the table has `crossbar`, one of 4 ports and 32 bits: that times inputs x outputs / 4 x
    bits / 32 (Accelergy's Aladdin plug-in). Else wires: a word drives the wire of its input across
    all outputs and that of its output across all inputs, at the wire pitch of the table. The area
    is that of the wires, which cover the switches below them.

    Parameters
    ----------
    inputs, outputs, bits : int

    Raises
    ------
    InputError
        Not positive, or a table without wires or a wire pitch.
    """
    _positive(inputs=inputs, outputs=outputs, bits=bits)
    pitch = table.file.wire_pitch_um
    if pitch is None or table.scaling is not None:
        raise InputError(
            "has no wire pitch of its node", where=f"cost table {table.name}",
            remedy="give 'wire_pitch_um'",
        )  # fmt: skip
    sides_mm = (inputs * bits * pitch / 1e3, outputs * bits * pitch / 1e3)
    what = f"crossbar {inputs} x {outputs} x {bits} bits"
    spread = table.file.assumed_range
    square = Figure(
        sides_mm[0] * sides_mm[1] * 1e6, sides_mm[0] * sides_mm[1] * 1e6 / spread,
        sides_mm[0] * sides_mm[1] * 1e6 * spread, "um2", "wire pitch of the table", "assumed",
        range_known=False, derivation=(f"{what}: wires at {pitch:g} um",),
    )  # fmt: skip
    if "crossbar" in table.file.actions:
        factor = inputs * outputs / 4 * bits / 32
        base = table.energy("crossbar")
        return Crossbar(base.times(factor, f"{what}: inputs x outputs / 4 x bits / 32"), square)
    word = table.wire_energy(bits, sum(sides_mm))
    return Crossbar(word.times(1, f"{what}: wires at {pitch:g} um", "assumed"), square)


def _positive(**given: float) -> None:
    for name, value in given.items():
        if value <= 0:
            raise InputError(f"{name} is {value}, expected more than 0")
