"""Every column of a Result's tables, declared once: unit, formula, expression and source.

An operator that stands for r equal ones counts r times in every sum and every time.

An expression is the formula as arithmetic over other columns, so that it can be computed from what
`Result.as_json` writes (`formulas` does; a test holds every one against the value stored). Names
are those of the row itself, then of the machine, the counts and the totals; `sum(traffic.x)` is
over the rows of a table, of an operator its own; `array.x` is of the row of that unit, `baseline.x`
of the baseline of a comparison. A colon of a name is a `_` there, and a part of nothing is 0. What
has no expression is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Column:
    """A figure: its name, its unit and how it is computed.

    `source` : where it comes from, and the file that makes it. `expression` : the formula as
    arithmetic, see the top of this file; empty for what is counted.
    """

    name: str
    unit: str
    formula: str
    source: str = ""
    expression: str = ""


STATES = (
    "busy", "stall:input", "stall:memory", "stall:buffer", "stall:conflict", "fill_drain", "idle",
)  # fmt: skip

_ARCH = "architecture: accelsim/arch/spec.py"
_TRACE = "trace: accelsim/workload/operators.py"
_WORK = "trace: accelsim/workload/statistics.py"
_TASKS = "mapping, counted by task: accelsim/mapping/plan.py"
_CHOICE = "mapping: accelsim/mapping/plan.py"
_UNITS = "mapping, from the architecture: accelsim/mapping/machine.py"
_SCHEDULE = "engine schedule: accelsim/engine/run.py"
_PATH = "engine schedule, walked back from the last finish: accelsim/analysis/repeats.py"
_STATE = "engine schedule and the tasks' counters: accelsim/analysis/states.py"
_LINES = "DRAM lines that the mapping's requests touch: accelsim/analysis/states.py"
_CHANNEL = (
    "engine schedule, counted by DRAM channel: accelsim/kernels/dram.py; rules of DRAMsim3, Li et "
    "al., CAL 2020"
)
_TRAINS = "engine schedule, counted by chip: accelsim/kernels/trains.py"
_RESULT = "derived: accelsim/analysis/result.py"
_COMPARED = "derived: accelsim/analysis/comparison.py"

OPERATOR_COLUMNS = (
    Column("operator", "", "index in the trace", _TRACE),
    Column("scope", "", "name in the model", _TRACE),
    Column("kind", "", "operator kind", _TRACE),
    Column(
        "repeat", "", "equal operators that it stands for; sums and times are of all of them",
        _TRACE,
    ),
    Column(
        "time_ps", "ps",
        "share of the end-to-end critical path; rows sum to the total. What ran while another "
        "operator held the path is not in it",
        _PATH, "sum(critical_path.time_ps)",
    ),
    Column("span_ps", "ps", "first start to last finish of its tasks, x repeat", _SCHEDULE),
    Column(
        "effectual_macs", "MAC", "both operands nonzero and the output kept; from the trace", _WORK
    ),
    Column("issued_macs", "MAC", "MACs that the array executed, masked ones included", _TASKS),
    Column(
        "overhead_macs", "MAC", "issued MACs that predict indices or score pairs not kept", _CHOICE
    ),
    Column(
        "dram_bytes", "B", "DRAM lines moved x line size", _LINES, "sum(traffic.dram_bytes)"
    ),
    Column(
        "useful_bytes", "B", "bytes requested from DRAM", _TASKS, "sum(traffic.requested_bytes)"
    ),
    Column(
        "utilization", "",
        "effectual MACs / (peak MACs per second of the type x time_ps); above 1 where some of them "
        "were computed while another operator held the critical path",
        _RESULT, "effectual_macs / (peak_macs_per_cycle / clock_ps * time_ps)",
    ),
    Column(
        "intensity", "MAC/B", "effectual_macs / dram_bytes",
        "derived: accelsim/analysis/result.py; roofline, Williams et al., CACM 2009",
        "effectual_macs / dram_bytes",
    ),
    Column(
        "working_set", "", "tensor bytes of one such operator / scratchpad bytes",
        _RESULT, "tensor_bytes / scratchpad_bytes",
    ),
    Column(
        "limited_by", "", "what holds the largest share of its critical path",
        "critical path and the tasks' counters: accelsim/analysis/result.py",
    ),
    Column(
        "limited_share", "", "that share of time_ps",
        _RESULT, "max(critical_path.time_ps) / time_ps",
    ),
    Column("mapping", "", "loop nest and choices", _CHOICE),
)  # fmt: skip

UNIT_COLUMNS = (
    Column("unit", "", "name of the unit", _UNITS),
    Column("servers", "", "tasks at once", _UNITS),
    *(
        Column(f"{state}_ps", "ps", "time of all servers in this state", _STATE)
        for state in STATES
        if state != "idle"
    ),
    Column(
        "idle_ps", "ps", "time of all servers in this state", _STATE,
        "servers * total_ps - busy_ps - stall_input_ps - stall_memory_ps - stall_buffer_ps"
        " - stall_conflict_ps - fill_drain_ps",
    ),
    Column(
        "occupancy", "", "busy / (servers x total)", _STATE, "busy_ps / (servers * total_ps)"
    ),
)  # fmt: skip

TRAFFIC_COLUMNS = (
    Column("operator", "", "index in the trace", _TRACE),
    Column("scope", "", "name in the model", _TRACE),
    Column("cause", "", "what the bytes are for", _CHOICE),
    Column("unique_bytes", "B", "distinct bytes that the operator touches", _CHOICE),
    Column("requested_bytes", "B", "bytes requested, repeats included", _TASKS),
    Column(
        "over_fetch_bytes", "B", "rest of the lines that requests touch",
        _RESULT, "dram_bytes - requested_bytes",
    ),
    Column("dram_bytes", "B", "requested + over-fetch", _LINES),
)  # fmt: skip

MEMORY_COLUMNS = (
    Column("requester", "", "unit that asks", _UNITS),
    Column("requests", "", "lines asked for", _LINES),
    Column("dram_bytes", "B", "requests x line size", _RESULT, "requests * dram_line_bytes"),
    Column(
        "dram_share", "", "dram_bytes / (peak bandwidth x total)",
        _RESULT, "dram_bytes / (dram_bytes_per_second * total_ps / 1e12)",
    ),
    Column(
        "read_latency_ns", "ns", "mean over reads replayed, issue to the scratchpad's bank queue",
        _SCHEDULE,
    ),
    Column("bank_stall_ps", "ps", "way back stopped by a full bank queue", _SCHEDULE),
    Column(
        "bank_waits", "", "reads replayed, by lines waiting in their bank: none, one, ...",
        _SCHEDULE,
    ),
)  # fmt: skip

PATH_COLUMNS = (
    Column("scope", "", "operator", _TRACE),
    Column("unit", "", "unit on the critical path", _PATH),
    Column("time_ps", "ps", "its share of the critical path", _PATH),
)

SUMMARY_COLUMNS = (
    Column("architecture", "", "name", _ARCH),
    Column("workload", "", "name", "trace: accelsim/workload/trace.py"),
    Column(
        "replayed_in", "", "number type of the replay; empty: each operator's own",
        "trace: accelsim/workload/replay.py",
    ),
    Column(
        "total_ps", "ps", "last finish; sum of operators' time_ps where some are repeated",
        _PATH, "sum(operators.time_ps)",
    ),
    Column("replayed_ps", "ps", "last finish of what was replayed, every operator once", _SCHEDULE),
    Column("total_cycles", "cycles", "total_ps / clock period", _RESULT, "total_ps / clock_ps"),
    Column("clock_ghz", "GHz", "1000 / clock period in ps", _RESULT, "1000 / clock_ps"),
    Column(
        "effectual_macs", "MAC", "sum over operators", _RESULT, "sum(operators.effectual_macs)"
    ),
    Column("issued_macs", "MAC", "sum over operators", _RESULT, "sum(operators.issued_macs)"),
    Column("overhead_macs", "MAC", "sum over operators", _RESULT, "sum(operators.overhead_macs)"),
    Column(
        "overall_utilization", "", "effectual MAC slots / (peak x total)",
        _RESULT, "effectual_slots / (array_macs * total_cycles)",
    ),
    Column("array_occupancy", "", "array busy / total", _RESULT, "array.busy_ps / total_ps"),
    Column(
        "mapping_efficiency", "", "issued MAC slots / slots offered while busy",
        _RESULT, "issued_slots / (array_macs * array.busy_ps / clock_ps)",
    ),
    Column(
        "effectual_fraction", "", "effectual / issued MAC slots",
        _RESULT, "effectual_slots / issued_slots",
    ),
    Column(
        "dram_bytes", "B", "DRAM lines moved x line size", _RESULT, "sum(traffic.dram_bytes)"
    ),
    Column(
        "dram_utilization", "", "dram_bytes / (peak bandwidth x total)",
        _RESULT, "dram_bytes / (dram_bytes_per_second * total_ps / 1e12)",
    ),
    Column(
        "train_fraction", "", "lines that trains moved / lines asked for",
        _RESULT, "train_lines / replayed_lines",
    ),
    Column(
        "row_hit_rate", "", "lines that found their row open / lines that commands moved",
        _RESULT, "row_hits / channel_lines",
    ),
    Column(
        "fetch_efficiency", "", "requested / DRAM bytes",
        _RESULT, "sum(traffic.requested_bytes) / dram_bytes",
    ),
    Column(
        "on_chip_reuse", "", "bytes delivered to units / DRAM bytes",
        _RESULT, "delivered_bytes / dram_bytes",
    ),
    Column("scratchpad_read_bytes", "B", "bytes that units read from the scratchpad", _TASKS),
)  # fmt: skip

MACHINE_COLUMNS = (
    Column("clock_ps", "ps", "clock period", _ARCH),
    Column("array_macs", "MAC", "MAC units of the array: slots a cycle", _ARCH),
    Column("scratchpad_bytes", "B", "on-chip bytes less the local storage of units", _ARCH),
    Column(
        "dram_bytes_per_second", "B/s", "peak bandwidth of DRAM",
        "architecture: accelsim/arch/dram.py",
    ),
    Column("dram_line_bytes", "B", "bytes that one request moves", _ARCH),
)  # fmt: skip

WORK_COLUMNS = (
    Column("operator", "", "index in the trace", _TRACE),
    Column("dtype", "", "number type that it is computed in", _TRACE),
    Column("mac_rate", "", "MACs of one MAC unit in a cycle, in this type", _ARCH),
    Column(
        "peak_macs_per_cycle", "MAC", "MACs of the whole array in a cycle, in this type",
        _ARCH, "array_macs * mac_rate",
    ),
    Column("tensor_bytes", "B", "bytes of all tensors of one such operator", _WORK),
    Column(
        "effectual_slots", "", "effectual MACs as slots: 1 / mac_rate each",
        _RESULT, "effectual_macs / mac_rate",
    ),
)  # fmt: skip

COUNT_COLUMNS = (
    Column(
        "effectual_slots", "", "slots that effectual MACs need, sum over operators",
        _RESULT, "sum(work.effectual_slots)",
    ),
    Column("issued_slots", "", "MAC slots that the array used, masked ones included", _TASKS),
    Column("delivered_bytes", "B", "scratchpad reads of all units but the store unit", _TASKS),
    Column("replayed_lines", "", "DRAM lines asked for, every operator once", _LINES),
    Column("train_lines", "", "DRAM lines that trains moved", _TRAINS),
    Column("channel_lines", "", "DRAM lines that commands moved", _CHANNEL),
    Column("row_hits", "", "of these, lines for which the row was open", _CHANNEL),
    Column("attention_ps", "ps", "time_ps of the attention operators together", _PATH),
)  # fmt: skip

COMPARED_COLUMNS = (
    Column("workload", "", "name of the trace", "trace: accelsim/workload/trace.py"),
    Column(
        "role", "", "baseline, third (baseline + gather), candidate, candidate_dense",
        "accelsim/simulation.py",
    ),
    Column(
        "speedup", "", "baseline time / this machine's time",
        _COMPARED, "baseline.total_ps / total_ps",
    ),
    Column(
        "attention_speedup", "", "the same over attention operators alone",
        _COMPARED, "baseline.attention_ps / attention_ps",
    ),
    Column(
        "upper_bound", "", "some indices are free to all: the speedup cannot be reached",
        "trace, 'oracle' selections: accelsim/report/words.py",
    ),
    Column(
        "synthetic", "", "patterns generated from parameters, taken from no model",
        "trace: accelsim/workload/trace.py",
    ),
    Column(
        "control", "", "made to be compared with another trace; left out of every mean",
        "name of the trace: accelsim/sweep/trios.py",
    ),
)  # fmt: skip

COMPARED_OPERATOR_COLUMNS = (
    Column(
        "speedup", "", "baseline time / this machine's time, of one operator",
        _COMPARED, "baseline.time_ps / time_ps",
    ),
)  # fmt: skip

# Part of a result's JSON -> its columns. A comparison has the last two.
PARTS: dict[str, tuple[Column, ...]] = {
    "summary": SUMMARY_COLUMNS,
    "operators": OPERATOR_COLUMNS,
    "units": UNIT_COLUMNS,
    "traffic": TRAFFIC_COLUMNS,
    "memory": MEMORY_COLUMNS,
    "critical_path": PATH_COLUMNS,
    "machine": MACHINE_COLUMNS,
    "work": WORK_COLUMNS,
    "counts": COUNT_COLUMNS,
    "compared": COMPARED_COLUMNS,
    "compared_operators": COMPARED_OPERATOR_COLUMNS,
}

Group = tuple[str, str, tuple[Column, ...]]

# Title, file of a report that holds it (empty: the JSON of a run alone), and columns.
GROUPS: tuple[Group, ...] = (
    ("Operators", "summary.csv", OPERATOR_COLUMNS),
    ("Totals", "totals.csv", SUMMARY_COLUMNS),
    ("Units", "units.csv", UNIT_COLUMNS),
    ("DRAM traffic", "traffic.csv", TRAFFIC_COLUMNS),
    ("Critical path", "critical_path.csv", PATH_COLUMNS),
    ("Comparison", "totals.csv", COMPARED_COLUMNS),
    ("Comparison by operator", "summary.csv", COMPARED_OPERATOR_COLUMNS),
    ("DRAM requests", "", MEMORY_COLUMNS),
    ("Machine", "", MACHINE_COLUMNS),
    ("Work of operators", "", WORK_COLUMNS),
    ("Counts", "", COUNT_COLUMNS),
)


class Declared(NamedTuple):
    """A column with the group that it stands in; see `GROUPS` and `Column`."""

    group: str
    file: str
    name: str
    unit: str
    formula: str
    expression: str
    source: str


def declared(groups: Iterable[Group] = GROUPS) -> Iterator[Declared]:
    """Every declared column, group by group."""
    for title, file, columns in groups:
        for each in columns:
            yield Declared(
                title, file, each.name, each.unit, each.formula, each.expression, each.source
            )
