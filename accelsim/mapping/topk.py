"""Top-k over a stream of scores: which unit does it, and what it costs."""

from __future__ import annotations

from accelsim.mapping.machine import INDEX, VECTOR, Core, Work

SCORE_BYTES = 4
# On vector lanes, where there is no index unit: radix select, 2 digits of 4 lane-operations a
# score (assumed).
VECTOR_TOPK_OPERATIONS = 8


def topk_work(
    core: Core,
    scores: int,
    *,
    score_bytes: int | None = None,
    streamed: bool = True,
    write_bytes: int = 0,
) -> tuple[int, Work]:
    """The unit and the work of a streaming top-k over scores: a comparison each on an index unit.

    An index unit takes the scores from the stream in which they are written, without a second
    read of the scratchpad; vector lanes read them.

    Parameters
    ----------
    core : Core
    scores : int
    score_bytes : int, optional
        Bytes of all scores, by default `SCORE_BYTES` each.
    streamed : bool
        False: they were written before, so that an index unit reads them, too.
    write_bytes : int
        Bytes of indices that are written.
    """
    index = core.index
    read = scores * SCORE_BYTES if score_bytes is None else score_bytes
    if index is None:
        return VECTOR, core.vector_work(scores * VECTOR_TOPK_OPERATIONS, read, write_bytes)
    cycles = max(1, -(-scores // index.compares_per_cycle))
    read = 0 if streamed else read
    work = Work(cycles, cycles, cycles, read_bytes=read, write_bytes=write_bytes, operations=scores)
    return INDEX, core.charged(INDEX, work)
