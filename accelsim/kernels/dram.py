"""A DRAM channel at request level: a state machine of commands that skips idle clocks.

The rules are those of DRAMsim3 (Li et al., IEEE CAL 2020; reference runs in the `dram` suite), per
channel and clock, in this order: refresh, one command (two where a column and a row command may
share a clock), then one request moves from the read or the write queue to its bank's command queue.
Requests that come in at clock t can move at t + 1 and be commanded at t + 2. Modelled: all of
T_*; open rows; row hits overtake; refresh per rank, staggered; write drain; reads of a waiting
address are served with it, reads of a waiting write from it, writes to one replace it. Not
modelled: power-down, per-bank refresh, closed-page policy.

Where DRAMsim3 would stop for ever (the only write that could move waits for a read that is not
moved while writes are) the read is moved.

The matrices are those of `accelsim.kernels.dram_fields`.
"""

from __future__ import annotations

from accelsim.kernels.dram_commands import (
    BANK,
    KIND,
    READ,
    bank_of,
    command,
    filter_place,
    find_command,
    note_ready,
    ready_at,
    refresh,
    slots_of_channel,
)
from accelsim.kernels.dram_fields import (
    B_CONFLICT,
    B_QUEUED,
    B_READ_HIT,
    B_ROW,
    B_SERVED,
    B_WRITE_HIT,
    C_DRAIN,
    C_FREE,
    C_LAST,
    C_OWED,
    C_QUEUED,
    C_READS,
    C_READS_FREED,
    C_READS_SEEN,
    C_REFRESH_AT,
    C_WAKE,
    C_WRITES,
    C_WRITES_FREED,
    C_WRITES_SEEN,
    ENTRY_BANK,
    ENTRY_SLOT,
    IDLE_DRAIN,
    NEVER,
    S_ADDED,
    S_ADDRESS,
    S_COUNT,
    S_ROW,
    S_WRITE,
    SERVED_ENOUGH,
    T_BANKS,
    T_DEPTH,
    T_DUAL,
    T_READS,
    T_REFRESH_EVERY,
    T_ROW_AT,
    T_ROW_MASK,
    T_WRITES,
)
from accelsim.kernels.jit import inlined, kernel


@inlined
def _queue_to_bank(part, channels, banks, slots, queue, waiting, place, size, at, channel):
    """Move entry `at` of a read or write queue of `size` entries at `place` to its bank."""
    slot, bank = waiting[place + at] >> ENTRY_SLOT, waiting[place + at] & ENTRY_BANK
    depth = part[T_DEPTH]
    for entry in range(place + at, place + size - 1):
        waiting[entry] = waiting[entry + 1]
    queued = banks[bank, B_QUEUED]
    queue[bank * depth + queued] = slot
    banks[bank, B_QUEUED] = queued + 1
    channels[channel, C_QUEUED] += 1
    row = banks[bank, B_ROW]
    if row >= 0 and slots[slot, S_ROW] == row:
        hit = B_WRITE_HIT if slots[slot, S_WRITE] else B_READ_HIT
        if banks[bank, hit] < 0:
            banks[bank, hit] = queued
            if banks[bank, B_SERVED] < SERVED_ENOUGH:
                banks[bank, B_CONFLICT] = 0
    elif row >= 0 and queued == 0:
        banks[bank, B_CONFLICT] = 1
    note_ready(banks, bank)


@inlined
def _first_movable(part, channels, banks, waiting, channel, place, size, seen, freed):
    """The first entry of a read or write queue whose bank has room, -1 for none.

    The caller takes it out, or sets `seen` to 0.
    """
    room = channels[channel, freed]
    known = channels[channel, seen]
    if room >= 0:
        if banks[room, B_QUEUED] < part[T_DEPTH]:
            for at in range(known):
                if waiting[place + at] & ENTRY_BANK == room:
                    channels[channel, seen] = known - 1
                    return at  # there may be a second place: the bank is asked again
        channels[channel, freed] = -1
    for at in range(known, size):
        if banks[waiting[place + at] & ENTRY_BANK, B_QUEUED] < part[T_DEPTH]:
            channels[channel, seen] = at
            return at
    channels[channel, seen] = size
    return -1


