"""Programs for the engine tests: a random generator, its parts, and what any Schedule must obey."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TypeVar

import numpy as np
from hypothesis import strategies as st

from accelsim.analysis.states import task_lines
from accelsim.arch.part import Part
from accelsim.engine.builder import ProgramBuilder
from accelsim.engine.program import Cause, Dram, Order, Program, Units
from accelsim.engine.schedule import Schedule
from accelsim.kernels.dram_fields import T_TRAIN

T = TypeVar("T")

UNIT_DEFAULTS = {
    "servers": 1,
    "order": Order.IN_ORDER,
    "clock_ps": 1,
    "chip": 0,
    "outstanding": 0,
    "issue_per_cycle": 0,
    "return_bytes_per_cycle": 0,
    "crossing_ps": 0,
    "is_write": 0,
    "banks": 0,
    "bank_bytes": 0,
    "bank_queue": 0,
}
DRAM_DEFAULTS = {
    "channels": 2,
    "line_bytes": 64,
    "row_bytes": 256,
    "interleave_bytes": 128,
    "banks": 2,
    "queue_depth": 4,
    "clock_ps": 1,
    "burst_ps": 10,
    "activate_ps": 30,
    "row_hit_ps": 20,
    "row_miss_ps": 50,
    "return_ps": 5,
    "permute": 0,
}
JOIN = {"servers": 0, "order": Order.READY_FIRST}


def make_units(*rows: dict[str, int]) -> Units:
    """Units from their differences to an in-order, one-server, 1 ps unit."""
    table = [{**UNIT_DEFAULTS, **row} for row in rows]
    columns = {name: np.array([row[name] for row in table], np.int64) for name in UNIT_DEFAULTS}
    return Units(name=tuple(f"unit{i}" for i in range(len(rows))), **columns)


SMALL_PART: dict[str, object] = {
    "name": "small",
    "description": "A part whose queues, rows and refresh are soon met",
    "clock_period": "3 ps",
    "channels": 2,
    "ranks": 1,
    "bank_groups": 2,
    "banks": 2,
    "rows": 64,
    "row_columns": 4,
    "bus_bits": 128,
    "burst_length": 4,
    "burst_clocks": 2,
    "mapping": "ro ra bg ba ch co",
    "queues": {"reads": 3, "writes": 9, "bank": 2},
    "timing": {
        **{"cl": 3, "cwl": 2, "trcd_read": 3, "trcd_write": 2, "trp": 3, "tras": 7},
        **{"tccd_l": 3, "tccd_s": 2, "trrd_l": 3, "trrd_s": 2, "tfaw": 9, "twtr_l": 4},
        **{"twtr_s": 3, "twr": 4, "trtp": 2, "trtrs": 1, "tppd": 0, "trfc": 12, "trefi": 150},
    },
}


def make_dram(
    *rows: dict[str, int], part: dict[str, object] | None = None, train: int = 0
) -> Dram:
    """One chip's DRAM from each row of differences to a small DRAM; no rows, no chips.

    `part` : differences to `SMALL_PART`, for the request level; `channels` are then its stacks.
    `train` : lines of a train, 0 for none.
    """
    table = [{**DRAM_DEFAULTS, **row} for row in rows]
    vector = np.zeros(0, np.int64)
    if part is not None:
        whole = Part.model_validate({**SMALL_PART, **part})
        vector = whole.vector.copy()
        vector[T_TRAIN] = train
        for row in table:
            row["channels"] *= whole.channels
            row["line_bytes"], row["clock_ps"] = whole.request_bytes, whole.clock_period
    columns = {name: np.array([r[name] for r in table], np.int64) for name in DRAM_DEFAULTS}
    return Dram(**columns, part=vector)


def build(
    builder: ProgramBuilder,
    units: Units,
    buffers: Sequence[int] = (),
    dram: Dram | None = None,
) -> Program:
    """Build with buffers named after their place."""
    names = [f"buffer{i}" for i in range(len(buffers))]
    return builder.build(units, names, buffers, make_dram() if dram is None else dram)


def feed(
    builder: ProgramBuilder, unit: int, services: Sequence[int], after: Sequence[int] = ()
) -> list[int]:
    """Feed a stream of tasks to a unit, one for each service time; returns their indices."""
    return [builder.task(unit, service, after=after) for service in services]


def expect(schedule: Schedule, tasks: Sequence[int], **columns: Sequence[int]) -> None:
    """Check a stream of tasks, and report the place, the value and the time of the first error."""
    for name, values in columns.items():
        found = getattr(schedule, name)[list(tasks)]
        for place, (want, got) in enumerate(zip(values, found.tolist(), strict=True)):
            start = int(schedule.start[tasks[place]])
            assert want == got, f"{name}[{place}] of the stream is {got}, not {want} ({start=})"


def assert_same(a: Schedule, b: Schedule) -> None:
    """Two schedules are equal in every field; reports the first entry that is not."""
    for f in fields(Schedule):
        x, y = getattr(a, f.name), getattr(b, f.name)
        assert x.shape == y.shape, f"{f.name}: {x.shape} and {y.shape}"
        different = np.flatnonzero(x != y)
        if different.size:
            i = different[0]
            raise AssertionError(f"{f.name}[{i}] is {x[i]} and {y[i]} ({different.size} differ)")


def random_program(draw_int: Callable[[int, int], int]) -> Program:
    """Draw a Program; `draw_int(low, high)` gives whole numbers. Small, and rich in ties."""
    chips = draw_int(1, 2)
    rows = [_random_dram(draw_int) for _ in range(chips)]
    part = _random_part(draw_int) if draw_int(0, 1) else None
    if part is not None:
        for row in rows:
            row["interleave_bytes"] = _pick(draw_int, 64, 128, 192)
    dram = make_dram(*rows, part=part, train=_pick(draw_int, 0, 0, 1, 2, 3, 5))
    unit_rows = [_random_unit(draw_int, chips) for _ in range(draw_int(1, 4))]
    unit_rows += [_random_port(draw_int, chips) for _ in range(draw_int(0, 4))]
    units = make_units(*unit_rows)
    buffers = [draw_int(1, 12) for _ in range(draw_int(0, 3))]
    builder = ProgramBuilder()
    for _ in range(draw_int(1, 24)):
        _random_task(draw_int, builder, units)
    _random_claims(draw_int, builder, buffers)
    return build(builder, units, buffers, dram)


def _pick(draw_int: Callable[[int, int], int], *values: T) -> T:
    return values[draw_int(0, len(values) - 1)]


def _random_dram(draw_int: Callable[[int, int], int]) -> dict[str, int]:
    return {
        "channels": draw_int(1, 3),
        "line_bytes": _pick(draw_int, 32, 64, 48),
        "row_bytes": _pick(draw_int, 128, 256, 192),
        "interleave_bytes": _pick(draw_int, 64, 128, 192),
        "banks": draw_int(1, 3),
        "queue_depth": draw_int(1, 3),
        "clock_ps": _pick(draw_int, 1, 3, 5),
        "burst_ps": _pick(draw_int, 1, 2, 7),
        "activate_ps": _pick(draw_int, 0, 4, 20),
        "row_hit_ps": _pick(draw_int, 0, 3),
        "row_miss_ps": _pick(draw_int, 0, 3, 11),
        "return_ps": _pick(draw_int, 0, 1, 6),
        "permute": draw_int(0, 1),
    }


def _random_part(draw_int: Callable[[int, int], int]) -> dict[str, object]:
    """A part that a few lines fill, with refreshes and every kind of merging."""
    return {
        "clock_period": f"{_pick(draw_int, 1, 3, 5)} ps",
        "channels": _pick(draw_int, 1, 2),
        "ranks": _pick(draw_int, 1, 2),
        "dual_command": bool(draw_int(0, 1)),
        "mapping": _pick(draw_int, "ro ra bg ba ch co", "ro ch ra ba bg co", "ro ra co ba bg ch"),
        "permute": bool(draw_int(0, 1)),
        "refresh": bool(draw_int(0, 3)),
        "queues": {
            "reads": draw_int(1, 4),
            "writes": draw_int(9, 11),
            "bank": draw_int(1, 3),
            "client": _pick(draw_int, 0, 0, 1, 3),
        },
    }


def _random_unit(draw_int: Callable[[int, int], int], chips: int) -> dict[str, int]:
    return {
        "servers": draw_int(0, 3),
        "order": draw_int(0, 1),
        "clock_ps": _pick(draw_int, 1, 2, 3, 5),
        "chip": draw_int(0, chips - 1),
    }


def _random_port(draw_int: Callable[[int, int], int], chips: int) -> dict[str, int]:
    return {
        **_random_unit(draw_int, chips),
        "outstanding": _pick(draw_int, 1, 2, 5, 40),
        "issue_per_cycle": draw_int(1, 3),
        "return_bytes_per_cycle": _pick(draw_int, 0, 16, 64, 100),
        "crossing_ps": _pick(draw_int, 0, 1, 4),
        "is_write": draw_int(0, 1),
        "banks": draw_int(0, 3),
        "bank_bytes": _pick(draw_int, 32, 64, 100),
        "bank_queue": draw_int(1, 2),
    }


def _random_task(
    draw_int: Callable[[int, int], int], builder: ProgramBuilder, units: Units
) -> None:
    index = len(builder)
    unit = draw_int(0, len(units.name) - 1)
    preds = draw_int(0, 3) if index else 0
    after = sorted({draw_int(max(0, index - 6), index - 1) for _ in range(preds)})
    if units.outstanding[unit] and draw_int(0, 3):
        runs = [
            [
                draw_int(0, 40) * 16,
                _pick(draw_int, 0, 16, 64, 200),
                _pick(draw_int, 1, 64, 130),
                draw_int(1, 4),
            ]
            for _ in range(draw_int(1, 2))
        ]
        builder.memory_task(unit, np.array(runs), after=after)
        return
    occupancy = _pick(draw_int, 0, 0, 1, 2, 3, 6, 10)
    builder.task(unit, occupancy, occupancy + _pick(draw_int, 0, 0, 1, 4), after=after)


def _random_claims(
    draw_int: Callable[[int, int], int], builder: ProgramBuilder, buffers: list[int]
) -> None:
    """Claims that can be replayed in task order: what the running total leaves is handed out."""
    n = len(builder)
    held = np.zeros((len(buffers), n), np.int64)  # by tasks so far, at every later task
    for task in range(n):
        for _ in range(draw_int(0, 3) if buffers else 0):
            buffer = draw_int(0, len(buffers) - 1)
            last = draw_int(task, min(n - 1, task + 4))
            room = buffers[buffer] - int(held[buffer, task : last + 1].max())
            if room <= 0:
                continue
            size = draw_int(1, room)
            held[buffer, task : last + 1] += size
            releasers = builder.claim(task, buffer, size)
            releasers.append(last)
            if last > task:
                builder.add_predecessor(last, task)
                if draw_int(0, 1):
                    releasers.append(task)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Random Programs for hypothesis, shrinkable."""
    return random_program(lambda low, high: draw(st.integers(low, high)))


