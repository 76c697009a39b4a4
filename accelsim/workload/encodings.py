"""Sparsity patterns: which positions of a rows x cols matrix are kept, in five exact encodings.

Every encoding can materialise any block of rows as CSR, so that no consumer needs to know which
one it was given. The classes compare by identity; two patterns are the same if their CSR is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from accelsim.errors import InputError
from accelsim.workload.arrays import INDEX, POINTER, pointers, ranges
from accelsim.workload.rules import Rule, make_rule

Csr = tuple[np.ndarray, np.ndarray]
_BLOCK_NNZ = 1 << 21


class Pattern(ABC):
    """Kept positions of a matrix of `rows` x `cols`.

    Attributes
    ----------
    rows, cols : int
        Shape of the matrix.
    encoding : str
        Name of the encoding in a manifest.
    """

    encoding: ClassVar[str]
    rows: int
    cols: int

    @abstractmethod
    def csr(self, start: int = 0, stop: int | None = None) -> Csr:
        """Materialise rows [start, stop) as fresh arrays.

        Returns
        -------
        indptr : int64[stop - start + 1]
            Starts at 0.
        indices : int32[indptr[-1]]
            Column indices, strictly increasing within a row.
        """

    @abstractmethod
    def row_counts(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Kept positions of each row of [start, stop), int64[stop - start]."""

    @cached_property
    def nnz(self) -> int:
        """Kept positions of the whole matrix."""
        return int(self.row_counts().sum())

    @property
    def density(self) -> float:
        """Kept positions over all positions, masked-out future keys included."""
        return self.nnz / (self.rows * self.cols) if self.rows and self.cols else 0.0

    @property
    def granule(self) -> tuple[int, int]:
        """Rows and columns that are kept or dropped together, and so share one stored index."""
        return 1, 1

    def blocks(self, max_nnz: int = _BLOCK_NNZ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Walk over all rows in CSR blocks of about `max_nnz` entries: (first row, *csr)."""
        step = self.rows if self.nnz <= max_nnz else max(1, self.rows * max_nnz // self.nnz)
        for start in range(0, self.rows, max(1, step)):
            yield (start, *self.csr(start, min(self.rows, start + step)))

    def mask(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Rows [start, stop) as bool[stop - start, cols]; True is kept. For small blocks."""
        indptr, indices = self.csr(start, stop)
        dense = np.zeros((len(indptr) - 1, self.cols), dtype=bool)
        dense[np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)), indices] = True
        return dense

    def _span(self, start: int, stop: int | None) -> tuple[int, int]:
        stop = self.rows if stop is None else stop
        if not 0 <= start <= stop <= self.rows:
            raise ValueError(f"rows [{start}, {stop}) are outside [0, {self.rows})")
        return start, stop


