"""What a search makes better: the objectives of a plan, of a design on all its workloads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from accelsim.errors import InputError
from accelsim.sweep.design import Design, Designer
from accelsim.sweep.table import SPEEDUP

MAXIMISE = "maximise"
SMALL = {"edp_js": 1e24}  # in pJ ps, so that of these too ratios count


def check_objectives(designer: Designer) -> None:
    """Refuse a plan that says nothing to search for.

    Raises
    ------
    InputError
        No objective, or one that is not a figure of the design alone.
    """
    plan = designer.plan
    if not plan.objectives:
        raise InputError(
            "a search needs an objective", where=designer.where("objectives"),
            remedy="name a column, such as 'total_ps: minimise'",
        )  # fmt: skip
    if SPEEDUP.name in plan.objectives:
        raise InputError(
            "'speedup' depends on other points than the one asked for",
            where=designer.where("objectives", SPEEDUP.name), remedy="search for total_ps instead",
        )  # fmt: skip


def objective_values(
    designer: Designer, designs: Sequence[Design], recorded: Sequence[dict[str, Any] | None]
) -> tuple[float, ...] | None:
    """Every objective of a design: its geometric mean over the workloads.

    Parameters
    ----------
    designer : Designer
    designs : sequence of Design
        The same on every workload of the plan.
    recorded : sequence of dict or None
        What the store has of each.

    Returns
    -------
    tuple of float, or None
        None where a workload has no figures.

    Raises
    ------
    InputError
        An objective is no number, or has no geometric mean.
    """
    rows: list[dict[str, Any]] = []
    for design, found in zip(designs, recorded, strict=True):
        if found is None or "figures" not in found:
            return None
        rows.append({**found["figures"], **designer.computed(design, found["figures"])})
    means = []
    for name in designer.plan.objectives:
        values = [row[name] for row in rows]
        if not all(_is_number(value) for value in values):
            return None
        where = designer.where("objectives", name)
        means.append(float(values[0]) if len(values) == 1 else _geometric_mean(values, where))
    return tuple(means)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _geometric_mean(values: Sequence[float], where: str) -> float:
    if min(values) < 0:
        raise InputError(f"{min(values)} has no geometric mean over workloads", where=where)
    if min(values) == 0:
        return 0.0
    return math.exp(sum(math.log(value) for value in values) / len(values))


def minimised(plan_objectives: dict[str, Any], values: Sequence[float]) -> list[float]:
    """The values as a sampler is told them: smaller is better; of large ones, ratios count."""
    told = []
    for (name, way), value in zip(plan_objectives.items(), values, strict=True):
        size = math.log1p(abs(value) * SMALL.get(name, 1.0))
        told.append((-1.0 if way == MAXIMISE else 1.0) * math.copysign(size, value))
    return told
