"""The request-level DRAM inside the engine: lines on their way to a channel, in it, and back.

A line takes a slot of its channel when it is issued, one for reads or one for writes, so that it
finds room when it arrives; the slot is free again when the line moves on to its bank, or when it
is served with another. A read's data are due when its command has gone; equal reads that wait
together come back together. A channel without work is not looked at: the refreshes that it misses
are made up for when the next line arrives.

The matrices are those of `accelsim.kernels.fields` and, with the prefix `d_` where both have one
of the name, of `accelsim.kernels.dram_fields`. Row 2 c of `channels` counts the read slots of
channel c, row 2 c + 1 its write slots. Those of here:

front[channel, .] : F_*
transit[channel * ring + (k & (ring - 1)), .] : X_*, lines that have not been accepted, by arrival
back[channel * ring + (k & (ring - 1)), .] : Y_*, data that are due
waiting[slot, .] : W_*, the reads that wait in a slot of the DRAM, or the task of a write
entries[entry, .] : E_*, a read in flight; the last row's E_NEXT is the first free one
"""

from __future__ import annotations

from accelsim.kernels.agenda import round_up
from accelsim.kernels.channel import free_slot, locate
from accelsim.kernels.dram import accept, accepts, tick
from accelsim.kernels.dram_commands import channel_of
from accelsim.kernels.dram_fields import (
    C_DRAIN,
    C_OPENED_FOR,
    C_QUEUED,
    C_READS,
    C_WAKE,
    C_WRITES,
    IDLE_DRAIN,
    S_COUNT,
    S_WRITE,
    T_CHANNELS,
    T_READ_DONE,
    T_SHIFT,
)
from accelsim.kernels.fields import ACTIVATES, D_CLOCK, MERGED, P_CLOCK, P_SOURCE
from accelsim.kernels.jit import inlined, kernel
from accelsim.kernels.tournament import NEVER, first_source, first_time, set_time

(
    F_CHIP,
    F_EDGE,  # when the channel is looked at next, NEVER if not
    F_HEAD,  # lines accepted
    F_TAIL,  # lines sent
    F_BACK_HEAD,  # data delivered
    F_BACK_TAIL,  # data due or delivered
    F_FORWARD_AT,  # when reads of waiting writes are due, NEVER if there are none ...
    F_FORWARD_FIRST,  # ... and their entries
    F_FORWARD_LAST,
    F_COLUMNS,
) = range(10)
X_ARRIVE, X_LINE, X_WRITE, X_ENTRY, X_COLUMNS = range(5)  # entry of a read, task of a write
Y_TIME, Y_FIRST, Y_COLUMNS = range(3)
W_FIRST, W_LAST, W_COLUMNS = range(3)
E_TASK, E_POSITION, E_NEXT, E_COLUMNS = range(4)


@inlined
def locate_request(part, chips, chip, address):
    """Return the channel of an address, and the request address in its stack."""
    stack, local = locate(chips, chip, address)
    line = local >> part[T_SHIFT]
    return stack * part[T_CHANNELS] + channel_of(part, line), line


@inlined
def send(front, transit, entries, tree, first_edge, channel, line, write, arrive, task, position):
    """Put a line on its way to a channel; it keeps its place behind those that arrive with it."""
    entry = task
    if not write:
        spare = entries.shape[0] - 1
        entry = entries[spare, E_NEXT]
        entries[spare, E_NEXT] = entries[entry, E_NEXT]
        entries[entry, E_TASK] = task
        entries[entry, E_POSITION] = position
        entries[entry, E_NEXT] = -1
    ring = transit.shape[0] // front.shape[0]
    place, mask = channel * ring, ring - 1
    at = front[channel, F_TAIL]
    while at > front[channel, F_HEAD]:
        before = place + ((at - 1) & mask)
        if transit[before, X_ARRIVE] <= arrive:
            break
        for column in range(X_COLUMNS):
            transit[place + (at & mask), column] = transit[before, column]
        at -= 1
    at = place + (at & mask)
    transit[at, X_ARRIVE] = arrive
    transit[at, X_LINE] = line
    transit[at, X_WRITE] = write
    transit[at, X_ENTRY] = entry
    front[channel, F_TAIL] += 1
    if arrive < front[channel, F_EDGE]:
        front[channel, F_EDGE] = arrive
        set_time(tree, first_edge + channel, arrive)


@inlined
def _slot_is_free(channels, ports, chips, tree, row, now):
    """A slot for reads or writes is free: a port that waits uses it at its next edge."""
    port = free_slot(channels, ports, chips, row)
    if port >= 0:
        set_time(tree, ports[port, P_SOURCE], round_up(now + 1, ports[port, P_CLOCK]))


@inlined
def next_back(front, back, channel):
    """Return when the next data of a channel are due, NEVER if none are."""
    due = front[channel, F_FORWARD_AT]
    head = front[channel, F_BACK_HEAD]
    if head != front[channel, F_BACK_TAIL]:
        ring = back.shape[0] // front.shape[0]
        due = min(due, back[channel * ring + (head & (ring - 1)), Y_TIME])
    return due


@inlined
def take_back(front, back, channel, now):
    """Take what is due now: the first of a chain of entries, -1 if there is nothing more."""
    if front[channel, F_FORWARD_AT] == now:
        front[channel, F_FORWARD_AT] = NEVER
        return front[channel, F_FORWARD_FIRST]
    head = front[channel, F_BACK_HEAD]
    if head != front[channel, F_BACK_TAIL]:
        ring = back.shape[0] // front.shape[0]
        at = channel * ring + (head & (ring - 1))
        if back[at, Y_TIME] == now:
            front[channel, F_BACK_HEAD] += 1
            return back[at, Y_FIRST]
    return -1