@dataclass(frozen=True, eq=False)
class CsrPattern(Pattern):
    """Compressed rows.

    Attributes
    ----------
    indptr : integer[rows + 1]
        Row r is ``indices[indptr[r]:indptr[r + 1]]``.
    indices : uint16[nnz] or uint32[nnz] (any integer type in memory)
        Columns, strictly increasing within a row; may be memory-mapped.
    """

    encoding: ClassVar[str] = "csr"
    indptr: np.ndarray
    indices: np.ndarray
    cols: int
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        if self.indptr.ndim != 1 or self.indices.ndim != 1 or len(self.indptr) < 1:
            raise InputError(
                "indptr and indices of a CSR pattern must be vectors, indptr not empty"
            )
        object.__setattr__(self, "rows", len(self.indptr) - 1)

    @cached_property
    def nnz(self) -> int:
        """See `Pattern.nnz`."""
        return len(self.indices)

    def csr(self, start: int = 0, stop: int | None = None) -> Csr:
        """See `Pattern.csr`."""
        start, stop = self._span(start, stop)
        indptr = self.indptr[start : stop + 1].astype(POINTER)
        first, last = int(indptr[0]), int(indptr[-1])
        indptr -= first
        indices = self.indices[first:last].astype(INDEX)
        # kernels do not check bounds: a damaged array must not get as far as one
        sound = len(indices) == last - first and (np.diff(indptr) >= 0).all()
        if not sound or (len(indices) and (indices.max() >= self.cols or indices.min() < 0)):
            raise InputError(
                f"CSR arrays of rows [{start}, {stop}) are damaged",
                remedy="see which one with: accelsim trace validate",
            )
        return indptr, indices

    def row_counts(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """See `Pattern.row_counts`."""
        start, stop = self._span(start, stop)
        return np.diff(self.indptr[start : stop + 1].astype(POINTER))


@dataclass(frozen=True, eq=False)
class BitPattern(Pattern):
    """One bit per position.

    Attributes
    ----------
    bits : uint8[rows, ceil(cols / 8)]
        Little bit order: column c is bit c % 8 (of value ``1 << (c % 8)``) of byte c // 8, as
        ``np.packbits(mask, axis=1, bitorder="little")`` gives it; padding bits are zero.
    """

    encoding: ClassVar[str] = "bits"
    bits: np.ndarray
    cols: int
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        if self.bits.ndim != 2 or self.bits.dtype != np.uint8:
            raise InputError("bits of a bit pattern must be uint8[rows, ceil(cols / 8)]")
        if self.bits.shape[1] != -(-self.cols // 8):
            raise InputError(f"bits has {self.bits.shape[1]} bytes a row for {self.cols} columns")
        object.__setattr__(self, "rows", self.bits.shape[0])

    @classmethod
    def from_mask(cls, mask: np.ndarray) -> BitPattern:
        """Pack bool[rows, cols]; True is kept."""
        return cls(np.packbits(mask, axis=1, bitorder="little"), mask.shape[1])

    def csr(self, start: int = 0, stop: int | None = None) -> Csr:
        """See `Pattern.csr`."""
        start, stop = self._span(start, stop)
        mask = np.unpackbits(
            self.bits[start:stop], axis=1, count=self.cols, bitorder="little"
        ).view(bool)
        row, col = np.nonzero(mask)
        return pointers(np.bincount(row, minlength=stop - start)), col.astype(INDEX)

    def row_counts(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """See `Pattern.row_counts`."""
        start, stop = self._span(start, stop)
        return np.bitwise_count(self.bits[start:stop]).sum(axis=1, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class BlockPattern(Pattern):
    """Whole blocks of `block_rows` x `block_cols`, as CSR over block rows.

    Blocks at the right and lower edge are cut off there. With `clip_q_len` = q > 0 the pattern is
    also causal: of row r only the columns up to ``cols - q + r % q`` are kept.

    Attributes
    ----------
    indptr : integer[ceil(rows / block_rows) + 1]
    indices : integer[blocks]
        Block columns, strictly increasing within a block row.
    """

    encoding: ClassVar[str] = "block"
    indptr: np.ndarray
    indices: np.ndarray
    rows: int
    cols: int
    block_rows: int
    block_cols: int
    clip_q_len: int = 0

    def __post_init__(self) -> None:
        if self.block_rows <= 0 or self.block_cols <= 0 or self.clip_q_len < 0:
            raise InputError("block sizes must be positive and clip_q_len not negative")
        expected = -(-self.rows // self.block_rows) + 1
        if self.indptr.shape != (expected,) or self.indices.ndim != 1:
            raise InputError(f"indptr of a block pattern must have length {expected}")

    @property
    def granule(self) -> tuple[int, int]:
        """See `Pattern.granule`."""
        return self.block_rows, self.block_cols

    def csr(self, start: int = 0, stop: int | None = None) -> Csr:
        """See `Pattern.csr`."""
        start, stop = self._span(start, stop)
        counts, parts = [], []
        for first, last, columns, kept in self._bands(start, stop):
            counts.append(kept)
            parts.append(columns[ranges(np.zeros(last - first), kept)])
        empty = np.zeros(0, dtype=INDEX)
        return (
            pointers(np.concatenate([np.zeros(0, dtype=np.int64), *counts])),
            np.concatenate([empty, *parts]).astype(INDEX),
        )

    def row_counts(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """See `Pattern.row_counts`."""
        start, stop = self._span(start, stop)
        bands = [kept for *_, kept in self._bands(start, stop)]
        return np.concatenate([np.zeros(0, dtype=np.int64), *bands])

    def _bands(self, start: int, stop: int) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
        """Yield by block row: first and end row, its columns, and how many each row keeps."""
        while start < stop:
            band = start // self.block_rows
            last = min(stop, (band + 1) * self.block_rows)
            blocks = self.indices[int(self.indptr[band]) : int(self.indptr[band + 1])]
            first_col = blocks.astype(np.int64) * self.block_cols
            width = np.minimum(self.block_cols, self.cols - first_col)
            columns = ranges(first_col, width)
            kept = np.full(last - start, len(columns), dtype=np.int64)
            if self.clip_q_len:
                row = np.arange(start, last) % self.clip_q_len
                limit = self.cols - self.clip_q_len + row
                kept = np.searchsorted(columns, limit, side="right").astype(np.int64)
            yield start, last, columns, kept
            start = last


@dataclass(frozen=True, eq=False)
class NmPattern(Pattern):
    """Exactly `n` of every `m` adjacent columns, in every row (cols is a multiple of m).

    Attributes
    ----------
    positions : uint8[rows, ceil(cols / m * n * width / 8)]
        Offsets within the group, rising, `width` bits each (the smallest of 1, 2, 4 and 8 that
        holds m - 1), lowest bits first.
    """

    encoding: ClassVar[str] = "nm"
    n: int
    m: int
    positions: np.ndarray
    cols: int
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        if not 0 < self.n <= self.m <= 256 or self.cols % self.m:
            raise InputError(
                f"an N:M pattern needs 0 < n <= m <= 256 and columns in whole groups, "
                f"not {self.n}:{self.m} with {self.cols} columns"
            )
        per_row = -(-self.cols // self.m * self.n * self.width(self.m) // 8)
        if self.positions.dtype != np.uint8 or self.positions.shape[1:] != (per_row,):
            raise InputError(f"positions of an N:M pattern must be uint8[rows, {per_row}]")
        object.__setattr__(self, "rows", self.positions.shape[0])

    @staticmethod
    def width(m: int) -> int:
        """Bits of one stored offset."""
        return next(bits for bits in (1, 2, 4, 8) if m <= 1 << bits)

    @classmethod
    def from_offsets(cls, n: int, m: int, offsets: np.ndarray, cols: int) -> NmPattern:
        """Pack offsets, uint8[rows, cols / m * n], each in [0, m)."""
        width = cls.width(m)
        bits = np.unpackbits(
            offsets.astype(np.uint8)[:, :, None], axis=2, count=width, bitorder="little"
        )
        packed = np.packbits(bits.reshape(len(offsets), -1), axis=1, bitorder="little")
        return cls(n, m, packed, cols)

    def offsets(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Unpack the offsets within the groups, uint8[stop - start, cols / m * n]."""
        start, stop = self._span(start, stop)
        per_row, width = self.cols // self.m * self.n, self.width(self.m)
        bits = np.unpackbits(
            self.positions[start:stop], axis=1, count=per_row * width, bitorder="little"
        )
        weights = 1 << np.arange(width)
        return (bits.reshape(stop - start, per_row, width) @ weights).astype(np.uint8)

    def csr(self, start: int = 0, stop: int | None = None) -> Csr:
        """See `Pattern.csr`."""
        offsets = self.offsets(start, stop)
        group = np.repeat(np.arange(self.cols // self.m) * self.m, self.n)
        columns = (group[None, :] + offsets).astype(INDEX)
        return pointers(np.full(len(offsets), len(group))), columns.reshape(-1)

    def row_counts(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """See `Pattern.row_counts`."""
        start, stop = self._span(start, stop)
        return np.full(stop - start, self.cols // self.m * self.n, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class RulePattern(Pattern):
    """A pattern that a registered rule generates from its parameters alone (see `rules`).

    Attributes
    ----------
    rule : str
        A name in the registry of rules.
    params : dict[str, object]
        The rule's parameters; the defaults are filled in.
    """

    encoding: ClassVar[str] = "rule"
    rule: str
    rows: int
    cols: int
    params: dict[str, object]
    generator: Rule = field(init=False, repr=False)

    def __post_init__(self) -> None:
        generator = make_rule(self.rule, self.rows, self.cols, self.params)
        object.__setattr__(self, "generator", generator)
        object.__setattr__(self, "params", generator.parameters())

    def csr(self, start: int = 0, stop: int | None = None) -> Csr:
        """See `Pattern.csr`."""
        return self.generator.csr(*self._span(start, stop))

    def row_counts(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """See `Pattern.row_counts`."""
        return self.generator.row_counts(*self._span(start, stop))

    @property
    def granule(self) -> tuple[int, int]:
        """See `Pattern.granule`."""
        return self.generator.granule
