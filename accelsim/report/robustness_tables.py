"""What flips a verdict, what each unit is worth and how far speedups move, as tidy tables.

One CSV file each, with units in the column names, or in a column `unit` where rows differ in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from accelsim.analysis.columns import Column
from accelsim.arch.load import Setting
from accelsim.sweep.robustness import Robustness
from accelsim.sweep.what_if import WhatIf

_WORKLOAD = Column("workload", "", "name of the trace")
_RIVAL = Column("rival", "", "what the candidate is measured against: baseline or third")
_AXIS = Column("axis", "", "what is changed, on every machine alike")
_SETTINGS = Column("settings", "", "what would stand in the YAML, path=value")
_REFUSED = Column("refused", "", "why it could not be run")

FLIP_COLUMNS = (
    _WORKLOAD,
    _RIVAL,
    _AXIS,
    Column("unit", "", "of the values"),
    Column("value_now", "", "value of the machines or the trace as they are"),
    Column("speedup_now", "", "the rival's time / the candidate's time, as they are"),
    Column("flip_factor", "", "nearest factor that was simulated with another machine ahead"),
    Column("flip_value", "", "the value at that factor"),
    Column("flip_speedup", "", "speedup of the candidate at that factor"),
    Column("wins_at_factor", "", "side of the change on which the candidate is ahead"),
    Column("loses_at_factor", "", "side of the change on which it is not"),
    Column("remark", "", "why there is no change, how values were made, what was refused"),
)
FLIP_POINT_COLUMNS = (
    _WORKLOAD,
    _RIVAL,
    _AXIS,
    Column("unit", "", "of the value"),
    Column("factor", "", "value / value now"),
    Column("value", "", "as simulated"),
    Column("speedup", "", "the rival's time / the candidate's time"),
)
ABLATION_COLUMNS = (
    _WORKLOAD,
    Column("without", "", "what is taken away from the candidate"),
    _SETTINGS,
    Column("speedup", "", "baseline time / the candidate's time without it"),
    Column("loss", "", "the candidate's time without it / with it"),
    _REFUSED,
)
SPREAD_WITHIN_COLUMNS = (
    _WORKLOAD,
    _RIVAL,
    Column("over", "", "layers, placements of tensors, seeds of patterns, texts"),
    Column("number", "", "how many of them"),
    Column("geomean", "", "geometric mean of the speedups"),
    Column("minimum", "", "least speedup"),
    Column("maximum", "", "largest speedup"),
    Column("verdict", "", "faster, slower, or sign not established (the spread crosses 1)"),
    Column("remark", "", "how it was varied, or why it was not"),
)
WHAT_IF_COLUMNS = (
    _WORKLOAD,
    Column("architecture", "", "name"),
    Column("change", "", "what is changed of it"),
    _SETTINGS,
    Column("total_ps", "ps", "time with the change"),
    Column("gain", "", "time as it is / time with the change"),
    _REFUSED,
)


class Changed(NamedTuple):
    """What `sweep.what_if` found for a machine on a workload."""

    workload: str
    architecture: str
    changes: Sequence[WhatIf]


def flip_table(found: Iterable[Robustness]) -> pd.DataFrame:
    """One row an axis and rival; see `FLIP_COLUMNS`."""
    rows = [
        (each.workload, f.rival, f.axis, f.unit, f.value_now, f.speedup_now, f.factor, f.value,
         f.speedup, f.wins_at, f.loses_at, f.remark)
        for each in found
        for f in each.flips
    ]  # fmt: skip
    return _table(rows, FLIP_COLUMNS)


def flip_points_table(found: Iterable[Robustness]) -> pd.DataFrame:
    """Everything that was tried; see `FLIP_POINT_COLUMNS`."""
    rows = [
        (each.workload, flip.rival, flip.axis, flip.unit, *point)
        for each in found
        for flip in each.flips
        for point in flip.points
    ]
    return _table(rows, FLIP_POINT_COLUMNS)


def ablation_table(found: Iterable[Robustness]) -> pd.DataFrame:
    """One row a unit that was taken away; see `ABLATION_COLUMNS`."""
    rows = [
        (each.workload, a.name, settings_text(a.settings), a.speedup, a.loss, a.refused)
        for each in found
        for a in each.ablation
    ]
    return _table(rows, ABLATION_COLUMNS)


def spread_within_table(found: Iterable[Robustness]) -> pd.DataFrame:
    """One row a rival and what is varied; see `SPREAD_WITHIN_COLUMNS`."""
    rows: list[list[object]] = []
    for each in found:
        for w in each.spreads:
            over, number = w.spread, len(w.speedups)
            ends: list[object] = [None, None, None, ""]
            if over is not None:
                ends = [over.geomean, over.minimum, over.maximum, over.verdict]
            rows.append([each.workload, w.rival, w.over, number, *ends, w.remark])
    return _table(rows, SPREAD_WITHIN_COLUMNS)


def what_if_table(found: Iterable[Changed]) -> pd.DataFrame:
    """One row a change; see `WHAT_IF_COLUMNS`. What was refused has no time."""
    rows = [
        (each.workload, each.architecture, change.name, settings_text(change.settings),
         None if change.refused else change.total_ps, None if change.refused else change.gain,
         change.refused)
        for each in found
        for change in each.changes
    ]  # fmt: skip
    return _table(rows, WHAT_IF_COLUMNS).astype({"total_ps": "Int64"})


def settings_text(settings: Iterable[Setting]) -> str:
    """Settings as overrides: "index=null; on_chip=384 KiB"."""
    return "; ".join(f"{path}={_yaml(value)}" for path, value in settings)


def _yaml(value: object) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table(rows: Sequence[Sequence[object]], columns: Sequence[Column]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[column.name for column in columns])
