"""Generators: exact shapes, causality, random access, determinism, and realistic statistics."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.errors import InputError
from accelsim.workload.patterns import RulePattern, attention_rule
from accelsim.workload.rules import Rule, make_rule, register_rule, rule_names
from accelsim.workload.statistics import key_reuse

NEEDS_JIT = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="slow")
RULES = {
    "dense": {},
    "causal": {},
    "band": {"window": 5},
    "global_band": {"window": 4, "tokens": 2},
    "sinks_window": {"window": 5, "sinks": 3},
    "topk_decay": {"k": 9, "seed": 3},
    "topk_fitted": {
        "k": 5,
        "seed": 3,
        "growth_ppm": 90_000,
        "spread_eighths": 12,
        "pool_eighths": 3,
        "life_eighths": 5,
    },
    "block_topk": {"blocks": 3, "block": 8, "seed": 3},
    "strided": {"stride": 5},
    "bigbird": {"block": 8, "random_blocks": 2, "seed": 3},
    "compressed": {"stride": 4},
    "page_topk": {"page": 3, "pages": 5, "seed": 3},
    "uniform_topk": {"k": 9, "seed": 3},
    "vertical_slash": {"vertical": 5, "slash": 7, "seed": 3},
    "lsh": {"bucket": 8, "rounds": 3, "seed": 3},
    "unstructured": {"keep_permille": 300, "seed": 3},
    "nm": {"n": 3, "m": 8, "seed": 3},
    "bank_balanced": {"bank": 8, "keep_permille": 300, "seed": 3},
    "block_sparse": {"block": 5, "keep_permille": 300, "seed": 3},
    "contextual": {"keep_permille": 300, "seed": 3, "life_log2": 2},
}
ANY_ROWS = {  # rules whose rows need not be queries
    "dense", "unstructured", "nm", "bank_balanced", "block_sparse", "contextual",
}  # fmt: skip
BOTH_WAYS = {*ANY_ROWS, "global_band", "bigbird", "compressed"}


def build(rule: str, units: int, q_len: int, kv_len: int, **params: object) -> RulePattern:
    if rule in ANY_ROWS:
        return RulePattern(rule, units * q_len, kv_len, params)
    if rule == "bigbird":
        q_len = kv_len
    if rule == "compressed":
        params = {"tokens": kv_len * 4, **params}
    return attention_rule(rule, units=units, q_len=q_len, kv_len=kv_len, **params)


def naive(rule: str, position: int, cols: int) -> set[int]:
    """Kept keys of a static rule with the parameters above."""
    if rule == "dense":
        return set(range(cols))
    visible = set(range(position + 1))
    if rule == "causal":
        return visible
    window = set(range(position - 4, position + 1)) & visible
    if rule == "global_band":
        if position < 2:
            return set(range(cols))
        return set(range(2)) | set(range(max(0, position - 3), min(cols, position + 4)))
    return window if rule == "band" else window | (set(range(3)) & visible)


def test_every_rule_is_tested() -> None:
    assert sorted(RULES) == rule_names()


@pytest.mark.parametrize("rule", ["dense", "causal", "band", "global_band", "sinks_window"])
@pytest.mark.parametrize(("q_len", "kv_len"), [(24, 24), (8, 24), (1, 24)])
def test_static_rules_against_sets(rule: str, q_len: int, kv_len: int) -> None:
    pattern = build(rule, 2, q_len, kv_len, **RULES[rule])
    indptr, indices = pattern.csr()
    for row in range(pattern.rows):
        expected = naive(rule, kv_len - q_len + row % q_len, kv_len)
        assert indices[indptr[row] : indptr[row + 1]].tolist() == sorted(expected)


def test_a_band_that_is_not_causal_looks_both_ways() -> None:
    pattern = attention_rule("band", units=1, q_len=9, kv_len=9, window=3, causal=False)
    distance = np.abs(np.subtract.outer(np.arange(9), np.arange(9)))
    assert np.array_equal(pattern.mask(), distance < 3)


@settings(max_examples=25)
@given(
    st.sampled_from(sorted(RULES)), st.integers(1, 3), st.integers(1, 12), st.integers(0, 12),
    st.data(),
)  # fmt: skip
def test_invariants(rule: str, units: int, q: int, more: int, data: st.DataObject) -> None:
    q_len, kv_len = q * 8, (q + more) * 8
    pattern = build(rule, units, q_len, kv_len, **RULES[rule])
    indptr, indices = pattern.csr()
    assert indptr.dtype == np.int64 and indices.dtype == np.int32
    assert np.array_equal(np.diff(indptr), pattern.row_counts())
    assert pattern.nnz == len(indices)
    row = np.repeat(np.arange(pattern.rows), np.diff(indptr))
    assert (np.diff(indices)[row[1:] == row[:-1]] > 0).all()
    assert (indices >= 0).all()
    limit = kv_len - 1 if rule in BOTH_WAYS else kv_len - q_len + row % q_len
    assert (indices <= limit).all()
    start = data.draw(st.integers(0, pattern.rows))
    stop = data.draw(st.integers(start, pattern.rows))
    part_indptr, part = pattern.csr(start, stop)
    assert np.array_equal(part_indptr, indptr[start : stop + 1] - indptr[start])
    assert np.array_equal(part, indices[indptr[start] : indptr[stop]])


@settings(max_examples=40)
@given(
    k=st.integers(1, 80), sinks=st.integers(0, 6), window=st.integers(0, 1000),
    heavy=st.integers(0, 1000), pool=st.integers(0, 8), life=st.integers(0, 10),
    heavy_life=st.integers(0, 10), decay=st.integers(0, 4000), seed=st.integers(0, 2**63 - 1),
)  # fmt: skip
def test_topk_keeps_k_whatever_its_parameters(
    k: int, sinks: int, window: int, heavy: int, pool: int, life: int, heavy_life: int,
    decay: int, seed: int,
) -> None:  # fmt: skip
    pattern = attention_rule(
        "topk_decay", units=1, q_len=90, kv_len=100, k=k, sinks=sinks, window_permille=window,
        heavy_permille=min(heavy, 1000 - window), pool_log2=pool, life_log2=life,
        heavy_life_log2=heavy_life, decay_permille=decay, seed=seed,
    )  # fmt: skip
    indptr, indices = pattern.csr()
    position = np.arange(10, 100)
    assert np.array_equal(np.diff(indptr), np.minimum(k, position + 1))
    for row in range(90):
        keys = indices[indptr[row] : indptr[row + 1]]
        assert (np.diff(keys) > 0).all() and keys[0] >= 0 and keys[-1] <= position[row]


@given(
    k=st.integers(1, 60), growth=st.integers(0, 10**6), spread=st.integers(0, 80),
    window=st.integers(0, 1000), heavy=st.integers(0, 1000), sinks=st.integers(0, 60),
    pool=st.integers(0, 63), life=st.integers(0, 80), seed=st.integers(0, 2**63 - 1),
)  # fmt: skip
def test_topk_fitted_keeps_what_it_counts(
    k: int, growth: int, spread: int, window: int, heavy: int, sinks: int, pool: int, life: int,
    seed: int,
) -> None:  # fmt: skip
    pattern = attention_rule(
        "topk_fitted", units=3, q_len=30, kv_len=100, k=k, growth_ppm=growth, spread_eighths=spread,
        window_permille=window, heavy_permille=min(heavy, 1000 - window), sinks=sinks, seed=seed,
        pool_log2=pool // 8, pool_eighths=pool % 8, life_log2=life // 8, life_eighths=life % 8,
    )  # fmt: skip
    indptr, indices = pattern.csr()
    assert np.array_equal(np.diff(indptr), pattern.row_counts())
    for row in range(90):
        keys = indices[indptr[row] : indptr[row + 1]]
        assert len(keys) and (np.diff(keys) > 0).all()
        assert keys[0] >= 0 and keys[-1] <= 70 + row % 30


def test_topk_fitted_is_topk_decay_where_nothing_is_finer() -> None:
    shape = {"units": 2, "q_len": 200, "kv_len": 300, "k": 21, "seed": 4}
    coarse, fine = (attention_rule(name, **shape) for name in ("topk_decay", "topk_fitted"))
    assert np.array_equal(coarse.csr()[1], fine.csr()[1])


@pytest.mark.parametrize("units", [1, 2, 5, 32])
def test_the_units_of_topk_fitted_differ_about_the_same_mean(units: int) -> None:
    pattern = attention_rule(
        "topk_fitted", units=units, q_len=64, kv_len=4096, k=40, growth_ppm=10_000,
        spread_eighths=24,
    )  # fmt: skip
    kept = pattern.row_counts().reshape(units, 64).mean(axis=1)
    assert kept.mean() == pytest.approx(40 + 0.01 * 4064.5, rel=0.01)
    octaves = np.diff(np.sort(np.log2(kept)))
    assert octaves == pytest.approx(np.full(units - 1, 3 / units), abs=0.05)


def test_block_topk_keeps_whole_blocks_first_and_own() -> None:
    pattern = attention_rule("block_topk", units=2, q_len=512, kv_len=512, blocks=3)
    mask = pattern.mask().reshape(2, 8, 64, 8, 64)
    for band in range(8):
        touched = mask[0, band].any(axis=(0, 2))
        assert touched.sum() == min(3, band + 1) and touched[0] and touched[band]
        assert mask[0, band][:, touched & (np.arange(8) != band)].all()
        assert np.array_equal(mask[0, band][:, band], np.tri(64, dtype=bool))


@NEEDS_JIT
@pytest.mark.parametrize(("k", "length", "units"), [(64, 2048, 2), (256, 8192, 1), (512, 16384, 1)])
def test_topk_statistics_are_those_of_trained_models(k: int, length: int, units: int) -> None:
    pattern = attention_rule("topk_decay", units=units, q_len=1024, kv_len=length, k=k, seed=5)
    reuse = key_reuse(pattern, 1024, tile=16)
    assert not reuse.sampled
    assert 0.45 <= reuse.jaccard <= 0.55
    assert 3.0 <= reuse.union_over_row <= 3.8
    indptr, indices = pattern.csr(0, 1024)
    position = np.repeat(np.arange(length - 1024, length), np.diff(indptr))
    distance = position - indices
    assert (np.bincount(indices, minlength=4)[:4] == 1024).all()  # sinks
    assert np.mean(distance < k // 8) == pytest.approx(1 / 8, abs=0.02)  # window
    assert 0.03 < np.mean(distance > length // 2) < 0.25  # tail
    near = np.mean((distance >= k) & (distance < 2 * k))
    far = np.mean((distance >= length // 4) & (distance < length // 4 + k))
    assert near > 1.5 * far  # decay
    age = np.mean([np.isin(pattern.csr(300, 301)[1], pattern.csr(308, 309)[1]).mean()])
    assert age > 0.4  # heavy hitters persist


def test_seed_and_unit_change_the_keys() -> None:
    patterns = [
        attention_rule("topk_decay", units=2, q_len=64, kv_len=512, k=32, seed=seed)
        for seed in (0, 1)
    ]
    one, other = (pattern.csr(0, 64)[1] for pattern in patterns)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, patterns[0].csr(64, 128)[1])


_DIGEST = """
import hashlib
from accelsim.workload.patterns import attention_rule
shape = {"units": 2, "q_len": 4, "kv_len": 500, "k": 40, "seed": 2**62 + 1}
fine = {"pool_eighths": 3, "life_eighths": 5, "growth_ppm": 90_000, "spread_eighths": 9}
for name, more in ("topk_decay", {}), ("topk_fitted", fine):
    pattern = attention_rule(name, **shape, **more)
    print(hashlib.sha256(pattern.csr()[1].tobytes()).hexdigest())
