"""A client that offers a stream of requests to a request-level DRAM, in order.

At every clock it offers up to `width` requests and stops at the first that is refused. With
`T_CLIENT` entries a channel, a request that finds no room waits there, and others pass it.
"""

from __future__ import annotations

from accelsim.kernels.dram import accept, accepts, tick
from accelsim.kernels.dram_commands import channel_of
from accelsim.kernels.dram_fields import (
    C_QUEUED,
    C_READS,
    C_WAKE,
    NEVER,
    S_ADDED,
    S_COUNT,
    T_CHANNELS,
    T_CLIENT,
    T_READ_DONE,
    T_SHIFT,
)
from accelsim.kernels.jit import inlined, kernel

# client[.]
K_NOW, K_OUTSTANDING, K_LATENCY, K_READS, K_HEAD, K_TAIL, K_LAST, K_OFFERED, K_FIELDS = range(9)


@inlined
def _note(client, slot, write, now):
    """A read that was accepted may need no command: it comes from a waiting write at once."""
    if not write and slot < 0:
        client[K_READS] += 1
        client[K_OUTSTANDING] -= 1
        client[K_LAST] = max(client[K_LAST], now + 1)


@kernel
def offer(
    part, channels, banks, groups, ranks, slots, queue, reads, writes, filters, free, client,
    back_at, back_count, held, held_ends, addresses, is_write, width, window, drain,
):  # fmt: skip
    """Run until every request of a chunk is accepted, or with `drain` until all reads are back.

    Parameters
    ----------
    part .. free : see `accelsim.kernels.dram_fields`
    client : int64[K_FIELDS]
        Clock, reads outstanding, sum of latencies (accept to last beat), reads back, ring.
    back_at, back_count : int64[ring]
        Reads on their way back: when, and how many; a power of two above all that can be.
    held : int64[channels * T_CLIENT]
        Rings of requests that wait for their channel: request address << 1 | write.
    held_ends : int64[channels, 2]
        Requests that have left and entered each ring.
    addresses : int64[n], bytes
    is_write : bool[n]
    width, window : int
        Requests a clock; most reads outstanding, 0 for no limit but the queues.
    drain : bool
    """
    mask = back_at.size - 1
    now = client[K_NOW]
    at = 0
    offered = client[K_OFFERED]
    while True:
        while client[K_HEAD] < client[K_TAIL] and back_at[client[K_HEAD] & mask] <= now:
            client[K_OUTSTANDING] -= back_count[client[K_HEAD] & mask]
            client[K_HEAD] += 1
        wake = NEVER
        for channel in range(part[T_CHANNELS]):
            if channels[channel, C_WAKE] <= now:
                slot = tick(
                    part, channels, banks, groups, ranks, slots, queue, reads, writes, filters,
                    free, channel, now,
                )  # fmt: skip
                if slot >= 0:
                    done = now + part[T_READ_DONE]
                    client[K_LATENCY] += done * slots[slot, S_COUNT] - slots[slot, S_ADDED]
                    client[K_READS] += slots[slot, S_COUNT]
                    back_at[client[K_TAIL] & mask] = done
                    back_count[client[K_TAIL] & mask] = slots[slot, S_COUNT]
                    client[K_TAIL] += 1
                    client[K_LAST] = max(client[K_LAST], done)
            while held_ends[channel, 0] < held_ends[channel, 1]:
                first = channel * part[T_CLIENT] + held_ends[channel, 0] % part[T_CLIENT]
                write = held[first] & 1
                if not accepts(part, channels, channel, write):
                    break
                held_ends[channel, 0] += 1
                slot = accept(
                    part, channels, banks, slots, queue, reads, writes, filters, free, channel,
                    held[first] >> 1, write, now,
                )  # fmt: skip
                _note(client, slot, write, now)
            wake = min(wake, channels[channel, C_WAKE])
        while offered < width and at < addresses.size:
            write = int(is_write[at])
            if not write and window > 0 and client[K_OUTSTANDING] >= window:
                break
            line = addresses[at] >> part[T_SHIFT]
            channel = channel_of(part, line)
            begin, end = held_ends[channel, 0], held_ends[channel, 1]
            if begin < end or not accepts(part, channels, channel, write):
                if end - begin == part[T_CLIENT]:
                    break
                held[channel * part[T_CLIENT] + end % part[T_CLIENT]] = line << 1 | write
                held_ends[channel, 1] += 1
            else:
                slot = accept(
                    part, channels, banks, slots, queue, reads, writes, filters, free, channel,
                    line, write, now,
                )  # fmt: skip
                _note(client, slot, write, now)
            if not write:
                client[K_OUTSTANDING] += 1
            wake = min(wake, channels[channel, C_WAKE])
            at += 1
            offered += 1
        if at == addresses.size:
            if not drain:
                break
            waits = 0
            for channel in range(part[T_CHANNELS]):
                waits += channels[channel, C_QUEUED] + channels[channel, C_READS]
                waits += held_ends[channel, 1] - held_ends[channel, 0]
            if waits == 0 and client[K_LAST] <= now:
                break
            if waits == 0:
                wake = min(wake, client[K_LAST])
        elif offered == width:
            wake = now + 1
        elif client[K_HEAD] < client[K_TAIL]:
            wake = min(wake, max(now + 1, back_at[client[K_HEAD] & mask]))
        now = wake
        offered = 0
    client[K_NOW] = now
    client[K_OFFERED] = offered
    return now
