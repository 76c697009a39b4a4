"""Components of an array composed of records: what each record is taken as.

- operand storage, accumulators: registers or SRAM of a PE, as wide as its lanes.
- intersect: comparators of a PE. Two-finger and leader-follower have 1, skip-ahead 1 and one for
  each of 8 entries ahead, bitmap an AND and a priority encoder (two comparators of its width), N:M
  one a lane.
- merge: radix r (also of two phases) has r - 1 comparators with a register each for each element
  that enters in a cycle, sorting queues a comparator a queue, hash two comparators. Accumulator
  banks add in the MACs; a crossbar takes products to them.
- formats: a decoder is a comparator as wide as what it decodes in a cycle.
- noc: a bus, multicast and a mesh are wires over the array; a crossbar is that of
  `accelsim.cost.structures`; Benes networks are as wide as the words that enter and as many as
  reach all multipliers, with 2 log2(n) - 1 stages of n / 2 switches of two registers (assumed).
- balance: static is nothing, else a counter a PE (assumed).

Not modelled: arbitration, control of a PE, tag checks of queues.
"""

from __future__ import annotations

import math

from accelsim.arch.composed import BankMerge, ComposedArray
from accelsim.arch.dataflows import Dataflow, Quantum, Structured
from accelsim.arch.spec import Arch
from accelsim.cost.structures import crossbar
from accelsim.hardware.array import SUM_BYTES, held, macs, operand_bits, pipeline_registers
from accelsim.hardware.component import Component, Priced
from accelsim.hardware.storage import SUM_BITS, Parts

COORDINATE_BITS = 32
SKIP_QUEUE = 8  # entries ahead that skip-ahead compares, assumed


def composed(arch: Arch, parts: Parts) -> list[Component]:
    """Everything of a composed array."""
    array = arch.array
    assert isinstance(array, ComposedArray)
    pes, lanes, bits = array.pe_array.pes, array.pe_array.lanes, operand_bits(arch)
    registers = pipeline_registers(
        arch, parts, 1, registered_sums(array), 1, "an operand a MAC, and sums as `reduce` says"
    )
    found = [macs(arch, parts), registers]
    if array.operand_storage:
        storage = parts.storage(array.operand_storage, pes, lanes * bits / 8)
        found.append(held("operand storage", storage, operand_reads(array) * array.macs * bits))
    if array.accumulators:
        sums = parts.storage(array.accumulators, pes, lanes * SUM_BYTES)
        found.append(held("accumulators", sums, array.macs * SUM_BITS))
    found += _coordinates(array, parts)
    found += _decoders(array, parts)
    found += _network(arch, array, parts)
    found += _product_switch(array, parts)
    return found


def _product_switch(array: ComposedArray, parts: Parts) -> list[Component]:
    """What takes products to accumulator banks: a crossbar in every PE."""
    if not isinstance(array.merge, BankMerge):
        return []
    pes, lanes = array.pe_array.pes, array.pe_array.lanes
    one = crossbar(parts.table, lanes, array.merge.banks, SUM_BITS)
    area = Priced(one.area, "wire pitch").times(pes, f"{pes} PEs")
    bit = Priced(one.word.times(1 / SUM_BITS, "a bit of it"), "wire")
    return [
        Component(
            "array", "product switch", pes, (area,), (), {"bit": (bit,)},
            {"bit": pes * lanes * SUM_BITS}, True,
            f"a crossbar of {lanes} lanes and {array.merge.banks} banks in each PE",
        )
    ]  # fmt: skip


def operand_reads(array: ComposedArray) -> float:
    """Operands that leave the operand storage for a MAC: one read serves all MACs that share it.

    A tile of rows x columns outputs, or a quantum of a x b values, reads rows + columns operands
    for so many MACs; other dataflows read both operands of every MAC. Of several, the most.
    """
    return max(_operand_reads(flow) for flow in array.dataflows)


def _operand_reads(flow: Dataflow) -> float:
    if isinstance(flow, Structured):
        return 1 / flow.rows + 1 / flow.columns
    if isinstance(flow, Quantum):
        return 1 / flow.a_per_cycle + 1 / flow.b_per_cycle
    return 2.0


def registered_sums(array: ComposedArray) -> float:
    """Sums that go through a register for a MAC.

    One in a systolic column; of an adder tree over `depth` products the root alone; none where
    products go straight to their accumulators, which count them.
    """
    if array.reduce.kind == "none":
        return 0.0
    depths = [flow.depth for flow in array.dataflows if isinstance(flow, Structured)]
    trees = "tree" in array.reduce.kind and len(depths) == len(array.dataflows)
    return 1 / min(depths) if trees else 1.0


