"""Print the machine, then run `main()` of every bench_*.py beside this file, in order."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
from pathlib import Path

LIBRARIES = ("numpy", "numba", "simpy", "pandas")


def machine() -> str:
    """Describe what the figures were taken on: processor, cores, memory, versions."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    return (
        f"machine: {model}, {cores} cores, {memory:.0f} GiB memory, {platform.system()} "
        f"{platform.machine()}\nversions: Python {platform.python_version()}, {versions}"
    )


def main() -> None:
    """Run the benchmarks."""
    print(machine(), flush=True)
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        print(f"\n== {path.stem.removeprefix('bench_')} ==", flush=True)
        importlib.import_module(f"benchmarks.{path.stem}").main()


if __name__ == "__main__":
    main()
