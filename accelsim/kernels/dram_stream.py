"""A client that offers a stream of requests to a request-level DRAM, in order.

At every clock it offers up to `width` requests and stops at the first that is refused.
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
    T_READ_DONE,
    T_SHIFT,
)
from accelsim.kernels.jit import kernel

# client[.]
K_NOW, K_OUTSTANDING, K_LATENCY, K_READS, K_HEAD, K_TAIL, K_LAST, K_OFFERED, K_FIELDS = range(9)


@kernel
def offer(
    part, channels, banks, groups, ranks, slots, queue, reads, writes, filters, free, client,
    back_at, back_count, addresses, is_write, width, window, drain,
):  # fmt: skip
    """Run until every request of a chunk is accepted, or with `drain` until all reads are back.

    Parameters
    ----------
    part .. free : see `accelsim.kernels.dram_fields`
    client : int64[K_FIELDS]
        Clock, reads outstanding, sum of latencies (accept to last beat), reads back, ring.
    back_at, back_count : int64[ring]
        Reads on their way back: when, and how many; a power of two above all that can be.
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
            wake = min(wake, channels[channel, C_WAKE])
        while offered < width and at < addresses.size:
            write = int(is_write[at])
            if not write and window > 0 and client[K_OUTSTANDING] >= window:
                break
            line = addresses[at] >> part[T_SHIFT]
            channel = channel_of(part, line)
            if not accepts(part, channels, channel, write):
                break
            slot = accept(
                part, channels, banks, slots, queue, reads, writes, filters, free, channel, line,
                write, now,
            )  # fmt: skip
            if not write:
                if slot < 0:  # from a waiting write, at the next clock
                    client[K_READS] += 1
                    client[K_LAST] = max(client[K_LAST], now + 1)
                else:
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
