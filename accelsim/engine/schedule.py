"""The Schedule: who ran when, and why not earlier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


class DeadlockError(RuntimeError):
    """The engine stopped before all tasks finished; the message names who waits for what."""


@dataclass(frozen=True)
class Schedule:
    """When every task of a Program ran. All arrays int64, times in picoseconds.

    `ready`, `grant`, `start`, `finish` : [tasks]; `grant` is -1 for a task without claims;
    `server_free` : [tasks], when the server it held was free again. `cause` : [tasks], a `Cause`;
    `blame` : [tasks], the task that it waited for, -1 for none.

    `channel_lines`, `channel_activates`, `channel_row_hits` : [channels of all chips], lines moved,
    rows opened, and lines for which the row was open; `channel_writes` : of the lines, those
    written; `channel_writes_left` : lines that wait to be written when nothing else is to do.
    `train_lines`, `train_activates` : [chips], lines that trains moved beside these, and rows that
    they opened. `task_activates` : [tasks], rows opened for lines of the task, in trains or not;
    a row counts for the task whose line it was opened for, which may serve others. `task_merged` :
    [tasks], lines of the task for which the DRAM moved nothing, as they were served with another:
    a read with an equal one that waited or from a waiting write, a write with one.

    `bank_stall_ps` : [tasks], how long the way back stood still because a line of the task
    found the queue of its scratchpad bank full. `read_latency_ps` : [units], sum over their reads
    of issue to completion. `bank_waits` : [units, deepest bank queue + 1], reads by how many lines
    waited in their bank. `request_finish` : completion of every line in issue order of (task,
    position), empty unless recorded. `total_ps` : the last finish.
    """

    ready: np.ndarray
    grant: np.ndarray
    start: np.ndarray
    finish: np.ndarray
    server_free: np.ndarray
    cause: np.ndarray
    blame: np.ndarray
    channel_lines: np.ndarray
    channel_activates: np.ndarray
    channel_row_hits: np.ndarray
    channel_writes: np.ndarray
    channel_writes_left: np.ndarray
    train_lines: np.ndarray
    train_activates: np.ndarray
    task_activates: np.ndarray
    task_merged: np.ndarray
    bank_stall_ps: np.ndarray
    read_latency_ps: np.ndarray
    bank_waits: np.ndarray
    request_finish: np.ndarray

    @property
    def total_ps(self) -> int:
        """Time of the last finish, 0 for an empty Program."""
        return int(self.finish.max()) if self.finish.size else 0
