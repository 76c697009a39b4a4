"""The table of a sweep: one row a point, its columns, and reading it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from accelsim.errors import InputError, unknown_name
from accelsim.sweep.plan import Plan

PLANS = "plans"
FIRST = ("point", "architecture", "workload")
LAST = ("limited_by", "limited_share", "error", "hash")


class SweepTable(NamedTuple):
    """A plan and its results.

    `frame` : one row a point, in the order of the plan: `FIRST`, a column for every parameter
    (`Plan.column`; empty where the architecture does not have it), the columns of
    `SUMMARY_COLUMNS` that are figures, `Plan.metrics`, `speedup` where the plan names a baseline,
    and `LAST`. Where `error` is not empty the point failed and has no figures.
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
        frame = pd.read_csv(folder / PLANS / f"{name}.csv", float_precision="round_trip")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"cannot be read: {error}", where=str(folder / PLANS)) from None
    return SweepTable(plan, frame)
