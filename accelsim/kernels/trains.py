"""Trains: contiguous pieces through the DRAM without its commands.

A train is at most `TR_LINES` lines of one piece, at least `TR_LEAST`, issued at once. Its lines
follow each other at the pace that a stream reaches at request level, or if their piece is short, at
that of such pieces in random places or at their stride; each refresh stops them for as long as it
stops a stream, and writes that come behind reads take longer by what turning the bus costs. All
this is measured on the channels themselves, see `accelsim.engine.trains`. Trains of all ports of a
chip share its bus, one train after the other, in the order in which they are sent. A write
completes when it arrives, or when the write queues have room for it. A train comes behind what was
sent at request level before it (at the pace of a stream), and lines that are sent during a train
arrive behind it. A port may send a train only while no other port of its chip has lines at request
level in flight or to issue next, nor any lines at all if both read or both write: so single lines
of a unit meet all that others do command by command, and so do two streams of reads or of writes.

A train opens the rows in which its lines lie, but for those that trains before it left open: a bank
keeps its row until a train opens another or a refresh that stops trains comes to its rank. This is
counted and takes no time of its own.

Not modelled: the rows that lines at request level open and close in between; how evenly a short
piece fills the channels, and interleaving with other lines of the same port (latencies of single
lines are longer than at request level: a train is issued as a whole).

trains[chip, .] : TR_*
open_row[bank, of all channels] : the row, and ROW_BITS above it how often its rank was refreshed
"""

from __future__ import annotations

from accelsim.kernels.agenda import round_up, schedule
from accelsim.kernels.credits import take_credits
from accelsim.kernels.dram_commands import bank_of
from accelsim.kernels.dram_fields import (
    T_BANKS,
    T_RANK_AT,
    T_RANK_MASK,
    T_RCD_READ,
    T_READ_READ_S,
    T_READ_TO_PRE,
    T_READS,
    T_ROW_AT,
    T_ROW_MASK,
    T_RP,
)
from accelsim.kernels.fields import (
    ACTIVATES,
    D_CLOCK,
    D_FIRST_PORT,
    D_LINE,
    D_PORT_END,
    D_RETURN,
    FINISH,
    P_ACTIVE,
    P_BASE,
    P_BEAT,
    P_CHIP,
    P_CLOCK,
    P_CROSSING,
    P_HEAD,
    P_IN_FLIGHT,
    P_IS_WRITE,
    P_ISSUE,
    P_LAST_LINE,
    P_LAST_SINGLE,
    P_LATENCY,
    P_LINE,
    P_MASK,
    P_NEXT_ISSUE,
    P_OUTSTANDING,
    P_POSITION,
    P_PROMISED,
    P_RETURN_FREE,
    P_RUN,
    P_SINGLES,
    P_STARVED,
    P_TAIL,
    P_TRAIN_WAITS,
    P_WAITS_ON,
)
from accelsim.kernels.jit import inlined, kernel
from accelsim.kernels.requests import locate_request
from accelsim.kernels.tournament import NEVER

# Times of the bus in parts of a picosecond, so that a pace need not be whole.
PARTS = 1024
(
    TR_LINES,  # of a train, at most
    TR_LEAST,  # ... and at least
    TR_PACE,  # parts of a line of a stream
    TR_TURN,  # parts that a line takes longer when it is written behind reads
    TR_POSTED,  # ps before a write has moved at which the queues have room for it
    TR_LATENCY,  # arrival to the first line, ps
    TR_EVERY,  # parts from one refresh to the next, 0 for none
    TR_STALL,  # parts that a refresh takes
    TR_BUS,  # parts at which all lines have moved, at request level too
    TR_END,  # parts at which the last train has moved
    TR_REFRESH,  # parts at which the next refresh begins
    TR_SENT,  # lines so far
    TR_CHANNELS,
    TR_BANK,  # of the last train's first line, and its row
    TR_ROW,
    TR_WROTE,  # whether the last lines were writes
    TR_BESIDE,  # bytes that lie side by side in a row, from a multiple on, a power of two
    TR_ACTIVATES,  # rows that trains opened
    TR_SET_BYTES,  # bytes of rows side by side, each of another bank ...
    TR_SET_ROWS,  # ... and how many these are
    TR_SET,  # first byte of those in which the last train lay, -1 for none ...
    TR_SET_END,  # ... where they end ...
    TR_SET_CLOSED,  # ... and how many have not been opened since trains came there ...
    TR_SET_REFRESH,  # ... while this was the next refresh
    TR_COLUMNS,
) = range(25)
ROW_BITS = 40  # above a row in `open_row`: how often its rank had been refreshed


@inlined
def train_lines(trains, ports, chips, port):
    """Lines of the port's next train: 0 if what is left of its piece is too short for one."""
    chip = ports[port, P_CHIP]
    lines = trains[chip, TR_LINES]
    left = (ports[port, P_LAST_LINE] - ports[port, P_LINE]) // chips[chip, D_LINE] + 1
    if left < trains[chip, TR_LEAST]:
        return 0
    if left < lines + trains[chip, TR_LEAST] and left <= ports[port, P_OUTSTANDING]:
        return left
    return lines if lines <= ports[port, P_OUTSTANDING] else 0


