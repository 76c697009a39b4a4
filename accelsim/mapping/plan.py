"""The Plan: a Program under construction, with what the analysis must know about each task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from accelsim.engine.builder import ProgramBuilder
from accelsim.engine.program import CapacityError, Program
from accelsim.errors import InputError
from accelsim.mapping.gathering import Gatherer
from accelsim.mapping.machine import (
    ARRAY,
    BUFFER_NAMES,
    CONTROL,
    JOIN,
    LOAD,
    STORE,
    TILES,
    WEIGHTS,
    Machine,
    Work,
)
from accelsim.mapping.placement import Allocator


class Traffic(IntEnum):
    """What DRAM bytes are for."""

    NONE = 0
    WEIGHTS = 1
    ACTIVATIONS = 2
    QUERIES = 3
    KEYS_VALUES = 4
    METADATA = 5
    OUTPUTS = 6
    SPILLS = 7


COUNTERS = (  # the first are those of a Work
    "busy_ps",
    "input_stall_ps",
    "imbalance_ps",
    "conflict_stall_ps",
    "fill_ps",
    "issued_macs",
    "issued_slots",
    "read_bytes",
    "write_bytes",
    "delivered_bytes",
    "partial_bytes",
    "operations",
    "metadata_bits",
    "dram_useful_bytes",
    "gathered_rows",
    "gathered_lines",
    "duplicate_lines",
    "cache_hits",
    "added_rows",
    "combined_rows",
    "fetched_rows",
    "written_rows",
    "traffic",
    "dtype",  # of MACs in another type than the operator's: 1 + place in DTYPE_BITS
)

PACKED_TASKS = 1 << 13  # at the end of an operator: to pack a few takes as long as to pack these
# Called with each task that gives storage back.
Release = Callable[[int], None]


@dataclass
class Mapped:
    """A mapped trace: the Program and the record of what was chosen.

    `unique_bytes` : (operator, Traffic) -> distinct bytes that the operator must move at least.
    `choices` : operator -> loop nest as text. `overhead_macs` : operator -> issued MACs of index
    prediction and of scores that were not kept. `notes` : what a reader of the result must know.
    """

    program: Program
    unique_bytes: dict[tuple[int, Traffic], int]
    choices: dict[int, str]
    overhead_macs: dict[int, int]
    notes: tuple[str, ...] = ()


@dataclass
class Plan:
    """Adds tasks for one operator after another."""

    machine: Machine
    builder: ProgramBuilder = field(init=False)
    ends: list[int] = field(default_factory=list)
    unique_bytes: dict[tuple[int, Traffic], int] = field(default_factory=dict)
    choices: dict[int, str] = field(default_factory=dict)
    overhead_macs: dict[int, int] = field(default_factory=dict)
    scopes: dict[int, str] = field(default_factory=dict)
    kept: dict[int, int] = field(default_factory=dict)
    start: int = -1
    gatherer: Gatherer = field(init=False)
    allocator: Allocator = field(init=False)

    def __post_init__(self) -> None:
        # Of the counters that a Work has, in its order, five are times.
        ps = self.machine.ps
        self.builder = ProgramBuilder(COUNTERS, (*[ps] * 5, *[1] * 8))
        self.allocator = Allocator(self.machine.arch)
        self.gatherer = Gatherer(self.machine.arch)

    @contextmanager
    def operator(self, index: int, scope: str, inputs: Sequence[int]) -> Iterator[None]:
        """Tasks added inside belong to operator `index`; it starts when its inputs have ended.

        `start` is a task after the inputs and the dispatch; data that depends on nothing may be
        loaded before it.
        """
        self.builder.current_operator = index
        self.scopes[index] = scope
        cycles = self.machine.arch.control.dispatch_cycles
        self.start = self.task(
            CONTROL, Work(cycles, cycles, cycles), [self.ends[i] for i in inputs]
        )
        self._inputs = tuple(inputs)
        self._finals: list[int] = []
        yield
        self.ends.append(self.join(self._finals or [self.start]))
        if self.builder.unsealed >= PACKED_TASKS:
            self.builder.seal()

    def reconfigure(self) -> int:
        """Switch the array to this operator's dataflow or mode; array tasks queue behind it."""
        cycles = self.machine.arch.array.reconfiguration_cycles
        return self.task(ARRAY, Work(cycles, cycles, fill_cycles=cycles), [self.start])

    def final(self, task: int) -> int:
        """Mark a task that must finish before the operator has ended."""
        self._finals.append(task)
        return task

    def choose(self, text: str) -> None:
        """Record how the present operator is tiled and run (shown in the report)."""
        self.choices[self.builder.current_operator] = text

    def overhead(self, macs: int) -> None:
        """Count issued MACs of the present operator that predict or recompute."""
        index = self.builder.current_operator
        self.overhead_macs[index] = self.overhead_macs.get(index, 0) + int(macs)

    def touch(self, size_bytes: int, kind: Traffic) -> None:
        """Count distinct bytes that the present operator moves at least."""
        key = (self.builder.current_operator, kind)
        self.unique_bytes[key] = self.unique_bytes.get(key, 0) + int(size_bytes)

    def place(self, size_bytes: int, kind: Traffic, touched: int | None = None) -> int:
        """Place a tensor in DRAM; all of it is touched unless said."""
        self.touch(size_bytes if touched is None else touched, kind)
        return self.allocator.place(size_bytes)

    def fits_on_chip(self, size_bytes: int) -> bool:
        """Whether the activation storage holds four tensors of this size."""
        return 4 * size_bytes <= self.machine.arch.mapping.activation_storage

    def keep_output(self, size_bytes: int) -> bool:
        """Decide whether the present operator's result stays on chip for its readers."""
        kept = self.fits_on_chip(size_bytes)
        self.kept[self.builder.current_operator] = size_bytes if kept else 0
        return kept

    def inputs_on_chip(self, size_bytes: int = 1) -> bool:
        """Whether everything that the present operator reads from others stayed on chip.

        Index operators hand over indices, not tensors, and do not count. With less than
        `size_bytes` in all, others have not made what it reads (a cache of keys lies in DRAM).
        """
        found = [self.kept[i] for i in self._inputs if i in self.kept]
        return bool(found) and all(found) and sum(found) >= size_bytes

    def task(self, unit: int, work: Work, after: Sequence[int], **counts: int) -> int:
        """Add a task with a service."""
        ps = self.machine.ps
        task = self.builder.task(
            unit, work.cycles * ps, work.latency_cycles * ps, after=after, **counts
        )
        self.builder.count_first(task, work[2:])
        return task

    def join(self, after: Sequence[int]) -> int:
        """Add a task of no duration after all of `after`."""
        return self.builder.task(JOIN, after=after)

    def load(self, runs: np.ndarray, kind: Traffic, after: Sequence[int] = ()) -> int:
        """Read runs (int64[n, 4]: address, stride, bytes, count) from DRAM."""
        return self._memory(LOAD, runs, kind, after)

    def load_weights(
        self, address: int, size_bytes: int, after: Sequence[int] = ()
    ) -> tuple[Sequence[int], Release]:
        """Read weights into their staging storage chunk by chunk.

        Returns
        -------
        (sequence of int, callable)
            The loads, and what is to be called with each task that releases the storage of all;
            they must be its predecessors.
        """
        chunk = self.machine.arch.mapping.chunk
        runs = np.empty((-(-size_bytes // chunk), 4), np.int64)
        runs[:] = address, 0, chunk, 1
        runs[:, 0] += np.arange(0, size_bytes, chunk)
        runs[-1:, 2] = address + size_bytes - runs[-1:, 0]
        runs = self.allocator.folded(runs)
        size = runs[:, 2]
        loads, releasers = self.builder.memory_tasks(
            LOAD, runs, after=after, buffer=WEIGHTS, traffic=int(Traffic.WEIGHTS)
        )
        for name in ("write_bytes", "dram_useful_bytes"):
            self.builder.count(name, loads, size)
        return loads, releasers.append

    def gather(
        self,
        base: int,
        rows: np.ndarray,
        row_bytes: int,
        kind: Traffic,
        after: Sequence[int] = (),
        stride: int | None = None,
    ) -> int:
        """Read rows of a table that does not change, by index; row i lies at base + i x stride."""
        found = self.gatherer.requests(base, rows, row_bytes, stride or row_bytes)
        counts = {
            "gathered_rows": rows.size,
            "gathered_lines": found.lines,
            "duplicate_lines": found.duplicates,
            "cache_hits": found.hits,
        }
        if not found.lines:
            return self.builder.task(JOIN, after=after, **counts)
        return self._memory(LOAD, found.runs, kind, after, found.useful_bytes, **counts)

    def gather_extents(
        self, address: np.ndarray, size: np.ndarray, kind: Traffic, after: Sequence[int] = ()
    ) -> int:
        """Read pieces of a table, int64[n] addresses and bytes, through the load's cache."""
        found = self.gatherer.extents(address, size)
        counts = {
            "gathered_rows": address.size,
            "gathered_lines": found.lines,
            "cache_hits": found.hits,
        }
        if not found.lines:
            return self.builder.task(JOIN, after=after, **counts)
        return self._memory(LOAD, found.runs, kind, after, found.useful_bytes, **counts)

    def store(self, runs: np.ndarray, kind: Traffic, after: Sequence[int]) -> int:
        """Write runs to DRAM; the operator ends after them."""
        return self.final(self._memory(STORE, runs, kind, after))

    def _memory(
        self,
        unit: int,
        runs: np.ndarray,
        kind: Traffic,
        after: Sequence[int],
        useful_bytes: int | None = None,
        **counts: int,
    ) -> int:
        moved = int(runs[:, 2] @ runs[:, 3])
        counts["write_bytes" if unit == LOAD else "read_bytes"] = moved
        counts["dram_useful_bytes"] = moved if useful_bytes is None else useful_bytes
        runs = self.allocator.folded(runs)
        return self.builder.memory_task(unit, runs, after=after, traffic=int(kind), **counts)

    def claim_tiles(self, task: int, size_bytes: int) -> Release:
        """Claim tile storage for `task`; call the result with each releasing task."""
        return self._claim(task, TILES, size_bytes)

    def claim_weights(self, task: int, size_bytes: int) -> Release:
        """Claim the weight staging storage (bounded by mapping.prefetch)."""
        return self._claim(task, WEIGHTS, size_bytes)

    def _claim(self, task: int, buffer: int, size_bytes: int) -> Release:
        releasers = self.builder.claim(task, buffer, size_bytes)

        def release_by(releaser: int) -> None:
            if releaser != task:
                self.builder.add_predecessor(releaser, task)
            if releaser not in releasers:
                releasers.append(releaser)

        return release_by

    def finish(self) -> Mapped:
        """Freeze into a checked Program."""
        machine = self.machine
        sizes = [machine.tiles_bytes, machine.weights_bytes]
        try:
            program = self.builder.build(machine.units(), BUFFER_NAMES, sizes, machine.dram())
        except CapacityError as error:
            what = {"tiles": "scratchpad left for tiles", "weights": "weight staging"}[error.buffer]
            raise InputError(
                f"the smallest tiles of '{self.scopes[self.builder.operator_of(error.task)]}' need"
                f" {error.need_bytes} B of {what}, which has {error.have_bytes} B",
                where=f"architecture '{machine.arch.name}'",
                remedy="raise on_chip, or lower mapping.prefetch, activation_storage or chunk",
            ) from error
        notes = self.allocator.notes()
        return Mapped(program, self.unique_bytes, self.choices, self.overhead_macs, notes)


def run(address: int, size_bytes: int) -> np.ndarray:
    """One contiguous run."""
    return np.array([[address, 0, size_bytes, 1]], np.int64)


def row_runs(base: int, rows: np.ndarray, row_bytes: int) -> np.ndarray:
    """Runs that fetch rows of a table by index, consecutive indices joined into one run.

    Parameters
    ----------
    base : int
        Address of row 0.
    rows : int[n]
    row_bytes : int

    Returns
    -------
    int64[runs, 4]
    """
    rows = np.asarray(rows, np.int64)
    if rows.size == 0:
        return np.zeros((0, 4), np.int64)
    breaks = np.flatnonzero(rows[1:] != rows[:-1] + 1) + 1
    ends = np.zeros(breaks.size + 2, np.int64)
    ends[1:-1], ends[-1] = breaks, rows.size
    first = ends[:-1]
    out = np.empty((first.size, 4), np.int64)
    out[:, 0] = base + rows[first] * row_bytes
    out[:, 1] = 0
    out[:, 2] = (ends[1:] - first) * row_bytes
    out[:, 3] = 1
    return out
