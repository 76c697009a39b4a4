"""The space of a plan as numbers: what a sampler is told of its parameters."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from accelsim.sweep.plan import Plan
from accelsim.sweep.space import Space, Suggestion


def space(parameters: dict, architectures: tuple[str, ...] = ("sparse_small",)) -> Space:
    return Space(
        Plan.model_validate(
            {
                "name": "x",
                "architectures": list(architectures),
                "workloads": ["tiny_moe_lm"],
                "parameters": parameters,
                "sampling": {"kind": "random", "points": 1},
            }
        )
    )


@pytest.mark.parametrize(
    ("parameter", "kind", "ends", "size"),
    [
        ({"path": "a", "values": [8, 2, 4]}, "index", (2, 8), 3),
        ({"path": "a", "values": ["1 MiB", "2 KiB"]}, "index", ("2 KiB", "1 MiB"), 2),
        ({"path": "a", "values": ["auto", "static"]}, "choice", ("auto", "static"), 2),
        ({"path": "a", "values": [False, True]}, "choice", (False, True), 2),
        ({"path": "a", "values": [1, "1 KiB"]}, "choice", (1, "1 KiB"), 2),
        ({"path": "a", "values": [4]}, "index", (4, 4), 1),
        ({"path": ["a", "b"], "values": [[2, 4], [1, 8]]}, "choice", ([2, 4], [1, 8]), 2),
        ({"path": "a", "range": {"low": 3, "high": 9}}, "whole", (3, 9), 7),
        (
            {"path": "a", "range": {"low": "1 KiB", "high": "9 KiB", "multiple_of": "2 KiB"}},
            "whole",
            ("2 KiB", "8 KiB"),
            4,
        ),
        ({"path": "a", "range": {"low": 0.5, "high": 2.0}}, "real", (0.5, 2.0), math.inf),
    ],
)
def test_parameters_become_axes(parameter, kind, ends, size):
    made = space({"p": parameter})
    (axis,) = made.axes[0]
    assert (axis.kind, made.size) == (kind, size)
    assert (axis.value(axis.low), axis.value(axis.high)) == ends
    assert (axis.at(0.0), axis.at(1.0)) == (axis.low, axis.high)


def test_every_whole_number_is_as_likely():
    (axis,) = space({"p": {"path": "a", "range": {"low": 3, "high": 6}}}).axes[0]
    drawn = Counter(axis.at(share) for share in (np.arange(400) + 0.5) / 400)
    assert drawn == {3: 100, 4: 100, 5: 100, 6: 100}


def test_ratios_count_on_a_log_axis():
    ranged = {"low": "16 KiB", "high": "1 MiB", "scale": "log", "multiple_of": "1 KiB"}
    (axis,) = space({"p": {"path": "a", "range": ranged}}).axes[0]
    assert axis.value(axis.at(0.5)) == "126 KiB"
    assert axis.share(128) == pytest.approx(0.5)
    values = [axis.at(share) for share in np.linspace(0, 1, 50)]
    assert values == sorted(values) and min(values) == 16 and max(values) == 1024


CONDITIONAL = {
    "shared": {"path": "a", "values": [1, 2, 3]},
    "rows": {"path": "b", "values": [16, 32], "only": "sparse_small"},
}


def test_an_axis_is_only_of_architectures_that_have_it():
    made = space(CONDITIONAL, ("sparse_small", "systolic_32"))
    every = list(made.every())
    assert made.size == len(every) == len(set(every)) == 3 * 2 + 3
    assert made.values(Suggestion(0, (2, 1))) == {"shared": 3, "rows": 32}
    assert made.values(Suggestion(1, (2,))) == {"shared": 3}
    assert made.numbers(Suggestion(1, (2,))) == {"architecture": 1, "shared": 2}
    rng = np.random.default_rng(0)
    assert {made.drawn(rng) for _ in range(300)} == set(every)
    assert made.encoded([Suggestion(1, (2,))]).tolist() == [[1, 1, -1]]


def test_a_point_nearby_is_another_one_inside():
    made = space(
        {
            "a": {"path": "a", "values": [1, 2, 4, 8]},
            "b": {"path": "b", "range": {"low": 1, "high": 100, "scale": "log"}},
            "c": {"path": "c", "range": {"low": 0.0, "high": 1.0}},
        }
    )
    rng = np.random.default_rng(0)
    at = Suggestion(0, (1, 10, 0.5))
    moved = [made.near(at, rng) for _ in range(200)]
    for _, (a, b, c) in moved:
        assert 0 <= a <= 3 and 1 <= b <= 100 and 0 <= c <= 1
    assert sum(near != at for near in moved) == 200
    assert sum(sum(x != y for x, y in zip(n.numbers, at.numbers, strict=True)) == 1 for n in moved)
