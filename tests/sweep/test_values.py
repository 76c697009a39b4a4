"""Values with units, ranges, and expressions over them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from accelsim.errors import InputError
from accelsim.sweep.expressions import Expression
from accelsim.sweep.values import Range, as_number, with_units


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("24 KiB", 24 * 1024),
        ("900 GB/s", 900 * 10**9),
        ("1.05 GHz", 1_050_000_000),
        ("20 ns", 20_000),
        ("auto", "auto"),
        (8, 8),
        (0.5, 0.5),
        (None, None),
    ],
)
def test_figures_become_numbers_of_the_inner_unit(value, number):
    assert as_number(value) == number


def test_numbers_are_written_as_what_they_replace():
    assert with_units(2048, "64 KiB") == "2 KiB"
    assert with_units(4e11, "900 GB/s") == "400 GB/s"
    assert with_units(8.0, 4) == 8 and isinstance(with_units(8.0, 4), int)
    assert with_units(0.5, 1.0) == 0.5
    with pytest.raises(ValueError, match="whole number of B"):
        with_units(0.5, "64 KiB")


def test_a_grid_of_a_range_keeps_its_ends_and_its_step():
    assert Range(low="100 GB/s", high="900 GB/s", steps=3).grid() == [
        "100 GB/s", "500 GB/s", "900 GB/s",
    ]  # fmt: skip
    assert Range(low=1, high=64, steps=4, scale="log").grid() == [1, 4, 16, 64]
    assert Range(low=1, high=64, steps=4, scale="log", multiple_of=8).grid() == [8, 16, 64]
    assert Range(low=1, high=3, steps=9).grid() == [1, 2, 3]
    assert Range(low=0.5, high=1.0, steps=9, multiple_of=0.25).grid() == [0.5, 0.75, 1.0]
    assert Range(low=0.5, high=2.0, steps=3, scale="log").grid() == [0.5, 1.0, 2.0]


@given(st.floats(0, 1), st.sampled_from(["linear", "log"]), st.sampled_from(["1 B", "64 B"]))
def test_values_of_a_range_stay_inside_it(share, scale, step):
    value = Range(low="100 B", high="1 KiB", scale=scale, multiple_of=step).bounds.at(share)
    assert 100 <= as_number(value) <= 1024 and as_number(value) % as_number(step) == 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"low": 4, "high": 2}, "expected more than low"),
        ({"low": "1 KiB", "high": "4 ns"}, "not of one kind"),
        ({"low": "many", "high": "more"}, "is no figure"),
        ({"low": 0, "high": 2, "scale": "log"}, "no ratio"),
        ({"low": 65, "high": 100, "multiple_of": 64}, "no multiple"),
        ({"low": 1, "high": 2, "steps": 1}, "greater than 1"),
    ],
)
def test_ranges_that_are_none_are_refused(fields, said):
    with pytest.raises(ValidationError, match=said):
        Range(**fields)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x * 2 <= 32 KiB", True),
        ("x*2.5 ns", 40_960_000),
        ("ceil(900 GB/s * 200 ns / 1 s / 64 B)", 2813),
        ("min(x, 1 KiB) + max(1, 2)", 1026),
        ("x == 16KiB and not x > 1 MiB", True),
        ("pair[1] // 2", 3),
    ],
)
def test_expressions_compute_with_units(text, value):
    assert Expression(text, "here").value({"x": 16384, "pair": [1, 7]}) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x +", "is not an expression"),
        ("y + 1", "unknown name 'y'"),
        ("x / 0", "cannot be computed"),
        ("x.bit_length", "expected a number"),
        ("pair", "is a list"),
        ("open('x')", "unknown name 'open'"),
        ("x.__class__", "not available"),
        ("9 ** 9 ** 9", "9 \\*\\* "),
    ],
)
def test_expressions_that_cannot_be_are_one_line(text, said):
    with pytest.raises(InputError, match=said) as caught:
        Expression(text, "plan.yaml line 3").value({"x": 1, "pair": [1, 2]})
    assert "plan.yaml line 3" in str(caught.value) and "\n" not in str(caught.value)
