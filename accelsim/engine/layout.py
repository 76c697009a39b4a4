"""The compiled engine's matrices, made from a Program: every list turned the way it is walked."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from accelsim.engine.dram import DramState, dram_state
from accelsim.engine.program import UNLIMITED_SERVERS, Order, Program, deepest_bank_queue
from accelsim.engine.trains import Chip, pace, row_sets, run_paces, shortest
from accelsim.kernels import dram_fields as dk
from accelsim.kernels import fields as k
from accelsim.kernels import requests as rk
from accelsim.kernels import trains as tk
from accelsim.kernels.csr import lines_of_runs, transpose
from accelsim.kernels.tournament import NEVER, empty_tree


class State(NamedTuple):
    """What the compiled engine works on, in the order of its arguments, all int64.

    The matrices are described in `accelsim.kernels.fields`. Of every task, behind its `*_ptr`:
    `successor`, tasks; `claims`; `releases`, the claims that it helps to release; and memory runs.
    `line` : the claiming tasks of every buffer; `queue`, `ready_key` : [tasks], by unit;
    `completions` of every port, `bank_free` of the banks of each, `slots` of every channel,
    `open_row` of every bank (with trains, as they see it). `counts` : [COUNTS, tasks]. The agenda:
    `times` and `codes` are a heap, `tree` is a tournament of channels, clocks and ports, `again`
    and `express` are stacks. `requests` : [lines] and `first_request` : [tasks + 1] into it, or
    both empty. `next_active` : [tasks], see ports. From `part` on, the request-level DRAM, see
    `accelsim.kernels.requests`; without one all are empty.
    """

    unit_of: np.ndarray
    occupancy: np.ndarray
    latency: np.ndarray
    successor_ptr: np.ndarray
    successor: np.ndarray
    claim_ptr: np.ndarray
    claims: np.ndarray
    releases_ptr: np.ndarray
    releases: np.ndarray
    line: np.ndarray
    run_ptr: np.ndarray
    run_address: np.ndarray
    run_stride: np.ndarray
    run_bytes: np.ndarray
    run_count: np.ndarray
    run_pace: np.ndarray
    first_request: np.ndarray
    next_active: np.ndarray
    result: np.ndarray
    units: np.ndarray
    queue: np.ndarray
    ready_key: np.ndarray
    buffers: np.ndarray
    ports: np.ndarray
    completions: np.ndarray
    bank_free: np.ndarray
    bank_waits: np.ndarray
    channels: np.ndarray
    slots: np.ndarray
    open_row: np.ndarray
    counts: np.ndarray
    chips: np.ndarray
    times: np.ndarray
    codes: np.ndarray
    tree: np.ndarray
    again: np.ndarray
    express: np.ndarray
    scalars: np.ndarray
    requests: np.ndarray
    part: np.ndarray
    d_channels: np.ndarray
    banks: np.ndarray
    groups: np.ndarray
    ranks: np.ndarray
    d_slots: np.ndarray
    d_queue: np.ndarray
    reads: np.ndarray
    writes: np.ndarray
    filters: np.ndarray
    free: np.ndarray
    front: np.ndarray
    transit: np.ndarray
    back: np.ndarray
    waiting: np.ndarray
    entries: np.ndarray
    trains: np.ndarray


def lay_out(program: Program, record_requests: bool) -> State:
    """Make the state of a run at time 0 from a checked Program."""
    p = _as_compiled(program)
    successor_ptr, successor = transpose(p.pred_ptr, p.pred, p.tasks)
    releases_ptr, releases = transpose(p.release_ptr, p.release, p.tasks)
    first_request, requests = _first_request(p, record_requests)
    buffers, line, behind = _buffers(p)
    port_unit = _port_units(p)
    units, queue, clocks = _units(p, port_unit)
    channels, slots, banks = _channels(p)
    ports, completions = _ports(p, port_unit, channels.shape[0] + clocks)
    dram, (front, transit, back, waiting, entries) = _request_level(p, ports)
    trains, in_flight = _trains(p, ports)
    # A finish and a release of every task are to come; pages never touched cost nothing.
    to_come = 2 * p.tasks + 1 + in_flight
    scalars = np.zeros(k.FIRST_EDGE + 2 * clocks, np.int64)
    scalars[k.FIRST_EDGE + 1 :: 2] = -1
    scalars[k.FINISHED_AT] = -1
    return State(
        unit_of=p.unit,
        occupancy=p.occupancy_ps,
        latency=p.latency_ps,
        successor_ptr=successor_ptr,
        successor=successor,
        claim_ptr=p.claim_ptr,
        releases_ptr=releases_ptr,
        releases=releases,
        claims=np.stack([p.claim_buffer, p.claim_bytes, np.diff(p.release_ptr)], axis=1),
        line=line,
        run_ptr=p.run_ptr,
        run_address=p.run_address,
        run_stride=p.run_stride,
        run_bytes=p.run_bytes,
        run_count=p.run_count,
        run_pace=run_paces(p) if trains.size else np.zeros(0, np.int64),
        first_request=first_request,
        next_active=np.empty(p.tasks, np.int64),
        result=_result(p, behind),
        units=units,
        queue=queue,
        ready_key=np.empty(p.tasks, np.int64),
        buffers=buffers,
        ports=ports,
        completions=completions,
        bank_waits=np.zeros((port_unit.size, deepest_bank_queue(program) + 1), np.int64),
        bank_free=np.zeros(int(p.units.banks[port_unit].sum()), np.int64),
        channels=channels,
        slots=slots,
        open_row=np.full(banks, -1, np.int64),
        counts=np.zeros((k.COUNTS, p.tasks), np.int64),
        chips=_chips(p, port_unit),
        times=np.empty(to_come, np.int64),
        codes=np.empty(to_come, np.int64),
        tree=empty_tree(channels.shape[0] + clocks + ports.shape[0] + front.shape[0]),
        again=np.empty(to_come, np.int64),
        express=np.empty(p.tasks, np.int64),
        scalars=scalars,
        requests=np.full(requests, -1, np.int64),
        **dict(zip(_DRAM, dram, strict=True)),
        front=front,
        transit=transit,
        back=back,
        waiting=waiting,
        entries=entries,
        trains=trains,
    )


# What the fields of a `DramState` are called among the engine's.
_DRAM = (
    "part",
    "d_channels",
    "banks",
    "groups",
    "ranks",
    "d_slots",
    "d_queue",
    "reads",
    "writes",
    "filters",
    "free",
)


def _as_compiled(part: Any) -> Any:
    """Bring every array to the one type for which the engine is compiled, copying only others."""
    changed = {}
    for f in fields(part):
        value = getattr(part, f.name)
        if isinstance(value, np.ndarray):
            changed[f.name] = np.require(value, np.int64, ["C", "W"])
        elif f.name in ("units", "dram"):
            changed[f.name] = _as_compiled(value)
    return replace(part, **changed)


def _rows(ptr: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(ptr.size - 1), np.diff(ptr))


def _shift(values: np.ndarray) -> np.ndarray:
    """Logarithm of the powers of two among positive values, -1 for the others."""
    logs = [int(v).bit_length() - 1 if int(v) & (int(v) - 1) == 0 else -1 for v in values]
    return np.array(logs, np.int64)


def _table(columns: int, rows: int, values: dict[int, Any], rest: int = 0) -> np.ndarray:
    """Make a matrix from its columns by number; what is not given starts as `rest`."""
    table = np.full((rows, columns), rest, np.int64)
    for column, value in values.items():
        table[:, column] = value
    return table


def _first_request(p: Program, record_requests: bool) -> tuple[np.ndarray, int]:
    """Number the first line of every task, and count the lines; nothing unless recorded."""
    if not record_requests or not p.run_address.size:
        return np.empty(0, np.int64), 0
    line_bytes = p.dram.line_bytes[p.units.chip[p.unit[_rows(p.run_ptr)]]]
    lines = lines_of_runs(p.run_address, p.run_stride, p.run_bytes, p.run_count, line_bytes)
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum(lines)])
    return first[p.run_ptr], int(first[-1])


def _result(p: Program, behind: np.ndarray) -> np.ndarray:
    """Make the result; a task is `behind` once for each line of which it is not the head."""
    result = np.full((k.RESULT_ROWS, p.tasks), -1, np.int64)
    result[k.READY] -= np.diff(p.pred_ptr)
    np.subtract.at(result[k.READY], behind, 1)
    result[k.BANK_STALL] = 0
    return result


def _buffers(p: Program) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make the buffers, the tasks in their lines, and those that are not at the head of one."""
    order = np.argsort(p.claim_buffer, kind="stable")
    buffer, task = p.claim_buffer[order], _rows(p.claim_ptr)[order]
    once = np.ones(task.size, bool)  # a task stands once in a line, however often it names it
    once[1:] = (buffer[1:] != buffer[:-1]) | (task[1:] != task[:-1])
    buffer, task = buffer[once], task[once].astype(np.int64)
    count = p.buffer_bytes.size
    bounds = np.searchsorted(buffer, np.arange(count + 1))
    behind = np.ones(task.size, bool)
    behind[bounds[:-1][bounds[:-1] < bounds[1:]]] = False
    buffers = _table(
        k.B_COLUMNS,
        count,
        {k.B_FREE: p.buffer_bytes, k.B_HEAD: bounds[:-1], k.B_LINE_END: bounds[1:]},
    )
    return buffers, task, task[behind]


