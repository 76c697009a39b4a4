"""Sweeps of one trace over machines that differ a little, with shared work and without.

Run with `python -m benchmarks.bench_reuse [WORKLOAD ...]`. Prints figures; asserts nothing.
"""

from __future__ import annotations

import sys
import time
from fractions import Fraction

from accelsim import load_arch, load_trace
from accelsim.arch.scale import port_overrides
from accelsim.arch.spec import Arch
from accelsim.mapping.reuse import Reuse
from accelsim.simulation import simulate
from accelsim.workload.trace import Trace

WORKLOADS = ("tiny_moe_lm", "longctx_8k")
MACHINES = ("systolic_128_gather", "sparse_v1")
POINTS = 20


def bandwidths(name: str) -> list[Arch]:
    """Machines that differ in the bandwidth of their DRAM alone."""
    return [load_arch(name, [f"dram.bandwidth={900 - 10 * at} GB/s"]) for at in range(POINTS)]


def ports(name: str) -> list[Arch]:
    """Machines that differ in the ports of the scratchpad, sparse ones in their FIFOs too."""
    arch = load_arch(name)
    width = arch.scratchpad.bank_bytes
    found = []
    for at in range(POINTS):
        overrides = port_overrides(arch, Fraction(width - at, width))
        if arch.array.kind == "sparse":
            overrides.append(f"array.fifo_depth={1 + at % arch.array.fifo_depth}")
        found.append(load_arch(name, overrides))
    return found


def seconds_a_point(
    archs: list[Arch], trace: Trace, reuse: Reuse | None
) -> tuple[float, list[int]]:
    """Processor seconds of a simulation, the mean of all, and their totals."""
    began = time.process_time()
    totals = [simulate(arch, trace, reuse=reuse).total_ps for arch in archs]
    return (time.process_time() - began) / len(archs), totals


def sweep(workload: str, machine: str, what: str, archs: list[Arch]) -> None:
    """One line: a sweep alone and shared."""
    trace = load_trace(workload)
    simulate(archs[0], trace)  # what is compiled, and what is measured of the DRAM
    alone, apart = seconds_a_point(archs, trace, None)
    reuse = Reuse()
    shared, together = seconds_a_point(archs, trace, reuse)
    equal = "equal" if apart == together else "DIFFERENT"
    print(
        f"{workload:<12s} {machine:<20s} {what:<10s} alone {alone:6.3f} s, shared {shared:6.3f} s"
        f" a point ({alone / shared:4.2f}x); {reuse.found:6,} of {reuse.asked:6,} results were"
        f" there, {reuse.size_bytes / 1e6:5.1f} MB; totals {equal}",
        flush=True,
    )


def main(*workloads: str) -> None:
    """Print all."""
    for workload in workloads or WORKLOADS:
        for machine in MACHINES:
            sweep(workload, machine, "bandwidth", bandwidths(machine))
            sweep(workload, machine, "ports", ports(machine))


if __name__ == "__main__":
    main(*sys.argv[1:])
