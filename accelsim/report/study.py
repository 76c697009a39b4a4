"""All that a report shows: comparisons, and what was simulated again to see how far they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed, wait
from typing import Any, NamedTuple

from accelsim.analysis.comparison import Comparison
from accelsim.arch.load import ArchSource
from accelsim.cost.load import DEFAULT_TABLE, load_cost_table
from accelsim.cost.table import CostTable
from accelsim.errors import InputError
from accelsim.hardware.catalogue import components
from accelsim.hardware.compared import Costs, costs_of
from accelsim.progress import Progress
from accelsim.report.robustness_tables import Changed
from accelsim.simulation import compare
from accelsim.sweep.axes import Again
from accelsim.sweep.break_even import BreakEven, break_even
from accelsim.sweep.density import DensityPoint
from accelsim.sweep.equal import Equal
from accelsim.sweep.equal_range import over_range
from accelsim.sweep.measures import area_measure
from accelsim.sweep.pools import local_pool
from accelsim.sweep.robustness import Robustness, robustness
from accelsim.sweep.trios import is_control
from accelsim.sweep.what_if import what_if
from accelsim.workload.trace import Trace


class Study(NamedTuple):
    """What is not there was not asked for; see `Case` for `what_if` and `robustness`, of which
    there are two for a workload: flips, and the rest. `costs` : area and energy of each comparison
    by `cost_table`.
    """

    comparisons: list[Comparison]
    costs: list[Costs]
    cost_table: CostTable
    break_even: list[BreakEven]
    what_if: list[Changed]
    robustness: list[Robustness]
    density: list[DensityPoint]


class Case(NamedTuple):
    """A workload and the machines it is to run on, by role (baseline, third, candidate).

    `studied` : also what would help and how far the verdict holds, which takes many runs; `level` :
    of DRAM in the search for flips, by default each machine's own. `again` : the workload with
    another batch. `equal` : how the machines were scaled, if they were.
    """

    trace: Trace
    machines: Mapping[str, ArchSource]
    studied: bool = True
    placements: int = 1
    level: str | None = None
    again: Again | None = None
    equal: Equal | None = None


Density = Callable[[], list[DensityPoint]]


def study_of(
    cases: Sequence[Case],
    density: Density | None = None,
    *,
    costs: CostTable | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Study:
    """Simulate every case, and what is to be known of it.

    Parameters
    ----------
    cases : sequence of Case
    density : callable() -> list[DensityPoint], optional
        The density sweep; it must be picklable where `jobs` is above 1.
    costs : CostTable, optional
        For area and energy; by default that of `DEFAULT_TABLE`.
    jobs : int
        Processes; the figures do not depend on it.
    progress : callable(text, done, of), optional

    Raises
    ------
    InputError
        Something that cannot be simulated, a cost table that lacks what a machine needs, or a
        process that died.
    """
    table = load_cost_table(DEFAULT_TABLE) if costs is None else costs
    _check_costs(cases, table)
    executor = local_pool(jobs).make()
    try:
        work = _Work(executor, progress if jobs == 1 else None)
        compiled: set[tuple[str, str]] = set()
        for case in cases:
            work.add(case.trace.name, _compared, case, table)
            if not (kernels := _kernels(case)) <= compiled:
                work.wait()
            compiled |= kernels
        both = work.done(progress)
        comparisons = [comparison for comparison, _ in both]
        for case, comparison in zip(cases, comparisons, strict=True):
            name = case.trace.name
            if is_control(name):
                continue
            work.add(f"{name}: break-even", _break_even, case, comparison, table)
            if case.studied:
                work.add(f"{name}: what would help", _changed, case)
                for parts in (("flips",), ("ablation", "spreads")):
                    work.add(f"{name}: {parts[0]}", _robust, case, comparison, parts)
        if density is not None:
            work.add("speedup against density", _density, density)
        study = Study(comparisons, [each for _, each in both], table, [], [], [], [])
        return _with(study, work.done(progress))
    except BrokenExecutor:
        raise InputError(
            "a process died (out of memory?)", where="the simulations of the report",
            remedy=f"run fewer at once than --jobs {jobs}",
        ) from None  # fmt: skip
    finally:
        executor.shutdown(cancel_futures=True)


class _Work:
    """Jobs in order; `inner` : the progress of each, where they run in this process."""

    def __init__(self, executor: Executor, inner: Progress | None) -> None:
        self._executor, self._inner = executor, inner
        self._jobs: dict[Future[Any], str] = {}

    def add(self, text: str, function: Callable[..., Any], *arguments: Any) -> None:
        shown = _within(self._inner, text)
        self._jobs[self._executor.submit(function, *arguments, progress=shown)] = text

    def wait(self) -> None:
        """Until nothing runs, so that what comes next finds its kernels compiled."""
        wait(self._jobs)

    def done(self, progress: Progress | None) -> list[Any]:
        """Results in the order in which jobs were added; the first fault is raised."""
        jobs, self._jobs = self._jobs, {}
        for number, future in enumerate(as_completed(jobs)):
            future.result()
            if progress is not None:
                progress(jobs[future], number + 1, len(jobs))
        return [future.result() for future in jobs]


def _check_costs(cases: Sequence[Case], table: CostTable) -> None:
    """Refuse a table that lacks what a machine needs before hours are spent on simulations."""
    archs = [source.arch() for case in cases for source in case.machines.values()]
    for arch in {arch.name: arch for arch in archs}.values():
        components(arch, table)


def _kernels(case: Case) -> set[tuple[str, str]]:
    """What a case may be the first to compile: kinds of arrays with kinds of operators.

    Processes that compile the same kernels at the same time have crashed.
    """
    arrays = {source.arch().array.kind for source in case.machines.values()}
    return {(array, op.kind) for array in arrays for op in case.trace.operators}


def _within(progress: Progress | None, title: str) -> Progress | None:
    """A progress display of one job."""
    if progress is None:
        return None
    outer = progress

    def show(text: str, done: int, of: int) -> None:
        outer(text if text.startswith(title) else f"{title}: {text}", done, of)

    return show


def _with(study: Study, found: Sequence[object]) -> Study:
    """Sort what jobs have found."""
    for item in found:
        if isinstance(item, BreakEven):
            study.break_even.append(item)
        elif isinstance(item, Changed):
            study.what_if.append(item)
        elif isinstance(item, Robustness):
            study.robustness.append(item)
        elif isinstance(item, list):
            study.density.extend(item)
    return study


def _compared(
    case: Case, table: CostTable, progress: Progress | None = None
) -> tuple[Comparison, Costs]:
    archs = {role: source.arch() for role, source in case.machines.items()}
    found = compare(
        archs["baseline"], archs["candidate"], case.trace, archs.get("third"),
        placements=case.placements, at_equal=case.equal and case.equal.said, progress=progress,
    )  # fmt: skip
    comparison = over_range(found, {} if case.equal is None else case.equal.ends, progress)
    return comparison, costs_of(comparison, table)


def _break_even(
    case: Case, comparison: Comparison, table: CostTable, progress: Progress | None = None
) -> BreakEven | None:
    candidate = case.machines["candidate"]
    return break_even(comparison, candidate, progress, area_measure(table))


def _changed(case: Case, progress: Progress | None = None) -> Changed:
    candidate = case.machines["candidate"]
    changes = what_if(candidate, case.trace, progress)[1]
    return Changed(case.trace.name, candidate.arch().name, changes)


def _robust(
    case: Case,
    comparison: Comparison,
    parts: tuple[str, ...],
    progress: Progress | None = None,
) -> Robustness:
    return robustness(
        case.machines, case.trace, comparison, again=case.again, parts=parts, progress=progress,
        level=case.level if "flips" in parts else None,
    )  # fmt: skip


def _density(density: Density, progress: Progress | None = None) -> list[DensityPoint]:
    return density()