"""


def test_the_same_bytes_with_the_jit_off() -> None:
    shape = {"units": 2, "q_len": 4, "kv_len": 500, "k": 40, "seed": 2**62 + 1}
    fine = {"pool_eighths": 3, "life_eighths": 5, "growth_ppm": 90_000, "spread_eighths": 9}
    coarse = attention_rule("topk_decay", **shape)
    patterns = coarse, attention_rule("topk_fitted", **shape, **fine)
    expected = [hashlib.sha256(p.csr()[1].tobytes()).hexdigest() for p in patterns]
    paths = os.pathsep.join(path for path in sys.path if path)
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", _DIGEST],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": paths},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert finished.stdout.split() == expected


def test_this_version_still_generates_the_recorded_keys() -> None:
    pattern = attention_rule("topk_decay", units=1, q_len=8, kv_len=2048, k=64, seed=1)
    digest = hashlib.sha256(pattern.csr()[1].astype("<i4").tobytes()).hexdigest()
    assert digest[:16] == "dd44dcf2b7d104f9", "raise the rule's version when its keys change"


def test_registry_and_parameters_refuse() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        register_rule("causal")(Rule)
    for params, place in (
        ({"k": 4, "windw": 3}, "unknown parameter of rule topk_decay 'windw'"),
        ({"k": "4"}, "parameter k must be of type int, not str"),
        ({"k": True}, "parameter k must be of type int, not bool"),
        ({}, "parameter k is missing"),
        ({"k": 0}, "k must be positive"),
        ({"k": 4, "seed": -1}, "seed must be in"),
        ({"k": 4, "window_permille": 600, "heavy_permille": 600}, "more than the whole"),
    ):
        with pytest.raises(InputError, match=place):
            attention_rule("topk_decay", units=1, q_len=8, kv_len=8, **params)
    with pytest.raises(InputError, match="did you mean 'causal'"):
        make_rule("casual", 8, 8, {})
    with pytest.raises(InputError, match="kv_len 8 is not cols 9"):
        RulePattern("causal", 8, 9, {"q_len": 8, "kv_len": 8})
    with pytest.raises(InputError, match="rows 9 are no multiple of q_len 8"):
        RulePattern("causal", 9, 8, {"q_len": 8, "kv_len": 8})
