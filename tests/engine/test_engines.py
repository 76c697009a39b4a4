"""Both engines: tiny cases worked out by hand, the same result on random Programs, and laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from accelsim.engine.builder import ProgramBuilder
from accelsim.engine.compiled import run_compiled
from accelsim.engine.program import Cause, Order, Program, ProgramError
from accelsim.engine.reference import run_reference
from accelsim.engine.run import run
from accelsim.engine.schedule import DeadlockError, Schedule
from accelsim.errors import InputError
from accelsim.kernels import fields
from tests.engine.programs import (
    JOIN,
    assert_obeys,
    assert_same,
    build,
    expect,
    feed,
    make_units,
    programs,
    seeded_program,
)

NONE, DEPENDENCY, BUFFER, SERVER, TURN = Cause


def both(p: Program) -> Schedule:
    """Run on both engines, check that they agree and obey, and return the schedule."""
    compiled = run(p, "compiled", record_requests=True)
    assert_same(compiled, run(p, "reference", record_requests=True))
    assert_obeys(p, compiled)
    return compiled


def test_one_server_serves_in_order() -> None:
    # Occupancy 3, latency 5: starts 3 apart, each finish 5 after its start.
    builder = ProgramBuilder()
    tasks = [builder.task(0, 3, 5) for _ in range(3)]
    s = both(build(builder, make_units({})))
    expect(
        s,
        tasks,
        ready=[0, 0, 0],
        start=[0, 3, 6],
        finish=[5, 8, 11],
        server_free=[3, 6, 9],
        cause=[NONE, SERVER, SERVER],
        blame=[-1, 0, 1],
    )
    assert s.total_ps == 11


def test_starts_are_rounded_up_to_the_clock() -> None:
    # 7 finishes at 7; on a 5 ps clock the successor starts at 10, and the next server edge is 15
    # (released at 13).
    builder = ProgramBuilder()
    first = builder.task(0, 7)
    second = builder.task(1, 3, after=[first])
    third = builder.task(1, 3, after=[first])
    s = both(build(builder, make_units({}, {"clock_ps": 5})))
    expect(
        s,
        [first, second, third],
        ready=[0, 7, 7],
        start=[0, 10, 15],
        finish=[7, 13, 18],
        cause=[NONE, DEPENDENCY, SERVER],
        blame=[-1, first, second],
    )


@pytest.mark.parametrize(
    ("order", "starts", "causes"),
    [
        # In order: task 1 waits until 9 for task 0, and task 2, ready at 4, behind it.
        (Order.IN_ORDER, [9, 9], [DEPENDENCY, TURN]),
        (Order.READY_FIRST, [9, 4], [DEPENDENCY, DEPENDENCY]),
    ],
)
def test_the_head_blocks_only_in_order(order: int, starts: list[int], causes: list[int]) -> None:
    builder = ProgramBuilder()
    slow, fast = builder.task(0, 9), builder.task(1, 4)
    tasks = [builder.task(2, 1, after=[slow]), builder.task(2, 1, after=[fast])]
    p = build(builder, make_units({}, {}, {"servers": 2, "order": order}))
    expect(both(p), tasks, ready=[9, 4], start=starts, cause=causes)


def test_ready_first_takes_the_longest_ready_then_the_lowest() -> None:
    # The server is busy until 10; by then 3 is ready since 2, 1 and 2 since 6.
    builder = ProgramBuilder()
    busy = builder.task(0, 10)
    six, two = builder.task(1, 6), builder.task(2, 2)
    tasks = [builder.task(0, 1, after=[b]) for b in (six, six, two)]
    p = build(builder, make_units({"order": Order.READY_FIRST}, {}, {}))
    expect(both(p), tasks, start=[11, 12, 10], cause=[SERVER] * 3, blame=[tasks[2], tasks[0], busy])


def test_a_join_of_no_length_takes_rounds_and_no_time() -> None:
    # A chain of joins at one instant; the last starts a task at 4 on task 0's finish.
    builder = ProgramBuilder()
    chain = [builder.task(0, 4)]
    for _ in range(3):
        chain.append(builder.task(1, after=chain[-1:]))
    chain.append(builder.task(0, 2, after=chain[-1:]))
    p = build(builder, make_units({}, JOIN))
    expect(both(p), chain, start=[0, 4, 4, 4, 4], finish=[4, 4, 4, 4, 6], blame=[-1, 0, 1, 2, 3])


def test_claims_are_granted_in_task_order_when_the_bytes_fit() -> None:
    # 10 B: task 0 takes 6 until it ends at 5. Task 1 wants 6: granted at 5. Task 2 wants 1, which
    # would fit at once, but stands behind task 1: granted at 5 too.
    builder = ProgramBuilder()
    tasks = [builder.task(unit, 5) for unit in range(3)]
    for task, size in zip(tasks, (6, 6, 1), strict=True):
        builder.claim(task, 0, size).append(task)
    s = both(build(builder, make_units({}, {}, {}), [10]))
    expect(
        s,
        tasks,
        grant=[0, 5, 5],
        start=[0, 5, 5],
        cause=[BUFFER, BUFFER, BUFFER],
        blame=[-1, 0, 0],
    )


def test_claims_of_one_task_on_one_buffer_add_up() -> None:
    # Task 1 wants 3 + 3 of 10 B of which task 0 holds 5: it gets both at 4, not one at 0.
    builder = ProgramBuilder()
    first, second = builder.task(0, 4), builder.task(1, 4)
    builder.claim(first, 0, 5).append(first)
    for _ in range(2):
        builder.claim(second, 0, 3).append(second)
    expect(both(build(builder, make_units({}, {}), [10])), [first, second], grant=[0, 4])


def test_a_task_waits_for_all_its_buffers_and_takes_none_before() -> None:
    # Task 2 wants buffers 0 (held until 3) and 1 (held until 8): granted both at 8. Task 3, behind
    # it in the line of buffer 0 only, is granted at 8 as well.
    builder = ProgramBuilder()
    tasks = [builder.task(unit, time) for unit, time in enumerate((3, 8, 1, 1))]
    for task, buffers in zip(tasks, ((0,), (1,), (0, 1), (0,)), strict=True):
        for buffer in buffers:
            builder.claim(task, buffer, 5).append(task)
    p = build(builder, make_units({}, {}, {}, {}), [10, 5])
    expect(both(p), tasks, grant=[0, 0, 8, 8], blame=[-1, -1, 1, 1])


def test_a_claim_is_released_by_the_last_of_its_releasers() -> None:
    # Task 0's claim is held until both of its readers have finished, at 2 + 7.
    builder = ProgramBuilder()
    first = builder.task(0, 2)
    readers = [builder.task(1, 7, after=[first]), builder.task(2, 1, after=[first])]
    last = builder.task(3, 1)
    builder.claim(first, 0, 5).extend(readers)
    builder.claim(last, 0, 5).append(last)
    expect(both(build(builder, make_units({}, {}, {}, {}), [5])), [last], grant=[9], blame=[1])


def test_equal_times_name_the_dependency_and_the_highest_task() -> None:
    # Tasks 0 and 1 end at 6, when also the buffer and the server come free.
    builder = ProgramBuilder()
    before = feed(builder, 0, [6]) + feed(builder, 1, [6])
    after = builder.task(0, 1, after=before)
    for task in (before[1], after):
        builder.claim(task, 0, 4).append(task)
    s = both(build(builder, make_units({}, {}), [4]))
    expect(s, [after], grant=[6], cause=[DEPENDENCY], blame=[before[1]])


def test_unlimited_servers_start_everything_at_once() -> None:
    builder = ProgramBuilder()
    tasks = feed(builder, 0, [3, 1, 2])
    s = both(build(builder, make_units({"servers": 0})))
    expect(s, tasks, start=[0, 0, 0], finish=[3, 1, 2])


def test_an_empty_program_takes_no_time() -> None:
    s = both(build(ProgramBuilder(), make_units({})))
    assert s.total_ps == 0 and s.start.size == 0


def test_the_order_of_a_barrier_is_not_quadratic_in_events() -> None:
    # 2,000 tasks become ready at one instant on one server: they start in task order.
    builder = ProgramBuilder()
    first = builder.task(0, 1)
    tasks = [builder.task(0, 1, after=[first]) for _ in range(2000)]
    p = build(builder, make_units({"order": Order.READY_FIRST}))
    assert run(p).start[tasks].tolist() == list(range(1, 2001))


@settings(
    deadline=None,
    max_examples=150,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(programs())
def test_engines_agree_on_random_programs(p: Program) -> None:
    both(p)


def test_engines_agree_on_many_seeded_programs() -> None:
    causes = set()
    for seed in range(600):
        causes |= set(both(seeded_program(seed)).cause.tolist())
    assert causes == set(Cause), "the generator must reach every cause"


def test_input_arrays_are_left_alone_and_may_be_of_any_layout() -> None:
    p = seeded_program(5)
    before = {name: getattr(p, name).copy() for name in ("unit", "claim_bytes", "run_address")}
    wide = np.stack([p.unit, p.unit], axis=1)
    wide.flags.writeable = False
    assert_same(run(p), run(replace(p, unit=wide[:, 0])))
    assert all(np.array_equal(getattr(p, name), value) for name, value in before.items())


def test_run_checks_the_program_and_the_engine() -> None:
    p = seeded_program(1)
    with pytest.raises(ProgramError):
        run(replace(p, unit=p.unit + 99))
    with pytest.raises(InputError, match="known: compiled, reference"):
        run(p, "fast")


@pytest.mark.parametrize("engine", [run_compiled, run_reference])
def test_a_deadlock_names_who_waits_for_what(engine: type[run_compiled]) -> None:
    # Six independent claimers of more than there is: a Program that check would reject.
    builder = ProgramBuilder()
    first = builder.task(0, 1)
    for task in [builder.task(0, 1, after=[first]) for _ in range(6)]:
        builder.claim(task, 0, 4).append(task)
    builder.task(1, 1, after=[1])
    p = build(builder, make_units({}, {}), [4])
    broken = replace(p, buffer_bytes=np.array([3]))
    with pytest.raises(DeadlockError) as caught:
        engine(broken)
    message = str(caught.value)
    assert "7 of 8 tasks never finished" in message
    assert "task 1 on 'unit0' waits for 4 B of 'buffer0'" in message
    assert "and 2 more" in message and "task 6" not in message


def test_the_kernels_number_the_causes_alike() -> None:
    numbers = [fields.NONE, fields.DEPENDENCY, fields.BUFFER, fields.SERVER, fields.TURN]
    assert numbers == [NONE, DEPENDENCY, BUFFER, SERVER, TURN]
