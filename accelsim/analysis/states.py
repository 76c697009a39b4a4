"""Unit states: exclusive, and they sum to servers x total."""

from __future__ import annotations

import numpy as np
import pandas as pd

from accelsim.analysis.columns import STATES, UNIT_COLUMNS
from accelsim.analysis.servers import idle_since
from accelsim.engine.program import Cause, Program
from accelsim.engine.schedule import Schedule


def unit_states(
    program: Program,
    schedule: Schedule,
    repeats: np.ndarray | None = None,
    total_ps: int | None = None,
) -> pd.DataFrame:
    """Time of every unit in every state.

    A service task's occupancy is busy, stalled or filling as its counters say. A memory task is
    busy while it could issue at full rate, else stalled on memory. Time before a task is what the
    task waited for: its own unit's pipeline (fill_drain), a memory task (stall:memory), another
    task (stall:input) or a buffer (stall:buffer); time before its operator began, and after a
    unit's last task, is idle.

    Parameters
    ----------
    program : Program
    schedule : Schedule
    repeats : int64[tasks], optional
        How often each task and its waits count, by default once. Waits that then go beyond the
        total, because they lay in the time of other operators, are cut in proportion.
    total_ps : int, optional
        The total that goes with it, by default the last finish.

    Returns
    -------
    pandas.DataFrame
        `UNIT_COLUMNS`, one row a unit with limited servers.
    """
    total = schedule.total_ps if total_ps is None else total_ps
    repeats = np.ones(program.tasks, np.int64) if repeats is None else repeats
    began, own = _operator_begin(program, schedule), own_time(program, schedule)
    rows = []
    for unit, name in enumerate(program.units.name):
        servers = int(program.units.servers[unit])
        if servers == 0:
            continue
        times = dict.fromkeys(STATES, 0)
        tasks = np.flatnonzero(program.unit == unit)
        if tasks.size:
            waits = dict.fromkeys(STATES, 0)
            _held(program, schedule, tasks, own, repeats[tasks], times, waits)
            _gaps(program, schedule, tasks, servers, began, repeats, waits)
            _fit(waits, servers * total - sum(times.values()))
            times = {state: times[state] + waits[state] for state in STATES}
        times["idle"] += servers * total - sum(times.values())
        row = {"unit": name, "servers": servers}
        row |= {f"{state}_ps": value for state, value in times.items()}
        rows.append(row | {"occupancy": times["busy"] / max(1, servers * total)})
    return pd.DataFrame(rows, columns=[column.name for column in UNIT_COLUMNS])


def own_time(program: Program, schedule: Schedule) -> np.ndarray:
    """How long each task keeps a server at work, int64[tasks], picoseconds.

    The occupancy of a service; of a memory task what issuing its lines at full rate takes, as far
    as it held its server.
    """
    memory = np.diff(program.run_ptr) > 0
    lines, unit = task_lines(program), program.unit
    rate = np.maximum(program.units.issue_per_cycle[unit], 1)
    ideal = -(-lines // rate) * program.units.clock_ps[unit]
    held = schedule.server_free - schedule.start
    return np.where(memory, np.minimum(held, ideal), program.occupancy_ps)


def _fit(waits: dict[str, int], room: int) -> None:
    """Cut waits in proportion where they are more than there is room for."""
    whole = sum(waits.values())
    if whole > room:
        for state, value in waits.items():
            waits[state] = value * room // whole


def _operator_begin(program: Program, schedule: Schedule) -> np.ndarray:
    """When each task's operator had been dispatched (its first control task finished)."""
    control = np.flatnonzero(program.unit == program.units.name.index("control"))
    begin = np.zeros(int(program.operator.max(initial=-1)) + 2, np.int64)
    begin[program.operator[control]] = schedule.finish[control]
    return begin[program.operator]


def _held(
    program: Program,
    schedule: Schedule,
    tasks: np.ndarray,
    own: np.ndarray,
    repeats: np.ndarray,
    times: dict[str, int],
    waits: dict[str, int],
) -> None:
    counters = program.counters
    times["busy"] += int(counters["busy_ps"][tasks] @ repeats)
    times["stall:input"] += int(counters["input_stall_ps"][tasks] @ repeats)
    times["stall:conflict"] += int(counters["conflict_stall_ps"][tasks] @ repeats)
    times["fill_drain"] += int(counters["fill_ps"][tasks] @ repeats)
    memory = np.diff(program.run_ptr)[tasks] > 0
    held = (schedule.server_free - schedule.start)[tasks][memory]
    busy = own[tasks][memory]
    times["busy"] += int(busy @ repeats[memory])
    waits["stall:memory"] += int((held - busy) @ repeats[memory])


def _gaps(
    program: Program,
    schedule: Schedule,
    tasks: np.ndarray,
    servers: int,
    began: np.ndarray,
    repeats: np.ndarray,
    waits: dict[str, int],
) -> None:
    order = tasks[np.argsort(schedule.start[tasks], kind="stable")]
    start, free = schedule.start[order], schedule.server_free[order]
    before = idle_since(start, free, servers)
    waited = (start - np.clip(began[order], before, start)) * repeats[order]
    cause, blame = schedule.cause[order], schedule.blame[order]
    blamed = np.maximum(blame, 0)
    same_unit = program.unit[blamed] == program.unit[order]
    from_memory = _memory_ancestor(program, schedule, blamed)
    depends = (cause == Cause.DEPENDENCY) & (blame >= 0)
    waits["fill_drain"] += int(waited[depends & same_unit].sum())
    waits["stall:memory"] += int(waited[depends & ~same_unit & from_memory].sum())
    waits["stall:buffer"] += int(waited[cause == Cause.BUFFER].sum())
    rest = (depends & ~same_unit & ~from_memory) | (cause == Cause.TURN) | (cause == Cause.SERVER)
    waits["stall:input"] += int(waited[rest].sum())


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