@kernel
def train_turn(trains, ports, completions, chips, port, now):
    """Whether the port's next lines are a train: -1 if not, `now`, or when it looks again.

    Once it waits for the credits of a train, it waits until it has them, whatever others do.
    """
    lines = train_lines(trains, ports, chips, port)
    if ports[port, P_TRAIN_WAITS] == 0 and not _may_send(
        trains, ports, completions, chips, port, lines, now
    ):
        return -1
    need = ports[port, P_IN_FLIGHT] + lines - ports[port, P_OUTSTANDING]
    if need > 0:
        ports[port, P_TRAIN_WAITS] = 1
        head = ports[port, P_HEAD] + need - 1
        if head >= ports[port, P_TAIL]:  # some are not back, and it is not known when they will be
            ports[port, P_STARVED] = 1
            return NEVER
        last = completions[ports[port, P_BASE] + (head & ports[port, P_MASK])]
        return max(now + ports[port, P_CLOCK], round_up(last, ports[port, P_CLOCK]))
    if ports[port, P_TRAIN_WAITS]:
        ports[port, P_TRAIN_WAITS] = 0
        if not _may_send(trains, ports, completions, chips, port, lines, now):
            return -1
    return now


@inlined
def _may_send(trains, ports, completions, chips, port, lines, now):
    """Whether nothing but credits keeps the port from sending a train of so many lines."""
    chip = ports[port, P_CHIP]
    if lines == 0 or ports[port, P_WAITS_ON] >= 0 or ports[port, P_PROMISED]:
        return False  # a line has its turn
    for other in range(chips[chip, D_FIRST_PORT], chips[chip, D_PORT_END]):
        if other != port:
            if ports[other, P_SINGLES] > 0 or ports[other, P_LAST_SINGLE] > now:
                return False
            active = ports[other, P_ACTIVE] >= 0
            if ports[other, P_IS_WRITE] == ports[port, P_IS_WRITE]:
                take_credits(ports, completions, other, now)
                if active or ports[other, P_IN_FLIGHT] > 0:
                    return False
            elif active:
                if ports[other, P_WAITS_ON] >= 0 or ports[other, P_PROMISED]:
                    return False
                if train_lines(trains, ports, chips, other) == 0:
                    return False
    return True


@inlined
def row_change(part, lines):
    """Clocks for which a piece of so many lines a channel waits for its bank to change its row.

    Meanwhile the channel serves what else its read queue holds.
    """
    change = part[T_READ_TO_PRE] + part[T_RP] + part[T_RCD_READ]
    return max(0, change - max(0, part[T_READS] - lines) * part[T_READ_READ_S])


@inlined
def _open_rows(part, trains, open_row, chips, chip, address, lines):
    """Open the rows in which a train lies; returns how many were not open.

    Nothing is looked up while trains stay among rows that are all known to be open.
    """
    end = address + lines * chips[chip, D_LINE]
    if trains[chip, TR_SET_REFRESH] == trains[chip, TR_REFRESH]:
        inside = trains[chip, TR_SET] <= address and end <= trains[chip, TR_SET_END]
        if inside and trains[chip, TR_SET_CLOSED] == 0:
            return 0
    rounds, ranks = 0, 0  # every rank has been refreshed so often, and the first ones once more
    if trains[chip, TR_EVERY] > 0:
        refreshes = trains[chip, TR_REFRESH] // trains[chip, TR_EVERY] - 1
        rounds = refreshes // (part[T_RANK_MASK] + 1)
        ranks = refreshes - rounds * (part[T_RANK_MASK] + 1)
    opened = 0
    while address < end:
        first = address - address % trains[chip, TR_SET_BYTES]
        if (
            trains[chip, TR_SET] != first
            or trains[chip, TR_SET_REFRESH] != trains[chip, TR_REFRESH]
        ):
            trains[chip, TR_SET] = first
            trains[chip, TR_SET_END] = first + trains[chip, TR_SET_BYTES]
            trains[chip, TR_SET_REFRESH] = trains[chip, TR_REFRESH]
            trains[chip, TR_SET_CLOSED] = trains[chip, TR_SET_ROWS]
        stop = min(end, trains[chip, TR_SET_END])
        closed = trains[chip, TR_SET_CLOSED]
        beside = trains[chip, TR_BESIDE] - 1
        while address < stop and closed > 0:
            channel, line = locate_request(part, chips, chip, address)
            rank = (line >> part[T_RANK_AT]) & part[T_RANK_MASK]
            row = (line >> part[T_ROW_AT]) & part[T_ROW_MASK]
            row |= (rounds + (rank < ranks)) << ROW_BITS
            bank = channel * part[T_BANKS] + bank_of(part, line)
            if open_row[bank] != row:
                open_row[bank] = row
                opened += 1
                closed -= 1
            address = (address | beside) + 1
        trains[chip, TR_SET_CLOSED] = closed
        address = stop
    return opened


