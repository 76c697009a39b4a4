"""Systolic fold rules: known answers, a ticking array, and laws that hold for every shape."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.kernels import systolic
from accelsim.kernels.systolic import IS, OS, PRELOAD, SERIAL, TPU, WS

SIZE = st.integers(1, 70)
EDGE = st.integers(1, 17)
DATAFLOW = st.sampled_from([WS, OS, IS])


def ticking_fold(dataflow: int, rows: int, columns: int, streamed: int) -> int:
    """Cycles of one fold, ticked: a wave enters the top-left corner every cycle."""
    cycle = 0 if dataflow == OS else rows  # the held operand enters row by row
    left = {(i, j): streamed for i in range(rows) for j in range(columns)}
    begin = cycle
    while any(left.values()):
        for (i, j), todo in left.items():
            if todo and cycle >= begin + i + j:
                left[i, j] = todo - 1
        cycle += 1
    return cycle


@given(DATAFLOW, st.integers(1, 6), st.integers(1, 6), st.integers(1, 9))
def test_one_serial_fold_is_what_a_ticking_array_takes(dataflow, rows, columns, streamed):
    sizes = {WS: (streamed, columns, rows), OS: (rows, columns, streamed)}
    m, n, k = sizes.get(dataflow, (columns, streamed, rows))
    expected = ticking_fold(dataflow, rows, columns, streamed)
    assert systolic.serial_folds(dataflow, m, n, k, rows, columns) == expected - 1


@pytest.mark.parametrize(("m", "serial", "preloaded"), [(512, 32183, 18814), (1, 13787, 4990)])
def test_preloading_hides_the_weight_load(m, serial, preloaded):
    assert systolic.serial_folds(WS, m, 768, 768, 128, 128) == serial
    assert systolic.preload(WS, m, 768, 768, 128, 128, 1)[1] == preloaded


def test_preload_of_ragged_folds_by_hand():
    # K = 20 on 8 rows: folds of 8, 8, 4 rows; N = 9 on 8 columns: 2 fold columns; M = 3 streams.
    # At 2 rows a cycle a full fold takes max(3, 4) = 4, the ragged one max(3, 2) = 3.
    occupancy, latency = systolic.preload(WS, 3, 9, 20, 8, 8, 2)
    assert occupancy == 2 * (4 + 4 + 3)
    assert latency == occupancy + 4 + 7 + 7
    # os: M = 20 rows of outputs leave behind the stream of K = 3; the ragged one leaves last.
    occupancy, latency = systolic.preload(OS, 20, 9, 3, 8, 8, 2)
    assert occupancy == 2 * (4 + 4 + 3)
    assert latency == occupancy + 2 + 7 + 7


@given(SIZE, SIZE, SIZE, EDGE, EDGE)
def test_tpu_holds_the_cheaper_side(m, n, k, rows, columns):
    def held(side, streamed):
        folds = -(-side // columns) * -(-k // rows)
        return folds * (streamed + min(k, rows) + columns)

    figures = systolic.systolic_gemm(OS, TPU, m, n, k, rows, columns, 1)
    assert figures[0] == figures[1] == min(held(n, m), held(m, n))
    side = WS if held(n, m) <= held(m, n) else IS
    assert systolic.tpu_dataflow(m, n, k, rows, columns) == side
    assert figures[3:] == systolic.edge_elements(side, m, n, k, rows, columns)


@given(DATAFLOW, SIZE, SIZE, SIZE, EDGE, EDGE, st.integers(1, 20))
def test_laws_of_preload(dataflow, m, n, k, rows, columns, rate):
    occupancy, latency = systolic.preload(dataflow, m, n, k, rows, columns, rate)
    assert occupancy <= latency
    assert occupancy * rows * columns >= m * n * k
    assert systolic.preload(dataflow, m, n, k, rows, columns, rate + 1)[0] <= occupancy
    assert systolic.preload(dataflow, m, n, k, rows, columns, rate + 1)[1] <= latency
    if dataflow != OS:  # SCALE-Sim's os lets outputs leave for nothing
        # The last fold keeps its slot for the load of whatever follows.
        slot = max(0, -(-rows // rate) - systolic.fold_shape(dataflow, m, n, k)[2])
        serial = systolic.serial_folds(dataflow, m, n, k, rows, columns)
        assert latency <= serial + 1 + slot


@given(DATAFLOW, SIZE, SIZE, SIZE, EDGE, EDGE)
def test_edge_traffic_is_the_sum_over_folds(dataflow, m, n, k, rows, columns):
    sr, sc, t = systolic.fold_shape(dataflow, m, n, k)
    totals = [0, 0, 0]
    for top, begin in itertools.product(range(0, sr, rows), range(0, sc, columns)):
        used_rows, used_columns = min(rows, sr - top), min(columns, sc - begin)
        totals[0] += used_rows * t
        totals[1] += used_columns * t if dataflow == OS else used_rows * used_columns
        totals[2] += used_rows * used_columns if dataflow == OS else used_columns * t
    assert systolic.edge_elements(dataflow, m, n, k, rows, columns) == tuple(totals)
    folds = -(-sr // rows) * -(-sc // columns)
    slots = systolic.stream_slots(dataflow, m, n, k, rows, columns)
    assert slots == folds * rows * columns * t
    assert systolic.systolic_gemm(dataflow, SERIAL, m, n, k, rows, columns, 1)[2] == m * n * k


@pytest.mark.parametrize("rule", [SERIAL, TPU, PRELOAD])
@pytest.mark.parametrize("shape", [(0, 4, 4), (4, 0, 4), (4, 4, 0)])
@pytest.mark.parametrize("dataflow", [WS, OS, IS])
def test_no_work_takes_no_time(dataflow, rule, shape):
    assert systolic.systolic_gemm(dataflow, rule, *shape, 8, 8, 4)[:3] == (0, 0, 0)


def test_large_counts_stay_exact():
    figures = systolic.systolic_gemm(WS, SERIAL, 1_000_000, 16384, 53248, 128, 128, 4)
    assert figures[0] == 416 * 128 * (2 * 128 + 128 + 1_000_000 - 2) - 1
    assert figures[2] == 1_000_000 * 16384 * 53248
