"""What the expressions of `columns` need beside the tables: the machine, the work, and counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from accelsim.analysis.states import task_lines
from accelsim.arch.spec import Arch
from accelsim.engine.program import Program
from accelsim.engine.schedule import Schedule
from accelsim.workload.statistics import tensor_bytes
from accelsim.workload.trace import Trace


def machine_terms(arch: Arch) -> dict[str, int]:
    """Figures of an architecture, see `MACHINE_COLUMNS`."""
    return {
        "clock_ps": arch.clock_ps,
        "array_macs": arch.array.macs,
        "scratchpad_bytes": arch.scratchpad_bytes,
        "dram_bytes_per_second": arch.dram.bandwidth,
        "dram_line_bytes": arch.dram.line,
    }


def work_terms(arch: Arch, trace: Trace, operators: pd.DataFrame) -> list[dict[str, Any]]:
    """Type and size of every operator, see `WORK_COLUMNS`.

    `operators` : see `Result.operators`.
    """
    return [
        {
            "operator": number,
            "dtype": op.dtype,
            "mac_rate": arch.rate(op.dtype),
            "peak_macs_per_cycle": arch.peak_macs_per_cycle(op.dtype),
            "tensor_bytes": tensor_bytes(op),
            "effectual_slots": int(operators["effectual_macs"][number]) / arch.rate(op.dtype),
        }
        for number, op in enumerate(trace.operators)
    ]


def count_terms(
    arch: Arch,
    trace: Trace,
    program: Program,
    schedule: Schedule,
    repeats: np.ndarray,
    operators: pd.DataFrame,
) -> dict[str, Any]:
    """What was counted over all tasks and lines, see `COUNT_COLUMNS`.

    `repeats` : int64[tasks], how often each counts. `operators` : see `Result.operators`.
    """
    rates = [arch.rate(op.dtype) for op in trace.operators]
    macs = operators["effectual_macs"]
    read = program.counters["read_bytes"] * repeats
    store = program.units.name.index("store")
    return {
        # A type with rate r takes 1 / r of a slot of the array.
        "effectual_slots": float(sum(m / r for m, r in zip(macs, rates, strict=True))),
        "issued_slots": int(program.counters["issued_slots"] @ repeats),
        "delivered_bytes": int(read[program.unit != store].sum()),
        "replayed_lines": int(task_lines(program).sum()),
        "train_lines": int(schedule.train_lines.sum()),
        "channel_lines": int(schedule.channel_lines.sum()),
        "row_hits": int(schedule.channel_row_hits.sum()),
        "attention_ps": int(operators.loc[operators["kind"] == "attention", "time_ps"].sum()),
    }
