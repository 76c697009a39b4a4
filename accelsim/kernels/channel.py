"""DRAM channels at the simple level: a queue of slots, one open row a bank, one data bus.

A level is these operations: `locate` an address, `accept` a line (which fixes when it is done),
`give_back` what is done, and `next_done`, which the caller keeps in its agenda. `take_slot` and
`free_slot` share out the queue. The matrices are those of `accelsim.kernels.fields`.
"""

from __future__ import annotations

from accelsim.kernels.fields import (
    ACTIVATES,
    C_ACTIVATES,
    C_BANK,
    C_BASE,
    C_BUS_FREE,
    C_CHIP,
    C_HEAD,
    C_LAST_ACTIVATE,
    C_LAST_GIVEN,
    C_LINES,
    C_MASK,
    C_SLOTS,
    C_TAIL,
    C_WAITING,
    C_WRITES,
    D_ACTIVATE,
    D_BANK_SHIFT,
    D_BANKS,
    D_BURST,
    D_CHANNEL_SHIFT,
    D_CHANNELS,
    D_FIRST_CHANNEL,
    D_FIRST_PORT,
    D_INTERLEAVE,
    D_INTERLEAVE_SHIFT,
    D_PERMUTE,
    D_PORT_END,
    D_ROW,
    D_ROW_HIT,
    D_ROW_MISS,
    D_ROW_SHIFT,
    P_PROMISED,
    P_WAITS_ON,
    S_DONE,
    S_POSITION,
    S_TASK,
)
from accelsim.kernels.jit import inlined
from accelsim.kernels.tournament import NEVER


@inlined
def divide(value, by, shift):
    """Divide a value that is not negative, by a shift where there is one."""
    return value >> shift if shift >= 0 else value // by


@inlined
def folded(bits):
    """Fold an address so that each of its bits counts among the lowest three."""
    bits ^= bits >> 24
    bits ^= bits >> 12
    bits ^= bits >> 6
    return bits ^ (bits >> 3)


@inlined
def locate(chips, chip, address):
    """Return the channel of an address, and its offset among all that this channel holds."""
    block = divide(address, chips[chip, D_INTERLEAVE], chips[chip, D_INTERLEAVE_SHIFT])
    offset = address - block * chips[chip, D_INTERLEAVE]
    local = divide(block, chips[chip, D_CHANNELS], chips[chip, D_CHANNEL_SHIFT])
    if chips[chip, D_PERMUTE]:
        block += folded(local)
        turns = divide(block, chips[chip, D_CHANNELS], chips[chip, D_CHANNEL_SHIFT])
    else:
        turns = local
    channel = block - turns * chips[chip, D_CHANNELS] + chips[chip, D_FIRST_CHANNEL]
    return channel, local * chips[chip, D_INTERLEAVE] + offset


@inlined
def accept(
    channels, slots, open_row, counts, chips, chip, channel, local, write, arrive, task, position
):
    """Put a line into the queue and serve it behind all that is there; returns when it is done."""
    row_index = divide(local, chips[chip, D_ROW], chips[chip, D_ROW_SHIFT])
    row = divide(row_index, chips[chip, D_BANKS], chips[chip, D_BANK_SHIFT])
    bank = channels[channel, C_BANK] + row_index - row * chips[chip, D_BANKS]
    if open_row[bank] == row:
        ready = arrive + chips[chip, D_ROW_HIT]
    else:
        activate = max(arrive, channels[channel, C_LAST_ACTIVATE] + chips[chip, D_ACTIVATE])
        channels[channel, C_LAST_ACTIVATE] = activate
        channels[channel, C_ACTIVATES] += 1
        counts[ACTIVATES, task] += 1
        open_row[bank] = row
        ready = activate + chips[chip, D_ROW_MISS]
    done = max(channels[channel, C_BUS_FREE], ready) + chips[chip, D_BURST]
    channels[channel, C_BUS_FREE] = done
    channels[channel, C_LINES] += 1
    channels[channel, C_WRITES] += write
    at = channels[channel, C_BASE] + (channels[channel, C_TAIL] & channels[channel, C_MASK])
    channels[channel, C_TAIL] += 1
    slots[at, S_DONE] = done
    slots[at, S_TASK] = task
    slots[at, S_POSITION] = position
    return done


@inlined
def give_back(channels, slots, channel):
    """Take the oldest line out of the queue; returns its task and position in it."""
    at = channels[channel, C_BASE] + (channels[channel, C_HEAD] & channels[channel, C_MASK])
    channels[channel, C_HEAD] += 1
    return slots[at, S_TASK], slots[at, S_POSITION]


@inlined
def next_done(channels, slots, channel):
    """Return when the oldest line of the queue is done, `NEVER` if there is none."""
    head = channels[channel, C_HEAD]
    if head == channels[channel, C_TAIL]:
        return NEVER
    return slots[channels[channel, C_BASE] + (head & channels[channel, C_MASK]), S_DONE]


@inlined
def take_slot(channels, ports, channel, port):
    """Take a slot for a port; if there is none for it, the port waits."""
    if ports[port, P_PROMISED]:
        ports[port, P_PROMISED] = 0
        return True
    if channels[channel, C_SLOTS] > 0:
        channels[channel, C_SLOTS] -= 1
        return True
    ports[port, P_WAITS_ON] = channel
    channels[channel, C_WAITING] += 1
    return False


@inlined
def free_slot(channels, ports, chips, channel):
    """Give a slot back; returns the waiting port for which it is reserved, or -1."""
    if channels[channel, C_WAITING] == 0:
        channels[channel, C_SLOTS] += 1
        return -1
    chip = channels[channel, C_CHIP]
    port = channels[channel, C_LAST_GIVEN] + 1
    while port >= chips[chip, D_PORT_END] or ports[port, P_WAITS_ON] != channel:
        port = chips[chip, D_FIRST_PORT] if port >= chips[chip, D_PORT_END] else port + 1
    channels[channel, C_WAITING] -= 1
    channels[channel, C_LAST_GIVEN] = port
    ports[port, P_WAITS_ON] = -1
    ports[port, P_PROMISED] = 1
    return port
