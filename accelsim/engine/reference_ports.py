"""Ports of the reference engine: the request side of memory units, from lines to completions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from accelsim.engine.program import Program, deepest_bank_queue
from accelsim.engine.reference_memory import Channel, Memory, lines_of
from accelsim.engine.reference_tasks import At, Phase, Task, round_up


class Host(Protocol):
    """What a port asks of the machine around it."""

    program: Program

    @property
    def now(self) -> int:
        """The instant, ps."""

    @property
    def at(self) -> At:
        """Lets something happen."""

    def finish_at(self, time: int, task: Task) -> None:
        """Let a task finish at a time."""


class Port:
    """Issues the lines of its unit's active tasks, and brings the reads back.

    `of_chip` : all ports of the chip, this one included; `release_at(time, task)` frees the
    server of a task whose last line is issued.
    """

    def __init__(
        self,
        machine: Host,
        index: int,
        memory: Memory,
        of_chip: list[Port],
        release_at: Callable[[int, Task], None],
    ) -> None:
        u = machine.program.units
        self._machine, self.index, self.memory = machine, index, memory
        self._of_chip, self._release_at = of_chip, release_at
        of_chip.append(self)
        self.clock = int(u.clock_ps[index])
        self.outstanding = int(u.outstanding[index])
        self.issue_per_cycle = int(u.issue_per_cycle[index])
        self.crossing, self.is_write = int(u.crossing_ps[index]), bool(u.is_write[index])
        rate = int(u.return_bytes_per_cycle[index])
        self.beat = -(-memory.line_bytes * self.clock // rate) if rate else 0
        self.banks, self.bank_bytes = int(u.banks[index]), int(u.bank_bytes[index])
        self.bank_queue = int(u.bank_queue[index])
        self.bank_free = [0] * self.banks
        self.bank_waits = [0] * (deepest_bank_queue(machine.program) + 1)
        self.latency = 0  # of all reads together
        self.active: deque[tuple[Task, Iterator[tuple[int, int, int]]]] = deque()
        # The next line, how many are left in its piece, and its run, if it has been looked at.
        self.head: tuple[int, int, int] | None = None
        self.next_issue = 0  # a train takes as many cycles as its lines
        self.issued_at = self.issue_at = -1
        self.waits_for_slot = self.train_waits = False
        self.in_flight = self.return_free = 0
        # Beside trains: reads that the channels have not given back, and the last write's end.
        self.singles = self.last_single = 0

    def begin(self, task: Task) -> None:
        """A memory task has started: its lines come behind those of the active ones."""
        program = self._machine.program
        self.active.append((task, lines_of(program, task.runs, self.memory.line_bytes)))
        self.issue_from(self._machine.now)

    def issue_from(self, time: int) -> None:
        """Look at the first edge from a time on whether a line can be issued."""
        self._issue_at(round_up(time, self.clock))

    def _issue_at(self, at: int) -> None:
        if self.active and self.issue_at != at:
            self.issue_at = at
            self._machine.at(at, Phase.ISSUE, self.index, self._issue)

    def _issue(self) -> None:
        now = self._machine.now
        if now < self.next_issue:
            self._issue_at(self.next_issue)
            return
        if now == self.issued_at:
            return
        self.issued_at = now
        if self._waits_for_train() or self._send_train():
            return
        for _ in range(self.issue_per_cycle):
            if not self.active or self.in_flight >= self.outstanding:
                return  # a start or a completion calls again
            task, _ = self.active[0]
            address, _, _ = self._next_line()
            channel, local = self.memory.locate(address)
            self.waits_for_slot = not channel.take_slot(self.index, self.is_write)
            if self.waits_for_slot:
                return  # the reservation calls again
            self._send(task, channel, local)
            self._step(now)
        self._issue_at(now + self.clock)

    def _next_line(self) -> tuple[int, int, int]:
        """Address of the next line of the first active task, lines left in its piece, its run."""
        if self.head is None:
            self.head = next(self.active[0][1])
        return self.head

    def _step(self, issued: int) -> None:
        """Step to the next line; the task's server is free a cycle after its last."""
        task, lines = self.active[0]
        self.head = next(lines, None)
        if self.head is None:
            self.active.popleft()
            task.all_issued = True
            self._release_at(issued + self.clock, task)

    def _waits_for_train(self) -> bool:
        """Whether the next lines are to be a train, for which credits are missing.

        Once it waits, it waits until it has them, whatever others do.
        """
        if not self.train_waits and not self._may_send_train():
            return False
        assert self.memory.trains is not None
        self.train_waits = self.in_flight + self._train_lines() > self.outstanding
        return self.train_waits

    def _train_lines(self) -> int:
        """Lines of the next train, 0 if the next lines are to be none."""
        trains = self.memory.trains
        if trains is None or not self.active or self.waits_for_slot:
            return 0
        return trains.lines(self._next_line()[1], self.outstanding)

    def _may_send_train(self) -> bool:
        others = (port for port in self._of_chip if port is not self)
        return self._train_lines() > 0 and not any(
            other._needs_commands_beside(self.is_write) for other in others
        )

    def _needs_commands_beside(self, writes: bool) -> bool:
        """Whether lines are at request level, or the next ones will be; or any of the same kind."""
        if self.singles or self.last_single > self._machine.now:
            return True
        if self.is_write == writes:
            return bool(self.active) or self.in_flight > 0
        return bool(self.active) and self._train_lines() == 0

    def _send_train(self) -> bool:
        """Send a train, if the piece is long enough and nobody else has work."""
        if not self._may_send_train():
            return False
        trains = self.memory.trains
        assert trains is not None
        now, task = self._machine.now, self.active[0][0]
        arrive = round_up(now + self.crossing, self.memory.clock)
        lines = self._train_lines()
        issued = now + (-(-lines // self.issue_per_cycle) - 1) * self.clock
        address, left, run = self._next_line()
        _, local = self.memory.locate(address)
        sent = trains.send(arrive, local, left, run, lines, self.is_write)
        size = self.memory.line_bytes
        task.activates += trains.open_rows(
            self.memory.locate(address + i * size) for i in range(lines)
        )
        for i, moved in enumerate(sent):
            self.in_flight += 1
            task.lines_open += 1
            task.line_finish.append(-1)
            if self.is_write:
                left_at = now + i // self.issue_per_cycle * self.clock
                reach = round_up(left_at + self.crossing, self.memory.clock)
                complete = max(reach, left_at + 1, moved - trains.posted)
            else:
                begin = max(self.return_free, moved + self.memory.return_ps)
                self.return_free = complete = begin + self.beat
                self.latency += complete - now
            self._complete_at(complete, task, len(task.line_finish) - 1)
            self._step(issued)
        self.next_issue = issued + self.clock
        self._issue_at(self.next_issue)
        return True

    def _send(self, task: Task, channel: Channel, local: int) -> None:
        now = self._machine.now
        self.in_flight += 1
        task.lines_open += 1
        position = len(task.line_finish)
        task.line_finish.append(-1)
        arrive = round_up(now + self.crossing, self.memory.clock)
        if self.memory.trains is not None:
            arrive = self.memory.trains.behind(arrive)
            self.memory.trains.note_line(self.is_write, now)
        if self.is_write:
            self.last_single = max(arrive, now + 1)
            self._complete_at(self.last_single, task, position)
        else:
            self.singles += 1
        channel.send(
            local,
            self.is_write,
            arrive,
            task,
            lambda done: self._bring_back(done, task, position, now),
        )

    def _bring_back(self, done: int, task: Task, position: int, issued: int) -> None:
        self.singles -= 1
        begin = max(self.return_free, done + self.memory.return_ps)
        if self.banks:
            word = position * self.memory.line_bytes // self.bank_bytes
            bank = (task.index + word) % self.banks
            # Its queue has room when the first of those that wait is taken.
            room = self.bank_free[bank] - self.bank_queue * self.clock - self.beat
            task.bank_stall += max(0, room - begin)
            begin = max(begin, room)
            backlog = max(0, self.bank_free[bank] - begin - self.beat)
            self.bank_waits[-(-backlog // self.clock)] += 1
            self.bank_free[bank] = max(self.bank_free[bank], begin + self.beat) + self.clock
        self.return_free = begin + self.beat
        self.latency += self.return_free - issued
        self._complete_at(self.return_free, task, position)

    def _complete_at(self, at: int, task: Task, position: int) -> None:
        def complete() -> None:
            task.line_finish[position] = at
            task.lines_open -= 1
            self.in_flight -= 1
            self.issue_from(at)
            if task.all_issued and not task.lines_open:
                self._machine.finish_at(at, task)

        self._machine.at(at, Phase.COMPLETE, self.index, complete)
