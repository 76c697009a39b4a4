"""SIGMA's controller as STONNE runs it: serial iterations, distribution ports, collection lines.

Stationary vectors (rows of A, or columns of B) lie on `num_ms` multipliers; the vectors of the
other operand are streamed past them. The rules were observed on STONNE (Munoz-Martinez et al.,
IISWC 2021); the shape of its reduction tree and the order of its collection lines are its
ASNetwork's and its ART compiler's.

1. Whole vectors are packed in order, nonzeros on consecutive multipliers; the first that does not
   fit ends the group. A longer one than `num_ms` runs alone, num_ms nonzeros and then num_ms - 1 a
   pass (multiplier 0 brings its partial sum back).
2. A group is an iteration; iterations do not overlap. Port p of `dn_bw` owns num_ms / dn_bw
   consecutive multipliers and sends a packet a cycle: each weight by itself, then for every
   streamed vector one packet a distinct column that its multipliers use, zeros included.
3. A cluster (the multipliers of one vector) is added up in a tree, a cycle a level. Neighbouring
   adders with different parents share a forwarding link (a cycle more): the smaller side crosses
   it if it is a single adder. A cluster leaves at the first level where one adder holds all of it.
4. That adder's collection line (static; both adders of a forwarding pair share one) takes an
   output a cycle; the write queue is left by ceil(waiting / 2) a cycle.

An empty vector makes no cluster and costs nothing; a single nonzero leaves at the lowest adder.

Not modelled: what STONNE does with those two (it hangs, or reports wrong values).
"""

from __future__ import annotations

import numpy as np
from numba import njit

# iterations[i, .]
CYCLES, MULTIPLICATIONS, OUTPUTS, NONZEROS, ITERATION_COLUMNS = range(5)


