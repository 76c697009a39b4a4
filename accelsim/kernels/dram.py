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

from accelsim.kernels.dram_fields import (
    B_ACTIVATE_AT,
    B_CONFLICT,
    B_GROUP,
    B_PRECHARGE_AT,
    B_QUEUED,
    B_RANK,
    B_READ_AT,
    B_READ_HIT,
    B_REFRESH_AT,
    B_ROW,
    B_SERVED,
    B_WRITE_AT,
    B_WRITE_HIT,
    C_ACTIVATES,
    C_DRAIN,
    C_FREE,
    C_HITS,
    C_LAST,
    C_OWED,
    C_PRECHARGES,
    C_QUEUED,
    C_READ_COMMANDS,
    C_READS,
    C_READS_SEEN,
    C_REFRESH_AT,
    C_REFRESH_RANK,
    C_REFRESHES,
    C_WAKE,
    C_WRITE_COMMANDS,
    C_WRITES,
    FILTER,
    G_ACTIVATE_AT,
    G_READ_AT,
    G_WRITE_AT,
    IDLE_DRAIN,
    NEVER,
    R_OLDEST,
    R_PRECHARGE_AT,
    R_WINDOW,
    S_ADDED,
    S_ADDRESS,
    S_BANK,
    S_COUNT,
    S_ROW,
    S_WRITE,
    SERVED_ENOUGH,
    T_BANK_AT,
    T_BANK_MASK,
    T_BANKS,
    T_CHANNEL_AT,
    T_CHANNEL_MASK,
    T_DEPTH,
    T_DUAL,
    T_FAW,
    T_GROUP_AT,
    T_GROUP_MASK,
    T_GROUPS,
    T_PPD,
    T_RANK_AT,
    T_RANK_MASK,
    T_RANKS,
    T_RAS,
    T_RC,
    T_RCD_READ,
    T_RCD_WRITE,
    T_READ_READ_L,
    T_READ_READ_RANK,
    T_READ_READ_S,
    T_READ_TO_PRE,
    T_READ_WRITE,
    T_READ_WRITE_RANK,
    T_READS,
    T_REFRESH_EVERY,
    T_RFC,
    T_ROW_AT,
    T_ROW_MASK,
    T_RP,
    T_RRD_L,
    T_RRD_S,
    T_WRITE_READ_L,
    T_WRITE_READ_RANK,
    T_WRITE_READ_S,
    T_WRITE_TO_PRE,
    T_WRITE_WRITE_L,
    T_WRITE_WRITE_RANK,
    T_WRITE_WRITE_S,
    T_WRITES,
)
from accelsim.kernels.jit import inlined, kernel

NOTHING, ACTIVATE, PRECHARGE, READ, WRITE = range(5)
# A command is packed as bank << BANK | entry of its queue << ENTRY | kind.
KIND, ENTRY, ENTRIES, BANK = 7, 3, 0xFFFF, 19


@inlined
def channel_of(part, line):
    """Channel of a request address (bytes >> T_SHIFT)."""
    return (line >> part[T_CHANNEL_AT]) & part[T_CHANNEL_MASK]


@inlined
def bank_of(part, line):
    """Bank of a request address, counted through ranks and bank groups."""
    rank = (line >> part[T_RANK_AT]) & part[T_RANK_MASK]
    group = (line >> part[T_GROUP_AT]) & part[T_GROUP_MASK]
    bank = (line >> part[T_BANK_AT]) & part[T_BANK_MASK]
    return (rank * part[T_GROUPS] + group) * (part[T_BANK_MASK] + 1) + bank


@inlined
def _filter_place(channel, line, write):
    mixed = (line * 0x9E3779B1) >> 12
    return (2 * channel + write) * FILTER + (mixed & (FILTER - 1))


