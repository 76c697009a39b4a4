"""The tables of a sweep's report as data, one CSV file each; parameters in inner units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from accelsim.analysis.best import Best
from accelsim.report.sweep_study import CASE, Study

SPEEDUP = "speedup"


def pareto_table(study: Study) -> pd.DataFrame:
    """Every design that ran on all workloads, for each front: those on it first, by number.

    `number` is empty off the front.
    """
    whole = study.designs.complete().reset_index(drop=True)
    parts = []
    for front in study.fronts:
        order = [*front.points, *np.setdiff1d(np.arange(len(whole)), front.points)]
        table = whole.iloc[order][[*study.designs.keys, *study.designs.means]]
        found = len(front.points)
        numbers = [*range(1, found + 1), *[None] * (len(whole) - found)]
        table.insert(0, "front", " and ".join(front.objectives))
        table.insert(1, "number", pd.Series(numbers, table.index, dtype="Int64"))
        table.insert(2, "knee", np.arange(len(whole)) == (-1 if front.knee is None else front.knee))
        parts.append(table)
    names = ["front", "number", "knee", *study.designs.keys]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def effects_table(study: Study) -> pd.DataFrame:
    """Main effects by level: over all, and within each architecture and workload."""
    rows = []
    for objective, response in study.responses.items():
        parts = {("all", ""): response.whole, **response.within}
        for (over, name), found in parts.items():
            for effect in found.effects:
                share = found.main.get(effect.parameter)
                rows.append(
                    (objective, over, name, effect.parameter, *effect.level, effect.settings,
                     effect.effect, share)
                )  # fmt: skip
    names = ["objective", "over", "name", "parameter", "low", "high", "settings", "effect"]
    return pd.DataFrame(rows, columns=[*names, "variance_share"])


def pairs_table(study: Study) -> pd.DataFrame:
    """Share of the variance of every pair; empty where it could not be judged."""
    rows = [
        (objective, *pair)
        for objective, response in study.responses.items()
        for pair in response.whole.pairs
    ]
    return pd.DataFrame(rows, columns=["objective", "first", "second", "variance_share"])


def two_way_table(study: Study) -> pd.DataFrame:
    """Means of the strongest pair of every objective, one row a combination."""
    rows = []
    for objective, response in study.responses.items():
        table = response.strongest
        if table is None:
            continue
        for (row, column), effect in np.ndenumerate(table.effects):
            first, second = table.rows[row], table.columns[column]
            rows.append((objective, table.first, *first, table.second, *second, effect))
    names = ["objective", "first", "first_low", "first_high", "second", "second_low", "second_high"]
    return pd.DataFrame(rows, columns=[*names, "effect"])


def best_table(study: Study) -> pd.DataFrame:
    """The best design by every objective: over all workloads, and in each."""
    rows = []
    for best in study.best:
        case = best.case or ("all", *[None] * len(study.case_columns))
        row: dict[Any, object] = {"objective": best.figure, "direction": best.direction}
        row |= dict(zip([CASE, *study.case_columns], case, strict=True))
        row |= {key: best.row[key] for key in study.designs.keys}
        row |= {"value": best.value, "gain_over_worst": best.gain}
        rows.append(row | {SPEEDUP: speedup_of(study, best), "designs": best.of})
    return pd.DataFrame(rows)


def speedup_of(study: Study, best: Best) -> float | None:
    """Speedup over the plan's baseline, geometric mean over workloads; None where unknown."""
    if SPEEDUP not in study.done.columns:
        return None
    if best.case:
        values = np.array([best.row[SPEEDUP]], float)
    else:
        same = np.ones(len(study.done), bool)
        for key in study.designs.keys:
            own = study.done[key]
            same &= (own.isna() if pd.isna(best.row[key]) else own == best.row[key]).to_numpy()
        values = study.done[SPEEDUP].to_numpy(float)[same]
    # A missing figure, or one of zero, leaves no mean.
    return float(np.exp(np.log(values).mean())) if (values > 0).all() else None
