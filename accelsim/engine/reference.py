"""The engine for reading: the rules of time, said once, in SimPy.

Time is whole picoseconds. Instants are processed in increasing order; one instant t is worked
off in rounds, and a round has three steps:

1. Lines come back from the channels (by channel), requests complete (by unit), tasks finish and
   release their claims (by task), servers become free.
2. Claims are granted. The line of a buffer is its claiming tasks in task order, not yet granted.
   A task is granted all its claims at once, when its predecessors have finished, it heads the
   line of every buffer it names and the bytes fit (claims on one buffer add up). The bytes are
   taken at the grant. This repeats until nothing more can be granted.
3. Units, in order, start as many tasks as they can.

What step 3 schedules for the same t (a finish without latency, a release without occupancy)
belongs to the next round. When no round has anything left, (4) units issue requests, in order.
Nothing issued at t comes back before t + 1. Last, (5) DRAM channels at request level have their
clock edge, and the instant is over.

Units. A task is ready at its last predecessor's finish or at its grant, whichever is later. It
starts on an edge of its unit's clock (a multiple of `clock_ps`), when a server is free. An
IN_ORDER unit starts tasks by index and the head blocks; READY_FIRST starts the smallest (ready
time, index). Started at s, a service task holds its server until s + occupancy and finishes at
s + latency.

Memory. A memory task joins the active list of its unit when it starts. At each edge the unit
issues at most `issue_per_cycle` lines, all of the earliest active task first. A line needs a
credit (fewer than `outstanding` in flight), then a slot of its channel's queue. Without a credit
the unit waits for a completion; without a slot it waits for that channel, and later lines wait
behind. A slot freed while units wait is reserved for one of them, round robin by unit index after
the unit that last got one this way, and is used at that unit's next edge (this instant's, if it is
one; if it is freed in step 5, the next). Others may take a slot only when one is free that is not
reserved, or else wait too. The server is free one clock after the last line is issued; the task
finishes when its last line completes.

A channel serves lines in the order of their slots at the simple level, see
`reference_memory.SimpleChannel`, and by the rules of the DRAM at request level, see
`reference_requests`. A read then passes the return path of its unit, one line at a time, into the
queue of a bank of the scratchpad (if it has banks), and waits where that is full; a write
completes when it reaches the channel, but not before t + 1. The credit returns at completion. The
slot returns when the channel has moved the data, at request level when the line has moved on to
its bank.

Cause. A start waited for the latest of: the last predecessor's finish (DEPENDENCY), the grant
(BUFFER), the last instant at which the unit stopped being full (SERVER), and the previous start of
an IN_ORDER unit (TURN); each rounded up to the unit's edge, equal ones by the first named, NONE
if there is nothing of these. To blame is, of the tasks that finished (or released a server of the
unit, or started before in turn) at that instant and in an earlier step, the one of the highest
index; so walking back from blame to blame never runs in a circle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
import simpy
from simpy.core import EventPriority

from accelsim.engine.deadlock import require_finished
from accelsim.engine.program import (
    UNLIMITED_SERVERS,
    Cause,
    Order,
    Program,
    deepest_bank_queue,
)
from accelsim.engine.reference_memory import Channel, Memory, SimpleMemory, lines_of
from accelsim.engine.reference_requests import RequestMemory
from accelsim.engine.reference_tasks import Buffer, Claim, Phase, Task, latest, round_up
from accelsim.engine.schedule import Schedule


class Moment(simpy.Event):
    """Something that happens at a given time, phase and place in the order of the phase."""

    def __init__(
        self, env: simpy.Environment, at: int, phase: Phase, index: int, act: Callable[[], None]
    ) -> None:
        super().__init__(env)
        self._ok, self._value = True, None
        self.callbacks.append(lambda _: act())
        # SimPy breaks ties of time by priority: the phase first, then the index in its order.
        env.schedule(self, EventPriority((phase << 40) + index), delay=at - env.now)


class Unit:
    """Starts tasks on its servers and issues their lines."""

    def __init__(self, machine: Machine, index: int) -> None:
        u = machine.program.units
        self.machine, self.index = machine, index
        self.clock, self.servers = int(u.clock_ps[index]), int(u.servers[index])
        self.in_order = u.order[index] == Order.IN_ORDER
        self.outstanding = int(u.outstanding[index])
        self.issue_per_cycle = int(u.issue_per_cycle[index])
        self.crossing, self.is_write = int(u.crossing_ps[index]), bool(u.is_write[index])
        self.queue: deque[Task] = deque()  # IN_ORDER: not yet started, by index
        self.ready: list[Task] = []  # READY_FIRST: ready and not started
        self.busy = 0
        self.released = (-1, -1)  # (instant, highest task that released a server then)
        self.stopped_full: tuple[int, int] | None = None  # the last such that ended being full
        self.previous: Task | None = None
        self.memory: Memory | None = None
        self.beat = 0
        self.banks, self.bank_bytes = int(u.banks[index]), int(u.bank_bytes[index])
        self.bank_queue = int(u.bank_queue[index])
        self.bank_free = [0] * self.banks
        self.bank_waits = [0] * (deepest_bank_queue(machine.program) + 1)
        self.latency = 0  # of all reads together
        self.active: deque[tuple[Task, Iterator[tuple[int, int]]]] = deque()
        # The next line and how many are left in its piece, if it has been looked at.
        self.head: tuple[int, int] | None = None
        self.next_issue = 0  # a train takes as many cycles as its lines
        self.issued_at = -1
        self.waits_for_slot = self.train_waits = False
        self.in_flight = 0
        self.return_free = 0
        self.issue_at = -1

    def attach(self, memory: Memory, return_bytes_per_cycle: int) -> None:
        """Connect to the DRAM of the unit's chip."""
        self.memory = memory
        if return_bytes_per_cycle:
            self.beat = -(-memory.line_bytes * self.clock // return_bytes_per_cycle)

    def is_full(self) -> bool:
        """Whether every server is busy."""
        return self.servers != UNLIMITED_SERVERS and self.busy == self.servers

    def next_task(self) -> Task | None:
        """Return the task that would start next, None if it is not ready."""
        if self.in_order:
            return self.queue[0] if self.queue and self.queue[0].ready is not None else None
        return min(self.ready, key=lambda task: (task.ready, task.index), default=None)

    def start_tasks(self) -> None:
        """Start what can be started now, or come back at the next edge."""
        now = self.machine.now
        while not self.is_full() and (task := self.next_task()) is not None:
            if now % self.clock:
                self.machine.settle_at(round_up(now, self.clock))
                return
            self._start(task)

    def _start(self, task: Task) -> None:
        now = task.start = self.machine.now
        task.cause, task.blame = self._why(task)
        if self.in_order:
            self.queue.popleft()
        else:
            self.ready.remove(task)
        self.previous = task
        self.busy += 1
        if task.runs:
            assert self.memory is not None
            lines = lines_of(self.machine.program, task.runs, self.memory.line_bytes)
            self.active.append((task, lines))
            self.issue_from(self.machine.now)
        else:
            self._release_at(now + task.occupancy, task)
            self.machine.finish_at(now + task.latency, task)

    def _why(self, task: Task) -> tuple[Cause, int]:
        """Name the latest of what the start waited for, and the task to blame."""
        waits: list[tuple[int, Cause, int]] = []
        if task.last_dep is not None:
            waits.append((task.last_dep[0], Cause.DEPENDENCY, task.last_dep[1]))
        if task.grant is not None:
            waits.append((task.grant, Cause.BUFFER, task.grant_blame))
        if self.stopped_full is not None:
            waits.append((self.stopped_full[0], Cause.SERVER, self.stopped_full[1]))
        if self.in_order and self.previous is not None:
            assert self.previous.start is not None
            waits.append((self.previous.start, Cause.TURN, self.previous.index))
        last, cause, blame = -1, Cause.NONE, -1
        for time, why, who in waits:
            if round_up(time, self.clock) > last:
                last, cause, blame = round_up(time, self.clock), why, who
        return cause, blame

    def _release_at(self, at: int, task: Task) -> None:
        task.server_free = at
        self.machine.at(at, Phase.FINISH, task.index, lambda: self._release(task))

    def _release(self, task: Task) -> None:
        now = self.machine.now
        self.released = latest(self.released, now, task.index)
        if self.is_full() or (self.stopped_full is not None and self.stopped_full[0] == now):
            self.stopped_full = self.released
        self.busy -= 1
        self.machine.settle_at(now)

    def issue_from(self, time: int) -> None:
        """Look at the first edge from a time on whether a line can be issued."""
        self._issue_at(round_up(time, self.clock))

    def _issue_at(self, at: int) -> None:
        if self.active and self.issue_at != at:
            self.issue_at = at
            self.machine.at(at, Phase.ISSUE, self.index, self._issue)

    def _issue(self) -> None:
        assert self.memory is not None
        now = self.machine.now
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
            address, _ = self._next_line()
            channel, local = self.memory.locate(address)
            self.waits_for_slot = not channel.take_slot(self.index, self.is_write)
            if self.waits_for_slot:
                return  # the reservation calls again
            self._send(task, channel, local)
            self._step(now)
        self._issue_at(now + self.clock)

    def _next_line(self) -> tuple[int, int]:
        """Address of the next line of the first active task, and lines left in its piece."""
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
        assert self.memory is not None and self.memory.trains is not None
        self.train_waits = self.in_flight + self.memory.trains.lines > self.outstanding
        return self.train_waits

    def _may_send_train(self) -> bool:
        assert self.memory is not None
        trains = self.memory.trains
        if trains is None or self.is_write or self.waits_for_slot or not self.active:
            return False
        if trains.lines > self.outstanding or self._next_line()[1] < trains.lines:
            return False
        for other in self.machine.units:
            if other is not self and other.memory is self.memory:
                if other.in_flight or other.active:
                    return False
        return True

    def _send_train(self) -> bool:
        """Send a train, if the piece is long enough and nobody else has work."""
        if not self._may_send_train():
            return False
        assert self.memory is not None
        trains = self.memory.trains
        assert trains is not None
        now, task = self.machine.now, self.active[0][0]
        arrive = round_up(now + self.crossing, self.memory.clock)
        issued = now + (-(-trains.lines // self.issue_per_cycle) - 1) * self.clock
        address, left = self._next_line()
        _, local = self.memory.locate(address)
        for moved in trains.send(arrive, local, left):
            self.in_flight += 1
            task.lines_open += 1
            task.line_finish.append(-1)
            begin = max(self.return_free, moved + self.memory.return_ps)
            self.return_free = begin + self.beat
            self.latency += self.return_free - now
            self._complete_at(self.return_free, task, len(task.line_finish) - 1)
            self._step(issued)
        self.next_issue = issued + self.clock
        self._issue_at(self.next_issue)
        return True

    def _send(self, task: Task, channel: Channel, local: int) -> None:
        assert self.memory is not None
        now = self.machine.now
        self.in_flight += 1
        task.lines_open += 1
        position = len(task.line_finish)
        task.line_finish.append(-1)
        arrive = round_up(now + self.crossing, self.memory.clock)
        if self.memory.trains is not None:
            arrive = self.memory.trains.behind(arrive)
            self.memory.trains.note_line(now)
        if self.is_write:
            self._complete_at(max(arrive, now + 1), task, position)
        channel.send(
            local,
            self.is_write,
            arrive,
            lambda done: self._bring_back(done, task, position, now),
        )

    def _bring_back(self, done: int, task: Task, position: int, issued: int) -> None:
        assert self.memory is not None
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
                self.machine.finish_at(at, task)

        self.machine.at(at, Phase.COMPLETE, self.index, complete)


class Machine:
    """All of it: builds the parts from a Program, settles grants and starts, keeps the time."""

    def __init__(self, p: Program) -> None:
        self.program = p
        self.env = simpy.Environment()
        self.settles: set[int] = set()
        self.finished_last = (-1, -1)  # (instant, highest task that finished then)
        self.buffers = [Buffer(int(size)) for size in p.buffer_bytes]
        self.units = [Unit(self, i) for i in range(len(p.units.name))]
        self.tasks = [Task(p, i) for i in range(p.tasks)]
        self.channels: list[Channel] = []
        self.memories: list[Memory] = []
        self._connect_memory()
        for task in self.tasks:
            self._connect(task)

    def _connect_memory(self) -> None:
        p, memories = self.program, self.memories
        level = RequestMemory if p.dram.part.size else SimpleMemory
        for chip in range(p.dram.channels.size):
            memory = level(p.dram, chip, len(self.channels), self.at, self._promise)
            memories.append(memory)
            self.channels += memory.channels
        for unit in self.units:
            if unit.outstanding and p.units.chip[unit.index] < len(memories):
                unit.attach(
                    memories[p.units.chip[unit.index]],
                    int(p.units.return_bytes_per_cycle[unit.index]),
                )

    def _connect(self, task: Task) -> None:
        p, i = self.program, task.index
        unit = self.unit_of(task)
        if unit.in_order:
            unit.queue.append(task)
        for before in p.pred[p.pred_ptr[i] : p.pred_ptr[i + 1]]:
            self.tasks[before].successors.append(task)
        for c in range(p.claim_ptr[i], p.claim_ptr[i + 1]):
            releasers = p.release[p.release_ptr[c] : p.release_ptr[c + 1]]
            claim = Claim(self.buffers[p.claim_buffer[c]], int(p.claim_bytes[c]), len(releasers))
            task.claims.append(claim)
            if task not in claim.buffer.line:
                claim.buffer.line.append(task)
            for releaser in releasers:
                self.tasks[releaser].releases.append(claim)

    def _promise(self, unit: int, usable_from: int) -> None:
        self.units[unit].issue_from(usable_from)

    @property
    def now(self) -> int:
        """The instant, ps."""
        return int(self.env.now)

    def at(self, time: int, phase: Phase, index: int, act: Callable[[], None]) -> None:
        """Let something happen at a time, in a phase."""
        Moment(self.env, time, phase, index, act)

    def settle_at(self, time: int) -> None:
        """Look for grants and starts at a time, once in that round."""
        if time not in self.settles:
            self.settles.add(time)
            self.at(time, Phase.SETTLE, 0, self._settle)

    def finish_at(self, time: int, task: Task) -> None:
        """Let a task finish at a time."""
        self.at(time, Phase.FINISH, task.index, lambda: self._finish(task))

    def unit_of(self, task: Task) -> Unit:
        """Return the unit that executes a task."""
        return self.units[self.program.unit[task.index]]

    def run(self) -> None:
        """Run until nothing is left to happen."""
        for task in self.tasks:
            self._ready_if_complete(task)
        self.settle_at(0)
        self.env.run()

    def _settle(self) -> None:
        self.settles.remove(self.now)
        while any([self._grant_head(buffer) for buffer in self.buffers]):
            pass
        for unit in self.units:
            unit.start_tasks()

    def _grant_head(self, buffer: Buffer) -> bool:
        if not buffer.line or buffer.line[0].unfinished_preds:
            return False
        task = buffer.line[0]
        wanted: dict[Buffer, int] = {}
        for claim in task.claims:
            wanted[claim.buffer] = wanted.get(claim.buffer, 0) + claim.size
        if any(b.line[0] is not task or size > b.free for b, size in wanted.items()):
            return False
        for b, size in wanted.items():
            b.free -= size
            b.line.popleft()
        task.grant = self.now
        instant, highest = self.finished_last
        task.grant_blame = highest if instant == self.now else -1
        self._ready_if_complete(task)
        return True

    def _ready_if_complete(self, task: Task) -> None:
        if task.unfinished_preds or (task.claims and task.grant is None):
            return
        task.ready = self.now
        unit = self.unit_of(task)
        if not unit.in_order:
            unit.ready.append(task)

    def _finish(self, task: Task) -> None:
        now = task.finish = self.now
        self.finished_last = latest(self.finished_last, now, task.index)
        for after in task.successors:
            after.unfinished_preds -= 1
            after.last_dep = max(after.last_dep or (0, -1), (now, task.index))
            self._ready_if_complete(after)
        for claim in task.releases:
            claim.unfinished_releasers -= 1
            if not claim.unfinished_releasers:
                claim.buffer.free += claim.size
        self.settle_at(now)


def run_reference(program: Program, record_requests: bool = False) -> Schedule:
    """Run a checked Program in SimPy; see `accelsim.engine.run.run`."""
    machine = Machine(program)
    machine.run()

    def column(name: str) -> np.ndarray:
        values = [getattr(task, name) for task in machine.tasks]
        return np.array([-1 if value is None else value for value in values], np.int64)

    grant, start, finish = column("grant"), column("start"), column("finish")
    require_finished(program, grant, start, finish)
    recorded = [time for task in machine.tasks for time in task.line_finish]
    return Schedule(
        ready=column("ready"),
        grant=grant,
        start=start,
        finish=finish,
        server_free=column("server_free"),
        cause=column("cause"),
        blame=column("blame"),
        channel_lines=np.array([channel.lines for channel in machine.channels], np.int64),
        channel_activates=np.array([channel.activates for channel in machine.channels], np.int64),
        channel_row_hits=np.array([channel.row_hits for channel in machine.channels], np.int64),
        train_lines=np.array([memory.train_lines for memory in machine.memories], np.int64),
        bank_stall_ps=column("bank_stall"),
        read_latency_ps=np.array([unit.latency for unit in machine.units], np.int64),
        bank_waits=np.array([unit.bank_waits for unit in machine.units], np.int64).reshape(
            len(machine.units), -1
        ),
        request_finish=np.array(recorded if record_requests else [], np.int64),
    )
