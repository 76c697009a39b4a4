"""Every column of a Result's tables, declared once with its unit and formula.

An operator that stands for r equal ones counts r times in every sum and every time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A figure: its name, its unit and how it is computed."""

    name: str
    unit: str
    formula: str


STATES = (
    "busy", "stall:input", "stall:memory", "stall:buffer", "stall:conflict", "fill_drain", "idle",
)  # fmt: skip

OPERATOR_COLUMNS = (
    Column("operator", "", "index in the trace"),
    Column("scope", "", "name in the model"),
    Column("kind", "", "operator kind"),
    Column("repeat", "", "equal operators that it stands for; sums and times are of all of them"),
    Column("time_ps", "ps", "share of the end-to-end critical path; rows sum to the total"),
    Column("span_ps", "ps", "first start to last finish of its tasks, x repeat"),
    Column("effectual_macs", "MAC", "both operands nonzero and the output kept; from the trace"),
    Column("issued_macs", "MAC", "MACs that the array executed, masked ones included"),
    Column("overhead_macs", "MAC", "issued MACs that predict indices or score pairs not kept"),
    Column("dram_bytes", "B", "DRAM lines moved x line size"),
    Column("useful_bytes", "B", "bytes requested from DRAM"),
    Column("utilization", "", "effectual MACs / (peak MACs per second of the type x time_ps)"),
    Column("intensity", "MAC/B", "effectual_macs / dram_bytes"),
    Column("working_set", "", "tensor bytes of one such operator / scratchpad bytes"),
    Column("limited_by", "", "what holds the largest share of its critical path"),
    Column("limited_share", "", "that share of time_ps"),
    Column("mapping", "", "loop nest and choices"),
)

UNIT_COLUMNS = (
    Column("unit", "", "name of the unit"),
    Column("servers", "", "tasks at once"),
    *(Column(f"{state}_ps", "ps", "time of all servers in this state") for state in STATES),
    Column("occupancy", "", "busy / (servers x total)"),
)

TRAFFIC_COLUMNS = (
    Column("operator", "", "index in the trace"),
    Column("scope", "", "name in the model"),
    Column("cause", "", "what the bytes are for"),
    Column("unique_bytes", "B", "distinct bytes that the operator touches"),
    Column("requested_bytes", "B", "bytes requested, repeats included"),
    Column("over_fetch_bytes", "B", "rest of the lines that requests touch"),
    Column("dram_bytes", "B", "requested + over-fetch"),
)

MEMORY_COLUMNS = (
    Column("requester", "", "unit that asks"),
    Column("requests", "", "lines asked for"),
    Column("dram_bytes", "B", "requests x line size"),
    Column("dram_share", "", "dram_bytes / (peak bandwidth x total)"),
    Column(
        "read_latency_ns", "ns", "mean over reads replayed, issue to the scratchpad's bank queue"
    ),
    Column("bank_stall_ps", "ps", "way back stopped by a full bank queue"),
    Column("bank_waits", "", "reads replayed, by lines waiting in their bank: none, one, ..."),
)

PATH_COLUMNS = (
    Column("scope", "", "operator"),
    Column("unit", "", "unit on the critical path"),
    Column("time_ps", "ps", "its share of the critical path"),
)

SUMMARY_COLUMNS = (
    Column("architecture", "", "name"),
    Column("workload", "", "name"),
    Column("replayed_in", "", "number type of the replay; empty: each operator's own"),
    Column("total_ps", "ps", "last finish; sum of operators' time_ps where some are repeated"),
    Column("replayed_ps", "ps", "last finish of what was replayed, every operator once"),
    Column("total_cycles", "cycles", "total_ps / clock period"),
    Column("clock_ghz", "GHz", "1000 / clock period in ps"),
    Column("effectual_macs", "MAC", "sum over operators"),
    Column("issued_macs", "MAC", "sum over operators"),
    Column("overhead_macs", "MAC", "sum over operators"),
    Column("overall_utilization", "", "effectual MAC slots / (peak x total)"),
    Column("array_occupancy", "", "array busy / total"),
    Column("mapping_efficiency", "", "issued MAC slots / slots offered while busy"),
    Column("effectual_fraction", "", "effectual / issued MAC slots"),
    Column("dram_bytes", "B", "DRAM lines moved x line size"),
    Column("dram_utilization", "", "dram_bytes / (peak bandwidth x total)"),
    Column("train_fraction", "", "lines that trains moved / lines asked for"),
    Column("row_hit_rate", "", "lines that found their row open / lines that commands moved"),
    Column("fetch_efficiency", "", "requested / DRAM bytes"),
    Column("on_chip_reuse", "", "bytes delivered to units / DRAM bytes"),
    Column("scratchpad_read_bytes", "B", "bytes that units read from the scratchpad"),
)
