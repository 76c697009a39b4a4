"""Speed of the engines: tasks and requests a second, on one core.

Run with `python -m benchmarks.bench_engine [tasks]`. Prints figures; asserts nothing.
"""

from __future__ import annotations

import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from accelsim.engine.program import Dram, Order, Program, Units
from accelsim.engine.run import run

CORES = 4  # each with a load unit, an array, a vector unit and a store unit


def _units(memory: bool) -> Units:
    rows = []
    for _ in range(CORES):
        rows += [(1, Order.IN_ORDER, 0), (1, Order.READY_FIRST, 0)]
        rows += [(2, Order.READY_FIRST, 0), (1, Order.IN_ORDER, 1)]
    rows.append((0, Order.READY_FIRST, 0))
    servers, order, is_write = np.array(rows, np.int64).T.copy()
    count = len(rows)
    port = np.array([memory and i % 4 in (0, 3) and i < 4 * CORES for i in range(count)], np.int64)
    return Units(
        name=tuple(f"unit{i}" for i in range(count)),
        servers=servers,
        order=order,
        clock_ps=np.where(np.arange(count) < 4 * CORES, 1000, 1),
        chip=np.zeros(count, np.int64),
        outstanding=256 * port,
        issue_per_cycle=2 * port,
        return_bytes_per_cycle=64 * port,
        crossing_ps=2000 * port,
        is_write=is_write * port,
        banks=np.zeros(count, np.int64),
        bank_bytes=np.zeros(count, np.int64),
        bank_queue=np.zeros(count, np.int64),
    )


def _dram() -> Dram:
    """HBM2-like: 8 channels of 32 GB/s, 64 B lines."""
    figures = {
        "channels": 8,
        "line_bytes": 64,
        "row_bytes": 2048,
        "interleave_bytes": 256,
        "banks": 16,
        "queue_depth": 64,
        "clock_ps": 1000,
        "burst_ps": 2143,
        "activate_ps": 8036,
        "row_hit_ps": 14000,
        "row_miss_ps": 28000,
        "return_ps": 10000,
        "permute": 0,
    }
    return Dram(**{name: np.array([value], np.int64) for name, value in figures.items()})


def _offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


def tiles(tasks: int, memory: bool) -> Program:
    """Make tiles of ten tasks: three loads or stores, six computations and a join.

    Each tile: loads 0 and 1 claim input slots, released by array tasks 2 and 3 that use them; 4,
    5, 6 and 7 are vector and array steps, 6 with an output slot that the store 8 releases; 9 joins.
    With `memory`, loads and stores move about nine lines each.
    """
    count = tasks // 10
    tile = np.arange(count)
    core = 4 * (tile % CORES)
    load, array, vector, store = (core + i for i in range(4))
    join = np.full(count, 4 * CORES)
    unit = np.stack(
        [load, load, array, array, vector, vector, array, vector, store, join], axis=1
    ).ravel()
    service = np.array([900, 900, 1000, 1000, 800, 700, 600, 500, 900, 0])
    rng = np.random.default_rng(1)
    occupancy = ((service + rng.integers(0, 300, (count, 10))) * (service > 0)).ravel()
    latency = occupancy + np.tile(np.array([0, 0, 400, 400, 0, 0, 400, 0, 0, 0]), count)
    # Predecessors inside the tile, as (task, predecessor).
    edges = [(2, 0), (3, 1), (4, 2), (5, 3), (6, 4), (6, 5), (7, 6), (8, 6), (8, 7), (9, 7), (9, 8)]
    base = 10 * tile[:, None]
    pred = (base + np.array([b for _, b in edges])).ravel()
    pred_count = np.tile(np.bincount([a for a, _ in edges], minlength=10), count)
    claimers, releasers = np.array([0, 1, 6]), np.array([2, 3, 8])
    claim_count = np.tile(np.isin(np.arange(10), claimers).astype(np.int64), count)
    claim_buffer = (2 * (tile % CORES)[:, None] + np.array([0, 0, 1])).ravel()
    is_memory = np.tile(np.isin(np.arange(10), [0, 1, 8]), count) & memory
    moved = int(is_memory.sum())
    runs = np.zeros((moved, 4), np.int64)
    runs[:, 0] = rng.integers(0, 1 << 22, moved) * 256
    runs[:, 2], runs[:, 3] = rng.integers(4, 14, moved) * 64, 1
    return Program(
        units=_units(memory),
        buffer_name=tuple(f"buffer{i}" for i in range(2 * CORES)),
        buffer_bytes=np.full(2 * CORES, 16 * 1024),
        dram=_dram(),
        unit=unit,
        occupancy_ps=np.where(is_memory, 0, occupancy),
        latency_ps=np.where(is_memory, 0, latency),
        operator=np.full(unit.size, -1),
        pred_ptr=_offsets(pred_count),
        pred=pred,
        claim_ptr=_offsets(claim_count),
        claim_buffer=claim_buffer,
        claim_bytes=np.full(claim_buffer.size, 1024),
        release_ptr=np.arange(claim_buffer.size + 1),
        release=(base + releasers).ravel(),
        run_ptr=_offsets(is_memory.astype(np.int64)),
        run_address=runs[:, 0].copy(),
        run_stride=runs[:, 1].copy(),
        run_bytes=runs[:, 2].copy(),
        run_count=runs[:, 3].copy(),
    )


