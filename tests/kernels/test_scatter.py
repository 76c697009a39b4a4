"""Scatter-add into banks: a cycle-by-cycle queue model, and what no order of indices can beat."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.scatter import scatter_cycles


def cycle_by_cycle(
    indices: list[int], elements: int, banks: int, lanes: int, depth: int, combine: bool
) -> tuple[int, int, int]:
    """One attempt to issue a row every cycle; (cycles, stalled, combined)."""
    service = -(-elements // lanes)
    queues: list[list[tuple[int, int]]] = [[] for _ in range(banks)]  # (row, begin of its access)
    stalled = combined = now = 0
    for row in indices:
        queue = queues[row % banks]
        while True:
            waiting = [entry for entry in queue if entry[1] > now]
            if combine and waiting and waiting[-1][0] == row:
                combined += 1
                break
            if len(waiting) < depth:
                begin = max(now, queue[-1][1] + service) if queue else now
                queue.append((row, begin))
                break
            stalled += 1
            now += 1
        now += 1
    ends = [queue[-1][1] + service for queue in queues if queue]
    return max([now, *ends]), stalled, combined


@given(
    st.lists(st.integers(0, 12), max_size=30), st.integers(1, 40), st.integers(1, 5),
    st.integers(1, 16), st.integers(1, 4), st.booleans(),
)  # fmt: skip
@settings(max_examples=100)
def test_the_kernel_is_the_queue_model(rows, elements, banks, lanes, depth, combine):
    expected = cycle_by_cycle(rows, elements, banks, lanes, depth, combine)
    indices = np.array(rows, np.int64)
    found = scatter_cycles(indices, elements, banks, lanes, depth, int(combine))
    assert tuple(found) == expected
    cycles, _, merged = expected
    service = -(-elements // lanes)
    assert cycles >= len(rows)
    assert cycles * banks >= (len(rows) - merged) * service
    if not combine:
        loads = np.bincount(indices % banks, minlength=banks) if rows else np.zeros(1)
        assert cycles >= loads.max() * service and merged == 0


def test_an_index_set_in_one_bank_serialises():
    banks, rows, service = 8, 40, 4
    one = scatter_cycles(np.arange(rows) * banks, 64, banks, 16, 8, 1)
    spread = scatter_cycles(np.arange(rows), 64, banks, 16, 8, 1)
    assert one[0] == rows * service and one[1] > 0
    assert spread[0] == rows + service - 1 and spread[1] == 0


@pytest.mark.parametrize("combine", [0, 1])
def test_equal_indices_that_wait_are_added_together(combine):
    # Accesses of 4 cycles, one row issued a cycle: row 0 begins at 0, the next waits until 4, and
    # those of cycles 2 and 3 join it; the one of cycle 4 finds it begun, waits until 8, and so on.
    cycles, _, merged = scatter_cycles(np.zeros(8, np.int64), 64, 4, 16, 8, combine)
    assert (cycles, merged) == ((12, 5) if combine else (32, 0))
