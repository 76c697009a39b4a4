"""Sweeps on two processes: points a second, and what a sweep of ten times the size holds.

Run with `python -m benchmarks.bench_sweep`. Prints figures; asserts nothing.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Executor, Future
from pathlib import Path

from accelsim.sweep.plan import Plan, load_plan
from accelsim.sweep.pools import Pool
from accelsim.sweep.running import run_sweep
from accelsim.sweep.worker import Done, Job, run_job

JOBS = 2
PLANS = ("ports_and_memory", "row_array", "array_and_ports", "memory_system")


def plan_seconds(name: str) -> None:
    """Run a plan twice over: as shipped, and again with nothing left to do."""
    with tempfile.TemporaryDirectory() as folder:
        for level in ("run", "again"):
            began = time.perf_counter()
            done = run_sweep(name, folder, jobs=JOBS)
            took = time.perf_counter() - began
            print(
                f"{name}, {level}: {done.written.rows:,} points ({done.ran:,} run) on {JOBS}"
                f" processes {took:.1f} s, {done.written.rows / took:.0f} points/s",
                flush=True,
            )


class _Recorded(Executor):
    """Gives the first point's record for every point, so that only the sweep itself is timed."""

    def __init__(self) -> None:
        self.content: dict[str, object] = {}

    def submit(self, fn: object, job: Job) -> Future[Done]:  # type: ignore[override]
        self.content = self.content or run_job(job).content
        future: Future[Done] = Future()
        future.set_result(Done(job.key, self.content))
        return future


def held(points: int) -> None:
    """Seconds and peak memory of a sweep of so many points whose simulation costs nothing."""
    plan, _ = load_plan("row_array")
    sampling = {"kind": "latin_hypercube", "points": points, "seed": 1}
    plan = Plan.model_validate(plan.model_dump(mode="json") | {"sampling": sampling})
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run_sweep(plan, folder, pool=Pool(_Recorded, 1))
        took = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.json"))
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    print(
        f"{points:,} points, simulation apart: {took:.1f} s ({1e3 * took / points:.2f} ms a point),"
        f" {size / 1e6:.0f} MB of records, peak memory {peak:.0f} MB"
    )


def main() -> None:
    """All of it; memory in processes of their own, so that each peak is its own."""
    for name in PLANS:
        plan_seconds(name)
    for points in (1_000, 10_000):
        command = [sys.executable, "-m", "benchmarks.bench_sweep", str(points)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        held(int(sys.argv[1]))
    else:
        main()
