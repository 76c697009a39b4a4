"""Sensitivity: known effects, planted interactions, levels, and what cannot be told."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from accelsim.analysis.levels import Level, levels_of
from accelsim.analysis.sensitivity import sensitivity, two_way


def grid(response, workloads=(("w", 1.0),), architectures=("m",), **values) -> pd.DataFrame:
    """Every combination of values; `response` is called with them."""
    rows = []
    for arch, (workload, scale) in itertools.product(architectures, workloads):
        for combination in itertools.product(*values.values()):
            point = dict(zip(values, combination, strict=True))
            time = scale * response(**point)
            rows.append({"architecture": arch, "workload": workload, **point, "t": time})
    return pd.DataFrame(rows)


def effect(found, name, low):
    return next(e.effect for e in found.effects if e.parameter == name and e.level.low == low)


def test_a_product_has_main_effects_only():
    frame = grid(lambda a, b: a * b, a=[1, 2, 4], b=[1, 9])
    found = sensitivity(frame, ["a", "b"], "t")
    assert [effect(found, "a", a) for a in (1, 2, 4)] == pytest.approx([0.5, 1, 2])
    assert [effect(found, "b", b) for b in (1, 9)] == pytest.approx([1 / 3, 3])
    assert (found.mains, found.interactions, found.remainder) == pytest.approx((1, 0, 0))
    assert found.balanced and found.pair("b", "a").share == 0
    first, second = found.swings()
    assert (first.parameter, first.highest.level) == ("b", Level(9, 9))
    assert (first.range, second.range) == pytest.approx((9, 4))


def test_shares_are_those_of_the_variance():
    found = sensitivity(grid(lambda a, b: 2**a * 4**b, a=[-1, 1], b=[-1, 1]), ["a", "b"], "t")
    assert found.main == pytest.approx({"a": 0.2, "b": 0.8})


def test_a_planted_interaction_comes_back():
    def response(a, b, c):
        return math.exp(0.3 * a + 0.4 * b + 0.5 * a * b)

    frame = grid(response, a=[-1, 1], b=[-1, 1], c=[1, 2, 3])
    found = sensitivity(frame, ["a", "b", "c"], "t")
    whole = 0.09 + 0.16 + 0.25
    assert found.main == pytest.approx({"a": 0.09 / whole, "b": 0.16 / whole, "c": 0})
    assert found.pairs[0][:2] == ("a", "b")
    assert found.pairs[0].share == pytest.approx(0.5) == found.interactions
    assert [pair.share for pair in found.pairs[1:]] == [0, 0]
    table = two_way(frame, ("a", "b"), "t")
    corners = [[-0.2, -0.4], [-0.6, 1.2]]
    assert np.log(table.effects) == pytest.approx(np.array(corners))


def test_three_parameters_together_are_the_remainder():
    frame = grid(lambda a, b, c: math.exp(a * b * c), a=[-1, 1], b=[-1, 1], c=[-1, 1])
    found = sensitivity(frame, ["a", "b", "c"], "t")
    assert (found.mains, found.interactions, found.remainder) == pytest.approx((0, 0, 1))


def test_failed_points_do_not_leak_from_one_parameter_into_another():
    frame = grid(lambda a, b: a * b, a=[1, 2, 4], b=[1, 100])
    frame = frame[~((frame.a == 4) & (frame.b == 100))]
    found = sensitivity(frame, ["a", "b"], "t")
    assert effect(found, "a", 4) / effect(found, "a", 1) == pytest.approx(4)
    assert effect(found, "b", 100) / effect(found, "b", 1) == pytest.approx(100)
    assert not found.balanced


def test_workloads_of_any_length_weigh_equally():
    works = [(f"w{n}", 10.0**n) for n in range(12)]
    frame = grid(lambda a: a, works, a=[1, 4])
    # One of the twelve goes the other way.
    against = frame["workload"] == "w3"
    frame.loc[against, "t"] = frame.loc[against, "t"].to_numpy()[::-1]
    found = sensitivity(frame, ["a"], "t")
    assert found.swings()[0].range == pytest.approx(4 ** (10 / 12))
    assert found.settings == 2


def test_a_setting_that_failed_on_a_slow_workload_looks_no_faster_for_it():
    frame = grid(lambda a: a, [("quick", 1.0), ("slow", 1000.0)], a=[1, 2, 4])
    found = sensitivity(frame[~((frame.a == 4) & (frame.workload == "slow"))], ["a"], "t")
    assert effect(found, "a", 4) / effect(found, "a", 1) == pytest.approx(4)


def test_a_parameter_of_one_architecture_is_analysed_within_it():
    plain = grid(lambda a: 100 * a, architectures=("plain",), a=[1, 2])
    rich = grid(lambda a, b: a * b, architectures=("rich",), a=[1, 2], b=[1, 3])
    found = sensitivity(pd.concat([plain, rich]), ["a", "b"], "t")
    assert {e.parameter: e.settings for e in found.effects} == {"a": 3, "b": 2}
    assert [effect(found, "b", b) for b in (1, 3)] == pytest.approx([3**-0.5, 3**0.5])
    assert found.mains == pytest.approx(1)


def test_parameters_that_no_architecture_has_both_of_are_no_pair():
    one = grid(lambda a: a, architectures=("one",), a=[1, 2])
    other = grid(lambda b: b, architectures=("other",), b=[1, 2])
    assert sensitivity(pd.concat([one, other]), ["a", "b"], "t").pairs == []


def drawn(points: int, architectures=("m",)) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({name: rng.random(points) for name in "abcdef"})
    frame["p"], frame["q"] = rng.integers(0, 3, (2, points))
    frame["workload"] = "w"
    frame["t"] = np.exp(0.8 * (frame.p - 1) * (frame.q - 1) + 0.5 * (frame.a > 0.5))
    return pd.concat([frame.assign(architecture=arch) for arch in architectures])


@pytest.mark.parametrize("architectures", [("m",), ("m", "n", "o")])
def test_random_points_show_the_planted_pair_and_little_else(architectures):
    names = [*"abcdef", "p", "q"]
    found = sensitivity(drawn(400, architectures), names, "t", continuous="abcdef")
    assert found.pairs[0][:2] == ("p", "q") and found.pairs[0].share > 0.6
    assert all(pair.share < 0.02 for pair in found.pairs[1:])
    assert found.interactions == pytest.approx(found.pairs[0].share, abs=0.05)
    assert found.remainder < 0.05


def test_chance_is_taken_off_what_means_nothing():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 4, (60, 5)), columns=list("abcde"))
    frame["architecture"], frame["workload"] = "m", "w"
    frame["t"] = np.exp(rng.normal(size=60))
    found = sensitivity(frame, list("abcde"), "t")
    assert found.mains < 0.1 and found.interactions < 0.2


def test_too_few_points_are_not_judged():
    frame = drawn(12)
    found = sensitivity(frame, [*"abcdef", "p", "q"], "t", continuous="abcdef")
    assert found.mains is None and all(pair.share is None for pair in found.pairs)
    some = sensitivity(drawn(30), ["a", "b"], "t", continuous="ab")
    assert some.mains is not None and some.pairs[0].share is None


def test_parameters_that_change_together_are_said_not_to_be_told_apart():
    frame = grid(lambda a: a, a=[1, 2, 4, 8])
    frame["b"] = 10 * frame["a"]
    assert not sensitivity(frame, ["a", "b"], "t").apart
    assert sensitivity(frame, ["a"], "t").apart


def test_a_single_level_or_a_constant_response_has_nothing_to_show():
    frame = grid(lambda a, b: 7, a=[1, 2], b=[5])
    found = sensitivity(frame, ["a", "b"], "t")
    assert [(e.parameter, e.effect) for e in found.effects] == [("a", 1), ("a", 1)]
    assert found.mains is None and found.pairs == []


def test_a_response_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="'t' is not positive"):
        sensitivity(grid(lambda a: a, a=[0, 1]), ["a"], "t")


def test_values_are_levels_and_ranges_are_quarters():
    found = levels_of(pd.Series([4.0, np.nan, 2.0, 4.0]))
    assert found.levels == [Level(2, 2), Level(4, 4)] and found.codes.tolist() == [1, -1, 0, 1]
    words = levels_of(pd.Series(["off", 8, "as it is", 2], dtype=object))
    assert [level.low for level in words.levels] == [2, 8, "as it is", "off"]
    numbers = pd.Series(range(100))
    quarters = levels_of(numbers, continuous=True)
    assert quarters.levels == [Level(0, 24), Level(25, 49), Level(50, 74), Level(75, 99)]
    assert np.bincount(quarters.codes).tolist() == [25] * 4
    assert len(levels_of(numbers[:16]).levels) == 16 and len(levels_of(numbers[:17]).levels) == 4
    assert len(levels_of(numbers[:4], continuous=True).levels) == 4


def test_an_effect_that_differs_between_architectures_is_no_interaction_of_a_parameter():
    rows = [
        {"architecture": arch, "workload": "w", "a": a, "b": b,
         "time": (a if arch == "x" else a**2) * (1 if b is None else b)}
        for arch in ("x", "y")
        for a in (1, 2, 4)
        for b in ((1, 3) if arch == "y" else (None,))
    ]  # fmt: skip
    found = sensitivity(pd.DataFrame(rows), ["a", "b"], "time")
    assert found.pair("a", "b").share == pytest.approx(0, abs=1e-9)
    assert found.remainder > 0.01  # it is the architectures that differ
