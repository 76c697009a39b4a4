"""Scatter-add into banks: a cycle-by-cycle queue model, and what no order of indices can beat."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.scatter import (
    COMBINED,
    CYCLES,
    FETCHED,
    STALLED,
    WRITTEN,
    scatter_tiles,
)

NOTHING = np.zeros((0, 1), np.int64)


def scatter_cycles(
    indices: np.ndarray, elements: int, banks: int, lanes: int, depth: int, combine: int
) -> tuple[int, int, int]:
    """One tile, every row of the table held: cycles, stalled, combined."""
    n = indices.size
    waits = np.zeros(depth + 1, np.int64)
    tiles, writes = scatter_tiles(
        indices, np.array([0, n]), -(-elements // lanes), banks, depth, combine, 0, 0,
        np.empty(n, np.int64), np.empty(n, np.int64), waits, NOTHING, NOTHING,
    )  # fmt: skip
    assert writes == 0 and waits.sum() == n - tiles[0, COMBINED]
    return tiles[0, CYCLES], tiles[0, STALLED], tiles[0, COMBINED]


def add(
    indices: np.ndarray,
    values: np.ndarray,
    table: np.ndarray,
    ends: list[int],
    held: int,
    **unit: int,
) -> tuple[np.ndarray, list[int], list[int]]:
    """Add values into the table in place; the tiles, rows fetched and rows written back."""
    figures = {"banks": 4, "depth": 2, "combine": 1, **unit}
    n = indices.size
    fetched, written = np.empty(n, np.int64), np.empty(n + held, np.int64)
    tiles, writes = scatter_tiles(
        indices, np.array([0, *ends]), 3, figures["banks"], figures["depth"], figures["combine"],
        table.shape[0], held, fetched, written, np.zeros(figures["depth"] + 1, np.int64), values,
        table,
    )  # fmt: skip
    return tiles, fetched[: tiles[:, FETCHED].sum()].tolist(), written[:writes].tolist()


@given(
    st.lists(st.integers(0, 40), max_size=120), st.sampled_from([0, 4, 8, 16]),
    st.integers(0, 120), st.integers(0, 1),
)  # fmt: skip
@settings(max_examples=100)
def test_the_sums_are_those_of_numpy(rows, held, cut, combine):
    indices = np.array(rows, np.int64)
    rng = np.random.default_rng(len(rows))
    values = rng.integers(-9, 9, size=(indices.size, 3))
    table = rng.integers(-9, 9, size=(41, 3))
    expected = table.copy()
    np.add.at(expected, indices, values)
    cut = min(cut, indices.size)
    tiles, fetched, written = add(
        indices, values, table, [cut, indices.size], held, combine=combine
    )
    assert (table == expected).all()
    if held:  # every row that was fetched goes back, and none waits for more than it must
        assert sorted(fetched) == sorted(written)
        assert len(fetched) >= len(set(rows))
        assert 0 <= len(written) - tiles[:, WRITTEN].sum() <= held


def least_recently_used(rows: list[int], banks: int, held: int) -> list[int]:
    """Rows fetched, with a list of rows a bank."""
    fetched, kept = [], [[] for _ in range(banks)]
    for row in rows:
        bank = kept[row % banks]
        if row in bank:
            bank.remove(row)
        else:
            fetched.append(row)
            if len(bank) == held // banks:
                bank.pop(0)
        bank.append(row)
    return fetched


@given(st.lists(st.integers(0, 20), max_size=100), st.sampled_from([4, 8, 12]))
@settings(max_examples=100)
def test_the_rows_held_are_those_used_last(rows, held):
    values, table = np.zeros((len(rows), 1), np.int64), np.zeros((21, 1), np.int64)
    _, fetched, _ = add(np.array(rows, np.int64), values, table, [len(rows)], held)
    assert fetched == least_recently_used(rows, 4, held)


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
