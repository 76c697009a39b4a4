"""The simple DRAM level as the reference engine sees it: channels, and where an address lies.

A channel is three operations: `take_slot`, `accept` a line (which says when it is done) and
`free_slot`. A more detailed level replaces what `accept` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from accelsim.engine.program import Dram, Program


class Channel:
    """One DRAM channel; `promise(unit)` is called when a slot is reserved for a waiting unit."""

    def __init__(self, dram: Dram, chip: int, index: int, promise: Callable[[int], None]) -> None:
        self.index = index
        self._promise = promise
        self._row_hit, self._row_miss = int(dram.row_hit_ps[chip]), int(dram.row_miss_ps[chip])
        self._activate, self._burst = int(dram.activate_ps[chip]), int(dram.burst_ps[chip])
        self._free_slots = int(dram.queue_depth[chip])
        self._waiting: set[int] = set()
        self._reserved: set[int] = set()
        self._last_given = -1
        self._open_row: dict[int, int] = {}
        self._last_activate: int | None = None
        self._bus_free = 0
        self.lines = self.activates = 0

    def take_slot(self, unit: int) -> bool:
        """Take a slot for a unit; if there is none for it, the unit waits."""
        if unit in self._reserved:
            self._reserved.remove(unit)
        elif self._free_slots <= len(self._reserved):
            self._waiting.add(unit)
            return False
        self._free_slots -= 1
        return True

    def free_slot(self) -> None:
        """Give a slot back: it is reserved for the next waiting unit, if there is one."""
        self._free_slots += 1
        if self._waiting:
            after = [unit for unit in self._waiting if unit > self._last_given]
            unit = min(after or self._waiting)
            self._waiting.remove(unit)
            self._reserved.add(unit)
            self._last_given = unit
            self._promise(unit)

    def accept(self, bank: int, row: int, arrive: int) -> int:
        """Serve a line that arrives on a DRAM edge; returns when its data has moved, ps."""
        if self._open_row.get(bank) == row:
            ready = arrive + self._row_hit
        else:
            activate = arrive
            if self._last_activate is not None:
                activate = max(arrive, self._last_activate + self._activate)
            self._last_activate = activate
            self._open_row[bank] = row
            self.activates += 1
            ready = activate + self._row_miss
        self.lines += 1
        self._bus_free = max(self._bus_free, ready) + self._burst
        return self._bus_free


class Memory:
    """The DRAM of one chip: its channels, and which address lies where."""

    def __init__(
        self, dram: Dram, chip: int, first_channel: int, promise: Callable[[int], None]
    ) -> None:
        self.line_bytes = int(dram.line_bytes[chip])
        self.clock, self.return_ps = int(dram.clock_ps[chip]), int(dram.return_ps[chip])
        self._interleave = int(dram.interleave_bytes[chip])
        self._row_bytes, self._banks = int(dram.row_bytes[chip]), int(dram.banks[chip])
        self.channels = [
            Channel(dram, chip, first_channel + i, promise) for i in range(dram.channels[chip])
        ]

    def locate(self, address: int) -> tuple[Channel, int, int]:
        """Find the channel, bank and row of an address."""
        block, offset = divmod(address, self._interleave)
        local = block // len(self.channels) * self._interleave + offset
        row_index = local // self._row_bytes
        channel = self.channels[block % len(self.channels)]
        return channel, row_index % self._banks, row_index // self._banks

    def lines(self, p: Program, runs: range) -> Iterator[int]:
        """Cut each piece of each run into the lines that it touches."""
        for run in runs:
            for piece in range(p.run_count[run]):
                first = int(p.run_address[run]) + piece * int(p.run_stride[run])
                end = first + int(p.run_bytes[run])
                yield from range(first - first % self.line_bytes, end, self.line_bytes)
