"""Trains as the reference engine sees them; `accelsim.kernels.trains` says what they are."""

from __future__ import annotations

from collections.abc import Iterable

from accelsim.engine.program import Program
from accelsim.engine.reference_tasks import round_up
from accelsim.engine.trains import Chip, pace, run_paces, shortest
from accelsim.kernels import dram_fields as k
from accelsim.kernels.dram_commands import bank_of
from accelsim.kernels.trains import PARTS, row_change


class Trains:
    """The data bus of one chip's channels together, while it carries trains."""

    def __init__(self, program: Program, chip: int) -> None:
        dram = program.dram
        part, clock = dram.part, int(dram.clock_ps[chip])
        self._lines, self._least = int(part[k.T_TRAIN]), shortest(part)
        self._part, self._channels = part, int(dram.channels[chip])
        self._last = (-1, 0)  # bank and row of the last train's first line
        self._clock = clock
        self._pace = pace(Chip.of(program, chip))
        self._run_pace = run_paces(program)
        self._latency = int(part[k.T_RCD_READ] + part[k.T_READ_DONE]) * clock
        self.posted = self._pace.posted_ps
        self._bus = self._end = self.sent = self.activates = 0
        # By channel and bank: the row, and how often its rank had been refreshed.
        self._open_row: dict[tuple[object, int], tuple[int, int]] = {}
        self._wrote = False
        self._refresh = self._pace.every

    def lines(self, left: int, outstanding: int) -> int:
        """Lines of a train when so many are left of a piece; 0 if they are too few for one.

        `outstanding` : most lines in flight of the unit.
        """
        if left < self._least:
            return 0
        if left < self._lines + self._least and left <= outstanding:
            return left
        return self._lines if self._lines <= outstanding else 0

    def send(
        self, arrive: int, line_address: int, left: int, run: int, lines: int, is_write: bool
    ) -> list[int]:
        """Send a train; returns when each of its lines has moved, ps.

        `line_address` : of its first line in the stack; `left` : lines left in the piece of a run.
        """
        stall, every = self._pace.stall, self._pace.every
        line = int(self._run_pace[run])
        alone = line == self._pace.line  # else the pace has changes of row in it
        turns, self._wrote = is_write != self._wrote, is_write
        if is_write and turns:
            line += self._pace.turn
        at = max((arrive + self._latency) * PARTS, self._bus)
        row = (line_address >> self._part[k.T_ROW_AT]) & self._part[k.T_ROW_MASK]
        last, self._last = self._last, (int(bank_of(self._part, line_address)), int(row))
        if last[0] == self._last[0] and last != self._last and alone and not turns:
            clocks = int(row_change(self._part, left // self._channels))
            at += clocks * self._clock * PARTS
        while every and self._refresh + stall <= at:  # while no train was there
            self._refresh += every
        moved = []
        for _ in range(lines):
            at += line
            if every and at > self._refresh:
                at += stall
                self._refresh += every
            moved.append(at // PARTS)
        self._bus = self._end = at
        self.sent += lines
        return moved

    def open_rows(self, lines: Iterable[tuple[object, int]]) -> int:
        """Open the rows of a train that has been sent; returns how many were not open.

        `lines` : channel and address of each. A bank keeps its row until a train opens another or
        its rank is refreshed; ranks are in turn, and a refresh counts from the train on that it
        stops.
        """
        ranks, before = int(self._part[k.T_RANKS]), self.activates
        refreshes = self._refresh // self._pace.every - 1 if self._pace.every else 0
        for channel, line in lines:
            bank = int(bank_of(self._part, line))
            rank = bank * ranks // int(self._part[k.T_BANKS])
            row = (line >> int(self._part[k.T_ROW_AT])) & int(self._part[k.T_ROW_MASK])
            opened = row, (refreshes + ranks - 1 - rank) // ranks
            if self._open_row.get((channel, bank)) != opened:
                self._open_row[channel, bank] = opened
                self.activates += 1
        return self.activates - before

    def behind(self, arrive: int) -> int:
        """When a line that would arrive at a time does, behind the trains."""
        return max(arrive, round_up(self._end // PARTS - self._latency, self._clock))

    def note_line(self, is_write: bool, now: int) -> None:
        """A line is sent at request level: trains come behind it."""
        self._wrote = is_write
        self._bus = max(self._bus, now * PARTS) + self._pace.line
