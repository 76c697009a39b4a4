"""The sanity laws of the design (its section 8), the monotonicity rule, and known answers."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from accelsim.analysis.result import Result
from accelsim.arch.load import load_arch
from accelsim.arch.scale import port_overrides
from accelsim.simulation import simulate, without_sparsity
from accelsim.workload.operators import Attention, Gather, Matmul, ScatterAdd
from accelsim.workload.patterns import attention_rule
from accelsim.workload.trace import Trace
from tests.mapping.workloads import BIG, PREDICTOR, attention, moe, selections, token_topk, trace

WIDE = {"d_qk": 128, "d_v": 128}
SLACK = 1.02  # list scheduling has anomalies


ROWS = np.random.default_rng(0).integers(0, 65536, 4096).astype(np.int32)
WORKLOADS: dict[str, Trace] = selections(1024, 128, heads=1) | {
    "dense": trace(attention(1024, **WIDE)),
    "decode": trace(attention(1, 4096, heads=8, kv_heads=1, **WIDE)),
    "matmul": trace(Matmul(scope="m", m=512, n=1024, k=1024)),
    "moe": trace(moe(256, 8, 2, d_model=256, d_ff=1024)),
    "gather": trace(Gather(scope="g", table_rows=65536, row_elements=128, indices=ROWS)),
    "scatter": trace(ScatterAdd(scope="s", table_rows=65536, row_elements=128, indices=ROWS)),
}


@cache
def shipped(machine: str, name: str) -> Result:
    return simulate(load_arch(machine), WORKLOADS[name])


def cycles(
    machine: str, work: Trace, overrides: tuple[str, ...] = (), sparse: bool = True
) -> float:
    arch = load_arch(machine, overrides)
    return float(simulate(arch if sparse else without_sparsity(arch), work).summary["total_cycles"])


# ---- known answers -------------------------------------------------------------------------------
@pytest.mark.parametrize("heads", [1, 4])
def test_dense_attention_keeps_the_array_streaming(heads: int) -> None:
    """2,048 x 2,048 x 128 on 128 x 128: Q K^T is 16 folds, P V 16, of 2,048 streamed cycles."""
    op = attention(2048, heads=heads, kv_heads=heads, causal=False, **WIDE)
    assert cycles("systolic_128", trace(op)) / heads == pytest.approx(65536, rel=0.10)


@pytest.mark.parametrize("machine", BIG)
@pytest.mark.parametrize("name", ["from_scores", "oracle", "model", "matmul", "moe", "decode"])
def test_half_the_chunk_changes_little(machine: str, name: str) -> None:
    work = WORKLOADS[name]
    if name == "matmul":
        work = trace(Matmul(scope="m", m=2048, n=4096, k=1024))
    elif name == "from_scores":
        work = trace(token_topk(2048, 128, heads=1, selection="from_scores"))
    half = cycles(machine, work, ("mapping.chunk=32 KiB",))
    assert half == pytest.approx(cycles(machine, work), rel=0.02)


@pytest.mark.parametrize("name", ["all kept", "causal"])
@pytest.mark.parametrize("machine", ["sparse_v1", "sparse_small"])
def test_a_full_pattern_is_not_faster_than_the_roofline(machine: str, name: str) -> None:
    length, arch = 512, load_arch(machine)
    rule = {"all kept": "dense", "causal": "causal"}[name]
    place = {"units": 1, "q_len": length, "kv_len": length}
    if rule == "dense":
        from accelsim.workload.patterns import pattern_from_mask

        pattern = pattern_from_mask(np.ones((length, length), bool))
    else:
        pattern = attention_rule(rule, **place)  # type: ignore[arg-type]
    op = attention(length, causal=rule == "causal", pattern=pattern)
    found = float(simulate(arch, trace(op)).summary["total_cycles"])
    pairs = pattern.nnz
    assert found >= 2 * pairs * 32 / arch.array.macs
    assert found >= pairs * 4 / arch.scratchpad.shares.array.write
    assert found >= 6 * pairs / arch.vector.lanes
    assert found >= pairs * 4 / arch.scratchpad.shares.vector.read


# ---- laws between machines -----------------------------------------------------------------------
MAC_BOUND = {
    "attention": trace(attention(2048, causal=False, **WIDE)),
    "causal attention": trace(attention(2048, **WIDE)),
    "matmul": trace(Matmul(scope="m", m=2048, n=2048, k=2048)),
}


@pytest.mark.parametrize("name", MAC_BOUND)
def test_without_sparsity_the_candidate_is_as_fast_as_the_baseline(name: str) -> None:
    work = MAC_BOUND[name]
    ratio = cycles("sparse_v1", work, sparse=False) / cycles("systolic_128", work)
    assert 0.9 <= ratio <= 1.1


@pytest.mark.parametrize("matrices", [2, 3])
@pytest.mark.parametrize("tokens", [512, 2048])
def test_dense_experts_gain_nothing(tokens: int, matrices: int) -> None:
    work = trace(moe(tokens, 8, 2, d_model=1024, d_ff=4096, matrices=matrices))
    ratio = cycles("sparse_v1", work, sparse=False) / cycles("systolic_128", work)
    assert 0.9 <= ratio <= 1.1


@pytest.mark.parametrize("length", [2048, 3072])
def test_one_index_set_for_all_heads_gains_nothing_over_gathering(length: int) -> None:
    """The core of DSA: 32 heads share 512 keys a query, so the union of a query is its own set."""
    op = token_topk(length, 512, heads=32, kv_heads=1, sharing="layer")
    ratio = cycles("sparse_v1", trace(op)) / cycles("systolic_128_gather", trace(op))
    assert 0.9 <= ratio <= 1.1


def decode(kv_len: int, k: int, **fields: object) -> Attention:
    """One query a head over its own keys, of which k are kept."""
    rule = attention_rule("topk_decay", units=8, q_len=1, kv_len=kv_len, k=k, seed=1)
    shape = {"heads": 8, "kv_heads": 8, "selection": "oracle", **WIDE}
    return attention(1, kv_len, pattern=rule, **{**shape, **fields})


@pytest.mark.parametrize(("kv_len", "k"), [(8192, 256), (8192, 1024), (32768, 512)])
def test_decode_gains_at_most_the_bytes_that_it_saves(kv_len: int, k: int) -> None:
    base = cycles("systolic_128", trace(decode(kv_len, k)))
    row = 256
    dense, kept = 2 * kv_len * row, 2 * k * row
    scanned = {"oracle": 0, "accelerator": kv_len * 32, "from_scores": kv_len * row - k * row}
    for selection, extra in scanned.items():
        predictor = PREDICTOR if selection == "accelerator" else None
        op = trace(decode(kv_len, k, selection=selection, predictor=predictor))
        for machine in ("systolic_128_gather", "sparse_v1"):
            assert base / cycles(machine, op) <= 1.05 * dense / (kept + extra)


@pytest.mark.parametrize("k", [64, 256])
def test_per_head_topk_gains_at_most_what_the_index_unit_lets_through(k: int) -> None:
    """Indices from scores: 512 compares a cycle against the array's 128 scores: at most 4x."""
    work = trace(token_topk(2048, k, heads=2, selection="from_scores"))
    gain = cycles("systolic_128", work) / cycles("sparse_v1", work)
    assert gain <= load_arch("sparse_v1").index.compares_per_cycle / 128  # type: ignore[union-attr]