def _units(p: Program, port_unit: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Make the units, the queue of each, and the number of different clocks."""
    u, count = p.units, len(p.units.name)
    limited = u.servers != UNLIMITED_SERVERS
    in_order = u.order == Order.IN_ORDER
    port = np.full(count, -1)
    port[port_unit] = np.arange(port_unit.size)
    clocks, clock = np.unique(u.clock_ps, return_inverse=True)
    # The tasks of every unit in task order: the transpose of "task i names one unit".
    queue_ptr, queue = transpose(np.arange(p.tasks + 1), p.unit, count)
    known = {
        k.U_SERVERS: np.where(limited, u.servers, NEVER),
        k.U_LIMITED: limited,
        k.U_IN_ORDER: in_order,
        k.U_EXPRESS: ~limited & ~in_order & (port < 0),
        k.U_CLOCK: u.clock_ps,
        k.U_EDGE: k.FIRST_EDGE + 2 * clock,
        k.U_PORT: port,
        k.U_BUSY: 0,
        k.U_DIRTY: 0,
        k.U_AT_EDGE: 0,
        k.U_QUEUE: queue_ptr[:-1],
        k.U_QUEUE_END: queue_ptr[1:],
        k.U_NEXT: queue_ptr[:-1],
        k.U_QUEUED: 0,
    }
    return _table(k.U_COLUMNS, count, known, rest=-1), queue, clocks.size


def _port_units(p: Program) -> np.ndarray:
    """Units that can issue requests, by (chip, unit)."""
    able = (p.units.outstanding > 0) & (p.units.chip < p.dram.channels.size)
    units = np.flatnonzero(able)
    return units[np.argsort(p.units.chip[units], kind="stable")]


def _rings(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Base and mask of rings of at least these sizes, and the size of all."""
    whole = np.array([_power_above(int(size)) for size in sizes], np.int64)
    return np.cumsum(whole) - whole, whole - 1, int(whole.sum())


def _ports(p: Program, unit: np.ndarray, first_source: int) -> tuple[np.ndarray, np.ndarray]:
    u, chip = p.units, p.units.chip[unit]
    rate, cycle = u.return_bytes_per_cycle[unit], p.dram.line_bytes[chip] * u.clock_ps[unit]
    base, mask, entries = _rings(np.minimum(u.outstanding[unit], _most_lines(p)[unit]))
    known = {
        k.P_UNIT: unit,
        k.P_SOURCE: first_source + np.arange(unit.size),
        k.P_CHIP: chip,
        k.P_CLOCK: u.clock_ps[unit],
        k.P_OUTSTANDING: u.outstanding[unit],
        k.P_ISSUE: u.issue_per_cycle[unit],
        k.P_BEAT: np.where(rate > 0, -(-cycle // np.maximum(rate, 1)), 0),
        k.P_CROSSING: u.crossing_ps[unit],
        k.P_IS_WRITE: u.is_write[unit],
        k.P_ACTIVE: -1,
        k.P_LAST_ACTIVE: -1,
        k.P_WAITS_ON: -1,
        k.P_BASE: base,
        k.P_MASK: mask,
        k.P_BANK: np.cumsum(u.banks[unit]) - u.banks[unit],
        k.P_BANKS: u.banks[unit],
        k.P_BANK_BYTES: u.bank_bytes[unit],
        k.P_BANK_QUEUE: u.bank_queue[unit],
    }
    return _table(k.P_COLUMNS, unit.size, known), np.empty(entries, np.int64)


def _most_lines(p: Program) -> np.ndarray:
    """Bound the lines of every unit from above: no more can be in flight."""
    if not p.run_address.size:
        return np.zeros(len(p.units.name))
    unit = p.unit[_rows(p.run_ptr)]
    of_piece = (p.run_bytes - 1) // p.dram.line_bytes[p.units.chip[unit]] + 2
    return np.bincount(unit, of_piece.astype(np.float64) * p.run_count, len(p.units.name))


def _request_level(p: Program, ports: np.ndarray) -> tuple[DramState, tuple[np.ndarray, ...]]:
    """Make the request-level DRAM, and what stands between it and the ports; or nothing."""
    part = p.dram.part
    if not part.size:
        sizes = [1 if f == "part" else 2 for f in DramState._fields]
        sizes[DramState._fields.index("queue") :] = [1] * 5
        nothing = (np.zeros((0,) * size, np.int64) for size in sizes)
        return DramState(*nothing), tuple(np.zeros((0, 1), np.int64) for _ in range(5))
    chip = np.repeat(np.arange(p.dram.channels.size), p.dram.channels)
    state = dram_state(part, chip.size // int(part[dk.T_CHANNELS]))
    front = _table(
        rk.F_COLUMNS,
        chip.size,
        {rk.F_CHIP: chip, rk.F_EDGE: NEVER, rk.F_FORWARD_AT: NEVER},
    )
    lines = _power_above(int(part[dk.T_READS] + part[dk.T_WRITES] + 2 * part[dk.T_CLIENT]))
    due = _power_above(int(part[dk.T_READ_DONE]) + 2)
    reading = ports[:, k.P_IS_WRITE] == 0
    entries = np.zeros((int((ports[reading, k.P_MASK] + 1).sum()) + 1, rk.E_COLUMNS), np.int64)
    entries[:, rk.E_NEXT] = np.arange(1, len(entries) + 1)
    entries[-1, rk.E_NEXT] = 0
    return state, (
        front,
        np.zeros((chip.size * lines, rk.X_COLUMNS), np.int64),
        np.zeros((chip.size * due, rk.Y_COLUMNS), np.int64),
        np.zeros((state.slots.shape[0], rk.W_COLUMNS), np.int64),
        entries,
    )


def _trains(p: Program, ports: np.ndarray) -> tuple[np.ndarray, int]:
    """Make the trains of every chip, and how many can be in flight; or nothing."""
    part, chips = p.dram.part, p.dram.channels.size
    if not part.size or not part[dk.T_TRAIN]:
        return np.zeros((0, 1), np.int64), 0
    paces = [pace(Chip.of(p, chip)) for chip in range(chips)]
    least = shortest(part)
    beside, set_bytes, set_rows = row_sets(p.dram)
    known = {
        tk.TR_LINES: part[dk.T_TRAIN],
        tk.TR_LEAST: least,
        tk.TR_PACE: [each.line for each in paces],
        tk.TR_TURN: [each.turn for each in paces],
        tk.TR_POSTED: [each.posted_ps for each in paces],
        tk.TR_LATENCY: (part[dk.T_RCD_READ] + part[dk.T_READ_DONE]) * p.dram.clock_ps,
        tk.TR_EVERY: [each.every for each in paces],
        tk.TR_STALL: [each.stall for each in paces],
        tk.TR_CHANNELS: p.dram.channels,
        tk.TR_BANK: -1,
        tk.TR_REFRESH: [each.every for each in paces],
        tk.TR_BESIDE: beside,
        tk.TR_SET_BYTES: set_bytes,
        tk.TR_SET_ROWS: set_rows,
        tk.TR_SET: -1,
    }
    in_flight = (ports[:, k.P_OUTSTANDING] // least + 1).sum()
    return _table(tk.TR_COLUMNS, chips, known), int(in_flight)


def _power_above(size: int) -> int:
    return 1 << max(size - 1, 0).bit_length()


def _channels(p: Program) -> tuple[np.ndarray, np.ndarray, int]:
    """Make the channels, the slots of their queues, and the number of banks.

    At request level a channel has two rows, for reads and writes, and only counts their slots.
    """
    chip = np.repeat(np.arange(p.dram.channels.size), p.dram.channels)
    part = p.dram.part
    if part.size:
        client = int(part[dk.T_CLIENT])
        depth = np.tile([part[dk.T_READS] + client, part[dk.T_WRITES] + client], chip.size)
        known = {k.C_CHIP: np.repeat(chip, 2), k.C_SLOTS: depth, k.C_LAST_GIVEN: -1}
        nothing = np.empty((0, k.S_COLUMNS), np.int64)
        of_trains = chip.size * int(part[dk.T_BANKS]) if part[dk.T_TRAIN] else 0
        return _table(k.C_COLUMNS, 2 * chip.size, known), nothing, of_trains
    depth, banks = p.dram.queue_depth[chip], p.dram.banks[chip]
    base, mask, entries = _rings(depth)
    known = {
        k.C_CHIP: chip,
        k.C_SLOTS: depth,
        k.C_LAST_GIVEN: -1,
        k.C_BASE: base,
        k.C_MASK: mask,
        k.C_BANK: np.cumsum(banks) - banks,
        k.C_LAST_ACTIVATE: -NEVER,  # the first activate waits for none before it
    }
    slots = np.empty((entries, k.S_COLUMNS), np.int64)
    return _table(k.C_COLUMNS, chip.size, known), slots, int(banks.sum())


def _chips(p: Program, port_unit: np.ndarray) -> np.ndarray:
    d, count = p.dram, p.dram.channels.size
    chip_of_port = p.units.chip[port_unit]
    # What an address is spread over: channels, or at request level stacks.
    over = d.channels // d.part[dk.T_CHANNELS] if d.part.size else d.channels
    known = {
        k.D_FIRST_CHANNEL: np.cumsum(over) - over,
        k.D_CHANNELS: over,
        k.D_CHANNEL_SHIFT: _shift(over),
        k.D_LINE: d.line_bytes,
        k.D_LINE_MASK: np.where(_shift(d.line_bytes) >= 0, -d.line_bytes, 0),
        k.D_INTERLEAVE: d.interleave_bytes,
        k.D_INTERLEAVE_SHIFT: _shift(d.interleave_bytes),
        k.D_ROW: d.row_bytes,
        k.D_ROW_SHIFT: _shift(d.row_bytes),
        k.D_BANKS: d.banks,
        k.D_BANK_SHIFT: _shift(d.banks),
        k.D_CLOCK: d.clock_ps,
        k.D_BURST: d.burst_ps,
        k.D_ACTIVATE: d.activate_ps,
        k.D_ROW_HIT: d.row_hit_ps,
        k.D_ROW_MISS: d.row_miss_ps,
        k.D_RETURN: d.return_ps,
        k.D_PERMUTE: d.permute,
        k.D_FIRST_PORT: np.searchsorted(chip_of_port, np.arange(count)),
        k.D_PORT_END: np.searchsorted(chip_of_port, np.arange(count), "right"),
    }
    return _table(k.D_COLUMNS, count, known)
