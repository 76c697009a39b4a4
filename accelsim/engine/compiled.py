"""The engine for work: the rules of `accelsim.engine.reference`, compiled.

What lets it run fast and still agree to the picosecond:

* Only instants at which something happens are visited. They come from one heap of finishes and
  server releases, and one tournament tree of channels, of clocks whose edge a unit waits for, and
  of ports.
* Within a step of a round the order of events cannot be seen in the result (blame takes the
  highest task), so dirty buffers and units are plain stacks, worked off until empty.
* A completion is no event: it is a credit, counted when the port next looks, and the last one of
  a task is that task's finish.
* Whoever provides something counts it down where it is missing, so the work is linear in tasks,
  edges and lines.

The state is a few matrices, `accelsim.kernels.fields`, made by `accelsim.engine.layout`. All is
inlined into `_simulate`, which must stay the only entry: its arguments cost more than a step.
"""

from __future__ import annotations

import numpy as np

from accelsim.engine.deadlock import require_finished
from accelsim.engine.layout import lay_out
from accelsim.engine.program import Program
from accelsim.engine.schedule import Schedule
from accelsim.kernels import heap
from accelsim.kernels.agenda import (
    clock_edge,
    clock_ticks,
    mark_buffer,
    schedule,
    this_instant,
    wait_for_edge,
)
from accelsim.kernels.channel import free_slot, give_back, next_done
from accelsim.kernels.credits import take_credits
from accelsim.kernels.dram_fields import C_ACTIVATES as D_ACTIVATES
from accelsim.kernels.dram_fields import C_HITS, C_READ_COMMANDS, C_WRITE_COMMANDS
from accelsim.kernels.dram_fields import C_WRITES as D_WRITES
from accelsim.kernels.fields import (
    ACTIVATES,
    AGAIN_END,
    B_DIRTY,
    B_STACK,
    BANK_STALL,
    BLAME,
    C_ACTIVATES,
    C_LINES,
    C_WRITES,
    CAUSE,
    CLAIM_BUFFER,
    DIRTY_BUFFERS,
    DIRTY_UNITS,
    EXPRESS_END,
    FINISH,
    FINISHES,
    FINISHES_AND_RELEASES,
    FIRST_EDGE,
    GRANT,
    HEAP_SIZE,
    LAST_BACK,
    MERGED,
    P_ACTIVE,
    P_IN_FLIGHT,
    P_IS_WRITE,
    P_ISSUE,
    P_LATENCY,
    P_NEXT_ISSUE,
    P_OUTSTANDING,
    P_SOURCE,
    P_UNIT,
    READY,
    RELEASES,
    SERVER_FREE,
    START,
    TRAIN_IS_BACK,
    U_BUSY,
    U_DIRTY,
    U_PORT,
    U_PREVIOUS,
    U_SERVERS,
    U_STACK,
    WAITS_FOR_NOTHING,
)
from accelsim.kernels.grants import grant_head, note_finish, provides, release_claims
from accelsim.kernels.jit import kernel, spliced
from accelsim.kernels.ports import (
    all_issued,
    begin,
    bring_back,
    dram_edge,
    issue_line,
    next_line,
    next_look,
)
from accelsim.kernels.requests import memory_edges, next_back, take_back, take_entry
from accelsim.kernels.starts import becomes_ready, next_task, release_server, serve, take_next, why
from accelsim.kernels.tournament import NEVER, first_source, first_time, latest_time, set_time
from accelsim.kernels.trains import TR_ACTIVATES, TR_SENT, send_train, train_turn


