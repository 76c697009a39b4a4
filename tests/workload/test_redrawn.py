"""The same shapes with other random numbers, or with one text in the place of all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.workload.array_rules import ARRAY_RULES
from accelsim.workload.checks import check_contents, check_operators
from accelsim.workload.operators import Attention, Gather, Matmul, Moe
from accelsim.workload.patterns import (
    BlockPattern,
    RoutedPattern,
    TransposedPattern,
    attention_rule,
    csr_pattern,
    pattern_from_mask,
)
from accelsim.workload.redrawn import one_text, redrawn
from accelsim.workload.trace import Trace

LENGTH = 64


def attention(pattern, scope="attention", **fields):
    return Attention(
        scope=scope, heads=2, kv_heads=2, q_len=LENGTH, kv_len=LENGTH, d_qk=32, d_v=32,
        pattern=pattern, **{"batch": 1, **fields},
    )  # fmt: skip


def of(*operators, **fields):
    return Trace(name="mine", operators=operators, seq_len=LENGTH, **fields)


def drawn():
    return attention_rule("topk_decay", units=2, q_len=LENGTH, kv_len=LENGTH, k=8, seed=3)


def test_another_seed_changes_patterns_and_nothing_else():
    trace = of(attention(drawn()), Matmul(scope="up", m=8, n=8, k=8))
    other, same = redrawn(trace, 1), redrawn(trace, 0)
    old, new, again = (each.operators[0] for each in (trace, other, same))
    assert new.pattern.nnz == old.pattern.nnz
    assert not np.array_equal(new.pattern.mask(), old.pattern.mask())
    assert np.array_equal(again.pattern.mask(), old.pattern.mask())
    assert replace(new, pattern=None) == replace(old, pattern=None)
    assert other.operators[1] is trace.operators[1]
    check_contents(other.operators, "here")


def test_what_is_made_of_a_rule_follows_it_and_is_shared_as_before():
    pattern = drawn()
    turned = TransposedPattern(pattern, LENGTH)
    trace = of(attention(pattern), attention(turned, "back", causal=False))
    ahead, back = redrawn(trace, 1).operators
    assert back.pattern.of is ahead.pattern is not pattern
    ids = ARRAY_RULES.make("route_uniform", {"tokens": LENGTH, "experts": 4, "top_k": 1})
    zeros = pattern_from_mask(np.random.default_rng(0).random((LENGTH, 32)) < 0.5)
    moe = Moe(
        scope="moe", tokens=LENGTH, d_model=32, d_ff=32, experts=4, top_k=1, expert_ids=ids,
        activation_pattern=RoutedPattern(zeros, ids),
    )  # fmt: skip
    (new,) = redrawn(of(moe), 2).operators
    assert new.expert_ids is new.activation_pattern.expert_ids
    assert not np.array_equal(np.asarray(new.expert_ids), np.asarray(ids))


def test_what_was_stored_cannot_be_drawn_again():
    assert redrawn(of(attention(pattern_from_mask(drawn().mask()))), 1) is None


def rows_of(count, cols):
    return np.random.default_rng(count).random((count, cols)) < 0.3


@pytest.mark.parametrize("which", [0, 1])
def test_one_text_stands_in_the_place_of_all(which):
    kept = rows_of(4 * LENGTH, LENGTH)
    zeros = rows_of(2 * LENGTH, 32)
    routed = rows_of(4 * LENGTH, 48)
    ids = np.random.default_rng(1).integers(0, 4, (2 * LENGTH, 2)).astype(np.int16)
    counts = kept.sum(axis=1)
    stored = csr_pattern(np.append(0, np.cumsum(counts)), np.nonzero(kept)[1], LENGTH)
    tokens = np.arange(2 * LENGTH, dtype=np.int32)
    trace = of(
        Gather(scope="embed", table_rows=256, row_elements=32, indices=tokens),
        attention(pattern_from_mask(kept), causal=False, batch=2),
        attention(stored, "same", causal=False, batch=2),
        Matmul(scope="up", m=2 * LENGTH, n=16, k=32, activation_pattern=pattern_from_mask(zeros)),
        Moe(
            scope="moe", tokens=2 * LENGTH, d_model=32, d_ff=48, experts=4, top_k=2,
            expert_ids=ids, activation_pattern=pattern_from_mask(routed),
        ),
        batch=2,
    )  # fmt: skip
    text = one_text(trace, which)
    check_operators(text.operators, "here")
    check_contents(text.operators, "here")

    def own(array):
        part = np.split(array, 2)[which]
        return np.concatenate([part, part])

    gather, first, second, up, moe = text.operators
    assert np.array_equal(gather.indices, own(tokens))
    assert np.array_equal(first.pattern.mask(), own(kept))
    assert np.array_equal(second.pattern.mask(), own(kept))
    assert np.array_equal(up.activation_pattern.mask(), own(zeros))
    assert np.array_equal(moe.expert_ids, own(ids))
    assert np.array_equal(moe.activation_pattern.mask(), own(routed))
    assert (text.name, text.batch) == (trace.name, trace.batch)


def test_blocks_stay_blocks_and_positions_stay_where_they_are():
    whole = np.kron(rows_of(4 * LENGTH // 16, LENGTH // 16), np.ones((16, 16), bool))
    band = attention_rule("band", units=4, q_len=LENGTH, kv_len=LENGTH, window=8)
    blocks = pattern_from_mask(whole)
    assert isinstance(blocks, BlockPattern)
    trace = of(attention(blocks, causal=False, batch=2), attention(band, "band", batch=2), batch=2)
    first, second = one_text(trace, 1).operators
    part = whole[len(whole) // 2 :]
    assert np.array_equal(first.pattern.mask(), np.concatenate([part, part]))
    assert first.pattern.granule == blocks.granule and second.pattern is band
