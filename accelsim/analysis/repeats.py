"""Operators that stand for several: how often a task counts, and the time that follows.

An operator with `repeat` r is replayed once and counts r times. The replay is divided among
operators as ever: by the critical path, on which a load ahead of time belongs to the operator that
it serves. So the total is the sum over operators of r x share; between equal neighbours a share is
what one more of them would add.

A stretch of operators with one repeat may hide behind its neighbours, which its copies could not.
Each further copy of a stretch therefore takes at least as long as a unit, or DRAM at its peak, must
work for it; what is more than its share is put on the tasks that keep that unit busy.

Not modelled: what differs between the layers that an operator stands for, their patterns and the
places of their tensors in DRAM.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accelsim.analysis.servers import critical_segments
from accelsim.analysis.states import own_time, task_lines
from accelsim.arch.spec import Arch
from accelsim.arch.units import PS_PER_SECOND
from accelsim.engine.program import Program
from accelsim.engine.schedule import Schedule
from accelsim.workload.trace import Trace


@dataclass(frozen=True)
class CountedPath:
    """The critical path, every segment with how often it counts.

    Attributes
    ----------
    task, length_ps, times : int64[segments]
    """

    task: np.ndarray
    length_ps: np.ndarray
    times: np.ndarray

    @property
    def time_ps(self) -> np.ndarray:
        """Time of every segment, all copies together: int64[segments]."""
        return self.length_ps * self.times

    @property
    def total_ps(self) -> int:
        """Time of the whole model."""
        return int(self.time_ps.sum())


def task_repeats(trace: Trace, program: Program) -> np.ndarray:
    """How often every task counts, int64[tasks]."""
    return _repeats(trace)[program.operator]


def counted_path(arch: Arch, trace: Trace, program: Program, schedule: Schedule) -> CountedPath:
    """Walk the critical path and count it; see the top of this file."""
    task, begin, end = critical_segments(schedule.start, schedule.finish, schedule.blame)
    length = end - begin
    repeats = _repeats(trace)
    parts = [(task, length, repeats[program.operator[task]])]
    if (repeats > 1).any():
        parts += _hidden(arch, program, schedule, repeats, task, length)
    return CountedPath(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _repeats(trace: Trace) -> np.ndarray:
    return np.array([op.repeat for op in trace.operators], np.int64)


def _hidden(
    arch: Arch,
    program: Program,
    schedule: Schedule,
    repeats: np.ndarray,
    task: np.ndarray,
    length: np.ndarray,
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Segments for what copies of a stretch need beyond its share, on its busiest unit."""
    stretch = np.concatenate([[0], np.cumsum(np.diff(repeats) != 0)])
    count = int(stretch[-1]) + 1
    share = np.zeros(count, np.int64)
    np.add.at(share, stretch[program.operator[task]], length)
    worked, moved = own_time(program, schedule), task_lines(program) * arch.dram.line
    found = []
    for number in np.unique(stretch[repeats > 1]).tolist():
        mine = np.flatnonzero(stretch[program.operator] == number)
        need, tasks, weight = _busiest(arch, program, mine, worked, moved)
        excess = need - int(share[number])
        if excess > 0:
            ends = np.floor(np.cumsum(weight) / weight.sum() * excess).astype(np.int64)
            ends[-1] = excess
            further = int(repeats[stretch == number][0]) - 1
            found.append((tasks, np.diff(ends, prepend=0), np.full(tasks.size, further)))
    return found


def _busiest(
    arch: Arch, program: Program, tasks: np.ndarray, worked: np.ndarray, moved: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray]:
    """Picoseconds that the busiest of units and DRAM needs, its tasks, and the part of each."""
    memory = tasks[moved[tasks] > 0]
    size = int(moved[memory].sum())
    best = -(-size * PS_PER_SECOND // arch.dram.bandwidth), memory, moved[memory]
    for unit in np.unique(program.unit[tasks]).tolist():
        servers = int(program.units.servers[unit])
        mine = tasks[program.unit[tasks] == unit]
        need = -(-int(worked[mine].sum()) // servers) if servers else 0
        if need > best[0]:
            best = need, mine, worked[mine]
    return best
