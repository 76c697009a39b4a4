"""All pictures of a review: which ones there are, and what each is drawn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from accelsim.analysis.comparison import Comparison
from accelsim.analysis.result import Result
from accelsim.report.plots import (
    area,
    bandwidth,
    bank_conflicts,
    breakdown,
    density,
    energy,
    expert_load,
    gantt,
    key_reuse,
    roofline,
    speedup,
    utilisation,
)
from accelsim.report.robustness_pictures import of_robustness
from accelsim.report.study import Study
from accelsim.report.style import save
from accelsim.report.terms import machines, shown_results
from accelsim.sweep.trios import BIG, CONTROL_OF, is_control
from accelsim.workload.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Drawn(NamedTuple):
    """`pictures` : name -> SVG file; and what stands behind those that have a table."""

    pictures: dict[str, Path]
    experts: expert_load.ExpertLoad | None
    reuse: key_reuse.ReuseCurves
    used: list[utilisation.UtilisationOverTime]


def draw_all(
    folder: Path,
    study: Study,
    progress: Callable[[str, int, int], None] | None = None,
) -> Drawn:
    """Draw every picture that a study gives rise to, as PNG and SVG in `folder`."""
    comparisons, points = study.comparisons, study.density
    experts = expert_load.prepare(_expert_traces(comparisons))
    reuse = key_reuse.prepare([comparison.trace for comparison in comparisons])
    used = [utilisation.prepare(comparison) for comparison in comparisons]
    plans: dict[str, Callable[[], Figure]] = {
        "speedup": lambda: speedup.draw(speedup.prepare(comparisons)),
        "energy": lambda: energy.draw(energy.prepare(comparisons, study.costs)),
        "area": lambda: area.draw(area.prepare(comparisons, study.costs)),
    }
    for comparison, over_time in zip(comparisons, used, strict=True):
        plans |= _of_workload(comparison, over_time)
    for name, group in _rooflines(comparisons).items():
        plans[name] = partial(_roofline, group)
    plans["bank_conflicts"] = lambda: bank_conflicts.draw(
        bank_conflicts.prepare(_runs(comparisons))
    )
    if experts is not None:
        plans["expert_load"] = lambda: expert_load.draw(experts)
    if reuse.lines:
        plans["key_reuse"] = lambda: key_reuse.draw(reuse)
    if points:
        plans["density"] = lambda: density.draw(density.prepare(points, BIG))
    plans |= of_robustness(study)
    pictures = {}
    for number, (name, plan) in enumerate(plans.items()):
        if progress is not None:
            progress(f"drawing {name}", number, len(plans))
        _, pictures[name] = save(plan(), folder, name)
    return Drawn(pictures, experts, reuse, used)


def _roofline(group: Sequence[Comparison]) -> Figure:
    return roofline.draw(roofline.prepare(group))


def _of_workload(
    comparison: Comparison, used: utilisation.UtilisationOverTime
) -> dict[str, Callable[[], Figure]]:
    name = comparison.trace.name
    return {
        f"breakdown_{name}": lambda: breakdown.draw(breakdown.prepare(comparison)),
        f"utilisation_{name}": lambda: utilisation.draw(used),
        f"gantt_{name}": lambda: gantt.draw(gantt.prepare(shown_results(comparison))),
        f"bandwidth_{name}": lambda: bandwidth.draw(bandwidth.prepare(shown_results(comparison))),
    }


def _runs(comparisons: Sequence[Comparison]) -> dict[str, list[Result]]:
    """Results by role, for the roles that every workload has."""
    shown = [shown_results(comparison) for comparison in comparisons]
    roles = [role for role in shown[0] if all(role in results for results in shown)]
    return {role: [results[role] for results in shown] for role in roles}


def _rooflines(comparisons: Sequence[Comparison]) -> dict[str, list[Comparison]]:
    """Workloads proper by the machines they ran on: the ceilings of a roofline are theirs."""
    groups: dict[str, list[Comparison]] = {}
    proper = [c for c in comparisons if not is_control(c.trace.name)] or list(comparisons)
    for comparison in proper:
        groups.setdefault(f"roofline_{machines(comparison)[-1].name}", []).append(comparison)
    return groups


def _expert_traces(comparisons: Sequence[Comparison]) -> list[Trace]:
    """The first trace with experts, and its control if that was run too."""
    traces = {comparison.trace.name: comparison.trace for comparison in comparisons}
    with_experts = [t for t in traces.values() if any(op.kind == "moe" for op in t.operators)]
    if not with_experts:
        return []
    proper = [trace for trace in with_experts if not is_control(trace.name)] or with_experts
    first = proper[0]
    twins = [traces[n] for n, of in CONTROL_OF.items() if of == first.name and n in traces]
    return [first, *twins]
