"""Times of layers and steps: parts of the critical path by the names of their operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from accelsim.analysis.comparison import Comparison, Spread, spread
from accelsim.analysis.result import Result
from accelsim.workload.slicing import layer_of, step_of


class Steps(NamedTuple):
    """A baseline and another machine over steps; times in ps, `later_ps` the mean of all but one.

    The first step (or prompt) starts with empty buffers; the later ones follow on another.
    """

    number: int
    first_ps: tuple[int, int]
    later_ps: tuple[float, float]
    first: float
    later: float
    over: Spread


def compared_steps(base: Mapping[int, int], other: Mapping[int, int]) -> Steps | None:
    """Compare the times of steps; None where there are fewer than two.

    `first`, `later` : speedup in the first step, and over all the others; `over` : its spread over
    these.
    """
    later = [step for step in base if step != min(base) and other.get(step)]
    if not later:
        return None
    start = min(base)
    means = tuple(sum(t[step] for step in later) / len(later) for t in (base, other))
    return Steps(
        number=len(later) + 1,
        first_ps=(base[start], other[start]),
        later_ps=(means[0], means[1]),
        first=base[start] / max(1, other[start]),
        later=means[0] / means[1],
        over=spread([base[step] / other[step] for step in later]),
    )


def layer_speedups(base: Mapping[int, int], other: Mapping[int, int]) -> list[float]:
    """Speedup of every layer that takes time on both machines."""
    return [time / other[layer] for layer, time in base.items() if time and other.get(layer)]


def over_layers(
    comparison: Comparison, role: str = "candidate", rival: str = "baseline"
) -> list[float]:
    """Speedup of every layer of a comparison over a rival; empty without layers."""
    both = (section_times(comparison.results[name]) for name in (rival, role))
    return layer_speedups(*map(layers_of, both))


def over_steps(comparison: Comparison, role: str = "candidate") -> Steps | None:
    """Steps of a comparison; None where there are fewer than two."""
    both = (section_times(comparison.results[name]) for name in ("baseline", role))
    return compared_steps(*map(steps_of, both))


def section_times(result: Result) -> dict[tuple[int, int], int]:
    """Time on the critical path by (step, layer), ps; they sum to the total.

    Step 0 where a trace has one step only, layer -1 for what is in no layer.
    """
    found: dict[tuple[int, int], int] = {}
    table = result.operators
    for scope, time in zip(table["scope"], table["time_ps"], strict=True):
        step, layer = step_of(scope), layer_of(scope)
        key = (0 if step is None else step, -1 if layer is None else layer)
        found[key] = found.get(key, 0) + int(time)
    return dict(sorted(found.items()))


def layers_of(sections: Mapping[tuple[int, int], int]) -> dict[int, int]:
    """Time by layer over all steps; empty without layers."""
    found: dict[int, int] = {}
    for (_, layer), time in sections.items():
        if layer >= 0:
            found[layer] = found.get(layer, 0) + time
    return found


def steps_of(sections: Mapping[tuple[int, int], int]) -> dict[int, int]:
    """Time by step."""
    found: dict[int, int] = {}
    for (step, _), time in sections.items():
        found[step] = found.get(step, 0) + time
    return found
