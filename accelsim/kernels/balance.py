"""Work items on PEs: who takes which, and when the last is done.

Four policies. *Static*: item i belongs to PE i mod PEs, or items lie in equal blocks. *Greedy*:
longest item first, each to the least loaded PE (SparTen's density grouping does this in hardware
words: whole filters sorted by nonzeros). *Dynamic queue*: items in order, each to the PE that is
free first (of equal ones the lowest). *Stealing*: static blocks; a PE that runs dry takes the
second half of the items that the PE with the most remaining cycles has not begun.

Not modelled: the network that carries an item to its PE (`cost` is charged to the taker), items
that are cut in two.
"""

from __future__ import annotations

import numpy as np
from numba import njit

STATIC_BLOCKS, STATIC_ROUND_ROBIN, GREEDY, DYNAMIC_QUEUE, STEALING = range(5)


@njit(cache=True, error_model="numpy")
def _sift_down(free, name, size):
    """Restore a heap on (free, name) after its root was raised."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            return
        right = child + 1
        if right < size and (
            free[right] < free[child] or (free[right] == free[child] and name[right] < name[child])
        ):
            child = right
        if free[at] < free[child] or (free[at] == free[child] and name[at] < name[child]):
            return
        free[at], free[child] = free[child], free[at]
        name[at], name[child] = name[child], name[at]
        at = child


@njit(cache=True, error_model="numpy")
def _in_order(cycles, order, first, last, cost, busy, finish):
    """Items first..last of `order`, each to the PE that is free first; returns the makespan."""
    pes = busy.size
    free = np.zeros(pes, np.int64)
    name = np.arange(pes)
    end = 0
    for at in range(first, last):
        item = order[at]
        if cycles[item] == 0:
            continue
        busy[name[0]] += cycles[item]
        free[0] += cycles[item] + cost
        finish[item] += free[0]
        end = max(end, free[0])
        _sift_down(free, name, pes)
    return end


@njit(cache=True, error_model="numpy")
def _static(cycles, first, last, blocks, cost, busy, finish):
    pes = busy.size
    free = np.zeros(pes, np.int64)
    count = last - first
    for at in range(count):
        pe = at * pes // count if blocks else at % pes
        work = cycles[first + at]
        if work > 0:
            busy[pe] += work
            free[pe] += work + cost
            finish[first + at] += free[pe]
    end = 0
    for pe in range(pes):
        end = max(end, free[pe])
    return end


@njit(cache=True, error_model="numpy")
def _stealing(cycles, first, last, cost, busy, finish):
    pes = busy.size
    count = last - first
    total = np.zeros(count + 1, np.int64)  # cycles of the items before
    for at in range(count):
        total[at + 1] = total[at] + cycles[first + at]
    begin = np.empty(pes, np.int64)
    stop = np.empty(pes, np.int64)
    free = np.zeros(pes, np.int64)
    for pe in range(pes):
        begin[pe] = (pe * count + pes - 1) // pes
        stop[pe] = ((pe + 1) * count + pes - 1) // pes
    end = 0
    while True:
        # The PE that is free first, among those that have or may get items.
        pe = 0
        for other in range(1, pes):
            if free[other] < free[pe]:
                pe = other
        if begin[pe] == stop[pe]:
            victim = -1
            for other in range(pes):
                left = total[stop[other]] - total[begin[other]]
                if left > 0 and (victim < 0 or left > total[stop[victim]] - total[begin[victim]]):
                    victim = other
            if victim < 0:
                return end
            taken = (stop[victim] - begin[victim] + 1) // 2
            stop[victim] -= taken
            begin[pe], stop[pe] = stop[victim], stop[victim] + taken
            free[pe] += cost
        item = first + begin[pe]
        work = cycles[item]
        begin[pe] += 1
        busy[pe] += work
        free[pe] += work
        if work > 0:
            finish[item] += free[pe]
            end = max(end, free[pe])


@njit(cache=True, error_model="numpy")
def assign(cycles, pes, policy, cost, barrier, busy, finish):
    """Makespan of work items on equal PEs.

    Parameters
    ----------
    cycles : int64[items]
        0 is no work and costs nothing.
    pes : int
    policy : int
        STATIC_BLOCKS, STATIC_ROUND_ROBIN, GREEDY, DYNAMIC_QUEUE or STEALING.
    cost : int, cycles
        Of every dispatch, or of every theft.
    barrier : int
        All PEs wait for each other after barrier x PEs items; 0, only at the end.
    busy : int64[pes]
        Cycles of the items that each PE did are added.
    finish : int64[items]
        Out: when each item is done; an item without work, when the barrier before it is passed.

    Returns
    -------
    int
        Cycles until the last item is done.
    """
    items = cycles.size
    step = barrier * pes if barrier > 0 else max(1, items)
    end = 0
    order = np.arange(items)
    for first in range(0, items, step):
        last = min(items, first + step)
        finish[first:last] = end  # what comes before the barrier
        if policy <= STATIC_ROUND_ROBIN:
            end += _static(cycles, first, last, policy == STATIC_BLOCKS, cost, busy, finish)
        elif policy == STEALING:
            end += _stealing(cycles, first, last, cost, busy, finish)
        else:
            if policy == GREEDY:
                order[first:last] = first + np.argsort(-cycles[first:last], kind="mergesort")
            end += _in_order(cycles, order, first, last, cost, busy, finish)
    return end
