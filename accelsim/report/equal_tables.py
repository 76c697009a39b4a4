"""Machines that were scaled to be equal in something, as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from accelsim.analysis.comparison import Comparison
from accelsim.report.files import names


def equal_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """One row a workload and machine that was scaled; empty where none was."""
    rows = []
    for comparison in comparisons:
        equal = comparison.at_equal
        for role, how in ({} if equal is None else equal.machines).items():
            assert equal is not None
            row: list[object] = [
                comparison.trace.name,
                role,
                equal.measure,
                equal.unit,
                equal.table,
                equal.like,
            ]
            row += [how.factor, how.bytes_factor, how.before, how.after, equal.target]
            over = equal.ranges.get(role)
            if over is None:
                row += [math.nan] * 3 + [""] + [math.nan] * 4 + [""]
            else:
                row += [over.ratio, over.low, over.high, over.decided_by, over.before]
                row += [over.speedups[0], over.spread.minimum, over.spread.maximum]
                row.append(over.spread.verdict)
            rows.append(row)
    return pd.DataFrame(rows, columns=names("equal"))
