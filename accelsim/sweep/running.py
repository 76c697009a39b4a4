"""Running a sweep: what is missing is simulated, then the tables are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from accelsim.config.tree import Tree
from accelsim.sweep.checks import check_plan
from accelsim.sweep.design import Design, Designer, LeftOut
from accelsim.sweep.execute import GIVE_UP_AFTER, run_all
from accelsim.sweep.plan import Plan, load_plan
from accelsim.sweep.pools import Pool, given_pool, local_pool
from accelsim.sweep.results import Written, write_plan, write_tables
from accelsim.sweep.sampling import count_points
from accelsim.sweep.store import Store
from accelsim.sweep.version import model_version
from accelsim.sweep.worker import Done, Job, refusal

Progress = Callable[[str, int, int], None]


class Shard(NamedTuple):
    """Every `of`-th point, from `number` on (0 to of - 1)."""

    number: int = 0
    of: int = 1

    def has(self, point: int) -> bool:
        """Whether a point, by its number, is in it."""
        return point % self.of == self.number


@dataclass
class Outcome:
    """What a run of a sweep did.

    `ran` : points simulated now; `found` : finished before; `written` : what the table holds.
    `replaced` : whether it takes the place of that of another plan of the same name.
    """

    folder: Path
    ran: int = 0
    found: int = 0
    written: Written = field(default_factory=Written)
    replaced: bool = False


def run_sweep(
    plan: str | Path | Plan,
    out: str | Path,
    *,
    costs: str | None = None,
    jobs: int = 1,
    executor: Executor | None = None,
    pool: Pool | None = None,
    shard: Shard = Shard(),
    progress: Progress | None = None,
) -> Outcome:
    """Run what is missing of a sweep and write its tables.

    Parameters
    ----------
    plan : str, Path or Plan
        A shipped plan, a YAML file, or a `Plan`.
    out : str or Path
        Folder of the sweep; other sweeps may use it too, even at the same time.
    costs : str, optional
        A cost table by name or path, in place of the plan's.
    jobs : int
        Processes on this machine, or the width of `executor`.
    executor : Executor, optional
        Any of concurrent.futures, in place of processes of this machine.
    pool : Pool, optional
        As `executor`, with more said.
    shard : Shard
        Run only these points; the tables hold those of other shards that are there.
    progress : callable(text, done, of), optional

    Returns
    -------
    Outcome
        The same files, to the byte, whoever ran the points and in whatever order.

    Raises
    ------
    InputError
        The plan is wrong, or a result cannot be written; what was finished stays.
    """
    designer = designer_of(plan, costs)
    store = Store(out)
    store.prepare()
    replaced = write_plan(store, designer)
    if pool is None:
        pool = local_pool(jobs) if executor is None else given_pool(executor, jobs)
    mine = sum(shard.has(number) for number in range(count_points(designer.plan)))
    run = Run(store, designer.plan.name, mine, progress)
    run.outcome.replaced = replaced
    designs = (design for design in designer.designs() if shard.has(design.point.number))
    run_all(run.jobs(designs), pool, run.finished, run.lost)
    run.outcome.written = write_tables(store, designer)
    return run.outcome


def designer_of(plan: str | Path | Plan, costs: str | None = None) -> Designer:
    """Read a plan and refuse what is wrong in it; `costs` : another cost table than the plan's."""
    plan, tree = (plan, Tree({})) if isinstance(plan, Plan) else load_plan(plan)
    if costs is not None:
        plan = plan.model_copy(update={"costs": costs})
        tree.place["costs",] = "--costs"
    designer = Designer(plan, tree)
    check_plan(designer)
    return designer


class Run:
    """A run of `of` points, and how far it is."""

    def __init__(self, store: Store, name: str, of: int, progress: Progress | None) -> None:
        self.store, self.name, self.of, self.progress = store, name, of, progress
        self.outcome = Outcome(store.folder)
        self.passed = 0

    def jobs(self, designs: Iterable[Design | LeftOut]) -> Iterator[Job]:
        """What is to be simulated, once each."""
        asked: set[str] = set()
        for design in designs:
            if isinstance(design, LeftOut) or design.key in asked:
                self._advance()
                continue
            asked.add(design.key)
            if self.store.finished(design.key):
                self.outcome.found += 1
                self._advance()
            elif design.arch is None:
                self.store.write(design.key, refusal(design.refused))
                self._count()
            else:
                yield job_of(design)

    def finished(self, done: Done) -> None:
        """Record a point that ran."""
        self.store.write(done.key, done.content)
        self._count()

    def lost(self, job: Job) -> None:
        """A process died during the point again and again: record that."""
        error = f"its process died {GIVE_UP_AFTER} times (out of memory?)"
        self.store.write(job.key, refusal(error, fault=True))
        self._count()

    def _count(self) -> None:
        self.outcome.ran += 1
        self._advance()

    def _advance(self) -> None:
        self.passed += 1
        if self.progress is not None:
            self.progress(self.name, self.passed, self.of)


def job_of(design: Design) -> Job:
    """What a process is given to simulate a design."""
    assert design.arch is not None
    return Job(design.key, model_version(), design.arch, design.workload, design.costs)
