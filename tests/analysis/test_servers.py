"""Servers that wait, and the critical path, on schedules made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.analysis.servers import critical_segments, idle_since, server_of


def test_one_server_was_free_since_its_last_task():
    assert idle_since(np.array([5, 9, 20]), np.array([8, 15, 30]), 1).tolist() == [0, 8, 15]


def test_a_task_takes_the_server_that_was_free_last():
    # Tasks [0, 10) and [2, 4) use both servers; at 6 the second (free since 4) takes one until
    # 12; at 11 the first (free since 10); at 13 the second again (free since 12).
    start, free = np.array([0, 2, 6, 11, 13]), np.array([10, 4, 12, 20, 14])
    assert idle_since(start, free, 2).tolist() == [0, 0, 4, 10, 12]
    assert server_of(start, free, 2).tolist() == [0, 1, 1, 0, 1]
    assert server_of(start, free, 1).tolist() == [0] * 5


@given(st.integers(1, 4), st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=30))
def test_no_server_runs_two_tasks_at_once(servers, jobs):
    free_at, now, start, free = [0] * servers, 0, [], []
    for gap, length in jobs:
        now = max(now + gap, min(free_at))
        taken = max((t for t in free_at if t <= now), key=lambda t: t)
        free_at[free_at.index(taken)] = now + length
        start.append(now)
        free.append(now + length)
    if not jobs:
        return
    before = idle_since(np.array(start), np.array(free), servers)
    assert (before <= np.array(start)).all()
    gaps = int((np.array(start) - before).sum())
    assert gaps + sum(length for _, length in jobs) == sum(free_at)


SCHEDULES = {
    # A chain: 0 [0, 4), 1 waits for 0 until 6 (clock edge), 2 waits for 1.
    "chain": ([0, 6, 9], [4, 9, 12], [-1, 0, 1], [(2, 9, 12), (1, 6, 9), (0, 0, 6)]),
    # Task 1 starts at 2 for its buffer's sake, blamed on 0, which runs on until 5.
    "overlap": ([0, 2], [5, 9], [-1, 0], [(1, 2, 9), (0, 0, 2)]),
    # The last finish is of task 0; nothing is blamed although it started late.
    "late": ([3, 0], [8, 2], [-1, -1], [(0, 0, 8)]),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_segments_tile_the_time_to_the_last_finish(name):
    start, finish, blame, expected = SCHEDULES[name]
    task, begin, end = critical_segments(np.array(start), np.array(finish), np.array(blame))
    assert list(zip(task.tolist(), begin.tolist(), end.tolist(), strict=True)) == expected
    assert end[0] == max(finish) and begin[-1] == 0
    assert (begin[:-1] == end[1:]).all() and (begin <= end).all()


def test_nothing_ran():
    empty = np.zeros(0, np.int64)
    assert all(part.size == 0 for part in critical_segments(empty, empty, empty))
