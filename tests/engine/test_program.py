"""Program.check rejects every broken rule, and the builder builds what it was told."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from accelsim.engine.builder import ProgramBuilder
from accelsim.engine.program import Program, ProgramError
from tests.engine.programs import build, make_dram, make_units, seeded_program

RUN = np.array([[0, 0, 64, 1]])


def same_program(a: Program, b: Program) -> bool:
    """Whether two Programs hold the same arrays."""
    names = [f.name for f in fields(a) if f.type == "np.ndarray"]
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


def small() -> Program:
    """Two service tasks and a memory task; a claim of the first is released by the second."""
    builder = ProgramBuilder(["macs"])
    first = builder.task(0, 5, 7, macs=3)
    second = builder.task(0, 5, after=[first])
    builder.memory_task(1, RUN, after=[second])
    builder.claim(first, 0, 8).append(second)
    units = make_units({}, {"outstanding": 1, "issue_per_cycle": 1})
    return build(builder, units, [8], make_dram({}))


def at(values: np.ndarray, place: int, value: int) -> np.ndarray:
    """A copy with one entry changed."""
    changed = values.copy()
    changed[place] = value
    return changed


def test_builder_keeps_what_it_was_told() -> None:
    p = small()
    assert p.tasks == 3
    assert p.occupancy_ps.tolist() == [5, 5, 0] and p.latency_ps.tolist() == [7, 5, 0]
    assert p.pred_ptr.tolist() == [0, 0, 1, 2] and p.pred.tolist() == [0, 1]
    assert p.claim_bytes.tolist() == [8] and p.release.tolist() == [1]
    assert p.run_ptr.tolist() == [0, 0, 0, 1] and p.run_bytes.tolist() == [64]
    assert p.counters["macs"].tolist() == [3, 0, 0]
    assert same_program(p, small())
    assert not same_program(p, replace(p, latency_ps=at(p.latency_ps, 0, 8)))


def blocks(sealed: bool) -> Program:
    """Two loads with claims in one block, or one by one, and a task that releases them."""
    runs = np.array([[0, 0, 128, 1], [128, 0, 64, 1]])
    builder = ProgramBuilder(["traffic"])
    first = builder.task(0, 5)
    if sealed:
        builder.seal()
        loads, releasers = builder.memory_tasks(1, runs, after=[first], buffer=0, traffic=2)
        builder.count("traffic", loads[1:], np.array([7]))
        releasers.append(builder.task(0, 5, after=loads))
        builder.seal()
        with pytest.raises(ValueError, match="task 0 is sealed"):
            builder.claim(first, 0, 8)
    else:
        lists = []
        for run, traffic in zip(runs, (2, 7), strict=True):
            load = builder.memory_task(1, run, after=[first], traffic=traffic)
            lists.append(builder.claim(load, 0, int(run[2])))
        last = builder.task(0, 5, after=[1, 2])
        for releasers in lists:
            releasers.append(last)
    units = make_units({}, {"outstanding": 1, "issue_per_cycle": 1})
    return build(builder, units, [192], make_dram({}))


def test_blocks_and_seals_build_what_single_tasks_do() -> None:
    together, single = blocks(True), blocks(False)
    assert same_program(together, single)
    assert together.counters["traffic"].tolist() == single.counters["traffic"].tolist()


@pytest.mark.parametrize(
    ("field", "place", "value", "message"),
    [
        ("unit", 0, 2, "task 0 names a unit that does not exist"),
        ("unit", 1, -1, "task 1 names a unit that does not exist"),
        ("occupancy_ps", 1, -1, "task 1 has a negative occupancy"),
        ("latency_ps", 0, 4, "task 0 has a latency below its occupancy"),
        ("pred", 0, 1, "task 1 has a predecessor that is not before it"),
        ("pred", 0, -1, "task 1 has a predecessor that is not before it"),
        ("claim_buffer", 0, 1, "task 0 claims an unknown buffer"),
        ("claim_bytes", 0, -1, "task 0 claims negative bytes"),
        ("claim_bytes", 0, 9, "task 0 needs 9 B of buffer 'buffer0' held at once, which has 8 B"),
        ("release", 0, 2, "task 0 has a claim whose releaser does not directly depend on it"),
        ("release", 0, -1, "task 0 is released by a task before it"),
        ("release", 0, 3, "task 0 is released by a task before it"),
        ("unit", 2, 0, "task 2 issues requests on a unit with none"),
        ("latency_ps", 2, 1, "task 2 has both a service and memory requests"),
        ("run_bytes", 0, 0, "task 2 has an empty memory run"),
        ("run_count", 0, 0, "task 2 has an empty memory run"),
        ("run_address", 0, -64, "task 2 has a memory run below address 0"),
        ("pred_ptr", 3, 1, "'pred' must have 1 entries"),
        ("pred_ptr", 0, 1, "'pred_ptr' must rise from 0"),
        ("claim_ptr", 1, 2, "'claim_ptr' must rise from 0"),
    ],
)
def test_check_rejects(field: str, place: int, value: int, message: str) -> None:
    good = small()
    bad = replace(good, **{field: at(getattr(good, field), place, value)})
    with pytest.raises(ProgramError, match=message):
        bad.check()


@pytest.mark.parametrize(
    ("field", "place", "value", "message"),
    [
        ("clock_ps", 0, 0, "unit 'unit0' has clock_ps = 0"),
        ("servers", 1, -1, "unit 'unit1' has servers = -1"),
        ("order", 0, 2, "unit 'unit0' has order = 2"),
        ("crossing_ps", 1, -1, "unit 'unit1' has crossing_ps = -1"),
        ("issue_per_cycle", 1, 0, "task 2 has a unit that issues nothing"),
        ("chip", 1, 1, "task 2 has a unit on a chip without DRAM"),
    ],
)
def test_check_rejects_units(field: str, place: int, value: int, message: str) -> None:
    good = small()
    units = replace(good.units, **{field: at(getattr(good.units, field), place, value)})
    with pytest.raises(ProgramError, match=message):
        replace(good, units=units).check()


@pytest.mark.parametrize("field", ["channels", "line_bytes", "banks", "queue_depth", "burst_ps"])
def test_check_rejects_dram_of_nothing(field: str) -> None:
    good = small()
    dram = replace(good.dram, **{field: np.zeros(1, np.int64)})
    with pytest.raises(ProgramError, match=f"dram: {field}"):
        replace(good, dram=dram).check()


def test_check_rejects_arrays_of_unequal_length() -> None:
    good = small()
    with pytest.raises(ProgramError, match="'latency_ps' has 2 entries for 3 tasks"):
        replace(good, latency_ps=good.latency_ps[:2]).check()
    with pytest.raises(ProgramError, match="buffer names"):
        replace(good, buffer_name=("a", "b")).check()


def test_check_rejects_a_claim_that_nothing_releases() -> None:
    good = small()
    bad = replace(good, release_ptr=np.zeros(2, np.int64), release=np.zeros(0, np.int64))
    with pytest.raises(ProgramError, match="task 0 has a claim that nothing releases"):
        bad.check()


def test_check_sums_what_is_held_over_tasks_and_claims() -> None:
    # Tasks 0 and 1 hold 6 B until task 2: 12 B of 12 fit, of 11 do not; task 1 claims twice.
    for capacity in (12, 11):
        builder = ProgramBuilder()
        a, b = builder.task(0, 1), builder.task(0, 1)
        last = builder.task(0, 1, after=[a, b])
        for claimer, size in ((a, 6), (b, 2), (b, 4)):
            builder.claim(claimer, 0, size).append(last)
        if capacity == 12:
            build(builder, make_units({}), [capacity])
        else:
            with pytest.raises(ProgramError, match="task 1 needs 12 B"):
                build(builder, make_units({}), [capacity])


def test_check_counts_a_release_before_the_next_claim() -> None:
    # Each task releases its own claim of the whole buffer: one at a time fits.
    builder = ProgramBuilder()
    for task in [builder.task(0, 1) for _ in range(3)]:
        builder.claim(task, 0, 8).append(task)
    assert build(builder, make_units({}), [8]).tasks == 3


def test_check_accepts_the_random_programs() -> None:
    for seed in range(50):
        seeded_program(seed).check()
