"""What is asked for next: the front of known spaces, and all of a space but nothing twice."""

from __future__ import annotations

import itertools
import math

import numpy as np
import optuna
import pytest

from accelsim.errors import InputError
from accelsim.sweep.asker import SAMPLERS, Asker
from accelsim.sweep.plan import Plan
from accelsim.sweep.search import BATCH
from accelsim.sweep.space import Space


def memory_system() -> dict[tuple, tuple[float, float]]:
    """Time and cost of rows, DRAM GB/s, banks and KiB: a roofline with re-reads, 750 points."""
    axes = [8, 16, 32, 64, 128, 256], [50, 100, 200, 400, 800], [4, 8, 16, 32, 64]
    found = {}
    for rows, dram, banks, kib in itertools.product(*axes, [64, 128, 256, 512, 1024]):
        bytes_moved = 4e8 * (1 + max(0.0, 1.5 * (512 / kib) ** 0.5 - 1))
        compute = 2e9 / (rows * 64 * 0.9 * min(1, banks * 64 / (rows * 16)))
        time = max(compute, bytes_moved / dram, 1e9 / (banks * 128))
        time += 2e5 / math.log2(kib) + 3e4 * math.log2(rows)
        cost = rows * 0.064 + dram * 0.08 + banks * 0.7 + kib * 0.03 + 0.002 * banks * rows
        found[rows, dram, banks, kib] = time, cost
    return found


def working_sets() -> dict[tuple, tuple[float, float]]:
    """Time and cost of GHz, lanes, lines in flight and KiB: three kernels, 1,008 points."""
    axes = [0.5, 0.75, 1.0, 1.25, 1.5, 2.0], [16, 32, 64, 128], [16, 32, 64, 128, 256, 512]
    found = {}
    for ghz, lanes, lines, kib in itertools.product(*axes, [128, 192, 256, 384, 512, 768, 1024]):
        time = 0.0
        for macs, bytes_moved, needed in ((3e8, 2e7, 300), (1e8, 8e7, 700), (2e7, 5e6, 90)):
            again = 1 if needed <= kib else math.ceil(needed / kib) * 0.8
            time += max(macs / (lanes * 32 * ghz), bytes_moved * again / min(400, lines * 2.56))
            time += 5000 / ghz
        cost = lanes * 0.32 * ghz**2 + lines * 0.12 + kib * 0.06 + ghz * 3
        found[ghz, lanes, lines, kib] = time, cost
    return found


def space_of(known: dict[tuple, tuple[float, float]]) -> Space:
    """The space of a table, each of whose axes is a parameter."""
    axes = [sorted(set(values)) for values in zip(*known, strict=True)]
    parameters = {f"p{at}": {"path": f"p{at}", "values": axis} for at, axis in enumerate(axes)}
    return Space(
        Plan.model_validate(
            {"name": "x", "architectures": ["a"], "workloads": ["w"], "parameters": parameters}
        )
    )


def asked(known, sampler: str, seed: int, count: int) -> list[tuple]:
    """The points that a sampler asks for in batches."""
    space = space_of(known)
    asker = Asker(space, sampler, 2, seed, BATCH)
    found: list[tuple] = []
    while len(found) < count:
        batch = [asker.ask() for _ in range(min(BATCH, count - len(found)))]
        for suggestion, trial in batch:
            found.append(tuple(space.values(suggestion).values()))
            asker.tell(trial, np.log(known[found[-1]]).tolist())
    return found


def front(known, points) -> list[tuple]:
    """The points that no other is better than, by time."""
    best, found = math.inf, []
    for point in sorted(points, key=known.__getitem__):
        if known[point][1] < best:
            best = known[point][1]
            found.append(point)
    return found


def reached(known, points) -> tuple[float, float]:
    """Shares of the true front's hypervolume and of its points.

    In logs, each objective over its span on the true front, against the worst of that front and a
    tenth of the span: an end of the front that is missed costs much.
    """
    true = front(known, known)
    ends = np.log([known[true[0]], known[true[-1]]])
    low, span = ends.min(axis=0), np.ptp(ends, axis=0)

    def hypervolume(of: list[tuple]) -> float:
        volume, above = 0.0, 1.1
        for time, cost in (np.log([known[point] for point in of]) - low) / span:
            volume += max(0, 1.1 - time) * max(0, above - cost)
            above = min(above, cost)
        return volume

    share = hypervolume(front(known, points)) / hypervolume(true)
    return share, len(set(true) & set(points)) / len(true)


