"""Bytes and cycles of single tasks, by hand: indices, top-k, results, images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.analysis.result import TRAFFIC_NAMES, Result
from accelsim.arch.load import load_arch
from accelsim.simulation import simulate
from accelsim.workload.operators import Attention, Index, Matmul, TopK, Vector
from tests.mapping.workloads import SMALL, masked, random_mask, trace


def simulated(machine: str, *operators: object, overrides: tuple[str, ...] = ()) -> Result:
    arch = load_arch(machine, overrides).at_dram_level("simple")
    return simulate(arch, trace(*operators))  # type: ignore[arg-type]


def work(result: Result, unit: str, column: str, operator: int = 0) -> list[int]:
    """A counter of every task of a unit that belongs to an operator."""
    p = result.program
    mine = (p.unit == p.units.name.index(unit)) & (p.operator == operator)
    return list(p.counters[column][mine].tolist())


def cycles(result: Result, unit: str) -> list[int]:
    """Cycles for which every task holds its unit."""
    p = result.program
    return list((p.occupancy_ps[p.unit == p.units.name.index(unit)] // 1000).tolist())


def moved(result: Result, cause: str, operator: int = 0) -> int:
    """Bytes that an operator requests for a cause."""
    table = result.traffic
    rows = table[(table["cause"] == cause) & (table["operator"] == operator)]
    assert cause in TRAFFIC_NAMES
    return int(rows["requested_bytes"].sum())


# ---- index -----------------------------------------------------------------------------------
def index(**fields: object) -> Index:
    shape = {"scope": "i", "batch": 1, "q_len": 8, "kv_len": 16, "heads": 1, "d": 16, "top_k": 4}
    return Index(**{**shape, **fields})  # type: ignore[arg-type]


def test_scores_of_one_head_need_no_sum() -> None:
    found = simulated("sparse_small", index())
    assert work(found, "vector", "busy_ps") == []
    # 8 queries x 16 keys at 128 compares a cycle; the array writes them in fp32.
    assert cycles(found, "index") == [1]
    assert work(found, "array", "write_bytes")[-1] == 8 * 16 * 4
    summed = simulated("sparse_small", index(heads=2))
    assert work(summed, "vector", "write_bytes") == [8 * 16 * 4]


@pytest.mark.parametrize("machine", SMALL)
def test_compressed_keys_are_seen_when_their_tokens_are_there(machine: str) -> None:
    # 16 keys of 4 tokens. The last 8 of 64 tokens stand at 56 to 63: they see up to 64 // 4.
    found = simulated(machine, index(key_stride=4))
    assert work(found, "array", "issued_macs")[-1] == 8 * 16 * 16
    # With all 64 tokens as queries the first 3 see none, the last 16.
    found = simulated(machine, index(q_len=64, key_stride=4))
    issued = sum(work(found, "array", "issued_macs"))
    assert 16 * sum((p + 1) // 4 for p in range(64)) <= issued <= 64 * 16 * 16
    assert moved(found, "outputs") == 64 * 4 * 4


def test_no_more_indices_than_keys() -> None:
    found = simulated("systolic_32", index(top_k=50))
    assert moved(found, "outputs") == 8 * 16 * 4


# ---- top-k -----------------------------------------------------------------------------------
def test_a_topk_streams_from_memory() -> None:
    op = TopK(scope="t", rows=8, candidates=64, k=4)
    # A chunk of 4 KiB holds all rows of 128 B. 512 values at 128 compares a cycle, taken from the
    # stream; 8 x 4 indices of 4 B at 32 B a cycle.
    found = simulated("sparse_small", op)
    assert cycles(found, "index") == [4]
    assert work(found, "index", "read_bytes") == [0]
    assert work(found, "index", "write_bytes") == [128]
    assert (moved(found, "activations"), moved(found, "outputs")) == (1024, 128)
    # On 128 vector lanes 8 operations a value; 1,024 B in at 80 B a cycle are less.
    found = simulated("systolic_32", op)
    assert cycles(found, "vector") == [8 * 512 // 128]
    assert work(found, "vector", "read_bytes") == [1024]


def test_a_topk_reads_what_is_on_chip() -> None:
    scores = Vector(scope="v", elements=512, lane_operations=1)
    found = simulated("sparse_small", scores, TopK(scope="t", rows=8, candidates=64, k=4,
                                                   inputs=(0,)))  # fmt: skip
    assert moved(found, "activations", 1) == 0
    # 1,024 B through the index unit's port of 32 B a cycle.
    assert cycles(found, "index") == [32]


def test_long_rows_keep_a_running_topk() -> None:
    op = TopK(scope="t", rows=2, candidates=5000, k=3)
    found = simulated("sparse_small", op)
    # 10,000 B a row: 3 pieces of 3,333 or 3,334 B; indices come with the last.
    assert work(found, "index", "write_bytes") == [0, 0, 12] * 2
    assert sum(cycles(found, "index")) == 2 * sum(-(-n // 128) for n in (1666, 1667, 1667))
    p = found.program
    index_tasks = np.flatnonzero(p.unit == p.units.name.index("index"))
    start, finish = found.schedule.start[index_tasks], found.schedule.finish[index_tasks]
    assert (start[1:] >= finish[:-1]).all()


def test_attention_waits_for_a_topk() -> None:
    top = TopK(scope="t", rows=20, candidates=50, k=6)
    chosen = masked(random_mask(20, 50, 0.12), sharing="layer", selection="model", index_operator=0)
    found = simulated("sparse_small", top, chosen)
    p = found.program
    before = found.schedule.finish[p.operator == 0].max()
    assert found.schedule.start[(p.operator == 1) & (p.unit != 0)].min() >= before


# ---- results, images -------------------------------------------------------------------------
def test_a_vector_operator_writes_its_results() -> None:
    op = Vector(scope="v", elements=1000, lane_operations=2, operands=2, results=3, dtype="fp32")
    found = simulated("systolic_32", op, overrides=("mapping.activation_storage=0 B",))
    assert (moved(found, "activations"), moved(found, "outputs")) == (8000, 12000)
    # 2,000 operations on 128 lanes are 16 cycles, 12,000 B out at 80 B a cycle are 150.
    assert work(found, "vector", "write_bytes") == [12000]
    assert cycles(found, "vector") == [150]
    assert found.operators["working_set"][0] == 20000 / found.arch.scratchpad_bytes


@pytest.mark.parametrize("machine", [*SMALL, "sigma", "matraptor"])
def test_an_image_is_moved_once(machine: str) -> None:
    shape = {"scope": "m", "m": 64, "n": 32, "k": 72, "inputs": ()}
    whole = simulated(machine, Matmul(**shape))  # type: ignore[arg-type]
    image = simulated(machine, Matmul(**shape, activation_elements=600))  # type: ignore[arg-type]
    per_value = moved(whole, "activations") / (64 * 72)
    assert moved(image, "activations") == np.ceil(600 * per_value)
    for column in ("read_bytes", "write_bytes", "issued_macs"):
        assert sum(work(image, "array", column)) == sum(work(whole, "array", column)), column


# ---- values that are part of the keys --------------------------------------------------------
def latent(mask: np.ndarray, **fields: object) -> Attention:
    return masked(mask, **{"d_qk": 48, "d_v": 32, "values_in_keys": True, **fields})


@pytest.mark.parametrize("machine", [*SMALL, "sanger"])
def test_a_key_is_fetched_with_its_value(machine: str) -> None:
    whole = latent(np.ones((16, 64), bool))
    found = simulated(machine, whole, overrides=("mapping.tile_queries=16",))
    assert moved(found, "keys and values") == 64 * 48 * 2
    apart = simulated(machine, replace(whole, values_in_keys=False))
    assert moved(apart, "keys and values") == 64 * (48 + 32) * 2


def test_kept_rows_are_gathered_once() -> None:
    mask = np.zeros((8, 400), bool)
    mask[:, ::50] = True  # 8 keys of 96 B: gathers ask for whole lines, 2 each
    for machine in ("systolic_32_gather", "sparse_small"):
        found = simulated(machine, latent(mask))
        assert "fetched per tile" in found.operators["mapping"][0]
        assert work(found, "load", "gathered_rows").count(8) == 1
        assert moved(found, "keys and values") == 8 * 96


def test_scored_keys_are_given_back_and_values_fetched_again() -> None:
    mask = np.zeros((64, 4000), bool)
    mask[:, ::500] = True
    tight = ("on_chip=128 KiB", "mapping.prefetch=16 KiB", "mapping.activation_storage=16 KiB")
    op = latent(mask, selection="from_scores")
    for machine in ("systolic_32_gather", "sparse_small"):
        found = simulated(machine, op, overrides=(*tight, "mapping.tile_queries=32"))
        assert "scores_" in found.operators["mapping"][0]
        # Two tiles: all keys, then 8 values each.
        assert moved(found, "keys and values") == 2 * (4000 * 96 + 8 * 64)
        assert found.traffic.set_index("cause")["unique_bytes"]["keys and values"] == 4000 * 96
