"""An Arch seen by the mapping: its units, buffers and DRAM as Program tables, and port charges."""

from __future__ import annotations

from itertools import pairwise
from operator import add
from typing import NamedTuple

import numpy as np

from accelsim.arch.memory import Load, Store
from accelsim.arch.spec import Arch, rate_of
from accelsim.engine.program import Dram, Order, Units
from accelsim.mapping.reuse import Exact, Reuse, content_of

CONTROL, LOAD, STORE, ARRAY, VECTOR, INDEX, SCATTER, JOIN = range(8)
UNIT_NAMES = ("control", "load", "store", "array", "vector", "index", "scatter", "join")
TILES, WEIGHTS = range(2)
BUFFER_NAMES = ("tiles", "weights")
PRIVATE_BYTES = 64 << 20  # kept within one simulation that shares nothing with others


class Work(NamedTuple):
    """What one task costs its unit, in cycles of the unit and bytes of the scratchpad.

    `cycles` (the server is held) = busy + input_stall + conflict_stall + fill; `latency_cycles`
    >= cycles (successors see it). `imbalance_cycles` is the part of the input stall in which the
    stream waits for the most loaded rows' FIFOs. `issued_macs` are MACs executed, masked or not;
    `issued_slots` the slots they took (at r MACs a cycle of a type each takes 1 / r of a slot).

    What else the unit does, for its energy (docs/architecture.md says what is counted where):
    `delivered_bytes` of operands written into storage of PEs, each copy; `partial_bytes` of sums
    written and read in accumulators or merge queues of the array; `operations` other than MACs;
    `metadata_bits` that the unit decodes.
    """

    cycles: int = 0
    latency_cycles: int = 0
    busy_cycles: int = 0
    input_stall_cycles: int = 0
    imbalance_cycles: int = 0
    conflict_stall_cycles: int = 0
    fill_cycles: int = 0
    issued_macs: int = 0
    issued_slots: int = 0
    read_bytes: int = 0
    write_bytes: int = 0
    delivered_bytes: int = 0
    partial_bytes: int = 0
    operations: int = 0
    metadata_bits: int = 0

    def split(self, parts: int) -> list[Work]:
        """Cut into equal parts that add up to the whole; the pipeline latency stays on each."""
        return self.cut(list(range(parts + 1)))

    def cut(self, ends: list[int]) -> list[Work]:
        """Cut into parts in proportion to the steps of `ends`, which rise from 0."""
        tail = self.latency_cycles - self.cycles
        of = max(1, ends[-1])
        pieces = []
        for begin, end in pairwise(ends):
            parts = [value * end // of - value * begin // of for value in self[2:]]
            busy, stalled, _, conflict, fill = parts[:5]
            cycles = busy + stalled + conflict + fill
            pieces.append(Work(cycles, cycles + tail, *parts))
        return pieces

    def plus(self, other: Work) -> Work:
        """Both, one after the other, as one task; the longer pipeline latency stays."""
        cycles = self.cycles + other.cycles
        tail = max(self.latency_cycles - self.cycles, other.latency_cycles - other.cycles)
        return Work(cycles, cycles + tail, *map(add, self[2:], other[2:]))

    def times(self, count: int) -> Work:
        """The same work `count` times in a row."""
        cycles = self.cycles * count
        tail = self.latency_cycles - self.cycles
        return Work(cycles, cycles + tail, *[value * count for value in self[2:]])


class Core:
    """What work on the scratchpad depends on, and so all that costs of tiles may read of an Arch:
    no DRAM, load, store, control, clock or placement.

    Attributes
    ----------
    name : str
        For errors alone.
    content : bytes
        Digest of every other attribute, see `accelsim.mapping.reuse`.
    """

    def __init__(self, arch: Arch) -> None:
        self.array, self.scratchpad = arch.array, arch.scratchpad
        self.vector, self.index, self.mac_rate = arch.vector, arch.index, arch.mac_rate
        self.dataflow, self.index_bits = arch.mapping.dataflow, arch.mapping.index_bits
        reserved = arch.mapping.prefetch + arch.mapping.activation_storage
        self.tiles_bytes = arch.scratchpad_bytes - reserved
        self._content = content_of(vars(self))
        self.name = arch.name
        self.exact_array = Exact(arch.array)
        operations = arch.vector.operations
        # Lane-operations of softmax for a score; outputs are rescaled and divided once a block.
        self.softmax_operations = sum(
            value for name, value in operations.items() if name not in ("rescale", "divide")
        )
        shares = arch.scratchpad.shares.of_units()
        self._ports = {
            unit: (shares[name].read, shares[name].write)
            for unit, name in enumerate(UNIT_NAMES)
            if name in shares
        }

    @property
    def content(self) -> bytes:
        """See the class."""
        return self._content

    def rate(self, dtype: str) -> float:
        """See `Arch.rate`."""
        return rate_of(self.mac_rate, dtype, self.name)

    def charged(self, unit: int, work: Work) -> Work:
        """Stretch a Work to what its unit's ports let through; charging twice changes nothing."""
        read, write = self._ports[unit]
        cycles, moved, written = work.cycles, work.read_bytes, work.write_bytes
        need = cycles
        if moved and moved > need * read:
            need = -(-moved // read)
        if written and written > need * write:
            need = -(-written // write)
        stall = need - cycles
        if not stall:
            return work
        stalled = work.input_stall_cycles + stall
        return Work(need, work.latency_cycles + stall, work.busy_cycles, stalled, *work[4:])

    def vector_work(self, lane_operations: float, read_bytes: int, write_bytes: int) -> Work:
        """Element-wise work of so many lane-operations, port charge included."""
        operations = int(lane_operations)
        busy = max(1, -(-operations // self.vector.lanes))
        read, write = self._ports[VECTOR]
        cycles = max(busy, -(-read_bytes // read), -(-write_bytes // write))
        moved = read_bytes, write_bytes, 0, 0, operations
        return Work(cycles, cycles, busy, cycles - busy, 0, 0, 0, 0, 0, *moved)


class Machine(Core):
    """The units of an Arch, with what the mapping asks of them, and results to use again."""

    def __init__(self, arch: Arch, reuse: Reuse | None = None) -> None:
        super().__init__(arch)
        self.arch = arch
        self.core = Core(arch)
        self.reuse = Reuse(PRIVATE_BYTES) if reuse is None else reuse
        self.weights_bytes = arch.mapping.prefetch
        self.ps = arch.clock_ps
        dram, burst_ps = arch.dram, arch.dram.burst_ps
        # Bytes that all channels move in a cycle of the units.
        self.dram_bytes_per_cycle = dram.line * dram.channels * self.ps / burst_ps
        # What a new row costs of the time of all channels at least, in bytes at full rate.
        self.dram_row_bytes = dram.line * dram.activate_ps / burst_ps
        # From the issue of a line to its arrival where nothing else is asked for.
        arrives = arch.load.crossing + dram.row_miss + burst_ps + dram.return_delay
        self.dram_latency_cycles = arrives / self.ps

    @property
    def content(self) -> bytes:
        """A machine is more than a result may depend on: see `core`."""
        raise TypeError("a Machine has no content that a result could be kept by, its core has")

    def units(self) -> Units:
        """The unit tables of the Program. DMA units take ready tasks first, the rest in order."""
        arch = self.arch
        ready = {LOAD, STORE, JOIN}
        servers = np.ones(len(UNIT_NAMES), np.int64)
        servers[LOAD], servers[STORE], servers[JOIN] = arch.load.engines, arch.store.engines, 0
        memory: dict[int, Load | Store] = {LOAD: arch.load, STORE: arch.store}

        def column(values: dict[int, int], default: int = 0) -> np.ndarray:
            return np.array([values.get(u, default) for u in range(len(UNIT_NAMES))], np.int64)

        return Units(
            name=UNIT_NAMES,
            servers=servers,
            order=column({u: Order.READY_FIRST for u in ready}, Order.IN_ORDER),
            clock_ps=column({JOIN: 1}, arch.clock_ps),
            chip=column({}),
            outstanding=column({u: m.outstanding for u, m in memory.items()}),
            issue_per_cycle=column({u: m.lines_per_cycle for u, m in memory.items()}),
            return_bytes_per_cycle=column({LOAD: arch.load.return_bytes_per_cycle}),
            crossing_ps=column({u: m.crossing for u, m in memory.items()}),
            is_write=column({STORE: 1}),
            banks=column({LOAD: arch.scratchpad.banks}),
            bank_bytes=column({LOAD: arch.scratchpad.bank_bytes}),
            bank_queue=column({LOAD: arch.scratchpad.queue_depth}),
        )

    def dram(self) -> Dram:
        """The DRAM tables of the Program (one chip)."""
        d = self.arch.dram
        columns = {name: np.array([value], np.int64) for name, value in d.table().items()}
        return Dram(**columns, part=d.vector())