@kernel
def send_train(
    run_pace, first_request, result, ports, completions, chips, times, codes, scalars, requests,
    part, trains, open_row, counts, port, task, arrive, now,
):  # fmt: skip
    """Send a train; the port stands at its last line. Returns when its last line is issued.

    run_pace : int64[runs], parts that a line of each takes.
    """
    chip = ports[port, P_CHIP]
    write = ports[port, P_IS_WRITE]
    lines = train_lines(trains, ports, chips, port)
    pace = run_pace[ports[port, P_RUN]]
    alone = pace == trains[chip, TR_PACE]  # else the pace has changes of row in it
    turns = write != trains[chip, TR_WROTE]
    trains[chip, TR_WROTE] = write
    if write and turns:
        pace += trains[chip, TR_TURN]
    at = max((arrive + trains[chip, TR_LATENCY]) * PARTS, trains[chip, TR_BUS])
    address = ports[port, P_LINE]
    left = (ports[port, P_LAST_LINE] - address) // chips[chip, D_LINE] + 1
    _, place = locate_request(part, chips, chip, address)
    bank, row = bank_of(part, place), (place >> part[T_ROW_AT]) & part[T_ROW_MASK]
    changes = bank == trains[chip, TR_BANK] and row != trains[chip, TR_ROW]
    if changes and alone and not turns:
        at += row_change(part, left // trains[chip, TR_CHANNELS]) * chips[chip, D_CLOCK] * PARTS
    trains[chip, TR_BANK] = bank
    trains[chip, TR_ROW] = row
    if trains[chip, TR_EVERY] > 0 and trains[chip, TR_REFRESH] + trains[chip, TR_STALL] <= at:
        missed = (at - trains[chip, TR_STALL] - trains[chip, TR_REFRESH]) // trains[chip, TR_EVERY]
        trains[chip, TR_REFRESH] += (missed + 1) * trains[chip, TR_EVERY]
    refresh = trains[chip, TR_REFRESH] if trains[chip, TR_EVERY] > 0 else NEVER
    complete, back, beat = ports[port, P_RETURN_FREE], chips[chip, D_RETURN], ports[port, P_BEAT]
    base, mask, tail = ports[port, P_BASE], ports[port, P_MASK], ports[port, P_TAIL]
    first = first_request[task] + ports[port, P_POSITION] if requests.size > 0 else 0
    latency = 0
    for line in range(lines):
        at += pace
        if at > refresh:
            at += trains[chip, TR_STALL]
            refresh += trains[chip, TR_EVERY]
        if write:
            issued = now + line // ports[port, P_ISSUE] * ports[port, P_CLOCK]
            reach = round_up(issued + ports[port, P_CROSSING], chips[chip, D_CLOCK])
            complete = max(reach, issued + 1, at // PARTS - trains[chip, TR_POSTED])
        else:
            complete = max(complete, at // PARTS + back) + beat
            latency += complete - now
        completions[base + ((tail + line) & mask)] = complete
        if requests.size > 0:
            requests[first + line] = complete
    trains[chip, TR_REFRESH] = refresh
    opened = _open_rows(part, trains, open_row, chips, chip, address, lines)
    trains[chip, TR_ACTIVATES] += opened
    counts[ACTIVATES, task] += opened
    ports[port, P_TAIL] += lines
    ports[port, P_LATENCY] += latency
    trains[chip, TR_BUS] = at
    trains[chip, TR_END] = at
    trains[chip, TR_SENT] += lines
    ports[port, P_IN_FLIGHT] += lines
    ports[port, P_POSITION] += lines - 1
    ports[port, P_LINE] += (lines - 1) * chips[chip, D_LINE]
    if not write:
        ports[port, P_RETURN_FREE] = complete
        result[FINISH, task] -= 1  # the train is one line that is not back
        schedule(times, codes, scalars, complete, task * 4)
    cycles = (lines + ports[port, P_ISSUE] - 1) // ports[port, P_ISSUE]
    issued = now + (cycles - 1) * ports[port, P_CLOCK]
    ports[port, P_NEXT_ISSUE] = issued + ports[port, P_CLOCK]
    return issued


@inlined
def behind_trains(trains, chips, chip, arrive):
    """When a line that would arrive at `arrive` does, behind the trains of its chip."""
    end = trains[chip, TR_END] // PARTS - trains[chip, TR_LATENCY]
    if end > arrive:
        return round_up(end, chips[chip, D_CLOCK])
    return arrive


@inlined
def note_line(trains, chip, write, now):
    """A line is sent at request level: trains come behind it."""
    bus = max(trains[chip, TR_BUS], now * PARTS)
    trains[chip, TR_BUS] = bus + trains[chip, TR_PACE]
    trains[chip, TR_WROTE] = write
