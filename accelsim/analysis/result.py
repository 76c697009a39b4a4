"""The Result of one simulation: tidy tables whose columns are declared in `columns`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from accelsim.analysis.columns import (
    MEMORY_COLUMNS,
    OPERATOR_COLUMNS,
    PATH_COLUMNS,
    TRAFFIC_COLUMNS,
)
from accelsim.analysis.meanings import IMBALANCE_PART, LARGE_PART, LIMITS
from accelsim.analysis.repeats import CountedPath, counted_path, task_repeats
from accelsim.analysis.states import task_lines, unit_states
from accelsim.analysis.terms import count_terms, machine_terms, work_terms
from accelsim.arch.spec import Arch
from accelsim.engine.program import Program
from accelsim.engine.schedule import Schedule
from accelsim.workload.statistics import effectual_macs, tensor_bytes
from accelsim.workload.trace import Trace

TRAFFIC_NAMES = (
    "none", "weights", "activations", "queries", "keys and values", "metadata", "outputs", "spills",
)  # fmt: skip
STALL_PARTS = ("input_stall_ps", "imbalance_ps", "conflict_stall_ps")


@dataclass(frozen=True)
class Record:
    """What the mapping says beside the Program (plain data, see `mapping.plan.Mapped`)."""

    unique_bytes: dict[tuple[int, int], int]
    choices: dict[int, str]
    overhead_macs: dict[int, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """One workload on one architecture.

    `summary` : dict, see `SUMMARY_COLUMNS`. `operators`, `units`, `traffic`, `path`, `memory` :
    tables, see `OPERATOR_COLUMNS`, `UNIT_COLUMNS`, `TRAFFIC_COLUMNS`, `PATH_COLUMNS`,
    `MEMORY_COLUMNS`; in all of them an operator counts as often as it is repeated. `program` and
    `schedule` stand behind them and hold it once, and so do views over time and tables of tiles.
    `notes` : what a reader of them must know. `counts` : see `COUNT_COLUMNS`.
    """

    arch: Arch
    trace: Trace
    summary: dict[str, Any]
    operators: pd.DataFrame
    units: pd.DataFrame
    traffic: pd.DataFrame
    path: pd.DataFrame
    memory: pd.DataFrame
    program: Program
    schedule: Schedule
    notes: tuple[str, ...] = ()
    counts: dict[str, Any] = field(default_factory=dict)

    @property
    def total_ps(self) -> int:
        """Time of the whole model: of what was replayed, and of its repeats."""
        return int(self.summary["total_ps"])

    @property
    def replayed_ps(self) -> int:
        """Time of the last finish of what was replayed, every operator once."""
        return self.schedule.total_ps

    def as_json(self) -> dict[str, Any]:
        """Tables as plain lists and dictionaries, and what computes them; see `columns`."""
        return {
            "summary": self.summary,
            "notes": list(self.notes),
            "operators": self.operators.to_dict("records"),
            "units": self.units.to_dict("records"),
            "traffic": self.traffic.to_dict("records"),
            "memory": self.memory.to_dict("records"),
            "critical_path": self.path.to_dict("records"),
            "machine": machine_terms(self.arch),
            "work": work_terms(self.arch, self.trace, self.operators),
            "counts": self.counts,
        }


def analyse(
    arch: Arch, trace: Trace, program: Program, schedule: Schedule, record: Record
) -> Result:
    """Turn a Schedule into a Result."""
    counted = counted_path(arch, trace, program, schedule)
    repeats = task_repeats(trace, program)
    traffic = _traffic(trace, program, record)
    path, busiest = _critical_path(trace, program, counted)
    units = unit_states(program, schedule, repeats, counted.total_ps)
    operators = _operators(arch, trace, program, schedule, record, path, busiest)
    memory = _memory(arch, program, schedule, repeats, counted.total_ps)
    counts = count_terms(arch, trace, program, schedule, repeats, operators)
    summary = _summary(
        arch, trace, program, schedule, repeats, counted.total_ps, operators, units, traffic, counts
    )
    return Result(
        arch, trace, summary, operators, units, traffic, path, memory, program, schedule,
        record.notes, counts,
    )  # fmt: skip


def _memory(
    arch: Arch, program: Program, schedule: Schedule, repeats: np.ndarray, total_ps: int
) -> pd.DataFrame:
    """What each unit asks of DRAM, and how its lines come back."""
    units = len(program.units.name)
    lines = task_lines(program)
    replayed = np.bincount(program.unit, lines, units).astype(np.int64)
    asked = np.bincount(program.unit, lines * repeats, units).astype(np.int64)
    stalls = np.bincount(program.unit, schedule.bank_stall_ps * repeats, units).astype(np.int64)
    peak = arch.dram.bandwidth * max(1, total_ps) / 1e12
    rows = [
        {
            "requester": name,
            "requests": int(asked[unit]),
            "dram_bytes": int(asked[unit]) * arch.dram.line,
            "dram_share": int(asked[unit]) * arch.dram.line / peak,
            "read_latency_ns": float(
                schedule.read_latency_ps[unit] / max(1, replayed[unit]) / 1000
            ),
            "bank_stall_ps": int(stalls[unit]),
            "bank_waits": schedule.bank_waits[unit].tolist(),
        }
        for unit, name in enumerate(program.units.name)
        if program.units.outstanding[unit]
    ]
    return pd.DataFrame(rows, columns=[column.name for column in MEMORY_COLUMNS])


def _sums(group: np.ndarray, values: np.ndarray, groups: int) -> np.ndarray:
    """Sums of the values of each group, int64[groups]."""
    sums = np.zeros(groups, np.int64)
    np.add.at(sums, group, values)
    return sums


def _traffic(trace: Trace, program: Program, record: Record) -> pd.DataFrame:
    lines = task_lines(program) * program.dram.line_bytes[program.units.chip[program.unit]]
    memory = np.flatnonzero(lines)
    causes = len(TRAFFIC_NAMES)
    pairs = program.operator[memory] * causes + program.counters["traffic"][memory]
    found, pair = np.unique(pairs, return_inverse=True)
    operator, traffic = found // causes, found % causes
    repeats = np.array([trace.operators[i].repeat for i in operator], np.int64)

    def summed(values: np.ndarray) -> np.ndarray:
        return _sums(pair, values[memory], found.size) * repeats

    unique = [
        record.unique_bytes.get((int(o), int(t)), 0) for o, t in zip(operator, traffic, strict=True)
    ]
    requested, moved = summed(program.counters["dram_useful_bytes"]), summed(lines)
    table = {
        "operator": operator,
        "scope": [trace.operators[i].scope for i in operator],
        "cause": [TRAFFIC_NAMES[i] for i in traffic],
        "unique_bytes": np.array(unique, np.int64) * repeats,
        "requested_bytes": requested,
        "over_fetch_bytes": moved - requested,
        "dram_bytes": moved,
    }
    return pd.DataFrame(table, columns=[column.name for column in TRAFFIC_COLUMNS])


def _critical_path(
    trace: Trace, program: Program, counted: CountedPath
) -> tuple[pd.DataFrame, dict[int, tuple[str, float]]]:
    """Time per (operator, unit) on the critical path, and what leads in each operator."""
    task, units = counted.task, len(program.units.name)
    pair, segment = np.unique(
        program.operator[task] * units + program.unit[task], return_inverse=True
    )
    operator, unit = pair // units, pair % units
    time_ps = _sums(segment, counted.time_ps, pair.size)
    occupancy = np.maximum(program.occupancy_ps[task], 1)
    waits = [program.counters[name][task] / occupancy * counted.time_ps for name in STALL_PARTS]
    parts = [np.bincount(segment, wait) / np.maximum(time_ps, 1) for wait in waits]
    totals = np.maximum(_sums(operator, time_ps, len(trace.operators)), 1)
    order = np.argsort(time_ps)
    longest = dict(zip(operator[order].tolist(), order.tolist(), strict=True))  # the last stays
    leads = {
        number: (
            _limit(program.units.name[unit[at]], *(float(part[at]) for part in parts)),
            max(1, int(time_ps[at])) / int(totals[number]),
        )
        for number, at in longest.items()
    }
    table = {
        "operator": operator,
        "scope": [trace.operators[i].scope for i in operator],
        "unit": [program.units.name[i] for i in unit],
        "time_ps": time_ps,
    }
    columns = ["operator", *(column.name for column in PATH_COLUMNS)]
    return pd.DataFrame(table, columns=columns), leads


def _limit(unit: str, stalled: float, imbalance: float, conflict: float) -> str:
    """Words for what limits an operator: the leading unit, and what it mostly waits for."""
    if unit == "array" and stalled + conflict > LARGE_PART:
        if conflict > stalled:
            return "bank conflicts"
        uneven = imbalance > IMBALANCE_PART * stalled
        return "row imbalance" if uneven else "scratchpad feed of the array"
    if unit == "vector" and stalled > LARGE_PART:
        return "scratchpad port of the vector unit"
    return LIMITS[unit]


def _operators(
    arch: Arch,
    trace: Trace,
    program: Program,
    schedule: Schedule,
    record: Record,
    path: pd.DataFrame,
    leads: dict[int, tuple[str, float]],
) -> pd.DataFrame:
    lines = task_lines(program) * program.dram.line_bytes[program.units.chip[program.unit]]
    count = len(trace.operators)
    times = _sums(path["operator"].to_numpy(), path["time_ps"].to_numpy(), count)
    first = np.full(count, np.iinfo(np.int64).max)
    last = np.zeros(count, np.int64)
    np.minimum.at(first, program.operator, schedule.start)
    np.maximum.at(last, program.operator, schedule.finish)
    sums = {
        name: np.bincount(program.operator, values, count)
        for name, values in (
            ("issued_macs", program.counters["issued_macs"]),
            ("useful_bytes", program.counters["dram_useful_bytes"]),
            ("dram_bytes", lines),
        )
    }
    rows = []
    for number, op in enumerate(trace.operators):
        time = int(times[number])
        macs = op.repeat * effectual_macs(op)
        peak = arch.peak_macs_per_cycle(op.dtype) / arch.clock_ps
        limit, share = leads.get(number, ("hidden behind others", 0.0))
        moved = op.repeat * int(sums["dram_bytes"][number])
        rows.append(
            {
                "operator": number,
                "scope": op.scope,
                "kind": op.kind,
                "repeat": op.repeat,
                "time_ps": time,
                "span_ps": op.repeat * int(last[number] - first[number]),
                "effectual_macs": macs,
                "issued_macs": op.repeat * int(sums["issued_macs"][number]),
                "overhead_macs": op.repeat * record.overhead_macs.get(number, 0),
                "dram_bytes": moved,
                "useful_bytes": op.repeat * int(sums["useful_bytes"][number]),
                "utilization": macs / (peak * time) if time else 0.0,
                "intensity": macs / moved if moved else 0.0,
                "working_set": tensor_bytes(op) / arch.scratchpad_bytes,
                "limited_by": limit,
                "limited_share": share,
                "mapping": record.choices.get(number, ""),
            }
        )
    return pd.DataFrame(rows, columns=[column.name for column in OPERATOR_COLUMNS])


def _summary(
    arch: Arch,
    trace: Trace,
    program: Program,
    schedule: Schedule,
    repeats: np.ndarray,
    total_ps: int,
    operators: pd.DataFrame,
    units: pd.DataFrame,
    traffic: pd.DataFrame,
    counts: dict[str, Any],
) -> dict[str, Any]:
    total = max(1, total_ps)
    cycles = total / arch.clock_ps
    array = units[units["unit"] == "array"].iloc[0]
    busy_cycles = int(array["busy_ps"]) / arch.clock_ps
    effectual, issued = counts["effectual_slots"], counts["issued_slots"]
    moved, requested = int(traffic["dram_bytes"].sum()), int(traffic["requested_bytes"].sum())
    return {
        "architecture": arch.name,
        "workload": trace.name,
        "replayed_in": trace.replayed_in or "",
        "total_ps": total_ps,
        "replayed_ps": schedule.total_ps,
        "total_cycles": total_ps / arch.clock_ps,
        "clock_ghz": 1000 / arch.clock_ps,
        "effectual_macs": int(operators["effectual_macs"].sum()),
        "issued_macs": int(operators["issued_macs"].sum()),
        "overhead_macs": int(operators["overhead_macs"].sum()),
        "overall_utilization": effectual / (arch.array.macs * cycles),
        "array_occupancy": busy_cycles / cycles,
        "mapping_efficiency": issued / (arch.array.macs * busy_cycles) if busy_cycles else 0.0,
        "effectual_fraction": effectual / issued if issued else 0.0,
        "dram_bytes": moved,
        "dram_utilization": moved / (arch.dram.bandwidth * total / 1e12),
        "train_fraction": counts["train_lines"] / max(1, counts["replayed_lines"]),
        "row_hit_rate": counts["row_hits"] / max(1, counts["channel_lines"]),
        "fetch_efficiency": requested / moved if moved else 0.0,
        "on_chip_reuse": counts["delivered_bytes"] / moved if moved else 0.0,
        "scratchpad_read_bytes": int((program.counters["read_bytes"] * repeats).sum()),
    }
