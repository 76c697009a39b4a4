"""Multiplications and nonzeros of the rows of C, from the patterns."""

from __future__ import annotations

import numpy as np

from accelsim.kernels.spgemm import BIT_LIMIT_BYTES, spgemm_symbolic
from accelsim.mapping.dataflows.problem import Csr, Problem


def products_of(a: Csr, problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """int64[rows] multiplications and int64[rows] nonzeros of A' x B, for another left operand."""
    rows = a[0].size - 1
    macs, outputs = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    if problem.bt is None:
        counts = np.diff(a[0])
        return counts * problem.n, np.where(counts > 0, problem.n, 0).astype(np.int64)
    spgemm_symbolic(*a, *problem.b_rows, problem.n, BIT_LIMIT_BYTES, macs, outputs)
    return macs, outputs


def row_products(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """int64[m] multiplications and int64[m] nonzeros of every row of C."""
    if problem.a is not None:
        return products_of(problem.a, problem)
    macs = np.full(problem.m, int(problem.b_row_counts.sum()), np.int64)
    columns = problem.n if problem.bt is None else int(np.count_nonzero(np.diff(problem.bt[0])))
    return macs, np.full(problem.m, columns, np.int64)
