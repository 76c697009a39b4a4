"""A model of an objective from the points that ran, and which point to run next by it.

The model is a Gaussian process with a Matern-5/2 kernel and a length for every axis (Rasmussen and
Williams 2006, equations 2.25, 2.26 and 4.17); which point improves a front most is measured by the
maximin improvement (Svenson and Santner 2016, section 3.1), which needs no reference point and is
the same for any number of objectives.
"""

from __future__ import annotations

import numpy as np

LENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)  # that are tried, in shares of an axis
PRIOR_LENGTH, PRIOR_DEVIATION = 0.8, 1.2  # of a length: log-normal
ROUNDS = 2  # over all axes
NUGGET = 1e-5  # so that near-equal points leave the kernel invertible
LEAST = 1e-12
LEAST_SPAN = 0.1  # of a front of one point


class Model:
    """What is expected at points that have not run.

    Parameters
    ----------
    x : float64[points, axes]
    y : float64[points]
    without_order : bool[axes]
        Axes on which two points are either equal or 1 apart.
    lengths : float64[axes], optional
        Of another model of the same, in place of the likeliest.
    """

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        without_order: np.ndarray,
        lengths: np.ndarray | None = None,
    ) -> None:
        self.x, self.without_order = x, without_order
        self.mean, self.deviation = float(y.mean()), max(float(y.std()), LEAST)
        self._y = (y - self.mean) / self.deviation
        self._apart = np.stack([self._squares(x, axis) for axis in range(x.shape[1])])
        self.lengths = self._fitted() if lengths is None else lengths
        self._inverse = np.linalg.inv(self._factor(self.lengths))
        self._weights = self._inverse @ self._y
        self._variance = max(float(self._weights @ self._weights) / len(y), LEAST)

    def at(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation, float64[n] each, at float64[n, axes]."""
        squares = np.zeros((len(self.x), len(z)))
        for axis, length in enumerate(self.lengths):
            squares += self._squares(z, axis) / length**2
        shared = self._inverse @ _kernel(squares)
        left = np.maximum(1 - (shared**2).sum(axis=0), LEAST)
        spread = np.sqrt(self._variance * left) * self.deviation
        return self.mean + self.deviation * (shared.T @ self._weights), spread

    def _squares(self, z: np.ndarray, axis: int) -> np.ndarray:
        """float64[points, n]: squared distances on an axis."""
        apart = self.x[:, None, axis] - z[None, :, axis]
        return (apart != 0).astype(float) if self.without_order[axis] else apart**2

    def _factor(self, lengths: np.ndarray) -> np.ndarray:
        kernel = _kernel(np.tensordot(lengths**-2.0, self._apart, axes=1))
        return np.linalg.cholesky(kernel + NUGGET * np.eye(len(kernel)))

    def _fitted(self) -> np.ndarray:
        """float64[axes]: the likeliest lengths, one axis after the other."""
        lengths = np.full(self.x.shape[1], PRIOR_LENGTH)
        least = self._misfit(lengths)
        varied = np.flatnonzero(self._apart.any(axis=(1, 2)))
        for axis in np.tile(varied, ROUNDS):
            for length in LENGTHS:
                tried = lengths.copy()
                tried[axis] = length
                misfit = self._misfit(tried)
                if misfit < least:
                    least, lengths = misfit, tried
        return lengths

    def _misfit(self, lengths: np.ndarray) -> float:
        """Minus the log of likelihood times prior."""
        factor = self._factor(lengths)
        weights = np.linalg.solve(factor, self._y)
        fit = 0.5 * len(weights) * np.log(max(float(weights @ weights) / len(weights), LEAST))
        prior = 0.5 * ((np.log(lengths / PRIOR_LENGTH) / PRIOR_DEVIATION) ** 2).sum()
        return float(fit + np.log(np.diag(factor)).sum() + prior)


def _kernel(squares: np.ndarray) -> np.ndarray:
    distance = np.sqrt(5 * squares)
    return (1 + distance + distance**2 / 3) * np.exp(-distance)


def maximin_improvement(front: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far points lie beyond a front: float64[n], negative for dominated ones.

    Parameters
    ----------
    front : float64[m, objectives], minimised
        In units of about the deviation of what ran.
    y : float64[n, objectives]
    """
    span = np.maximum(np.ptp(front, axis=0), LEAST_SPAN)
    return ((front[None] - y[:, None]) / span).max(axis=2).min(axis=1)


def not_dominated(y: np.ndarray) -> np.ndarray:
    """bool[n]: rows of float64[n, objectives], minimised, that no other row is better than."""
    best = np.ones(len(y), dtype=bool)
    for row in range(len(y)):
        no_worse = (y <= y[row]).all(axis=1)
        best[row] = not (no_worse & (y < y[row]).any(axis=1)).any()
    return best
