"""All that a report shows: comparisons, and what was simulated again to see how far they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Any, NamedTuple

from accelsim.analysis.comparison import Comparison
from accelsim.arch.load import ArchSource
from accelsim.arch.spec import Arch
from accelsim.cost.load import DEFAULT_TABLE, load_cost_table
from accelsim.cost.table import CostTable
from accelsim.errors import InputError
from accelsim.hardware.catalogue import components
from accelsim.hardware.compared import Costs, costs_of
from accelsim.progress import SHOWN_AFTER_SECONDS, Progress
from accelsim.report.robustness_tables import Changed
from accelsim.simulation import compare
from accelsim.sweep.axes import Again
from accelsim.sweep.break_even import BreakEven, break_even
from accelsim.sweep.density import DensityPoint, density_points, density_trace
from accelsim.sweep.equal import Equal
from accelsim.sweep.equal_range import over_range
from accelsim.sweep.measures import Terms, area_measure
from accelsim.sweep.pools import local_pool
from accelsim.sweep.robustness import Robustness, robustness
from accelsim.sweep.trios import is_control, trio_for
from accelsim.sweep.what_if import what_if
from accelsim.workload.trace import Trace


class Study(NamedTuple):
    """What is not there was not asked for; see `Case` for `what_if` and `robustness`, of which
    there are two for a workload: flips, and the rest. `costs` : area and energy of each comparison
    by `cost_table`. `archs` : every machine that took part, by name, and by workload where machines
    that were scaled for several share it.
    """

    comparisons: list[Comparison]
    costs: list[Costs]
    cost_table: CostTable
    break_even: list[BreakEven]
    what_if: list[Changed]
    robustness: list[Robustness]
    density: list[DensityPoint]
    archs: dict[str, Arch]


class Case(NamedTuple):
    """A workload and the machines it is to run on, by role (baseline, third, candidate).

    `studied` : also what would help and how far the verdict holds, which takes many runs; `level` :
    of DRAM in the search for flips, by default each machine's own. `again` : the workload with
    another batch. `terms` : in what the machines are made equal before they run; `equal` : how they
    were scaled, if they were.
    """

    trace: Trace
    machines: Mapping[str, ArchSource]
    studied: bool = True
    placements: int = 1
    level: str | None = None
    again: Again | None = None
    terms: Terms | None = None
    equal: Equal | None = None

    def made_equal(self, progress: Progress | None = None) -> Case:
        """The same with its machines scaled by its terms, if there are any."""
        if self.terms is None:
            return self
        equal = self.terms.machines(self.machines, self.trace, progress)
        return self._replace(machines=equal.machines, equal=equal, terms=None)


class Density(NamedTuple):
    """The density sweep that is asked for; see `density_points` and `Case`."""

    kept: tuple[int, ...]
    dtype: str | None = None
    terms: Terms | None = None

    def case(self) -> Case:
        """Its first point on its machines."""
        trace = density_trace(self.kept[0], "oracle")
        return Case(trace, trio_for(trace).sources(), terms=self.terms)


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
    density : Density, optional
    costs : CostTable, optional
        For area and energy; by default that of `DEFAULT_TABLE`.
    jobs : int
        Processes; the figures do not depend on it.
    progress : callable(text, done, of), optional

    Raises
    ------
    InputError
        Something that cannot be simulated, machines that cannot be made equal, a cost table that
        lacks what a machine needs, or a process that died.
    """
    table = load_cost_table(DEFAULT_TABLE) if costs is None else costs
    swept = [] if density is None else [density.case()]
    _check_costs([*cases, *swept], table)
    executor = local_pool(jobs).make()
    try:
        work = _Work(executor, progress, inner=jobs == 1)
        compiled, compiling = set[Kernel](), set[Kernel]()
        for number, case in enumerate([*cases, *swept]):
            if (kernels := _kernels(case)) & compiling:
                work.wait()
                compiling.clear()
            compiling |= kernels - compiled
            compiled |= kernels
            if number < len(cases):
                work.add((number, 0), case.trace.name, _compared, case, table)
            else:
                work.add((number, 1), "speedup against density", _density, density)

        def further(place: Place, found: Any) -> None:
            number, step = place
            if step > 0 or is_control(cases[number].trace.name):
                return
            case, comparison, _ = found
            more: list[tuple[Any, ...]] = [("break-even", _break_even, case, comparison, table)]
            if case.studied:
                more.append(("what would help", _changed, case))
                more.append(("flips", _robust, case, comparison, ("flips",)))
                more.append(("ablation", _robust, case, comparison, ("ablation", "spreads")))
            for at, (text, function, *given) in enumerate(more, start=1):
                work.add((number, at), f"{case.trace.name}: {text}", function, *given)

        results = work.done(further)
        compared = [results.pop((number, 0)) for number in range(len(cases))]
        comparisons, costs_found = [c for _, c, _ in compared], [each for _, _, each in compared]
        study = Study(comparisons, costs_found, table, [], [], [], [], {})
        return _with(study, [*(case for case, _, _ in compared), *results.values()])
    except BrokenExecutor:
        raise InputError(
            "a process died (out of memory?)", where="the simulations of the report",
            remedy=f"run fewer at once than --jobs {jobs}",
        ) from None  # fmt: skip
    finally:
        executor.shutdown(cancel_futures=True)