@njit(cache=True)
def count_iterations(indptr, num_ms):
    """How many iterations the vectors take."""
    count = 0
    used = 0
    for vector in range(indptr.size - 1):
        size = indptr[vector + 1] - indptr[vector]
        if size == 0:
            continue
        if size > num_ms:
            count += (used > 0) + 1 + -(-(size - num_ms) // (num_ms - 1))
            used = 0
        elif used + size > num_ms:
            count += 1
            used = size
        else:
            used += size
    return count + (used > 0)


@njit(cache=True)
def _collection_line(level, adder, levels, lines):
    """Line of an adder; level 0 is the root, with 2^level adders in a level."""
    last = (1 << level) - 1
    if 0 < adder < last:  # one of a forwarding pair: (1, 2), (3, 4), ...
        pairs = 0
        for above in range(1, level):
            pairs += max(0, (1 << above) // 2 - 1)
        return (pairs + (adder - 1) // 2) % lines
    doubles = 0
    for other in range(1, levels):
        doubles += 2 * max(0, (1 << other) // 2 - 1)
    if level == 0:
        single = 0
    else:
        single = 1 + 2 * (level - 1) + (1 if adder > 0 else 0)
    return (single + doubles) % lines


@njit(cache=True)
def _reduce(first, last, levels, delay):
    """Delays from arrival at the multipliers first..last of a cluster to the exit of its sum.

    `delay : int64[multipliers]` is filled for them; returns (level, adder) of the exit.
    """
    for at in range(first, last + 1):
        delay[at] = 0
    low, high = first, last
    height = 0
    while True:
        height += 1
        level = levels - height
        adders = 1 << level
        left, right = low >> 1, high >> 1
        # The pair of adders (odd, even) at either end may be joined by its forwarding link.
        new_left, new_right = left, right
        at = right - 1
        if right % 2 == 0 and at >= left and at >= 1 and right <= adders - 2:
            if 2 * at + 2 - low >= high - 2 * at - 1:
                new_right = at
                for m in range(max(first, right << height), last + 1):
                    delay[m] += 1
        if new_right > left and left % 2 == 1 and left + 1 <= adders - 2:
            if 2 * left + 2 - low < high - 2 * left - 1:
                new_left = left + 1
                for m in range(first, min(last + 1, (left + 1) << height)):
                    delay[m] += 1
        low, high = new_left, new_right
        if low == high:
            for m in range(first, last + 1):
                delay[m] += height + 1  # the product itself takes a cycle
            return level, low


@njit(cache=True)
def _line_times(intercept, slope, terms, vector):
    """Largest of intercept + slope x vector."""
    best = np.int64(0)
    for at in range(terms):
        best = max(best, intercept[at] + slope[at] * vector)
    return best


@njit(cache=True)
def _drain(exits, lines_of, clusters, streamed, seen, arrivals):
    """Cycle in which the last output is written.

    `exits : int64[clusters, streamed]`, rising along a row; `lines_of : int64[clusters]`;
    `seen`, `arrivals : int64[cycles]`, zero, and left zero.
    """
    longest = np.int64(0)
    earliest = exits[0, 0]
    for cluster in range(clusters):
        earliest = min(earliest, exits[cluster, 0])
        longest = max(longest, exits[cluster, streamed - 1])
    end = np.int64(0)
    for cluster in range(clusters):
        line = lines_of[cluster]
        mates = 0
        taken = False
        for other in range(clusters):
            if lines_of[other] == line:
                taken = taken or other < cluster
                mates += 1
        if taken:
            continue
        if mates == 1:
            free = np.int64(0)
            for v in range(streamed):
                free = max(exits[cluster, v], free) + 1
                arrivals[free - earliest] += 1
            end = max(end, free)
            continue
        for other in range(cluster, clusters):
            if lines_of[other] == line:
                for v in range(streamed):
                    seen[exits[other, v] - earliest] += 1
        left = np.int64(mates * streamed)
        waiting = np.int64(0)
        at = np.int64(0)
        while left > 0:
            if at < seen.size:
                waiting += seen[at]
                seen[at] = 0
            at += 1
            if waiting > 0:
                waiting -= 1
                left -= 1
                arrivals[at] += 1
        end = max(end, earliest + at)
    waiting = np.int64(0)
    cycle = np.int64(0)
    while cycle <= end - earliest or waiting > 0:
        if cycle <= end - earliest:
            waiting += arrivals[cycle]
            arrivals[cycle] = 0
        waiting //= 2
        cycle += 1
    return earliest + cycle - 1


@njit(cache=True)
def _port(column, first, last, weights, ranks, marker, stamp):
    """Rank the distinct columns of a port's multipliers by column; returns how many there are."""
    count = 0
    for m in range(first, last):
        if column[m] >= 0 and marker[column[m]] != stamp:
            marker[column[m]] = stamp
            weights[count] = column[m]
            count += 1
    order = np.sort(weights[:count])
    for m in range(first, last):
        if column[m] >= 0:
            ranks[m] = np.searchsorted(order, column[m])
    return count


@njit(cache=True)
def flexible_serial(indptr, indices, columns, streamed, num_ms, dn_bw, rn_bw, iterations):
    """Run the controller over all stationary vectors.

    Parameters
    ----------
    indptr : int64[vectors + 1]
    indices : int32[nnz]
        Nonzeros of the stationary vectors.
    columns : int
        K.
    streamed : int
        Vectors of the other operand.
    num_ms, dn_bw, rn_bw : int
        Multipliers (a power of two), distribution ports (a divisor), collection lines.
    iterations : int64[count_iterations, ITERATION_COLUMNS]
        Out.

    Returns
    -------
    int
        Cycles.
    """
    per_port = num_ms // dn_bw
    tree = 1 if per_port > 1 else 0
    levels = 0
    while (1 << levels) < num_ms:
        levels += 1
    column = np.empty(num_ms, np.int64)
    delay = np.zeros(num_ms, np.int64)
    ranks = np.zeros(num_ms, np.int64)
    weights = np.zeros(num_ms, np.int64)
    marker = np.full(columns, np.int64(-1))
    intercept = np.empty(num_ms + 1, np.int64)
    slope = np.empty(num_ms + 1, np.int64)
    start = np.empty(dn_bw, np.int64)
    distinct = np.empty(dn_bw, np.int64)
    bounds = np.empty(num_ms + 1, np.int64)
    lines_of = np.empty(num_ms, np.int64)
    most = num_ms * streamed + (num_ms + columns + 8) * (streamed + 2) + 4 * levels + 16
    seen = np.zeros(most, np.int64)
    arrivals = np.zeros(most, np.int64)
    exits = np.empty((num_ms, streamed), np.int64)
    vector = 0
    inside = np.int64(0)  # nonzeros of the present vector that are done
    total = np.int64(0)
    stamp = np.int64(0)
    number = 0
    vectors = indptr.size - 1
    while True:
        # Pack the next group; bounds[i] is where cluster i begins.
        clusters = 0
        used = 0
        again = inside > 0
        column[:] = -1
        while vector < vectors:
            size = indptr[vector + 1] - indptr[vector] - inside
            if size == 0:
                vector += 1
                inside = np.int64(0)
                continue
            if used + size > num_ms and used > 0:
                break
            bounds[clusters] = used
            if again:
                used = 1  # multiplier 0 holds the partial sum
            take = min(size, num_ms - used)
            begin = indptr[vector] + inside
            for at in range(take):
                column[used + at] = indices[begin + at]
            used += take
            clusters += 1
            if take < size or again:
                inside += take
                if take == size:
                    vector += 1
                    inside = np.int64(0)
                break
            vector += 1
        if clusters == 0:
            return total
        bounds[clusters] = used
        for port in range(dn_bw):
            first = port * per_port
            loaded = 0
            for m in range(first, first + per_port):
                loaded += column[m] >= 0
            stamp += 1
            distinct[port] = _port(column, first, first + per_port, weights, ranks, marker, stamp)
            sums = streamed if again and port == 0 else 0
            start[port] = max(2, 1 + sums + loaded)
        for cluster in range(clusters):
            first, last = bounds[cluster], bounds[cluster + 1] - 1
            level, adder = _reduce(first, last, levels, delay)
            lines_of[cluster] = _collection_line(level, adder, levels, rn_bw)
            terms = 0
            m = first
            while m <= last:
                port = m // per_port
                stop = min(last + 1, (port + 1) * per_port)
                latest = np.int64(-1)
                while m < stop:
                    if column[m] >= 0:
                        latest = max(latest, ranks[m] + delay[m])
                    else:  # the partial sum, sent first, a packet a vector
                        intercept[terms] = 2 + tree + delay[m]
                        slope[terms] = 1
                        terms += 1
                    m += 1
                if latest >= 0:
                    # Of equal slopes only the latest matters.
                    value = latest + start[port] + tree
                    found = -1
                    for other in range(terms):
                        if slope[other] == distinct[port]:
                            found = other
                            break
                    if found < 0:
                        found = terms
                        slope[found] = distinct[port]
                        intercept[found] = value
                        terms += 1
                    intercept[found] = max(intercept[found], value)
            for v in range(streamed):
                exits[cluster, v] = _line_times(intercept, slope, terms, v)
        end = np.int64(1)
        if streamed > 0:
            end = _drain(exits, lines_of, clusters, streamed, seen, arrivals) + 1
        nonzeros = used - again
        iterations[number, CYCLES] = end
        iterations[number, MULTIPLICATIONS] = nonzeros * streamed
        iterations[number, OUTPUTS] = clusters * streamed
        iterations[number, NONZEROS] = nonzeros
        number += 1
        total += end
