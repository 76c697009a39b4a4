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


def chances(random: np.ndarray) -> np.ndarray:
    """float64 strictly between 0 and 1 from uint64 random ones, 53 bits of each."""
    return ((random >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def below(random: np.ndarray, count: int) -> np.ndarray:
    """Numbers in [0, count) from uint64 random ones, int64; `count` at most 2**31."""
    low, high = random & np.uint64(0xFFFFFFFF), random >> np.uint64(32)
    carried = (low * np.uint64(count)) >> np.uint64(32)
    return ((high * np.uint64(count) + carried) >> np.uint64(32)).astype(np.int64)


def scrambled(numbers: np.ndarray, count: int, seed: int, *counters: int) -> np.ndarray:
    """Put numbers of [0, count) in a random order of all of them, one to one, int64.

    As `permutation`, but without a table: six rounds of a Feistel network over the next power of
    two, walked on until a number is below `count` again (Black and Rogaway, CT-RSA 2002).
    """
    bits = max(2, (count - 1).bit_length())
    right = bits // 2
    masks = np.uint64((1 << right) - 1), np.uint64((1 << (bits - right)) - 1)
    keys = mixed(seed, *counters, np.arange(6))
    found = numbers.astype(np.uint64)
    walking = np.arange(found.size)
    while walking.size:
        value = found[walking]
        halves = [value & masks[0], value >> np.uint64(right)]
        for turn, key in enumerate(keys):
            side = turn & 1
            halves[side] ^= _scramble(halves[1 - side] * _GOLDEN + key) & masks[side]
        found[walking] = halves[1] << np.uint64(right) | halves[0]
        walking = walking[found[walking] >= count]
    return found.astype(np.int64)


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
