"""Items on PEs: every policy against plain Python, and the bounds that all of them keep."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.balance import (
    DYNAMIC_QUEUE,
    GREEDY,
    STATIC_BLOCKS,
    STATIC_ROUND_ROBIN,
    STEALING,
    assign,
)

POLICIES = (STATIC_BLOCKS, STATIC_ROUND_ROBIN, GREEDY, DYNAMIC_QUEUE, STEALING)


def run(cycles, pes, policy, cost=0, barrier=0):
    cycles = np.array(cycles, np.int64)
    busy, finish = np.zeros(pes, np.int64), np.zeros(len(cycles), np.int64)
    return int(assign(cycles, pes, policy, cost, barrier, busy, finish)), busy, finish


@pytest.mark.parametrize(
    ("policy", "end", "busy"),
    [
        (STATIC_BLOCKS, 9, [9, 3]),
        (STATIC_ROUND_ROBIN, 7, [7, 5]),
        (GREEDY, 6, [6, 6]),
        (DYNAMIC_QUEUE, 6, [6, 6]),
        (STEALING, 7, [5, 7]),
    ],
)
def test_four_items_on_two_pes(policy, end, busy):
    found = run([5, 4, 2, 1], 2, policy)
    assert found[0] == end
    assert found[1].tolist() == busy


def test_a_barrier_adds_up_the_slowest_of_each_step():
    assert run([5, 1, 1, 5], 2, STATIC_ROUND_ROBIN)[0] == 6
    end, _, finish = run([5, 1, 1, 5], 2, STATIC_ROUND_ROBIN, barrier=1)
    assert end == 10
    assert finish.tolist() == [5, 1, 6, 10]


def test_a_theft_costs_and_takes_half():
    # PE 0 has four items of 4, PE 1 none of any length: it steals two, then one.
    assert run([4, 4, 4, 4, 0, 0, 0, 0], 2, STEALING)[0] == 8
    assert run([4, 4, 4, 4, 0, 0, 0, 0], 2, STEALING, cost=1)[0] == 9


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 20), max_size=24), st.integers(1, 6), st.sampled_from(POLICIES),
    st.integers(0, 3), st.integers(0, 3),
)  # fmt: skip
def test_no_policy_loses_work_or_beats_the_bounds(cycles, pes, policy, cost, barrier):
    end, busy, finish = run(cycles, pes, policy, cost, barrier)
    assert busy.sum() == sum(cycles)
    assert end >= max(cycles, default=0)
    assert end * pes >= sum(cycles)
    assert end == finish.max(initial=0)
    if pes == 1 and cost == 0:
        assert end == sum(cycles)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 20), max_size=24), st.integers(1, 6), st.integers(0, 3))
def test_queues_equal_a_heap(cycles, pes, cost):
    for policy, order in (
        (DYNAMIC_QUEUE, range(len(cycles))),
        (GREEDY, sorted(range(len(cycles)), key=lambda item: -cycles[item])),
    ):
        free = [(0, pe) for pe in range(pes)]
        ends = {}
        for item in order:
            if cycles[item]:
                time, pe = heapq.heappop(free)
                ends[item] = time + cycles[item] + cost
                heapq.heappush(free, (ends[item], pe))
        end, _, finish = run(cycles, pes, policy, cost)
        assert end == max(ends.values(), default=0)
        assert all(finish[item] == time for item, time in ends.items())
