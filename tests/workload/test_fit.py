"""Fits of rules to traces: near enough, known parameters found again, other lengths, refusals."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from accelsim.errors import InputError
from accelsim.report.text import console
from accelsim.report.workloads import recipe_text
from accelsim.workload.fit import AttentionFit, fit_attention
from accelsim.workload.fit_routing import fit_routing
from accelsim.workload.operators import Attention, Moe
from accelsim.workload.overlap import Overlap, Sample, overlap
from accelsim.workload.patterns import attention_rule
from accelsim.workload.recipes.fitted import (
    attention_fit,
    attention_parameters,
    routing_fit,
    routing_parameters,
)
from accelsim.workload.recipes.recipe import load_recipe
from accelsim.workload.trace import Trace, read_trace, shipped_workloads

NEEDS_JIT = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="slow")
CAPTURED = ["tiny_moe_lm", "tiny_moe_lm_mass95", "tiny_moe_lm_random"]


def trace_of(
    length: int, units: int, rule: str = "topk_decay", *, q_len: int = 0, **params: object
) -> Trace:
    """A trace of one attention operator whose pattern is a rule's."""
    q_len = q_len or length
    pattern = attention_rule(rule, units=units, q_len=q_len, kv_len=length, **params)
    operator = Attention(
        scope="attention", batch=1, heads=units, kv_heads=units, q_len=q_len, kv_len=length,
        d_qk=64, d_v=64, pattern=pattern, selection="from_scores",
    )  # fmt: skip
    return Trace(name="made", operators=(operator,))


def routed(ids: np.ndarray, experts: int) -> Trace:
    tokens, top_k = ids.shape
    operator = Moe(
        scope="moe", tokens=tokens, d_model=8, d_ff=8, experts=experts, top_k=top_k,
        expert_ids=ids.astype(np.int16),
    )  # fmt: skip
    return Trace(name="made", operators=(operator,))


def assert_near(fitted: Overlap, trace: Overlap, within: float) -> None:
    assert fitted.kept == pytest.approx(trace.kept, rel=0.01)
    assert fitted.jaccard == pytest.approx(trace.jaccard, rel=within)
    assert fitted.unions == pytest.approx(trace.unions, rel=within)


@NEEDS_JIT
@pytest.mark.parametrize("name", CAPTURED)
def test_a_captured_trace_is_imitated(name: str) -> None:
    fit = attention_fit(name)
    trace = read_trace(shipped_workloads()[name])
    kept = [op.pattern for op in trace.operators if isinstance(op, Attention) and op.pattern]
    assert len(fit.operators) == len(kept) == 4
    assert fit.trace.kept == pytest.approx(sum(p.nnz for p in kept) / sum(p.rows for p in kept))
    assert_near(fit.fitted, fit.trace, 0.10)
    assert fit.fitted.far_from(fit.trace) < 0.12
    pattern = attention_rule("topk_fitted", units=32, q_len=512, kv_len=512, **fit.parameters)
    assert_near(overlap([pattern], Sample(512, ((0, 512),), 32)), fit.trace, 0.10)


@NEEDS_JIT
@pytest.mark.parametrize("name", CAPTURED)
def test_another_seed_is_as_near(name: str) -> None:
    fit = attention_fit(name)
    pattern = attention_rule(
        "topk_fitted", units=32, q_len=512, kv_len=512, seed=77, **fit.parameters
    )
    assert_near(overlap([pattern], Sample(512, ((0, 512),), 32)), fit.trace, 0.10)


@NEEDS_JIT
def test_known_parameters_are_found_again() -> None:
    known = {"k": 64, "sinks": 3, "window_permille": 250, "heavy_permille": 300, "pool_log2": 2}
    fit = fit_attention(trace_of(2048, 4, seed=9, **known))
    assert fit.parameters["k"] == 64 and fit.parameters["sinks"] == 3
    assert fit.parameters["window_permille"] == 250 and fit.parameters["growth_ppm"] == 0
    assert_near(fit.fitted, fit.trace, 0.03)
    assert fit.fitted.far_from(fit.trace) < 0.05


@NEEDS_JIT
def test_sinks_and_window_alone_are_met_exactly() -> None:
    fit = fit_attention(trace_of(1024, 2, "sinks_window", window=60, sinks=4))
    assert fit.parameters["k"] == 64 and fit.parameters["sinks"] == 4
    assert_near(fit.fitted, fit.trace, 1e-9)
    assert fit.fitted.far_from(fit.trace) == pytest.approx(0, abs=1e-9)


@NEEDS_JIT
def test_queries_that_keep_more_when_they_see_more_and_units_that_differ() -> None:
    sizes = {"k": 20, "growth_ppm": 60_000, "spread_eighths": 16}
    fit = fit_attention(trace_of(1024, 16, "topk_fitted", seed=2, **sizes))
    assert fit.parameters["spread_eighths"] == pytest.approx(16, abs=1)
    assert fit.parameters["growth_ppm"] == pytest.approx(60_000, rel=0.15)
    assert fit.parameters["k"] == pytest.approx(20, abs=4)
    assert_near(fit.fitted, fit.trace, 0.10)


@NEEDS_JIT
@pytest.mark.parametrize(
    ("length", "q_len", "units", "k"), [(16, 16, 1, 4), (100, 40, 3, 9), (600, 300, 1, 1)]
)
def test_odd_shapes_can_be_fitted(length: int, q_len: int, units: int, k: int) -> None:
    fit = fit_attention(trace_of(length, units, q_len=q_len, k=k))
    assert fit.parameters["k"] == k and fit.trace.kept == fit.fitted.kept
    assert fit.trace.tiles == tuple(tile for tile in (16, 32, 64, 128) if tile <= q_len)


