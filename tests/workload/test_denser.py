"""Traces that keep more or fewer keys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.workload.checks import check_contents, check_operators
from accelsim.workload.denser import KNOBS, visible_keys, with_density
from accelsim.workload.operators import Attention, Index
from accelsim.workload.patterns import BlockPattern, attention_rule, pattern_from_mask
from accelsim.workload.trace import Trace

LENGTH, UNITS = 96, 2
PARAMS = {
    "topk_decay": {"k": 12},
    "topk_fitted": {"k": 8, "growth_ppm": 50_000},
    "uniform_topk": {"k": 12},
    "block_topk": {"blocks": 3, "block": 8},
    "page_topk": {"pages": 3, "page": 8},
    "band": {"window": 12},
    "sinks_window": {"window": 12},
    "global_band": {"window": 6},
    "vertical_slash": {"vertical": 6, "slash": 6},
}


def attention(pattern, **fields):
    return Attention(
        scope="attention", batch=1, heads=UNITS, kv_heads=UNITS, q_len=LENGTH, kv_len=LENGTH,
        d_qk=32, d_v=32, pattern=pattern, **fields,
    )  # fmt: skip


def of(*operators):
    return Trace(name="mine", operators=operators, seq_len=LENGTH, quality={"loss": 1.0})


def rule(name):
    return attention_rule(name, units=UNITS, q_len=LENGTH, kv_len=LENGTH, **PARAMS[name])


def stored(density=0.1):
    mask = np.random.default_rng(0).random((UNITS * LENGTH, LENGTH)) < density
    mask &= np.arange(LENGTH) <= (np.arange(len(mask)) % LENGTH)[:, None]
    mask[5] = False  # a query that keeps nothing
    return pattern_from_mask(mask)


def checked(trace):
    check_operators(trace.operators, "here")
    check_contents(trace.operators, "here")
    return trace.operators[-1].pattern


@pytest.mark.parametrize("name", KNOBS)
@pytest.mark.parametrize("factor", [0.3, 0.5, 2, 3])
def test_a_rule_keeps_nearest_to_what_is_asked(name, factor):
    assert PARAMS.keys() == KNOBS.keys()
    causal = name != "global_band"
    old = attention(rule(name), causal=causal)
    found = with_density(of(old), factor)
    pattern = checked(found.trace)
    assert found.kept == pattern.nnz and KNOBS[name][0] in found.remark
    wanted, first = factor * old.pattern.nnz, KNOBS[name][0]
    for value in (pattern.params[first] - 1, pattern.params[first] + 1):
        try:
            near = replace(pattern, params={**pattern.params, first: value})
        except Exception:
            continue
        if len(KNOBS[name]) == 1:
            assert abs(pattern.nnz - wanted) <= abs(near.nnz - wanted)
    assert len(KNOBS[name]) == 1 or abs(pattern.nnz / wanted - 1) < 0.2


@pytest.mark.parametrize("factor", [0.2, 0.5, 1.5, 4])
def test_stored_pairs_are_dropped_and_added_to_the_number_asked(factor):
    old = stored()
    found = with_density(of(attention(old)), factor)
    new = checked(found.trace)
    counts, before = new.row_counts(), old.row_counts()
    seen = visible_keys(found.trace.operators[0])
    assert (counts <= seen).all() and ((counts > 0) == (before > 0)).all()
    bound = (counts == seen) | (counts == 1)  # rows that could not take, or give, their share
    assert abs(new.nnz - factor * old.nnz) <= 1 + before[bound].sum() * abs(factor - 1)
    if not bound.any():
        assert new.nnz == round(factor * old.nnz)
    fewer, more = sorted((new, old), key=lambda pattern: pattern.nnz)
    assert not (fewer.mask() & ~more.mask()).any()
    assert "at random" in found.remark


def test_without_full_rows_the_number_is_exact():
    mask = np.zeros((UNITS * LENGTH, LENGTH), bool)
    mask[:, ::4] = True
    op = replace(attention(pattern_from_mask(mask)), causal=False)
    for factor in (0.21, 0.5, 1.37, 3):
        kept = with_density(of(op), factor).kept
        assert kept == round(factor * mask.sum())


def test_the_same_pairs_every_time_and_fewer_are_some_of_more():
    once, again = (checked(with_density(of(attention(stored())), 0.5).trace) for _ in range(2))
    assert np.array_equal(once.mask(), again.mask())
    other = checked(with_density(of(attention(stored())), 0.5, seed=1).trace)
    assert not np.array_equal(once.mask(), other.mask())
    less = checked(with_density(of(attention(stored())), 0.25).trace)
    assert not (less.mask() & ~once.mask()).any()


def test_blocks_stay_blocks():
    mask = np.random.default_rng(0).random((UNITS * LENGTH // 16, LENGTH // 16)) < 0.3
    whole = np.kron(mask, np.ones((16, 16), bool))
    op = replace(attention(pattern_from_mask(whole)), causal=False)
    assert isinstance(op.pattern, BlockPattern)
    for factor in (0.5, 2):
        new = checked(with_density(of(op), factor).trace)
        assert new.granule == op.pattern.granule
        assert abs(new.nnz - factor * op.pattern.nnz) <= 256 * len(mask)


def test_what_chooses_the_keys_chooses_as_many():
    index = Index(
        scope="index", batch=1, q_len=LENGTH, kv_len=LENGTH, heads=2, d=16, top_k=12, causal=True
    )
    pattern = attention_rule("topk_decay", units=1, q_len=LENGTH, kv_len=LENGTH, k=12)
    op = attention(pattern, sharing="layer", selection="model", index_operator=0, inputs=(0,))
    found = with_density(of(index, op), 0.5)
    assert checked(found.trace).params["k"] == found.trace.operators[0].top_k < 12


def test_dense_attention_and_a_factor_of_one_change_nothing():
    dense = replace(attention(None), scope="dense")
    found = with_density(of(dense, attention(rule("topk_decay"))), 1)
    assert found.trace.operators[0] is dense
    assert found.trace.operators[1].pattern.nnz == rule("topk_decay").nnz
    assert (found.trace.name, found.trace.quality) == ("mine", None)
    assert "dense attention as it is" in found.remark
    assert with_density(of(dense), 0.5).changed == 0


def test_nothing_is_kept_beyond_what_is_visible():
    found = with_density(of(attention(stored())), 1000)
    seen = visible_keys(found.trace.operators[0])
    keeps = stored().row_counts() > 0
    assert np.array_equal(checked(found.trace).row_counts(), seen * keeps)
