"""The simple DRAM level as the reference engine sees it: channels, and where an address lies.

A channel is two operations: `take_slot` for a line, and `send` it, which lets its data come back
and the slot be given back in time. `reference_requests` says them for the request level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from accelsim.engine.program import Dram, Program
from accelsim.engine.reference_tasks import At, Phase, Task
from accelsim.engine.reference_trains import Trains
from accelsim.kernels.channel import folded

# Tells a unit that a slot is reserved for it, to be used at its first edge from a time on.
Promise = Callable[[int, int], None]
# Tells a unit when the data of a read are there.
Back = Callable[[int], None]


class Slots:
    """Places in a queue; one that is given back while units wait is reserved for one of them."""

    def __init__(self, count: int, promise: Promise) -> None:
        self._free, self._promise = count, promise
        self._waiting: set[int] = set()
        self._reserved: set[int] = set()
        self._last_given = -1

    def take(self, unit: int) -> bool:
        """Take a slot for a unit; if there is none for it, the unit waits."""
        if unit in self._reserved:
            self._reserved.remove(unit)
        elif self._free <= len(self._reserved):
            self._waiting.add(unit)
            return False
        self._free -= 1
        return True

    def give_back(self, usable_from: int) -> None:
        """Give a slot back: it is reserved for the next waiting unit, if there is one."""
        self._free += 1
        if self._waiting:
            after = [unit for unit in self._waiting if unit > self._last_given]
            unit = min(after or self._waiting)
            self._waiting.remove(unit)
            self._reserved.add(unit)
            self._last_given = unit
            self._promise(unit, usable_from)


class Channel(Protocol):
    """One DRAM channel, as a unit and the Schedule see it."""

    @property
    def lines(self) -> int:
        """Lines moved so far."""

    @property
    def activates(self) -> int:
        """Rows opened so far."""

    @property
    def row_hits(self) -> int:
        """Lines for which the row was open."""

    @property
    def writes(self) -> int:
        """Of the lines, those written."""

    @property
    def writes_left(self) -> int:
        """Writes that wait to be moved."""

    def take_slot(self, unit: int, is_write: bool) -> bool:
        """Take a slot for a unit; if there is none for it, the unit waits."""

    def send(self, address: int, is_write: bool, arrive: int, task: Task, back: Back) -> None:
        """Send a line of a task; `back(time)` is called when the data of a read are there."""


class Memory(Protocol):
    """The DRAM of one chip."""

    line_bytes: int
    clock: int
    return_ps: int
    trains: Trains | None

    @property
    def train_lines(self) -> int:
        """Lines that trains have moved."""

    @property
    def train_activates(self) -> int:
        """Rows that trains have opened."""

    def locate(self, address: int) -> tuple[Channel, int]:
        """Find the channel of an address, and the address in what the channel belongs to."""


def lines_of(p: Program, runs: range, line_bytes: int) -> Iterator[tuple[int, int, int]]:
    """Cut each piece of each run into the lines that it touches: line, how many are left, run."""
    for run in runs:
        for piece in range(p.run_count[run]):
            first = int(p.run_address[run]) + piece * int(p.run_stride[run])
            end = first + int(p.run_bytes[run])
            lines = range(first - first % line_bytes, end, line_bytes)
            for number, line in enumerate(lines):
                yield line, len(lines) - number, run


def spread(address: int, interleave: int, count: int, permute: bool) -> tuple[int, int]:
    """Which of `count` things holds an address, and where; blocks go round them.

    With `permute` each round begins at another one, so that no stride stays on a few.
    """
    block, offset = divmod(address, interleave)
    local = block // count
    if permute:
        block += folded(local)
    return block % count, local * interleave + offset


class SimpleChannel:
    """A channel that serves lines in the order of their slots: a row buffer a bank, one bus."""

    def __init__(self, dram: Dram, chip: int, index: int, at: At, promise: Promise) -> None:
        self._index, self._at = index, at
        self._row_hit, self._row_miss = int(dram.row_hit_ps[chip]), int(dram.row_miss_ps[chip])
        self._activate, self._burst = int(dram.activate_ps[chip]), int(dram.burst_ps[chip])
        self._row_bytes, self._banks = int(dram.row_bytes[chip]), int(dram.banks[chip])
        self._slots = Slots(int(dram.queue_depth[chip]), promise)
        self._open_row: dict[int, int] = {}
        self._last_activate: int | None = None
        self._bus_free = 0
        self.lines = self.activates = self.writes = self.writes_left = 0

    @property
    def row_hits(self) -> int:
        """Lines for which the row was open."""
        return self.lines - self.activates

    def take_slot(self, unit: int, is_write: bool) -> bool:
        """Reads and writes share the slots."""
        return self._slots.take(unit)

    def send(self, address: int, is_write: bool, arrive: int, task: Task, back: Back) -> None:
        """Serve a line behind all that are there; its slot is free when its data has moved."""
        row_index = address // self._row_bytes
        bank, row = row_index % self._banks, row_index // self._banks
        if self._open_row.get(bank) == row:
            ready = arrive + self._row_hit
        else:
            activate = arrive
            if self._last_activate is not None:
                activate = max(arrive, self._last_activate + self._activate)
            self._last_activate = activate
            self._open_row[bank] = row
            self.activates += 1
            task.activates += 1
            ready = activate + self._row_miss
        self.lines += 1
        self.writes += is_write
        done = self._bus_free = max(self._bus_free, ready) + self._burst

        def moved() -> None:
            self._slots.give_back(done)
            if not is_write:
                back(done)

        self._at(done, Phase.RETURN, self._index, moved)


class SimpleMemory:
    """The DRAM of one chip at the simple level."""

    def __init__(
        self, program: Program, chip: int, first_channel: int, at: At, promise: Promise
    ) -> None:
        dram = program.dram
        self.line_bytes = int(dram.line_bytes[chip])
        self.clock, self.return_ps = int(dram.clock_ps[chip]), int(dram.return_ps[chip])
        self.trains: Trains | None = None
        self.train_lines = self.train_activates = 0
        self._interleave = int(dram.interleave_bytes[chip])
        self._permute = bool(dram.permute[chip])
        self.channels = [
            SimpleChannel(dram, chip, first_channel + i, at, promise)
            for i in range(dram.channels[chip])
        ]

    def locate(self, address: int) -> tuple[SimpleChannel, int]:
        """Blocks of `interleave_bytes` go round the channels."""
        which, local = spread(address, self._interleave, len(self.channels), self._permute)
        return self.channels[which], local
