"""Which server of a unit ran which task, and which tasks make up the critical path."""

from __future__ import annotations

from bisect import bisect_right, insort

import numpy as np


def idle_since(start: np.ndarray, free: np.ndarray, servers: int) -> np.ndarray:
    """When the server that takes each task had become free before.

    A task takes the server that became free last, so that idle servers stay idle.

    Parameters
    ----------
    start, free : int64[n]
        When each task took a server and gave it back, sorted by start.
    servers : int

    Returns
    -------
    int64[n]
    """
    if servers == 1:
        return np.concatenate([np.zeros(1, np.int64), free[:-1]])
    waiting = [0] * servers
    before = np.empty(start.size, np.int64)
    for i, (begin, end) in enumerate(zip(start.tolist(), free.tolist(), strict=True)):
        before[i] = waiting.pop(bisect_right(waiting, begin) - 1)
        insort(waiting, end)
    return before


def server_of(start: np.ndarray, free: np.ndarray, servers: int) -> np.ndarray:
    """Which server ran each task, 0 to servers - 1, by the rule of `idle_since`.

    Parameters
    ----------
    start, free : int64[n]
        Sorted by start.
    servers : int

    Returns
    -------
    int64[n]
    """
    if servers == 1:
        return np.zeros(start.size, np.int64)
    waiting = [(0, number) for number in reversed(range(servers))]
    found = np.empty(start.size, np.int64)
    for i, (begin, end) in enumerate(zip(start.tolist(), free.tolist(), strict=True)):
        _, server = waiting.pop(bisect_right(waiting, (begin, servers)) - 1)
        found[i] = server
        insort(waiting, (end, server))
    return found


def critical_segments(
    start: np.ndarray, finish: np.ndarray, blame: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Walk back from the last finish along what each task waited for.

    Parameters
    ----------
    start, finish, blame : int64[tasks]
        As in `Schedule`.

    Returns
    -------
    task, begin, end : int64[segments]
        Segments that tile [0, last finish], latest first.
    """
    if start.size == 0:
        return start, start, start
    current = int(np.argmax(finish))
    last, blamed, chain = finish[current], blame.tolist(), []
    while current >= 0:
        chain.append(current)
        current = blamed[current]
    task = np.array(chain, np.int64)
    begin = np.minimum(np.minimum.accumulate(start[task]), last)
    begin[-1] = 0
    return task, begin, np.append(last, begin[:-1])
