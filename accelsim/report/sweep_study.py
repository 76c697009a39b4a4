"""What a finished sweep shows, before it is drawn: designs, fronts, what matters, what is best."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from accelsim.analysis.best import Best, Designs, best_designs, designs_of
from accelsim.analysis.levels import several
from accelsim.analysis.pareto import front, knee, spans_a_decade
from accelsim.analysis.sensitivity import Sensitivity, TwoWay, sensitivity, two_way
from accelsim.errors import InputError
from accelsim.report.sweep_words import NONE, UNSET, name_text, value_text
from accelsim.sweep.costs import RANGES
from accelsim.sweep.plan import WORKLOAD, Grid, Listed, Plan
from accelsim.sweep.table import SweepTable

ARCHITECTURE, CASE = "architecture", "workload"


class Front(NamedTuple):
    """The Pareto front of two objectives over the designs that ran on every case.

    `points` : int64[found], rows of `Designs.complete`, best in the first objective first. `knee` :
    place in `points`, None without one. `log` : which axes are logarithmic, those on which the
    designs span more than a decade.
    """

    objectives: tuple[str, str]
    maximise: tuple[bool, bool]
    log: tuple[bool, bool]
    points: np.ndarray
    knee: int | None


class Response(NamedTuple):
    """How the parameters move an objective: over all, and within one architecture or workload.

    `within` : "architecture" or "workload" and its name -> the same from its rows alone, where
    there are several. `strongest` : means of the pair that interacts most, None without a pair that
    could be judged.
    """

    whole: Sensitivity
    within: dict[tuple[str, str], Sensitivity]
    strongest: TwoWay | None


class Study(NamedTuple):
    """A sweep, studied.

    `rows` : all of them; `done` : those with figures. `columns` : column -> name of every parameter
    that takes several values. `case_columns` : those of them that change the workload, not the
    design. `without_front` : why there is no front, or empty. `responses` : by objective;
    `not_studied` : objective -> why it has none.
    """

    plan: Plan
    rows: pd.DataFrame
    done: pd.DataFrame
    columns: dict[str, str]
    case_columns: list[str]
    designs: Designs
    best: list[Best]
    fronts: list[Front]
    without_front: str
    responses: dict[str, Response]
    not_studied: dict[str, str]

    @property
    def design_columns(self) -> dict[str, str]:
        """Column -> name of the parameters of a design."""
        return {c: name for c, name in self.columns.items() if c not in self.case_columns}

    def case_text(self, case: tuple[object, ...]) -> str:
        """A case in words: the workload and what was varied of it."""
        varied = [
            f"{self.columns[column]} {value_text(column, value)}"
            for column, value in zip(self.case_columns, case[1:], strict=True)
        ]
        return f"{case[0]} ({', '.join(varied)})" if varied else str(case[0])


def study_of(table: SweepTable, where: str) -> Study:
    """Find what a sweep shows.

    Raises
    ------
    InputError
        No point has figures, or an objective is no column of figures.
    """
    plan, rows = table.plan, _with_unset(table)
    _check(plan, rows, where)
    done = rows[rows["error"].isna()].dropna(subset=list(plan.objectives))
    names = {plan.column(name): name for name in plan.parameters}
    columns = {c: names[c] for c in several(done, [c for c in names if c in done.columns])}
    cases = [c for c, name in columns.items() if _is_of_workload(plan, name)]
    keys = [ARCHITECTURE, *(c for c in columns if c not in cases)]
    figures = [*plan.objectives, *_range_columns(plan, done)]
    designs = designs_of(done, keys, [CASE, *cases], figures)
    fronts, why = _fronts(designs, plan.objectives)
    responses, not_studied = {}, {}
    for objective in plan.objectives:
        if not columns:
            not_studied[objective] = "no parameter takes more than one value"
        elif not (done[objective] > 0).all():
            not_studied[objective] = "it is not positive everywhere, so it has no logarithm"
        else:
            responses[objective] = _response(done, columns, objective, _continuous(plan))
    best = best_designs(done, designs, plan.objectives)
    return Study(
        plan, rows, done, columns, cases, designs, best, fronts, why, responses, not_studied
    )  # fmt: skip


def _range_columns(plan: Plan, done: pd.DataFrame) -> list[str]:
    """Low and high ends of the objectives that have them, objectives themselves left out."""
    ends = [end for name in plan.objectives for end in RANGES.get(name, ())]
    return [end for end in ends if end in done.columns and end not in plan.objectives]


def _check(plan: Plan, frame: pd.DataFrame, where: str) -> None:
    if frame.empty:
        raise InputError(
            "the results hold no point", where=where, remedy="its constraints may leave out all"
        )
    done = frame[frame["error"].isna()]
    if done.empty:
        first = frame["error"].iloc[0]
        raise InputError(f"all {len(frame)} points failed, the first with: {first}", where=where)
    if not plan.objectives:
        remedy = "name one in the plan, such as 'total_ps: minimise', and run it again"
        raise InputError("the plan has no objective", where=where, remedy=remedy)
    for objective in plan.objectives:
        if objective not in frame.columns:
            raise InputError(f"objective '{objective}' is no column of the results", where=where)
        if not pd.api.types.is_numeric_dtype(done[objective]):
            raise InputError(f"objective '{objective}' holds no figures", where=where)
    if done.dropna(subset=list(plan.objectives)).empty:
        raise InputError("no point has a figure for every objective", where=where)


def _with_unset(table: SweepTable) -> pd.DataFrame:
    """Say where a parameter is left as it is or is none, so that empty means it does not apply."""
    # A metric that divides by zero is infinite, and no figure.
    plan, frame = table.plan, table.frame.replace([np.inf, -np.inf], np.nan)
    labels = [entry.label for entry in plan.architectures]
    for name in plan.parameters:
        column = plan.column(name)
        if column not in frame.columns:
            continue
        having = [label for arch, label in enumerate(labels) if plan.applies(name, arch)]
        unset = frame[column].isna() & frame[ARCHITECTURE].isin(having)
        if unset.any():
            text = UNSET if isinstance(plan.sampling, Listed) else NONE
            frame[column] = frame[column].astype(object).where(~unset, text)
    return frame


def _is_of_workload(plan: Plan, name: str) -> bool:
    """Whether a parameter makes another workload, not another design.

    In a grid every design meets every value of it; elsewhere it is drawn with the design, and must
    stay a part of it.
    """
    parameter = plan.parameters[name]
    of_workload = all(path.startswith(WORKLOAD) for path in parameter.path)
    return of_workload and isinstance(plan.sampling, Grid) and not parameter.only


def _continuous(plan: Plan) -> set[str]:
    """Columns of the parameters that were drawn from a range."""
    if isinstance(plan.sampling, Grid | Listed):
        return set()
    return {plan.column(n) for n, p in plan.parameters.items() if p.range is not None}


def _fronts(designs: Designs, objectives: Mapping[str, str]) -> tuple[list[Front], str]:
    """A front for each pair of objectives, or why there is none."""
    if len(objectives) < 2:
        only = name_text(next(iter(objectives)))
        return [], f"The plan has one objective, {only}: there is nothing to trade against it."
    whole = designs.complete()
    if whole.empty:
        return [], "No design ran on every workload, so none can be compared over all of them."
    found = []
    for first, other in combinations(objectives, 2):
        values = whole[[first, other]].to_numpy(float)
        maximise = objectives[first] == "maximise", objectives[other] == "maximise"
        log = spans_a_decade(values[:, 0]), spans_a_decade(values[:, 1])
        points = front(values, maximise)
        bend = knee(values[points], maximise, log)
        found.append(Front((first, other), maximise, log, points, bend))
    return found, ""


def _response(
    done: pd.DataFrame, columns: Mapping[str, str], objective: str, continuous: set[str]
) -> Response:
    whole = sensitivity(done, list(columns), objective, continuous=continuous)
    within = {}
    for what in (ARCHITECTURE, CASE):
        names = done[what].unique()
        for name in names if len(names) > 1 else ():
            rows = done[done[what] == name]
            own = several(rows, list(columns))
            found = sensitivity(rows, own, objective, continuous=continuous)
            within[what, str(name)] = found
    judged = [pair for pair in whole.pairs if pair.share is not None]
    table = None
    if judged:
        pair = (judged[0].first, judged[0].second)
        table = two_way(done, pair, objective, continuous=continuous)
    return Response(whole, within, table)


def left_out(study: Study) -> int:
    """How many points of the plan have no row: a constraint left them out, or they did not run."""
    plan = study.plan
    planned = 0
    for arch in range(len(plan.architectures)):
        own = [p for name, p in plan.parameters.items() if plan.applies(name, arch)]
        sampling = plan.sampling
        if isinstance(sampling, Grid):
            planned += int(np.prod([len(p.grid()) for p in own], dtype=np.int64))
        elif isinstance(sampling, Listed):
            planned += len(sampling.points)
        else:
            planned += sampling.points if own else 1
    return max(0, planned * len(plan.workloads) - len(study.rows))


def settings_left_out(study: Study) -> list[str]:
    """Names of parameters that took a single value wherever they have figures."""
    return [name for name in study.plan.parameters if name not in study.columns.values()]
