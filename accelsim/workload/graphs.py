"""Substitutes for sparse matrices that are not shipped: equal shape, nonzeros and degree law.

A Chung-Lu graph: entry (i, j) is drawn with probability proportional to w_i w_j, where the w
are 1, 2^-e, 3^-e, ... in random order.
One exponent fits the multiplications of A x A; how many outputs meet is then what it is.
"""

from __future__ import annotations

import numpy as np

from accelsim.workload.arrays import INDEX, pointers
from accelsim.workload.patterns import CsrPattern, csr_pattern


def chung_lu(rows: int, nonzeros: int, exponent: float, seed: int = 0) -> CsrPattern:
    """A square pattern of `rows` and exactly `nonzeros` distinct positions."""
    rng = np.random.default_rng(seed)
    chance = np.cumsum(rng.permutation(np.arange(1, rows + 1, dtype=np.float64) ** -exponent))
    chance /= chance[-1]
    keys = np.zeros(0, np.int64)
    while keys.size < nonzeros:
        draws = (nonzeros - keys.size) * 11 // 10 + 16
        left, right = (np.searchsorted(chance, rng.random(draws)) for _ in range(2))
        keys = np.unique(np.concatenate([keys, left * rows + right]))
    keys = np.sort(rng.permutation(keys)[:nonzeros])
    counts = np.bincount(keys // rows, minlength=rows)
    return csr_pattern(pointers(counts), (keys % rows).astype(INDEX), rows)


def transposed(pattern: CsrPattern) -> CsrPattern:
    """The same positions with rows and columns exchanged."""
    ptr, idx = pattern.csr()
    row = np.repeat(np.arange(pattern.rows), np.diff(ptr))
    order = np.lexsort((row, idx))
    counts = np.bincount(idx, minlength=pattern.cols)
    return csr_pattern(pointers(counts), row[order].astype(INDEX), pattern.rows)
