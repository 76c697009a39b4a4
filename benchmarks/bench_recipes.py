"""Recipes of full size on the big trio: seconds of every phase, and peak memory.

Run with `python -m benchmarks.bench_recipes [NAME ...]`. Prints figures; asserts nothing. Each
workload has a process of its own, so that the peak is its own; the first run in it is apart, as it
may compile and measures the DRAM's paces.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from typing import NamedTuple

from accelsim import load_arch, load_trace
from accelsim.analysis.result import Record, analyse
from accelsim.analysis.states import task_lines
from accelsim.arch.spec import Arch
from accelsim.engine.run import run
from accelsim.mapping.trace import map_trace
from accelsim.workload.trace import Trace

MACHINES = ("systolic_128", "systolic_128_gather", "sparse_v1")
LIMIT_SECONDS = 900


class Workload(NamedTuple):
    """A recipe with changes of its shape."""

    recipe: str
    shape: tuple[str, ...] = ()


WORKLOADS = {
    "mixtral": Workload("mixtral_8x7b_prefill_2k"),  # 32 layers, three of them replayed
    "mixtral_every_layer": Workload("mixtral_8x7b_prefill_2k", ("simulated_layers=32",)),
    "deepseek_128k": Workload("deepseek_v32_decode_128k_b32", ("steps=1",)),
    "llama_2of4": Workload("llama2_70b_2of4_prefill_2k", ("simulated_layers=1",)),
    "longformer_train": Workload("longformer_base_train_4k"),
    "sam_1m": Workload("sam_1m_b8"),
}


def _one(trace: Trace, arch: Arch) -> str:
    """Seconds of every phase of one simulation, and how large it was."""
    times = [time.perf_counter()]
    mapped = map_trace(trace, arch)
    times.append(time.perf_counter())
    schedule = run(mapped.program)
    times.append(time.perf_counter())
    unique = {(op, int(kind)): size for (op, kind), size in mapped.unique_bytes.items()}
    record = Record(unique, mapped.choices, mapped.overhead_macs)
    analyse(arch, trace, mapped.program, schedule, record)
    times.append(time.perf_counter())
    mapping, engine, analysis = (b - a for a, b in zip(times, times[1:], strict=False))
    lines, trains = int(task_lines(mapped.program).sum()), int(schedule.train_lines.sum())
    return (
        f"mapping {mapping:6.2f} s, engine {engine:6.2f} s, analysis {analysis:5.2f} s;"
        f" {mapped.program.tasks:9,} tasks, {lines / 1e6:7.1f} M lines,"
        f" {100 * trains / max(1, lines):5.1f} % in trains"
    )


def _peak() -> str:
    unit = 1 if sys.platform == "darwin" else 1024
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9:.2f} GB"


def workload(name: str) -> None:
    """Run one workload on every machine, cold and warm, in this process."""
    found = WORKLOADS[name]
    for level in ("first", "warm"):
        began = time.perf_counter()
        trace = load_trace(found.recipe, found.shape)
        built = time.perf_counter() - began
        print(f"{name}, {level}: trace of {len(trace.operators)} operators {built:.2f} s")
        for machine in MACHINES:
            arch = load_arch(machine, ["dram.level=train"])
            print(f"  {machine:<20s} {_one(trace, arch)}", flush=True)
        took = time.perf_counter() - began
        print(f"  all three {took:.1f} s, peak memory {_peak()}", flush=True)


def main(*names: str) -> None:
    """Every workload, or those named, each in a process of its own."""
    for name in names or WORKLOADS:
        command = [sys.executable, "-m", "benchmarks.bench_recipes", "--alone", name]
        try:
            subprocess.run(command, check=False, timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"{name}: stopped after {LIMIT_SECONDS} s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        workload(sys.argv[2])
    else:
        main(*sys.argv[1:])