def _coordinates(array: ComposedArray, parts: Parts) -> list[Component]:
    """What compares coordinates: intersection, merge and balance."""
    found = []
    for name, each in (("intersection", _intersect(array)), ("merge", _merge(array))):
        if each:
            count = each * array.pe_array.pes
            built = parts.cells("comparator", count, COORDINATE_BITS)
            step = parts.energy("comparator", COORDINATE_BITS)
            if name == "merge" and array.merge.kind in ("radix", "two_phase"):
                bits = COORDINATE_BITS + SUM_BITS
                built = built.plus(parts.cells("register", count * bits, 1))
                held_once = parts.energy("register", 1)
                step += tuple(p.times(2 * bits, "written and read") for p in held_once)
            found.append(
                Component(
                    "array", name, count, built.area, built.leakage, {"comparison": step},
                    {"comparison": count}, True, f"comparators of {COORDINATE_BITS} bits",
                )
            )  # fmt: skip
    if array.balance.kind != "static":
        area, leakage = parts.cells("counter", array.pe_array.pes, COORDINATE_BITS)
        found.append(
            Component(
                "array", "balance", array.pe_array.pes, area, leakage, sparse=True,
                note=f"{array.balance.kind}: a counter a PE (assumed)",
            )
        )  # fmt: skip
    return found


def _intersect(array: ComposedArray) -> float:
    """Comparators of a PE that find common coordinates."""
    kind, width = array.intersect.kind, array.intersect.width or 0
    return {
        "none": 0, "two_finger": 1, "leader_follower": 1, "skip_ahead": 1 + SKIP_QUEUE,
        "bitmap": 2 * width / COORDINATE_BITS, "nm_mux": array.pe_array.lanes,
    }[kind]  # fmt: skip


def _merge(array: ComposedArray) -> float:
    """Comparators of a PE that merge sums."""
    merge = array.merge
    if merge.kind in ("radix", "two_phase"):
        return (merge.radix - 1) * merge.elements_per_cycle
    if merge.kind == "queues":
        return merge.queues
    return {"none": 0, "hash": 2, "dense": 0, "banks": 0}[merge.kind]


def _decoders(array: ComposedArray, parts: Parts) -> list[Component]:
    """What turns metadata of an operand into coordinates."""
    formats = array.formats
    kinds = [(name, getattr(formats, name)) for name in "ab"]
    stored = {name: form for name, form in kinds if form.kind != "dense"}
    if not stored:
        return []
    rates = [getattr(form, "decode_bits_per_cycle", None) or 64 for form in stored.values()]
    area, leakage = parts.cells("comparator", array.pe_array.pes, sum(rates))
    names = " and ".join(f"{name}: {form.kind}" for name, form in stored.items())
    return [
        Component(
            "array", "metadata decoders", array.pe_array.pes, area, leakage,
            {"metadata bit": parts.energy("comparator", 1)},
            {"metadata bit": array.pe_array.pes * sum(rates)}, True,
            f"{names}; {sum(rates)} bits a cycle and PE, 64 where the format does not say",
        )
    ]  # fmt: skip


def _network(arch: Arch, array: ComposedArray, parts: Parts) -> list[Component]:
    """The network that shares operands out; buses run over the array and take no area."""
    noc, bits = array.noc, math.ceil(operand_bits(arch))
    words = noc.load_words + noc.stream_words
    if noc.kind == "crossbar":
        built = crossbar(parts.table, words, min(words, array.pe_array.pes), bits)
        area: tuple[Priced, ...] = (Priced(built.area, "wire pitch"),)
        energy: tuple[Priced, ...] = (Priced(built.word.times(1 / bits, "of one bit"), "wire"),)
        return [
            Component(
                "array", "network", 1, area, (), {"bit": energy}, {"bit": words * bits}, True,
                f"crossbar of {words} words",
            )
        ]  # fmt: skip
    if noc.kind == "benes":
        ports = max(2, noc.load_words)
        networks = -(-array.macs // ports)
        stages = 2 * math.ceil(math.log2(ports)) - 1
        switches = networks * stages * ports / 2
        area, leakage = parts.cells("register", switches * 2 * bits, 1)
        energy = tuple(p.times(2 * stages, "two a stage") for p in parts.energy("register", 1))
        return [
            Component(
                "array", "network", switches, area, leakage, {"bit": energy},
                {"bit": words * bits}, True,
                f"{networks} Benes networks of {ports} words, {stages} stages",
            )
        ]  # fmt: skip
    return []