@pytest.mark.parametrize("make", [memory_system, working_sets])
def test_a_tenth_of_the_points_finds_the_front(make):
    known = make()
    count = len(known) // 10
    rng = np.random.default_rng(0)
    everything = list(known)
    by_model, by_chance = [], []
    for seed in range(3):
        points = asked(known, "model", seed, count)
        assert len(set(points)) == count
        by_model.append(reached(known, points))
        drawn = [everything[at] for at in rng.choice(len(known), count, replace=False)]
        by_chance.append(reached(known, drawn))
    volume, share = np.mean(by_model, axis=0)
    assert volume > 0.99 and share > 0.7
    volume, share = np.mean(by_chance, axis=0)
    assert volume < 0.95 and share < 0.25


def test_the_unit_of_an_objective_does_not_matter():
    known = {(a, b): (1.0 + a * b, 40.0 - a - b / 2) for a in range(20) for b in range(20)}
    space = space_of(known)

    def suggestions(unit: float) -> list:
        asker = Asker(space, "model", 2, 0, BATCH)
        found = []
        for _ in range(30):
            suggestion, trial = asker.ask()
            found.append(suggestion)
            time, cost = known[tuple(space.values(suggestion).values())]
            asker.tell(trial, [time * unit, cost])
        return found

    assert suggestions(2.0**-30) == suggestions(1.0)


def test_one_objective_is_searched_too():
    space = space_of({(a, b): (0.0, 0.0) for a in range(20) for b in range(20)})
    asker = Asker(space, "model", 1, 0, BATCH)
    found = []
    for _ in range(24):
        suggestion, trial = asker.ask()
        a, b = suggestion.numbers
        found.append(abs(a - 13) + (b - 4) ** 2 / 5)
        asker.tell(trial, [found[-1]])
    assert min(found) == 0


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_all_of_a_space_is_asked_for_and_nothing_twice(sampler):
    known = {(a, b): (a + b, -a * b) for a in range(6) for b in range(5)}
    asker = Asker(space_of(known), sampler, 2, 0, BATCH)
    found = []
    while (answer := asker.ask()) is not None:
        suggestion, trial = answer
        found.append(suggestion)
        a, b = map(float, suggestion.numbers)
        asker.tell(trial, None if a == 3 else [a, b])
    assert len(found) == len(set(found)) == 30


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_seed_says_what_is_asked(sampler):
    known = {(a, b): (1.0 + a * b, 2.0 + b) for a in range(20) for b in range(20)}
    one = asked(known, sampler, 1, 24)
    assert asked(known, sampler, 1, 24) == one
    assert asked(known, sampler, 1, 20) == one[:20]
    assert asked(known, sampler, 2, 24) != one


@pytest.mark.parametrize(("sampler", "at_most"), [("model", 2), ("tpe", 10)])
def test_points_without_figures_are_left(sampler, at_most):
    """Half of the space fails: 16 of the last 32 points would by chance."""
    space = space_of({(a, b): (0.0, 0.0) for a in range(20) for b in range(20)})
    asker = Asker(space, sampler, 2, 0, BATCH)
    failed = []
    for _ in range(64 // BATCH):
        for suggestion, trial in [asker.ask() for _ in range(BATCH)]:
            a, b = suggestion.numbers
            failed.append(a < 10)
            asker.tell(trial, None if a < 10 else [b + abs(a - 14), 20 - b + abs(a - 14)])
    assert sum(failed[32:]) <= at_most


def test_optuna_says_nothing(capfd, recwarn):
    before = optuna.logging.get_verbosity()
    asked({(a,): (1.0 + a, 2.0 - a / 40) for a in range(20)}, "tpe", 0, 16)
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "") and not recwarn.list


def test_an_unknown_sampler_is_refused():
    with pytest.raises(InputError, match="unknown sampler 'tp'.*tpe"):
        Asker(space_of({(1,): (1.0, 1.0)}), "tp", 2, 0, BATCH)
