"""The Pareto front of points with several objectives, and its knee."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DECADE = 10.0
FLAT = 1e-9  # a distance to the chord below this is rounding


def front(values: np.ndarray, maximise: Sequence[bool]) -> np.ndarray:
    """The points that no other point dominates.

    A point dominates another if it is at least as good in every objective and better in one. Of
    equal points none dominates another, so that all of them are on the front or none is.

    Parameters
    ----------
    values : float64[points, objectives]
        Finite.
    maximise : sequence of bool
        Which objectives are better when larger.

    Returns
    -------
    int64[found]
        Numbers of the points, by their first objective from best to worst, equal points by number.
        Two objectives take O(n log n), more of them O(n x found).
    """
    costs = _costs(values, maximise)
    order = np.lexsort([np.arange(len(costs)), *costs.T[::-1]])
    ordered = costs[order]
    if costs.shape[1] == 2:
        return order[_front_of_two(ordered)]
    kept: list[int] = []
    for row in range(len(ordered)):
        # Those that dominate a point come before it in the order.
        before = ordered[kept]
        no_worse = (before <= ordered[row]).all(axis=1)
        if not (no_worse & (before < ordered[row]).any(axis=1)).any():
            kept.append(row)
    return order[np.array(kept, np.int64)]


def _front_of_two(ordered: np.ndarray) -> np.ndarray:
    """bool[points] of costs in lexicographic order: whether the second beats all before it."""
    if not len(ordered):
        return np.zeros(0, bool)
    best = np.minimum.accumulate(ordered[:, 1])
    before = np.concatenate([[np.inf], best[:-1]])
    same = np.zeros(len(ordered), bool)
    same[1:] = (ordered[1:] == ordered[:-1]).all(axis=1)
    new = ordered[:, 1] < before
    first = np.maximum.accumulate(np.where(same, 0, np.arange(len(ordered))))
    return np.where(same, new[first], new)


def _costs(values: np.ndarray, maximise: Sequence[bool]) -> np.ndarray:
    return np.asarray(values, float) * np.where(np.asarray(maximise, bool), -1.0, 1.0)


def knee(
    values: np.ndarray, maximise: Sequence[bool], log: Sequence[bool] | None = None
) -> int | None:
    """Row of the knee of a front of two objectives.

    It is the point farthest from the chord between the two ends of the front, on the side of the
    better values, with both axes scaled so that the front spans 0 to 1 (Das 1999, "On
    characterizing the 'knee' of the Pareto curve based on normal-boundary intersection", Structural
    Optimization 18; the same rule as that of Satopaa et al. 2011 for curves). Of several equally
    far ones it is the best in the first objective.

    Parameters
    ----------
    values : float64[found, 2]
        The points of a front, in the order of `front`.
    maximise : sequence of bool
    log : sequence of bool, optional
        Which axes are logarithmic; by default those whose positive values span more than a decade.

    Returns
    -------
    int or None
        None where the front has fewer than three different points, or none of them lies on the
        better side of the chord.
    """
    if len(np.unique(values, axis=0)) < 3:
        return None
    axes = []
    columns = np.asarray(values, float).T
    logs = [spans_a_decade(column) for column in columns] if log is None else log
    for column, larger, is_log in zip(columns, maximise, logs, strict=True):
        scaled = np.log10(column) if is_log else column
        share = (scaled - scaled.min()) / (scaled.max() - scaled.min())
        axes.append(1 - share if larger else share)
    # The chord runs from (0, 1) to (1, 0), the ideal is (0, 0).
    distance = (1 - axes[0] - axes[1]) / np.sqrt(2)
    farthest = float(distance.max())
    return int(np.flatnonzero(distance >= farthest - FLAT)[0]) if farthest > FLAT else None


def spans_a_decade(values: np.ndarray) -> bool:
    """Whether values are positive, and the largest is more than ten times the smallest."""
    return bool(len(values)) and values.min() > 0 and values.max() > DECADE * values.min()
