"""All that a report shows: comparisons, and what was simulated again to see how far they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from accelsim.analysis.comparison import Comparison
from accelsim.arch.load import ArchSource
from accelsim.report.robustness_tables import Changed
from accelsim.simulation import compare
from accelsim.sweep.axes import Again
from accelsim.sweep.break_even import BreakEven, break_even
from accelsim.sweep.density import DensityPoint
from accelsim.sweep.robustness import Robustness, robustness
from accelsim.sweep.trios import is_control
from accelsim.sweep.what_if import what_if
from accelsim.workload.trace import Trace

Progress = Callable[[str, int, int], None]


class Study(NamedTuple):
    """What is not there was not asked for; see `Case` for `what_if` and `robustness`."""

    comparisons: list[Comparison]
    break_even: list[BreakEven]
    what_if: list[Changed]
    robustness: list[Robustness]
    density: list[DensityPoint]


class Case(NamedTuple):
    """A workload and the machines it is to run on, by role (baseline, third, candidate).

    `studied` : also what would help and how far the verdict holds, which takes many runs; `level` :
    of DRAM in these, by default each machine's own. `again` : the workload with another batch.
    """

    trace: Trace
    machines: Mapping[str, ArchSource]
    studied: bool = True
    placements: int = 1
    level: str | None = None
    again: Again | None = None


def study_of(cases: Sequence[Case], progress: Progress | None = None) -> Study:
    """Simulate every case."""
    study = Study([], [], [], [], [])
    for number, case in enumerate(cases):
        name = case.trace.name
        shown = within(progress, name, number, len(cases))
        archs = {role: source.arch() for role, source in case.machines.items()}
        comparison = compare(
            archs["baseline"], archs["candidate"], case.trace, archs.get("third"),
            placements=case.placements, progress=shown,
        )  # fmt: skip
        study.comparisons.append(comparison)
        if is_control(name):
            continue
        candidate = case.machines["candidate"]
        found = break_even(comparison, candidate, shown)
        if found is not None:
            study.break_even.append(found)
        if case.studied:
            changes = what_if(candidate, case.trace, shown)[1]
            study.what_if.append(Changed(name, archs["candidate"].name, changes))
            study.robustness.append(
                robustness(
                    case.machines, case.trace, comparison, again=case.again, level=case.level,
                    progress=shown,
                )
            )  # fmt: skip
    return study


def within(progress: Progress | None, title: str, step: int, steps: int) -> Progress | None:
    """A progress display of one step of several."""
    if progress is None:
        return None
    outer = progress

    def show(text: str, done: int, of: int) -> None:
        outer(text if text.startswith(title) else f"{title}: {text}", step, steps)

    return show
