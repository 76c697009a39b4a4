"""Credits of a port: a line in flight takes one and gives it back when it completes.

A completion is no event: its time is noted, and counted when the port next looks.
"""

from __future__ import annotations

from accelsim.kernels.fields import P_BASE, P_HEAD, P_IN_FLIGHT, P_MASK, P_TAIL
from accelsim.kernels.jit import inlined


@inlined
def complete_at(ports, completions, port, time):
    """Note that a line completes at a time, never before those noted earlier."""
    at = ports[port, P_BASE] + (ports[port, P_TAIL] & ports[port, P_MASK])
    ports[port, P_TAIL] += 1
    completions[at] = time


@inlined
def take_credits(ports, completions, port, now):
    """Count off the lines that have completed by now."""
    while ports[port, P_HEAD] != ports[port, P_TAIL]:
        at = ports[port, P_BASE] + (ports[port, P_HEAD] & ports[port, P_MASK])
        if completions[at] > now:
            break
        ports[port, P_HEAD] += 1
        ports[port, P_IN_FLIGHT] -= 1
