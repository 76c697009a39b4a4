"""Times of layers and steps: parts of the critical path by the names of their operators."""

from __future__ import annotations

from collections.abc import Callable

from accelsim.analysis.result import Result
from accelsim.workload.slicing import layer_of, step_of


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
