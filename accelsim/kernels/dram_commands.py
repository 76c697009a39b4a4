"""The commands of a DRAM channel: which may go at a clock, and what each sets in motion.

The rules are said in `accelsim.kernels.dram`, the matrices in `accelsim.kernels.dram_fields`.
"""

from __future__ import annotations

from accelsim.kernels.channel import folded
from accelsim.kernels.dram_fields import (
    B_ACTIVATE_AT,
    B_CONFLICT,
    B_GROUP,
    B_PRECHARGE_AT,
    B_QUEUED,
    B_RANK,
    B_READ_AT,
    B_READ_HIT,
    B_READY_AT,
    B_REFRESH_AT,
    B_ROW,
    B_SERVED,
    B_WRITE_AT,
    B_WRITE_HIT,
    C_ACTIVATES,
    C_FREE,
    C_HITS,
    C_LAST,
    C_OPENED_FOR,
    C_OWED,
    C_PRECHARGES,
    C_QUEUED,
    C_READ_COMMANDS,
    C_READS_FREED,
    C_READS_SEEN,
    C_REFRESH_RANK,
    C_REFRESHES,
    C_WRITE_COMMANDS,
    C_WRITES_FREED,
    C_WRITES_SEEN,
    FILTER,
    G_ACTIVATE_AT,
    G_READ_AT,
    G_WRITE_AT,
    NEVER,
    R_OLDEST,
    R_PRECHARGE_AT,
    R_WINDOW,
    S_ADDRESS,
    S_ROW,
    S_WRITE,
    SERVED_ENOUGH,
    T_BANK_AT,
    T_BANK_MASK,
    T_BANKS,
    T_CHANNEL_AT,
    T_CHANNEL_MASK,
    T_DEPTH,
    T_FAW,
    T_GROUP_AT,
    T_GROUP_MASK,
    T_GROUPS,
    T_PERMUTE,
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
from accelsim.kernels.jit import inlined

NOTHING, ACTIVATE, PRECHARGE, READ, WRITE = range(5)
# A command is packed as bank << BANK | entry of its queue << ENTRY | kind.
KIND, ENTRY, ENTRIES, BANK = 7, 3, 0xFFFF, 19


@inlined
def channel_of(part, line):
    """Channel of a request address (bytes >> T_SHIFT)."""
    above = line >> part[T_CHANNEL_AT]
    if part[T_PERMUTE]:
        above ^= folded(above // (part[T_CHANNEL_MASK] + 1))
    return above & part[T_CHANNEL_MASK]


@inlined
def bank_of(part, line):
    """Bank of a request address, counted through ranks and bank groups."""
    rank = (line >> part[T_RANK_AT]) & part[T_RANK_MASK]
    group = (line >> part[T_GROUP_AT]) & part[T_GROUP_MASK]
    bank = (line >> part[T_BANK_AT]) & part[T_BANK_MASK]
    if part[T_PERMUTE]:
        row = (line >> part[T_ROW_AT]) & part[T_ROW_MASK]
        group ^= row & part[T_GROUP_MASK]
        bank ^= (row // (part[T_GROUP_MASK] + 1)) & part[T_BANK_MASK]
    return (rank * part[T_GROUPS] + group) * (part[T_BANK_MASK] + 1) + bank


@inlined
def filter_place(channel, line, write):
    """Counter of the waiting reads or writes whose address falls there."""
    mixed = (line * 0x9E37) >> 8
    return (2 * channel + write) * FILTER + (mixed & (FILTER - 1))


@inlined
def slots_of_channel(part):
    """Most distinct addresses that wait in a channel."""
    return part[T_READS] + part[T_WRITES] + part[T_BANKS] * part[T_DEPTH]


@inlined
def look_at_bank(banks, slots, queue, depth, bank):
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
    note_ready(banks, bank)


@inlined
def note_ready(banks, bank):
    """Keep when a bank can take a command of its queue as far as its own timing goes."""
    if banks[bank, B_QUEUED] == 0:
        at = NEVER
    elif banks[bank, B_ROW] < 0:
        at = banks[bank, B_ACTIVATE_AT]
    else:
        at = NEVER
        if banks[bank, B_CONFLICT]:
            at = banks[bank, B_PRECHARGE_AT]
        if banks[bank, B_READ_HIT] >= 0:
            at = min(at, banks[bank, B_READ_AT])
        if banks[bank, B_WRITE_HIT] >= 0:
            at = min(at, banks[bank, B_WRITE_AT])
    banks[bank, B_READY_AT] = at


@inlined
def find_command(part, channels, banks, groups, ranks, channel, now):
    """The command that goes next, packed (see `BANK`); else minus the next clock for one."""
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
        at = banks[bank, B_READY_AT]
        if at > now:
            earliest = min(earliest, at)
            continue
        rank = banks[bank, B_RANK]
        if rank == frozen:
            continue
        group = banks[bank, B_GROUP]
        if banks[bank, B_ROW] < 0:
            at = ranks[rank, R_WINDOW + ranks[rank, R_OLDEST]]
            if at <= now:
                at = groups[group, G_ACTIVATE_AT]
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
def ready_at(banks, groups, ranks, bank):
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
def _activate(part, channels, banks, groups, ranks, slots, queue, channel, bank, now):
    group, rank = banks[bank, B_GROUP], banks[bank, B_RANK]
    slot = queue[bank * part[T_DEPTH]]
    banks[bank, B_ROW] = slots[slot, S_ROW]
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
    channels[channel, C_OPENED_FOR] = slot
    look_at_bank(banks, slots, queue, part[T_DEPTH], bank)


@inlined
def _precharge(part, channels, banks, ranks, channel, bank, now):
    banks[bank, B_ROW] = -1
    banks[bank, B_ACTIVATE_AT] = max(banks[bank, B_ACTIVATE_AT], now + part[T_RP])
    banks[bank, B_REFRESH_AT] = now + part[T_RP]
    rank = banks[bank, B_RANK]
    if part[T_PPD]:
        ranks[rank, R_PRECHARGE_AT] = now + part[T_PPD]
    channels[channel, C_PRECHARGES] += 1
    note_ready(banks, bank)


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
        note_room(channels, channel, bank, C_READS_SEEN, C_READS_FREED)
        note_room(channels, channel, bank, C_WRITES_SEEN, C_WRITES_FREED)
    filters[filter_place(channel, slots[slot, S_ADDRESS], write)] -= 1
    free[channel * slots_of_channel(part) + channels[channel, C_FREE]] = slot
    channels[channel, C_FREE] += 1
    look_at_bank(banks, slots, queue, depth, bank)
    return slot


@inlined
def note_room(channels, channel, bank, seen, freed):
    """A bank that was full has room: entries that wait for it can move again."""
    if channels[channel, freed] < 0:
        channels[channel, freed] = bank
    else:  # a second one: look at all entries again
        channels[channel, freed] = -1
        channels[channel, seen] = 0


@inlined
def refresh(part, channels, banks, groups, ranks, channel, now):
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
        note_ready(banks, bank)
    channels[channel, C_OWED] -= 1
    channels[channel, C_REFRESHES] += 1
    channels[channel, C_REFRESH_RANK] += 1
    if channels[channel, C_REFRESH_RANK] == part[T_RANKS]:
        channels[channel, C_REFRESH_RANK] = 0
    return 0


@inlined
def command(part, channels, banks, groups, ranks, slots, queue, filters, free, channel, found, now):
    """Issue what `find_command` gave; returns the slot of a read that it serves, else -1."""
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
