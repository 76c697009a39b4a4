"""Components of PE arrays: systolic, sparse rows, and composed of records (`composed`).

Every array has MACs with a pipeline register for the operand that it hands on and one for the sum.

Not modelled: clock tree, multiplexers between shapes or types, control of a PE, pads and test.
"""

from __future__ import annotations

import math

from accelsim.arch.array import SparseArray, SystolicArray
from accelsim.arch.spec import Arch
from accelsim.hardware.component import Component, Priced
from accelsim.hardware.storage import SUM_BITS, Parts, Storage, mm2
from accelsim.workload.operators import DTYPE_BITS

SUM_BYTES = SUM_BITS // 8
OPERAND_MOVES = 3  # of a systolic MAC: the streamed operand in and out, the stationary one read


def mac_types(arch: Arch) -> dict[str, tuple[str, float]]:
    """Number type of an operator -> (type whose MAC it costs, how many of them).

    A machine with a `mac_type` converts everything to it: a type of rate r takes 1 / r of a MAC.
    """
    if arch.mac_type is None:
        return {dtype: (dtype, 1.0) for dtype in arch.mac_rate}
    own = arch.rate(arch.mac_type)
    return {dtype: (arch.mac_type, own / rate) for dtype, rate in arch.mac_rate.items()}


def operand_bits(arch: Arch) -> float:
    """Bits of an operand that a MAC unit takes in a cycle: of the type that moves most."""
    rates = {arch.mac_type: arch.rate(arch.mac_type)} if arch.mac_type else arch.mac_rate
    return max(rate * float(DTYPE_BITS[dtype]) for dtype, rate in rates.items())


def macs(arch: Arch, parts: Parts) -> Component:
    """The multipliers and adders, a component with an action for each type."""
    built = arch.mac_rate if arch.mac_type is None else (arch.mac_type,)
    rates: dict[str, float] = {dtype: arch.rate(dtype) for dtype in built}
    one, decides = parts.mac_area(rates)
    count = arch.array.macs
    area, leakage = parts.logic("mac", one.times(count, f"{count:,} MAC units"))
    actions: dict[str, tuple[Priced, ...]] = {}
    for dtype, (own, times) in mac_types(arch).items():
        why = f"{dtype} on a {own} unit"
        for name, energy in (("MAC", parts.mac_energy), ("gated MAC", parts.gated_energy)):
            actions[f"{name} {dtype}"] = tuple(p.times(times, why) for p in energy(own))
    # Narrow types at several MACs a cycle share the adder, whose energy counts for each of them.
    rate = {dtype: arch.rate(dtype) for dtype in rates if arch.rate(dtype) <= 1} or rates
    hottest = max(rate, key=lambda dtype: rate[dtype] * actions[f"MAC {dtype}"][0].figure.value)
    return Component(
        "array", "MACs", count, area, leakage, actions, {f"MAC {hottest}": count * rate[hottest]},
        note=f"multiplier and adder of {decides}; gating of zero operands is assumed; peak in"
        f" {hottest}",
    )  # fmt: skip


def pipeline_registers(
    arch: Arch, parts: Parts, operands: float, sums: float, moves: float, note: str
) -> Component:
    """Registers between MACs: `operands` operands and `sums` sums for each MAC.

    A sum is written and read once a MAC; `moves` : how often an operand is written or read.
    """
    count, operand = arch.array.macs, operand_bits(arch)
    area, leakage = parts.cells("register", count * (operands * operand + sums * SUM_BITS), 1)
    return Component(
        "array", "pipeline registers", count, area, leakage,
        {"register bit": parts.energy("register", 1)},
        {"register bit": count * (moves * operand + 2 * sums * SUM_BITS)}, note=note,
    )  # fmt: skip


def held(
    name: str, storage: Storage, bits_a_cycle: float, *, sparse: bool = False, note: str = ""
) -> Component:
    """Storage of an array as a component: reads and writes by the bit."""
    actions = {"bit read": storage.read, "bit written": storage.write}
    peak = dict.fromkeys(actions, bits_a_cycle)
    said = f"{storage.kind}; {note}" if note else storage.kind
    return Component("array", name, 1, storage.area, storage.leakage, actions, peak, sparse, said)


