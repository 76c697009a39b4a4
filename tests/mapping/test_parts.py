"""The small parts of the mapping: work, runs, the software pipeline, residency, permutations."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.arch.load import arch_source, load_arch
from accelsim.errors import InputError
from accelsim.mapping.arrays import Gemm, gemm_model
from accelsim.mapping.machine import ARRAY, VECTOR, Core, Machine, Work
from accelsim.mapping.moe import routed_slots, take_rows
from accelsim.mapping.multicast import pair_ticks
from accelsim.mapping.pipeline import Pipeline, Step
from accelsim.mapping.plan import row_runs
from accelsim.mapping.reuse import Reuse, Rows
from accelsim.mapping.spmm import spmm_work, spmm_works
from accelsim.simulation import simulate
from accelsim.workload.operators import Matmul, Vector
from accelsim.workload.patterns import RulePattern
from tests.mapping.workloads import SMALL, attention, moe, trace

COUNTS = st.integers(0, 1000)
SYSTOLIC = Machine(load_arch("systolic_32"))


@st.composite
def works(draw: st.DrawFn) -> Work:
    busy, stall, conflict, fill = (draw(COUNTS) for _ in range(4))
    cycles = busy + stall + conflict + fill
    imbalance = draw(st.integers(0, stall))
    others = [draw(COUNTS) for _ in Work._fields[7:]]
    latency = cycles + draw(COUNTS)
    return Work(cycles, latency, busy, stall, imbalance, conflict, fill, *others)


def parts_add_up(work: Work) -> bool:
    parts = work.busy_cycles + work.input_stall_cycles
    parts += work.conflict_stall_cycles + work.fill_cycles
    return work.cycles == parts and work.latency_cycles >= work.cycles


@given(works(), works(), st.integers(1, 7))
def test_work_is_neither_lost_nor_made(a: Work, b: Work, count: int) -> None:
    pieces = a.split(count)
    for name in a._fields:
        if name != "latency_cycles":
            assert sum(getattr(piece, name) for piece in pieces) == getattr(a, name)
            assert getattr(a.plus(b), name) == getattr(a, name) + getattr(b, name)
            assert getattr(a.times(count), name) == count * getattr(a, name)
    assert all(parts_add_up(work) for work in (*pieces, a.plus(b), a.times(count)))


@given(works(), st.sampled_from([ARRAY, VECTOR]))
def test_a_charge_never_lets_more_through_than_the_port(work: Work, unit: int) -> None:
    machine = SYSTOLIC
    share = {ARRAY: (320, 128), VECTOR: (80, 80)}[unit]
    charged = machine.charged(unit, work)
    assert parts_add_up(charged) and charged.busy_cycles == work.busy_cycles
    need = max(-(-work.read_bytes // share[0]), -(-work.write_bytes // share[1]))
    assert charged.cycles == max(work.cycles, need)
    assert charged.latency_cycles - charged.cycles == work.latency_cycles - work.cycles


@given(st.lists(st.integers(0, 20), max_size=20))
def test_runs_fetch_every_row_once_for_each_mention(rows: list[int]) -> None:
    runs = row_runs(4096, np.array(rows, np.int64), 48)
    fetched = [a for a, _, size, n in runs.tolist() for a in range(a, a + size * n, 48)]
    assert fetched == [4096 + 48 * row for row in rows]


def test_the_pipeline_fetches_ahead_and_follows_behind() -> None:
    order: list[str] = []
    pipeline = Pipeline(ahead=1, lag=2)
    for i in range(4):
        pipeline.add(Step(*(lambda word=word, i=i: order.append(f"{word}{i}") for word in "fcv")))
    pipeline.flush()
    assert order == ["f0", "f1", "c0", "f2", "c1", "f3", "c2", "v0", "c3", "v1", "v2", "v3"]


def test_slots_of_experts_and_their_rows() -> None:
    ids = np.array([[1, 0], [-1, 1], [2, 1]], np.int16)
    found = routed_slots(moe(3, 4, 2, expert_ids=ids))
    assert [slots.tolist() for slots in found] == [[1], [0, 3, 5], [4], []]
    indptr, indices = np.array([0, 2, 2, 5]), np.array([1, 4, 0, 2, 3], np.int32)
    out, kept = take_rows(indptr, indices, np.array([2, 0, 1, 2]))
    assert out.tolist() == [0, 3, 5, 5, 8] and kept.tolist() == [0, 2, 3, 1, 4, 0, 2, 3]


@pytest.mark.parametrize(
    ("width", "dtype", "cycles"),
    [(32, "bf16", 0.5), (16, "bf16", 0.25), (64, "bf16", 1), (48, "bf16", 1), (100, "bf16", 2),
     (32, "fp8", 0.25), (32, "fp32", 2)],
)  # fmt: skip
def test_a_row_takes_so_long_for_a_pair(width: int, dtype: str, cycles: float) -> None:
    # 4 segments of 16 lanes: as many dots at once as whole groups of segments.
    assert pair_ticks(Machine(load_arch("sparse_small")), width, dtype) == cycles * 1024


@cache
def gemm(machine: str) -> tuple[Gemm, int]:
    core = Core(load_arch(machine))
    return gemm_model(core, Reuse()), core.array.macs


@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 200), st.sampled_from(SMALL))
def test_no_gemm_is_faster_than_the_macs(m: int, n: int, k: int, machine: str) -> None:
    model, macs = gemm(machine)
    work = model(m, n, k, "bf16", 4)
    assert parts_add_up(work)
    assert work.busy_cycles * macs >= work.issued_macs == m * n * k
    assert work.read_bytes >= (m + n) * k * 2 and work.write_bytes == m * n * 4


@pytest.mark.parametrize("machine", SMALL)
def test_a_result_that_stays_on_chip_is_not_fetched(machine: str) -> None:
    first = Vector(scope="v", elements=2048, lane_operations=1)
    then = Matmul(scope="m", m=32, n=32, k=64, inputs=(0,))
    found = simulate(load_arch(machine), trace(first, then)).traffic
    assert not ((found["operator"] == 1) & (found["cause"] == "activations")).any()
    away = simulate(load_arch(machine, ["mapping.activation_storage=0 B"]), trace(first, then))
    table = away.traffic.set_index(["operator", "cause"])["requested_bytes"]
    assert table[0, "outputs"] == table[1, "activations"] == 4096


@pytest.mark.parametrize("machine", SMALL)
def test_what_was_written_to_dram_is_fetched_by_all_its_readers(machine: str) -> None:
    """Q, K and V in one result of 12 KiB: too large to stay, though each third would."""
    work = trace(
        Matmul(scope="qkv", m=64, n=96, k=32),
        attention(64, inputs=(0,)),
    )
    found = simulate(load_arch(machine, ["mapping.activation_storage=24 KiB"]), work)
    table = found.traffic.set_index(["operator", "cause"])["requested_bytes"]
    assert table[0, "outputs"] == 64 * 96 * 2
    assert table[1, "queries"] == 4096 and table[1, "keys and values"] >= 8192


def test_slices_of_a_sparse_product_are_costed_once_and_add_up() -> None:
    machine = Machine(load_arch("sparse_v1"))
    rng = np.random.default_rng(3)
    kept = rng.random((200, 512)) < 0.4
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    rows = Rows(indptr, np.nonzero(kept)[1])
    found = spmm_works(machine, rows, 512, [300, 44, 128, 300], "bf16")
    assert list(found) == [300, 44, 128]
    assert found[300] == found[128].plus(found[128]).plus(found[44])
    assert all(found[width] == spmm_work(machine, rows, 512, width, "bf16") for width in found)


def test_the_bitmap_of_pruned_weights_comes_block_by_block() -> None:
    """1 MiB of bits, more than there is storage for tiles; each block of rows reads all."""
    pruned = RulePattern("nm", 8192, 1024, {"n": 1, "m": 8})
    op = Matmul(scope="up", m=256, n=8192, k=1024, weight_pattern=pruned)
    arch = load_arch("sparse_small")
    found = simulate(arch, trace(op))
    assert Machine(arch).tiles_bytes < 8192 * 1024 // 8
    table = found.traffic.set_index(["operator", "cause"])["requested_bytes"]
    assert table[0, "metadata"] % (8192 * 1024 // 8) == 0 and table[0, "metadata"] > 0


def expert_utilization(rows: int) -> float:
    """Of one expert, whose sizes are whole folds of an array of so many rows by 128."""
    shape = {"count": 1, "rows": rows, "columns": 128}
    small = [("on_chip", "8 MiB"), ("mapping.prefetch", "1 MiB")]
    small += [("mapping.activation_storage", "2 MiB"), ("dram.level", "simple")]
    source = arch_source("systolic_128").with_settings(
        [("array.shapes", [shape]), ("array.stationary", f"{rows // 2} KiB"), *small]
    )
    one = moe(512, 1, 1, d_model=6 * rows, d_ff=6 * rows)
    return float(simulate(source.arch(), trace(one)).operators.utilization.iloc[0])


@pytest.mark.parametrize("rows", [170, 190])
def test_an_expert_is_cut_into_whole_folds_of_any_array(rows: int) -> None:
    assert expert_utilization(rows) > 0.9 * expert_utilization(128)


def test_no_room_for_the_smallest_tile_says_what_to_do() -> None:
    arch = load_arch("systolic_32", ["on_chip=40 KiB", "mapping.prefetch=4 KiB",
                                     "mapping.activation_storage=0 B"])  # fmt: skip
    with pytest.raises(InputError, match="raise on_chip"):
        simulate(arch, trace(Matmul(scope="wide", m=4, n=8, k=60_000)))


def test_a_type_that_the_array_lacks() -> None:
    arch = load_arch("systolic_32", ["mac_rate={bf16: 1}"])
    with pytest.raises(InputError, match="fp8"):
        simulate(arch, trace(attention(8, dtype="fp8")))
