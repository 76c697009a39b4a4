"""Speed of the memory units' kernels, and of request-level DRAM inside the engine, one core.

Run with `python -m benchmarks.bench_memory`. Prints figures; asserts nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from accelsim.analysis.states import task_lines
from accelsim.arch.load import load_arch
from accelsim.engine.builder import ProgramBuilder
from accelsim.engine.run import run
from accelsim.kernels.cache import FIBRE, LRU, READ, access
from accelsim.kernels.gather import coalesce_rows
from accelsim.kernels.scatter import scatter_tiles
from accelsim.mapping.machine import LOAD, Machine
from accelsim.mapping.trace import map_trace
from accelsim.workload.trace import find_trace, read_trace

ROWS = 1 << 20
RUNS = (
    ("sparse_small", "tiny_moe_lm"),
    ("sparse_v1", "embedding_update"),
    ("sparse_v1", "longctx_8k_oracle"),
)


def seconds(work: Callable[[], object]) -> float:
    """Best of three, after a first call that compiles."""
    work()
    best = math.inf
    for _ in range(3):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def kernels(scale: int) -> None:
    """Rates over indices drawn from a power law."""
    count = scale * 1_000_000
    rows = np.random.default_rng(1).zipf(1.2, count) % ROWS
    ptr = np.append(np.arange(0, count, 4096), count)
    out, sizes = np.empty(5 * count, np.int64), np.empty(5 * count, np.int64)
    nothing, waits = np.zeros((0, 1), np.int64), np.zeros(9, np.int64)
    for window in (64, 4096):
        took = seconds(partial(coalesce_rows, rows, ptr, 0, 256, 256, 64, window, out, sizes))
        print(f"gather, window {window:5,}: {4 * count / took / 1e6:6.0f} M lines/s")
    for held in (0, 1 << 14):
        took = seconds(
            partial(
                scatter_tiles, rows, ptr, 8, 32, 8, 1, ROWS, held, out, sizes, waits, nothing,
                nothing,
            )
        )  # fmt: skip
        what = f"{held:,} rows held" if held else "all rows held"
        print(f"scatter, {what}: {count / took / 1e6:6.0f} M rows/s")
    for policy, name in ((LRU, "lru"), (FIBRE, "fibre")):
        took = seconds(partial(_cache, rows, policy))
        print(f"cache, 16 ways, {name}: {count / took / 1e6:6.0f} M accesses/s")


def _cache(rows: np.ndarray, policy: int) -> None:
    shape = (1024, 16)
    access(
        rows, np.full(rows.size, READ, np.int8), policy, np.full(shape, -1, np.int64),
        np.zeros(shape, np.int64), np.zeros(shape, np.int32), np.zeros(shape, np.bool_),
        np.zeros(1, np.int64), np.empty(rows.size, np.int8), np.empty(rows.size, np.int64),
    )  # fmt: skip


def engines() -> None:
    """Lines a second of whole programs, both levels."""
    for machine, workload in RUNS:
        trace = read_trace(find_trace(workload))
        rates = []
        for level in ("simple", "request", "train"):
            program = map_trace(trace, load_arch(machine, [f"dram.level={level}"])).program
            lines = int(task_lines(program).sum())
            rates.append(lines / seconds(partial(run, program)) / 1e6)
        print(
            f"engine, {workload} on {machine}, {lines:,} lines: simple level {rates[0]:.2f}, "
            f"request level {rates[1]:.2f}, train level {rates[2]:.2f} M lines/s"
        )


def trains() -> None:
    """Train level against request level: time, and lines a second, in one run."""
    for machine in ("sparse_v1", "sparse_small"):
        for label, emit in _streams().items():
            times, rates, share = [], [], 0.0
            for level in ("request", "train"):
                units = Machine(load_arch(machine, [f"dram.level={level}"]))
                builder = ProgramBuilder()
                emit(builder)
                program = builder.build(units.units(), [], [], units.dram())
                lines = int(task_lines(program).sum())
                schedule = run(program)
                times.append(schedule.total_ps)
                share = int(schedule.train_lines.sum()) / lines
                rates.append(lines / seconds(partial(run, program)) / 1e6)
            print(
                f"trains, {machine}, {label}: {100 * (times[1] / times[0] - 1):+.2f} %,"
                f" {rates[0]:.2f} -> {rates[1]:.1f} M lines/s ({rates[1] / rates[0]:.0f}x),"
                f" {100 * share:.0f} % of the lines in trains"
            )


def _streams() -> dict[str, Callable[[ProgramBuilder], None]]:
    streams: dict[str, Callable[[ProgramBuilder], None]] = {"sequential": _sequential}
    for row_bytes in (256, 1024, 4096, 16384, 65536):
        rows = (16 << 20) // row_bytes
        streams[f"rows of {row_bytes:,} B"] = partial(_gather, 64, rows, row_bytes)
    streams["weights beside 256 B rows"] = _beside
    return streams


def _sequential(builder: ProgramBuilder) -> None:
    for i in range(400):
        builder.memory_task(LOAD, np.array([[i << 16, 0, 1 << 16, 1]]))


def _gather(tasks: int, rows: int, row_bytes: int, builder: ProgramBuilder, seed: int = 1) -> None:
    first = np.random.default_rng(seed).integers(0, (1 << 28) // row_bytes, rows) * row_bytes
    for part in np.array_split(first, tasks):
        zero = np.zeros_like(part)
        runs = np.stack([part, zero, zero + row_bytes, zero + 1], axis=1)
        builder.memory_task(LOAD, runs)


def _beside(builder: ProgramBuilder) -> None:
    for i in range(64):
        builder.memory_task(LOAD, np.array([[i << 18, 0, 1 << 18, 1]]))
        _gather(1, 64, 256, builder, seed=i)


def main(scale: int = 1) -> None:
    """Print every figure, the kernels' at ten times the size too."""
    for size in (scale, 10 * scale):
        print(f"{size} M rows")
        kernels(size)
    engines()
    trains()


if __name__ == "__main__":
    main()
