"""Top-k over a stream of scores: which unit does it, and what it costs."""

from __future__ import annotations

from accelsim.mapping.machine import INDEX, VECTOR, Machine, Work

SCORE_BYTES = 4
# On vector lanes, where there is no index unit: radix select, 2 digits of 4 lane-operations a
# score (assumed).
VECTOR_TOPK_OPERATIONS = 8


def topk_work(machine: Machine, scores: int) -> tuple[int, Work]:
    """The unit and the work of a streaming top-k over scores.

    An index unit takes the scores from the stream in which they are written, without a second
    read of the scratchpad; vector lanes read them.
    """
    index = machine.arch.index
    if index is None:
        work = machine.vector_work(scores * VECTOR_TOPK_OPERATIONS, scores * SCORE_BYTES, 0)
        return VECTOR, work
    cycles = max(1, -(-scores // index.compares_per_cycle))
    return INDEX, Work(cycles, cycles, cycles)
