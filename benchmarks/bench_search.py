"""How much of a known front a search finds with a tenth of the points, on the simulator.

Run with `python -m benchmarks.bench_search`. Prints figures; asserts nothing. The whole grid is
simulated once, so that searches find their points there.
"""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path

import numpy as np

from accelsim.sweep.asker import SAMPLERS
from accelsim.sweep.plan import Plan
from accelsim.sweep.running import run_sweep
from accelsim.sweep.search import run_search
from accelsim.sweep.table import read_table

ARCH = "sparse_v1"
SPACE = {
    "rows": {"path": "array.rows", "values": [16, 32, 64, 128]},
    "bandwidth": {
        "path": "dram.bandwidth",
        "values": ["112.5 GB/s", "225 GB/s", "450 GB/s", "900 GB/s"],
    },
    "ports": {"path": "ports", "values": [0.5, 1, 1.5, 2]},
    "in_flight": {"path": "load.outstanding", "values": [32, 64, 128, 256, 512, 1024]},
}
COST = "array.macs / base.array.macs + dram.bandwidth / base.dram.bandwidth + ports"
COST += " + load.outstanding / base.load.outstanding"
MARGIN = 1.1  # the reference point, in spans of the true front


def whole() -> Plan:
    """The whole grid of the space, on a trained trace."""
    return Plan.model_validate(
        {
            "name": ARCH,
            "architectures": [{"arch": ARCH, "set": ["dram.level=simple"]}],
            "workloads": ["tiny_moe_lm"],
            "parameters": SPACE,
            "metrics": {"cost": COST},
            "objectives": {"total_ps": "minimise", "cost": "minimise"},
        }
    )


def front(points: np.ndarray) -> np.ndarray:
    """Rows of float64[points, 2] that no other is better than, by the first column."""
    ordered = points[np.lexsort(points.T[::-1])]
    before = np.minimum.accumulate(np.append(math.inf, ordered[:-1, 1]))
    return ordered[ordered[:, 1] < before]


def hypervolume(points: np.ndarray, true: np.ndarray) -> float:
    """Of logs, in spans of the true front, against its worst and a tenth more."""
    low, span = np.log(true).min(axis=0), np.ptp(np.log(true), axis=0)
    volume, above = 0.0, MARGIN
    for first, second in (np.log(front(points)) - low) / span:
        volume += max(0.0, MARGIN - first) * max(0.0, above - second)
        above = min(above, second)
    return volume


def figures(folder: Path, name: str) -> np.ndarray:
    """float64[points, 2]: the objectives of the points of a plan that have figures."""
    return read_table(folder, name).done()[["total_ps", "cost"]].to_numpy(dtype=float)


def main(seeds: int = 5) -> None:
    """Print, for every sampler, shares of the true front's hypervolume and of its points."""
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), seeds)


def bench(folder: Path, seeds: int) -> None:
    """Simulate the grid in a folder, and search there."""
    plan = whole()
    run_sweep(plan, folder)
    known = figures(folder, plan.name)
    true = front(known)
    count = len(known) // 10
    print(f"{ARCH}: {len(known)} points, {len(true)} on the front, {count} asked for")
    rng = np.random.default_rng(0)
    drawn = [known[rng.choice(len(known), count, replace=False)] for _ in range(seeds)]
    _show("random", drawn, true, None)
    for sampler in SAMPLERS:
        found = []
        began = time.perf_counter()
        for seed in range(seeds):
            outcome = run_search(plan, folder, count, seed=seed, sampler=sampler)
            found.append(figures(folder, outcome.plan.name))
        _show(sampler, found, true, (time.perf_counter() - began) / seeds / count)


def _show(label: str, found: list[np.ndarray], true: np.ndarray, each: float | None) -> None:
    volumes = [hypervolume(points, true) / hypervolume(true, true) for points in found]
    exact = {tuple(point) for point in true.tolist()}
    shares = [len(exact & {tuple(p) for p in points.tolist()}) / len(exact) for points in found]
    took = "" if each is None else f", {1000 * each:.0f} ms a design beside simulating it"
    print(
        f"  {label:7} {100 * np.mean(volumes):5.1f} % of the hypervolume (least "
        f"{100 * min(volumes):.1f} %), {100 * np.mean(shares):3.0f} % of the front's points{took}",
        flush=True,
    )


if __name__ == "__main__":
    main()
