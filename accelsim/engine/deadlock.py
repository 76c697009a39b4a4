"""What to say when an engine stops before every task has finished."""

from __future__ import annotations

import numpy as np

from accelsim.engine.program import Program
from accelsim.engine.schedule import DeadlockError

NAMED = 5


def require_finished(p: Program, grant: np.ndarray, start: np.ndarray, finish: np.ndarray) -> None:
    """Raise if a task has not finished, naming the first few and what each waits for.

    Parameters
    ----------
    p : Program
    grant, start, finish : int64[tasks], ps
        -1 where it has not happened.

    Raises
    ------
    DeadlockError
    """
    blocked = np.flatnonzero(finish < 0)
    if not blocked.size:
        return
    lines = [
        f"task {task} on '{p.units.name[p.unit[task]]}' {_waits_for(p, task, grant, start, finish)}"
        for task in blocked[:NAMED].tolist()
    ]
    more = f"; and {blocked.size - NAMED} more" if blocked.size > NAMED else ""
    raise DeadlockError(
        f"{blocked.size} of {p.tasks} tasks never finished: {'; '.join(lines)}{more}"
    )


def _waits_for(
    p: Program, task: int, grant: np.ndarray, start: np.ndarray, finish: np.ndarray
) -> str:
    preds = p.pred[p.pred_ptr[task] : p.pred_ptr[task + 1]]
    open_preds = preds[finish[preds] < 0]
    claims = slice(p.claim_ptr[task], p.claim_ptr[task + 1])
    if start[task] >= 0:
        return "started and waits for its memory requests"
    if open_preds.size:
        return f"waits for task {open_preds[0]} to finish"
    if claims.stop > claims.start and grant[task] < 0:
        wanted = ", ".join(
            f"{size} B of '{p.buffer_name[buffer]}'"
            for buffer, size in zip(
                p.claim_buffer[claims].tolist(), p.claim_bytes[claims].tolist(), strict=True
            )
        )
        return f"waits for {wanted}"
    return "is ready and waits for its unit"
