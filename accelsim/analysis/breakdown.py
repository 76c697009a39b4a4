"""The critical path by what it was spent on: MACs, feed, conflicts, DRAM, vector, index, ..."""

from __future__ import annotations

import numpy as np
import pandas as pd

from accelsim.analysis.repeats import counted_path
from accelsim.analysis.result import Result

# What the path was spent on, and which units or parts of an array task that is.
PARTS = (
    "MAC slots", "array feed", "row imbalance", "bank conflicts", "array fill and drain",
    "DRAM reads", "DRAM writes", "vector lanes", "index unit", "scatter unit", "dispatch",
)  # fmt: skip
_UNIT_PART = {
    "load": "DRAM reads",
    "store": "DRAM writes",
    "vector": "vector lanes",
    "index": "index unit",
    "scatter": "scatter unit",
}


def path_parts(result: Result) -> pd.DataFrame:
    """Time on the critical path by operator kind and part.

    A segment of an array task is divided in proportion to the task's own counters: useful cycles,
    waiting for operands (of that, for the slowest row), bank conflicts, and the rest, which fills
    and drains the array, as does what goes beyond its occupancy. Other segments are whole.

    Returns
    -------
    pandas.DataFrame
        Columns kind, part and time_ps (float); the rows sum to the total.
    """
    program = result.program
    counted = counted_path(result.arch, result.trace, program, result.schedule)
    task = counted.task
    names, kind_of = np.unique([op.kind for op in result.trace.operators], return_inverse=True)
    part_of = np.array([PARTS.index(_UNIT_PART.get(n, "dispatch")) for n in program.units.name])
    is_array = np.array([name == "array" for name in program.units.name])[program.unit[task]]
    # Numbers for names until everything is summed: a path has as many segments as tasks.
    kind = kind_of[program.operator[task]]
    rest = pd.DataFrame(
        {
            "kind": kind,
            "part": part_of[program.unit[task]],
            "time_ps": counted.time_ps.astype(float),
        }
    )[~is_array]
    length, times = counted.length_ps[is_array], counted.times[is_array]
    pieces = [rest, *_array_pieces(result, task[is_array], kind[is_array], length, times)]
    joined = pd.concat(pieces, ignore_index=True)
    sums = joined.groupby(["kind", "part"], sort=False)["time_ps"].sum().reset_index()
    return sums.assign(kind=names[sums["kind"]], part=np.array(PARTS)[sums["part"]])


def _array_pieces(
    result: Result, task: np.ndarray, kind: np.ndarray, length: np.ndarray, times: np.ndarray
) -> list[pd.DataFrame]:
    counters = result.program.counters
    occupancy = np.maximum(result.program.occupancy_ps[task], 1)
    held = np.minimum(length, occupancy) / occupancy
    stalled = counters["input_stall_ps"][task]
    imbalance = np.minimum(counters["imbalance_ps"][task], stalled)
    found = {
        "MAC slots": counters["busy_ps"][task] * held,
        "array feed": (stalled - imbalance) * held,
        "row imbalance": imbalance * held,
        "bank conflicts": counters["conflict_stall_ps"][task] * held,
    }
    found["array fill and drain"] = np.maximum(0, length - sum(found.values()))
    return [
        pd.DataFrame({"kind": kind, "part": PARTS.index(part), "time_ps": time * times})
        for part, time in found.items()
    ]
