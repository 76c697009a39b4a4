"""The Program: tasks on units as flat int64 arrays, and the check that it can always finish.

Offsets arrays (`*_ptr`) have one entry more than what they index, as in CSR. Times are
picoseconds, sizes bytes. A claim belongs to one task; a run belongs to one memory task.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import IntEnum

import numpy as np

from accelsim.kernels.dram_fields import T_CHANNELS, T_FIELDS, T_SHIFT


class Order(IntEnum):
    """How a unit picks its next task: in issue (task) order, or smallest (ready time, task)."""

    IN_ORDER = 0
    READY_FIRST = 1


class Cause(IntEnum):
    """Why a task started when it did: what it waited for last (equal times: the earlier-named)."""

    NONE = 0
    DEPENDENCY = 1
    BUFFER = 2
    SERVER = 3
    TURN = 4


UNLIMITED_SERVERS = 0


class ProgramError(ValueError):
    """A Program that breaks a rule; the message names the task and the rule."""


class CapacityError(ProgramError):
    """Claims that can exceed a buffer.

    Attributes
    ----------
    task : int
        The first task whose claims do not fit.
    buffer : str
    need_bytes, have_bytes : int
    """

    def __init__(self, task: int, buffer: str, need_bytes: int, have_bytes: int) -> None:
        self.task, self.buffer = task, buffer
        self.need_bytes, self.have_bytes = need_bytes, have_bytes
        super().__init__(
            f"task {task} needs {need_bytes} B of buffer '{buffer}' held at once,"
            f" which has {have_bytes} B"
        )


def int64s(values: object = ()) -> np.ndarray:
    """Values as a contiguous int64 array."""
    return np.ascontiguousarray(values, dtype=np.int64)


@dataclass(frozen=True)
class Units:
    """What executes tasks. Every array is int64[units].

    `servers` : tasks at once (0 = unlimited); `order` : `Order`; `clock_ps` : starts are rounded
    up to a multiple of it; `chip` : whose DRAM its requests go to.
    Memory units only (else 0): `outstanding` lines in flight, `issue_per_cycle` lines,
    `return_bytes_per_cycle` of the way back (0 = unlimited), `crossing_ps` unit to DRAM,
    `is_write` 1 for stores. `banks` of the scratchpad that reads are written to (0 = not modelled),
    `bank_bytes` wide, with `bank_queue` lines before each: byte b of a task's lines goes to bank
    (task + b // bank_bytes) % banks, and a bank takes a line a cycle.
    """

    name: tuple[str, ...]
    servers: np.ndarray
    order: np.ndarray
    clock_ps: np.ndarray
    chip: np.ndarray
    outstanding: np.ndarray
    issue_per_cycle: np.ndarray
    return_bytes_per_cycle: np.ndarray
    crossing_ps: np.ndarray
    is_write: np.ndarray
    banks: np.ndarray
    bank_bytes: np.ndarray
    bank_queue: np.ndarray


@dataclass(frozen=True)
class Dram:
    """DRAM of every chip: at request level if there is a `part`, else at the simple level.

    Every array but `part` is int64[chips].

    `channels`, `line_bytes`, `row_bytes`, `interleave_bytes`, `banks`, `queue_depth` (slots a
    channel), `clock_ps` (requests are accepted on its edges), `burst_ps` (data bus time of a
    line), `activate_ps` (least time between two activates of a channel), `row_hit_ps` and
    `row_miss_ps` (accept to first data when nothing is in the way), `return_ps` (last data on
    the channel to arrival at the unit's return path).

    Address a : block = a // interleave; channel = block % channels;
    local = (block // channels) * interleave + a % interleave; row index = local // row_bytes;
    bank = row index % banks; row = row index // banks. With `permute` 1 the channel is (block +
    folded(block // channels)) % channels, see `accelsim.kernels.channel.locate`.

    `part` : int64[T_FIELDS] of `accelsim.kernels.dram_fields`, the same on every chip. `channels`
    is then a multiple of the part's, stack by stack; the stack comes from the block as the channel
    above, and (block // stacks) * interleave + a % interleave the address there; `line_bytes` are
    the part's, and `row_bytes`, `banks`, `queue_depth`, `burst_ps`, `activate_ps`, `row_hit_ps`
    and `row_miss_ps` are not used.
    """

    channels: np.ndarray
    line_bytes: np.ndarray
    row_bytes: np.ndarray
    interleave_bytes: np.ndarray
    banks: np.ndarray
    queue_depth: np.ndarray
    clock_ps: np.ndarray
    burst_ps: np.ndarray
    activate_ps: np.ndarray
    row_hit_ps: np.ndarray
    row_miss_ps: np.ndarray
    return_ps: np.ndarray
    permute: np.ndarray
    part: np.ndarray = field(default_factory=int64s)


@dataclass(frozen=True)
class Program:
    """Tasks on units, ready to run on either engine.

    Tasks, int64[tasks]: `unit`; `occupancy_ps` (the server is held) and `latency_ps` >= occupancy
    (successors and releases see it), both 0 for memory tasks; `operator` (index in the trace, -1
    for none; analysis only). Predecessors of task i: `pred[pred_ptr[i]:pred_ptr[i + 1]]`.
    Claims of task i: `claim_ptr[i]:claim_ptr[i + 1]` into `claim_buffer`, `claim_bytes`; claim c
    is released when the last of `release[release_ptr[c]:release_ptr[c + 1]]` has finished.
    Memory runs of task i: `run_ptr[i]:run_ptr[i + 1]` into `run_address`, `run_stride`,
    `run_bytes`, `run_count`: count pieces of `bytes` at address, address + stride, ...; each
    piece is cut into the lines that it touches. A task with runs is a memory task.
    `counters` : name -> int64[tasks], per-task figures for analysis (useful MACs, bytes, ...).
    """

    units: Units
    buffer_name: tuple[str, ...]
    buffer_bytes: np.ndarray
    dram: Dram
    unit: np.ndarray
    occupancy_ps: np.ndarray
    latency_ps: np.ndarray
    operator: np.ndarray
    pred_ptr: np.ndarray
    pred: np.ndarray
    claim_ptr: np.ndarray
    claim_buffer: np.ndarray
    claim_bytes: np.ndarray
    release_ptr: np.ndarray
    release: np.ndarray
    run_ptr: np.ndarray
    run_address: np.ndarray
    run_stride: np.ndarray
    run_bytes: np.ndarray
    run_count: np.ndarray
    counters: dict[str, np.ndarray] = field(default_factory=dict)
    _checked: bool = field(default=False, init=False, repr=False, compare=False)

    @property
    def tasks(self) -> int:
        """Number of tasks."""
        return int(self.unit.size)

    def check(self) -> None:
        """Check the rules that make every Program finish; a second call returns at once.

        Raises
        ------
        ProgramError
            Arrays whose lengths or offsets disagree, impossible unit or DRAM figures, an unknown
            unit, a negative or too short time, a predecessor that is not of lower index, a
            release set that names a task which neither is the claimer nor has it as a direct
            predecessor, claims that replayed in task order exceed a buffer, or runs on a unit
            that cannot issue requests.
        """
        if self._checked:
            return
        _check_shapes(self)
        _check_units(self.units)
        _check_tasks(self)
        _check_runs(self)
        _check_claims(self)
        object.__setattr__(self, "_checked", True)


def deepest_bank_queue(p: Program) -> int:
    """Most lines that wait before a scratchpad bank of any unit."""
    return int(np.where(p.units.banks > 0, p.units.bank_queue, 0).max(initial=0))


def _check_shapes(p: Program) -> None:
    """Offsets index what they say they index, so that no engine reads out of range."""
    tables = (
        ("pred_ptr", p.tasks, ("pred",)),
        ("claim_ptr", p.tasks, ("claim_buffer", "claim_bytes")),
        ("release_ptr", p.claim_buffer.size, ("release",)),
        ("run_ptr", p.tasks, ("run_address", "run_stride", "run_bytes", "run_count")),
    )
    for name in ("occupancy_ps", "latency_ps", "operator"):
        if getattr(p, name).shape != p.unit.shape:
            raise ProgramError(f"'{name}' has {getattr(p, name).size} entries for {p.tasks} tasks")
    for ptr_name, rows, columns in tables:
        ptr = getattr(p, ptr_name)
        if ptr.size != rows + 1 or ptr[0] != 0 or (np.diff(ptr) < 0).any():
            raise ProgramError(f"'{ptr_name}' must rise from 0 and have {rows + 1} entries")
        for column in columns:
            if getattr(p, column).size != ptr[-1]:
                raise ProgramError(f"'{column}' must have {ptr[-1]} entries, as '{ptr_name}' says")
    if p.buffer_bytes.size != len(p.buffer_name):
        raise ProgramError(f"{len(p.buffer_name)} buffer names, {p.buffer_bytes.size} sizes")


def _check_units(u: Units) -> None:
    least = {"clock_ps": 1}
    for f in fields(u):
        values = getattr(u, f.name)
        if len(values) != len(u.name):
            raise ProgramError(f"units: '{f.name}' has {len(values)} entries, not {len(u.name)}")
        if f.name == "name":
            continue
        for name, value in zip(u.name, values, strict=True):
            if value < least.get(f.name, 0) or (f.name == "order" and value > max(Order)):
                raise ProgramError(f"unit '{name}' has {f.name} = {value}")


def _check_tasks(p: Program) -> None:
    n = p.tasks
    _require((p.unit >= 0) & (p.unit < len(p.units.name)), "names a unit that does not exist")
    _require(p.occupancy_ps >= 0, "has a negative occupancy")
    _require(p.latency_ps >= p.occupancy_ps, "has a latency below its occupancy")
    of_pred = np.repeat(np.arange(n), np.diff(p.pred_ptr))
    _require((p.pred >= 0) & (p.pred < of_pred), "has a predecessor that is not before it", of_pred)


def _check_runs(p: Program) -> None:
    of_run = np.repeat(np.arange(p.tasks), np.diff(p.run_ptr))
    if not of_run.size:
        return
    unit = p.unit[of_run]
    _require(p.units.outstanding[unit] > 0, "issues requests on a unit with none", of_run)
    _require(p.units.issue_per_cycle[unit] > 0, "has a unit that issues nothing", of_run)
    banks = (p.units.bank_bytes[unit] > 0) & (p.units.bank_queue[unit] > 0)
    _require((p.units.banks[unit] == 0) | banks, "has banks without width or queue", of_run)
    _require((p.run_bytes > 0) & (p.run_count > 0), "has an empty memory run", of_run)
    last = p.run_address + p.run_stride * (p.run_count - 1)
    _require((p.run_address >= 0) & (last >= 0), "has a memory run below address 0", of_run)
    service = p.occupancy_ps[of_run] + p.latency_ps[of_run]
    _require(service == 0, "has both a service and memory requests", of_run)
    chips = p.dram.channels.size
    _require(p.units.chip[unit] < chips, "has a unit on a chip without DRAM", of_run)
    may_be_zero = ("activate_ps", "row_hit_ps", "row_miss_ps", "return_ps", "permute")
    for f in fields(p.dram):
        if f.name == "part":
            continue
        values = getattr(p.dram, f.name)
        if values.size != chips or (values < (f.name not in may_be_zero)).any():
            raise ProgramError(f"dram: {f.name} = {values.tolist()} for {chips} chips")
    if p.dram.part.size:
        _check_part(p.dram)


def _check_part(d: Dram) -> None:
    if d.part.size != T_FIELDS:
        raise ProgramError(f"dram: part has {d.part.size} entries, not {T_FIELDS}")
    line, channels = 1 << int(d.part[T_SHIFT]), int(d.part[T_CHANNELS])
    if (d.line_bytes != line).any():
        raise ProgramError(f"dram: line_bytes = {d.line_bytes.tolist()}, but the part's are {line}")
    if (d.interleave_bytes % line).any():
        raise ProgramError(f"dram: interleave_bytes is no multiple of the line, {line} B")
    if (d.channels % channels).any():
        raise ProgramError(f"dram: channels = {d.channels.tolist()} are no stacks of {channels}")


def _require(good: np.ndarray, what: str, task: np.ndarray | None = None) -> None:
    if not good.all():
        first = int(np.argmin(good))
        raise ProgramError(f"task {first if task is None else int(task[first])} {what}")


def _check_claims(p: Program) -> None:
    if not p.claim_buffer.size:
        return
    n = p.tasks
    claimer = np.repeat(np.arange(n), np.diff(p.claim_ptr))
    known = (p.claim_buffer >= 0) & (p.claim_buffer < p.buffer_bytes.size)
    _require(known, "claims an unknown buffer", claimer)
    _require(p.claim_bytes >= 0, "claims negative bytes", claimer)
    _require(np.diff(p.release_ptr) > 0, "has a claim that nothing releases", claimer)
    owner = np.repeat(claimer, np.diff(p.release_ptr))
    _require((p.release >= owner) & (p.release < n), "is released by a task before it", owner)
    # Each releaser must be the claimer or name it as a predecessor: look the pair up, sorted.
    other = p.release != owner
    pairs = np.sort(np.repeat(np.arange(n), np.diff(p.pred_ptr)) * n + p.pred)
    want = p.release[other] * n + owner[other]
    at = np.minimum(np.searchsorted(pairs, want), max(pairs.size - 1, 0))
    found = (pairs[at] == want) if pairs.size else np.zeros(want.size, bool)
    _require(found, "has a claim whose releaser does not directly depend on it", owner[other])
    _replay_claims(p, claimer)


def _replay_claims(p: Program, claimer: np.ndarray) -> None:
    """Run the tasks one by one: the lowest unfinished task must always be grantable."""
    last = np.maximum.reduceat(p.release, p.release_ptr[:-1])
    # One line of events: buffer by buffer, in task order; a task's releases follow its claims.
    buffer = np.concatenate([p.claim_buffer, p.claim_buffer])
    step = np.concatenate([2 * claimer, 2 * last + 1])
    change = np.concatenate([p.claim_bytes, -p.claim_bytes])
    order = np.argsort(buffer * (2 * p.tasks) + step, kind="stable")
    held = np.cumsum(change[order])  # every buffer ends at 0, so one sum serves them all
    over = held > p.buffer_bytes[buffer[order]]
    if over.any():
        at = order[np.argmax(over)]
        name = p.buffer_name[int(buffer[at])]
        need, have = int(held[np.argmax(over)]), int(p.buffer_bytes[buffer[at]])
        raise CapacityError(int(step[at]) // 2, name, need, have)
