"""The table of a sweep: one row a point, its columns, and reading it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from accelsim.analysis.columns import SUMMARY_COLUMNS, Column
from accelsim.errors import InputError, unknown_name
from accelsim.sweep.costs import COST_FIGURES, TABLE
from accelsim.sweep.plan import Plan, suffix_unit
from accelsim.sweep.store import PLANS

FIRST = (
    Column("point", "", "number of the point in its plan"),
    Column("architecture", "", "name in the plan"),
    Column("workload", "", "name in the plan"),
)
SPEEDUP = Column(
    "speedup", "", "baseline time / total_ps, at equal values of the parameters that both have"
)
LAST = (
    Column("limited_by", "", "what holds the largest share of the critical path"),
    Column("limited_share", "", "that share"),
    TABLE,
    Column("error", "", "why there are no figures"),
    Column("hash", "", "the file below points/ that holds them"),
    Column("model", "", "version of the model that ran it"),
)
SIMULATED = tuple(
    column
    for column in SUMMARY_COLUMNS
    if column.name not in ("architecture", "workload", "replayed_in")
)
FIGURES = (*SIMULATED, *COST_FIGURES)
# Names that every table holds, and that of all plans.
FIXED_COLUMNS = ("plan", *(column.name for column in (*FIRST, SPEEDUP, *LAST)))


def figure_columns(plan: Plan) -> list[str]:
    """Columns that a plan's objectives may name beside its metrics."""
    return [column.name for column in (*FIGURES, *[SPEEDUP] * (plan.baseline is not None))]


def table_columns(plan: Plan) -> list[Column]:
    """Every column of a plan's table, in order."""
    varied = [
        Column(plan.column(name), suffix_unit(parameter), ", ".join(parameter.path))
        for name, parameter in plan.parameters.items()
    ]
    metrics = [Column(name, "", text) for name, text in plan.metrics.items()]
    speedup = [SPEEDUP] * (plan.baseline is not None)
    return [*FIRST, *varied, *FIGURES, *metrics, *speedup, *LAST]


class SweepTable(NamedTuple):
    """A plan and its results.

    `frame` : one row a point, in the order of the plan, see `table_columns`; a parameter that the
    architecture does not have is empty. Where `error` is not empty the point has no figures.
    """

    plan: Plan
    frame: pd.DataFrame

    def done(self) -> pd.DataFrame:
        """The rows that have figures."""
        return self.frame[self.frame["error"].isna()]


def read_table(folder: str | Path, name: str | None = None) -> SweepTable:
    """Read the results of a plan from the folder of a sweep.

    Parameters
    ----------
    folder : str or Path
    name : str, optional
        Name of the plan, needed where the folder holds the results of several.

    Raises
    ------
    InputError
        No results are here, or no plan of that name.
    """
    folder = Path(folder)
    found = sorted(path.stem for path in (folder / PLANS).glob("*.csv"))
    if not found and any((folder / PLANS).glob("*.json")):
        raise InputError(
            "its sweep has not ended",
            where=str(folder),
            remedy="run it again, it goes on where it was",
        )
    if not found:
        raise InputError(
            "no results of a sweep are here", where=str(folder), remedy="name the --out of a sweep"
        )
    if name is None and len(found) > 1:
        listed = ", ".join(found)
        raise InputError(f"holds several plans: {listed}", where=str(folder), remedy="--plan NAME")
    name = found[0] if name is None else name
    if name not in found:
        raise unknown_name("plan", name, found, where=str(folder))
    try:
        text = (folder / PLANS / f"{name}.json").read_text(encoding="utf-8")
        plan = Plan.model_validate(json.loads(text)["plan"])
        frame = pd.read_csv(folder / PLANS / f"{name}.csv")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"cannot be read: {error}", where=str(folder / PLANS)) from None
    return SweepTable(plan, frame)
