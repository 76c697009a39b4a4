"""Operators that stand for several: a whole stack against its first, middle and last layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.analysis.breakdown import path_parts
from accelsim.analysis.result import Result
from accelsim.arch.load import load_arch
from accelsim.report.text import console, run_text
from accelsim.simulation import simulate
from accelsim.workload.operators import Matmul, Operator, Vector
from accelsim.workload.trace import Trace
from tests.mapping.invariants import CHECKS
from tests.mapping.workloads import SMALL, attention, moe, trace

LAYERS = 8
# So little on chip that a layer is long against what is fetched ahead.
TIGHT = ("on_chip=128 KiB", "mapping.prefetch=16 KiB", "mapping.activation_storage=16 KiB")


def layer(number: int, first: int, repeat: int, tokens: int) -> list[Operator]:
    """Attention between two products, then experts; `first` : index of its first operator."""
    before = (first - 1,) if first else ()
    width = 256
    shape = {"m": tokens, "n": width, "k": width}
    operators = [
        Matmul(scope="q", inputs=before, **shape),
        attention(tokens, tokens + 192, heads=8, inputs=(first,)),
        Matmul(scope="o", inputs=(first + 1,), **shape),
        Vector(scope="add", elements=tokens * width, lane_operations=1, operands=2,
               inputs=(first + 2,)),
        moe(tokens, d_model=width, d_ff=512, inputs=(first + 3,)),
    ]  # fmt: skip
    return [replace(op, scope=f"L{number}.{op.scope}", repeat=repeat) for op in operators]


def stack(tokens: int, *layers: tuple[int, int]) -> Trace:
    operators: list[Operator] = []
    for number, repeat in layers:
        operators += layer(number, len(operators), repeat, tokens)
    return trace(*operators)


def whole_and_few(machine: str, tokens: int, *more: str) -> tuple[Result, Result]:
    arch = load_arch(machine, (*TIGHT, *more))
    whole = stack(tokens, *((number, 1) for number in range(LAYERS)))
    few = stack(tokens, (0, 1), (1, LAYERS - 2), (LAYERS - 1, 1))
    return simulate(arch, whole), simulate(arch, few)


def layer_times(result: Result) -> np.ndarray:
    """Time of each replayed layer, once."""
    return (
        (result.operators["time_ps"] / result.operators["repeat"]).to_numpy().reshape(-1, 5).sum(1)
    )


@pytest.mark.parametrize("level", ["simple", "train"])
@pytest.mark.parametrize("tokens", [4, 64])
@pytest.mark.parametrize("machine", SMALL)
def test_three_layers_stand_for_eight(machine: str, tokens: int, level: str) -> None:
    whole, few = whole_and_few(machine, tokens, f"dram.level={level}")
    assert few.total_ps == pytest.approx(whole.total_ps, rel=0.01)
    assert few.replayed_ps < 0.5 * few.total_ps and whole.replayed_ps == whole.total_ps
    for name in ("effectual_macs", "issued_macs", "overhead_macs", "dram_bytes"):
        assert few.summary[name] == whole.summary[name], name
    by_cause = [r.traffic.groupby("cause").sum(numeric_only=True) for r in (whole, few)]
    for name in ("unique_bytes", "requested_bytes", "over_fetch_bytes", "dram_bytes"):
        assert (by_cause[0][name] == by_cause[1][name]).all(), name
    both = [r.memory.set_index("requester") for r in (whole, few)]
    assert (both[0]["requests"] == both[1]["requests"]).all()
    occupancy = [r.units.set_index("unit")["occupancy"] for r in (whole, few)]
    assert occupancy[1].to_numpy() == pytest.approx(occupancy[0].to_numpy(), abs=0.01)


@pytest.mark.parametrize("machine", SMALL)
def test_a_layer_takes_what_it_takes_in_the_whole_stack(machine: str) -> None:
    # Command by command, layers differ by a few per cent: their weights lie in other banks.
    whole, few = whole_and_few(machine, 4, "dram.level=request")
    assert layer_times(few)[:2] == pytest.approx(layer_times(whole)[:2], rel=0.001)
    assert few.total_ps == pytest.approx(layer_times(few) @ [1, LAYERS - 2, 1])


@pytest.mark.parametrize("level", ["simple", "request", "train"])
@pytest.mark.parametrize("machine", SMALL)
def test_books_balance(machine: str, level: str) -> None:
    _, few = whole_and_few(machine, 20, f"dram.level={level}")
    for check in CHECKS:
        check(few)
    assert path_parts(few)["time_ps"].sum() == pytest.approx(few.total_ps, rel=1e-9)
    memory = few.memory.set_index("requester")
    assert memory["dram_bytes"].sum() == few.summary["dram_bytes"]
    assert memory["dram_share"].sum() == pytest.approx(few.summary["dram_utilization"])
    assert few.summary["dram_utilization"] <= 1 and few.summary["train_fraction"] <= 1


def test_what_hides_once_does_not_hide_a_hundred_times() -> None:
    # Products wait for nothing and run beside a vector operator that takes longer.
    beside = Matmul(scope="m", m=256, n=256, k=256, repeat=100)
    long = Vector(scope="v", elements=100_000, lane_operations=100)
    found = simulate(load_arch("systolic_32"), trace(long, beside))
    for check in CHECKS:
        check(found)
    array = found.units.set_index("unit").loc["array"]
    once = simulate(load_arch("systolic_32"), trace(long, replace(beside, repeat=1)))
    busy = once.units.set_index("unit").loc["array", "busy_ps"]
    assert array["busy_ps"] == 100 * busy
    assert found.total_ps >= 99 * busy and found.replayed_ps == once.total_ps
    parts = path_parts(found)
    assert parts["time_ps"].sum() == pytest.approx(found.total_ps, rel=1e-9)
    assert (parts["time_ps"] >= 0).all()


def test_a_repeat_by_hand() -> None:
    # One operator: all of its path counts 5 times, and so does what its units did.
    op = Matmul(scope="m", m=64, n=64, k=64)
    one, five = (simulate(load_arch("systolic_32"), trace(replace(op, repeat=r))) for r in (1, 5))
    assert five.total_ps == 5 * one.total_ps and five.replayed_ps == one.total_ps
    for name in ("time_ps", "span_ps", "issued_macs", "dram_bytes", "useful_bytes"):
        assert five.operators[name][0] == 5 * one.operators[name][0], name
    for name in ("utilization", "intensity", "working_set", "limited_share"):
        assert five.operators[name][0] == one.operators[name][0], name
    times = [name for name in one.units.columns if name.endswith("_ps")]
    assert np.array_equal(five.units[times], 5 * one.units[times])
    assert (five.memory["bank_stall_ps"] == 5 * one.memory["bank_stall_ps"]).all()
    assert (five.memory["read_latency_ns"] == one.memory["read_latency_ns"]).all()


def test_the_report_says_that_operators_stand_for_several(capsys) -> None:  # type: ignore[no-untyped-def]
    few = simulate(load_arch("systolic_32"), stack(8, (0, 1), (1, 6), (7, 1)))
    console().print(run_text(few))
    assert "15 operators are replayed for 40" in " ".join(capsys.readouterr().out.split())
