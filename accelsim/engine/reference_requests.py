"""The request DRAM level as the reference engine sees it.

What a channel does in a clock is `accelsim.kernels.dram`, for both engines: rules held against
DRAMsim3 are not said twice. Here is what lies between the units and a channel. A line takes one of
the slots for reads or writes when it is issued. At every edge of the DRAM clock the channel works
first; then lines that have arrived are accepted, in the order of arrival (of issue, where that is
equal), until one finds no room. A slot is free again when its line moves on to its bank, or needs
no place because it is served with another or from a waiting write, and is used after that edge.
Reads that were served together come back together, those from waiting writes first.
"""

from __future__ import annotations

from bisect import insort

from accelsim.engine.dram import DramState, dram_state
from accelsim.engine.program import Program
from accelsim.engine.reference_memory import Back, Promise, Slots, spread
from accelsim.engine.reference_tasks import At, Phase, Task
from accelsim.engine.reference_trains import Trains
from accelsim.kernels import dram_fields as k
from accelsim.kernels.dram import accept, accepts, tick
from accelsim.kernels.dram_commands import channel_of


class RequestChannel:
    """One channel of a request-level DRAM."""

    def __init__(
        self, state: DramState, row: int, index: int, clock: int, at: At, promise: Promise
    ) -> None:
        part = state.part
        self._state, self._row, self._index, self._clock = state, row, index, clock
        self._at = at
        room = part[k.T_READS] + part[k.T_CLIENT], part[k.T_WRITES] + part[k.T_CLIENT]
        self._slots = [Slots(int(count), promise) for count in room]
        self._sent = 0
        # By arrival, then issue.
        self._on_the_way: list[tuple[int, int, int, bool, Task, Back]] = []
        self._waiting: dict[int, list[Back]] = {}  # by slot of the DRAM
        self._first: dict[int, Task] = {}  # by slot: whose line took it
        self._looks_at: int | None = None

    @property
    def lines(self) -> int:
        """Reads and writes that the DRAM did; equal ones that wait together are one."""
        channel = self._state.channels[self._row]
        return int(channel[k.C_READ_COMMANDS] + channel[k.C_WRITE_COMMANDS])

    @property
    def activates(self) -> int:
        """Rows opened."""
        return int(self._state.channels[self._row, k.C_ACTIVATES])

    @property
    def row_hits(self) -> int:
        """Lines on a row that had served one before."""
        return int(self._state.channels[self._row, k.C_HITS])

    @property
    def writes(self) -> int:
        """Of the lines, those written."""
        return int(self._state.channels[self._row, k.C_WRITE_COMMANDS])

    @property
    def writes_left(self) -> int:
        """Writes that wait to be moved: a few stay when nothing else is to do."""
        return int(self._state.channels[self._row, k.C_WRITES])

    def take_slot(self, unit: int, is_write: bool) -> bool:
        """Take a slot for a unit; if there is none for it, the unit waits."""
        return self._slots[is_write].take(unit)

    def send(self, line: int, is_write: bool, arrive: int, task: Task, back: Back) -> None:
        """Send a line of a task; `back(time)` is called when the data of a read are there."""
        insort(self._on_the_way, (arrive, self._sent, line, is_write, task, back))
        self._sent += 1
        self._look_at(arrive)

    def _look_at(self, time: int) -> None:
        if self._looks_at is None or time < self._looks_at:
            self._looks_at = time
            self._at(time, Phase.EDGE, self._index, lambda: self._edge(time))

    def _edge(self, now: int) -> None:
        if now != self._looks_at:  # an earlier look came between
            return
        self._looks_at = None
        clock = now // self._clock
        channel = self._state.channels[self._row]
        while channel[k.C_WAKE] <= clock:  # earlier ones: refreshes while it had no work
            self._tick(int(channel[k.C_WAKE]), now)
        self._accept(clock, now)
        busy = channel[k.C_QUEUED] or channel[k.C_READS] or channel[k.C_DRAIN]
        if busy or channel[k.C_WRITES] > k.IDLE_DRAIN:
            self._look_at(int(channel[k.C_WAKE]) * self._clock)
        if self._on_the_way and self._on_the_way[0][0] > now:
            self._look_at(self._on_the_way[0][0])

    def _tick(self, clock: int, now: int) -> None:
        channel = self._state.channels[self._row]
        before = channel[[k.C_READS, k.C_WRITES]]
        served = tick(*self._state, self._row, clock)
        if channel[k.C_OPENED_FOR] >= 0:
            self._first[int(channel[k.C_OPENED_FOR])].activates += 1
            channel[k.C_OPENED_FOR] = -1
        if served >= 0:
            done = now + int(self._state.part[k.T_READ_DONE]) * self._clock
            self._bring_back(done, 1, self._waiting.pop(served))
        for slots, moved in zip(
            self._slots, channel[[k.C_READS, k.C_WRITES]] < before, strict=True
        ):
            if moved:
                slots.give_back(now + 1)

    def _accept(self, clock: int, now: int) -> None:
        s, row = self._state, self._row
        forwarded: list[Back] = []
        while self._on_the_way:
            arrive, _, line, is_write, task, back = self._on_the_way[0]
            if arrive > now or not accepts(s.part, s.channels, row, is_write):
                break
            del self._on_the_way[0]
            slot = accept(
                s.part, s.channels, s.banks, s.slots, s.queue, s.reads, s.writes, s.filters,
                s.free, row, line, int(is_write), clock,
            )  # fmt: skip
            if slot < 0 and not is_write:
                forwarded.append(back)
            elif not is_write:
                if s.slots[slot, k.S_COUNT] == 1:
                    self._waiting[slot] = []
                self._waiting[slot].append(back)
            if slot < 0 or (not is_write and len(self._waiting[slot]) > 1):
                task.merged += 1
                self._slots[is_write].give_back(now + 1)
            else:
                self._first[slot] = task
        if forwarded:
            self._bring_back(now + self._clock, 0, forwarded)

    def _bring_back(self, at: int, place: int, reads: list[Back]) -> None:
        def come_back() -> None:
            for back in reads:
                back(at)

        self._at(at, Phase.RETURN, 2 * self._index + place, come_back)


