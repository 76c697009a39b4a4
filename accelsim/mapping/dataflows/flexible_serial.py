"""SIGMA as STONNE runs it: iterations one after another, the whole product in one kernel call."""

from __future__ import annotations

import numpy as np

from accelsim.arch.composed import ComposedArray
from accelsim.arch.dataflows import FlexibleSerial
from accelsim.kernels.flexible_serial import (
    ITERATION_COLUMNS,
    MULTIPLICATIONS,
    OUTPUTS,
    count_iterations,
    flexible_serial,
)
from accelsim.mapping.dataflows.problem import Cost, Problem


def iterations_of(problem: Problem, flow: FlexibleSerial, multipliers: int) -> np.ndarray:
    """The table of iterations, int64[n, ITERATION_COLUMNS]."""
    held = problem.a_rows if flow.stationary == "a" else problem.bt_rows
    streamed = problem.n if flow.stationary == "a" else problem.m
    table = np.zeros((int(count_iterations(held[0], multipliers)), ITERATION_COLUMNS), np.int64)
    flexible_serial(*held, problem.k, streamed, multipliers, flow.ports, flow.lines, table)
    return table


def flexible_serial_cost(problem: Problem, flow: FlexibleSerial, array: ComposedArray) -> Cost:
    """Cycles of all iterations.

    Every nonzero is delivered once, and with it a value of each vector that passes. An iteration
    writes the sums of its vectors; one that goes on with a vector reads them.
    """
    table = iterations_of(problem, flow, array.macs)
    cycles, issued = int(table[:, 0].sum()), int(table[:, MULTIPLICATIONS].sum())
    streamed = problem.n if flow.stationary == "a" else problem.m
    held = problem.a_nonzeros if flow.stationary == "a" else problem.b_nonzeros
    words = len(table) * streamed * min(problem.k, array.macs)
    busy = min(cycles, -(-issued // array.macs))
    lengths = np.diff((problem.a_rows if flow.stationary == "a" else problem.bt_rows)[0])
    emitted = int(table[:, OUTPUTS].sum())
    return Cost(
        cycles=cycles,
        busy_cycles=busy,
        macs=problem.macs,
        issued_macs=issued,
        reads_a=held if flow.stationary == "a" else words,
        reads_b=words if flow.stationary == "a" else held,
        outputs=problem.outputs,
        fill_cycles=0,
        delivered=held + issued,
        sums=2 * emitted - int(np.count_nonzero(lengths)) * streamed,
    )
