"""What the gather and scatter units did, tile by tile, from the real indices.

Tiles of an operator that stands for several are listed once, at the time of the replay.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from accelsim.analysis.columns import Column
from accelsim.analysis.result import Result

TILE_COLUMNS = (
    Column("operator", "", "index in the trace"),
    Column("scope", "", "name in the model"),
    Column("unit", "", "load (gathers), scatter or vector (adds rows)"),
    Column("tile", "", "number of the tile in its operator and unit"),
    Column("start_ps", "ps", "start of its task"),
    Column("cycles", "cycles", "start to finish of its task"),
    Column("rows", "", "row indices of the tile"),
    Column("requested_lines", "", "lines requested from DRAM"),
    Column("duplicate_lines", "", "lines that the duplicate window dropped"),
    Column("cache_hits", "", "lines found in the gather cache"),
    Column("bank_stall_cycles", "cycles", "way back stopped by a full scratchpad bank queue"),
    Column("conflict_stall_cycles", "cycles", "adding stopped by a full accumulator bank queue"),
    Column("combined_rows", "", "rows added together with an equal one that waited"),
    Column("fetched_rows", "", "rows read into the accumulators"),
    Column("written_rows", "", "rows written back to make room, while rows are added"),
)

_COUNTS = ("duplicate_lines", "cache_hits", "combined_rows", "fetched_rows", "written_rows")


def tile_table(result: Result) -> pd.DataFrame:
    """One row for each tile that was gathered or scattered, with the columns `TILE_COLUMNS`."""
    program, schedule, counters = result.program, result.schedule, result.program.counters
    rows = counters["gathered_rows"] + counters["added_rows"]
    task = np.flatnonzero(rows)
    ps = result.arch.clock_ps
    unit = program.unit[task]
    table = pd.DataFrame(
        {
            "operator": program.operator[task],
            "scope": [result.trace.operators[i].scope for i in program.operator[task]],
            "unit": np.array(program.units.name)[unit],
            "tile": 0,
            "start_ps": schedule.start[task],
            "cycles": -(-(schedule.finish[task] - schedule.start[task]) // ps),
            "rows": rows[task],
            "requested_lines": counters["gathered_lines"][task],
            "bank_stall_cycles": -(-schedule.bank_stall_ps[task] // ps),
            "conflict_stall_cycles": counters["conflict_stall_ps"][task] // ps,
            **{name: counters[name][task] for name in _COUNTS},
        }
    )
    adds = counters["added_rows"][task] > 0
    table.loc[~adds, "unit"] = "load"  # also a tile whose lines all were in the cache
    table["tile"] = table.groupby(["operator", "unit"]).cumcount()
    return table[[column.name for column in TILE_COLUMNS]]
