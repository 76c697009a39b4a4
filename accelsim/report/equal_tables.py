"""Machines that were scaled to be equal in something, as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from accelsim.analysis.comparison import Comparison, OverRange
from accelsim.report.files import names

NO_RANGE = (*[math.nan] * 3, "", *[math.nan] * 4, "")


def equal_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """One row a workload and machine that was scaled; empty where none was."""
    rows = []
    for comparison in comparisons:
        equal = comparison.at_equal
        if equal is None:
            continue
        for role, how in equal.machines.items():
            rows.append((
                comparison.trace.name, role, equal.measure, equal.unit, equal.table, equal.like,
                how.factor, how.bytes_factor, how.before, how.after, equal.target,
                *_range(equal.ranges.get(role)),
            ))  # fmt: skip
    return pd.DataFrame(rows, columns=names("equal"))


def _range(over: OverRange | None) -> tuple[object, ...]:
    """What the range of the cost table makes of it, if it was looked at."""
    if over is None:
        return NO_RANGE
    spread = over.spread
    return (
        over.ratio, over.low, over.high, over.decided_by, over.before, over.speedups[0],
        spread.minimum, spread.maximum, spread.verdict,
    )  # fmt: skip