@spliced
def _from_memory(
    unit_of, first_request, result, units, ports, completions, bank_free, bank_waits, channels,
    slots, chips, times, codes, tree, scalars, requests, front, back, entries, first_port, now,
):
    """Step 1, before the first round: lines come back, and clocks tick that units wait for."""
    entry = -1  # the next of the reads that a request-level channel gives back together
    while entry >= 0 or first_time(tree) == now:
        if entry < 0:
            channel = first_source(tree)
            if channel >= first_port:
                break
            if channel >= channels.shape[0]:
                clock_ticks(units, scalars, tree, channel, channel - channels.shape[0])
                continue
            if front.shape[0] > 0:
                entry = take_back(front, back, channel >> 1, now)
                set_time(tree, channel, next_back(front, back, channel >> 1))
        if entry >= 0:
            task, position, entry = take_entry(entries, entry)
        else:
            task, position = give_back(channels, slots, channel)
            set_time(tree, channel, next_done(channels, slots, channel))
            promised = free_slot(channels, ports, chips, channel)
            if promised >= 0:
                edge = clock_edge(units, scalars, ports[promised, P_UNIT], now)
                set_time(tree, ports[promised, P_SOURCE], edge)
        port = units[unit_of[task], U_PORT]
        if ports[port, P_IS_WRITE] == 0:
            finish = bring_back(
                first_request, result, ports, completions, bank_free, bank_waits, chips, tree,
                requests, port, task, position, now,
            )
            if finish >= 0:
                result[FINISH, task] = finish
                schedule(times, codes, scalars, finish, task * 4 + FINISHES)


@spliced
def _finish_tasks(
    unit_of, successor_ptr, successor, claim_ptr, claims, releases_ptr, releases, result, units,
    queue, ready_key, buffers, times, codes, again, express, scalars, now,
):
    """Step 1: the finishes and server releases of this round."""
    for at in range(scalars[AGAIN_END]):
        task = again[at] >> 2
        what = again[at] & FINISHES_AND_RELEASES
        if what == TRAIN_IS_BACK:
            result[FINISH, task] += 1
            if result[FINISH, task] == -1:
                result[FINISH, task] = max(now, result[LAST_BACK, task])
                if result[FINISH, task] > now:
                    schedule(times, codes, scalars, result[FINISH, task], task * 4 + FINISHES)
                else:
                    what = FINISHES
        if what & FINISHES:
            note_finish(scalars, task, now)
            for link in range(successor_ptr[task], successor_ptr[task + 1]):
                after = successor[link]
                if provides(result, task, after, now):
                    claim = claim_ptr[after]
                    if claim == claim_ptr[after + 1]:
                        becomes_ready(
                            unit_of, result, units, queue, ready_key, express, scalars, after, now
                        )
                    else:
                        mark_buffer(buffers, scalars, claims[claim, CLAIM_BUFFER])
            release_claims(releases_ptr, claims, releases, buffers, scalars, task)
        if what & RELEASES:
            release_server(units, scalars, unit_of[task], task, now)
    scalars[AGAIN_END] = 0


@spliced
def _grant_claims(
    unit_of, claim_ptr, claims, line, result, units, queue, ready_key, buffers, express, scalars,
    now,
):
    """Step 2: grants."""
    while scalars[DIRTY_BUFFERS] > 0:
        scalars[DIRTY_BUFFERS] -= 1
        buffer = buffers[scalars[DIRTY_BUFFERS], B_STACK]
        buffers[buffer, B_DIRTY] = 0
        task = grant_head(claim_ptr, result, claims, buffers, line, scalars, buffer, now)
        if task >= 0:
            becomes_ready(unit_of, result, units, queue, ready_key, express, scalars, task, now)


@spliced
def _start_tasks(
    unit_of, occupancy, latency, run_ptr, run_address, run_stride, run_bytes, next_active, result,
    units, queue, ready_key, ports, chips, times, codes, tree, again, express, scalars,
    first_clock, now,
):
    """Step 3: starts."""
    while scalars[EXPRESS_END] > 0:
        scalars[EXPRESS_END] -= 1
        task = express[scalars[EXPRESS_END]]
        unit = unit_of[task]
        why(result, units, unit, task, now)
        result[START, task] = now
        serve(
            occupancy, latency, result, units, times, codes, again, scalars, unit, task, now
        )
    while scalars[DIRTY_UNITS] > 0:
        scalars[DIRTY_UNITS] -= 1
        unit = units[scalars[DIRTY_UNITS], U_STACK]
        units[unit, U_DIRTY] = 0
        edge = clock_edge(units, scalars, unit, now)
        while units[unit, U_BUSY] < units[unit, U_SERVERS]:
            place = next_task(result, units, queue, unit)
            if place < 0:
                break
            if edge != now:
                wait_for_edge(units, scalars, tree, first_clock, unit, edge)
                break
            task = queue[place]
            take_next(units, queue, ready_key, unit)
            why(result, units, unit, task, now)
            result[START, task] = now
            units[unit, U_PREVIOUS] = task
            if run_ptr[task] == run_ptr[task + 1]:
                serve(
                    occupancy, latency, result, units, times, codes, again, scalars, unit, task, now
                )
            else:
                begin(
                    run_ptr, result, next_active, ports, chips, run_address, run_stride, run_bytes,
                    tree, units[unit, U_PORT], task, now,
                )


