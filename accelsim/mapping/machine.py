"""An Arch seen by the mapping: its units, buffers and DRAM as Program tables, and port charges."""

from __future__ import annotations

from itertools import pairwise
from operator import add
from typing import NamedTuple

import numpy as np

from accelsim.arch.memory import Load, Store
from accelsim.arch.spec import Arch
from accelsim.engine.program import Dram, Order, Units

CONTROL, LOAD, STORE, ARRAY, VECTOR, INDEX, SCATTER, JOIN = range(8)
UNIT_NAMES = ("control", "load", "store", "array", "vector", "index", "scatter", "join")
TILES, WEIGHTS = range(2)
BUFFER_NAMES = ("tiles", "weights")


class Work(NamedTuple):
    """What one task costs its unit, in cycles of the unit and bytes of the scratchpad.

    `cycles` (the server is held) = busy + input_stall + conflict_stall + fill; `latency_cycles`
    >= cycles (successors see it). `imbalance_cycles` is the part of the input stall in which the
    stream waits for the most loaded rows' FIFOs. `issued_macs` are MACs executed, masked or not;
    `issued_slots` the slots they took (at r MACs a cycle of a type each takes 1 / r of a slot).
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

    def split(self, parts: int) -> list[Work]:
        """Cut into equal parts that add up to the whole; the pipeline latency stays on each."""
        return self.cut(list(range(parts + 1)))

    def cut(self, ends: list[int]) -> list[Work]:
        """Cut into parts in proportion to the steps of `ends`, which rise from 0."""
        tail = self.latency_cycles - self.cycles
        of = max(1, ends[-1])
        pieces = []
        for begin, end in pairwise(ends):
            values = {
                name: value * end // of - value * begin // of
                for name, value in self._asdict().items()
                if name not in ("cycles", "latency_cycles")
            }
            cycles = (
                values["busy_cycles"]
                + values["input_stall_cycles"]
                + values["conflict_stall_cycles"]
                + values["fill_cycles"]
            )
            pieces.append(Work(cycles=cycles, latency_cycles=cycles + tail, **values))
        return pieces

    def plus(self, other: Work) -> Work:
        """Both, one after the other, as one task; the longer pipeline latency stays."""
        total = Work._make(map(add, self, other))
        tail = max(self.latency_cycles - self.cycles, other.latency_cycles - other.cycles)
        return total._replace(latency_cycles=total.cycles + tail)

    def times(self, count: int) -> Work:
        """The same work `count` times in a row."""
        total = Work._make(value * count for value in self)
        tail = self.latency_cycles - self.cycles
        return total._replace(latency_cycles=total.cycles + tail)


class Machine:
    """The units of an Arch, with what the mapping asks of them."""

    def __init__(self, arch: Arch) -> None:
        self.arch = arch
        reserved = arch.mapping.prefetch + arch.mapping.activation_storage
        self.tiles_bytes = arch.scratchpad_bytes - reserved
        self.weights_bytes = arch.mapping.prefetch
        self.ps = arch.clock_ps
        self.shares = arch.scratchpad.shares.of_units()

    @property
    def dram_bytes_per_cycle(self) -> float:
        """Bytes that all channels move in a cycle of the units."""
        d = self.arch.dram
        return d.line * d.channels * self.ps / d.burst_ps

    @property
    def dram_row_bytes(self) -> float:
        """What a new row costs of the time of all channels at least, in bytes at full rate."""
        d = self.arch.dram
        return d.line * d.activate_ps / d.burst_ps

    @property
    def dram_latency_cycles(self) -> float:
        """From the issue of a line to its arrival where nothing else is asked for."""
        arch = self.arch
        d = arch.dram
        return (arch.load.crossing + d.row_miss + d.burst_ps + d.return_delay) / self.ps

    def charged(self, unit: int, work: Work) -> Work:
        """Stretch a Work to what its unit's ports let through; charging twice changes nothing."""
        share = self.shares[UNIT_NAMES[unit]]
        need = work.cycles
        if work.read_bytes:
            need = max(need, -(-work.read_bytes // share.read))
        if work.write_bytes:
            need = max(need, -(-work.write_bytes // share.write))
        stall = need - work.cycles
        if not stall:
            return work
        return work._replace(
            cycles=need,
            latency_cycles=work.latency_cycles + stall,
            input_stall_cycles=work.input_stall_cycles + stall,
        )

    def vector_work(self, lane_operations: float, read_bytes: int, write_bytes: int) -> Work:
        """Element-wise work of so many lane-operations, port charge included."""
        cycles = max(1, -(-int(lane_operations) // self.arch.vector.lanes))
        work = Work(cycles, cycles, cycles, read_bytes=read_bytes, write_bytes=write_bytes)
        return self.charged(VECTOR, work)

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
