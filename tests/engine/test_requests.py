"""The request-level DRAM inside the engines."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.arch.parts import load_part
from accelsim.engine.builder import ProgramBuilder
from accelsim.engine.dram import run_stream
from accelsim.engine.program import Dram, Order, Program, ProgramError
from accelsim.engine.run import run
from tests.engine.programs import assert_same, build, make_dram, make_units

LINE = 64


def hbm2(stacks: int = 1, **changes: int) -> Dram:
    part = load_part("hbm2", [f"{path}={value}" for path, value in changes.items()])
    row = {"channels": stacks * part.channels, "line_bytes": LINE, "interleave_bytes": 2048}
    dram = make_dram({**row, "clock_ps": part.clock_period, "return_ps": 5_000})
    return Dram(**{**dram.__dict__, "part": part.vector})


def port(**changes: int) -> dict[str, int]:
    usual = {"servers": 4, "order": Order.READY_FIRST, "clock_ps": 1000, "outstanding": 512}
    return {**usual, "issue_per_cycle": 4, "crossing_ps": 2000, **changes}


def four_units(stacks: int = 1) -> Program:
    """Two gathers, a stream and a store, of coprime clocks, all at once."""
    rng = np.random.default_rng(5)
    units = make_units(
        port(),
        port(clock_ps=700, outstanding=64),
        port(return_bytes_per_cycle=96),
        port(is_write=1, clock_ps=1300),
    )
    builder = ProgramBuilder()
    for _ in range(12):
        rows = rng.integers(0, 1 << 18, size=40) * 256
        runs = np.stack([rows, rows * 0, rows * 0 + 256, rows * 0 + 1], axis=1)
        builder.memory_task(0, runs)
        builder.memory_task(1, runs[::2])
        builder.memory_task(2, [[int(rows[0]), 4096, 4096, 3]])
        builder.memory_task(3, [[int(rows[1]), 64, 64, 100]])
    return build(builder, units, [], hbm2(stacks))


@pytest.mark.parametrize("stacks", [1, 3])
def test_four_units_meet_in_the_same_queues_and_the_engines_agree(stacks: int) -> None:
    program = four_units(stacks)
    schedules = [run(program, engine, record_requests=True) for engine in ("compiled", "reference")]
    assert_same(*schedules)
    assert schedules[0].channel_lines.size == 8 * stacks
    alone = build_one_unit(program, 0)
    assert run(alone).total_ps < schedules[0].total_ps  # the others are in its way


def build_one_unit(program: Program, unit: int) -> Program:
    builder = ProgramBuilder()
    for task in np.flatnonzero(program.unit == unit):
        at = slice(program.run_ptr[task], program.run_ptr[task + 1])
        columns = (program.run_address, program.run_stride, program.run_bytes, program.run_count)
        builder.memory_task(unit, np.stack([c[at] for c in columns], axis=1))
    return build(builder, program.units, [], program.dram)


def read_lines(addresses: np.ndarray, dram: Dram, **changes: int) -> Program:
    """One unit beside the DRAM, with its clock: one line a clock, as the stream client offers."""
    alone = {"crossing_ps": 0, "issue_per_cycle": 1, "outstanding": 1 << 20}
    units = make_units(port(**{**alone, **changes}))
    builder = ProgramBuilder()
    zero = np.zeros_like(addresses)
    builder.memory_task(0, np.stack([addresses, zero, zero + LINE, zero + 1], axis=1))
    return build(builder, units, [], dram)


@pytest.mark.parametrize("rows", [1, 4])
def test_a_lone_unit_reaches_what_the_stream_client_reaches(rows: int) -> None:
    rng = np.random.default_rng(7)
    first = rng.integers(0, 1 << 20, size=4_000) * 256
    addresses = (first[:, None] + LINE * np.arange(rows)).ravel()
    stream = run_stream(hbm2().part, [(addresses, np.zeros(addresses.size, bool))], width=1)
    schedule = run(read_lines(addresses, hbm2()))
    # A slot that is freed at an edge is used at the unit's next one, the stream's at the same.
    assert schedule.total_ps == pytest.approx(stream.clocks * 1000, rel=0.01)
    assert int(schedule.channel_lines.sum()) == stream.read_commands


def test_a_few_stores_finish_although_they_stay_in_the_write_queue() -> None:
    builder = ProgramBuilder()
    builder.memory_task(0, [[0, 64, 64, 5]])
    program = build(builder, make_units(port(is_write=1)), [], hbm2())
    schedule = run(program)
    assert schedule.finish[0] == 3_000  # issued at 0 and 1 ns, 2 ns on the way
    assert schedule.channel_lines.sum() == 0
    assert_same(schedule, run(program, "reference"))


def test_a_read_of_a_waiting_write_is_forwarded() -> None:
    builder = ProgramBuilder()
    stored = builder.memory_task(0, [[0, 64, 64, 5]])
    builder.memory_task(1, [[0, 64, 64, 5]], after=[stored])
    program = build(builder, make_units(port(is_write=1), port()), [], hbm2())
    schedule = run(program)
    # 2 ns there, data at the next clock, 5 ns back; the fifth line is issued a cycle later.
    assert schedule.finish[1] - schedule.start[1] == 1_000 + 2_000 + 1_000 + 5_000
    assert schedule.channel_lines.sum() == 0
    assert_same(schedule, run(program, "reference"))


def test_equal_reads_that_wait_together_move_one_line() -> None:
    schedule = run(read_lines(np.zeros(20, np.int64), hbm2()))
    assert 1 <= schedule.channel_lines.sum() < 20


def test_a_channel_that_was_idle_has_been_refreshed() -> None:
    units = make_units({}, port())
    builder = ProgramBuilder()
    first = builder.memory_task(1, [[0, 0, 64, 1]])
    pause = builder.task(0, 50_000_000, after=[first])
    builder.memory_task(1, [[0, 0, 64, 1]], after=[pause])
    program = build(builder, units, [], hbm2())
    schedule = run(program)
    assert schedule.channel_activates.sum() == 2  # the refreshes closed the row
    assert_same(schedule, run(program, "reference"))


def test_a_client_queue_of_each_channel_lets_others_pass() -> None:
    """Blocks of 2 KB on one channel after another: the oldest line holds all others up."""
    addresses = (np.random.default_rng(3).integers(0, 4096, size=500) * 2048)[:, None]
    addresses = (addresses + LINE * np.arange(32)).ravel()
    queues = hbm2(**{"queues.client": 256})
    plain = run(read_lines(addresses, hbm2(), issue_per_cycle=4)).total_ps
    queued = run(read_lines(addresses, queues, issue_per_cycle=4)).total_ps
    assert queued < 0.7 * plain


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"line_bytes": np.array([128])}, "line_bytes = [128], but the part's are 64"),
        ({"channels": np.array([12])}, "channels = [12] are no stacks of 8"),
        ({"interleave_bytes": np.array([96])}, "no multiple of the line, 64 B"),
        ({"part": np.zeros(3, np.int64)}, "part has 3 entries"),
    ],
)
def test_a_part_that_does_not_fit_is_refused(change: dict[str, np.ndarray], message: str) -> None:
    dram = Dram(**{**hbm2().__dict__, **change})
    with pytest.raises(ProgramError, match=message.replace("[", r"\[").replace("]", r"\]")):
        read_lines(np.zeros(1, np.int64), dram)
