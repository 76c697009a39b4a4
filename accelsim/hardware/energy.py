"""Energy of a run, by operator and component: actions x energy of each, leakage x time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from accelsim.analysis.result import Result
from accelsim.cost.figure import Figure
from accelsim.cost.figure import total as sum_of
from accelsim.cost.table import CostTable
from accelsim.hardware.area import chip_area, chip_power
from accelsim.hardware.catalogue import components
from accelsim.hardware.columns import ACTION_COLUMNS, OPERATOR_ENERGY_COLUMNS, group_column
from accelsim.hardware.component import GROUPS, OFF_CHIP, Component, Priced
from accelsim.hardware.counts import counts
from accelsim.workload.trace import Trace

PJ_PER_MW_PS = 1e-3
LEAKAGE = "leakage"


@dataclass(frozen=True)
class Energy:
    """Energy of a Result.

    Attributes
    ----------
    table : str
        Name of the cost table.
    actions : pandas.DataFrame
        `ACTION_COLUMNS`: what was done how often, and its energy.
    operators : pandas.DataFrame
        `OPERATOR_ENERGY_COLUMNS`: energy of every operator by group of components.
    summary : dict
        `ENERGY_COLUMNS`.
    """

    table: str
    actions: pd.DataFrame
    operators: pd.DataFrame
    summary: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Tables as plain lists and dictionaries."""
        return {
            "table": self.table,
            "summary": self.summary,
            "actions": self.actions.to_dict("records"),
            "operators": self.operators.to_dict("records"),
        }


def energy_of(result: Result, table: CostTable) -> Energy:
    """Energy of a run by the figures of a cost table.

    Parameters
    ----------
    result : Result
    table : CostTable

    Raises
    ------
    InputError
        The table lacks an action that the machine needs.
    """
    parts = components(result.arch, table)
    spent = _spent(result, parts)
    return Energy(
        table.name,
        pd.DataFrame(spent.rows, columns=[column.name for column in ACTION_COLUMNS]),
        _operators(result, spent.groups),
        _summary(result, table, parts, spent.rows),
    )


def energy_summary(
    result: Result, table: CostTable, parts: tuple[Component, ...]
) -> dict[str, Any]:
    """`Energy.summary` alone, of a machine whose components are at hand: no table is made."""
    return _summary(result, table, parts, _spent(result, parts).rows)


class _Spent(NamedTuple):
    """`groups` : float64[operators], pJ of each group; `rows` : of `ACTION_COLUMNS`."""

    groups: dict[str, np.ndarray]
    rows: list[dict[str, Any]]


def _spent(result: Result, parts: tuple[Component, ...]) -> _Spent:
    done = counts(result, parts)
    times = result.operators["time_ps"].to_numpy(float)
    groups = {group: np.zeros(times.size) for group in GROUPS}
    rows: list[dict[str, Any]] = []
    for part in parts:
        for name, priced in part.actions.items():
            count = done.get((part.group, part.name, name))
            if count is not None:
                rows += _add(groups, part, name, priced, count, 1.0)
        if part.leakage:
            rows += _add(groups, part, LEAKAGE, part.leakage, times, PJ_PER_MW_PS)
    return _Spent(groups, rows)


def _add(
    groups: dict[str, np.ndarray],
    part: Component,
    action: str,
    priced: Sequence[Priced],
    count: np.ndarray,
    factor: float,
) -> list[dict[str, Any]]:
    """Add an action to the energy of operators; its rows, one for each entry that it hangs on."""
    rows, total = [], float(count.sum())
    by_entry: dict[str, list[Figure]] = {}
    for figure, entry in priced:
        by_entry.setdefault(entry, []).append(figure)
    for entry, figures in by_entry.items():
        figure = figures[0] if len(figures) == 1 else sum_of(figures, f"parts of {part.name}")
        groups[part.group] += count * (figure.value * factor)
        rows.append(
            {
                "group": part.group,
                "component": part.name,
                "action": action,
                "entry": entry,
                "count": total,
                "each": figure.value,
                "unit": figure.unit,
                "energy_pj": total * figure.value * factor,
                "low_pj": total * figure.low * factor,
                "high_pj": total * figure.high * factor,
                "mark": figure.mark,
                "unverified": figure.unverified,
                "source": figure.source,
            }
        )
    return rows


def _operators(result: Result, groups: dict[str, np.ndarray]) -> pd.DataFrame:
    table: dict[str, Any] = {
        "operator": result.operators["operator"].to_numpy(),
        "scope": result.operators["scope"].to_numpy(),
    }
    table |= {group_column(group): values for group, values in groups.items()}
    table["energy_pj"] = np.sum(list(groups.values()), axis=0)
    return pd.DataFrame(table, columns=[column.name for column in OPERATOR_ENERGY_COLUMNS])


def tokens(trace: Trace) -> int:
    """Tokens that a run makes or reads: one a sequence in decoding, else all of them."""
    return trace.batch * (1 if trace.phase == "decode" else trace.seq_len)


def _summary(
    result: Result, table: CostTable, parts: tuple[Component, ...], rows: list[dict[str, Any]]
) -> dict[str, Any]:
    energy, low, high = (_sum(rows, f"{end}_pj") for end in ("energy", "low", "high"))
    dram = [row for row in rows if row["group"] == OFF_CHIP]
    static = [row for row in rows if row["action"] == LEAKAGE and row["group"] != OFF_CHIP]
    seconds = result.total_ps * 1e-12
    return {
        "cost_table": table.name,
        "energy_pj": energy,
        "energy_low_pj": low,
        "energy_high_pj": high,
        "dram_energy_pj": _sum(dram),
        "leakage_pj": _sum(static),
        "tokens": tokens(result.trace),
        "token_pj": energy / max(1, tokens(result.trace)),
        "power_w": energy * 1e-12 / seconds if seconds else 0.0,
        "tops_per_w": 2 * result.summary["effectual_macs"] / energy if energy else 0.0,
        "edp_js": energy * 1e-12 * seconds,
        "area_mm2": chip_area(parts).value,
        "peak_power_w": chip_power(parts, result.arch.clock_ps).value,
        "unverified_share": _sum(row for row in rows if row["unverified"]) / max(energy, 1e-300),
    }


def _sum(rows: Iterable[dict[str, Any]], name: str = "energy_pj") -> float:
    return math.fsum(row[name] for row in rows)
