"""Adding rows into accumulators that are read, added to and written back."""

from __future__ import annotations

import numpy as np

from accelsim.arch.memory import ScatterUnit
from accelsim.kernels.scatter import scatter_cycles
from accelsim.mapping.machine import SCATTER, Machine, Work
from accelsim.workload.arrays import kernel_array

ACCUMULATOR_BYTES = 4


def scatter_work(
    machine: Machine, unit: ScatterUnit, rows: np.ndarray, elements: int, item_bytes: int
) -> Work:
    """Cost of scatter-adding rows of `elements` on the scatter unit, ports charged.

    Rows with equal indices that meet in a bank's queue are combined and touch the accumulators
    once.
    """
    cycles, stalled, combined = scatter_cycles(
        kernel_array(rows, np.int64), elements, unit.banks, unit.lanes, unit.queue_depth, 1
    )
    sums = (int(rows.size) - combined) * elements * ACCUMULATOR_BYTES
    work = Work(
        cycles=cycles,
        latency_cycles=cycles,
        busy_cycles=cycles - stalled,
        conflict_stall_cycles=stalled,
        read_bytes=int(rows.size) * elements * item_bytes + sums,
        write_bytes=sums,
    )
    return machine.charged(SCATTER, work)