@inlined
def _look_at_bank(banks, slots, queue, depth, bank):
    """Find what the commands of a bank's queue may be, after the queue or the row changed."""
    row = banks[bank, B_ROW]
    read_hit, write_hit = -1, -1
    if row >= 0:
        for at in range(banks[bank, B_QUEUED]):
            slot = queue[bank * depth + at]
            if slots[slot, S_ROW] == row:
                if slots[slot, S_WRITE] == 0:
                    if read_hit < 0:
                        read_hit = at
                        if write_hit >= 0:
                            break
                elif write_hit < 0:
                    write_hit = at
                    if read_hit >= 0:
                        break
        first_hits = read_hit == 0 or write_hit == 0
        hits = read_hit >= 0 or write_hit >= 0
        enough = banks[bank, B_SERVED] >= SERVED_ENOUGH
        waits = banks[bank, B_QUEUED] > 0
        banks[bank, B_CONFLICT] = int(waits and not first_hits and (enough or not hits))
    banks[bank, B_READ_HIT] = read_hit
    banks[bank, B_WRITE_HIT] = write_hit


@inlined
def _find(part, channels, banks, groups, ranks, channel, now):
    """The command that goes next, packed (see `BANK`); else minus the next clock at which one may."""
    count = part[T_BANKS]
    base = channel * count
    frozen = -1
    if channels[channel, C_OWED] > 0:
        frozen = channel * part[T_RANKS] + channels[channel, C_REFRESH_RANK]
    earliest = NEVER
    local = channels[channel, C_LAST]
    for _ in range(count):
        local += 1
        if local == count:
            local = 0
        bank = base + local
        if banks[bank, B_QUEUED] == 0:
            continue
        rank = banks[bank, B_RANK]
        if rank == frozen:
            continue
        group = banks[bank, B_GROUP]
        if banks[bank, B_ROW] < 0:
            at = max(banks[bank, B_ACTIVATE_AT], groups[group, G_ACTIVATE_AT])
            at = max(at, ranks[rank, R_WINDOW + ranks[rank, R_OLDEST]])
            if at <= now:
                return (bank << BANK) + ACTIVATE
            earliest = min(earliest, at)
            continue
        if banks[bank, B_CONFLICT]:
            at = max(banks[bank, B_PRECHARGE_AT], ranks[rank, R_PRECHARGE_AT])
            if at <= now:
                return (bank << BANK) + PRECHARGE
            earliest = min(earliest, at)
        found = NEVER
        entry = banks[bank, B_READ_HIT]
        if entry >= 0:
            at = max(banks[bank, B_READ_AT], groups[group, G_READ_AT])
            if at <= now:
                found = (bank << BANK) + (entry << ENTRY) + READ
            earliest = min(earliest, at)
        entry = banks[bank, B_WRITE_HIT]
        if entry >= 0:
            at = max(banks[bank, B_WRITE_AT], groups[group, G_WRITE_AT])
            if at <= now:
                found = min(found, (bank << BANK) + (entry << ENTRY) + WRITE)
            earliest = min(earliest, at)
        if found != NEVER:
            return found
    return -earliest


@inlined
def _activate(part, channels, banks, groups, ranks, slots, queue, channel, bank, now):
    group, rank = banks[bank, B_GROUP], banks[bank, B_RANK]
    banks[bank, B_ROW] = slots[queue[bank * part[T_DEPTH]], S_ROW]
    banks[bank, B_SERVED] = 0
    banks[bank, B_READ_AT] = now + part[T_RCD_READ]
    banks[bank, B_WRITE_AT] = now + part[T_RCD_WRITE]
    banks[bank, B_PRECHARGE_AT] = max(banks[bank, B_PRECHARGE_AT], now + part[T_RAS])
    banks[bank, B_ACTIVATE_AT] = max(banks[bank, B_ACTIVATE_AT], now + part[T_RC])
    first = rank * part[T_GROUPS]
    for other in range(first, first + part[T_GROUPS]):
        gap = part[T_RRD_L] if other == group else part[T_RRD_S]
        groups[other, G_ACTIVATE_AT] = max(groups[other, G_ACTIVATE_AT], now + gap)
    oldest = ranks[rank, R_OLDEST]
    ranks[rank, R_WINDOW + oldest] = now + part[T_FAW]
    ranks[rank, R_OLDEST] = (oldest + 1) & 3
    channels[channel, C_ACTIVATES] += 1
    _look_at_bank(banks, slots, queue, part[T_DEPTH], bank)


