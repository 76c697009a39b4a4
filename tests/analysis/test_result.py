"""Tables of a Result: states by hand, what the path was spent on, time bins, speedups."""

from __future__ import annotations

import math

import numpy as np
import pytest

from accelsim.analysis.breakdown import PARTS, path_parts
from accelsim.analysis.columns import (
    MEMORY_COLUMNS,
    OPERATOR_COLUMNS,
    PATH_COLUMNS,
    STATES,
    SUMMARY_COLUMNS,
    TRAFFIC_COLUMNS,
    UNIT_COLUMNS,
)
from accelsim.analysis.comparison import spread
from accelsim.analysis.states import task_lines
from accelsim.analysis.timeline import DRAM_ROW, timeline
from accelsim.arch.load import load_arch
from accelsim.mapping.machine import ARRAY, CONTROL, LOAD, VECTOR, Machine, Work
from accelsim.mapping.plan import Plan, Traffic, run
from accelsim.simulation import simulate
from accelsim.workload.operators import Matmul, Vector
from tests.mapping.test_by_hand import ROUND, WS
from tests.mapping.workloads import SMALL, attention, moe, trace

MIXED = trace(
    attention(100, heads=2, kv_heads=1),
    moe(inputs=(0,)),
    Vector(scope="v", elements=4096, lane_operations=2, operands=2, inputs=(1,)),
)


