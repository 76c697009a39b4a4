"""Components beside the array: scratchpad, wires, vector, index, gather, scatter, store."""

from __future__ import annotations

import math
from typing import NamedTuple

from accelsim.arch.array import SparseArray, SystolicArray
from accelsim.arch.composed import ComposedArray
from accelsim.arch.spec import Arch
from accelsim.cost.structures import crossbar
from accelsim.hardware.array import operand_bits
from accelsim.hardware.component import Component, Priced
from accelsim.hardware.storage import SUM_BITS, Built, Parts, Storage

WORD_BITS = 32
ADDRESS_BITS = 40
# Mean way from a bank to the middle of one edge of a square, in edges: 1/2 across, 1/4 along.
MEAN_WAY = 0.75
BUSES = ("bus", "multicast", "mesh")  # networks of a composed array that run along it


def scratchpad(arch: Arch, parts: Parts) -> list[Component]:
    """Banks, the queues before them, and switches for accesses that may go to any bank.

    Units that read or write along the banks in order (a systolic array, vector, store, index) have
    wires alone. Any bank at any time: lines that come back from DRAM, rows that a sparse array
    multicasts or a systolic one gathers, and rows that are scattered. So does a composed array
    that is fed by buses; crossbars and Benes networks (`noc`) are its own.
    """
    pad = arch.scratchpad
    banks = parts.storage(arch.scratchpad_bytes, pad.banks, pad.bank_bytes)
    queued = pad.banks * pad.queue_depth * (pad.bank_bytes + ADDRESS_BITS / 8)
    queues = parts.storage(queued, pad.banks, pad.bank_bytes)
    ports = port_bytes(arch)
    read = 8 * sum(port.read for port in ports.values())
    written = 8 * sum(port.write for port in ports.values())
    found = [
        Component(
            "scratchpad", "banks", pad.banks, banks.area, banks.leakage,
            {"bit read": banks.read, "bit written": banks.write},
            {"bit read": read, "bit written": written}, note=f"{banks.kind}, one read, one write",
        ),
        Component(
            "scratchpad", "bank queues", pad.banks, queues.area, queues.leakage,
            {"bit": queues.write + queues.read}, {"bit": 8 * ports["load"].write},
            note=queues.kind,
        ),
    ]  # fmt: skip
    for name, size in any_bank(arch).items():
        lanes = max(1, -(-int(size) // pad.bank_bytes))
        bits = 8 * pad.bank_bytes
        switch = crossbar(parts.table, pad.banks, lanes, bits)
        found.append(
            Component(
                "scratchpad", f"switch of the {name}", 1, (Priced(switch.area, "wire pitch"),),
                (), {"bit": (Priced(switch.word.times(1 / bits, "a bit of it"), "wire"),)},
                {"bit": 8 * size}, name != "load",
                f"crossbar, {pad.banks} banks x {lanes} ports of {pad.bank_bytes} B",
            )
        )  # fmt: skip
    return found


def any_bank(arch: Arch) -> dict[str, float]:
    """Units that reach any bank in any cycle, and the bytes a cycle of their ports."""
    ports = port_bytes(arch)
    found = {"load": ports["load"].write}
    if isinstance(arch.array, SparseArray):
        found["array"] = ports["array"].read
    elif isinstance(arch.array, ComposedArray) and arch.array.noc.kind in BUSES:
        found["array"] = ports["array"].read
    elif isinstance(arch.array, SystolicArray) and arch.load.gathers_attention:
        edge = max(max(shape.rows, shape.columns) for shape in arch.array.shapes)
        found["array"] = edge * operand_bits(arch) / 8
    if arch.scatter is not None:
        found["scatter"] = ports["scatter"].read
    return found


class Port(NamedTuple):
    """Bytes a cycle that a unit can use of its share of the scratchpad."""

    read: float
    write: float


def port_bytes(arch: Arch) -> dict[str, Port]:
    """What the units can take and give at most, within their shares: Port by unit.

    Load and store move no more than the DRAM, the array no more than it is fed with, a vector lane
    two words in and one out.
    """
    rate = arch.dram.bandwidth * arch.clock_ps * 1e-12
    words = arch.vector.lanes * WORD_BITS / 8
    most = {"load": rate, "store": rate, "array": array_bytes(arch), "vector": 2 * words}
    return {
        unit: Port(
            min(share.read, most.get(unit, share.read)),
            min(share.write, {"load": rate, "vector": words}.get(unit, share.write)),
        )
        for unit, share in arch.scratchpad.shares.of_units().items()
    }


def array_bytes(arch: Arch) -> float:
    """Operand bytes a cycle that an array can take."""
    array, operand = arch.array, operand_bits(arch) / 8
    if isinstance(array, SystolicArray):
        edges = [
            s.count * (s.rows + s.columns * array.preload_rows_per_cycle) for s in array.shapes
        ]
        return max(edges) * operand
    if isinstance(array, SparseArray):
        return array.multicast_buses * array.bus_bytes
    return (array.noc.load_words + array.noc.stream_words) * operand


def wires(arch: Arch, parts: Parts, pad_mm: float, array_mm: float) -> list[Component]:
    """Wires from the scratchpad to its units, along the array, and from PE to PE.

    What feeds a systolic array reaches its place at an edge, half of it on the mean, and goes on
    from PE to PE with the sums. Elsewhere operands pass all rows or PEs, and products or sums go
    as far as the next MAC. Wires along an array may run over it: they take half of the area of
    their pitch, none and all of it are the ends (assumed).
    """
    ports = port_bytes(arch)
    moved = 8 * sum(port.read + port.write for port in ports.values())
    in_order = isinstance(arch.array, SystolicArray)
    along = array_mm / 2 if in_order else array_mm
    macs = arch.array.macs
    step = array_mm / math.sqrt(macs)
    handed = SUM_BITS + (operand_bits(arch) if in_order else 0)
    return [
        Component(
            "wires", "scratchpad to units", 1, actions={"bit": parts.wire(MEAN_WAY * pad_mm)},
            peak={"bit": moved},
            note=f"{MEAN_WAY * pad_mm:.3g} mm: the mean way out of a square of its banks (assumed)",
        ),
        Component(
            "wires", "along the array", 1, parts.routed(_bus_bits(arch), along),
            actions={"bit": parts.wire(along)}, peak={"bit": 8 * ports["array"].read},
            sparse=isinstance(arch.array, SparseArray),
            note=f"{along:.3g} mm: {'half an edge' if in_order else 'past all rows or PEs'}"
            " (assumed)",
        ),
        Component(
            "wires", "between PEs", macs, actions={"bit": parts.wire(step)},
            peak={"bit": macs * handed}, note=f"{1000 * step:.3g} um: the pitch of the MACs",
        ),
    ]  # fmt: skip


def _bus_bits(arch: Arch) -> float:
    """Wires that run along the array; a crossbar or Benes network has its own."""
    if isinstance(arch.array, ComposedArray) and arch.array.noc.kind not in BUSES:
        return 0.0
    return 8 * array_bytes(arch)


def vector(arch: Arch, parts: Parts) -> list[Component]:
    """Lanes with an fp32 adder and multiplier and three registers each."""
    lanes = arch.vector.lanes
    built = parts.logic("fp32", parts.lane("area").times(lanes, f"{lanes} lanes"))
    built = built.plus(parts.cells("register", 3 * WORD_BITS * lanes, 1))
    both = parts.lane("energy")
    add = parts.fp32("add")
    half = both.between(0.5, add.low / both.low, 1, "an addition or a multiplication", "assumed")
    register = tuple(p.times(3 * WORD_BITS, "three words") for p in parts.energy("register", 1))
    return [
        Component(
            "vector", "lanes", lanes, built.area, built.leakage,
            {"lane operation": (Priced(half, "fp32"), *register)}, {"lane operation": lanes},
            note="an exponential or a division counts the lane-operations of the architecture",
        )
    ]  # fmt: skip


def index(arch: Arch, parts: Parts) -> list[Component]:
    """Top-k comparators, decoders of masks and lists, and the union window."""
    unit = arch.index
    if unit is None:
        return []
    compare = parts.cells("comparator", unit.compares_per_cycle, WORD_BITS).plus(
        parts.cells("register", unit.compares_per_cycle, WORD_BITS)
    )
    decoded = unit.bitmap_bits_per_cycle + unit.csr_nonzeros_per_cycle * WORD_BITS
    decode = parts.cells("comparator", decoded, 1)
    window = parts.storage(unit.local_bytes, 1, min(128, unit.bitmap_bits_per_cycle / 8))
    step = tuple(p.times(WORD_BITS, "a word") for p in parts.energy("register", 1))
    return [
        Component(
            "index", "comparators", unit.compares_per_cycle, compare.area, compare.leakage,
            {"comparison": (*parts.energy("comparator", WORD_BITS), *step)},
            {"comparison": unit.compares_per_cycle}, True, "of 32 bits, with a register",
        ),
        Component(
            "index", "decoders", 1, decode.area, decode.leakage,
            {"metadata bit": parts.energy("comparator", 1)}, {"metadata bit": decoded}, True,
            "a comparator of one bit for each bit a cycle",
        ),
        Component(
            "index", "union window", 1, window.area, window.leakage,
            {"bit read": window.read, "bit written": window.write},
            {"bit written": unit.bitmap_bits_per_cycle}, True, window.kind,
        ),
    ]  # fmt: skip


def load(arch: Arch, parts: Parts) -> list[Component]:
    """Tags of lines in flight, address counters, and what a gather adds: window and cache."""
    unit = arch.load
    tags = parts.storage(unit.outstanding * unit.tag_bytes, unit.engines, unit.tag_bytes)
    counters = parts.cells("counter", unit.lines_per_cycle, ADDRESS_BITS)
    count = parts.energy("counter", ADDRESS_BITS)
    found = [
        _tags("gather", "tags of reads", tags, unit.outstanding, unit.lines_per_cycle,
              8 * unit.tag_bytes),
        Component("gather", "address counters", unit.lines_per_cycle, counters.area,
                  counters.leakage, {"line": count}, {"line": unit.lines_per_cycle}),
    ]  # fmt: skip
    if unit.duplicate_window:
        looked = unit.duplicate_window * unit.lines_per_cycle
        match = parts.cells("comparator", looked, ADDRESS_BITS)
        storage = parts.storage(unit.duplicate_window * unit.tag_bytes, 1, unit.tag_bytes)
        energy = tuple(
            p.times(unit.duplicate_window, "all entries")
            for p in parts.energy("comparator", ADDRESS_BITS)
        )
        built = match.plus(Built(storage.area, storage.leakage))
        said = f"{unit.duplicate_window} entries compared with each of {unit.lines_per_cycle} lines"
        found.append(
            Component(
                "gather", "duplicate window", looked, built.area, built.leakage,
                {"look-up": energy}, {"look-up": unit.lines_per_cycle}, unit.gathers_attention,
                f"{said} a cycle",
            )
        )  # fmt: skip
    return [*found, *cache(arch, parts)]


def cache(arch: Arch, parts: Parts) -> list[Component]:
    """Data, tags and the comparators of all ways of what a gather looks into."""
    unit = arch.load
    if unit.cache is None:
        return []
    line, ways, lines = arch.dram.line, unit.cache.ways, unit.lines_per_cycle
    data = parts.storage(unit.cache.size, unit.engines, line)
    tag = parts.storage(unit.cache.size / line * unit.tag_bytes, unit.engines, unit.tag_bytes)
    built = parts.cells("comparator", ways * lines, ADDRESS_BITS)
    for each in (data, tag):
        built = built.plus(Built(each.area, each.leakage))
    look = tuple(p.times(8 * unit.tag_bytes * ways, "tags of a set") for p in tag.read)
    return [
        Component(
            "gather", "cache", 1, built.area, built.leakage,
            {"bit read": data.read, "bit written": data.write, "look-up": look},
            {"look-up": lines, "bit read": 8 * line * lines}, True,
            f"data: {data.kind}; tags: {tag.kind}",
        )
    ]  # fmt: skip


def store(arch: Arch, parts: Parts) -> list[Component]:
    """Tags of lines in flight."""
    unit = arch.store
    tags = parts.storage(unit.outstanding * unit.tag_bytes, unit.engines, unit.tag_bytes)
    return [
        _tags("store", "tags of writes", tags, unit.outstanding, unit.lines_per_cycle,
              8 * unit.tag_bytes)
    ]  # fmt: skip


def _tags(group: str, name: str, tags: Storage, count: int, lines: int, bits: int) -> Component:
    both = tuple(p.times(bits, "a tag") for p in (*tags.write, *tags.read))
    return Component(
        group, name, count, tags.area, tags.leakage, {"line": both}, {"line": lines},
        note=tags.kind,
    )  # fmt: skip


def scatter(arch: Arch, parts: Parts) -> list[Component]:
    """fp32 adders and conflict queues; the sums lie in the scratchpad."""
    unit = arch.scatter
    if unit is None:
        return []
    adders = unit.banks * unit.lanes
    area, leakage = parts.logic("fp32", parts.fp32("add", "area").times(adders, f"{adders} adders"))
    queues = parts.storage(unit.local_bytes, unit.banks, unit.lanes * WORD_BITS / 8)
    return [
        Component(
            "scatter", "adders", adders, area, leakage,
            {"addition": (Priced(parts.fp32("add"), "fp32"),)}, {"addition": adders}, True,
        ),
        Component(
            "scatter", "conflict queues", unit.banks, queues.area, queues.leakage,
            {"bit": queues.write + queues.read}, {"bit": adders * WORD_BITS}, True, queues.kind,
        ),
    ]  # fmt: skip
