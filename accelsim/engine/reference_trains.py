"""Trains as the reference engine sees them; `accelsim.kernels.trains` says what they are."""

from __future__ import annotations

import numpy as np

from accelsim.engine.reference_tasks import round_up
from accelsim.engine.trains import pace
from accelsim.kernels import dram_fields as k
from accelsim.kernels.dram_commands import bank_of
from accelsim.kernels.trains import PARTS, row_change


class Trains:
    """The data bus of one chip's channels together, while it carries trains."""

    def __init__(self, part: np.ndarray, clock: int, stacks: int) -> None:
        self.lines = int(part[k.T_TRAIN])
        self._part, self._channels = part, stacks * int(part[k.T_CHANNELS])
        self._last = (-1, 0)  # bank and row of the last train's first line
        self._clock = clock
        self._pace = pace(part, clock, stacks)
        self._latency = int(part[k.T_RCD_READ] + part[k.T_READ_DONE]) * clock
        self._bus = self._end = self.sent = 0
        self._refresh = self._pace.every

    def send(self, arrive: int, line_address: int, left: int) -> list[int]:
        """Send a train; returns when each of its lines has moved, ps.

        `line_address` : of its first line in the stack; `left` : lines left in the piece.
        """
        line, stall, every = self._pace
        at = max((arrive + self._latency) * PARTS, self._bus)
        row = (line_address >> self._part[k.T_ROW_AT]) & self._part[k.T_ROW_MASK]
        last, self._last = self._last, (int(bank_of(self._part, line_address)), int(row))
        if last[0] == self._last[0] and last != self._last:
            clocks = int(row_change(self._part, left // self._channels))
            at += clocks * self._clock * PARTS
        while every and self._refresh + stall <= at:  # while no train was there
            self._refresh += every
        moved = []
        for _ in range(self.lines):
            at += line
            if every and at > self._refresh:
                at += stall
                self._refresh += every
            moved.append(at // PARTS)
        self._bus = self._end = at
        self.sent += self.lines
        return moved

    def behind(self, arrive: int) -> int:
        """When a line that would arrive at a time does, behind the trains."""
        return max(arrive, round_up(self._end // PARTS - self._latency, self._clock))

    def note_line(self, now: int) -> None:
        """A line is sent at request level: trains come behind it."""
        self._bus = max(self._bus, now * PARTS) + self._pace.line