@inlined
def take_entry(entries, entry):
    """Give an entry back; returns its task, its position there, and the next of its chain."""
    task, position = entries[entry, E_TASK], entries[entry, E_POSITION]
    after = entries[entry, E_NEXT]
    spare = entries.shape[0] - 1
    entries[entry, E_NEXT] = entries[spare, E_NEXT]
    entries[spare, E_NEXT] = entry
    return task, position, after


@inlined
def _arrivals(
    part, d_channels, banks, d_slots, d_queue, reads, writes, filters, free, front, transit,
    waiting, entries, counts, channels, ports, chips, tree, channel, clock, now,
):  # fmt: skip
    """Accept the lines that have arrived, in order, until one finds no room."""
    ring = transit.shape[0] // front.shape[0]
    while front[channel, F_HEAD] != front[channel, F_TAIL]:
        at = channel * ring + (front[channel, F_HEAD] & (ring - 1))
        write = transit[at, X_WRITE]
        if transit[at, X_ARRIVE] > now or not accepts(part, d_channels, channel, write):
            return
        front[channel, F_HEAD] += 1
        slot = accept(
            part, d_channels, banks, d_slots, d_queue, reads, writes, filters, free, channel,
            transit[at, X_LINE], write, clock,
        )  # fmt: skip
        entry = transit[at, X_ENTRY]
        if write:
            if slot < 0:
                counts[MERGED, entry] += 1
                _slot_is_free(channels, ports, chips, tree, 2 * channel + 1, now)
            else:
                waiting[slot, W_FIRST] = entry
        elif slot < 0:
            counts[MERGED, entries[entry, E_TASK]] += 1
            if front[channel, F_FORWARD_AT] == NEVER:
                front[channel, F_FORWARD_AT] = now + chips[front[channel, F_CHIP], D_CLOCK]
                front[channel, F_FORWARD_FIRST] = entry
            else:
                entries[front[channel, F_FORWARD_LAST], E_NEXT] = entry
            front[channel, F_FORWARD_LAST] = entry
            _slot_is_free(channels, ports, chips, tree, 2 * channel, now)
        elif d_slots[slot, S_COUNT] == 1:
            waiting[slot, W_FIRST] = entry
            waiting[slot, W_LAST] = entry
        else:
            entries[waiting[slot, W_LAST], E_NEXT] = entry
            waiting[slot, W_LAST] = entry
            counts[MERGED, entries[entry, E_TASK]] += 1
            _slot_is_free(channels, ports, chips, tree, 2 * channel, now)


@inlined
def _note_activate(d_channels, d_slots, waiting, entries, counts, channel):
    """A row may have been opened: for the task of the line that waits for it, at the least."""
    slot = d_channels[channel, C_OPENED_FOR]
    if slot >= 0:
        d_channels[channel, C_OPENED_FOR] = -1
        task = waiting[slot, W_FIRST]
        if d_slots[slot, S_WRITE] == 0:
            task = entries[task, E_TASK]
        counts[ACTIVATES, task] += 1


@kernel
def memory_edges(
    part, d_channels, banks, groups, ranks, d_slots, d_queue, reads, writes, filters, free, front,
    transit, back, waiting, entries, counts, channels, ports, chips, tree, first_edge, now,
):  # fmt: skip
    """Step 5: every channel with something to do at this instant has its clock edge."""
    ring = back.shape[0] // front.shape[0]
    while first_time(tree) == now:
        channel = first_source(tree) - first_edge
        period = chips[front[channel, F_CHIP], D_CLOCK]
        clock = now // period
        while d_channels[channel, C_WAKE] < clock:  # refreshes while it had no work
            tick(
                part, d_channels, banks, groups, ranks, d_slots, d_queue, reads, writes, filters,
                free, channel, d_channels[channel, C_WAKE],
            )  # fmt: skip
        if d_channels[channel, C_WAKE] == clock:
            had_reads, had_writes = d_channels[channel, C_READS], d_channels[channel, C_WRITES]
            slot = tick(
                part, d_channels, banks, groups, ranks, d_slots, d_queue, reads, writes, filters,
                free, channel, clock,
            )  # fmt: skip
            _note_activate(d_channels, d_slots, waiting, entries, counts, channel)
            if slot >= 0:
                at = channel * ring + (front[channel, F_BACK_TAIL] & (ring - 1))
                back[at, Y_TIME] = now + part[T_READ_DONE] * period
                back[at, Y_FIRST] = waiting[slot, W_FIRST]
                front[channel, F_BACK_TAIL] += 1
            if d_channels[channel, C_READS] < had_reads:
                _slot_is_free(channels, ports, chips, tree, 2 * channel, now)
            if d_channels[channel, C_WRITES] < had_writes:
                _slot_is_free(channels, ports, chips, tree, 2 * channel + 1, now)
        _arrivals(
            part, d_channels, banks, d_slots, d_queue, reads, writes, filters, free, front,
            transit, waiting, entries, counts, channels, ports, chips, tree, channel, clock, now,
        )  # fmt: skip
        set_time(tree, 2 * channel, next_back(front, back, channel))
        edge = NEVER
        works = d_channels[channel, C_QUEUED] + d_channels[channel, C_READS]
        if works + d_channels[channel, C_DRAIN] or d_channels[channel, C_WRITES] > IDLE_DRAIN:
            edge = d_channels[channel, C_WAKE] * period
        if front[channel, F_HEAD] != front[channel, F_TAIL]:
            place = transit.shape[0] // front.shape[0]
            at = channel * place + (front[channel, F_HEAD] & (place - 1))
            if transit[at, X_ARRIVE] > now:
                edge = min(edge, transit[at, X_ARRIVE])
        front[channel, F_EDGE] = edge
        set_time(tree, first_edge + channel, edge)
