"""What limits several operators together."""

from __future__ import annotations

import pandas as pd


def leading_limit(rows: pd.DataFrame) -> tuple[str, float]:
    """What holds the largest part of the time of several operators, and that part.

    `rows` : of `Result.operators`.
    """
    held = rows["limited_share"] * rows["time_ps"]
    by_limit = held.groupby(rows["limited_by"], sort=False).sum()
    if not by_limit.sum():
        return str(rows["limited_by"].iloc[0]), 0.0
    return str(by_limit.idxmax()), float(by_limit.max() / rows["time_ps"].sum())