@inlined
def _precharge(part, channels, banks, ranks, channel, bank, now):
    banks[bank, B_ROW] = -1
    banks[bank, B_ACTIVATE_AT] = max(banks[bank, B_ACTIVATE_AT], now + part[T_RP])
    banks[bank, B_REFRESH_AT] = now + part[T_RP]
    rank = banks[bank, B_RANK]
    if part[T_PPD]:
        ranks[rank, R_PRECHARGE_AT] = now + part[T_PPD]
    channels[channel, C_PRECHARGES] += 1


@inlined
def _column(
    part, channels, banks, groups, slots, queue, filters, free, channel, bank, entry, write, now
):
    """A read or a write; returns its slot, which is free for others but still holds its fields."""
    depth = part[T_DEPTH]
    group, rank = banks[bank, B_GROUP], banks[bank, B_RANK]
    if banks[bank, B_SERVED]:
        channels[channel, C_HITS] += 1
    banks[bank, B_SERVED] += 1
    if write:
        same_read, same_write = part[T_WRITE_READ_L], part[T_WRITE_WRITE_L]
        near_read, near_write = part[T_WRITE_READ_S], part[T_WRITE_WRITE_S]
        far_read, far_write = part[T_WRITE_READ_RANK], part[T_WRITE_WRITE_RANK]
        until = now + part[T_WRITE_TO_PRE]
        channels[channel, C_WRITE_COMMANDS] += 1
    else:
        same_read, same_write = part[T_READ_READ_L], part[T_READ_WRITE]
        near_read, near_write = part[T_READ_READ_S], part[T_READ_WRITE]
        far_read, far_write = part[T_READ_READ_RANK], part[T_READ_WRITE_RANK]
        until = now + part[T_READ_TO_PRE]
        channels[channel, C_READ_COMMANDS] += 1
    banks[bank, B_PRECHARGE_AT] = max(banks[bank, B_PRECHARGE_AT], until)
    first = channel * part[T_RANKS] * part[T_GROUPS]
    mine = rank * part[T_GROUPS]
    for other in range(first, first + part[T_RANKS] * part[T_GROUPS]):
        if other == group:
            read, wrote = same_read, same_write
        elif mine <= other < mine + part[T_GROUPS]:
            read, wrote = near_read, near_write
        else:
            read, wrote = far_read, far_write
        groups[other, G_READ_AT] = max(groups[other, G_READ_AT], now + read)
        groups[other, G_WRITE_AT] = max(groups[other, G_WRITE_AT], now + wrote)
    place = bank * depth
    slot = queue[place + entry]
    queued = banks[bank, B_QUEUED]
    for at in range(place + entry, place + queued - 1):
        queue[at] = queue[at + 1]
    banks[bank, B_QUEUED] = queued - 1
    channels[channel, C_QUEUED] -= 1
    if queued == depth:
        channels[channel, C_READS_SEEN] = 0
    filters[_filter_place(channel, slots[slot, S_ADDRESS], write)] -= 1
    free[channel * _slots(part) + channels[channel, C_FREE]] = slot
    channels[channel, C_FREE] += 1
    _look_at_bank(banks, slots, queue, depth, bank)
    return slot


@inlined
def _slots(part):
    return part[T_READS] + part[T_WRITES] + part[T_BANKS] * part[T_DEPTH]


@inlined
def _refresh(part, channels, banks, groups, ranks, channel, now):
    """Close the rows of the rank that is owed a refresh, or refresh it.

    Returns 0 if a command was issued, else the next clock at which one may be.
    """
    rank = channel * part[T_RANKS] + channels[channel, C_REFRESH_RANK]
    count = part[T_BANKS] // part[T_RANKS]
    first = rank * count
    earliest, last = NEVER, 0
    closed = True
    for bank in range(first, first + count):
        if banks[bank, B_ROW] >= 0:
            closed = False
            at = max(banks[bank, B_PRECHARGE_AT], ranks[rank, R_PRECHARGE_AT])
            if at <= now:
                _precharge(part, channels, banks, ranks, channel, bank, now)
                return 0
            earliest = min(earliest, at)
        else:
            last = max(last, banks[bank, B_REFRESH_AT])
    if not closed:
        return earliest
    if last > now:
        return last
    for bank in range(first, first + count):
        banks[bank, B_ACTIVATE_AT] = max(banks[bank, B_ACTIVATE_AT], now + part[T_RFC])
    channels[channel, C_OWED] -= 1
    channels[channel, C_REFRESHES] += 1
    channels[channel, C_REFRESH_RANK] += 1
    if channels[channel, C_REFRESH_RANK] == part[T_RANKS]:
        channels[channel, C_REFRESH_RANK] = 0
    return 0


