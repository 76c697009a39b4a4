"""Ports: the request side of memory units, between their active tasks and the channels.

Ports are numbered by (chip, unit). A port's next look at its requests is a source of the agenda
tree, behind the channels and clocks. The matrices are those of `accelsim.kernels.fields`;
`completions` : int64[entries], when the lines of every port complete; `next_active` :
int64[tasks], the task that follows in the active list of its port, or -1.
"""

from __future__ import annotations

from accelsim.kernels.agenda import round_up, schedule
from accelsim.kernels.channel import accept, locate, next_done, take_slot
from accelsim.kernels.credits import complete_at
from accelsim.kernels.fields import (
    BANK_STALL,
    D_CLOCK,
    D_LINE,
    D_LINE_MASK,
    D_RETURN,
    FINISH,
    FINISHES,
    LAST_BACK,
    P_ACTIVE,
    P_ARRIVE,
    P_BANK,
    P_BANK_BYTES,
    P_BANK_QUEUE,
    P_BANKS,
    P_BASE,
    P_BEAT,
    P_CHIP,
    P_CLOCK,
    P_CROSSING,
    P_HEAD,
    P_IN_FLIGHT,
    P_IS_WRITE,
    P_LAST_ACTIVE,
    P_LAST_LINE,
    P_LAST_SINGLE,
    P_LATENCY,
    P_LINE,
    P_MASK,
    P_OUTSTANDING,
    P_PIECE,
    P_POSITION,
    P_RETURN_FREE,
    P_RUN,
    P_SINGLES,
    P_SOURCE,
    P_STARVED,
    P_TAIL,
    P_UNIT,
    RELEASES,
    SERVER_FREE,
    U_LIMITED,
)
from accelsim.kernels.jit import inlined
from accelsim.kernels.requests import locate_request, send
from accelsim.kernels.tournament import NEVER, set_time
from accelsim.kernels.trains import behind_trains, note_line


@inlined
def align(chips, chip, address):
    """Return the start of the line of an address."""
    mask = chips[chip, D_LINE_MASK]
    return address & mask if mask else address - address % chips[chip, D_LINE]


@inlined
def load_piece(ports, chips, run_address, run_stride, run_bytes, port):
    """Point the port at the first line of its current piece."""
    run = ports[port, P_RUN]
    chip = ports[port, P_CHIP]
    first = run_address[run] + ports[port, P_PIECE] * run_stride[run]
    ports[port, P_LINE] = align(chips, chip, first)
    ports[port, P_LAST_LINE] = align(chips, chip, first + run_bytes[run] - 1)


@inlined
def load_task(run_ptr, ports, chips, run_address, run_stride, run_bytes, port, task):
    """Point the port at the first line of a task."""
    ports[port, P_ACTIVE] = task
    ports[port, P_RUN] = run_ptr[task]
    ports[port, P_PIECE] = 0
    ports[port, P_POSITION] = 0
    load_piece(ports, chips, run_address, run_stride, run_bytes, port)


@inlined
def next_line(run_ptr, ports, chips, run_address, run_stride, run_bytes, run_count, port, task):
    """Step to the next line of a task; returns whether there is one."""
    ports[port, P_POSITION] += 1
    if ports[port, P_LINE] != ports[port, P_LAST_LINE]:
        ports[port, P_LINE] += chips[ports[port, P_CHIP], D_LINE]
        return True
    ports[port, P_PIECE] += 1
    if ports[port, P_PIECE] == run_count[ports[port, P_RUN]]:
        ports[port, P_PIECE] = 0
        ports[port, P_RUN] += 1
        if ports[port, P_RUN] == run_ptr[task + 1]:
            return False
    load_piece(ports, chips, run_address, run_stride, run_bytes, port)
    return True


@inlined
def begin(
    run_ptr,
    result,
    next_active,
    ports,
    chips,
    run_address,
    run_stride,
    run_bytes,
    tree,
    port,
    task,
    now,
):
    """A memory task starts: it joins the active list of its port."""
    result[FINISH, task] = -2
    next_active[task] = -1
    if ports[port, P_ACTIVE] >= 0:
        next_active[ports[port, P_LAST_ACTIVE]] = task
    else:
        load_task(run_ptr, ports, chips, run_address, run_stride, run_bytes, port, task)
        set_time(tree, ports[port, P_SOURCE], now)
    ports[port, P_LAST_ACTIVE] = task


@inlined
def dram_edge(ports, chips, port, now):
    """Return when a line issued now reaches DRAM."""
    clock = chips[ports[port, P_CHIP], D_CLOCK]
    reach = now + ports[port, P_CROSSING]
    arrive = ports[port, P_ARRIVE]
    if arrive < reach:
        arrive += clock
        if arrive < reach:
            arrive = round_up(reach, clock)
        ports[port, P_ARRIVE] = arrive
    return arrive


