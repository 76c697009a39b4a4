"""Units: which task starts next, why not earlier, and when its server is free again.

The matrices are those of `accelsim.kernels.fields`; `queue`, `ready_key` : int64[tasks], by unit.
"""

from __future__ import annotations

from accelsim.kernels import heap
from accelsim.kernels.agenda import clock_edge, mark_unit, schedule, this_instant
from accelsim.kernels.fields import (
    BLAME,
    BUFFER,
    CAUSE,
    DEPENDENCY,
    EXPRESS_END,
    FINISH,
    FINISHES,
    FINISHES_AND_RELEASES,
    GRANT,
    NONE,
    READY,
    RELEASES,
    SERVER,
    SERVER_FREE,
    START,
    TURN,
    U_BUSY,
    U_CLOCK,
    U_EXPRESS,
    U_IN_ORDER,
    U_LIMITED,
    U_NEXT,
    U_PREVIOUS,
    U_QUEUE,
    U_QUEUE_END,
    U_QUEUED,
    U_RELEASED_AT,
    U_RELEASED_BY,
    U_SERVERS,
    U_STOPPED_FULL,
    U_STOPPED_FULL_BY,
)
from accelsim.kernels.jit import inlined


@inlined
def becomes_ready(unit_of, result, units, queue, ready_key, express, scalars, task, now):
    """Queue a task whose predecessors have finished and whose claims are granted."""
    result[READY, task] = now
    unit = unit_of[task]
    if units[unit, U_EXPRESS] and clock_edge(units, scalars, unit, now) == now:
        # Nothing can hold it up, so it need not go through the queue.
        express[scalars[EXPRESS_END]] = task
        scalars[EXPRESS_END] += 1
    elif units[unit, U_IN_ORDER]:
        if queue[units[unit, U_NEXT]] == task:
            mark_unit(units, scalars, unit)
    else:
        heap.push(ready_key, queue, units[unit, U_QUEUE], units[unit, U_QUEUED], now, task, True)
        units[unit, U_QUEUED] += 1
        mark_unit(units, scalars, unit)


@inlined
def next_task(result, units, queue, unit):
    """Return the place in the queue of the task that would start next, -1 if none is ready."""
    if units[unit, U_IN_ORDER]:
        at = units[unit, U_NEXT]
        if at == units[unit, U_QUEUE_END] or result[READY, queue[at]] < 0:
            return -1
        return at
    return units[unit, U_QUEUE] if units[unit, U_QUEUED] > 0 else -1


@inlined
def take_next(units, queue, ready_key, unit):
    """Take the task that starts next out of the queue."""
    units[unit, U_BUSY] += 1
    if units[unit, U_IN_ORDER]:
        units[unit, U_NEXT] += 1
    else:
        heap.pop(ready_key, queue, units[unit, U_QUEUE], units[unit, U_QUEUED], True)
        units[unit, U_QUEUED] -= 1


@inlined
def why(result, units, unit, task, now):
    """Name what the start waited for: the first whose time, rounded up, is now."""
    # now is an edge, so a time at or before it rounds up to it if it is less than a clock ago.
    before = max(now - units[unit, U_CLOCK], -1)
    previous = units[unit, U_PREVIOUS]
    if result[SERVER_FREE, task] > before:
        result[CAUSE, task] = DEPENDENCY  # blame was kept while the predecessors finished
    elif result[GRANT, task] > before:
        result[BLAME, task] = result[CAUSE, task]
        result[CAUSE, task] = BUFFER
    elif units[unit, U_STOPPED_FULL] > before:
        result[CAUSE, task] = SERVER
        result[BLAME, task] = units[unit, U_STOPPED_FULL_BY]
    elif units[unit, U_IN_ORDER] and previous >= 0 and result[START, previous] == now:
        result[CAUSE, task] = TURN
        result[BLAME, task] = previous
    else:
        result[CAUSE, task] = NONE


@inlined
def serve(occupancy, latency, result, units, times, codes, again, scalars, unit, task, now):
    """Schedule the finish of a service task and the release of its server."""
    free = now + occupancy[task]
    finish = now + latency[task]
    result[SERVER_FREE, task] = free
    result[FINISH, task] = finish
    code = task * 4 + FINISHES
    if units[unit, U_LIMITED]:
        if free == finish:
            code = task * 4 + FINISHES_AND_RELEASES
        elif free == now:
            this_instant(again, scalars, task * 4 + RELEASES)
        else:
            schedule(times, codes, scalars, free, task * 4 + RELEASES)
    if finish == now:
        this_instant(again, scalars, code)
    else:
        schedule(times, codes, scalars, finish, code)


@inlined
def release_server(units, scalars, unit, task, now):
    """Free a server, and note since when the unit is no longer full, and thanks to whom."""
    if units[unit, U_RELEASED_AT] != now:
        units[unit, U_RELEASED_AT] = now
        units[unit, U_RELEASED_BY] = task
    elif units[unit, U_RELEASED_BY] < task:
        units[unit, U_RELEASED_BY] = task
    if units[unit, U_BUSY] == units[unit, U_SERVERS]:
        units[unit, U_STOPPED_FULL] = now
    if units[unit, U_STOPPED_FULL] == now:
        units[unit, U_STOPPED_FULL_BY] = units[unit, U_RELEASED_BY]
    units[unit, U_BUSY] -= 1
    mark_unit(units, scalars, unit)