@spliced
def _issue_requests(
    run_ptr, run_address, run_stride, run_bytes, run_count, run_pace, first_request, next_active,
    result, units, ports, completions, channels, slots, open_row, counts, chips, times, codes,
    tree, scalars, requests, part, front, transit, entries, trains, first_port, first_edge, now,
):
    """Step 4: every port with an edge now issues what it can, and says when it looks again."""
    while first_time(tree) == now:
        port = first_source(tree) - first_port
        if port >= ports.shape[0]:
            break
        if now < ports[port, P_NEXT_ISSUE]:
            set_time(tree, ports[port, P_SOURCE], ports[port, P_NEXT_ISSUE])
            continue
        take_credits(ports, completions, port, now)
        arrive = dram_edge(ports, chips, port, now)
        waits = False
        look = -1
        if trains.shape[0] > 0 and ports[port, P_ACTIVE] >= 0:
            look = train_turn(trains, ports, completions, chips, port, now)
            if look > now:
                set_time(tree, ports[port, P_SOURCE], look)
                continue
        issued = now  # the cycle of the last line
        for _ in range(ports[port, P_ISSUE]):
            task = ports[port, P_ACTIVE]
            if look == now:
                issued = send_train(
                    run_pace, first_request, result, ports, completions, chips, times, codes,
                    scalars, requests, part, trains, open_row, counts, port, task, arrive, now,
                )
            else:
                if task < 0 or ports[port, P_IN_FLIGHT] >= ports[port, P_OUTSTANDING]:
                    break
                if not issue_line(
                    first_request, result, ports, completions, channels, slots, open_row, counts,
                    chips, tree, requests, part, front, transit, entries, trains, first_edge, port,
                    task, arrive, now,
                ):
                    waits = True
                    break
            if not next_line(
                run_ptr, ports, chips, run_address, run_stride, run_bytes, run_count, port, task
            ):
                all_issued(
                    run_ptr, result, next_active, units, ports, completions, chips, run_address,
                    run_stride, run_bytes, times, codes, scalars, port, task, issued,
                )
            if look == now:
                break
        look = NEVER if waits else next_look(ports, completions, port, issued)
        set_time(tree, ports[port, P_SOURCE], look)


