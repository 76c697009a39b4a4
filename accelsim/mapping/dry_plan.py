"""A Plan that only keeps time: what a choice of tiles would take, to the accuracy of a choice.

Tasks are added to it in the same order as to a Plan. Units serve them in that order, DRAM moves one
load after another at full rate. Storage is not limited and only one pass is run, so it says which
of two choices is faster, not how long an operator takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from accelsim.mapping.machine import UNIT_NAMES, Machine, Work
from accelsim.mapping.plan import Plan, Traffic, row_runs


def _ignore(_: int) -> None:
    return None


class DryPlan(Plan):
    """Finish times instead of tasks. `cycles` : the last finish."""

    def __init__(self, machine: Machine, outer: Plan) -> None:
        super().__init__(machine)
        self._outer = outer
        self._free = [0.0] * len(UNIT_NAMES)
        self._finish: list[float] = [0.0]
        self.start = 0
        self._bytes_per_cycle = machine.dram_bytes_per_cycle
        self._row_bytes = machine.dram_row_bytes
        self._latency = machine.dram_latency_cycles
        self._dram_free = self._dram_busy = 0.0

    def __post_init__(self) -> None:
        """No Program is built."""

    @property
    def dram_cycles(self) -> float:
        """Cycles for which DRAM is busy."""
        return self._dram_busy

    @property
    def cycles(self) -> float:
        """When everything has finished."""
        return max(self._finish)

    def inputs_on_chip(self, size_bytes: int = 1) -> bool:
        """As the Plan that is being filled."""
        return self._outer.inputs_on_chip(size_bytes)

    def keep_output(self, size_bytes: int) -> bool:
        """As the Plan that is being filled."""
        return self._outer.fits_on_chip(size_bytes)

    def place(self, size_bytes: int, kind: Traffic, touched: int | None = None) -> int:
        """No addresses are needed."""
        return 0

    def touch(self, size_bytes: int, kind: Traffic) -> None:
        """Nothing is counted."""

    def overhead(self, macs: int) -> None:
        """Nothing is counted."""

    def final(self, task: int) -> int:
        """Nothing is marked."""
        return task

    def _claim(self, task: int, buffer: int, size_bytes: int) -> Callable[[int], None]:
        return _ignore

    def _ready(self, after: Sequence[int]) -> float:
        finish = self._finish
        return max([finish[task] for task in after], default=0.0)

    def _done(self, finish: float) -> int:
        self._finish.append(finish)
        return len(self._finish) - 1

    def task(self, unit: int, work: Work, after: Sequence[int], **counts: int) -> int:
        """Serve a task behind those added to its unit before."""
        begin = max(self._free[unit], self._ready(after))
        self._free[unit] = begin + work.cycles
        return self._done(begin + work.latency_cycles)

    def join(self, after: Sequence[int]) -> int:
        """The last finish of `after`."""
        return self._done(self._ready(after))

    def gather(
        self,
        base: int,
        rows: np.ndarray,
        row_bytes: int,
        kind: Traffic,
        after: Sequence[int] = (),
        stride: int | None = None,
    ) -> int:
        """Every row once: a dry run must not touch the cache."""
        return self.load(row_runs(base, rows, row_bytes), kind, after)

    def _memory(
        self,
        unit: int,
        runs: np.ndarray,
        kind: Traffic,
        after: Sequence[int],
        useful_bytes: int | None = None,
        **counts: int,
    ) -> int:
        size = runs[:, 2] * runs[:, 3]
        moved = float(np.maximum(size, self._row_bytes).sum())
        busy = moved / self._bytes_per_cycle
        self._dram_busy += busy
        self._dram_free = max(self._dram_free, self._ready(after)) + busy
        return self._done(self._dram_free + self._latency)
