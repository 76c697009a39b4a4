"""Machines that were scaled to be equal in something, as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from accelsim.analysis.comparison import Comparison, OverRange, rival_of
from accelsim.report.files import names
from accelsim.report.words import unseen_range_text


def equal_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """One row a workload and machine that was scaled; empty where none was."""
    rows = []
    for comparison in comparisons:
        equal = comparison.at_equal
        if equal is None:
            continue
        for role, how in equal.machines.items():
            rival, candidate = (comparison.results[r] for r in (rival_of(role), "candidate"))
            why = equal.remarks.get(role)
            rows.append((
                comparison.trace.name, role, equal.measure, equal.unit, equal.table, equal.like,
                how.way, how.other, how.other_ratio, how.factor, how.bytes_factor, how.before,
                how.after, equal.target,
                *_range(equal.ranges.get(role), rival.total_ps / max(1, candidate.total_ps)),
                "" if why is None else unseen_range_text(why, equal.table),
            ))  # fmt: skip
    return pd.DataFrame(rows, columns=names("equal"))


def _range(over: OverRange | None, speedup: float) -> tuple[object, ...]:
    """What the range of the cost table makes of it, if it was looked at."""
    if over is None:
        return (*[math.nan] * 3, "", math.nan, speedup, math.nan, math.nan, "")
    ends = over.spread
    return (
        over.ratio, over.low, over.high, over.decided_by, over.before, speedup, ends.minimum,
        ends.maximum, ends.verdict,
    )  # fmt: skip
