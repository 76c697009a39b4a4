"""Storage and small logic as figures: what every component is made of.

Storage below 1 KiB a piece is registers, above that an SRAM of one read and one write port. All
energies of storage are of one bit, at the width that is given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from accelsim.cost.figure import Figure, total
from accelsim.cost.macs import Operation, arithmetic, gated_mac, mac, sum_type
from accelsim.cost.sram import BEYOND, SIZE_RANGE, WIDTH_RANGE
from accelsim.cost.structures import REGISTER_BYTES
from accelsim.cost.table import CostTable, Quantity
from accelsim.hardware.component import Priced

UM2_PER_MM2 = 1e6
SUM_BITS = 32  # of a partial sum


class Built(NamedTuple):
    """Logic of a component: `area` um2 and `leakage` mW of all of it."""

    area: tuple[Priced, ...]
    leakage: tuple[Priced, ...]

    def plus(self, other: Built) -> Built:
        """Both."""
        return Built(self.area + other.area, self.leakage + other.leakage)


class Storage(NamedTuple):
    """Storage of a component: `area` um2 and `leakage` mW of all of it; `read`, `write` pJ of a
    bit; `kind` says what it is made of.
    """

    area: tuple[Priced, ...]
    leakage: tuple[Priced, ...]
    read: tuple[Priced, ...]
    write: tuple[Priced, ...]
    kind: str


@dataclass(frozen=True)
class Parts:
    """What components are made of, at the figures of one table."""

    table: CostTable

    def logic(self, entry: str, area: Figure) -> Built:
        """Area and leakage of so much logic."""
        leaks = self.table.logic_leakage(area)
        return Built((Priced(area, f"{entry} area"),), (Priced(leaks, "logic leakage"),))

    def cells(self, name: str, count: float, bits: int) -> Built:
        """Area and leakage of `count` components of the table, `bits` wide."""
        one = self.table.area(name, bits)
        return self.logic(name, one.times(count, f"{count:,g} x {name} of {bits} bits"))

    def energy(self, name: str, bits: float) -> tuple[Priced, ...]:
        """Energy of one action of the table, `bits` wide, pJ."""
        return (Priced(self.table.energy(name, bits), name),)

    def wire(self, mm: float) -> tuple[Priced, ...]:
        """Energy of one bit over a distance, pJ."""
        return (Priced(self.table.wire_energy(1, mm), "wire"),)

    def routed(self, bits: float, mm: float) -> tuple[Priced, ...]:
        """Area of so many wires over a distance, um2: half of that of their pitch (assumed)."""
        pitch = self.table.file.wire_pitch_um
        if not bits or pitch is None:
            return ()
        square = bits * pitch * mm * 1e3
        figure = Figure(
            square / 2, 0.0, square, "um2", "wire pitch of the table", "assumed",
            range_known=False,
            derivation=(f"{bits:,.0f} wires at {pitch:g} um over {mm:.3g} mm, half in area",),
        )  # fmt: skip
        return (Priced(figure, "wires along arrays"),)

    def storage(self, whole_bytes: float, pieces: float, width_bytes: float) -> Storage:
        """Storage of `pieces` equal parts that are read and written `width_bytes` wide.

        What is wider than the widest SRAM is several memories beside each other.
        """
        pieces *= max(1, math.ceil(width_bytes / WIDTH_RANGE[1]))
        piece = whole_bytes / pieces
        if piece < REGISTER_BYTES:
            return self._registers(whole_bytes, pieces)
        if piece > SIZE_RANGE[1] * BEYOND:  # several memories beside each other
            pieces *= -(-piece // SIZE_RANGE[1])
            piece = whole_bytes / pieces
        width = min(max(width_bytes, WIDTH_RANGE[0]), WIDTH_RANGE[1])
        one = self.table.sram().cost(piece, width, 1, "one read, one write")
        what = f"{pieces:,g} SRAM of {piece / 1024:,.4g} KiB, {width:g} B wide"
        bits = 8 * width
        leakage: tuple[Priced, ...] = ()
        if one.leakage is not None:
            leakage = (Priced(one.leakage.times(pieces, what), "sram leakage"),)
        return Storage(
            (Priced(one.area.times(pieces, what), "sram area"),),
            leakage,
            (Priced(one.read.times(1 / bits, f"a bit of {what}"), "sram read"),),
            (Priced(one.write.times(1 / bits, f"a bit of {what}"), "sram write"),),
            what,
        )

    def _registers(self, whole_bytes: float, pieces: float) -> Storage:
        bit = self.energy("register", 1)
        what = f"{pieces:,g} x {whole_bytes / pieces:,.4g} B of registers"
        return Storage(*self.cells("register", 8 * whole_bytes, 1), bit, bit, what)

    def mac_energy(self, dtype: str) -> tuple[Priced, ...]:
        """Energy of one MAC, pJ."""
        return (Priced(mac(self.table, dtype), f"mac {dtype}"),)

    def gated_energy(self, dtype: str) -> tuple[Priced, ...]:
        """Energy of a MAC one of whose operands is zero, pJ."""
        return (Priced(gated_mac(self.table, dtype), f"gated mac {dtype}"),)

    def mac_area(self, rates: Mapping[str, float]) -> tuple[Figure, str]:
        """Area of a MAC unit, um2, and the types that decide it.

        A unit that computes in several types shares its multipliers among them, so the type of
        the largest rate x multiplier decides (assumed), and has one adder for its sum, the
        largest. What joins several products of a narrow type before that adder is left out.
        """
        products = {
            dtype: arithmetic(self.table, dtype, "mult", "area").times(rate, f"{rate:g} a cycle")
            for dtype, rate in rates.items()
        }
        sums = {name: arithmetic(self.table, name, "add", "area") for name in map(sum_type, rates)}
        product, added = (max(each, key=lambda n: each[n].value) for each in (products, sums))
        what = f"a MAC unit: multiplier for {product}, adder for {added}"
        return total([products[product], sums[added]], what), f"{product} + {added}"

    def fp32(self, operation: Operation, quantity: Quantity = "energy") -> Figure:
        """An fp32 adder (`add`) or multiplier (`mult`)."""
        return arithmetic(self.table, "fp32", operation, quantity)

    def lane(self, quantity: Quantity) -> Figure:
        """A lane of the vector unit: an adder and a multiplier in fp32."""
        return total([self.fp32("add", quantity), self.fp32("mult", quantity)], "a vector lane")


def mm2(area: tuple[Priced, ...]) -> float:
    """Area in mm2, for distances."""
    return sum(each.figure.value for each in area) / UM2_PER_MM2
