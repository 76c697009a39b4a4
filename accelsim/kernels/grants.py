"""Finishes and claims: what a finish provides, and which claims can be granted.

The matrices are those of `accelsim.kernels.fields`.
"""

from __future__ import annotations

from accelsim.kernels.agenda import mark_buffer
from accelsim.kernels.fields import (
    B_FREE,
    B_HEAD,
    B_LINE_END,
    BLAME,
    CAUSE,
    CLAIM_BUFFER,
    CLAIM_BYTES,
    CLAIM_LEFT,
    FINISHED_AT,
    FINISHED_BY,
    GRANT,
    READY,
    SERVER_FREE,
    WAITS_FOR_NOTHING,
)
from accelsim.kernels.jit import inlined


@inlined
def provides(result, task, after, now):
    """A predecessor finishes; returns whether the successor then waits for nothing."""
    if result[SERVER_FREE, after] != now:  # the last finish of a predecessor so far
        result[SERVER_FREE, after] = now
        result[BLAME, after] = task
    elif result[BLAME, after] < task:
        result[BLAME, after] = task
    result[READY, after] += 1
    return result[READY, after] == WAITS_FOR_NOTHING


@inlined
def note_finish(scalars, task, now):
    """Keep the highest task that finished at this instant."""
    if scalars[FINISHED_AT] != now:
        scalars[FINISHED_AT] = now
        scalars[FINISHED_BY] = task
    elif scalars[FINISHED_BY] < task:
        scalars[FINISHED_BY] = task


@inlined
def release_claims(releases_ptr, claims, releases, buffers, scalars, task):
    """Count down the claims that this task helps to release."""
    for entry in range(releases_ptr[task], releases_ptr[task + 1]):
        claim = releases[entry]
        claims[claim, CLAIM_LEFT] -= 1
        if claims[claim, CLAIM_LEFT] == 0:
            buffer = claims[claim, CLAIM_BUFFER]
            buffers[buffer, B_FREE] += claims[claim, CLAIM_BYTES]
            mark_buffer(buffers, scalars, buffer)


@inlined
def take_bytes(claims, buffers, first, end):
    """Take the bytes of some claims, all or none; returns whether they fitted."""
    for claim in range(first, end):
        buffer = claims[claim, CLAIM_BUFFER]
        buffers[buffer, B_FREE] -= claims[claim, CLAIM_BYTES]
        if buffers[buffer, B_FREE] < 0:
            for taken in range(first, claim + 1):
                buffers[claims[taken, CLAIM_BUFFER], B_FREE] += claims[taken, CLAIM_BYTES]
            return False
    return True


@inlined
def grant_head(claim_ptr, result, claims, buffers, line, scalars, buffer, now):
    """Grant all claims of the task at the head of a buffer's line; returns it, or -1."""
    at = buffers[buffer, B_HEAD]
    if at == buffers[buffer, B_LINE_END]:
        return -1
    task = line[at]
    if result[READY, task] != WAITS_FOR_NOTHING:  # a predecessor, or the head of another line
        return -1
    first, end = claim_ptr[task], claim_ptr[task + 1]
    if not take_bytes(claims, buffers, first, end):
        return -1
    for claim in range(first, end):
        named = claims[claim, CLAIM_BUFFER]
        head = buffers[named, B_HEAD]
        if head < buffers[named, B_LINE_END] and line[head] == task:  # else named twice
            buffers[named, B_HEAD] = head + 1
            if head + 1 < buffers[named, B_LINE_END]:
                after = line[head + 1]
                result[READY, after] += 1
                if result[READY, after] == WAITS_FOR_NOTHING:
                    mark_buffer(buffers, scalars, named)
    result[GRANT, task] = now
    result[CAUSE, task] = scalars[FINISHED_BY] if scalars[FINISHED_AT] == now else -1
    return task