Place = tuple[int, int]  # of a result among the others: case, step
Kernel = tuple[str, str]  # kind of an array, and of an operator


class _Work:
    """Jobs, each with the place of its result; `inner` : each shows its own progress, as it runs in
    this process.
    """

    def __init__(self, executor: Executor, progress: Progress | None, *, inner: bool) -> None:
        self._executor, self._progress, self._inner = executor, progress, inner
        self._jobs: dict[Future[Any], tuple[Place, str]] = {}

    def add(self, place: Place, text: str, function: Callable[..., Any], *arguments: Any) -> None:
        shown = _within(self._progress if self._inner else None, text)
        job = self._executor.submit(function, *arguments, progress=shown)
        self._jobs[job] = place, text

    def wait(self, then: Callable[[Place, Any], None] | None = None) -> None:
        """Until nothing runs, so that what comes next finds its kernels compiled.

        `then` : called with the result of every job, also of those that had ended; it may add more.
        The first fault of a job is raised.
        """
        ended = set[Future[Any]]()
        while left := self._jobs.keys() - ended:
            if self._progress is not None:
                text = next(text for job, (_, text) in self._jobs.items() if job in left)
                self._progress(text, len(ended), len(self._jobs))
            for job in wait(left, SHOWN_AFTER_SECONDS, FIRST_COMPLETED).done:
                result = job.result()
                ended.add(job)
                if then is not None:
                    then(self._jobs[job][0], result)

    def done(self, then: Callable[[Place, Any], None]) -> dict[Place, Any]:
        """All results by place, in that order, when nothing is left; `then` as in `wait`."""
        self.wait(then)
        found = {place: job.result() for job, (place, _) in self._jobs.items()}
        return dict(sorted(found.items()))


def _check_costs(cases: Sequence[Case], table: CostTable) -> None:
    """Refuse a table that lacks what a machine needs before hours are spent on simulations."""
    archs = [source.arch() for case in cases for source in case.machines.values()]
    for arch in {arch.name: arch for arch in archs}.values():
        components(arch, table)


def _kernels(case: Case) -> set[Kernel]:
    """What a case may be the first to compile.

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
    cases = list[Case]()
    for item in found:
        if isinstance(item, BreakEven):
            study.break_even.append(item)
        elif isinstance(item, Changed):
            study.what_if.append(item)
        elif isinstance(item, Robustness):
            study.robustness.append(item)
        elif isinstance(item, _Swept):
            study.density.extend(item.points)
            cases.append(item.case)
        elif isinstance(item, Case):
            cases.append(item)
    study.archs.update(_archs(cases))
    return study


def _archs(cases: Sequence[Case]) -> dict[str, Arch]:
    """Every machine by name; those that differ and share one, by name and workload."""
    found: dict[str, dict[str, Arch]] = {}
    for case in cases:
        for arch in (source.arch() for source in case.machines.values()):
            same = found.setdefault(arch.name, {})
            if arch not in same.values():
                same[case.trace.name] = arch
    return {
        name if len(same) == 1 else f"{name}, {workload}": arch
        for name, same in found.items()
        for workload, arch in same.items()
    }


def _compared(
    case: Case, table: CostTable, progress: Progress | None = None
) -> tuple[Case, Comparison, Costs]:
    case = case.made_equal(progress)
    archs = {role: source.arch() for role, source in case.machines.items()}
    found = compare(
        archs["baseline"], archs["candidate"], case.trace, archs.get("third"),
        placements=case.placements, at_equal=case.equal and case.equal.said, progress=progress,
    )  # fmt: skip
    ends = {} if case.equal is None else case.equal.ends
    comparison = over_range(found, ends, progress, table)
    return case, comparison, costs_of(comparison, table)


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


class _Swept(NamedTuple):
    """A density sweep, with the case that says its machines."""

    points: list[DensityPoint]
    case: Case


def _density(density: Density, progress: Progress | None = None) -> _Swept:
    case = density.case().made_equal(progress)
    points = density_points(case.machines, density.kept, dtype=density.dtype, progress=progress)
    return _Swept(points, case)