def test_multicast_gains_at_most_what_the_ports_feed() -> None:
    """Candidate over (baseline + gather) <= port bytes x queries a tile / 32,768 x unions."""
    op = token_topk(2048, 128, heads=1)
    time, union, tile = {}, {}, {}
    indptr, indices = op.pattern.csr(0, 2048)  # type: ignore[union-attr]
    for machine in ("systolic_128_gather", "sparse_v1"):
        found = simulate(load_arch(machine), trace(op))
        time[machine] = found.total_ps
        chosen = re.search(r"tile of (\d+) of", found.operators["mapping"][0])
        assert chosen is not None
        tile[machine] = rows = int(chosen[1])
        parts = [indices[indptr[i] : indptr[i + rows]] for i in range(0, 2048, rows)]
        union[machine] = float(np.mean([np.unique(part).size for part in parts]))
    theirs, ours = "systolic_128_gather", "sparse_v1"
    port = load_arch(ours).scratchpad.shares.array.read
    bound = port * tile[ours] / 32768 * union[theirs] / union[ours]
    assert 1 < time[theirs] / time[ours] <= bound
    assert time[ours] >= 2 * union[ours] * 2048 / tile[ours] * 256 / port * 1000


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_choice_never_hurts(name: str) -> None:
    """A machine that may gather or skip may as well not."""
    plain, third = shipped("systolic_128", name), shipped("systolic_128_gather", name)
    assert third.total_ps <= SLACK * plain.total_ps
    off = cycles("sparse_v1", WORKLOADS[name], sparse=False)
    assert shipped("sparse_v1", name).summary["total_cycles"] <= SLACK * off


