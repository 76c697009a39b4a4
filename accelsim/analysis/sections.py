"""Times of layers and steps: parts of the critical path by the names of their operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


def steps_of(base: Mapping[int, int], other: Mapping[int, int]) -> Steps | None:
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


def over_layers(comparison: Comparison, role: str = "candidate") -> list[float]:
    """Speedup of every layer of a comparison; empty without layers."""
    both = (layer_times(comparison.results[name]) for name in ("baseline", role))
    return layer_speedups(*both)


def over_steps(comparison: Comparison, role: str = "candidate") -> Steps | None:
    """Steps of a comparison; None where there are fewer than two."""
    return steps_of(*(step_times(comparison.results[name]) for name in ("baseline", role)))


def layer_times(result: Result) -> dict[int, int]:
    """Time on the critical path by layer number, ps, over all steps; empty without layers."""
    return _times(result, layer_of)


def step_times(result: Result) -> dict[int, int]:
    """Time on the critical path by step, ps; empty for a trace of one step."""
    return _times(result, step_of)


def _times(result: Result, number_of: Callable[[str], int | None]) -> dict[int, int]:
    found: dict[int, int] = {}
    table = result.operators
    for scope, time in zip(table["scope"], table["time_ps"], strict=True):
        number = number_of(scope)
        if number is not None:
            found[number] = found.get(number, 0) + int(time)
    return dict(sorted(found.items()))
