"""Unit states: exclusive, and they sum to servers x total."""

from __future__ import annotations

import numpy as np
import pandas as pd

from accelsim.analysis.columns import STATES, UNIT_COLUMNS
from accelsim.analysis.servers import idle_since
from accelsim.engine.program import Cause, Program
from accelsim.engine.schedule import Schedule


def unit_states(program: Program, schedule: Schedule) -> pd.DataFrame:
    """Time of every unit in every state.

    A service task's occupancy is busy, stalled or filling as its counters say. A memory task is
    busy while it could issue at full rate, else stalled on memory. Time before a task is what the
    task waited for: its own unit's pipeline (fill_drain), a memory task (stall:memory), another
    task (stall:input) or a buffer (stall:buffer); time before its operator began, and after a
    unit's last task, is idle.

    Returns
    -------
    pandas.DataFrame
        `UNIT_COLUMNS`, one row a unit with limited servers.
    """
    total = schedule.total_ps
    began = _operator_begin(program, schedule)
    rows = []
    for unit, name in enumerate(program.units.name):
        servers = int(program.units.servers[unit])
        if servers == 0:
            continue
        times = dict.fromkeys(STATES, 0)
        tasks = np.flatnonzero(program.unit == unit)
        if tasks.size:
            _held(program, schedule, tasks, unit, times)
            _gaps(program, schedule, tasks, servers, began, times)
        times["idle"] += servers * total - sum(times.values())
        row = {"unit": name, "servers": servers}
        row |= {f"{state}_ps": value for state, value in times.items()}
        rows.append(row | {"occupancy": times["busy"] / max(1, servers * total)})
    return pd.DataFrame(rows, columns=[column.name for column in UNIT_COLUMNS])


def _operator_begin(program: Program, schedule: Schedule) -> np.ndarray:
    """When each task's operator had been dispatched (its first control task finished)."""
    control = np.flatnonzero(program.unit == program.units.name.index("control"))
    begin = np.zeros(int(program.operator.max(initial=-1)) + 2, np.int64)
    begin[program.operator[control]] = schedule.finish[control]
    return begin[program.operator]


def _held(
    program: Program, schedule: Schedule, tasks: np.ndarray, unit: int, times: dict[str, int]
) -> None:
    counters = program.counters
    times["busy"] += int(counters["busy_ps"][tasks].sum())
    times["stall:input"] += int(counters["input_stall_ps"][tasks].sum())
    times["stall:conflict"] += int(counters["conflict_stall_ps"][tasks].sum())
    times["fill_drain"] += int(counters["fill_ps"][tasks].sum())
    memory = tasks[np.diff(program.run_ptr)[tasks] > 0]
    if memory.size:
        held = schedule.server_free[memory] - schedule.start[memory]
        rate = int(program.units.issue_per_cycle[unit])
        lines = task_lines(program)[memory]
        ideal = -(-lines // rate) * int(program.units.clock_ps[unit])
        busy = np.minimum(held, ideal)
        times["busy"] += int(busy.sum())
        times["stall:memory"] += int((held - busy).sum())


def _gaps(
    program: Program,
    schedule: Schedule,
    tasks: np.ndarray,
    servers: int,
    began: np.ndarray,
    times: dict[str, int],
) -> None:
    order = tasks[np.argsort(schedule.start[tasks], kind="stable")]
    start, free = schedule.start[order], schedule.server_free[order]
    before = idle_since(start, free, servers)
    waited = start - np.clip(began[order], before, start)
    cause, blame = schedule.cause[order], schedule.blame[order]
    blamed = np.maximum(blame, 0)
    same_unit = program.unit[blamed] == program.unit[order]
    from_memory = _memory_ancestor(program, schedule, blamed)
    depends = (cause == Cause.DEPENDENCY) & (blame >= 0)
    times["fill_drain"] += int(waited[depends & same_unit].sum())
    times["stall:memory"] += int(waited[depends & ~same_unit & from_memory].sum())
    times["stall:buffer"] += int(waited[cause == Cause.BUFFER].sum())
    rest = (depends & ~same_unit & ~from_memory) | (cause == Cause.TURN) | (cause == Cause.SERVER)
    times["stall:input"] += int(waited[rest].sum())


def _memory_ancestor(program: Program, schedule: Schedule, task: np.ndarray) -> np.ndarray:
    """Whether a task, seen through joins of no duration, is a memory task."""
    is_memory = np.diff(program.run_ptr) > 0
    join = program.units.servers[program.unit] == 0
    found = task.copy()
    for _ in range(4):
        through = join[found] & (schedule.blame[found] >= 0)
        found = np.where(through, np.maximum(schedule.blame[found], 0), found)
    return is_memory[found]


def task_lines(program: Program) -> np.ndarray:
    """DRAM lines that each task touches, int64[tasks]."""
    task = np.repeat(np.arange(program.tasks), np.diff(program.run_ptr))
    line = program.dram.line_bytes[program.units.chip[program.unit[task]]]
    first, size = program.run_address, program.run_bytes
    lines = ((first + size - 1) // line - first // line + 1) * program.run_count
    uneven = (program.run_count > 1) & (program.run_stride % np.maximum(line, 1) != 0)
    for r in np.flatnonzero(uneven):  # pieces that start at different places in a line
        piece = first[r] + np.arange(program.run_count[r]) * program.run_stride[r]
        lines[r] = ((piece + size[r] - 1) // line[r] - piece // line[r] + 1).sum()
    out = np.zeros(program.tasks, np.int64)
    np.add.at(out, task, lines)
    return out
