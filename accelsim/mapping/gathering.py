"""The load unit's gather: row indices to line requests, tile by tile, on real indices.

Lines pass a duplicate window (within a tile) and, if the load has one, a cache (across tiles and
operators); what is left is requested. A hit is read where it lies.

Not modelled: the port that brings a hit to the array (the tile's operand feed is charged in any
case), and the cycle in which a duplicate or a hit is dropped.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accelsim.arch.spec import Arch
from accelsim.kernels.cache import FIBRE, HIT, LRU, READ, access
from accelsim.kernels.gather import DUPLICATES, LINES, RUNS, USEFUL_BYTES, coalesce_rows
from accelsim.workload.arrays import kernel_array

POLICIES = {"lru": LRU, "fibre": FIBRE}


class Requests(NamedTuple):
    """What a tile's rows ask of memory.

    `runs` : int64[n, 4], address, stride, bytes, count, all of whole lines. `useful_bytes` : of
    the rows, in these lines. `lines`, `duplicates`, `hits` : lines requested, dropped by the
    window, and found in the cache; their sum is what the rows touch.
    """

    runs: np.ndarray
    useful_bytes: int
    lines: int
    duplicates: int
    hits: int


class Gatherer:
    """Turns rows into requests; keeps the cache from tile to tile."""

    def __init__(self, arch: Arch) -> None:
        self._line, self._window = arch.dram.line, arch.load.duplicate_window
        self._cache = arch.load.cache
        if self._cache is not None:
            shape = self._cache.size // (self._cache.ways * self._line), self._cache.ways
            self._tags, self._used = np.full(shape, -1, np.int64), np.zeros(shape, np.int64)
            self._coming, self._dirty = np.zeros(shape, np.int32), np.zeros(shape, np.bool_)
            self._clock = np.zeros(1, np.int64)

    def requests(self, base: int, rows: np.ndarray, row_bytes: int, stride: int) -> Requests:
        """Requests of one tile, in the order of its rows.

        Parameters
        ----------
        base : int
            Address of row 0.
        rows : int[n]
        row_bytes, stride : int
            Row i lies at base + i x stride.
        """
        rows = kernel_array(rows, np.int64)
        most = rows.size * (row_bytes // self._line + 2)
        address, size = np.empty(most, np.int64), np.empty(most, np.int64)
        ends = np.array([0, rows.size])
        counts = coalesce_rows(
            rows, ends, base, row_bytes, stride, self._line, self._window, address, size
        )[0]
        address, size = address[: counts[RUNS]], size[: counts[RUNS]]
        lines, useful, hits = int(counts[LINES]), int(counts[USEFUL_BYTES]), 0
        if self._cache is not None:
            address, size = self._missed(address, size)
            hits = lines - int(size.sum()) // self._line
            useful = min(useful, int(size.sum()))
        ones = np.ones_like(address)
        runs = np.stack([address, 0 * ones, size, ones], axis=1)
        return Requests(runs, useful, lines - hits, int(counts[DUPLICATES]), hits)

    def extents(self, address: np.ndarray, size: np.ndarray) -> Requests:
        """Requests of pieces of any length, in order; what the cache holds is not asked again.

        With a cache whole lines count as useful: what else is in them may be used later.

        Parameters
        ----------
        address, size : int64[n]
            Bytes; empty pieces ask for nothing.
        """
        some = size > 0
        address, size = address[some], size[some]
        first = address // self._line
        lines = (address + size - 1) // self._line - first + 1
        begin, whole = first * self._line, lines * self._line
        total = int(lines.sum())
        if self._cache is not None and total:
            begin, whole = self._missed(begin, whole)
        asked = int(whole.sum()) // self._line
        ones = np.ones_like(begin)
        runs = np.stack([begin, 0 * ones, whole, ones], axis=1)
        useful = asked * self._line
        if self._cache is None:
            useful = min(int(size.sum()), useful)
        return Requests(runs, useful, asked, 0, total - asked)

    def _missed(self, address: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The runs of lines that the cache does not hold."""
        assert self._cache is not None
        count = size // self._line
        ahead = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        lines = np.repeat(address // self._line, count) + ahead
        outcome, written = np.empty(lines.size, np.int8), np.empty(lines.size, np.int64)
        access(
            lines, np.full(lines.size, READ, np.int8), POLICIES[self._cache.policy], self._tags,
            self._used, self._coming, self._dirty, self._clock, outcome, written,
        )  # fmt: skip
        missed = lines[outcome != HIT]
        first = np.flatnonzero(np.diff(missed, prepend=-2) != 1)
        return missed[first] * self._line, np.diff(first, append=missed.size) * self._line
