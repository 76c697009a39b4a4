"""What the DRAM did, by task: rows opened, lines that moved no data, refreshes."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.arch.load import load_arch
from accelsim.engine.builder import ProgramBuilder
from accelsim.engine.dram import refreshes, run_stream
from accelsim.engine.program import Program
from accelsim.engine.run import run
from accelsim.engine.schedule import Schedule
from accelsim.kernels.dram_fields import T_REFRESH_EVERY, T_TRAIN
from accelsim.mapping.machine import LOAD, Machine
from tests.engine.programs import assert_adds_up, assert_same, build, make_units
from tests.engine.test_requests import LINE, four_units, hbm2, port, read_lines

KIB = 1 << 10
ROW = 2 * KIB  # of a channel of hbm2
BANK = 1 << 18  # from a row of hbm2 to the next of its bank
QUIET = {"refresh": False, "permute": False}


def both(program: Program) -> Schedule:
    """Run on both engines, which agree, and hold what each task did against the channels."""
    found = run(program)
    assert_same(found, run(program, "reference"))
    assert_adds_up(program, found)
    return found


def tasks(lines: list[list[int]], in_turn: bool = False, **settings: bool) -> Program:
    """Tasks that read single lines, all at once or each after the one before."""
    builder = ProgramBuilder()
    after: list[int] = []
    for mine in lines:
        task = builder.memory_task(0, [[line, 0, LINE, 1] for line in mine], after=after)
        after = [task] if in_turn else []
    dram = hbm2(**settings)
    return build(builder, make_units(port()), [], dram)


@pytest.mark.parametrize(
    ("lines", "activates"),
    [
        ([[0, LINE]], [1]),  # two lines of a row
        ([[0, BANK]], [2]),  # two rows of a bank
        ([[0], [LINE]], [1, 0]),  # the second finds the row open
        ([[0], [BANK]], [1, 1]),
        ([[0], [BANK], [0]], [1, 1, 1]),  # the third comes back to a row that was closed
        ([[0], [LINE], [BANK], [BANK + LINE], [LINE, 0]], [1, 0, 1, 0, 1]),
        ([[0, ROW, BANK, BANK + ROW], [ROW + BANK]], [4, 0]),
    ],
)
def test_a_row_is_opened_for_the_task_that_finds_it_closed(
    lines: list[list[int]], activates: list[int]
) -> None:
    found = both(tasks(lines, in_turn=True, **QUIET))
    assert found.task_activates.tolist() == activates
    assert found.task_merged.sum() == 0


def test_of_lines_that_wait_together_the_first_opens_the_row() -> None:
    found = both(tasks([[0], [LINE], [2 * LINE]], **QUIET))
    assert found.task_activates.tolist() == [1, 0, 0]


def test_a_refresh_closes_rows_which_the_next_task_opens_again() -> None:
    builder = ProgramBuilder()
    first = builder.memory_task(1, [[0, 0, LINE, 1]])
    pause = builder.task(0, 50_000_000, after=[first])
    builder.memory_task(1, [[0, 0, LINE, 1]], after=[pause])
    found = both(build(builder, make_units({}, port()), [], hbm2()))
    assert found.task_activates.tolist() == [1, 0, 1]


def test_a_read_with_an_equal_one_moves_no_line_of_its_own() -> None:
    found = both(tasks([[0], [0], [LINE, 0]], **QUIET))
    assert found.task_merged.tolist() == [0, 1, 1]
    assert found.channel_lines.sum() == 2 and found.channel_writes.sum() == 0


def test_what_a_write_queue_holds_is_merged_forwarded_and_left() -> None:
    builder = ProgramBuilder()
    stored = builder.memory_task(0, [[0, 64, 64, 5]])
    again = builder.memory_task(0, [[64, 64, 64, 5]], after=[stored])
    builder.memory_task(1, [[0, 64, 64, 3]], after=[again])
    found = both(build(builder, make_units(port(is_write=1), port()), [], hbm2()))
    assert found.task_merged.tolist() == [0, 4, 3]
    assert found.channel_writes_left.sum() == 6  # lines 0 to 5
    assert found.channel_lines.sum() == found.task_activates.sum() == 0


def test_writes_open_rows_for_their_tasks() -> None:
    builder = ProgramBuilder()
    for row in range(3):
        builder.memory_task(0, [[row * BANK, 64, 64, 16]])
    found = both(build(builder, make_units(port(is_write=1)), [], hbm2(**QUIET)))
    assert found.channel_writes.sum() + found.channel_writes_left.sum() == 48
    assert found.task_activates.tolist()[:2] == [1, 1]


def test_four_units_add_up() -> None:
    program = four_units()
    assert_adds_up(program, run(program))


@pytest.mark.parametrize("level", ["simple", "request", "train"])
def test_a_stream_opens_its_rows_once_and_again_after_refreshes(level: str) -> None:
    """A refresh closes the rows of its channel; a stream has a few of them at work."""
    units = Machine(load_arch("sparse_v1", [f"dram.level={level}"]))
    builder = ProgramBuilder()
    for i in range(32):
        builder.memory_task(LOAD, [[i * 256 * KIB, 0, 256 * KIB, 1]])
    program = builder.build(units.units(), [], [], units.dram())
    found = run(program)
    assert_adds_up(program, found)
    rows = 32 * 256 * KIB // ROW
    part, channels = load_arch("sparse_v1").dram.running.vector, 32
    again = refreshes(part, channels, int(units.dram().clock_ps[0]), found.total_ps)
    assert rows <= found.task_activates.sum() <= rows + (0 if level == "simple" else 4 * again)


@pytest.mark.parametrize("machine", ["sparse_v1", "sparse_small"])
def test_trains_open_about_as_many_rows_as_commands_do(machine: str) -> None:
    """Rows in places drawn at random, streams, and pieces of one row that lie side by side."""

    def emit(builder: ProgramBuilder) -> None:
        rng = np.random.default_rng(2)
        for i in range(12):
            for size in (1 * KIB, 4 * KIB, 64 * KIB):
                first = rng.integers(0, (1 << 28) // size, 64 * KIB // size) * size
                zero = np.zeros_like(first)
                runs = np.stack([first, zero, zero + size, zero + 1], axis=1)
                builder.memory_task(LOAD, runs)
            builder.memory_task(LOAD, [[i * 2 * KIB, 8 * KIB, 2 * KIB, 64]])

    opened = []
    for level in ("request", "train"):
        units = Machine(load_arch(machine, [f"dram.level={level}"]))
        builder = ProgramBuilder()
        emit(builder)
        program = builder.build(units.units(), [], [], units.dram())
        found = run(program)
        assert_adds_up(program, found)
        opened.append(int(found.task_activates.sum()))
        assert (found.train_activates.sum() > 0) == (level == "train")
    assert opened[1] == pytest.approx(opened[0], rel=0.05)


@pytest.mark.parametrize("settings", [{}, {"ranks": 2}, {"mapping": "ro co ra bg ba ch"}])
def test_both_engines_open_the_same_rows_for_trains(settings: dict[str, object]) -> None:
    """Sets of rows that fill, that others come between, and that refreshes close."""
    dram = hbm2(2, **settings)  # type: ignore[arg-type]
    dram.part[[T_TRAIN, T_REFRESH_EVERY]] = 64, 300
    rng = np.random.default_rng(4)
    builder = ProgramBuilder()
    for _ in range(12):
        for unit in range(2):
            first, size = int(rng.integers(0, 1 << 14)) * 256, int(rng.integers(16, 600)) * LINE
            builder.memory_task(unit, [[first, 8 * KIB, size, int(rng.integers(1, 4))]])
            builder.memory_task(unit, [[0, 0, 40 * KIB, 2]])
    found = both(builder.build(make_units(port(), port(is_write=1)), [], [], dram))
    assert found.train_activates.sum() > found.channel_activates.sum()


@pytest.mark.parametrize("ranks", [1, 2])
def test_refreshes_are_as_many_as_a_busy_channel_issues(ranks: int) -> None:
    part = hbm2(ranks=ranks).part
    stream = np.arange(1 << 18) * LINE, np.zeros(1 << 18, bool)
    found = run_stream(part, [stream], width=16)
    asked = refreshes(part, 8, 1000, 1000 * found.clocks)
    assert 8 * 8 < asked - 8 <= found.refreshes <= asked
    every = int(part[T_REFRESH_EVERY])
    assert refreshes(part, 8, 1000, 1000 * every - 1) == 0
    assert refreshes(part, 8, 1000, 1000 * every) == 8


def test_a_part_without_refresh_has_none() -> None:
    assert refreshes(hbm2(refresh=False).part, 8, 1000, 10**12) == 0


def test_equal_reads_count_once_for_the_task_whose_line_moved() -> None:
    program = read_lines(np.repeat(np.arange(64) * LINE, 3), hbm2(**QUIET))
    found = both(program)
    assert found.channel_lines.sum() + found.task_merged.sum() == 192
