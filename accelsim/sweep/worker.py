"""What a process does for a sweep: simulate one point after another."""

from __future__ import annotations

from functools import lru_cache
from threading import get_ident
from typing import Any, NamedTuple

from accelsim.analysis.limits import leading_limit
from accelsim.arch.spec import Arch
from accelsim.errors import InputError
from accelsim.hardware.catalogue import components
from accelsim.mapping.reuse import Reuse
from accelsim.simulation import simulate
from accelsim.sweep.costs import TableRef, cost_figures, cost_table
from accelsim.sweep.design import Workload
from accelsim.sweep.store import FAULT
from accelsim.sweep.table import SIMULATED
from accelsim.sweep.version import model_version
from accelsim.workload.trace import Trace

OPEN_WORKLOADS = 8  # that a process keeps; their arrays are mapped, not read


class Job(NamedTuple):
    """One point to be run: its `key`, and the version of the `model` that it is for."""

    key: str
    model: str
    arch: Arch
    workload: Workload
    costs: TableRef


class Done(NamedTuple):
    """A point that ran; `content` is what is recorded of it."""

    key: str
    content: dict[str, Any]


def run_job(job: Job) -> Done:
    """Simulate a point.

    Raises
    ------
    InputError
        This process has another version of the model.
    """
    if job.model != model_version():
        raise InputError(
            f"a worker has accelsim {model_version()}, the sweep {job.model}",
            remedy="install the same on both",
        )
    try:
        return Done(job.key, _simulated(job))
    except InputError as error:
        return Done(job.key, refusal(str(error)))
    except Exception as error:  # of accelsim, not of the point: recorded, and tried again
        return Done(job.key, refusal(f"{type(error).__name__}: {error}", fault=True))


def refusal(error: str, *, fault: bool = False) -> dict[str, Any]:
    """What is recorded of a point without figures; a `fault` is tried again by the next run."""
    found: dict[str, Any] = {"error": " ".join(error.split()), "model": model_version()}
    return found | ({FAULT: True} if fault else {})


def _simulated(job: Job) -> dict[str, Any]:
    trace = _opened(job.workload)
    table = cost_table(job.costs)
    parts = components(job.arch, table)  # before the run: what the table lacks is refused at once
    result = simulate(job.arch, trace, reuse=_reuse(get_ident()))
    figures = {column.name: result.summary[column.name] for column in SIMULATED}
    figures |= cost_figures(result, table, parts)
    figures["limited_by"], figures["limited_share"] = leading_limit(result.operators)
    return {
        "model": model_version(),
        "architecture": job.arch.model_dump(mode="json"),
        "workload": {
            "name": trace.name,
            "content_hash": trace.content_hash,
            "shape": list(job.workload.shape),
            "replayed_in": trace.replayed_in,
        },
        "cost_table": table.name,
        "figures": figures,
        "notes": list(result.notes),
    }


@lru_cache(maxsize=16)
def _reuse(thread: int) -> Reuse:
    """What the points of a process share; one a thread, as it is not made for several."""
    return Reuse()


@lru_cache(maxsize=OPEN_WORKLOADS)
def _opened(workload: Workload) -> Trace:
    return workload.open()
