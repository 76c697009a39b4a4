"""The model of an objective, and what improves a front."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.sweep.surrogate import Model, maximin_improvement, not_dominated

ORDERED = np.array([False, False])


def smooth(x: np.ndarray) -> np.ndarray:
    return 3 + np.sin(4 * x[:, 0]) + 0.1 * x[:, 1]


def test_a_model_knows_what_ran_and_expects_the_rest():
    rng = np.random.default_rng(0)
    x, other = rng.random((40, 2)), rng.random((50, 2))
    model = Model(x, smooth(x), ORDERED)
    mean, spread = model.at(x)
    assert mean == pytest.approx(smooth(x), abs=1e-3)
    assert spread.max() < 0.02
    mean, spread = model.at(other)
    assert np.abs(mean - smooth(other)).max() < 0.05
    far = model.at(np.array([[5.0, 5.0]]))[1]
    assert far > 10 * spread.max()


def test_an_axis_without_an_order_is_equal_or_not():
    x = np.array([[0.0, 0], [1, 0], [2, 0], [0, 1], [1, 1]])
    y = np.array([5.0, 0, 5, 5, 0])
    mean, _ = Model(x, y, np.array([True, False])).at(np.array([[2.0, 1]]))
    assert mean[0] == pytest.approx(5, abs=0.5)


def test_a_constant_is_expected_everywhere():
    mean, _ = Model(np.eye(2), np.array([2.0, 2.0]), ORDERED).at(np.array([[0.5, 0.5]]))
    assert mean[0] == pytest.approx(2)


def test_improvement_is_how_far_a_point_lies_beyond_the_front():
    front = np.array([[0.0, 1.0], [1.0, 0.0]])
    y = np.array([[0.5, 0.5], [0.25, 0.75], [1.0, 1.0], [-0.5, 1.0], [0.0, 1.0]])
    assert maximin_improvement(front, y).tolist() == [0.5, 0.25, 0.0, 0.5, 0.0]
    assert maximin_improvement(front, np.array([[2.0, 2.0]]))[0] == -1


def test_equal_points_do_not_dominate_each_other():
    y = np.array([[0, 1], [1, 0], [0, 1], [1, 1], [0.5, 0.5]])
    assert not_dominated(y).tolist() == [True, True, True, False, True]