@kernel
def _simulate(
    unit_of, occupancy, latency, successor_ptr, successor, claim_ptr, claims, releases_ptr,
    releases, line, run_ptr, run_address, run_stride, run_bytes, run_count, run_pace,
    first_request, next_active, result, units, queue, ready_key, buffers, ports, completions,
    bank_free, bank_waits, channels, slots, open_row, counts, chips, times, codes, tree, again,
    express, scalars, requests, part, d_channels, banks, groups, ranks, d_slots, d_queue, reads,
    writes, filters, free, front, transit, back, waiting, entries, trains,
):
    """Run until nothing is left to happen. The arguments are the fields of `layout.State`."""
    first_clock = channels.shape[0]
    first_port = first_clock + ((scalars.size - FIRST_EDGE) >> 1)
    first_edge = first_port + ports.shape[0]
    now = np.int64(0)  # a plain 0 is a type of its own, for which all would be compiled once more
    for task in range(unit_of.size):
        if result[READY, task] == WAITS_FOR_NOTHING:
            claim = claim_ptr[task]
            if claim == claim_ptr[task + 1]:
                becomes_ready(unit_of, result, units, queue, ready_key, express, scalars, task, now)
            else:
                mark_buffer(buffers, scalars, claims[claim, CLAIM_BUFFER])
    while now < NEVER:
        _from_memory(
            unit_of, first_request, result, units, ports, completions, bank_free, bank_waits,
            channels, slots, chips, times, codes, tree, scalars, requests, front, back, entries,
            first_port, now,
        )
        while scalars[HEAP_SIZE] > 0 and times[0] == now:
            this_instant(again, scalars, codes[0])
            heap.pop(times, codes, 0, scalars[HEAP_SIZE], False)
            scalars[HEAP_SIZE] -= 1
        while True:
            _finish_tasks(
                unit_of, successor_ptr, successor, claim_ptr, claims, releases_ptr, releases,
                result, units, queue, ready_key, buffers, times, codes, again, express, scalars,
                now,
            )
            _grant_claims(
                unit_of, claim_ptr, claims, line, result, units, queue, ready_key, buffers,
                express, scalars, now,
            )
            _start_tasks(
                unit_of, occupancy, latency, run_ptr, run_address, run_stride, run_bytes,
                next_active, result, units, queue, ready_key, ports, chips, times, codes, tree,
                again, express, scalars, first_clock, now,
            )
            if scalars[AGAIN_END] == 0:
                break
        _issue_requests(
            run_ptr, run_address, run_stride, run_bytes, run_count, run_pace, first_request,
            next_active, result, units, ports, completions, channels, slots, open_row, counts,
            chips, times, codes, tree, scalars, requests, part, front, transit, entries, trains,
            first_port, first_edge, now,
        )
        if first_time(tree) == now:
            memory_edges(
                part, d_channels, banks, groups, ranks, d_slots, d_queue, reads, writes, filters,
                free, front, transit, back, waiting, entries, counts, channels, ports, chips,
                tree, first_edge, now,
            )
        now = first_time(tree)
        if scalars[HEAP_SIZE] > 0:
            now = min(now, times[0])


def run_compiled(program: Program, record_requests: bool = False) -> Schedule:
    """Run a checked Program compiled; see `accelsim.engine.run.run`."""
    state = lay_out(program, record_requests)
    _simulate(*state)
    result, channels = state.result, state.channels
    require_finished(program, result[GRANT], result[START], result[FINISH])
    if program.dram.part.size:
        lines = state.d_channels[:, C_READ_COMMANDS] + state.d_channels[:, C_WRITE_COMMANDS]
        activates = state.d_channels[:, D_ACTIVATES].copy()
        hits = state.d_channels[:, C_HITS].copy()
        writes = state.d_channels[:, C_WRITE_COMMANDS].copy()
        left = state.d_channels[:, D_WRITES].copy()
    else:
        lines, activates = channels[:, C_LINES].copy(), channels[:, C_ACTIVATES].copy()
        hits = lines - activates
        writes, left = channels[:, C_WRITES].copy(), np.zeros_like(lines)
    none = np.zeros(program.dram.channels.size, np.int64)
    port_unit, units = state.ports[:, P_UNIT], len(program.units.name)
    latency = np.zeros(units, np.int64)
    latency[port_unit] = state.ports[:, P_LATENCY]
    waits = np.zeros((units, state.bank_waits.shape[1]), np.int64)
    waits[port_unit] = state.bank_waits
    if program.tasks and result[FINISH].max() >= latest_time(state.tree) // 2:
        raise OverflowError("the Program runs for longer than the agenda can tell, some hours")
    return Schedule(
        ready=result[READY],
        grant=result[GRANT],
        start=result[START],
        finish=result[FINISH],
        server_free=result[SERVER_FREE],
        cause=result[CAUSE],
        blame=result[BLAME],
        channel_lines=lines,
        channel_activates=activates,
        channel_row_hits=hits,
        channel_writes=writes,
        channel_writes_left=left,
        train_lines=state.trains[:, TR_SENT].copy() if state.trains.size else none,
        train_activates=state.trains[:, TR_ACTIVATES].copy() if state.trains.size else none,
        task_activates=state.counts[ACTIVATES],
        task_merged=state.counts[MERGED],
        bank_stall_ps=result[BANK_STALL],
        read_latency_ps=latency,
        bank_waits=waits,
        request_finish=state.requests,
    )
