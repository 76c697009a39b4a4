"""The one place where arrays become what a kernel takes: plain, contiguous, of one type.

Numba compiles once per combination of type, layout and writability, so every array that goes to
a kernel passes through here and each kernel keeps one signature.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray

INDEX = np.int32
POINTER = np.int64


def kernel_array(values: object, dtype: DTypeLike) -> NDArray[np.generic]:
    """Give `values` as a C-contiguous, writable, plain ndarray of `dtype` (a copy if need be)."""
    array = np.ascontiguousarray(values, dtype=dtype)
    return array if array.flags.writeable else array.copy()


def narrow_indices(indices: np.ndarray, cols: int) -> np.ndarray:
    """Store column indices below `cols` in the smallest of uint16 and uint32."""
    return np.ascontiguousarray(indices, dtype=np.uint16 if cols <= 1 << 16 else np.uint32)


def narrow_pointers(indptr: np.ndarray) -> np.ndarray:
    """Store row pointers (int64[rows + 1], rising) in uint32 where the last one fits."""
    small = len(indptr) == 0 or int(indptr[-1]) < 1 << 32
    return np.ascontiguousarray(indptr, dtype=np.uint32 if small else np.int64)


def pointers(counts: np.ndarray) -> np.ndarray:
    """Row pointers, int64[n + 1], from entries per row, int64[n]."""
    indptr = np.zeros(len(counts) + 1, dtype=POINTER)
    np.cumsum(counts, out=indptr[1:])
    return indptr


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Concatenate the integer ranges [starts[i], starts[i] + counts[i]) as int32[sum(counts)]."""
    starts = np.asarray(starts, dtype=np.int64)
    counts = np.asarray(counts, dtype=np.int64)
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    offsets = np.repeat(starts - (ends - counts), counts)
    offsets += np.arange(total, dtype=np.int64)
    return offsets.astype(INDEX)