def seeded_program(seed: int) -> Program:
    """One of the same Programs from a seed: cheaper than hypothesis, for many."""
    rng = np.random.default_rng(seed)
    return random_program(lambda low, high: int(rng.integers(low, high + 1)))


def assert_obeys(p: Program, s: Schedule) -> None:
    """Check laws that hold for any correct Schedule, without running an engine."""
    unit = p.unit
    assert (s.finish >= s.start).all() and (s.start >= s.ready).all()
    assert (s.start % p.units.clock_ps[unit] == 0).all()
    of_pred = np.repeat(np.arange(p.tasks), np.diff(p.pred_ptr))
    assert (s.finish[p.pred] <= s.ready[of_pred]).all()
    for u in range(len(p.units.name)):
        mine = np.flatnonzero(unit == u)
        if p.units.order[u] == Order.IN_ORDER:
            assert (np.diff(s.start[mine]) >= 0).all()
        if p.units.servers[u]:
            one = np.ones(mine.size)
            _assert_at_most(p.units.servers[u], s.start[mine], s.server_free[mine], one)
    claimer = np.repeat(np.arange(p.tasks), np.diff(p.claim_ptr))
    if claimer.size:
        freed = np.maximum.reduceat(s.finish[p.release], p.release_ptr[:-1])
        for b, capacity in enumerate(p.buffer_bytes):
            mine = p.claim_buffer == b
            granted = s.grant[claimer[mine]]
            assert (np.diff(granted) >= 0).all(), "grants follow task order"
            _assert_at_most(capacity, granted, freed[mine], p.claim_bytes[mine])
    _assert_walks_back(s)
    assert_adds_up(p, s)


