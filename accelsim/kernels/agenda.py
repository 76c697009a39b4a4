"""What is to come, and who must look at it: the heap of finishes, clock edges, and dirty stacks.

The matrices are those of `accelsim.kernels.fields`.
"""

from __future__ import annotations

from accelsim.kernels import heap
from accelsim.kernels.fields import (
    AGAIN_END,
    B_DIRTY,
    B_STACK,
    DIRTY_BUFFERS,
    DIRTY_UNITS,
    FIRST_EDGE,
    HEAP_SIZE,
    U_AT_EDGE,
    U_CLOCK,
    U_DIRTY,
    U_EDGE,
    U_NEXT_AT_EDGE,
    U_STACK,
)
from accelsim.kernels.jit import inlined
from accelsim.kernels.tournament import NEVER, set_time


@inlined
def round_up(time, clock):
    """Return the first edge of a clock at or after a time."""
    if clock == 1:
        return time
    return (time + clock - 1) // clock * clock


@inlined
def schedule(times, codes, scalars, time, code):
    """Let a finish or release happen later."""
    heap.push(times, codes, 0, scalars[HEAP_SIZE], time, code, False)
    scalars[HEAP_SIZE] += 1


@inlined
def this_instant(again, scalars, code):
    """Let a finish or release happen in the coming round of this instant."""
    again[scalars[AGAIN_END]] = code
    scalars[AGAIN_END] += 1


@inlined
def clock_edge(units, scalars, unit, now):
    """First edge of the unit's clock at or after now, remembered per clock."""
    edge = scalars[units[unit, U_EDGE]]
    if edge < now:
        edge += units[unit, U_CLOCK]
        if edge < now:
            edge = round_up(now, units[unit, U_CLOCK])
        scalars[units[unit, U_EDGE]] = edge
    return edge


@inlined
def mark_unit(units, scalars, unit):
    """Let the unit look for tasks to start in this round."""
    if units[unit, U_DIRTY] == 0:
        units[unit, U_DIRTY] = 1
        units[scalars[DIRTY_UNITS], U_STACK] = unit
        scalars[DIRTY_UNITS] += 1


@inlined
def mark_buffer(buffers, scalars, buffer):
    """Let the head of the buffer's line be looked at in this round."""
    if buffers[buffer, B_DIRTY] == 0:
        buffers[buffer, B_DIRTY] = 1
        buffers[scalars[DIRTY_BUFFERS], B_STACK] = buffer
        scalars[DIRTY_BUFFERS] += 1


@inlined
def wait_for_edge(units, scalars, tree, first_clock, unit, edge):
    """Let a unit look for tasks at the next edge of its clock."""
    if units[unit, U_AT_EDGE] == 0:
        units[unit, U_AT_EDGE] = 1
        clock = units[unit, U_EDGE] + 1
        units[unit, U_NEXT_AT_EDGE] = scalars[clock]
        if scalars[clock] < 0:
            set_time(tree, first_clock + ((clock - FIRST_EDGE) >> 1), edge)
        scalars[clock] = unit


@inlined
def clock_ticks(units, scalars, tree, source, clock):
    """An edge that units have waited for: all of them look for tasks."""
    set_time(tree, source, NEVER)
    unit = scalars[FIRST_EDGE + 2 * clock + 1]
    scalars[FIRST_EDGE + 2 * clock + 1] = -1
    while unit >= 0:
        units[unit, U_AT_EDGE] = 0
        mark_unit(units, scalars, unit)
        unit = units[unit, U_NEXT_AT_EDGE]
