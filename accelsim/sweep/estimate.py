"""What a sweep would do and how long it would take, from a few of its points."""

from __future__ import annotations

import time
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from accelsim.sweep.design import Design, LeftOut
from accelsim.sweep.plan import Plan
from accelsim.sweep.running import Progress, Shard, designer_of, job_of
from accelsim.sweep.store import Store
from accelsim.sweep.worker import run_job

SAMPLE_POINTS = 4
SAMPLE_SECONDS = 30.0


class Estimate(NamedTuple):
    """What a run would do.

    `points` : of the plan, or the shard. Of them `left_out` by constraints, `found` finished,
    `refused` : architectures that do not check, by what is wrong; `to_run` : the rest.
    `seconds_each` : of a point in one process, mean of a few once kernels are compiled; None
    where none is left to run.
    """

    points: int
    left_out: int
    found: int
    refused: Counter[str]
    to_run: int
    seconds_each: float | None


def estimate(
    plan: str | Path | Plan,
    out: str | Path,
    *,
    costs: str | None = None,
    shard: Shard = Shard(),
    progress: Progress | None = None,
) -> Estimate:
    """Count the points of a sweep and time a few of them; nothing is kept."""
    designer = designer_of(plan, costs)
    store = Store(out)
    points = left_out = found = 0
    refused: Counter[str] = Counter()
    missing: dict[str, Design] = {}
    for design in designer.designs():
        if not shard.has(design.point.number):
            continue
        points += 1
        if isinstance(design, LeftOut):
            left_out += 1
        elif design.arch is None:
            refused[design.refused] += 1
        elif store.finished(design.key) or design.key in missing:
            found += 1
        else:
            missing[design.key] = design
    each = _seconds_each(list(missing.values()), progress)
    return Estimate(points, left_out, found, refused, len(missing), each)


def _seconds_each(designs: list[Design], progress: Progress | None) -> float | None:
    """Time points that lie far apart, for `SAMPLE_SECONDS` at most."""
    if not designs:
        return None
    step = max(1, len(designs) // SAMPLE_POINTS)
    sample = list(islice(designs, step // 2, None, step))[:SAMPLE_POINTS]
    spent: list[float] = []
    made = {type(design.arch.array): design for design in sample if design.arch is not None}
    firsts = list(made.values())  # the first on each kind of array compiles
    for number, design in enumerate([*firsts, *sample]):
        if progress is not None:
            progress("timing a few points", number, len(firsts) + len(sample))
        began = time.perf_counter()
        run_job(job_of(design))
        spent.append(time.perf_counter() - began)
        if sum(spent[len(firsts) :]) > SAMPLE_SECONDS:
            break
    timed = spent[len(firsts) :]
    return sum(timed) / len(timed)
