"""How well every unit was used over time, in bins of equal length.

Time is that of the replay: an operator that stands for several is seen once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accelsim.analysis.result import Result
from accelsim.analysis.states import task_lines

BINS = 160
DRAM_ROW = "DRAM"
_MEMORY_UNITS = ("load", "store")


class Timeline(NamedTuple):
    """`busy` : float64[units, bins], the part of each unit that did useful work in that bin.

    `units` names the rows, `edges_ps` : float64[bins + 1].
    """

    units: tuple[str, ...]
    edges_ps: np.ndarray
    busy: np.ndarray


def timeline(result: Result, bins: int = BINS, until_ps: int | None = None) -> Timeline:
    """Bin the useful time of every unit, and the bytes of the DRAM.

    A task's useful time (its occupancy less what it waited for operands, banks and its own
    pipeline) is spread evenly over the time for which it held its server. Loads and stores are
    one row, DRAM: the bytes of a task over the peak, spread evenly over the time in which its unit
    served it (a unit serves tasks in start order, so from the last finish before its own).

    Parameters
    ----------
    result : Result
    bins : int
    until_ps : int, optional
        End of the last bin, by default the last finish; give the longest total of several
        machines to see them on one axis.
    """
    program, schedule = result.program, result.schedule
    end = max(1, schedule.total_ps if until_ps is None else until_ps)
    edges = np.linspace(0.0, end, bins + 1)
    names, rows = [], []
    for unit, name in enumerate(program.units.name):
        servers = int(program.units.servers[unit])
        if servers == 0 or name in _MEMORY_UNITS:
            continue
        tasks = np.flatnonzero(program.unit == unit)
        useful = program.counters["busy_ps"][tasks].astype(float)
        done = _done_by(schedule.start[tasks], schedule.server_free[tasks], useful, edges)
        names.append(name)
        rows.append(np.diff(done) / (np.diff(edges) * servers))
    names.append(DRAM_ROW)
    rows.append(_dram_row(result, edges))
    return Timeline(tuple(names), edges, np.clip(np.array(rows), 0, 1))


def _dram_row(result: Result, edges: np.ndarray) -> np.ndarray:
    done = sum(dram_bytes_by_requester(result, edges).values(), np.zeros(edges.size))
    return _levelled(np.diff(done) / (np.diff(edges) * result.arch.dram.bandwidth / 1e12))


def dram_bytes_by_requester(result: Result, edges: np.ndarray) -> dict[str, np.ndarray]:
    """Bytes that each unit has moved by each edge (ps): unit -> float64[edges]."""
    program, schedule = result.program, result.schedule
    lines = task_lines(program)
    done = {}
    for unit in np.unique(program.unit[lines > 0]):
        tasks = np.flatnonzero((lines > 0) & (program.unit == unit))
        tasks = tasks[np.argsort(schedule.start[tasks], kind="stable")]
        moved = lines[tasks] * program.dram.line_bytes[program.units.chip[unit]]
        finish = schedule.finish[tasks]
        earlier = np.concatenate([[0], np.maximum.accumulate(finish)[:-1]])
        begin = np.minimum(np.maximum(schedule.start[tasks], earlier), finish - 1)
        name = program.units.name[unit]
        done[name] = _done_by(begin, finish, moved.astype(float), edges)
    return done


def _levelled(used: np.ndarray) -> np.ndarray:
    """Move what exceeds a bin to the next ones (tasks are not served quite evenly), none lost."""
    out = used.copy()
    excess = 0.0
    for order in (range(out.size), range(out.size - 1, -1, -1)):
        for at in order:
            whole = out[at] + excess
            out[at] = min(1.0, whole)
            excess = whole - out[at]
    return out


def _done_by(
    start: np.ndarray, stop: np.ndarray, amount: np.ndarray, edges: np.ndarray
) -> np.ndarray:
    """Sum of amounts done before each edge, each spread evenly over [start, stop)."""
    rate = amount / np.maximum(stop - start, 1)
    return _sum_of_minima(stop, rate, edges) - _sum_of_minima(start, rate, edges)


def _sum_of_minima(times: np.ndarray, weight: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Sum over i of weight[i] x min(times[i], edge), for every edge."""
    order = np.argsort(times, kind="stable")
    ordered, weights = times[order].astype(float), weight[order]
    before = np.searchsorted(ordered, edges)
    sums = np.concatenate([[0.0], np.cumsum(ordered * weights)])
    passed = np.concatenate([[0.0], np.cumsum(weights)])
    return sums[before] + (passed[-1] - passed[before]) * edges
