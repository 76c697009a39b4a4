"""Searching the space of a plan for the front of its objectives, in place of its whole grid.

A search keeps no state of its own. What it asks next follows from the plan, the seed and the
results so far, and the results are in the store, so the same search begun again asks for the same
points, finds them, and goes on where it was; there is no second record that could disagree with
them. Asking again for what was found costs milliseconds a point. (A point during which the process
died is run again, as by a sweep; if it then has figures, the search goes another way from there.)
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from accelsim.errors import InputError
from accelsim.sweep.design import Design, Designer, LeftOut
from accelsim.sweep.execute import run_all
from accelsim.sweep.objectives import check_objectives, minimised, objective_values
from accelsim.sweep.plan import ARCHITECTURE, Listed, Plan
from accelsim.sweep.pools import Pool, given_pool, kept, local_pool
from accelsim.sweep.results import Written, write_plan, write_tables
from accelsim.sweep.running import Progress, Run, designer_of
from accelsim.sweep.sampling import Point
from accelsim.sweep.space import Space, Suggestion
from accelsim.sweep.store import Store
from accelsim.sweep.surrogate import not_dominated
from accelsim.sweep.values import Value
from accelsim.sweep.worker import refusal

if TYPE_CHECKING:
    from accelsim.sweep.asker import Asker

SUFFIX = "_search"  # after the name of the plan: the name of the table
BATCH = 4
GIVE_UP_AFTER = 1000  # suggestions in a row without a new design


class Best(NamedTuple):
    """A design of the front: its parameters and its objectives, geometric means over workloads."""

    architecture: str
    values: dict[str, Value]
    objectives: dict[str, float]


@dataclass
class SearchOutcome:
    """What a search did.

    `plan` : the points that it asked for, as a plan. `ran`, `found` : points simulated now, and
    before. `designs` : distinct ones with results, of them `failed` without figures.
    `refused` : designs that do not check, which cost nothing. `left_out` : by constraints.
    `ended` : why there are fewer designs than asked for; empty if there are not. `front` : best
    first in the first objective.
    """

    folder: Path
    plan: Plan
    ran: int = 0
    found: int = 0
    designs: int = 0
    failed: int = 0
    refused: int = 0
    left_out: int = 0
    ended: str = ""
    front: list[Best] = field(default_factory=list)
    written: Written = field(default_factory=Written)


def run_search(
    plan: str | Path | Plan,
    out: str | Path,
    points: int,
    *,
    costs: str | None = None,
    seed: int = 0,
    batch: int = BATCH,
    sampler: str = "model",
    jobs: int = 1,
    executor: Executor | None = None,
    pool: Pool | None = None,
    progress: Progress | None = None,
) -> SearchOutcome:
    """Search the space of a plan, and write the tables of the points asked for.

    The plan's `sampling` is not used: any of its values, and all of its ranges, may be asked for.
    More `points` go on where fewer ended.

    Parameters
    ----------
    plan : str, Path or Plan
    out : str or Path
        Folder of a sweep, which others may share: a point that any of them ran is not run again.
    points : int
        Distinct designs to simulate, each on every workload of the plan.
    costs : str, optional
        A cost table by name or path, in place of the plan's.
    seed, batch : int
        Of them, the plan and the results follow the points: `batch` designs are asked for before
        their results are in.
    sampler : str
        "model" (see `ModelSampler`), or optuna's "tpe" or "nsga2".
    jobs, executor, pool, progress
        As of `run_sweep`; they change no result.

    Raises
    ------
    InputError
        optuna is not installed, the plan is wrong, or a result cannot be written.
    """
    try:
        from accelsim.sweep.asker import Asker
    except ImportError:
        remedy = "pip install 'accelsim[search]'"
        raise InputError("a search needs optuna", remedy=remedy) from None
    designer = designer_of(plan, costs)
    check_objectives(designer)
    store = Store(out)
    store.prepare()
    space = Space(designer.plan)
    asker = Asker(space, sampler, len(designer.plan.objectives), seed, batch)
    search = _Search(designer, store, space, asker, points, progress)
    if pool is None:
        pool = local_pool(jobs) if executor is None else given_pool(executor, jobs)
    search.run(pool, batch)
    said = f"{points} points asked for with seed {seed}, batches of {batch}, sampler {sampler}."
    return search.outcome(said)


@dataclass(frozen=True)
class _Candidate:
    """A suggestion and its design on every workload."""

    suggestion: Suggestion
    trial: Any
    designs: tuple[Design, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """What makes a design distinct."""
        return tuple(design.key for design in self.designs)


class _Search:
    """The loop: a batch is asked for, simulated, and told."""

    def __init__(
        self,
        designer: Designer,
        store: Store,
        space: Space,
        asker: Asker,
        points: int,
        progress: Progress | None,
    ) -> None:
        self.designer, self.store, self.space, self.asker = designer, store, space, asker
        self.points = points
        name = designer.plan.name + SUFFIX
        self.simulating = Run(store, name, points * len(designer.plan.workloads), progress)
        self.asked: list[_Candidate] = []  # all but what constraints leave out
        self.told: dict[tuple[str, ...], tuple[float, ...] | None] = {}
        self.refused = self.left_out = 0
        self.ended = ""

    def run(self, pool: Pool, size: int) -> None:
        """Go on until there are enough designs, or no more."""
        compiled: set[str] = set()
        run = self.simulating
        simulated = 0
        with kept(pool) as lasting:
            while simulated < self.points and not self.ended:
                batch = list(self._batch(min(size, self.points - simulated)))
                designs = [design for candidate in batch for design in candidate.designs]
                run_all(run.jobs(designs), lasting, run.finished, run.lost, compiled)
                for candidate in batch:
                    self._tell(candidate)
                simulated += len(batch)

    def _batch(self, size: int) -> Iterator[_Candidate]:
        """Designs that have not been asked for, until there are enough or no more."""
        waiting: set[tuple[str, ...]] = set()
        without_new = 0
        while len(waiting) < size:
            asked = self.asker.ask()
            if asked is None or without_new == GIVE_UP_AFTER:
                self.ended = (
                    "every point of the space was asked for"
                    if asked is None
                    else f"the last {GIVE_UP_AFTER:,} suggestions gave no new design"
                )
                return
            without_new += 1
            candidate = self._candidate(*asked)
            if candidate is None:
                self.left_out += 1
                self.asker.tell(asked[1], None)
            elif candidate.key in self.told:
                self.asker.tell(candidate.trial, self._as_told(self.told[candidate.key]))
            elif candidate.key in waiting:
                self.asker.forget(candidate.trial)
            elif candidate.designs[0].arch is None:
                self._refuse(candidate)
            else:
                without_new = 0
                waiting.add(candidate.key)
                self.asked.append(candidate)
                yield candidate

    def _candidate(self, suggestion: Suggestion, trial: Any) -> _Candidate | None:
        """The designs of a suggestion; None where a constraint leaves it out."""
        values = self.space.values(suggestion)
        designs = []
        for workload in range(len(self.designer.plan.workloads)):
            design = self.designer.design(Point(0, suggestion.arch, workload, values))
            if isinstance(design, LeftOut):
                return None
            designs.append(design)
        return _Candidate(suggestion, trial, tuple(designs))

    def _refuse(self, candidate: _Candidate) -> None:
        for design in candidate.designs:
            if not self.store.finished(design.key):
                self.store.write(design.key, refusal(design.refused))
        self.refused += 1
        self.asked.append(candidate)
        self._tell(candidate)

    def _tell(self, candidate: _Candidate) -> None:
        recorded = [self.store.read(design.key) for design in candidate.designs]
        values = objective_values(self.designer, candidate.designs, recorded)
        self.told[candidate.key] = values
        self.asker.tell(candidate.trial, self._as_told(values))

    def _as_told(self, values: tuple[float, ...] | None) -> list[float] | None:
        return None if values is None else minimised(self.designer.plan.objectives, values)

    def outcome(self, said: str) -> SearchOutcome:
        """Write the tables, and say what was done."""
        plan = self._listed(said)
        found = SearchOutcome(
            self.store.folder, plan, self.simulating.outcome.ran, self.simulating.outcome.found,
            designs=len(self.told) - self.refused,
            failed=sum(values is None for values in self.told.values()) - self.refused,
            refused=self.refused, left_out=self.left_out, ended=self.ended, front=self._front(),
        )  # fmt: skip
        if self.asked:
            listed = Designer(plan, self.designer.tree)
            write_plan(self.store, listed)
            found.written = write_tables(self.store, listed)
        return found

    def _listed(self, said: str) -> Plan:
        """The points asked for, as a plan."""
        plan = self.designer.plan
        points = []
        for candidate in self.asked:
            arch = candidate.suggestion.arch
            point: dict[str, Value] = {}
            if len(plan.architectures) > 1:
                point[ARCHITECTURE] = plan.architectures[arch].label
            points.append(point | self.space.values(candidate.suggestion))
        if not points:
            return plan
        changes = {
            "name": plan.name + SUFFIX,
            "description": f"{plan.description} (search: {said})".strip(),
            "sampling": Listed(kind="list", points=tuple(points)),
        }
        return plan.model_copy(update=changes)

    def _front(self) -> list[Best]:
        """Designs that no other is better than in all objectives."""
        objectives = self.designer.plan.objectives
        have = [c for c in self.asked if self.told.get(c.key) is not None]
        values = [self.told[c.key] or () for c in have]
        if not have:
            return []
        told = np.array([minimised(objectives, each) for each in values])
        best = np.flatnonzero(not_dominated(told))
        return [
            Best(
                self.designer.plan.architectures[have[at].suggestion.arch].label,
                have[at].designs[0].values,
                dict(zip(objectives, values[at], strict=True)),
            )
            for at in sorted(best, key=lambda at: told[at].tolist())
        ]