@NEEDS_JIT
def test_a_pattern_that_keeps_everything_is_met_exactly() -> None:
    fit = fit_attention(trace_of(64, 2, "causal"))
    assert_near(fit.fitted, fit.trace, 1e-9)


@NEEDS_JIT
def test_a_fit_carries_to_sixteen_times_the_length() -> None:
    fit = attention_fit("tiny_moe_lm")
    pattern = attention_rule(
        "topk_fitted", units=1, q_len=8192, kv_len=8192, **{**fit.parameters, "k": 512}
    )
    found = overlap([pattern], Sample(8192, ((3072, 3200), (7168, 7296)), 1))
    assert found.jaccard == pytest.approx(fit.trace.jaccard, rel=0.15)
    assert found.unions[:3] == pytest.approx(fit.trace.unions[:3], rel=0.15)


@NEEDS_JIT
def test_the_same_trace_gives_the_same_fit() -> None:
    trace = trace_of(256, 2, k=16)
    assert fit_attention(trace) == fit_attention(trace)


def test_traces_without_attention_patterns_are_refused() -> None:
    for name in ("causal_8k", "embedding_update"):
        with pytest.raises(InputError) as error:
            attention_parameters(name)
        assert f"trace {name} has no causal attention pattern" in str(error.value)
        assert "\n" not in str(error.value)
    decode = trace_of(64, 2, k=4)
    both_ways = replace(decode.operators[0], causal=False)
    with pytest.raises(InputError, match="no causal attention pattern"):
        fit_attention(replace(decode, operators=(both_ways,)))
    with pytest.raises(InputError, match="did you mean 'tiny_moe_lm'"):
        attention_parameters("tiny_moe_ml")


def drawn(alpha: float, tokens: int, experts: int, top_k: int, repeat: float) -> np.ndarray:
    """Experts by popularity with Gumbel noise, some tokens as the one before."""
    random = np.random.default_rng(5)
    popularity = -alpha * np.log(random.permutation(experts) + 1.0)
    scores = popularity + random.gumbel(size=(tokens, experts))
    ids = np.argsort(-scores, axis=1)[:, :top_k]
    for token in np.flatnonzero(random.random(tokens) < repeat):
        ids[token] = ids[max(0, token - 1)]
    return ids


@pytest.mark.parametrize(
    ("alpha", "experts", "top_k", "repeat"),
    [(0.6, 8, 2, 0), (0.3, 64, 8, 0.2), (1.2, 128, 1, 0.5), (0.5, 256, 8, 0.1), (0, 16, 4, 0.3)],
)  # fmt: skip
def test_exponent_and_repeats_of_a_routing_are_found_again(
    alpha: float, experts: int, top_k: int, repeat: float
) -> None:
    found = fit_routing(routed(drawn(alpha, 8192, experts, top_k, repeat), experts)).parameters
    assert found["alpha_permille"] == pytest.approx(1000 * alpha, rel=0.08, abs=60)
    assert found["repeat_permille"] == pytest.approx(1000 * repeat, abs=25)
    assert "capacity_permille" not in found


def test_dropped_slots_give_a_capacity() -> None:
    ids = drawn(0.8, 4096, 8, 2, 0.0)
    for expert in range(8):
        over = np.argwhere(ids == expert)[1280:]  # 1.25 times the mean
        ids[over[:, 0], over[:, 1]] = -1
    assert fit_routing(routed(ids, 8)).parameters["capacity_permille"] == 1250


def test_a_balanced_routing_has_no_exponent() -> None:
    ids = np.stack([np.arange(512) % 8, (np.arange(512) + 1) % 8], axis=1)
    assert fit_routing(routed(ids, 8)).parameters["alpha_permille"] == 0
    everywhere = np.tile(np.arange(4), (64, 1))
    assert fit_routing(routed(everywhere, 4)).parameters["alpha_permille"] == 0


@pytest.mark.parametrize("name", CAPTURED)
def test_the_routing_of_a_captured_trace_is_imitated(name: str) -> None:
    pytest.importorskip("accelsim.workload.array_rules_routing")
    fit = routing_fit(name)
    assert fit.fitted.variation == pytest.approx(fit.trace.variation, rel=0.10)
    assert fit.fitted.repeated == pytest.approx(fit.trace.repeated, rel=0.10)
    assert fit.fitted.busiest == pytest.approx(fit.trace.busiest, rel=0.20)  # not fitted
    rule, parameters = routing_parameters(name, {"tokens": 64, "experts": 8, "top_k": 2})
    assert rule == "route_zipf" and parameters == fit.parameters


def test_a_trace_without_experts_is_refused() -> None:
    with pytest.raises(InputError, match="trace causal_8k has no routed experts to fit"):
        routing_parameters("causal_8k", {})


@NEEDS_JIT
def test_a_recipe_shows_its_fit() -> None:
    recipe = load_recipe("llama3_8b_topk_prefill_8k")
    screen = console()
    with screen.capture() as shown:
        screen.print(recipe_text(recipe))
    text = shown.get()
    assert "attention like tiny_moe_lm, 4 operators of 512 queries x 512 keys" in text
    for fragment in ("statistic", "ratio", "Jaccard of adjacent queries", "share at distance 1 "):
        assert fragment in text
    assert AttentionFit.rule in text
    attention = [op for op in recipe.operators() if isinstance(op, Attention)]
    assert all(op.pattern is not None and op.pattern.params["k"] == 512 for op in attention)
