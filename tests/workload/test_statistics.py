"""Counts against naive NumPy on dense masks."""

from __future__ import annotations

import itertools
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.workload.operators import (
    Attention,
    Gather,
    Index,
    Matmul,
    Moe,
    Operator,
    ScatterAdd,
    Sharing,
    Vector,
)
from accelsim.workload.patterns import attention_rule, pattern_from_mask
from accelsim.workload.statistics import (
    dense_macs,
    effectual_macs,
    expert_load,
    key_reuse,
    key_reuse_by_tile,
    operator_statistics,
    tensor_bytes,
)

NEEDS_JIT = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="slow")


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 12), st.integers(1, 12))
def test_matmul_macs(seed: int, m: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random((m, k)) < 0.4, rng.random((n, k)) < 0.4
    for use_a, use_b in itertools.product((False, True), repeat=2):
        operator = Matmul(
            scope="m", m=m, n=n, k=k,
            activation_pattern=pattern_from_mask(a) if use_a else None,
            weight_pattern=pattern_from_mask(b) if use_b else None,
        )  # fmt: skip
        left = a if use_a else np.ones_like(a)
        right = b if use_b else np.ones_like(b)
        assert effectual_macs(operator) == np.einsum("mk,nk->", left.astype(int), right.astype(int))
        assert dense_macs(operator) == m * n * k


@pytest.mark.parametrize(("sharing", "units"), [("head", 4), ("kv_group", 2), ("layer", 1)])
@pytest.mark.parametrize(("q_len", "kv_len"), [(8, 8), (3, 8), (1, 8)])
def test_attention_macs(sharing: Sharing, units: int, q_len: int, kv_len: int) -> None:
    rng = np.random.default_rng(0)
    visible = np.arange(kv_len) <= (kv_len - q_len + np.arange(q_len))[:, None]
    mask = (rng.random((2, units, q_len, kv_len)) < 0.5) & visible
    shape = {
        "batch": 2, "heads": 4, "kv_heads": 2, "q_len": q_len, "kv_len": kv_len, "d_qk": 5,
        "d_v": 3, "sharing": sharing,
    }  # fmt: skip
    pattern = pattern_from_mask(mask.reshape(-1, kv_len), q_len=q_len)
    operator = Attention(scope="a", pattern=pattern, **shape)
    assert effectual_macs(operator) == np.repeat(mask, 4 // units, axis=1).sum() * 8
    assert dense_macs(operator) == 2 * 4 * visible.sum() * 8
    assert effectual_macs(Attention(scope="a", **shape)) == 2 * 4 * visible.sum() * 8
    full = Attention(scope="a", causal=False, **shape)
    assert effectual_macs(full) == 2 * 4 * q_len * kv_len * 8
    density = operator_statistics(operator).density
    assert density == pytest.approx(mask.sum() / (2 * units * visible.sum()))


@pytest.mark.parametrize("matrices", [2, 3])
def test_moe_macs_and_load(matrices: int) -> None:
    ids = np.array([[0, 1], [0, 2], [0, -1]], np.int16)
    kept = np.random.default_rng(0).random((6, 7)) < 0.5
    kept[5] = False
    shape = {"tokens": 3, "d_model": 4, "d_ff": 7, "experts": 4, "top_k": 2, "matrices": matrices}
    operator = Moe(scope="m", expert_ids=ids, activation_pattern=pattern_from_mask(kept), **shape)
    assert effectual_macs(operator) == 5 * 4 * 7 * (matrices - 1) + kept.sum() * 4
    assert effectual_macs(Moe(scope="m", expert_ids=ids, **shape)) == 5 * 4 * 7 * matrices
    assert dense_macs(operator) == 5 * 4 * 7 * matrices
    assert expert_load(operator) == pytest.approx(3 / (5 / 4))
    facts = operator_statistics(operator)
    assert facts.zero_fraction == pytest.approx(1 - kept.sum() / 35)
    nothing = Moe(scope="m", expert_ids=np.full((3, 2), -1, np.int16), **shape)
    assert expert_load(nothing) == 0 and effectual_macs(nothing) == 0


def test_other_macs_and_bytes() -> None:
    index = Index(scope="i", batch=2, q_len=3, kv_len=5, heads=4, d=6, top_k=2, dtype="fp8")
    assert dense_macs(index) == 2 * (3 + 4 + 5) * 4 * 6
    assert effectual_macs(index) == 0  # prediction is overhead
    assert tensor_bytes(index) == 2 * (4 * 3 + 5) * 6 + 4 * 2 * 3 * 2
    ids = np.arange(3, dtype=np.int32)
    others: list[tuple[Operator, int]] = [
        (Gather(scope="g", table_rows=9, row_elements=4, indices=ids), 2 * 3 * 4 * 2 + 12),
        (ScatterAdd(scope="s", table_rows=9, row_elements=4, indices=ids), 2 * 3 * 4 * 2 + 12),
        (Vector(scope="v", elements=5, lane_operations=3, operands=2, dtype="fp32"), 5 * 3 * 4),
    ]
    for operator, expected in others:
        assert effectual_macs(operator) == dense_macs(operator) == 0
        assert tensor_bytes(operator) == expected
        assert operator_statistics(operator).shape
    assert tensor_bytes(Matmul(scope="m", m=2, n=3, k=4)) == 2 * (8 + 12 + 6)
    attention = Attention(scope="a", batch=2, heads=4, kv_heads=2, q_len=3, kv_len=5, d_qk=6, d_v=7)
    assert tensor_bytes(attention) == 2 * 2 * (4 * 3 + 2 * 5) * 13
    moe = Moe(
        scope="e", tokens=3, d_model=4, d_ff=7, experts=5, top_k=1, expert_ids=np.zeros((3, 1), int)
    )
    assert tensor_bytes(moe) == 2 * (5 * 2 * 4 * 7 + 2 * 3 * 4)


@pytest.mark.parametrize("q_len", [40, 20, 1])
@pytest.mark.parametrize("tile", [1, 8, 16, 64])
def test_key_reuse(q_len: int, tile: int) -> None:
    mask = np.random.default_rng(0).random((40, 30)) < 0.3
    reuse = key_reuse(pattern_from_mask(mask), q_len, tile=tile)
    units = mask.reshape(-1, q_len, 30)
    tiles = [unit[at : at + tile] for unit in units for at in range(0, q_len, tile)]
    unions = np.array([part.any(axis=0).sum() for part in tiles])
    assert reuse.union_mean == pytest.approx(unions.mean())
    assert reuse.union_max == unions.max()
    assert reuse.sharers == pytest.approx(mask.sum() / unions.sum())
    shared = [part.sum() / max(1, part.any(axis=0).sum()) for part in tiles]
    assert reuse.sharers_range == pytest.approx(tuple(np.quantile(shared, [0.1, 0.9])))
    assert reuse.union_range == pytest.approx(tuple(np.quantile(unions, [0.1, 0.9])))
    assert reuse.union_over_row == pytest.approx(unions.mean() / mask.sum(axis=1).mean())
    both, either = units[:, 1:] & units[:, :-1], units[:, 1:] | units[:, :-1]
    if q_len == 1:
        assert np.isnan(reuse.jaccard)
    else:
        pairs = both.sum(axis=2) / np.maximum(1, either.sum(axis=2))
        assert reuse.jaccard == pytest.approx(pairs.mean())
    assert reuse.rows == 40 and not reuse.sampled


@NEEDS_JIT
def test_a_sample_is_near_the_whole() -> None:
    pattern = attention_rule("topk_decay", units=2, q_len=2048, kv_len=2048, k=32)
    whole = key_reuse(pattern, 2048)
    sample = key_reuse(pattern, 2048, sampled_nnz=pattern.nnz // 4)
    assert sample.sampled and sample.rows == pattern.rows // 4
    assert sample.union_mean == pytest.approx(whole.union_mean, rel=0.1)
    assert sample.jaccard == pytest.approx(whole.jaccard, rel=0.1)


@NEEDS_JIT
@pytest.mark.parametrize("sampled_nnz", [1 << 30, 5_000])
def test_several_heights_of_tiles_are_as_each_alone(sampled_nnz: int) -> None:
    pattern = attention_rule("topk_decay", units=2, q_len=700, kv_len=700, k=32, seed=0)
    tiles = (1, 16, 48, 128, 512)
    together = key_reuse_by_tile(pattern, 700, tiles, sampled_nnz=sampled_nnz)
    assert together == [key_reuse(pattern, 700, tile=t, sampled_nnz=sampled_nnz) for t in tiles]
    assert len({reuse.union_mean for reuse in together}) == len(tiles)
