"""Machines that were scaled to be equal in something, as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from accelsim.analysis.comparison import Comparison, rival_of
from accelsim.report.files import names
from accelsim.report.words import unseen_range_text


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
            row += [how.way, how.other, math.nan if how.other_ratio is None else how.other_ratio]
            row += [how.factor, how.bytes_factor, how.before, how.after, equal.target]
            rival, candidate = (comparison.results[r] for r in (rival_of(role), "candidate"))
            speedup = rival.total_ps / max(1, candidate.total_ps)
            over = equal.ranges.get(role)
            if over is None:
                row += [math.nan] * 3 + ["", math.nan, speedup] + [math.nan] * 2 + [""]
            else:
                row += [over.ratio, over.low, over.high, over.decided_by, over.before, speedup]
                row += [over.spread.minimum, over.spread.maximum, over.spread.verdict]
            why = equal.remarks.get(role)
            row.append("" if why is None else unseen_range_text(why, equal.table))
            rows.append(row)
    return pd.DataFrame(rows, columns=names("equal"))
