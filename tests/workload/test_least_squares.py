"""Least squares over whole numbers: curved valleys, bounds, flat directions."""

from __future__ import annotations

import numpy as np

from accelsim.workload.least_squares import Point, descend, size, spread_points

LOW, HIGH = (0, -50, 0), (100, 50, 10)


def valley(point: Point) -> np.ndarray:
    """Zero at (70, -20), whatever the third coordinate; x and y pull at each other."""
    x, y = point[0] - 70, point[1] + 20
    return np.array([x + y, (x - y) / 5, x * y / 100])


def test_it_finds_the_bottom_of_a_valley() -> None:
    probed = (20, 20, 2), (1, 1, 1)
    assert descend(valley, (10, 40, 3), (LOW, HIGH), probed, 20)[:2] == (70, -20)


def test_it_stays_within_the_bounds() -> None:
    found = descend(valley, (10, 40, 3), (LOW, (60, 50, 10)), ((20, 20, 2), (1, 1, 1)), 20)
    best = min(
        ((x, y, 0) for x in range(61) for y in range(-50, 51)), key=lambda at: size(valley(at))
    )
    assert found[:2] == best[:2] and 0 <= found[2] <= 10


def test_spread_points_lie_in_every_part_of_the_box() -> None:
    points = np.array(spread_points(64, LOW, HIGH))
    assert (points >= LOW).all() and (points <= HIGH).all()
    for axis in range(2):
        eighths = (points[:, axis] - LOW[axis]) * 8 // (HIGH[axis] - LOW[axis] + 1)
        assert (np.bincount(eighths, minlength=8) >= 6).all()