@inlined
def _move_read(part, channels, banks, slots, queue, reads, channel):
    """Move the first read whose bank has room; returns its bank, -1 for none."""
    place = channel * part[T_READS]
    size = channels[channel, C_READS]
    at = _first_movable(
        part, channels, banks, reads, channel, place, size, C_READS_SEEN, C_READS_FREED
    )
    if at < 0:
        return -1
    bank = reads[place + at] & ENTRY_BANK
    _queue_to_bank(part, channels, banks, slots, queue, reads, place, size, at, channel)
    channels[channel, C_READS] = size - 1
    return bank


@inlined
def _read_waits(part, channels, slots, reads, channel, line):
    """Whether a read of the address is still in the read queue."""
    place = channel * part[T_READS]
    for at in range(place, place + channels[channel, C_READS]):
        if slots[reads[at] >> ENTRY_SLOT, S_ADDRESS] == line:
            return True
    return False


@inlined
def _find_waiting(part, channels, banks, slots, queue, waiting, channel, line, write):
    """Slot of a waiting read or write of this address, -1 for none."""
    capacity = part[T_WRITES] if write else part[T_READS]
    size = channels[channel, C_WRITES] if write else channels[channel, C_READS]
    place = channel * capacity
    for at in range(place, place + size):
        slot = waiting[at] >> ENTRY_SLOT
        if slots[slot, S_ADDRESS] == line:
            return slot
    bank = channel * part[T_BANKS] + bank_of(part, line)
    place = bank * part[T_DEPTH]
    for at in range(place, place + banks[bank, B_QUEUED]):
        slot = queue[at]
        if slots[slot, S_ADDRESS] == line and slots[slot, S_WRITE] == write:
            return slot
    return -1


@inlined
def _move_write(part, channels, banks, slots, queue, reads, writes, filters, channel):
    """Move the first write whose bank has room; returns the bank of what moved, -1 for none."""
    place = channel * part[T_WRITES]
    size = channels[channel, C_WRITES]
    at = _first_movable(
        part, channels, banks, writes, channel, place, size, C_WRITES_SEEN, C_WRITES_FREED
    )
    if at < 0:
        return -1
    line = slots[writes[place + at] >> ENTRY_SLOT, S_ADDRESS]
    if filters[filter_place(channel, line, 0)] > 0:
        if _find_waiting(part, channels, banks, slots, queue, reads, channel, line, 0) >= 0:
            channels[channel, C_DRAIN] = 0
            channels[channel, C_WRITES_SEEN] = 0
            if _read_waits(part, channels, slots, reads, channel, line):
                return _move_read(part, channels, banks, slots, queue, reads, channel)
            return -1
    channels[channel, C_DRAIN] -= 1
    bank = writes[place + at] & ENTRY_BANK
    _queue_to_bank(part, channels, banks, slots, queue, writes, place, size, at, channel)
    channels[channel, C_WRITES] = size - 1
    return bank