@inlined
def _queue_to_bank(part, channels, banks, slots, queue, waiting, place, size, at, channel):
    """Move entry `at` of a read or write queue of `size` entries at `place` to its bank."""
    slot = waiting[place + at]
    for entry in range(place + at, place + size - 1):
        waiting[entry] = waiting[entry + 1]
    bank = slots[slot, S_BANK]
    depth = part[T_DEPTH]
    queued = banks[bank, B_QUEUED]
    queue[bank * depth + queued] = slot
    banks[bank, B_QUEUED] = queued + 1
    channels[channel, C_QUEUED] += 1
    row = banks[bank, B_ROW]
    if row < 0:
        return
    if slots[slot, S_ROW] == row:
        hit = B_WRITE_HIT if slots[slot, S_WRITE] else B_READ_HIT
        if banks[bank, hit] < 0:
            banks[bank, hit] = queued
            if banks[bank, B_SERVED] < SERVED_ENOUGH:
                banks[bank, B_CONFLICT] = 0
    elif queued == 0:
        banks[bank, B_CONFLICT] = 1


@inlined
def _move_read(part, channels, banks, slots, queue, reads, channel):
    """Move the first read whose bank has room; returns its bank, -1 for none."""
    place = channel * part[T_READS]
    size = channels[channel, C_READS]
    for at in range(channels[channel, C_READS_SEEN], size):
        bank = slots[reads[place + at], S_BANK]
        if banks[bank, B_QUEUED] < part[T_DEPTH]:
            _queue_to_bank(part, channels, banks, slots, queue, reads, place, size, at, channel)
            channels[channel, C_READS] = size - 1
            channels[channel, C_READS_SEEN] = at
            return bank
    channels[channel, C_READS_SEEN] = size
    return -1


@inlined
def _read_waits(part, channels, slots, reads, channel, line):
    """Whether a read of the address is still in the read queue."""
    place = channel * part[T_READS]
    for at in range(place, place + channels[channel, C_READS]):
        if slots[reads[at], S_ADDRESS] == line:
            return True
    return False


@inlined
def _move_write(part, channels, banks, slots, queue, reads, writes, filters, channel):
    """Move the first write whose bank has room; its bank, -1 for none, -2 if a read is moved."""
    place = channel * part[T_WRITES]
    size = channels[channel, C_WRITES]
    for at in range(size):
        slot = writes[place + at]
        bank = slots[slot, S_BANK]
        if banks[bank, B_QUEUED] < part[T_DEPTH]:
            line = slots[slot, S_ADDRESS]
            if filters[_filter_place(channel, line, 0)] > 0:
                held = _find_waiting(part, channels, banks, slots, queue, reads, channel, line, 0)
                if held >= 0:
                    channels[channel, C_DRAIN] = 0
                    if _read_waits(part, channels, slots, reads, channel, line):
                        return _move_read(part, channels, banks, slots, queue, reads, channel)
                    return -1
            channels[channel, C_DRAIN] -= 1
            _queue_to_bank(part, channels, banks, slots, queue, writes, place, size, at, channel)
            channels[channel, C_WRITES] = size - 1
            return bank
    return -1


@inlined
def _find_waiting(part, channels, banks, slots, queue, waiting, channel, line, write):
    """Slot of a waiting read or write of this address, -1 for none."""
    capacity = part[T_WRITES] if write else part[T_READS]
    size = channels[channel, C_WRITES] if write else channels[channel, C_READS]
    place = channel * capacity
    for at in range(place, place + size):
        if slots[waiting[at], S_ADDRESS] == line:
            return waiting[at]
    bank = channel * part[T_BANKS] + bank_of(part, line)
    place = bank * part[T_DEPTH]
    for at in range(place, place + banks[bank, B_QUEUED]):
        slot = queue[at]
        if slots[slot, S_ADDRESS] == line and slots[slot, S_WRITE] == write:
            return slot
    return -1


