"""Random numbers by counting: a hash of (seed, counters), the same in whatever order it is asked.

The scrambler is that of the kernels (`kernels.patterns.splitmix`), on whole arrays.
"""

from __future__ import annotations

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
CHANCE_BITS = 52


def mixed(seed: int, *counters: np.ndarray | int) -> np.ndarray:
    """Hash a seed and counters (arrays broadcast together), uint64, at least one-dimensional."""
    value = np.array([seed], dtype=np.uint64)
    for counter in counters:
        value = _scramble(
            value + (np.atleast_1d(counter).astype(np.uint64) + np.uint64(1)) * _GOLDEN
        )
    return value


def _scramble(value: np.ndarray) -> np.ndarray:
    """Output function of splitmix64 (Steele, Lea and Flood 2014)."""
    value = (value ^ (value >> np.uint64(30))) * _MIX_A
    value = (value ^ (value >> np.uint64(27))) * _MIX_B
    return value ^ (value >> np.uint64(31))


def permutation(count: int, seed: int, *counters: int) -> np.ndarray:
    """A permutation of 0 to count - 1, int64[count]."""
    return np.argsort(mixed(seed, *counters, np.arange(count)), kind="stable")


def cumulative_chance(weights: np.ndarray) -> np.ndarray:
    """Running share of float64[n] weights in units of 2**-52, int64[n]; the last is 2**52."""
    running = np.cumsum(weights)
    chance = np.rint(running / running[-1] * (1 << CHANCE_BITS)).astype(np.int64)
    chance[-1] = 1 << CHANCE_BITS
    return chance


def drawn(chance: np.ndarray, random: np.ndarray) -> np.ndarray:
    """Draw numbers in [0, n) by `cumulative_chance` from uint64 random ones, int64."""
    target = (random >> np.uint64(64 - CHANCE_BITS)).astype(np.int64)
    return np.searchsorted(chance, target, side="right")
