"""What a dataflow is asked to do, and what it answers.

C[m, n] = A[m, k] x B[k, n], with real patterns. SpMM: one operand has a pattern. SpGEMM: both.
SDDMM: `kept` says which outputs are wanted. Either operand may come transposed: the patterns are
turned here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np

from accelsim.kernels.csr import transpose
from accelsim.mapping.reuse import DIGEST_BYTES, Rows
from accelsim.workload.arrays import INDEX, POINTER, kernel_array

Csr = tuple[np.ndarray, np.ndarray]


def turned(csr: Csr, columns: int) -> Csr:
    """The same pattern by columns."""
    ptr, rows = transpose(kernel_array(csr[0], POINTER), kernel_array(csr[1], POINTER), columns)
    return ptr, kernel_array(rows, INDEX)


def rows_of(csr: Csr, first: int, last: int) -> Csr:
    """Some rows of a pattern."""
    ptr, indices = csr
    return ptr[first : last + 1] - ptr[first], indices[ptr[first] : ptr[last]]


def columns_of(csr: Csr, first: int, last: int) -> Csr:
    """Some columns of a pattern, counted from `first`."""
    ptr, indices = csr
    inside = (indices >= first) & (indices < last)
    counts = np.concatenate([[0], np.cumsum(inside)])
    return counts[ptr], np.ascontiguousarray(indices[inside] - first, indices.dtype)


def full(rows: int, columns: int) -> Csr:
    """A dense pattern as CSR."""
    return (
        np.arange(rows + 1, dtype=POINTER) * columns,
        np.tile(np.arange(columns, dtype=INDEX), rows),
    )


@dataclass(frozen=True)
class Problem:
    """One product.

    Attributes
    ----------
    m, n, k : int
    a : (int64[m + 1], int32[nnz]) or None
        Nonzeros of A by rows; None is dense.
    bt : (int64[n + 1], int32[nnz]) or None
        Nonzeros of B by columns (B transposed by rows); None is dense.
    kept : (int64[m + 1], int32[kept]) or None
        Outputs that are wanted; None is all.
    """

    m: int
    n: int
    k: int
    a: Csr | None = None
    bt: Csr | None = None
    kept: Csr | None = None

    @classmethod
    def of(
        cls,
        m: int,
        n: int,
        k: int,
        *,
        a: Csr | None = None,
        a_transposed: Csr | None = None,
        b: Csr | None = None,
        b_transposed: Csr | None = None,
        kept: Csr | None = None,
    ) -> Problem:
        """Build from operands as stored: A by its m rows or its k columns, B likewise."""
        if a_transposed is not None:
            a = turned(a_transposed, m)
        if b is not None:
            b_transposed = turned(b, n)
        return cls(m, n, k, a, b_transposed, kept)

    def with_rows(self, m: int, a: Csr | None, kept: Csr | None = None) -> Problem:
        """The same B under other rows of A; what was worked out of B stays."""
        other = Problem(m, self.n, self.k, a, self.bt, kept)
        for name in ("bt_rows", "b_rows", "b_row_counts"):
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other

    @cached_property
    def content(self) -> bytes:
        """Digest of sizes and patterns, see `accelsim.mapping.reuse`."""
        shape = (self.m, self.n, self.k, *(csr is None for csr in (self.a, self.bt, self.kept)))
        digest = blake2b(repr(shape).encode(), digest_size=DIGEST_BYTES)
        for csr in (self.a, self.bt, self.kept):
            if csr is not None:
                digest.update(Rows(*csr).content)
        return digest.digest()

    @cached_property
    def a_rows(self) -> Csr:
        """A by rows, a dense one written out."""
        return full(self.m, self.k) if self.a is None else self.a

    @cached_property
    def bt_rows(self) -> Csr:
        """B by columns, a dense one written out."""
        return full(self.n, self.k) if self.bt is None else self.bt

    @cached_property
    def a_columns(self) -> Csr:
        """A by columns."""
        return full(self.k, self.m) if self.a is None else turned(self.a, self.k)

    @cached_property
    def b_rows(self) -> Csr:
        """B by rows."""
        return full(self.k, self.n) if self.bt is None else turned(self.bt, self.k)

    @cached_property
    def a_column_counts(self) -> np.ndarray:
        """Nonzeros of every column of A, int64[k]."""
        if self.a is None:
            return np.full(self.k, self.m, np.int64)
        return np.bincount(self.a[1], minlength=self.k).astype(np.int64)

    @cached_property
    def b_row_counts(self) -> np.ndarray:
        """Nonzeros of every row of B, int64[k]."""
        if self.bt is None:
            return np.full(self.k, self.n, np.int64)
        return np.bincount(self.bt[1], minlength=self.k).astype(np.int64)

    @property
    def a_nonzeros(self) -> int:
        """Nonzeros of A."""
        return self.m * self.k if self.a is None else int(self.a[1].size)

    @property
    def b_nonzeros(self) -> int:
        """Nonzeros of B."""
        return self.n * self.k if self.bt is None else int(self.bt[1].size)

    @cached_property
    def macs(self) -> int:
        """Effectual multiplications."""
        if self.kept is None:
            return int(self.a_column_counts @ self.b_row_counts)
        if self.a is None or self.bt is None:  # one side dense: the other's fiber counts
            rows = np.repeat(np.arange(self.m), np.diff(self.kept[0]))
            if self.a is None and self.bt is None:
                return int(self.kept[1].size) * self.k
            if self.bt is None:
                return int(np.diff(self.a_rows[0])[rows].sum())
            return int(np.diff(self.bt_rows[0])[self.kept[1]].sum())
        from accelsim.mapping.dataflows.inner import kept_macs

        return kept_macs(self)

    @cached_property
    def outputs(self) -> int:
        """Nonzeros of C, by structure."""
        if self.kept is None and (self.a is None or self.bt is None):
            rows = self.m if self.a is None else int(np.count_nonzero(np.diff(self.a[0])))
            columns = self.n if self.bt is None else int(np.count_nonzero(np.diff(self.bt[0])))
            return rows * columns
        if self.kept is not None:
            return int(self.kept[1].size)
        return int(self.row_outputs.sum())

    @property
    def made(self) -> int:
        """Nonzeros of C where all are made, whichever are wanted."""
        whole = Problem(self.m, self.n, self.k, self.a, self.bt)
        return self.outputs if self.kept is None else whole.outputs

    @cached_property
    def row_outputs(self) -> np.ndarray:
        """Nonzeros of every row of C, int64[m], without `kept`."""
        return self._symbolic[1]

    @cached_property
    def row_macs(self) -> np.ndarray:
        """Effectual multiplications of every row of C, int64[m], without `kept`."""
        return self._symbolic[0]

    @cached_property
    def _symbolic(self) -> tuple[np.ndarray, np.ndarray]:
        from accelsim.mapping.dataflows.symbolic import row_products

        return row_products(self)


@dataclass(frozen=True)
class Cost:
    """What a product costs on an array, ports and DRAM apart.

    Attributes
    ----------
    cycles : int
        From the first to the last item.
    busy_cycles : int
        Of these, what the mean PE works.
    conflict_cycles, fill_cycles : int
        Of these, stalls on accumulator banks, and what it takes to fill and empty the array.
    macs, issued_macs : int
        Effectual multiplications, and those executed.
    reads_a, reads_b : int, elements
        From the scratchpad, after sharing.
    partials : int
        Sums that leave the PEs, to be read back once each.
    outputs : int
        Nonzeros of C.
    latency_cycles : int
        Beyond `cycles`, until the last result can be used.
    merge_cycles : int
        Of a second phase that begins when every product is made; not part of `cycles`.
    item_ends : int64[items] or None
        When an item and all before it are done, where items are shared out among PEs.
    delivered : int, elements
        Of both operands that PEs take in; one that several take counts for each.
    comparisons : int
        Of coordinates, to intersect and to merge.
    sums : int
        Writes and reads of partial sums inside PEs, see `accelsim.kernels.items`.
    """

    cycles: int
    busy_cycles: int
    macs: int
    issued_macs: int
    reads_a: int
    reads_b: int
    outputs: int
    conflict_cycles: int = 0
    fill_cycles: int = 0
    partials: int = 0
    latency_cycles: int = 0
    merge_cycles: int = 0
    item_ends: np.ndarray | None = None
    delivered: int = 0
    comparisons: int = 0
    sums: int = 0
