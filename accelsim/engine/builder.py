"""Builds a Program: tasks one by one or in blocks, packed many at a time."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from itertools import chain
from typing import NamedTuple

import numpy as np

from accelsim.engine.program import Dram, Program, Units, int64s


class _Block(NamedTuple):
    """Some tasks as arrays; the fields of a Program, counts instead of pointers.

    `counters` : name -> (tasks, values) where they are not 0.
    """

    unit: np.ndarray
    occupancy: np.ndarray
    latency: np.ndarray
    operator: np.ndarray
    preds: np.ndarray
    pred: np.ndarray
    claims: np.ndarray
    claim_buffer: np.ndarray
    claim_bytes: np.ndarray
    releases: np.ndarray
    release: np.ndarray
    runs: np.ndarray
    run: np.ndarray
    counters: dict[str, tuple[np.ndarray, np.ndarray]]


class ProgramBuilder:
    """Collects tasks one by one (or in blocks) and turns them into a Program.

    A mapping calls `task` or `memory_task` and gets the task's index back; `claim` adds a claim
    whose releasing tasks may be named later with `release`. `seal` packs the tasks so far, which
    cannot be changed from then on.

    Parameters
    ----------
    counters : sequence of str
    scales : sequence of int
        What `count_first` multiplies the values of the first counters by.
    """

    def __init__(self, counters: Sequence[str] = (), scales: Sequence[int] = ()) -> None:
        self._counter_names, self._scales = tuple(counters), int64s(list(scales))
        self._blocks: list[_Block] = []
        self._sealed = 0
        self.current_operator = -1
        self._open()

    def _open(self) -> None:
        """Begin the part that is not sealed."""
        self._heads: list[int] = []  # unit, occupancy, latency, operator of each
        self._pred: list[Sequence[int]] = []
        self._claims: list[list[tuple[int, int, list[int]]]] = []
        self._runs: list[np.ndarray] = []
        self._run_count: list[int] = []
        self._counters: dict[str, dict[int, int]] = {name: {} for name in self._counter_names}
        self._rows: list[int] = []
        self._row_tasks: list[int] = []
        self._spans: dict[str, list[tuple[range, np.ndarray]]] = {}

    def __len__(self) -> int:
        return self._sealed + len(self._pred)

    @property
    def unsealed(self) -> int:
        """Tasks that are not packed."""
        return len(self._pred)

    def operator_of(self, task: int) -> int:
        """The operator that a task was added for."""
        for block in self._blocks:
            if task < block.unit.size:
                return int(block.operator[task])
            task -= block.unit.size
        return self._heads[4 * task + 3]

    def seal(self) -> None:
        """Pack the tasks since the last time: as Python lists they take several times the room."""
        claims = list(chain.from_iterable(self._claims))
        unit, occupancy, latency, operator = int64s(int64s(self._heads).reshape(-1, 4).T)
        runs = self._runs
        self._blocks.append(
            _Block(
                unit=unit,
                occupancy=occupancy,
                latency=latency,
                operator=operator,
                preds=_lengths(self._pred),
                pred=np.fromiter(chain.from_iterable(self._pred), np.int64),
                claims=_lengths(self._claims),
                claim_buffer=int64s([c[0] for c in claims]),
                claim_bytes=int64s([c[1] for c in claims]),
                releases=_lengths([c[2] for c in claims]),
                release=np.fromiter(chain.from_iterable(c[2] for c in claims), np.int64),
                runs=int64s(self._run_count),
                run=np.concatenate(runs) if runs else np.zeros((0, 4), np.int64),
                counters=self._packed_counters(),
            )
        )
        self._sealed += len(self._pred)
        self._open()

    def _packed_counters(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        found = {
            name: (int64s(list(values)), int64s(list(values.values())))
            for name, values in self._counters.items()
        }
        for name, spans in self._spans.items():
            own, values = found[name]
            named = [own, *(np.arange(tasks.start, tasks.stop) for tasks, _ in spans)]
            counted = [values, *(column for _, column in spans)]
            found[name] = np.concatenate(named), np.concatenate(counted)
        if self._rows:
            tasks = int64s(self._row_tasks)
            table = int64s(self._rows).reshape(-1, self._scales.size) * self._scales
            for name, column in zip(self._counter_names, table.T, strict=False):
                own, values = found[name]
                found[name] = np.concatenate([tasks, own]), np.concatenate([column, values])
        return found

    def task(
        self,
        unit: int,
        occupancy_ps: int = 0,
        latency_ps: int | None = None,
        *,
        after: Sequence[int] = (),
        **counters: int,
    ) -> int:
        """Add a task with a service; `after` lists its predecessors. Returns its index."""
        index = self._sealed + len(self._pred)
        latency = occupancy_ps if latency_ps is None else latency_ps
        self._heads += unit, occupancy_ps, latency, self.current_operator
        self._pred.append(tuple(dict.fromkeys(after)))
        self._claims.append([])
        self._run_count.append(0)
        for name, value in counters.items():
            if value:
                self._counters[name][index] = int(value)
        return index

    def memory_task(
        self, unit: int, runs: np.ndarray, *, after: Sequence[int] = (), **counters: int
    ) -> int:
        """Add a memory task. `runs` : int64[n, 4], columns address, stride, bytes, count."""
        index = self.task(unit, after=after, **counters)
        self._runs.append(int64s(runs).reshape(-1, 4))
        self._run_count[-1] = len(self._runs[-1])
        return index

    def memory_tasks(
        self,
        unit: int,
        runs: np.ndarray,
        *,
        after: Sequence[int] = (),
        buffer: int,
        **counters: int,
    ) -> tuple[range, list[int]]:
        """Add a memory task for every run, each with a claim of its bytes of a buffer.

        Parameters
        ----------
        unit : int
        runs : int64[n, 4]
            Columns address, stride, bytes, count.
        after : sequence of int
            Predecessors of each.
        buffer : int
        **counters : int
            The same for all.

        Returns
        -------
        (range, list[int])
            The tasks, and the list to which those that release all the claims are appended.
        """
        runs = int64s(runs)
        count = len(runs)
        tasks, releasers = range(len(self), len(self) + count), list[int]()
        self._heads += [unit, 0, 0, self.current_operator] * count
        self._pred += [tuple(dict.fromkeys(after))] * count
        sizes = (runs[:, 2] * runs[:, 3]).tolist()
        self._claims += [[(buffer, size, releasers)] for size in sizes]
        self._runs.append(runs)
        self._run_count += [1] * count
        for name, value in counters.items():
            self.count(name, tasks, np.full(count, value))
        return tasks, releasers

    def claim(self, task: int, buffer: int, size_bytes: int) -> list[int]:
        """Claim bytes of a buffer; returns the list to which the releasing tasks are appended."""
        releasers: list[int] = []
        if size_bytes > 0:
            self._claims[self._still_open(task)].append((buffer, int(size_bytes), releasers))
        return releasers

    def count_first(self, task: int, values: Sequence[int]) -> None:
        """Set the first counters of a task, as many as there are scales."""
        self._row_tasks.append(task)
        self._rows += values

    def count(self, name: str, tasks: range, values: np.ndarray) -> None:
        """Set a counter of some tasks in a row; `values` : int64[tasks]."""
        self._spans.setdefault(name, []).append((tasks, values))

    def add_predecessor(self, task: int, before: int) -> None:
        """Make `task` wait for `before` too."""
        at = self._still_open(task)
        if before not in self._pred[at]:
            self._pred[at] = (*self._pred[at], before)

    def _still_open(self, task: int) -> int:
        if task < self._sealed:
            raise ValueError(f"task {task} is sealed")
        return task - self._sealed

    def build(
        self, units: Units, buffer_name: Sequence[str], buffer_bytes: Sequence[int], dram: Dram
    ) -> Program:
        """Freeze into a checked Program."""
        self.seal()

        def whole(name: str) -> np.ndarray:
            return np.concatenate([getattr(block, name) for block in self._blocks])

        table = whole("run")
        counters = {}
        for name in self._counter_names:
            counters[name] = np.zeros(self._sealed, np.int64)
            for block in self._blocks:
                tasks, values = block.counters[name]
                counters[name][tasks] = values
        program = Program(
            units=units,
            buffer_name=tuple(buffer_name),
            buffer_bytes=int64s(buffer_bytes),
            dram=dram,
            unit=whole("unit"),
            occupancy_ps=whole("occupancy"),
            latency_ps=whole("latency"),
            operator=whole("operator"),
            pred_ptr=_offsets(whole("preds")),
            pred=whole("pred"),
            claim_ptr=_offsets(whole("claims")),
            claim_buffer=whole("claim_buffer"),
            claim_bytes=whole("claim_bytes"),
            release_ptr=_offsets(whole("releases")),
            release=whole("release"),
            run_ptr=_offsets(whole("runs")),
            run_address=int64s(table[:, 0]),
            run_stride=int64s(table[:, 1]),
            run_bytes=int64s(table[:, 2]),
            run_count=int64s(table[:, 3]),
            counters=counters,
        )
        program.check()
        return program


def _lengths(lists: Sequence[Sized]) -> np.ndarray:
    return np.fromiter(map(len, lists), np.int64, len(lists))


def _offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
