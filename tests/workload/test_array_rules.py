"""Array rules: shapes and bounds, any part apart, and the laws that they are drawn by."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.errors import InputError
from accelsim.workload.array_rules import ArrayRule, array_rule_names, make_array_rule
from accelsim.workload.hashing import below, chances, mixed, scrambled

RULES = {
    "route_uniform": {"tokens": 90, "experts": 20, "top_k": 3, "seed": 5},
    "route_zipf": {
        "tokens": 300, "experts": 20, "top_k": 3, "seed": 5, "alpha_permille": 500,
        "repeat_permille": 800, "drift": 2,
    },
    "route_grouped": {
        "tokens": 90, "experts": 20, "top_k": 3, "seed": 5, "groups": 5, "kept_groups": 2,
    },
    "rows_uniform": {"n": 200, "table_rows": 3000, "seed": 5},
    "rows_zipf": {"n": 200, "table_rows": 3000, "seed": 5, "exponent_permille": 1050},
    "rows_pairs": {
        "samples": 12, "active": 6, "features": 40, "seed": 5, "exponent_permille": 1050,
    },
    "rows_union": {
        "workers": 7, "elements": 2000, "keep_permille": 20, "overlap_permille": 300, "seed": 5,
    },
}  # fmt: skip

RECORDED = {
    "route_uniform": "23b0a4822e1f",
    "route_zipf": "06dc28c1094d",
    "route_grouped": "4429397ad7f2",
    "rows_uniform": "b186782e9dc3",
    "rows_zipf": "3f621fc1431e",
    "rows_pairs": "b1730d48b5b1",
    "rows_union": "a4af2cadbb91",
}


def build(name: str, **changes: int) -> ArrayRule:
    return make_array_rule(name, {**RULES[name], **changes})


def test_every_rule_is_tested() -> None:
    assert sorted(RULES) == array_rule_names()


@settings(max_examples=60)
@given(st.sampled_from(sorted(RULES)), st.integers(0, 2**63 - 1), st.data())
def test_any_part_is_that_of_the_whole(name: str, seed: int, data: st.DataObject) -> None:
    changes = {"capacity_permille": 900} if name == "route_zipf" and seed % 2 else {}
    rule = build(name, seed=seed, **changes)
    whole = np.asarray(rule)
    assert whole.shape == rule.shape and whole.dtype == rule.dtype
    assert (rule.ndim, rule.size, rule.nbytes) == (whole.ndim, whole.size, whole.nbytes)
    assert len(rule) == len(whole)
    low, high = rule.bounds
    assert whole.min() >= low and whole.max() < high
    start = data.draw(st.integers(0, len(rule)))
    stop = data.draw(st.integers(start, len(rule)))
    part = build(name, seed=seed, **changes).block(start, stop)
    assert part.dtype == whole.dtype and np.array_equal(part, whole[start:stop])
    blocks = list(build(name, seed=seed, **changes).blocks(entries=data.draw(st.integers(1, 99))))
    assert np.array_equal(np.concatenate([block for _, block in blocks]), whole)
    if rule.ndim == 2:
        assert all(len(set(row)) == len(row) for row in whole.tolist() if -1 not in row)


def test_it_stands_where_an_array_may_stand() -> None:
    rule = build("route_uniform")
    whole = np.asarray(rule)
    assert np.asarray(rule) is whole and not whole.flags.writeable  # held and shared
    copied = np.array(rule)
    copied[0] = 0
    assert np.asarray(rule, dtype=np.int64).dtype == np.int64
    assert np.count_nonzero(rule) == np.count_nonzero(whole)
    assert np.array_equal(np.bincount(np.ravel(rule)), np.bincount(whole.ravel()))
    assert build("route_uniform") == rule and build("route_uniform", seed=6) != rule
    large = build("rows_uniform", n=1 << 21)
    assert np.asarray(large).flags.writeable and np.array_equal(large, np.asarray(large))
    with pytest.raises(ValueError, match=r"entries \[0, 91\) are outside \[0, 90\)"):
        rule.block(0, 91)


def test_the_shape_costs_nothing() -> None:
    rule = make_array_rule("rows_uniform", {"n": 10**12, "table_rows": 2**31, "seed": 1})
    assert rule.shape == (10**12,) and rule.nbytes == 4 * 10**12
    assert rule.block(10**12 - 2, 10**12).shape == (2,)
    assert make_array_rule(
        "rows_pairs", {"samples": 1, "active": 2, "features": 10**5, "exponent_permille": 0}
    ).dtype == np.int64  # fmt: skip


@pytest.mark.parametrize(("experts", "top_k", "batch"), [
    (128, 8, 1), (128, 8, 8), (128, 8, 32), (128, 8, 128), (256, 8, 32), (8, 2, 3), (7, 7, 2),
])  # fmt: skip
def test_distinct_experts_of_a_batch(experts: int, top_k: int, batch: int) -> None:
    trials = 600
    rule = make_array_rule(
        "route_uniform", {"tokens": trials * batch, "experts": experts, "top_k": top_k, "seed": 3}
    )
    drawn = np.asarray(rule).reshape(trials, -1)
    distinct = np.array([len(set(row)) for row in drawn.tolist()])
    missing = [(1 - top_k / experts) ** batch, 1.0]  # of one expert, of two experts
    missing[1] = ((1 - top_k / experts) * (1 - top_k / (experts - 1))) ** batch
    variance = experts * missing[0] + experts * (experts - 1) * missing[1]
    variance -= (experts * missing[0]) ** 2
    error = 4 * math.sqrt(max(0.0, variance) / trials)
    assert distinct.mean() == pytest.approx(experts * (1 - missing[0]), abs=error + 1e-9)


def test_every_set_is_as_likely() -> None:
    rule = make_array_rule("route_uniform", {"tokens": 40000, "experts": 5, "top_k": 2, "seed": 1})
    sets, counts = np.unique(np.sort(rule, axis=1), axis=0, return_counts=True)
    assert len(sets) == 10
    assert ((counts - 4000) ** 2 / 4000).sum() < 27.9  # chi-square, 9 degrees, one in a thousand


@pytest.mark.parametrize("alpha", [0, 300, 1000])
def test_popularity_is_the_law_that_was_asked_for(alpha: int) -> None:
    rule = make_array_rule(
        "route_zipf",
        {"tokens": 60000, "experts": 32, "top_k": 1, "seed": 2, "alpha_permille": alpha},
    )
    loads = np.sort(np.bincount(np.ravel(rule), minlength=32))[::-1] / rule.size
    rank = np.arange(1, 33)
    assert loads == pytest.approx(
        rank ** -(alpha / 1000) / (rank ** -(alpha / 1000)).sum(), abs=4e-3
    )
    if alpha:
        assert -np.polyfit(np.log(rank), np.log(loads), 1)[0] == pytest.approx(
            alpha / 1000, rel=0.1
        )


def test_experts_are_drawn_one_after_another_each_once() -> None:
    rule = make_array_rule(
        "route_zipf", {"tokens": 60000, "experts": 3, "top_k": 2, "seed": 4, "alpha_permille": 1000}
    )
    ids = np.asarray(rule)
    order = np.argsort(-np.bincount(ids[:, 0]))
    weights = np.array([6, 3, 2]) / 11
    for i, first in enumerate(order):
        for j, second in enumerate(order):
            if i != j:
                share = np.mean((ids[:, 0] == first) & (ids[:, 1] == second))
                expected = weights[i] * weights[j] / (1 - weights[i])
                assert share == pytest.approx(expected, abs=0.008)


def test_tokens_repeat_the_experts_of_the_token_before() -> None:
    params = {"tokens": 20000, "experts": 64, "top_k": 4, "seed": 1, "alpha_permille": 0}
    for repeat in (0, 100, 900):
        ids = np.asarray(make_array_rule("route_zipf", {**params, "repeat_permille": repeat}))
        same = (ids[1:] == ids[:-1]).all(axis=1)
        assert same.mean() == pytest.approx(repeat / 1000, abs=0.01)


def test_domains_have_popularity_orders_of_their_own() -> None:
    rule = make_array_rule(
        "route_zipf",
        {"tokens": 8003, "experts": 16, "top_k": 1, "seed": 1, "alpha_permille": 1500, "drift": 3},
    )
    ids = np.ravel(rule)
    domain = np.arange(8003) * 4 // 8003
    loads = np.stack([np.bincount(ids[domain == d], minlength=16) for d in range(4)])
    assert len(set(loads.argmax(axis=1))) > 1
    for d in range(4):  # the same from the first to the last token of a domain
        early, late = np.array_split(ids[domain == d], 2)
        early, late = (np.bincount(part, minlength=16) for part in (early, late))
        assert np.corrcoef(early, late)[0, 1] > 0.95
    alone = make_array_rule("route_zipf", {**rule.parameters(), "drift": 0})
    assert np.array_equal(np.ravel(alone)[domain == 0], ids[domain == 0])


@pytest.mark.parametrize("capacity", [500, 1000, 1250, 4000])
def test_what_is_above_the_capacity_is_dropped_in_token_order(capacity: int) -> None:
    params = {"tokens": 500, "experts": 8, "top_k": 2, "seed": 1, "alpha_permille": 700}
    free = make_array_rule("route_zipf", params)
    rule = make_array_rule("route_zipf", {**params, "capacity_permille": capacity})
    most = math.ceil(capacity * 500 * 2 / 8 / 1000)
    loads, expected = [0] * 8, []
    for expert in np.ravel(free).tolist():
        loads[expert] += 1
        expected.append(expert if loads[expert] <= most else -1)
    assert np.ravel(rule).tolist() == expected
    ids = np.ravel(rule)
    found = np.bincount(ids[ids >= 0], minlength=8)
    assert found.max() <= most and found.sum() == 1000 - (ids < 0).sum()
    assert free.bounds == (0, 8) and rule.bounds == (-1, 8)


@pytest.mark.parametrize(("kept", "scores"), [(1, 1), (3, 1), (4, 2), (8, 2), (2, 4)])
def test_experts_lie_in_the_best_groups(kept: int, scores: int) -> None:
    params = {"tokens": 300, "experts": 32, "top_k": 4, "seed": 9}
    rule = make_array_rule(
        "route_grouped", {**params, "groups": 8, "kept_groups": kept, "group_scores": scores}
    )
    score = 1 / (1 - np.log(chances(mixed(9, 0, np.arange(300)[:, None], np.arange(32)))))
    for token, ids in enumerate(np.asarray(rule).tolist()):
        groups = score[token].reshape(8, 4)
        rated = [sum(sorted(group)[-scores:]) for group in groups.tolist()]
        best = sorted(range(8), key=lambda group: -rated[group])[:kept]
        candidates = [e for e in range(32) if e // 4 in best]
        assert ids == sorted(candidates, key=lambda e: -score[token, e])[:4]


def test_all_groups_are_no_limit() -> None:
    params = {"tokens": 300, "experts": 32, "top_k": 4, "seed": 9, "alpha_permille": 800}
    grouped = make_array_rule("route_grouped", {**params, "groups": 4, "kept_groups": 4})
    assert np.array_equal(grouped, make_array_rule("route_zipf", params))


def test_rows_are_uniform() -> None:
    rows = np.asarray(build("rows_uniform", n=100_000, table_rows=10))
    counts = np.bincount(rows, minlength=10)
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 27.9  # chi-square, 9 degrees


@pytest.mark.parametrize("exponent", [0, 500, 1000, 1050, 2000])
@pytest.mark.parametrize("table", [1, 2, 12])
def test_rows_follow_zipfs_law(exponent: int, table: int) -> None:
    rows = build("rows_zipf", n=60_000, table_rows=table, exponent_permille=exponent)
    counts = np.sort(np.bincount(rows, minlength=table))[::-1]
    chance = np.arange(1.0, table + 1) ** -(exponent / 1000)
    expected = 60_000 * chance / chance.sum()
    limit = 37 if exponent else 31  # chi-square; sorting only makes the uniform one smaller
    assert ((counts - expected) ** 2 / expected).sum() < limit


@pytest.mark.parametrize("exponent", [800, 1050, 1500])
def test_rows_of_a_large_table(exponent: int) -> None:
    table, drawn = 10**8, 400_000
    rows = np.asarray(build("rows_zipf", n=drawn, table_rows=table, exponent_permille=exponent))
    distinct, counts = np.unique(rows, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:20]
    chance = np.arange(1.0, 10**6) ** -(exponent / 1000)
    tail = float(table) ** (1 - exponent / 1000) - 1e6 ** (1 - exponent / 1000)
    total = chance.sum() + tail / (1 - exponent / 1000)
    assert counts[order] / drawn == pytest.approx(chance[:20] / total, rel=0.12)
    slope = np.polyfit(np.log(np.arange(1, 21)), np.log(counts[order]), 1)[0]
    assert -slope == pytest.approx(exponent / 1000, rel=0.06)
    assert 0.2 < np.mean(distinct[order] < table / 2) < 0.8  # the hot rows lie anywhere


def test_pairs_are_those_of_distinct_features() -> None:
    rule = build("rows_pairs", samples=50)
    for rows in np.asarray(rule).reshape(50, 15).tolist():
        pairs = []
        for row in rows:
            b = (1 + math.isqrt(1 + 8 * row)) // 2
            pairs.append((row - b * (b - 1) // 2, b))
        features = sorted({f for pair in pairs for f in pair})
        assert len(features) == 6 and features[-1] < 40
        assert sorted(pairs) == [(a, b) for a in features for b in features if a < b]
        assert rows == sorted(rows)


def test_features_are_drawn_one_after_another_each_once() -> None:
    rule = build("rows_pairs", samples=30_000, active=2, features=3, exponent_permille=1000)
    share = np.sort(np.bincount(rule, minlength=3)) / 30_000
    p = np.array([6, 3, 2]) / 11
    pairs = [(1, 2), (0, 2), (0, 1)]
    expected = [p[i] * p[j] * (1 / (1 - p[i]) + 1 / (1 - p[j])) for i, j in pairs]
    assert share == pytest.approx(np.sort(expected), abs=0.01)


def test_features_that_cannot_be_found_are_one_clear_line() -> None:
    rule = build("rows_pairs", active=400, features=500, exponent_permille=4000)
    with pytest.raises(InputError, match="some of 400 distinct features are too rare"):
        np.asarray(rule)


@pytest.mark.parametrize("overlap", [0, 300, 1000])
def test_the_union_grows_with_the_workers(overlap: int) -> None:
    rule = build("rows_union", workers=40, elements=50_000, overlap_permille=overlap)
    kept = np.asarray(rule).reshape(40, 1000)
    assert (np.diff(kept, axis=1) > 0).all()
    common = overlap  # of 1000
    p = (1000 - common) / (50_000 - common)
    for workers in (1, 2, 5, 40):
        union = len(np.unique(kept[:workers]))
        expected = common + (50_000 - common) * (1 - (1 - p) ** workers)
        assert union == pytest.approx(expected, rel=0.01, abs=1)
    in_all = set(kept[0].tolist()).intersection(*(row.tolist() for row in kept))
    assert len(in_all) == common


def test_reading_in_blocks_draws_each_worker_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = build("rows_union", workers=6, elements=30_000)
    drawn: list[int] = []
    sample = type(rule)._sample  # type: ignore[attr-defined]

    def counted(self: ArrayRule, part: int, universe: int, count: int) -> np.ndarray:
        drawn.append(part)
        return sample(self, part, universe, count)

    monkeypatch.setattr(type(rule), "_sample", counted)
    for start in range(0, len(rule), 50):
        rule.block(start, start + 50)
    assert [part for part in drawn if part] == list(range(1, 7))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 100, 1000, 4097])
def test_scrambled_numbers_are_all_numbers(count: int) -> None:
    found = scrambled(np.arange(count), count, 7, 1)
    assert np.array_equal(np.sort(found), np.arange(count))
    assert count < 5 or not np.array_equal(found, scrambled(np.arange(count), count, 8, 1))


def test_scrambled_orders_are_as_likely() -> None:
    found = [tuple(scrambled(np.arange(3), 3, seed)) for seed in range(6000)]
    counts = np.unique(found, axis=0, return_counts=True)[1]
    assert len(counts) == 6 and ((counts - 1000) ** 2 / 1000).sum() < 20.5


def test_numbers_below_a_large_count_are_exact() -> None:
    random = np.array([0, 1 << 32, (1 << 64) - 1, 1 << 63], dtype=np.uint64)
    count = 2**31 - 1
    expected = [int(r) * count >> 64 for r in random]
    assert below(random, count).tolist() == expected


def test_this_version_still_generates_the_recorded_values() -> None:
    digests = {
        name: hashlib.sha256(np.asarray(build(name)).astype("<i8").tobytes()).hexdigest()[:12]
        for name in RULES
    }
    assert digests == RECORDED, "raise the rule's version when its values change"


def test_parameters_are_refused() -> None:
    for name, changes, said in (
        ("route_uniform", {"top_k": 21}, r"rule route_uniform: top_k must be in \(0, experts"),
        ("route_uniform", {"experts": 1 << 15}, "experts must be in"),
        ("route_zipf", {"repeat_permille": 1000}, "repeat_permille must be in"),
        ("route_zipf", {"drift": 300}, "drift must be in"),
        ("route_zipf", {"alfa_permille": 1}, "did you mean 'alpha_permille'"),
        ("route_grouped", {"groups": 3}, "experts 20 do not fall into 3 groups"),
        ("route_grouped", {"kept_groups": 1, "top_k": 5}, "top_k 5 is above the 4 experts"),
        ("route_grouped", {"group_scores": 5}, "group_scores must be in"),
        ("rows_zipf", {"table_rows": 0}, "table_rows must be in"),
        ("rows_zipf", {"seed": -1}, "seed must be in"),
        ("rows_pairs", {"active": 41}, "active must be in"),
        ("rows_union", {"keep_permille": 1001}, "keep_permille must be in"),
        ("rows_union", {"workers": True}, "parameter workers must be of type int, not bool"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said) as error:
            build(name, **changes)
        assert "\n" not in str(error.value)
    with pytest.raises(
        InputError, match="unknown array rule 'route_zip'.*did you mean 'route_zipf'"
    ):
        make_array_rule("route_zip", {})
    with pytest.raises(InputError, match="array rule rows_zipf: parameter n is missing"):
        make_array_rule("rows_zipf", {"table_rows": 5, "exponent_permille": 0})
