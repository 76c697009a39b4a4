"""What every server of every unit did, span by span, and how full the buffers were.

Time is that of the replay: an operator that stands for several is seen once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accelsim.analysis.result import Result
from accelsim.analysis.servers import server_of
from accelsim.engine.program import UNLIMITED_SERVERS


class Spans(NamedTuple):
    """Times in which a server was held, int64[spans], by unit, server and begin.

    `first` : the first task of each; `tasks` : how many of one operator were put together, with no
    other between them. `after` : the span that the first task waited for last, -1 for none.
    """

    unit: np.ndarray
    server: np.ndarray
    operator: np.ndarray
    begin_ps: np.ndarray
    end_ps: np.ndarray
    first: np.ndarray
    tasks: np.ndarray
    after: np.ndarray


class Steps(NamedTuple):
    """A value that changes at `time_ps` to `value`, int64[steps]."""

    time_ps: np.ndarray
    value: np.ndarray


def spans(
    result: Result, begin_ps: int, end_ps: int, most: int, server: np.ndarray | None = None
) -> Spans:
    """The spans that lie in a window, at least in part.

    Parameters
    ----------
    result : Result
    begin_ps, end_ps : int
    most : int
        Where there would be more, neighbours of one operator on one server become one span, those
        with the shortest gaps first; the result may still have more.
    server : int64[tasks], optional
        `task_servers`, where they are known.
    """
    program, schedule = result.program, result.schedule
    server = task_servers(result) if server is None else server
    inside = (server >= 0) & (schedule.start < end_ps) & (schedule.server_free > begin_ps)
    task = np.flatnonzero(inside)
    task = task[np.lexsort((schedule.start[task], server[task], program.unit[task]))]
    joined = _joined(result, task, server, most)
    first = np.flatnonzero(~joined)
    last = np.append(first[1:], task.size)[: first.size] - 1
    span_of = np.full(program.tasks, -1)
    span_of[task] = np.cumsum(~joined) - 1
    head = task[first]
    return Spans(
        unit=program.unit[head],
        server=server[head],
        operator=program.operator[head],
        begin_ps=schedule.start[head],
        end_ps=schedule.server_free[task[last]],
        first=head,
        tasks=last - first + 1,
        after=_after(result, head, span_of),
    )


def task_servers(result: Result) -> np.ndarray:
    """The server of its unit that each task held, int64[tasks]; -1 for a task that held none."""
    program, schedule = result.program, result.schedule
    held = (program.units.servers[program.unit] != UNLIMITED_SERVERS) & (
        schedule.server_free > schedule.start
    )
    server = np.full(program.tasks, -1)
    for unit, servers in enumerate(program.units.servers.tolist()):
        mine = np.flatnonzero(held & (program.unit == unit))
        mine = mine[np.argsort(schedule.start[mine], kind="stable")]
        server[mine] = server_of(schedule.start[mine], schedule.server_free[mine], servers)
    return server


def _joined(result: Result, task: np.ndarray, server: np.ndarray, most: int) -> np.ndarray:
    """bool[tasks], whether each becomes part of the span before it."""
    program, schedule = result.program, result.schedule
    joined = np.zeros(task.size, bool)
    too_many = task.size - most
    if too_many <= 0:
        return joined
    same = np.ones(task.size - 1, bool)
    for values in (program.unit, server, program.operator):
        same &= values[task[1:]] == values[task[:-1]]
    gap = schedule.start[task[1:]] - schedule.server_free[task[:-1]]
    may = np.flatnonzero(same)
    shortest = may[np.argsort(gap[may], kind="stable")[:too_many]]
    joined[shortest + 1] = True
    return joined


def _after(result: Result, task: np.ndarray, span_of: np.ndarray) -> np.ndarray:
    """The span of what each task waited for last, through tasks that hold no server."""
    blame = result.schedule.blame
    before = blame[task]
    while True:
        on = (before >= 0) & (span_of[before] < 0)
        if not on.any():
            break
        before[on] = blame[before[on]]
    return np.where(before >= 0, span_of[before], -1)


def buffer_steps(result: Result) -> dict[str, Steps]:
    """Bytes that are claimed of every buffer over time."""
    program, schedule = result.program, result.schedule
    if not program.claim_buffer.size:
        return {}
    claimer = np.repeat(np.arange(program.tasks), np.diff(program.claim_ptr))
    taken = schedule.grant[claimer]
    given = np.maximum.reduceat(schedule.finish[program.release], program.release_ptr[:-1])
    found = {}
    for buffer, name in enumerate(program.buffer_name):
        mine = program.claim_buffer == buffer
        size = program.claim_bytes[mine]
        times, at = np.unique(np.concatenate([taken[mine], given[mine]]), return_inverse=True)
        change = np.zeros(times.size, np.int64)
        np.add.at(change, at, np.concatenate([size, -size]))
        found[name] = Steps(times, np.cumsum(change))
    return found


def most_by_bin(steps: Steps, edges: np.ndarray) -> np.ndarray:
    """The greatest value in each bin between `edges` (ps), int64[edges - 1]."""
    time, value = steps
    if not time.size:
        return np.zeros(edges.size - 1, np.int64)
    inside = (time >= edges[0]) & (time < edges[-1])
    at = np.searchsorted(time, edges[:-1], side="right") - 1
    most = np.where(at >= 0, value[at], 0)  # at the begin of each bin
    np.maximum.at(most, np.searchsorted(edges, time[inside], side="right") - 1, value[inside])
    return most