def systolic(arch: Arch, parts: Parts) -> list[Component]:
    """A systolic array: stationary operand in registers of the PEs, sums in column memories."""
    array = arch.array
    assert isinstance(array, SystolicArray)
    columns = max(shape.count * shape.columns for shape in array.shapes)
    rows = max(shape.rows for shape in array.shapes)
    stationary = parts.storage(array.stationary, array.macs, operand_bits(arch) / 8)
    sums = parts.storage(array.accumulators, columns, SUM_BYTES)
    edge = columns * array.preload_rows_per_cycle * operand_bits(arch)
    return [
        macs(arch, parts),
        pipeline_registers(
            arch,
            parts,
            1,
            1,
            OPERAND_MOVES,
            "a streamed operand and a sum move on each cycle; empty slots are free",
        ),
        held("stationary operands", stationary, edge),
        held("accumulators", sums, columns * SUM_BITS, note=f"of {rows}-deep columns"),
    ]


def row_array(arch: Arch, parts: Parts) -> list[Component]:
    """Rows of segments of lanes: queries, FIFOs and sums lie by segment, all in reach of lanes."""
    array = arch.array
    assert isinstance(array, SparseArray)
    segments, bits = array.rows * array.segments, operand_bits(arch)
    queries = parts.storage(array.query_storage, segments, array.lanes * bits / 8)
    fifos = parts.storage(array.fifo_storage, segments, array.lanes * bits / 8)
    sums = parts.storage(array.accumulators, segments, array.lanes * SUM_BYTES)
    pointers, leaks = parts.cells(
        "counter", 2 * segments, max(1, math.ceil(math.log2(array.fifo_depth)))
    )
    full = array.macs * bits
    return [
        macs(arch, parts),
        pipeline_registers(arch, parts, 0, 1 / array.lanes, 0, "the root of a segment's adders"),
        held("query storage", queries, full),
        held(
            "row FIFOs",
            fifos._replace(area=fifos.area + pointers, leakage=fifos.leakage + leaks),
            full, sparse=True, note=f"{array.fifo_depth} deep, two pointers each",
        ),
        held("accumulators", sums, array.macs * SUM_BITS),
        matching(arch, parts),
        bus_multiplexers(arch, parts),
    ]  # fmt: skip


def matching(arch: Arch, parts: Parts) -> Component:
    """Each row compares what every bus announces with the keys that it kept."""
    array = arch.array
    assert isinstance(array, SparseArray)
    count, bits = array.rows * array.multicast_buses, 16
    area, leakage = parts.cells("comparator", count, bits)
    return Component(
        "array", "row matching", count, area, leakage,
        {"comparison": parts.energy("comparator", bits)}, {"comparison": count}, True,
        "a comparator of 16 bits for each row and bus (assumed)",
    )  # fmt: skip


def bus_multiplexers(arch: Arch, parts: Parts) -> Component:
    """Each row takes any bus: for every bit of a bus as many 2:1 multiplexers as there are others.

    No figure of a multiplexer is known; a comparator of one bit stands for it (assumed).
    """
    array = arch.array
    assert isinstance(array, SparseArray)
    width = 8 * array.bus_bytes
    count = array.rows * width * (array.multicast_buses - 1)
    area, leakage = parts.cells("comparator", count, 1)
    stages = math.ceil(math.log2(max(2, array.multicast_buses)))
    bit = tuple(p.times(stages, f"{stages} stages") for p in parts.energy("comparator", 1))
    return Component(
        "array", "bus multiplexers", count, area, leakage, {"bit": bit},
        {"bit": array.rows * width}, True,
        f"{array.multicast_buses}:1 for each row and bit; a comparator bit for 2:1 (assumed)",
    )  # fmt: skip


def side_mm(components: list[Component]) -> float:
    """Edge of a square as large as these components."""
    return math.sqrt(sum(mm2(component.area) for component in components))
