"""What the reference engine knows of a task, a claim and a buffer; the order of an instant."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import IntEnum

from accelsim.engine.program import Cause, Program


class Phase(IntEnum):
    """The order of what happens at one instant."""

    RETURN = 0
    COMPLETE = 1
    FINISH = 2
    SETTLE = 3
    ISSUE = 4
    EDGE = 5


# Lets something happen at a time, in a phase, at a place in the order of the phase.
At = Callable[[int, Phase, int, Callable[[], None]], None]


def round_up(time: int, clock: int) -> int:
    """First edge of the clock at or after a time."""
    return -(-time // clock) * clock


def latest(known: tuple[int, int], now: int, task: int) -> tuple[int, int]:
    """Bring (instant, highest task of that instant) up to date."""
    return max(known, (now, task))


class Task:
    """What the engine knows of one task; times are None until they happen."""

    def __init__(self, p: Program, index: int) -> None:
        self.index = index
        self.occupancy = int(p.occupancy_ps[index])
        self.latency = int(p.latency_ps[index])
        self.runs = range(p.run_ptr[index], p.run_ptr[index + 1])
        self.unfinished_preds = int(p.pred_ptr[index + 1] - p.pred_ptr[index])
        self.claims: list[Claim] = []
        self.successors: list[Task] = []
        self.releases: list[Claim] = []
        self.ready: int | None = None
        self.grant: int | None = None
        self.start: int | None = None
        self.finish: int | None = None
        self.server_free: int | None = None
        self.last_dep: tuple[int, int] | None = None  # (finish, task) of the last predecessor
        self.grant_blame = -1
        self.cause, self.blame = Cause.NONE, -1
        self.lines_open = 0  # issued and not complete
        self.all_issued = False
        self.line_finish: list[int] = []
        self.bank_stall = 0
        self.activates = self.merged = 0  # rows opened for its lines; lines served with another


class Claim:
    """Bytes of a buffer, until the last of some tasks has finished."""

    def __init__(self, buffer: Buffer, size: int, releasers: int) -> None:
        self.buffer, self.size, self.unfinished_releasers = buffer, size, releasers


class Buffer:
    """Free bytes, and the line of tasks that want some."""

    def __init__(self, size: int) -> None:
        self.free = size
        self.line: deque[Task] = deque()
