"""A set-associative cache of lines: which accesses reach memory.

Two policies. `LRU` evicts what was used longest ago. `FIBRE` is that of GAMMA's FiberCache (Zhang,
Attaluri, Emer, Sanchez, ASPLOS 2021): a line that has been fetched ahead counts how many reads are
still to come; the line with the fewest is evicted, of equal ones the one used longest ago. Lines
are allocated on writes too, and written back when they are evicted.

Operations: `READ`; `WRITE`, which leaves the line dirty; `FETCH`, which announces a read;
`CONSUME`, the last read of a line, after which it is dropped and never written back.

Not modelled: time (the caller moves what the cache does not hold), misses that wait for a line
already on its way, banks.
"""

from __future__ import annotations

from numba import njit

READ, WRITE, FETCH, CONSUME = range(4)
LRU, FIBRE = range(2)

# outcome of an access
HIT, MISS = range(2)


@njit(cache=True)
def access(lines, operations, policy, tags, used, coming, dirty, clock, outcome, written):
    """Run accesses in order; the cache keeps its state for the next call.

    Parameters
    ----------
    lines : int64[n]
        Address over line size, not negative.
    operations : int8[n]
    policy : int
        LRU or FIBRE.
    tags : int64[sets, ways]
        Lines held, -1 for none; sets a power of two.
    used : int64[sets, ways]
        When each was used last.
    coming : int32[sets, ways]
        Reads announced and not yet done.
    dirty : bool[sets, ways]
    clock : int64[1]
        Accesses so far.
    outcome : int8[n]
        Out: HIT or MISS. A consumed line that is not held is a MISS, and is not allocated.
    written : int64[n]
        Out: lines written back, in order.

    Returns
    -------
    int64
        How many were written back.
    """
    sets, ways = tags.shape
    writes = 0
    now = clock[0]
    for at in range(lines.size):
        line = lines[at]
        operation = operations[at]
        here = line & (sets - 1)
        now += 1
        way = -1
        for other in range(ways):
            if tags[here, other] == line:
                way = other
                break
        outcome[at] = HIT if way >= 0 else MISS
        if operation == CONSUME:
            if way >= 0:
                tags[here, way] = -1
                dirty[here, way] = False
                coming[here, way] = 0
            continue
        if way < 0:
            way = 0
            for other in range(ways):
                if tags[here, other] < 0:
                    way = other
                    break
                if policy == FIBRE and coming[here, other] != coming[here, way]:
                    if coming[here, other] < coming[here, way]:
                        way = other
                elif used[here, other] < used[here, way]:
                    way = other
            if tags[here, way] >= 0 and dirty[here, way]:
                written[writes] = tags[here, way]
                writes += 1
            tags[here, way] = line
            coming[here, way] = 0
            dirty[here, way] = False
        used[here, way] = now
        if operation == FETCH:
            coming[here, way] += 1
        elif operation == READ:
            coming[here, way] = max(0, coming[here, way] - 1)
        else:
            dirty[here, way] = True
    clock[0] = now
    return writes
