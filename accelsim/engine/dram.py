"""Run a stream of requests through a request-level DRAM alone.

The state of a DRAM is made here from a part's vector, for this and for whoever embeds the channels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from accelsim.kernels import dram_fields as k
from accelsim.kernels.dram_stream import (
    K_FIELDS,
    K_LATENCY,
    K_NOW,
    K_OUTSTANDING,
    K_READS,
    offer,
)


class DramState(NamedTuple):
    """The matrices of `accelsim.kernels.dram_fields`, in the order in which kernels take them."""

    part: np.ndarray
    channels: np.ndarray
    banks: np.ndarray
    groups: np.ndarray
    ranks: np.ndarray
    slots: np.ndarray
    queue: np.ndarray
    reads: np.ndarray
    writes: np.ndarray
    filters: np.ndarray
    free: np.ndarray


def dram_state(part: np.ndarray, stacks: int = 1) -> DramState:
    """A DRAM at clock 0 with every row closed.

    Parameters
    ----------
    part : int64[T_FIELDS]
        See `accelsim.arch.parts.Part.vector`.
    stacks : int
        How many times the part is there; its channels are numbered stack by stack.
    """
    count, ranks = int(part[k.T_BANKS]), int(part[k.T_RANKS])
    channels = stacks * int(part[k.T_CHANNELS])
    groups = int(part[k.T_GROUPS])
    slots = int(part[k.T_READS] + part[k.T_WRITES] + count * part[k.T_DEPTH])
    channel = np.zeros((channels, k.C_COLUMNS), np.int64)
    channel[:, k.C_REFRESH_AT] = part[k.T_REFRESH_EVERY] or k.NEVER
    channel[:, k.C_FREE] = slots
    channel[:, [k.C_READS_FREED, k.C_WRITES_FREED, k.C_OPENED_FOR]] = -1
    bank = np.zeros((channels * count, k.B_COLUMNS), np.int64)
    number = np.arange(channels * count)
    bank[:, k.B_RANK] = number // (count // ranks)
    bank[:, k.B_GROUP] = number // (count // ranks // groups)
    bank[:, [k.B_ROW, k.B_READ_HIT, k.B_WRITE_HIT]] = -1
    bank[:, k.B_READY_AT] = k.NEVER
    return DramState(
        part=part,
        channels=channel,
        banks=bank,
        groups=np.zeros((channels * ranks * groups, k.G_COLUMNS), np.int64),
        ranks=np.zeros((channels * ranks, k.R_COLUMNS), np.int64),
        slots=np.zeros((channels * slots, k.S_COLUMNS), np.int64),
        queue=np.zeros(channels * count * int(part[k.T_DEPTH]), np.int64),
        reads=np.zeros(channels * int(part[k.T_READS]), np.int64),
        writes=np.zeros(channels * int(part[k.T_WRITES]), np.int64),
        filters=np.zeros(2 * channels * k.FILTER, np.int64),
        free=np.arange(channels * slots),
    )


def refreshes(part: np.ndarray, channels: int, clock_ps: int, total_ps: int) -> int:
    """Refresh commands of so many channels until a time, each of a rank.

    A channel without work is not looked at by the engines, and trains know refreshes only as time
    that they take, so counters of commands would lack them. They are due all the same: one every
    tREFI for every rank. A busy channel may be behind by the few that it owes.

    Parameters
    ----------
    part : int64[T_FIELDS]
    channels : int
        Of all stacks and chips.
    clock_ps, total_ps : int
    """
    every = int(part[k.T_REFRESH_EVERY]) * clock_ps
    return channels * (total_ps // every) if every else 0


@dataclass(frozen=True)
class StreamResult:
    """What a stream did. Clocks are those of the part; counts are of all channels."""

    requests: int
    clocks: int
    reads: int
    mean_read_latency_clocks: float
    read_commands: int
    write_commands: int
    activates: int
    precharges: int
    refreshes: int
    row_hit_rate: float
    channel_commands: np.ndarray  # int64[channels], reads and writes
    samples: np.ndarray  # int64[chunks, SAMPLE], after every chunk


# samples[chunk, .]: clock, column commands, those on a row that had served one, activates, entries
# of all read, write and command queues.
AT, COMMANDS, HITS, ACTIVATES, WAITING, SAMPLE = range(6)


Chunk = tuple[np.ndarray, np.ndarray]


def run_stream(
    part: np.ndarray, chunks: Iterable[Chunk], *, width: int, window: int = 0
) -> StreamResult:
    """Offer requests in order, as fast as the DRAM takes them, until all reads are back.

    Parameters
    ----------
    part : int64[T_FIELDS]
    chunks : iterable of (addresses, is_write)
        int64[n], bytes, and bool[n]; they are taken one after the other, so that a stream of any
        length needs the memory of one chunk.
    width : int
        Requests offered a clock; the first that is refused ends the clock's offer.
    window : int
        Most reads outstanding, 0 for no limit but the queues.

    Notes
    -----
    Latency is from the clock after acceptance to the last data beat. Up to 8 writes a channel
    may stay in the write queue at the end, as in DRAMsim3.
    """
    state = dram_state(part)
    # Distinct addresses that can wait or be on their way back.
    ring = 1 << (state.slots.shape[0] + 64 * int(part[k.T_CHANNELS])).bit_length()
    client = np.zeros(K_FIELDS, np.int64)
    back = np.zeros(ring, np.int64), np.zeros(ring, np.int64)
    channels = int(part[k.T_CHANNELS])
    held = np.zeros(channels * int(part[k.T_CLIENT]), np.int64), np.zeros((channels, 2), np.int64)
    requests = 0
    samples = []
    for addresses, is_write in chunks:
        addresses = np.ascontiguousarray(addresses, np.int64)
        is_write = np.ascontiguousarray(is_write, np.bool_)
        requests += addresses.size
        offer(*state, client, *back, *held, addresses, is_write, width, window, False)
        samples.append(_sample(state, int(client[K_NOW])))
    nothing = np.zeros(0, np.int64), np.zeros(0, np.bool_)
    clocks = int(offer(*state, client, *back, *held, *nothing, width, window, True))
    assert client[K_OUTSTANDING] >= 0
    sums = state.channels.sum(axis=0)
    commands = state.channels[:, k.C_READ_COMMANDS] + state.channels[:, k.C_WRITE_COMMANDS]
    return StreamResult(
        requests=requests,
        clocks=clocks,
        reads=int(client[K_READS]),
        mean_read_latency_clocks=float(client[K_LATENCY] / max(1, client[K_READS])),
        read_commands=int(sums[k.C_READ_COMMANDS]),
        write_commands=int(sums[k.C_WRITE_COMMANDS]),
        activates=int(sums[k.C_ACTIVATES]),
        precharges=int(sums[k.C_PRECHARGES]),
        refreshes=int(sums[k.C_REFRESHES]),
        row_hit_rate=float(sums[k.C_HITS] / max(1, commands.sum())),
        channel_commands=commands,
        samples=np.array(samples, np.int64).reshape(-1, SAMPLE),
    )


def _sample(state: DramState, clock: int) -> list[int]:
    sums = state.channels.sum(axis=0)
    return [
        clock,
        int(sums[k.C_READ_COMMANDS] + sums[k.C_WRITE_COMMANDS]),
        int(sums[k.C_HITS]),
        int(sums[k.C_ACTIVATES]),
        int(sums[k.C_QUEUED] + sums[k.C_READS] + sums[k.C_WRITES]),
    ]