@inlined
def _ready_at(banks, groups, ranks, bank):
    """First clock at which a bank can take a command, as far as is known now."""
    group, rank = banks[bank, B_GROUP], banks[bank, B_RANK]
    if banks[bank, B_ROW] < 0:
        at = max(banks[bank, B_ACTIVATE_AT], groups[group, G_ACTIVATE_AT])
        return max(at, ranks[rank, R_WINDOW + ranks[rank, R_OLDEST]])
    earliest = NEVER
    if banks[bank, B_CONFLICT]:
        earliest = max(banks[bank, B_PRECHARGE_AT], ranks[rank, R_PRECHARGE_AT])
    if banks[bank, B_READ_HIT] >= 0:
        earliest = min(earliest, max(banks[bank, B_READ_AT], groups[group, G_READ_AT]))
    if banks[bank, B_WRITE_HIT] >= 0:
        earliest = min(earliest, max(banks[bank, B_WRITE_AT], groups[group, G_WRITE_AT]))
    return earliest


@inlined
def _command(
    part, channels, banks, groups, ranks, slots, queue, filters, free, channel, found, now
):
    """Issue the command that `_find` gave; returns the slot of a read that it serves, else -1."""
    kind, bank = found & KIND, found >> BANK
    channels[channel, C_LAST] = bank - channel * part[T_BANKS]
    if kind == ACTIVATE:
        _activate(part, channels, banks, groups, ranks, slots, queue, channel, bank, now)
    elif kind == PRECHARGE:
        _precharge(part, channels, banks, ranks, channel, bank, now)
    else:
        write = int(kind == WRITE)
        slot = _column(
            part, channels, banks, groups, slots, queue, filters, free, channel, bank,
            (found >> ENTRY) & ENTRIES, write, now,
        )  # fmt: skip
        if not write:
            return slot
    return -1


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
        wake = _refresh(part, channels, banks, groups, ranks, channel, now)
        issued = wake == 0
    if not issued:
        found = _find(part, channels, banks, groups, ranks, channel, now)
        if found > 0:
            served = _command(
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
            found = _find(part, channels, banks, groups, ranks, channel, now)
            if found > 0:
                if (found & KIND >= READ) != column:
                    slot = _command(
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
        bank = _move_write(
            part, channels, banks, slots, queue, reads, writes, filters, channel
        )
        if channels[channel, C_DRAIN] == 0:
            wake = min(wake, now + 1)
    else:
        bank = _move_read(part, channels, banks, slots, queue, reads, channel)
    if bank >= 0:
        if channels[channel, C_READS] + channels[channel, C_WRITES] > 0:
            wake = now + 1
        else:
            wake = min(wake, max(now + 1, _ready_at(banks, groups, ranks, bank)))
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
    place = _filter_place(channel, line, 1)
    if filters[place] > 0:
        if _find_waiting(part, channels, banks, slots, queue, writes, channel, line, 1) >= 0:
            return -1
    place = _filter_place(channel, line, write)
    if not write and filters[place] > 0:
        slot = _find_waiting(part, channels, banks, slots, queue, reads, channel, line, 0)
        if slot >= 0:
            slots[slot, S_COUNT] += 1
            slots[slot, S_ADDED] += now + 1
            return slot
    filters[place] += 1
    channels[channel, C_FREE] -= 1
    slot = free[channel * _slots(part) + channels[channel, C_FREE]]
    slots[slot, S_ADDRESS] = line
    slots[slot, S_BANK] = channel * part[T_BANKS] + bank_of(part, line)
    slots[slot, S_ROW] = (line >> part[T_ROW_AT]) & part[T_ROW_MASK]
    slots[slot, S_WRITE] = write
    slots[slot, S_COUNT] = 1
    slots[slot, S_ADDED] = now + 1
    if write:
        writes[channel * part[T_WRITES] + channels[channel, C_WRITES]] = slot
        channels[channel, C_WRITES] += 1
    else:
        reads[channel * part[T_READS] + channels[channel, C_READS]] = slot
        channels[channel, C_READS] += 1
    channels[channel, C_WAKE] = min(channels[channel, C_WAKE], now + 1)
    return slot
