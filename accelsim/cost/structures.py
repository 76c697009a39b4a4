"""What is made of registers, wires and small memories: queues and crossbars."""

from __future__ import annotations

import math
from typing import NamedTuple

from accelsim.cost.figure import Figure, total
from accelsim.cost.sram import SIZE_RANGE
from accelsim.cost.table import CostTable
from accelsim.errors import InputError

REGISTER_BYTES = SIZE_RANGE[0]  # a queue below the smallest SRAM is made of registers


class Queue(NamedTuple):
    """A queue: `push`, `pop` pJ of one entry; `area` um2; `kind` ``registers`` or ``SRAM``."""

    push: Figure
    pop: Figure
    area: Figure
    kind: str


class Crossbar(NamedTuple):
    """A crossbar: `word` pJ of moving one word; `area` um2."""

    word: Figure
    area: Figure


def queue(table: CostTable, entries: int, bits: int) -> Queue:
    """A first-in, first-out queue.

    Below `REGISTER_BYTES` of storage its entries are registers, else an SRAM of one read and one
    write port. An entry is written once and read once, it does not move; each pointer is a
    counter. Multiplexers of the read port are left out: no figure of them is known.

    Parameters
    ----------
    entries, bits : int
        How many, and how wide one is.

    Raises
    ------
    InputError
        Not positive, or a table without registers, counters or SRAM.
    """
    _positive(entries=entries, bits=bits)
    storage_bytes = entries * bits / 8
    pointer_bits = max(1, math.ceil(math.log2(entries)))
    step = table.energy("counter", pointer_bits)
    pointers = table.area("counter", pointer_bits).times(2, "two pointers")
    what = f"queue of {entries} x {bits} bits"
    if storage_bytes < REGISTER_BYTES:
        one = table.energy("register", bits)
        cells = table.area("register", bits * entries)
        push = pop = total([one, step], f"{what} of registers: an entry and a pointer")
        return Queue(push, pop, total([cells, pointers], f"{what} of registers"), "registers")
    memory = table.sram().cost(storage_bytes, bits / 8, 1, "one read, one write")
    return Queue(
        total([memory.write, step], f"{what} in SRAM: a write and a pointer"),
        total([memory.read, step], f"{what} in SRAM: a read and a pointer"),
        total([memory.area, pointers], f"{what} in SRAM"),
        "SRAM",
    )


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
