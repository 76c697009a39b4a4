"""Entries kept at random, against the same in plain integers."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.kernels.bernoulli import count_independent, independent, lasting

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered")
GOLDEN, MIX_A, MIX_B = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
WHOLE, LOW = (1 << 64) - 1, (1 << 32) - 1


def splitmix(value: int) -> int:
    value &= WHOLE
    value = (value ^ (value >> 30)) * MIX_A & WHOLE
    value = (value ^ (value >> 27)) * MIX_B & WHOLE
    return value ^ (value >> 31)


@pytest.mark.parametrize("columns", [1, 2, 9])
def test_independent_entries(columns: int) -> None:
    rng = np.random.default_rng(columns)
    keys = rng.integers(0, 1 << 63, 20).astype(np.uint64)
    factors = [rng.integers(0, 1 << 32, n).astype(np.uint64) for n in (20, columns)]
    expected = []
    for key, row in zip(keys.tolist(), factors[0].tolist(), strict=True):
        kept = []
        for c, column in enumerate(factors[1].tolist()):
            random = splitmix(key + (c // 2 * 2 + 1) * GOLDEN) >> 32 * (c % 2) & LOW
            if random < row * column >> 32:
                kept.append(c)
        expected.append(kept)
    counts = np.empty(20, np.int64)
    count_independent(keys, *factors, counts)
    assert counts.tolist() == [len(kept) for kept in expected]
    indices = np.empty(int(counts.sum()) + 1, np.int32)
    independent(keys, *factors, indices)
    assert indices[:-1].tolist() == [c for kept in expected for c in kept]


@pytest.mark.parametrize(("first", "life_log2"), [(0, 0), (13, 2), (5, 20)])
def test_lasting_entries(first: int, life_log2: int) -> None:
    rng = np.random.default_rng(life_log2)
    row_keys, column_keys = (rng.integers(0, 1 << 63, n).astype(np.uint64) for n in (30, 7))
    chance = rng.integers(0, 1 << 32, 7).astype(np.uint64)
    follow = 3 << 30
    expected = []
    for row, key in enumerate(row_keys.tolist(), start=first):
        kept = []
        for c, (own, column) in enumerate(zip(chance.tolist(), column_keys.tolist(), strict=True)):
            phase = column >> 40 & (1 << life_log2) - 1
            held = splitmix(column + (row + phase >> life_log2) * MIX_B)
            random = splitmix(key + (c + 1) * GOLDEN)
            if (held if random >> 32 < follow else random) & LOW < own:
                kept.append(c)
        expected.append(kept)
    counts = np.empty(30, np.int64)
    run = (first, row_keys, (chance, column_keys), (life_log2, np.uint64(follow)), counts)
    lasting(*run, np.zeros(0, np.int32))
    assert counts.tolist() == [len(kept) for kept in expected]
    indices = np.empty(int(counts.sum()) + 1, np.int32)
    lasting(*run, indices)
    assert indices[:-1].tolist() == [c for kept in expected for c in kept]