@inlined
def next_look(ports, completions, port, now):
    """Return when the port can issue again after it has issued at `now`, as far as is known."""
    if ports[port, P_ACTIVE] < 0:
        return NEVER
    clock = ports[port, P_CLOCK]
    if ports[port, P_IN_FLIGHT] < ports[port, P_OUTSTANDING]:
        return now + clock
    if ports[port, P_HEAD] == ports[port, P_TAIL]:
        ports[port, P_STARVED] = 1
        return NEVER
    at = ports[port, P_BASE] + (ports[port, P_HEAD] & ports[port, P_MASK])
    return max(now + clock, round_up(completions[at], clock))


@inlined
def last_completion(ports, completions, port):
    """Return when the line noted last completes."""
    return completions[ports[port, P_BASE] + ((ports[port, P_TAIL] - 1) & ports[port, P_MASK])]


@inlined
def issue_line(
    first_request,
    result,
    ports,
    completions,
    channels,
    slots,
    open_row,
    counts,
    chips,
    tree,
    requests,
    part,
    front,
    transit,
    entries,
    trains,
    first_edge,
    port,
    task,
    arrive,
    now,
):
    """Issue the next line of the port's first active task; returns whether it got a slot."""
    chip = ports[port, P_CHIP]
    position = ports[port, P_POSITION]
    if part.size > 0:
        write = ports[port, P_IS_WRITE]
        if trains.shape[0] > 0:
            arrive = behind_trains(trains, chips, chip, arrive)
        channel, line = locate_request(part, chips, chip, ports[port, P_LINE])
        if not take_slot(channels, ports, 2 * channel + write, port):
            return False
        if trains.shape[0] > 0:
            note_line(trains, chip, write, now)
        send(
            front, transit, entries, tree, first_edge, channel, line, write, arrive, task, position
        )
    else:
        channel, local = locate(chips, chip, ports[port, P_LINE])
        if not take_slot(channels, ports, channel, port):
            return False
        idle = next_done(channels, slots, channel) == NEVER
        done = accept(
            channels, slots, open_row, counts, chips, chip, channel, local,
            ports[port, P_IS_WRITE], arrive, task, position,
        )  # fmt: skip
        if idle:
            set_time(tree, channel, done)
    ports[port, P_IN_FLIGHT] += 1
    if ports[port, P_IS_WRITE]:
        complete = max(arrive, now + 1)
        complete_at(ports, completions, port, complete)
        ports[port, P_LAST_SINGLE] = complete
        if requests.size > 0:
            requests[first_request[task] + position] = complete
    else:
        ports[port, P_SINGLES] += 1
        result[FINISH, task] -= 1
        ports[port, P_LATENCY] -= now
    return True


@inlined
def all_issued(
    run_ptr,
    result,
    next_active,
    units,
    ports,
    completions,
    chips,
    run_address,
    run_stride,
    run_bytes,
    times,
    codes,
    scalars,
    port,
    task,
    now,
):
    """The last line of a task is issued: its server is free at the next edge."""
    free = now + ports[port, P_CLOCK]
    result[SERVER_FREE, task] = free
    if units[ports[port, P_UNIT], U_LIMITED]:
        schedule(times, codes, scalars, free, task * 4 + RELEASES)
    if ports[port, P_IS_WRITE]:
        finish = last_completion(ports, completions, port)
        result[FINISH, task] = finish
        schedule(times, codes, scalars, finish, task * 4 + FINISHES)
    else:
        result[FINISH, task] += 1  # not to -1: this line is on its way
    after = next_active[task]
    ports[port, P_ACTIVE] = -1
    if after >= 0:
        load_task(run_ptr, ports, chips, run_address, run_stride, run_bytes, port, after)


@inlined
def bring_back(
    first_request,
    result,
    ports,
    completions,
    bank_free,
    bank_waits,
    chips,
    tree,
    requests,
    port,
    task,
    position,
    now,
):
    """Send a read along the return path; returns when it completes its task, or -1."""
    way = now + chips[ports[port, P_CHIP], D_RETURN]
    begin = max(ports[port, P_RETURN_FREE], way)
    banks = ports[port, P_BANKS]
    if banks > 0:
        word = position * chips[ports[port, P_CHIP], D_LINE] // ports[port, P_BANK_BYTES]
        bank = ports[port, P_BANK] + (task + word) % banks
        clock = ports[port, P_CLOCK]
        backlog = bank_free[bank] - begin - ports[port, P_BEAT]
        over = backlog - ports[port, P_BANK_QUEUE] * clock
        if over > 0:
            result[BANK_STALL, task] += over
            begin += over
            backlog -= over
        bank_waits[port, (max(backlog, 0) + clock - 1) // clock] += 1
        bank_free[bank] = max(bank_free[bank], begin + ports[port, P_BEAT]) + clock
    complete = begin + ports[port, P_BEAT]
    ports[port, P_RETURN_FREE] = complete
    ports[port, P_SINGLES] -= 1
    ports[port, P_LATENCY] += complete
    result[LAST_BACK, task] = complete
    complete_at(ports, completions, port, complete)
    if requests.size > 0:
        requests[first_request[task] + position] = complete
    if ports[port, P_STARVED]:
        ports[port, P_STARVED] = 0
        set_time(tree, ports[port, P_SOURCE], round_up(complete, ports[port, P_CLOCK]))
    result[FINISH, task] += 1
    return complete if result[FINISH, task] == -1 else -1