# ---- monotonicity --------------------------------------------------------------------------------
def more(machine: str) -> dict[str, tuple[str, ...]]:
    """Overrides that give a machine more of something, its storage grown where that needs it."""
    arch = load_arch(machine)

    def room(size: int) -> str:
        return f"on_chip={arch.on_chip + size} B"

    changes: dict[str, tuple[str, ...]] = {
        "bandwidth": ("dram.bandwidth=1800 GB/s",),
        "outstanding": (
            f"load.outstanding={2 * arch.load.outstanding}",
            room(arch.load.outstanding * arch.load.tag_bytes),
        ),
        "lanes": (f"vector.lanes={2 * arch.vector.lanes}",),
        "ports x2": tuple(port_overrides(arch, 2)),
        "ports x1.5": tuple(port_overrides(arch, 1.5)),
        "on chip": (f"on_chip={2 * arch.on_chip} B",),
    }
    if arch.array.kind == "sparse":
        double = ("query_storage", "accumulators", "fifo_storage")
        sizes = {name: getattr(arch.array, name) for name in double}
        changes["rows"] = (
            f"array.rows={2 * arch.array.rows}",
            *(f"array.{name}={2 * size} B" for name, size in sizes.items()),
            room(sum(sizes.values())),
        )
        changes["fifo"] = (
            f"array.fifo_depth={2 * arch.array.fifo_depth}",
            f"array.fifo_storage={2 * arch.array.fifo_storage} B",
            room(arch.array.fifo_storage),
        )
    else:
        shapes = "{count: 1, rows: 256, columns: 128}, {count: 1, rows: 128, columns: 128}"
        changes["rows"] = (
            f"array.shapes=[{shapes}, {{count: 4, rows: 64, columns: 64}}]",
            f"array.stationary={2 * arch.array.stationary} B",
            room(arch.array.stationary),
        )
    return changes


# More, and yet slower by more than 2 %, with the reason. With more heads the first goes below 2 %:
# 4.3, 2.8, 2.1 and 1.5 % for 1, 2, 4 and 8.
TALLER = "vector lanes limit it, and a taller array is filled and drained for longer"
# Without refresh it is 1.0 %: a 19 us run, in which one more load meets a refresh of 0.3 us.
REFRESH = "loads are issued earlier, and one on the critical path meets a refresh"
EXCEPTIONS = {
    ("sparse_v1", "on chip", "model"): REFRESH,
    ("systolic_128", "rows", "decode"): TALLER,
    ("systolic_128_gather", "rows", "decode"): TALLER,
    ("systolic_128_gather", "rows", "static"): TALLER,
    ("systolic_128_gather", "rows", "oracle"): TALLER,
    ("systolic_128_gather", "rows", "model"): TALLER,
}


@pytest.mark.parametrize(("machine", "what"), [(m, what) for m in BIG for what in more(m)])
def test_more_is_never_slower(machine: str, what: str) -> None:
    slower = {}
    for name, work in WORKLOADS.items():
        ratio = cycles(machine, work, more(machine)[what])
        ratio /= shipped(machine, name).summary["total_cycles"]
        if ratio > SLACK and (machine, what, name) not in EXCEPTIONS:
            slower[name] = round(ratio, 3)
    assert not slower


def test_a_longer_sequence_is_never_faster() -> None:
    for machine in BIG:
        times = [cycles(machine, trace(token_topk(n, 64, heads=1))) for n in (256, 512, 1024)]
        assert times == sorted(times)


def test_fewer_kept_keys_are_never_slower() -> None:
    for machine in BIG:
        times = [cycles(machine, trace(token_topk(1024, k, heads=1))) for k in (32, 128, 512)]
        assert times[0] <= SLACK * times[1] and times[1] <= SLACK * times[2]


def test_replacing_the_type_by_a_faster_one_is_never_slower() -> None:
    for machine in BIG:
        op = WORKLOADS["dense"].operators[0]
        assert cycles(machine, trace(replace(op, dtype="fp8"))) <= cycles(machine, trace(op))
