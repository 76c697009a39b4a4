"""The matrices of the request-level DRAM: what each column of its state holds. Times in clocks.

One channel's queues and banks lie side by side: bank b of channel c is row c x banks + b, entry k
of its command queue is `queue[(c x banks + b) x depth + k]`, and so on. `banks` counts all ranks.
"""

# part[.]: the part's timing and shape, made by `accelsim.arch.parts.Part.vector`.
(
    T_CHANNELS,
    T_RANKS,
    T_GROUPS,  # of a rank
    T_BANKS,  # of a channel, all ranks
    T_SHIFT,  # logarithm of a request's bytes
    T_CHANNEL_AT,  # position and mask of each field of the address, after the shift
    T_CHANNEL_MASK,
    T_RANK_AT,
    T_RANK_MASK,
    T_GROUP_AT,
    T_GROUP_MASK,
    T_BANK_AT,
    T_BANK_MASK,
    T_ROW_AT,
    T_ROW_MASK,
    T_READ_DONE,  # command to last data beat
    T_RCD_READ,
    T_RCD_WRITE,
    T_RP,
    T_RAS,
    T_RC,
    T_RRD_L,
    T_RRD_S,
    T_FAW,
    T_PPD,  # 0 for none
    T_READ_TO_PRE,
    T_WRITE_TO_PRE,
    T_READ_READ_L,
    T_READ_READ_S,
    T_READ_READ_RANK,
    T_READ_WRITE,
    T_READ_WRITE_RANK,
    T_WRITE_READ_L,
    T_WRITE_READ_S,
    T_WRITE_READ_RANK,
    T_WRITE_WRITE_L,
    T_WRITE_WRITE_S,
    T_WRITE_WRITE_RANK,
    T_RFC,
    T_REFRESH_EVERY,  # clocks between two refreshes of a channel, 0 for none
    T_DUAL,  # 1 if a column and a row command may share a clock
    T_DEPTH,  # entries of a bank's command queue
    T_READS,  # entries of the read queue ...
    T_WRITES,  # ... and of the write queue of a channel
    T_CLIENT,  # entries of a channel's own queue before these, 0 for none
    T_PERMUTE,  # 1 if the bits above decide with the channel's and the bank's own
    T_TRAIN,  # lines of a train in the engines, 0 for none
    T_FIELDS,
) = range(48)

# channels[channel, .]
(
    C_WAKE,  # next clock at which something can happen without new requests
    C_LAST,  # bank of the last command
    C_READS,  # entries of the read queue ...
    C_READS_SEEN,  # ... whose bank is known to be full ...
    C_READS_FREED,  # ... but for this one, which may have room, -1 for none
    C_WRITES,
    C_WRITES_SEEN,
    C_WRITES_FREED,
    C_DRAIN,  # writes still to be moved before reads are again
    C_QUEUED,  # entries of all command queues
    C_REFRESH_AT,  # next refresh falls due
    C_OWED,  # refreshes that are due
    C_REFRESH_RANK,  # rank of the first of them
    C_FREE,  # slots on the free stack
    C_READ_COMMANDS,
    C_WRITE_COMMANDS,
    C_ACTIVATES,
    C_PRECHARGES,
    C_REFRESHES,
    C_HITS,  # column commands on a row that had served one before
    C_OPENED_FOR,  # slot for which a row was opened last; whoever reads it sets it to -1
    C_COLUMNS,
) = range(22)

# banks[bank, .]
(
    B_RANK,  # row of `ranks`
    B_GROUP,  # row of `groups`
    B_ROW,  # open row, -1 for none
    B_SERVED,  # columns of the open row so far
    B_QUEUED,
    B_READ_HIT,  # first entry that reads the open row, -1 for none
    B_WRITE_HIT,
    B_CONFLICT,  # 1 if the first entry may close the row
    B_ACTIVATE_AT,  # earliest clock of each command as far as this bank goes
    B_PRECHARGE_AT,
    B_READ_AT,
    B_WRITE_AT,
    B_REFRESH_AT,
    B_READY_AT,  # no command of the queue can go before, as far as this bank goes
    B_COLUMNS,
) = range(15)

# groups[group, .]: earliest clocks as far as this bank group goes
G_ACTIVATE_AT, G_READ_AT, G_WRITE_AT, G_COLUMNS = range(4)

# ranks[rank, .]
(
    R_PRECHARGE_AT,
    R_WINDOW,  # when each of the last four activates has left the window, oldest at R_OLDEST
    R_OLDEST,
    R_COLUMNS,
) = (0, 1, 5, 6)

# slots[slot, .]: a distinct address that waits; equal reads wait with it
(
    S_ADDRESS,
    S_ROW,
    S_WRITE,
    S_COUNT,  # requests in it
    S_ADDED,  # sum of the clocks at which they were accepted
    S_COLUMNS,
) = range(6)

# An entry of the read or the write queue: slot << ENTRY_SLOT | bank.
ENTRY_SLOT, ENTRY_BANK = 20, (1 << 20) - 1
FILTER = 1024  # counters of waiting addresses, a power of two; reads, then writes
NEVER = 1 << 62
# A row that has served so many columns may be closed although a queued request would hit it.
SERVED_ENOUGH = 4
# Writes that are moved although the queue is not full, when nothing else is to do.
IDLE_DRAIN = 8
