"""DRAM beside the chip, and what it needs on it.

Where the table splits a DRAM's energy, rows opened, bits moved and refreshes are charged apart and
every rank draws its background power all the time, a row open (pages stay open). Where it does
not, a bit has everything that its source counts. Power-down is not modelled.
"""

from __future__ import annotations

from accelsim.arch.dram import PartDram
from accelsim.arch.spec import Arch
from accelsim.cost.dram import DramCost
from accelsim.hardware.component import Component, Priced
from accelsim.hardware.storage import Parts


def dram_cost_of(arch: Arch, parts: Parts) -> DramCost:
    """What the table says of the DRAM of a machine."""
    name = arch.dram.part.name if isinstance(arch.dram, PartDram) else None
    return parts.table.dram_of(name)


def dram(arch: Arch, parts: Parts) -> list[Component]:
    """Devices, and PHY and controller on the chip."""
    cost, given = dram_cost_of(arch, parts), arch.dram
    entry = f"DRAM {cost.kind}"
    bits = 8 * given.bandwidth * arch.clock_ps * 1e-12
    ranks = given.channels * given.ranks
    interface = parts.table.dram_interface(cost, given.bandwidth / 1e9)
    chip = Component(
        "DRAM interface", "PHY and controller", 1,
        *parts.logic("DRAM interface", interface),
        note="its energy of a bit is not known, but for what the DRAM's source counts of it",
    )  # fmt: skip
    opened = cost.opening(given.row_bytes)
    if opened is None or cost.read is None or cost.write is None:
        bit = (Priced(cost.bit, entry),)
        said = f"{cost.kind}: a bit has all that its source counts ({cost.includes})"
        return [
            chip,
            Component(
                "DRAM", "devices", ranks, actions={"bit read": bit, "bit written": bit},
                peak={"bit read": bits}, note=said,
            ),
        ]  # fmt: skip
    actions = {
        "activate": (Priced(opened, f"{entry} activate"),),
        "bit read": (Priced(cost.read, f"{entry} bit"),),
        "bit written": (Priced(cost.write, f"{entry} bit"),),
    }
    if cost.refresh is not None:
        actions["refresh"] = (Priced(cost.refresh, f"{entry} refresh"),)
    static: tuple[Priced, ...] = ()
    if cost.background is not None:
        static = (Priced(cost.background.times(ranks, f"{ranks} ranks"), f"{entry} at rest"),)
    peak = {"bit read": bits, "activate": bits / (8 * given.row_bytes)}
    said = f"{cost.kind}: {cost.includes}; {ranks} ranks, a row open in each"
    return [chip, Component("DRAM", "devices", ranks, (), static, actions, peak, note=said)]
