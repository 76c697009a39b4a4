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
from collections.abc import Callable

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
from accelsim.engine.reference_memory import Channel, Memory, SimpleMemory
from accelsim.engine.reference_ports import Port
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
        self.queue: deque[Task] = deque()  # IN_ORDER: not yet started, by index
        self.ready: list[Task] = []  # READY_FIRST: ready and not started
        self.busy = 0
        self.released = (-1, -1)  # (instant, highest task that released a server then)
        self.stopped_full: tuple[int, int] | None = None  # the last such that ended being full
        self.previous: Task | None = None
        self.port: Port | None = None  # of a memory unit

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
            assert self.port is not None
            self.port.begin(task)
        else:
            self.release_at(now + task.occupancy, task)
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

    def release_at(self, at: int, task: Task) -> None:
        """Free the server of a task at a time."""
        task.server_free = at
        self.machine.at(at, Phase.FINISH, task.index, lambda: self._release(task))

    def _release(self, task: Task) -> None:
        now = self.machine.now
        self.released = latest(self.released, now, task.index)
        if self.is_full() or (self.stopped_full is not None and self.stopped_full[0] == now):
            self.stopped_full = self.released
        self.busy -= 1
        self.machine.settle_at(now)


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
            memory = level(p, chip, len(self.channels), self.at, self._promise)
            memories.append(memory)
            self.channels += memory.channels
        ports: list[list[Port]] = [[] for _ in self.memories]
        for unit in self.units:
            chip = int(p.units.chip[unit.index])
            if p.units.outstanding[unit.index] and chip < len(ports):
                unit.port = Port(
                    self, unit.index, self.memories[chip], ports[chip], unit.release_at
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
        port = self.units[unit].port
        assert port is not None
        port.issue_from(usable_from)

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
    ports = [unit.port for unit in machine.units]
    none = [0] * (deepest_bank_queue(program) + 1)
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
        channel_writes=np.array([channel.writes for channel in machine.channels], np.int64),
        channel_writes_left=np.array([c.writes_left for c in machine.channels], np.int64),
        train_lines=np.array([memory.train_lines for memory in machine.memories], np.int64),
        train_activates=np.array([m.train_activates for m in machine.memories], np.int64),
        task_activates=column("activates"),
        task_merged=column("merged"),
        bank_stall_ps=column("bank_stall"),
        read_latency_ps=np.array([port.latency if port else 0 for port in ports], np.int64),
        bank_waits=np.array([port.bank_waits if port else none for port in ports], np.int64),
        request_finish=np.array(recorded if record_requests else [], np.int64),
    )