def stream(lines: int) -> Program:
    """One unit that gathers random lines: nothing but requests."""
    rng = np.random.default_rng(2)
    tasks = 100
    runs = lines // tasks
    small = tiles(10, True)
    address = rng.integers(0, 1 << 22, lines) * 64
    one = np.ones(lines, np.int64)
    nothing = np.zeros(0, np.int64)
    return Program(
        units=small.units,
        buffer_name=(),
        buffer_bytes=nothing,
        dram=small.dram,
        unit=np.zeros(tasks, np.int64),
        occupancy_ps=np.zeros(tasks, np.int64),
        latency_ps=np.zeros(tasks, np.int64),
        operator=np.full(tasks, -1),
        pred_ptr=np.zeros(tasks + 1, np.int64),
        pred=nothing,
        claim_ptr=np.zeros(tasks + 1, np.int64),
        claim_buffer=nothing,
        claim_bytes=nothing,
        release_ptr=np.zeros(1, np.int64),
        release=nothing,
        run_ptr=np.arange(tasks + 1) * runs,
        run_address=address,
        run_stride=0 * one,
        run_bytes=64 * one,
        run_count=one,
    )


def _measure(program: Program, engine: str = "compiled", repeats: int = 5) -> tuple[float, int]:
    """Best time of some runs, s, and the lines served."""
    best, lines = float("inf"), 0
    for _ in range(repeats):
        began = time.perf_counter()
        schedule = run(program, engine)
        best = min(best, time.perf_counter() - began)
        lines = int(schedule.channel_lines.sum())
    return best, lines


def _machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "simpy"))
    machine = names[0] if names else platform.machine()
    return f"{machine}; Python {platform.python_version()}, {versions}"


def main(tasks: int = 1_000_000) -> None:
    """Print every figure."""
    print(f"engine, one core: {_machine()}")
    began = time.perf_counter()
    run(tiles(10, True))
    print(f"  first run (compiling, or from the cache): {time.perf_counter() - began:.1f} s")
    for memory, what in ((False, "claims, no requests"), (True, "30 % memory tasks")):
        for size in (tasks, 10 * tasks):
            program = tiles(size, memory)
            program.check()
            seconds, lines = _measure(program)
            print(
                f"  {what}, {size} tasks: {size / seconds / 1e6:.2f} M tasks/s,"
                f" {lines / seconds / 1e6:.2f} M requests/s"
            )
        small = tiles(tasks // 50, memory)
        small.check()
        slow, _ = _measure(small, "reference", 1)
        fast, _ = _measure(small)
        print(
            f"  {what}, {tasks // 50} tasks on the reference: {tasks // 50 / slow:.0f} tasks/s,"
            f" the compiled engine is {slow / fast:.0f} times as fast"
        )
    program = stream(3 * tasks)
    program.check()
    seconds, lines = _measure(program)
    print(f"  random 64 B gather, {lines} lines: {lines / seconds / 1e6:.2f} M requests/s")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
