"""Weights that are fetched by need: bytes and order by hand, and when all are streamed."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.arch.load import load_arch
from accelsim.simulation import simulate
from accelsim.workload.operators import Matmul, Vector
from accelsim.workload.patterns import pattern_from_mask
from tests.mapping.test_operators_by_hand import moved, simulated, work
from tests.mapping.workloads import random_mask, trace

GATHERING = ("systolic_32_gather", "sparse_small")


def kept(mask: np.ndarray, n: int, **fields: object) -> Matmul:
    """A product of activations of which `mask` are not zero."""
    m, k = mask.shape
    shape: dict[str, object] = {"scope": "down", "m": m, "n": n, "k": k}
    return Matmul(activation_pattern=pattern_from_mask(mask), **{**shape, **fields})  # type: ignore[arg-type]


def wanted(mask: np.ndarray, k: int, **fields: object) -> Matmul:
    """A product of which `mask` is predicted not to be zero."""
    m, n = mask.shape
    shape: dict[str, object] = {"scope": "up", "m": m, "n": n, "k": k}
    return Matmul(output_pattern=pattern_from_mask(mask), **{**shape, **fields})  # type: ignore[arg-type]


def every(count: int, length: int) -> np.ndarray:
    """One row in which `count` positions are kept, evenly spaced."""
    mask = np.zeros((1, length), bool)
    mask[0, :: length // count] = True
    return mask


@pytest.mark.parametrize("machine", GATHERING)
def test_kept_activations_fetch_their_rows(machine: str) -> None:
    # 32 of 1,024 rows of 256 bf16; 32 indices of 2 B are less than 1,024 bits.
    found = simulated(machine, kept(every(32, 1024), 256))
    assert "32 of 1024 rows of B fetched by need" in found.operators["mapping"][0]
    assert moved(found, "weights") == 32 * 512
    assert moved(found, "metadata") == 64
    assert sum(work(found, "load", "gathered_rows")) == 32
    assert sum(work(found, "array", "issued_macs")) == 32 * 256
    # The activations that meet them are brought together: 32 of 2 B.
    assert work(found, "vector", "read_bytes") == [64]


@pytest.mark.parametrize("machine", GATHERING)
def test_wanted_outputs_fetch_their_columns(machine: str) -> None:
    found = simulated(
        machine, wanted(every(32, 1024), 256), overrides=("mapping.activation_storage=0 B",)
    )
    assert "32 of 1024 columns of B fetched by need" in found.operators["mapping"][0]
    assert (moved(found, "weights"), moved(found, "outputs")) == (32 * 512, 64)
    assert moved(found, "metadata") == 64 and work(found, "vector", "read_bytes") == []
    assert sum(work(found, "array", "issued_macs")) == 32 * 256


def test_a_machine_that_does_not_gather_loads_all() -> None:
    for op in (kept(every(32, 1024), 256), wanted(every(32, 1024), 256)):
        found = simulated("systolic_32", op)
        assert moved(found, "weights") == 1024 * 512
        assert sum(work(found, "array", "issued_macs")) == 1024 * 256


@pytest.mark.parametrize("machine", GATHERING)
def test_off_with_sparsity(machine: str) -> None:
    op = kept(every(32, 1024), 256)
    found = simulated(machine, op, overrides=("mapping.sparsity=false",))
    assert moved(found, "weights") == 1024 * 512


@pytest.mark.parametrize("machine", GATHERING)
def test_a_batch_fetches_what_any_of_it_needs(machine: str) -> None:
    mask = np.zeros((4, 2048), bool)
    for token in range(4):
        mask[token, token * 8 : token * 8 + 16] = True  # 40 distinct
    found = simulated(machine, kept(mask, 128))
    assert moved(found, "weights") == 40 * 256
    issued = sum(work(found, "array", "issued_macs"))
    assert issued in (4 * 40 * 128, 4 * 16 * 128)  # densely over the union, or kept ones alone


@pytest.mark.parametrize("machine", GATHERING)
def test_the_fetch_begins_after_the_operator_before(machine: str) -> None:
    # What is streamed comes while the activation is at work; what is fetched by need cannot.
    before = Vector(scope="relu", elements=1024, lane_operations=4000)
    for mask, waits in ((every(32, 1024), True), (np.ones((1, 1024), bool), False)):
        found = simulated(machine, before, kept(mask, 256, inputs=(0,)))
        p, schedule = found.program, found.schedule
        end = schedule.finish[p.operator == 0].max()
        loads = (p.unit == p.units.name.index("load")) & (p.operator == 1)
        assert (schedule.start[loads & (p.counters["traffic"] == 1)].min() >= end) == waits


@pytest.mark.parametrize("machine", GATHERING)
def test_where_most_is_needed_all_is_streamed(machine: str) -> None:
    for mask in (np.ones((1, 1024), bool), random_mask(64, 1024, 0.1)):
        found = simulated(machine, kept(mask, 256))
        assert "by need" not in found.operators["mapping"][0]
        assert moved(found, "weights") % (1024 * 512) == 0  # once for each block of rows


def test_short_rows_cost_whole_lines() -> None:
    # 4 elements of 2 B in lines of 64 B: 8 B each are useful, and 64 B move.
    found = simulated("systolic_32_gather", kept(every(16, 1 << 15), 4))
    assert "by need" in found.operators["mapping"][0]
    rows = found.traffic.set_index("cause").loc["weights"]
    assert (rows["requested_bytes"], rows["dram_bytes"]) == (16 * 8, 16 * 64)


@pytest.mark.parametrize("machine", GATHERING)
def test_the_less_is_needed_the_sooner_it_ends(machine: str) -> None:
    totals = [simulated(machine, kept(every(n, 4096), 512)).total_ps for n in (16, 64, 256, 4096)]
    assert totals == sorted(totals) and totals[0] < totals[-1] / 10


@pytest.mark.parametrize("level", ["simple", "request"])
@pytest.mark.parametrize("axis", ["rows", "columns"])
def test_gathering_is_not_slower_than_streaming(axis: str, level: str) -> None:
    make = kept if axis == "rows" else wanted
    before = Vector(scope="relu", elements=4096, lane_operations=400)
    for count in (16, 256, 1024, 2048, 3000):
        mask = np.sort(np.random.default_rng(count).permutation(4096)[:count])
        op = make(np.isin(np.arange(4096), mask)[None, :], 200, inputs=(0,))
        totals = []
        for machine in ("systolic_32_gather", "systolic_32"):
            arch = load_arch(machine, (f"dram.level={level}",))
            totals.append(simulate(arch, trace(before, op)).total_ps)
        assert totals[0] <= 1.02 * totals[1], count
