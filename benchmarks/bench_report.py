"""The report of a comparison: seconds and size as the tasks of the runs grow.

Run with `python -m benchmarks.bench_report [WORKLOAD LAYERS]`. Prints figures; asserts nothing.

A run of many layers is made from the schedule of one layer, which is repeated: simulating it whole
takes minutes, and the report does not know the difference.
"""

from __future__ import annotations

import dataclasses
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from accelsim import load_arch, load_trace
from accelsim.analysis.comparison import Comparison
from accelsim.analysis.result import Record, Result, analyse
from accelsim.arch.spec import Arch
from accelsim.cost.load import DEFAULT_TABLE, load_cost_table
from accelsim.engine.program import Program
from accelsim.engine.run import run
from accelsim.engine.schedule import Schedule
from accelsim.hardware.compared import costs_of
from accelsim.mapping.trace import map_trace
from accelsim.report.study import Study
from accelsim.report.writing import write_report
from accelsim.simulation import without_sparsity
from accelsim.sweep.trios import BIG
from accelsim.workload.trace import Trace

CASES = (
    ("longctx_8k", 1),
    ("longctx_8k", 5),
    ("longctx_8k", 53),  # a million tasks on the baseline, few operators
    ("tiny_moe_lm", 30),
    ("tiny_moe_lm", 300),  # a million tasks on the baseline, 13,800 operators
)
TIMES = ("ready", "start", "finish", "server_free")


def layered(trace: Trace, layers: int) -> Trace:
    """The operators of a trace again and again, as layers."""
    operators = [
        dataclasses.replace(
            op,
            scope=f"layers.{layer}.{op.scope}",
            inputs=tuple(at + layer * len(trace.operators) for at in op.inputs),
        )
        for layer in range(layers)
        for op in trace.operators
    ]
    return dataclasses.replace(trace, name=f"{layers}_layers", operators=tuple(operators))


def simulated(arch: Arch, one: Trace, many: Trace, layers: int) -> Result:
    """Simulate one layer, and take it as often as there are layers."""
    mapped = map_trace(one, arch)
    program, schedule = mapped.program, run(mapped.program, "compiled")
    operators = len(one.operators)
    record = Record(
        {(op + layer * operators, int(kind)): size for (op, kind), size in
         mapped.unique_bytes.items() for layer in range(layers)},
        _numbered(mapped.choices, operators, layers),
        _numbered(mapped.overhead_macs, operators, layers),
        mapped.notes,
    )  # fmt: skip
    repeated = _program(program, operators, layers), _schedule(schedule, layers)
    return analyse(arch, many, *repeated, record)


def _numbered(by_operator: dict[int, Any], operators: int, layers: int) -> dict[int, Any]:
    return {
        op + layer * operators: value
        for op, value in by_operator.items()
        for layer in range(layers)
    }


def _moved(values: np.ndarray, by: int, layers: int) -> np.ndarray:
    """Copies one after another, each further by so much; -1 stays."""
    steps = by * np.arange(layers)[:, None]
    return np.where(values < 0, values, values + steps).ravel()


def _offsets(ptr: np.ndarray, layers: int) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.tile(np.diff(ptr), layers))])


def _program(program: Program, operators: int, layers: int) -> Program:
    tiled = ("unit", "occupancy_ps", "latency_ps", "claim_buffer", "claim_bytes", "run_address",
             "run_stride", "run_bytes", "run_count")  # fmt: skip
    changes: dict[str, Any] = {name: np.tile(getattr(program, name), layers) for name in tiled}
    for name in ("pred_ptr", "claim_ptr", "release_ptr", "run_ptr"):
        changes[name] = _offsets(getattr(program, name), layers)
    for name in ("pred", "release"):
        changes[name] = _moved(getattr(program, name), program.tasks, layers)
    changes["operator"] = _moved(program.operator, operators, layers)
    changes["counters"] = {name: np.tile(v, layers) for name, v in program.counters.items()}
    return dataclasses.replace(program, **changes)


def _schedule(schedule: Schedule, layers: int) -> Schedule:
    end, tasks = schedule.total_ps, schedule.start.size
    changes: dict[str, Any] = {n: _moved(getattr(schedule, n), end, layers) for n in TIMES}
    changes["grant"] = _moved(schedule.grant, end, layers)
    blame = _moved(schedule.blame, tasks, layers).reshape(layers, tasks)
    last = int(schedule.finish.argmax())  # a layer begins when the one before it has ended
    further = blame[1:]
    before = np.broadcast_to(last + tasks * np.arange(layers - 1)[:, None], further.shape)
    further[further < 0] = before[further < 0]
    changes["blame"] = blame.ravel()
    for name in ("cause", "bank_stall_ps", "task_activates", "task_merged"):
        changes[name] = np.tile(getattr(schedule, name), layers)
    for name in ("channel_lines", "channel_activates", "channel_row_hits", "channel_writes",
                 "channel_writes_left", "train_lines", "train_activates", "read_latency_ps",
                 "bank_waits"):  # fmt: skip
        changes[name] = getattr(schedule, name) * layers
    return dataclasses.replace(schedule, **changes)


def compared(workload: str, layers: int) -> tuple[Comparison, dict[str, Arch]]:
    """The shipped machines on so many times the operators of a workload."""
    baseline, third, candidate = (load_arch(name) for name in BIG)
    machines = {"baseline": baseline, "third": third, "candidate": candidate}
    one = load_trace(workload)
    many = layered(one, layers)
    roles = machines | {"candidate_dense": without_sparsity(candidate)}
    results = {role: simulated(arch, one, many, layers) for role, arch in roles.items()}
    return Comparison(many, results), {arch.name: arch for arch in machines.values()}


def report(workload: str, layers: int) -> None:
    """One line: what the report of so many layers takes, in a process of its own."""
    comparison, archs = compared(workload, layers)
    tasks = [result.program.tasks for result in comparison.results.values()]
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    table = load_cost_table(DEFAULT_TABLE)
    with tempfile.TemporaryDirectory() as folder:
        began, worked = time.perf_counter(), time.process_time()
        costs = costs_of(comparison, table)
        priced = time.perf_counter() - began
        study = Study([comparison], [costs], table, [], [], [], [])
        page = write_report(Path(folder) / "report", study, archs, "benchmark")
        took, worked = time.perf_counter() - began, time.process_time() - worked
        files = sum(path.stat().st_size for path in page.parent.rglob("*") if path.is_file())
        size = page.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    print(
        f"{workload:<11s} x {layers:3d}, {len(comparison.trace.operators):6,} operators,"
        f" {max(tasks):9,} tasks on the baseline, {sum(tasks):9,} on {len(tasks)} machines:"
        f" {took:5.1f} s ({worked:5.1f} s of a processor; area and energy {priced:.2f} s), page"
        f" {size / 1e6:.2f} MB, folder"
        f" {files / 1e6:.1f} MB, peak memory {peak:,.0f} MB ({before:,.0f} MB before)",
        flush=True,
    )


def main() -> None:
    """All sizes."""
    for workload, layers in CASES:
        command = [sys.executable, "-m", "benchmarks.bench_report", workload, str(layers)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        report(sys.argv[1], int(sys.argv[2]))
    else:
        main()
