"""Trains against the request level: how far off, and when they give way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from accelsim.arch.load import load_arch
from accelsim.engine.builder import ProgramBuilder
from accelsim.engine.program import Program
from accelsim.engine.run import run
from accelsim.engine.schedule import Schedule
from accelsim.kernels.dram_fields import T_TRAIN
from accelsim.mapping.machine import LOAD, STORE, Machine
from tests.engine.programs import assert_same, make_units
from tests.engine.test_requests import hbm2, port

KIB = 1 << 10
MACHINES = ("sparse_v1", "sparse_small")
Emit = Callable[[ProgramBuilder], object]


def program(machine: str, emit: Emit, level: str) -> Program:
    units = Machine(load_arch(machine, [f"dram.level={level}"]))
    builder = ProgramBuilder()
    emit(builder)
    return builder.build(units.units(), [], [], units.dram())


def both(machine: str, emit: Emit) -> tuple[Schedule, Schedule]:
    """The schedules at request level and with trains."""
    exact, trains = (run(program(machine, emit, level)) for level in ("request", "train"))
    assert exact.train_lines.sum() == 0
    return exact, trains


def error(exact: Schedule, trains: Schedule) -> float:
    return trains.total_ps / exact.total_ps - 1


def weights(builder: ProgramBuilder, tasks: int = 40, size: int = 256 * KIB) -> None:
    for i in range(tasks):
        builder.memory_task(LOAD, [[i * size, 0, size, 1]])


def gather(builder: ProgramBuilder, rng: np.random.Generator, rows: int, row_bytes: int) -> None:
    first = rng.integers(0, (1 << 28) // row_bytes, size=rows) * row_bytes
    runs = np.stack([first, 0 * first, 0 * first + row_bytes, 0 * first + 1], axis=1)
    builder.memory_task(LOAD, runs)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_stream_is_within_two_percent_and_all_of_it_in_trains(machine: str) -> None:
    exact, trains = both(machine, weights)
    assert abs(error(exact, trains)) < 0.02
    assert trains.train_lines.sum() * 64 == 40 * 256 * KIB
    assert trains.channel_lines.sum() == 0


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("row_bytes", [256, 1024, 2048, 4096, 8192, 16384, 65536])
def test_gathered_rows_are_within_two_percent(machine: str, row_bytes: int) -> None:
    """Of the mean over places: these alone change the request level by as much."""
    exact, trains = 0, 0
    for seed in range(3):

        def emit(builder: ProgramBuilder, seed: int = seed) -> None:
            rng = np.random.default_rng(seed)
            for _ in range(16):
                gather(builder, rng, 8 * 65536 // row_bytes, row_bytes)

        found = both(machine, emit)
        exact, trains = exact + found[0].total_ps, trains + found[1].total_ps
    assert abs(trains / exact - 1) < 0.02


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("piece", [1024, 2048])
@pytest.mark.parametrize("stores", [False, True])
def test_pieces_at_a_stride_are_within_five_percent(machine: str, piece: int, stores: bool) -> None:
    """As queries and outputs of attention, heads of one token side by side."""

    def emit(builder: ProgramBuilder) -> None:
        for i in range(16):
            builder.memory_task(LOAD, [[i * piece, 8192, piece, 4 * 65536 // piece]])
            if stores:
                where = (1 << 28) + i * piece
                builder.memory_task(STORE, [[where, 8192, piece, 65536 // piece]])

    exact, trains = both(machine, emit)
    assert abs(error(exact, trains)) < 0.05
    assert trains.channel_lines.sum() == 0


@pytest.mark.parametrize("machine", MACHINES)
def test_weights_beside_a_gather_are_within_five_percent(machine: str) -> None:
    def emit(builder: ProgramBuilder) -> None:
        rng = np.random.default_rng(1)
        for i in range(24):
            builder.memory_task(LOAD, [[i * 256 * KIB, 0, 256 * KIB, 1]])
            gather(builder, rng, 64, 256)

    exact, trains = both(machine, emit)
    assert abs(error(exact, trains)) < 0.05
    assert 0 < trains.train_lines.sum() < trains.train_lines.sum() + trains.channel_lines.sum()


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("read", "written"), [(256, 64), (64, 64), (256, 4), (1024, 256), (0, 64)], ids=str
)
def test_loads_and_stores_are_within_five_percent(machine: str, read: int, written: int) -> None:
    """So many KiB each in turn, none waiting for the other."""

    def emit(builder: ProgramBuilder) -> None:
        for i in range(24):
            if read:
                builder.memory_task(LOAD, [[i * read * KIB, 0, read * KIB, 1]])
            builder.memory_task(STORE, [[(1 << 28) + i * written * KIB, 0, written * KIB, 1]])

    exact, trains = both(machine, emit)
    assert abs(error(exact, trains)) < 0.05
    assert trains.channel_lines.sum() == 0


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("row_bytes", [64, 256])
def test_short_rows_beside_a_store_stop_its_trains(machine: str, row_bytes: int) -> None:
    def emit(builder: ProgramBuilder) -> None:
        rng = np.random.default_rng(5)
        for i in range(12):
            gather(builder, rng, 1024, row_bytes)
            builder.memory_task(STORE, [[(1 << 28) + i * 64 * KIB, 0, 64 * KIB, 1]])

    exact, trains = both(machine, emit)
    assert abs(error(exact, trains)) < 0.05
    assert trains.channel_lines.sum() > 12 * row_bytes  # the rows, and of the stores what met them


def test_both_engines_send_the_same_trains() -> None:
    def emit(builder: ProgramBuilder) -> None:
        rng = np.random.default_rng(3)
        for i in range(4):
            weights(builder, 2, 64 * KIB)
            gather(builder, rng, 20, 256)
            gather(builder, rng, 8, 1024)
            builder.memory_task(STORE, [[(1 << 28) + i * 4096, 0, 4096, 1]])
            builder.memory_task(STORE, [[(1 << 27) + 100 + i * 4096, 8192, 1500, 9]])
            builder.memory_task(LOAD, [[64 + i * 2048, 4096, 2048, 10], [999, 0, 9999, 1]])

    made = program("sparse_small", emit, "train")
    found = run(made, record_requests=True)
    assert_same(found, run(made, "reference", record_requests=True))
    assert found.train_lines.sum() > 0 and (found.request_finish > 0).all()


def test_trains_never_pass_the_peak() -> None:
    made = program("sparse_v1", weights, "train")
    found = run(made)
    moved = 40 * 256 * KIB
    assert moved / found.total_ps * 1e12 < load_arch("sparse_v1").dram.bandwidth


def test_two_trains_in_one_bank_are_within_five_percent() -> None:
    """Two units stream through rows of the same banks at once."""
    totals = []
    for train in (0, 64):
        dram = hbm2()
        dram.part[T_TRAIN] = train
        units = make_units(port(), port())
        builder = ProgramBuilder()
        for i in range(8):
            for unit in range(2):
                builder.memory_task(unit, [[(unit << 29) + i * 256 * KIB, 0, 256 * KIB, 1]])
        schedule = run(builder.build(units, [], [], dram))
        totals.append(schedule.total_ps)
        assert schedule.train_lines.sum() + schedule.channel_lines.sum() == 16 * 4 * KIB
    assert totals[1] == pytest.approx(totals[0], rel=0.05)
