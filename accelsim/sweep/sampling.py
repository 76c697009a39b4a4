"""The points of a plan, one after the other: grid, list, random or Latin hypercube."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from accelsim.sweep.plan import ARCHITECTURE, Grid, Listed, Parameter, Plan, Random
from accelsim.sweep.values import Value


class Point(NamedTuple):
    """A point of a plan.

    `number` : from 0, in the order of the plan. `arch`, `workload` : numbers of the plan's entries.
    `values` : of the parameters that the architecture has, by name; parameters that a listed point
    does not name are missing.
    """

    number: int
    arch: int
    workload: int
    values: dict[str, Value]


def points(plan: Plan) -> Iterator[Point]:
    """Every point, workload by workload and architecture by architecture."""
    number = itertools.count()
    for workload in range(len(plan.workloads)):
        for arch in range(len(plan.architectures)):
            for values in _samples(plan, arch):
                yield Point(next(number), arch, workload, values)


def count_points(plan: Plan) -> int:
    """How many points there are before constraints."""
    return sum(1 for _ in points(plan))


def _samples(plan: Plan, arch: int) -> Iterator[dict[str, Value]]:
    """Values of the parameters of an architecture at every sample that is for it."""
    sampling = plan.sampling
    names = [name for name in plan.parameters if plan.applies(name, arch)]
    if isinstance(sampling, Grid):
        grids = [plan.parameters[name].grid() for name in names]
        for combination in itertools.product(*grids):
            yield dict(zip(names, combination, strict=True))
    elif isinstance(sampling, Listed):
        label = plan.architectures[arch].label
        for listed in sampling.points:
            if listed.get(ARCHITECTURE, label) != label:
                continue
            yield {name: listed[name] for name in names if name in listed}
    elif not names:
        yield {}  # an architecture without parameters is one point
    else:
        shares = {name: _shares(plan, name) for name in names}
        for row in range(sampling.points):
            yield {name: at_share(plan.parameters[name], shares[name][row]) for name in names}


def _shares(plan: Plan, name: str) -> np.ndarray:
    """float64[points] in [0, 1): where each sample lies in a parameter's range.

    Every parameter has a stream of its own, so that adding one moves none of the others.
    """
    sampling = plan.sampling
    assert not isinstance(sampling, Grid | Listed)
    rng = np.random.default_rng([sampling.seed, *name.encode()])
    within = rng.random(sampling.points)
    if isinstance(sampling, Random):
        return within
    return (rng.permutation(sampling.points) + within) / sampling.points


def at_share(parameter: Parameter, share: float) -> Value:
    """The value of a parameter at a share of the way through it, 0 to 1."""
    if parameter.range is not None:
        return parameter.range.bounds.at(share)
    values = parameter.values
    return values[min(int(share * len(values)), len(values) - 1)]