@pytest.fixture(scope="module", params=SMALL)
def result(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    return simulate(load_arch(request.param), MIXED)


def test_every_column_is_declared_once(result) -> None:  # type: ignore[no-untyped-def]
    tables = [
        (result.operators, OPERATOR_COLUMNS), (result.units, UNIT_COLUMNS),
        (result.traffic, TRAFFIC_COLUMNS), (result.memory, MEMORY_COLUMNS),
    ]  # fmt: skip
    for table, columns in tables:
        assert list(table.columns) == [column.name for column in columns]
        assert all(column.formula for column in columns)
    assert [column.name for column in SUMMARY_COLUMNS] == list(result.summary)
    assert {column.name for column in PATH_COLUMNS} <= set(result.path.columns)


def test_parts_of_the_path_sum_to_the_total(result) -> None:  # type: ignore[no-untyped-def]
    parts = path_parts(result)
    assert parts["time_ps"].sum() == pytest.approx(result.total_ps, rel=1e-9)
    assert (parts["time_ps"] >= 0).all() and set(parts["part"]) <= set(PARTS)
    by_kind = parts.groupby("kind")["time_ps"].sum()
    for kind, time in result.operators.groupby("kind")["time_ps"].sum().items():
        assert by_kind.get(kind, 0) == pytest.approx(time, abs=1)


def test_time_bins_hold_the_useful_time(result) -> None:  # type: ignore[no-untyped-def]
    bins = timeline(result, 40)
    assert bins.busy.shape == (len(bins.units), 40) and bins.edges_ps[-1] == result.total_ps
    assert (bins.busy >= 0).all() and (bins.busy <= 1).all()
    occupancy = result.units.set_index("unit")["occupancy"]
    for name, row in zip(bins.units, bins.busy, strict=True):
        if name != DRAM_ROW:
            assert row.mean() == pytest.approx(occupancy[name], rel=1e-6, abs=1e-9)
    # A bin above the peak is cut off: posted writes are counted before their data has moved.
    dram = bins.busy[bins.units.index(DRAM_ROW)].mean()
    assert 0.9 <= dram / result.summary["dram_utilization"] <= 1 + 1e-9


def test_a_longer_axis_ends_in_idle_time(result) -> None:  # type: ignore[no-untyped-def]
    bins = timeline(result, 10, until_ps=2 * result.total_ps)
    assert not bins.busy[:, 5:].any() and bins.busy[:, :5].any()


def test_states_of_a_run_counted_by_hand() -> None:
    # The matmul of test_by_hand: weights arrive at 172.5, activations at 204.5, products from 205
    # to 307 (held 32 cycles, all streaming), results leave until 342.
    arch = load_arch("systolic_32", (*ROUND, *WS))
    found = simulate(arch, trace(Matmul(scope="m", m=16, n=32, k=64)))
    states = {row["unit"]: row for row in found.units.to_dict("records")}
    cycles = {
        name: {s: states[name][f"{s}_ps"] / 1000 for s in STATES} for name in ("control", "array")
    }
    assert cycles["control"] == dict.fromkeys(STATES, 0) | {"busy": 64, "idle": 342 - 64}
    # Switched to its dataflow from 64 to 80; waits for the activations' last line from 80 to 205.
    expected = {"busy": 32, "fill_drain": 16, "stall:memory": 205 - 80}
    idle = 342 - sum(expected.values())
    assert cycles["array"] == dict.fromkeys(STATES, 0) | expected | {"idle": idle}
    # The store holds its server 16 cycles for 16 lines, one a cycle: no stall.
    store = {s: states["store"][f"{s}_ps"] / 1000 for s in STATES}
    assert (store["busy"], store["stall:memory"]) == (16, 0)


def test_lines_are_those_that_pieces_touch() -> None:
    plan = Plan(Machine(load_arch("systolic_32")))
    with plan.operator(0, "x", ()):
        plan.load(run(0, 64), Traffic.WEIGHTS)
        plan.load(run(60, 8), Traffic.WEIGHTS)
        plan.load(np.array([[0, 96, 32, 4]]), Traffic.WEIGHTS)  # 0, 96, 192, 288: one line each
        plan.load(np.array([[48, 64, 32, 3]]), Traffic.WEIGHTS)  # two lines each
    program = plan.finish().program
    loads = program.unit == LOAD
    assert task_lines(program)[loads].tolist() == [1, 2, 4, 6]
    assert not task_lines(program)[~loads].any() and program.unit[0] == CONTROL


def test_speedups_are_summed_up_by_the_geometric_mean() -> None:
    found = spread([2.0, 8.0])
    assert (found.geomean, found.minimum, found.maximum) == (pytest.approx(4), 2, 8)
    assert found.verdict == "faster"
    assert spread([0.5, 0.9]).verdict == "slower"
    assert spread([0.5, 4.0]).verdict == "sign not established"
    assert spread([]).geomean == 1 and math.isfinite(spread([1e-9, 1e9]).geomean)


def test_time_before_an_operator_is_idle_and_within_it_is_waited_for() -> None:
    """Two chained services of the vector unit, one behind a service of the array."""
    from accelsim.analysis.states import unit_states
    from accelsim.engine.run import run as run_program

    plan = Plan(Machine(load_arch("systolic_32", ["control.dispatch_cycles=10"])))
    with plan.operator(0, "x", ()):
        first = plan.task(ARRAY, Work(20, 50, 20), [plan.start])  # 10..30, seen at 60
        plan.task(VECTOR, Work(5, 5, 5), [first])  # 60..65
        second = plan.task(ARRAY, Work(20, 50, 20), [first])  # 60..80, seen at 110
        plan.task(VECTOR, Work(5, 5, 2, 3), [second])  # 110..115
    program = plan.finish().program
    states = unit_states(program, run_program(program, "compiled")).set_index("unit")
    array, vector = states.loc["array"], states.loc["vector"]
    assert (array["busy_ps"], array["fill_drain_ps"], array["idle_ps"]) == (40000, 30000, 45000)
    assert (vector["busy_ps"], vector["stall:input_ps"]) == (7000, 3000 + 50000 + 45000)
    assert vector["idle_ps"] == 10000


def test_the_memory_table_adds_up(result) -> None:  # type: ignore[no-untyped-def]
    memory = result.memory.set_index("requester")
    assert memory["dram_bytes"].sum() == result.summary["dram_bytes"]
    assert memory["dram_share"].sum() == pytest.approx(result.summary["dram_utilization"])
    assert sum(memory.loc["load", "bank_waits"]) == memory.loc["load", "requests"]
    arch = result.arch
    least = arch.load.crossing + arch.dram.return_delay  # a waiting write may be read at once
    assert memory.loc["load", "read_latency_ns"] * 1000 > least
    assert 0 < result.summary["row_hit_rate"] <= 1
