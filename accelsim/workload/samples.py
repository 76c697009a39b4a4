"""Sorted samples without replacement, row by row: the kernel with its scratch space."""

from __future__ import annotations

import numpy as np

from accelsim.workload.arrays import INDEX

_DE_BRUIJN = 0x03F79D71B4CB0A89


def bit_numbers() -> np.ndarray:
    """Bit number of a power of two by the top six bits of its de Bruijn product, int64[64]."""
    table = np.zeros(64, dtype=np.int64)
    for bit in range(64):
        table[((_DE_BRUIJN << bit) & (1 << 64) - 1) >> 58] = bit
    return table


def uniform_samples(keys: np.ndarray, universe: np.ndarray, indptr: np.ndarray) -> np.ndarray:
    """Draw for each row of `indptr` (int64[n + 1]) its entries of [0, universe), int32, sorted.

    `keys` : uint64[n], what a row's sample depends on; `universe` : int64[n].
    """
    from accelsim.kernels.samples import uniform_rows  # imports numba

    indices = np.empty(int(indptr[-1]), dtype=INDEX)
    words = -(-int(universe.max(initial=0)) // 64)
    with np.errstate(over="ignore"):  # wrapping products, seen only with the JIT off
        uniform_rows(
            keys, universe, indptr, bit_numbers(), np.zeros(words, dtype=np.uint64), indices
        )
    return indices
