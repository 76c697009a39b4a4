"""Pareto fronts against their definition, ties, and knees of known curves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.analysis.pareto import front, knee

SMALL = st.integers(0, 6)


def by_definition(values: np.ndarray, maximise: list[bool]) -> set[int]:
    """Points that no other is at least as good as everywhere and better than somewhere."""
    costs = np.where(maximise, -values, values)
    return {
        row
        for row, own in enumerate(costs)
        if not any((other <= own).all() and (other < own).any() for other in costs)
    }


@given(st.data(), st.integers(2, 4))
def test_the_front_is_that_of_the_definition(data, objectives):
    rows = data.draw(st.lists(st.tuples(*[SMALL] * objectives), max_size=40))
    maximise = data.draw(st.lists(st.booleans(), min_size=objectives, max_size=objectives))
    values = np.array(rows, float).reshape(-1, objectives)
    found = front(values, maximise)
    assert set(found) == by_definition(values, maximise)
    assert len(set(found)) == len(found)
    first = values[found, 0] * (-1 if maximise[0] else 1)
    assert (np.diff(first) >= 0).all()


def test_equal_points_are_on_the_front_together_and_in_order():
    values = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [1.0, 3.0], [3.0, 1.0]])
    assert front(values, [False, False]).tolist() == [0, 2, 1]


def test_a_large_front_is_found_in_less_than_quadratic_memory():
    angle = np.linspace(0, np.pi / 2, 200_000)
    values = np.column_stack([np.cos(angle), np.sin(angle)])
    assert len(front(values, [True, True])) == len(angle)


@pytest.mark.parametrize(
    ("points", "maximise", "expected"),
    [
        ([(1, 10), (2, 3), (10, 1)], [False, False], 1),
        ([(-1, 10), (-2, 3), (-10, 1)], [True, False], 1),
        # On linear axes (1.5, 8) would be farther out; over two decades the ratio counts.
        ([(1, 1000), (10, 30), (1000, 1)], [False, False], 1),
    ],
)
def test_the_knee_is_farthest_from_the_chord(points, maximise, expected):
    assert knee(np.array(points, float), maximise) == expected


def test_axes_may_be_told_to_be_logarithmic():
    values = np.array([[1.0, 100.0], [4.0, 20.0], [30.0, 3.0], [100.0, 1.0]])
    assert knee(values, [False, False], [False, False]) == 1
    bent = np.array([[1.0, 100.0], [20.0, 30.0], [30.0, 2.0], [100.0, 1.0]])
    assert knee(bent, [False, False]) == 2


@pytest.mark.parametrize(
    "points",
    [
        [(1, 2), (2, 1)],
        [(1, 2), (1, 2), (2, 1)],
        [(1, 3), (2, 2), (3, 1)],  # straight
        [(1, 3), (2.5, 2.5), (3, 1)],  # bent to the worse side
    ],
)
def test_there_is_no_knee_without_a_bend(points):
    assert knee(np.array(points, float), [False, False]) is None
