"""A run as a trace that opens in Perfetto (ui.perfetto.dev) or chrome://tracing.

The Trace Event Format: one track a server of a unit, with a span for every task that held it; an
arrow from what a span waited for last; counters of DRAM bandwidth by requester and of claimed
bytes by buffer; operators as spans of their own, first start to last finish.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.analysis.result import Result
from accelsim.analysis.spans import Spans, Steps, buffer_steps, most_by_bin, spans
from accelsim.analysis.timeline import dram_bytes_by_requester
from accelsim.engine.program import Cause
from accelsim.errors import InputError

UNITS, OPERATORS, COUNTERS = 1, 2, 3  # processes of the trace
MOST_SPANS = 50_000
BINS = 1_000  # of a counter
PS_PER_US = 1e6
WAITED_FOR = {
    Cause.NONE: "nothing",
    Cause.DEPENDENCY: "its inputs",
    Cause.BUFFER: "room in a buffer",
    Cause.SERVER: "the unit",
    Cause.TURN: "its turn",
}
Event = dict[str, Any]


def write_chrome_trace(
    path: str | Path, result: Result, window_ps: tuple[int, int] | None = None
) -> int:
    """Write a run as gzipped JSON, all of it or nothing.

    Parameters
    ----------
    path : str or Path
        By custom NAME.json.gz.
    result : Result
    window_ps : tuple[int, int], optional
        Only what lies in it, at least in part. More than `MOST_SPANS` spans are thinned: tasks of
        one operator that follow each other on a server become one span, which says how many.

    Returns
    -------
    int
        How many spans there are.

    Raises
    ------
    InputError
        The window holds nothing, or the place cannot be written.
    """
    path = Path(path)
    begin, end = (0, result.replayed_ps) if window_ps is None else window_ps
    found = spans(result, begin, end, MOST_SPANS)
    if not found.unit.size:
        raise InputError(
            f"holds no task; the run ends at {result.replayed_ps / 1e6:,.3f} us",
            where="--timeline-window", remedy="expected BEGIN:END such as 10us:50us",
        )  # fmt: skip
    whole: dict[str, Any] = {"displayTimeUnit": "ns", "otherData": _about(result, begin, end)}
    whole["traceEvents"] = [*_events(result, found, begin, end)]
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as raw:
            with gzip.GzipFile("", "wb", 6, raw, mtime=0) as stream:
                stream.write(json.dumps(whole, separators=(",", ":"), allow_nan=False).encode())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"cannot be written: {error.strerror}", where=str(path)) from None
    return int(found.unit.size)


def _about(result: Result, begin: int, end: int) -> dict[str, str]:
    return {
        "architecture": result.arch.name,
        "workload": result.trace.name,
        "window_us": f"{begin / PS_PER_US:.6f} to {end / PS_PER_US:.6f}",
        "time": "of the replay: an operator that stands for several is seen once",
    }


def _events(result: Result, found: Spans, begin: int, end: int) -> Iterator[Event]:
    tracks = _tracks(found)
    yield from _names(result, tracks)
    yield from _unit_spans(result, found, tracks)
    yield from _arrows(found, tracks)
    yield from _operator_spans(result, begin, end)
    yield from _counters(result, begin, end)


def _tracks(found: Spans) -> dict[tuple[int, int], int]:
    """Number of the track of every (unit, server) that is seen."""
    seen = sorted(set(zip(found.unit.tolist(), found.server.tolist(), strict=True)))
    return {track: number for number, track in enumerate(seen, start=1)}


def _names(result: Result, tracks: dict[tuple[int, int], int]) -> Iterator[Event]:
    """Names and order of processes and tracks."""
    for pid, name in ((UNITS, "units"), (OPERATORS, "operators"), (COUNTERS, "counters")):
        yield {"ph": "M", "pid": pid, "name": "process_name", "args": {"name": name}}
        yield {"ph": "M", "pid": pid, "name": "process_sort_index", "args": {"sort_index": pid}}
    units = result.program.units
    for (unit, server), tid in tracks.items():
        several = f" {server}" if units.servers[unit] > 1 else ""
        about = {"ph": "M", "pid": UNITS, "tid": tid}
        yield about | {"name": "thread_name", "args": {"name": units.name[unit] + several}}
        yield about | {"name": "thread_sort_index", "args": {"sort_index": tid}}


def _unit_spans(
    result: Result, found: Spans, tracks: dict[tuple[int, int], int]
) -> Iterator[Event]:
    cause = result.schedule.cause[found.first]
    operators = result.trace.operators
    rows = zip(*(column.tolist() for column in found[:7]), cause.tolist(), strict=True)
    for unit, server, operator, begin, end, first, tasks, why in rows:
        yield {
            "ph": "X", "pid": UNITS, "tid": tracks[unit, server],
            "ts": begin / PS_PER_US, "dur": (end - begin) / PS_PER_US,
            "name": operators[operator].scope, "cat": operators[operator].kind,
            "args": {"task": first, "tasks": tasks, "waited for": WAITED_FOR[Cause(why)]},
        }  # fmt: skip


def _arrows(found: Spans, tracks: dict[tuple[int, int], int]) -> Iterator[Event]:
    """From the end of what a span waited for to its begin, where that is on another track."""
    for at in np.flatnonzero(found.after >= 0).tolist():
        before = int(found.after[at])
        track = tracks[int(found.unit[at]), int(found.server[at])]
        source = tracks[int(found.unit[before]), int(found.server[before])]
        if track == source:
            continue
        about = {"pid": UNITS, "id": at, "name": "waits for", "cat": "dependency"}
        left = min(int(found.end_ps[before]) - 1, int(found.begin_ps[at]))
        yield about | {"ph": "s", "tid": source, "ts": left / PS_PER_US}
        yield about | {"ph": "f", "bp": "e", "tid": track, "ts": found.begin_ps[at] / PS_PER_US}


def _operator_spans(result: Result, begin: int, end: int) -> Iterator[Event]:
    """Operators from first start to last finish; they overlap, so each has an id."""
    program, schedule, table = result.program, result.schedule, result.operators
    count = len(result.trace.operators)
    first = np.full(count, np.iinfo(np.int64).max)
    last = np.zeros(count, np.int64)
    np.minimum.at(first, program.operator, schedule.start)
    np.maximum.at(last, program.operator, schedule.finish)
    for number in np.flatnonzero((first < end) & (last > begin)).tolist():
        row = table.iloc[number]
        about = {
            "pid": OPERATORS, "tid": 1, "id": number, "cat": str(row["kind"]),
            "name": str(row["scope"]),
        }  # fmt: skip
        facts = {
            "time on the critical path, us": float(row["time_ps"]) / PS_PER_US,
            "limited by": str(row["limited_by"]),
            "mapping": str(row["mapping"]),
        }
        yield about | {"ph": "b", "ts": first[number] / PS_PER_US, "args": facts}
        yield about | {"ph": "e", "ts": last[number] / PS_PER_US}


def _counters(result: Result, begin: int, end: int) -> Iterator[Event]:
    """DRAM bandwidth of every requester, and bytes claimed of every buffer."""
    edges = np.linspace(begin, end, BINS + 1)
    seconds = np.diff(edges) / 1e12
    for name, done in dram_bytes_by_requester(result, edges).items():
        rate = np.diff(done) / seconds / 1e9
        yield from _counter(f"DRAM {name}, GB/s", edges[:-1], np.round(rate, 3))
    for name, steps in buffer_steps(result).items():
        times, value = _thinned(steps, edges)
        yield from _counter(f"buffer {name}, bytes claimed", times, value)


def _thinned(steps: Steps, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most that was claimed in each bin, or every step where these are fewer."""
    time, value = steps
    inside = (time >= edges[0]) & (time < edges[-1])
    if np.count_nonzero(inside) <= edges.size:
        return time[inside], value[inside]
    return edges[:-1], most_by_bin(steps, edges)


def _counter(name: str, times: np.ndarray, values: np.ndarray) -> Iterator[Event]:
    """A step for every change of a value."""
    changed = np.append(True, values[1:] != values[:-1]) if values.size else np.zeros(0, bool)
    for time, value in zip(times[changed].tolist(), values[changed].tolist(), strict=True):
        yield {
            "ph": "C", "pid": COUNTERS, "name": name, "ts": time / PS_PER_US,
            "args": {"value": value},
        }  # fmt: skip