@kernel
def tick(
    part, channels, banks, groups, ranks, slots, queue, reads, writes, filters, free, channel, now
):
    """One clock of a channel; sets C_WAKE, and returns the slot of a read that it serves, else -1.

    The data of that read are there at now + T_READ_DONE. The slot keeps its fields until the next
    request of the channel is accepted.
    """
    served = -1
    wake = NEVER
    if channels[channel, C_REFRESH_AT] <= now:
        channels[channel, C_OWED] += 1
        channels[channel, C_REFRESH_AT] += part[T_REFRESH_EVERY]
    issued = False
    column = False
    if channels[channel, C_OWED] > 0:
        wake = refresh(part, channels, banks, groups, ranks, channel, now)
        issued = wake == 0
    if not issued:
        found = find_command(part, channels, banks, groups, ranks, channel, now)
        if found > 0:
            served = command(
                part, channels, banks, groups, ranks, slots, queue, filters, free, channel, found,
                now,
            )  # fmt: skip
            issued = True
            column = found & KIND >= READ
        else:
            wake = min(wake, -found)
    if issued:
        wake = now + 1
        if part[T_DUAL]:
            found = find_command(part, channels, banks, groups, ranks, channel, now)
            if found > 0:
                if (found & KIND >= READ) != column:
                    slot = command(
                        part, channels, banks, groups, ranks, slots, queue, filters, free, channel,
                        found, now,
                    )  # fmt: skip
                    served = max(served, slot)
                else:  # found, and dropped: the next search starts behind it all the same
                    channels[channel, C_LAST] = (found >> BANK) - channel * part[T_BANKS]
            elif channels[channel, C_OWED] == 0:
                wake = -found
    if channels[channel, C_DRAIN] == 0:
        waiting = channels[channel, C_WRITES]
        idle = waiting > IDLE_DRAIN and channels[channel, C_QUEUED] == 0
        if waiting >= part[T_WRITES] or idle:
            channels[channel, C_DRAIN] = waiting
    if channels[channel, C_DRAIN] > 0:
        bank = _move_write(part, channels, banks, slots, queue, reads, writes, filters, channel)
        if channels[channel, C_DRAIN] == 0:
            wake = min(wake, now + 1)
    else:
        bank = _move_read(part, channels, banks, slots, queue, reads, channel)
    if bank >= 0:
        if channels[channel, C_READS] + channels[channel, C_WRITES] > 0:
            wake = now + 1
        else:
            wake = min(wake, max(now + 1, ready_at(banks, groups, ranks, bank)))
    wake = min(wake, channels[channel, C_REFRESH_AT])
    channels[channel, C_WAKE] = max(wake, now + 1)
    return served


@inlined
def accepts(part, channels, channel, write):
    """Whether the channel has room for a read or a write."""
    if write:
        return channels[channel, C_WRITES] < part[T_WRITES]
    return channels[channel, C_READS] < part[T_READS]


@inlined
def accept(
    part, channels, banks, slots, queue, reads, writes, filters, free, channel, line, write, now
):
    """Take a request in, after the ticks of this clock; the caller has asked `accepts`.

    Returns the slot in which it waits, or -1 if it needs no command: a read of a waiting write,
    whose data are there at the next clock, or a write to one.
    """
    place = filter_place(channel, line, 1)
    if filters[place] > 0:
        if _find_waiting(part, channels, banks, slots, queue, writes, channel, line, 1) >= 0:
            return -1
    place = filter_place(channel, line, write)
    if not write and filters[place] > 0:
        slot = _find_waiting(part, channels, banks, slots, queue, reads, channel, line, 0)
        if slot >= 0:
            slots[slot, S_COUNT] += 1
            slots[slot, S_ADDED] += now + 1
            return slot
    filters[place] += 1
    channels[channel, C_FREE] -= 1
    slot = free[channel * slots_of_channel(part) + channels[channel, C_FREE]]
    slots[slot, S_ADDRESS] = line
    bank = channel * part[T_BANKS] + bank_of(part, line)
    entry = slot << ENTRY_SLOT | bank
    slots[slot, S_ROW] = (line >> part[T_ROW_AT]) & part[T_ROW_MASK]
    slots[slot, S_WRITE] = write
    slots[slot, S_COUNT] = 1
    slots[slot, S_ADDED] = now + 1
    if write:
        writes[channel * part[T_WRITES] + channels[channel, C_WRITES]] = entry
        channels[channel, C_WRITES] += 1
    else:
        reads[channel * part[T_READS] + channels[channel, C_READS]] = entry
        channels[channel, C_READS] += 1
    channels[channel, C_WAKE] = min(channels[channel, C_WAKE], now + 1)
    return slot