def assert_adds_up(program: Program, s: Schedule) -> None:
    """What the DRAM did for tasks is what its channels and trains did."""
    opened = s.channel_activates.sum() + s.train_activates.sum()
    assert s.task_activates.sum() == opened
    left = s.channel_writes_left.sum()
    moved = s.channel_lines.sum() + s.train_lines.sum()
    asked = task_lines(program)
    assert asked.sum() == moved + s.task_merged.sum() + left
    assert (s.task_merged <= asked).all() and (s.task_activates[asked == 0] == 0).all()
    writes = program.units.is_write[program.unit] == 1
    written = asked[writes].sum() - s.task_merged[writes].sum() - left
    assert s.channel_writes.sum() <= written <= s.channel_writes.sum() + s.train_lines.sum()


def _assert_at_most(most: int, begin: np.ndarray, end: np.ndarray, amount: np.ndarray) -> None:
    """What is held never exceeds `most`; at one instant what ends goes first."""
    longer = end > begin  # what begins and ends at one instant may do so round after round
    times = np.concatenate([begin[longer], end[longer]])
    change = np.concatenate([amount[longer], -amount[longer]])
    order = np.lexsort([change, times])
    assert (np.cumsum(change[order]) <= most).all()


def _assert_walks_back(s: Schedule) -> None:
    """Walking from blame to blame goes back in time and ends; every wait has a cause."""
    waited = s.cause != Cause.NONE
    assert (s.start[~waited] == 0).all()
    blamed = s.blame >= 0
    assert (s.start[s.blame[blamed]] <= s.start[blamed]).all()
    depth = s.blame.copy()
    for _ in range(s.blame.size):
        depth = np.where(depth >= 0, s.blame[np.maximum(depth, 0)], -1)
    assert (depth < 0).all()
