"""Least squares over a few whole numbers, for errors that are costly and only roughly smooth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Point = tuple[int, ...]


def size(errors: np.ndarray) -> float:
    """Sum of squared errors."""
    return float((errors**2).sum())


def spread_points(count: int, low: Point, high: Point) -> list[Point]:
    """Points spread evenly over a box: the additive recurrence of Roberts (2018)."""
    ratio = 1.0
    for _ in range(64):  # the root of x**(n + 1) = x + 1, n coordinates
        ratio = (1 + ratio) ** (1 / (len(low) + 1))
    steps = ratio ** -np.arange(1, len(low) + 1)
    places = (0.5 + np.outer(np.arange(count), steps)) % 1
    points = np.array(low) + places * np.subtract(high, low)
    return [tuple(point) for point in points.round().astype(int).tolist()]


def descend(
    errors: Callable[[Point], np.ndarray],
    at: Point,
    bounds: tuple[Point, Point],
    probed: tuple[Point, Point],
    rounds: int,
) -> Point:
    """Go on from a point to where the sum of squared errors is least nearby.

    Damped Gauss-Newton steps (Levenberg and Marquardt), rounded, with slopes taken over distances
    that are halved from round to round; a point that was probed for a slope is taken if it is
    better than the step.

    Parameters
    ----------
    errors : function
        Of a point, float64[n]; asked again for the same points.
    at : Point
    bounds : (Point, Point)
        Least and most of each coordinate.
    probed : (Point, Point)
        First and last distances of the slopes.
    rounds : int
        At most.
    """
    (low, high), damping = bounds, 0.1
    over, last = np.array(probed[0]), np.array(probed[1])
    least, most = np.array(low), np.array(high)
    for _ in range(rounds):
        here = np.array(at)
        probes = np.where(here + over <= most, here + over, np.maximum(least, here - over))
        moves = np.diag(probes - here)
        tried = [tuple((here + move).tolist()) for move in moves]
        slopes = np.stack([errors(point) - errors(at) for point in tried], axis=1)
        normal = slopes.T @ slopes
        for _ in range(3):
            damped = normal + np.diag(damping * normal.diagonal() + 1e-12)
            step = np.linalg.solve(damped, -slopes.T @ errors(at)) @ moves
            tried.append(tuple(np.clip(np.rint(here + step), least, most).astype(int).tolist()))
            if size(errors(tried[-1])) < size(errors(at)):
                damping /= 4
                break
            damping *= 4
        best = min(tried, key=lambda point: size(errors(point)))
        if size(errors(best)) < size(errors(at)):
            at = best
        elif (over <= last).all():
            break
        over = np.maximum(over // 2, last)
    return at
