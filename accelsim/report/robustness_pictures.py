"""Pictures of what was simulated again: what would help, what flips the winner, units' worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from accelsim.analysis.comparison import Comparison
from accelsim.report.plots import ablation, flip, spread, what_if
from accelsim.report.robustness_text import amount
from accelsim.report.study import Study
from accelsim.report.terms import clock_and_dram_text, machines
from accelsim.report.words import ROLE_TITLES, origin_text
from accelsim.sweep.flip import Flip
from accelsim.sweep.robustness import Robustness
from accelsim.sweep.spread import Within

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Plans = dict[str, Callable[[], "Figure"]]


def of_robustness(study: Study) -> Plans:
    """Plans of pictures by name, for the workloads that were studied."""
    by_name = {comparison.trace.name: comparison for comparison in study.comparisons}
    plans: Plans = {}
    for changed in study.what_if:
        result = by_name[changed.workload].results["candidate"]
        drawn = what_if.prepare(result.arch, result.trace, result.total_ps, changed.changes)
        plans[f"what_if_{changed.workload}"] = partial(what_if.draw, drawn)
    for found in study.robustness:
        comparison = by_name[found.workload]
        for rival, data in flips_of(found, comparison).items():
            plans[f"flip_{rival}_{found.workload}"] = partial(flip.draw, data)
        for units in ablation_of(found, comparison):
            plans[f"ablation_{found.workload}"] = partial(ablation.draw, units)
        for intervals in spread_of(found, comparison):
            plans[f"spread_{found.workload}"] = partial(spread.draw, intervals)
    return plans


def flips_of(found: Robustness, comparison: Comparison) -> dict[str, flip.Flips]:
    """A picture of all axes for each rival: role of the rival -> data."""
    pictures = {}
    for rival in dict.fromkeys(each.rival for each in found.flips):
        axes = [_axis(each) for each in found.flips if each.rival == rival]
        name = comparison.results[rival].arch.name
        title = f"{found.workload}: what changes the winner against {ROLE_TITLES[rival]}"
        candidate = comparison.results["candidate"].arch.name
        pictures[rival] = flip.prepare(title, _caption(found, comparison), candidate, name, axes)
    return pictures


def _axis(each: Flip) -> flip.FlipAxis:
    now = "" if each.value_now is None else f"{amount(each.value_now)} {each.unit}"
    at = "" if each.value is None else f"{amount(each.value)} {each.unit}"
    tried = tuple((point.factor, point.speedup) for point in each.points)
    return flip.FlipAxis(each.axis, now, tried, each.factor, at, each.remark)


def ablation_of(found: Robustness, comparison: Comparison) -> Iterator[ablation.Ablation]:
    """The candidate without each of its units, if any could be taken away."""
    without = [(each.name, each.speedup) for each in found.ablation if each.speedup is not None]
    whole = [e.speedup * e.loss for e in found.ablation if e.speedup is not None and e.loss]
    if without:
        name = comparison.results["candidate"].arch.name
        title = f"{found.workload}: what each unit of {name} is worth"
        yield ablation.prepare(title, _caption(found, comparison), whole[0], without)


def spread_of(found: Robustness, comparison: Comparison) -> Iterator[spread.Intervals]:
    """How far the speedup moves, if that was asked for."""
    rows = [_interval(each) for each in found.spreads]
    if rows:
        title = f"{found.workload}: how far the speedup moves"
        yield spread.prepare(title, _caption(found, comparison), rows)


def _interval(each: Within) -> spread.Interval:
    over = each.spread
    ends = None if over is None else (over.geomean, over.minimum, over.maximum)
    return spread.Interval(each.over, each.rival, len(each.speedups), ends, each.remark)


def _caption(found: Robustness, comparison: Comparison) -> str:
    archs = machines(comparison)
    if found.level:
        archs = [arch.at_dram_level(found.level) for arch in archs]
    named = ", ".join(arch.name for arch in machines(comparison))
    origin = origin_text(comparison.trace)
    return (
        f"Workload: {found.workload} ({origin}). Machines: {named}; {clock_and_dram_text(archs)}."
    )