class RequestMemory:
    """The DRAM of one chip at request level."""

    def __init__(
        self, program: Program, chip: int, first_channel: int, at: At, promise: Promise
    ) -> None:
        dram = program.dram
        self.line_bytes = int(dram.line_bytes[chip])
        self.clock, self.return_ps = int(dram.clock_ps[chip]), int(dram.return_ps[chip])
        self._interleave, self._part = int(dram.interleave_bytes[chip]), dram.part
        self._permute = bool(dram.permute[chip])
        count = int(dram.channels[chip])
        self._stacks = count // int(dram.part[k.T_CHANNELS])
        self.trains: Trains | None = None
        if dram.part[k.T_TRAIN]:
            self.trains = Trains(program, chip)
        state = dram_state(dram.part, self._stacks)
        self.channels = [
            RequestChannel(state, i, first_channel + i, self.clock, at, promise)
            for i in range(count)
        ]

    @property
    def train_lines(self) -> int:
        """Lines that trains have moved."""
        return self.trains.sent if self.trains is not None else 0

    @property
    def train_activates(self) -> int:
        """Rows that trains have opened."""
        return self.trains.activates if self.trains is not None else 0

    def locate(self, address: int) -> tuple[RequestChannel, int]:
        """Blocks of `interleave_bytes` go round the stacks; in a stack the mapping decides."""
        stack, local = spread(address, self._interleave, self._stacks, self._permute)
        line = local >> int(self._part[k.T_SHIFT])
        channel = stack * int(self._part[k.T_CHANNELS]) + channel_of(self._part, line)
        return self.channels[channel], line
