"""Requests: exact times of a few lines, and the bandwidth that patterns reach."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.engine.builder import ProgramBuilder
from accelsim.engine.program import Cause, Order, Program
from accelsim.engine.run import run
from accelsim.engine.schedule import Schedule
from tests.engine.programs import assert_obeys, assert_same, build, expect, make_dram, make_units

# DRAM of the exact cases (see DRAM_DEFAULTS): accept on every ps, row miss 50, hit 20, burst 10,
# activates 30 apart, return 5; 64 B lines, 256 B rows, 2 banks.
PORT = {"outstanding": 8, "issue_per_cycle": 1, "clock_ps": 4}


def both(p: Program) -> Schedule:
    """Run on both engines, check that they agree and obey, and return the schedule."""
    compiled = run(p, "compiled", record_requests=True)
    assert_same(compiled, run(p, "reference", record_requests=True))
    assert_obeys(p, compiled)
    return compiled


def one_task(runs: list[list[int]], port: dict[str, int] = {}, **dram: int) -> Schedule:  # noqa: B006
    """Run a single memory task."""
    builder = ProgramBuilder()
    builder.memory_task(0, np.array(runs))
    dram = {"channels": 1, **dram}
    return both(build(builder, make_units({**PORT, **port}), (), make_dram(dram)))


def test_a_miss_and_a_hit() -> None:
    # Issued at 0 and 4. First: ready 0 + 50, done 60, back 65. Second, same row: ready 4 + 20, but
    # the bus is free at 60: done 70, back 75. The server is free a clock after the last issue.
    s = one_task([[0, 0, 128, 1]])
    assert s.request_finish.tolist() == [65, 75]
    expect(s, [0], start=[0], finish=[75], server_free=[8])
    assert s.channel_lines.tolist() == [2] and s.channel_activates.tolist() == [1]


def test_activates_are_spaced() -> None:
    # Rows 0, 1 and 2 of 256 B are in banks 0, 1 and 0: three activates, at 0, 30 and 60.
    # Data: 50-60, 80-90, 110-120, back 5 later.
    s = one_task([[0, 256, 64, 3]])
    assert s.request_finish.tolist() == [65, 95, 125]
    assert s.channel_activates.tolist() == [3]


def test_channels_work_side_by_side() -> None:
    # Blocks of 128 B alternate between two channels; lines at 0 and 128 do not meet.
    s = one_task([[0, 128, 64, 2]], channels=2)
    assert s.request_finish.tolist() == [65, 69]
    assert s.channel_lines.tolist() == [1, 1]


def test_a_piece_touches_every_line_it_overlaps() -> None:
    # Bytes 60..69 lie on lines 0 and 64; bytes 200..209 on line 192 only.
    s = one_task([[60, 140, 10, 2]])
    assert s.request_finish.size == 3


def test_crossing_and_the_dram_clock_delay_the_accept() -> None:
    # Issued at 0, over at 3, accepted on the edge 7: 7 + 50 + 10 + 5.
    assert one_task([[0, 0, 64, 1]], {"crossing_ps": 3}, clock_ps=7).request_finish.tolist() == [72]


def test_the_return_path_spaces_completions() -> None:
    # 64 B at 8 B per 4 ps cycle take 32 ps a line: 65 + 32, then 97 + 32.
    s = one_task([[0, 0, 128, 1]], {"return_bytes_per_cycle": 8})
    assert s.request_finish.tolist() == [97, 129]


def test_one_outstanding_line_waits_for_each_completion() -> None:
    # Back at 65; the next edge of 4 ps is 68; a hit: 68 + 20 + 10 + 5 = 103.
    s = one_task([[0, 0, 128, 1]], {"outstanding": 1})
    assert s.request_finish.tolist() == [65, 103]
    expect(s, [0], server_free=[72])


def test_a_write_is_posted() -> None:
    # Complete when accepted, but not in the instant of the issue: 1, then 4 + 1.
    s = one_task([[0, 0, 128, 1]], {"is_write": 1})
    assert s.request_finish.tolist() == [1, 5]
    s = one_task([[0, 0, 64, 1]], {"is_write": 1, "crossing_ps": 9})
    assert s.request_finish.tolist() == [9]


def test_a_full_queue_blocks_the_unit() -> None:
    # One slot: the first line leaves it at 60, an edge of the 4 ps clock; the second, a hit, is
    # issued there and done at 60 + 20 + 10.
    s = one_task([[0, 0, 128, 1]], queue_depth=1)
    assert s.request_finish.tolist() == [65, 95]


def test_freed_slots_go_round_robin() -> None:
    # Three units with two lines each, one slot, same row. Unit 0 takes the slot at 0 and does not
    # wait; 1 and 2 wait from 0 on, 0 again from 4 on. Nobody has been given one before, so 0 is
    # the next; then 1 and 2, and again for their second lines. A slot is freed at 60 and used at
    # once; it is free again 30 later (a hit) and used at the next 4 ps edge: 60, 92, 124, 156,
    # 188. Each line is back 35 after its issue.
    builder = ProgramBuilder()
    tasks = [builder.memory_task(u, np.array([[0, 0, 128, 1]])) for u in range(3)]
    dram = make_dram({"channels": 1, "queue_depth": 1})
    s = both(build(builder, make_units(PORT, PORT, PORT), (), dram))
    assert s.request_finish.tolist() == [65, 95, 127, 191, 159, 223]
    expect(s, tasks, finish=[95, 191, 223])


def test_active_tasks_are_served_in_start_order_and_the_server_is_free_early() -> None:
    # Two tasks of two lines on one server: the second starts at 8, a clock after the last issue of
    # the first, and its first line leaves in that instant. All are hits behind the first: 10 apart.
    builder = ProgramBuilder()
    tasks = [builder.memory_task(0, np.array([[0, 0, 128, 1]])) for _ in range(2)]
    s = both(build(builder, make_units(PORT), (), make_dram({"channels": 1})))
    expect(s, tasks, start=[0, 8], finish=[75, 95], cause=[Cause.NONE, Cause.SERVER])


def test_chips_do_not_meet() -> None:
    builder = ProgramBuilder()
    for unit in range(2):
        builder.memory_task(unit, np.array([[0, 0, 64, 4]]))
    units = make_units(PORT, {**PORT, "chip": 1})
    dram = make_dram({"channels": 1}, {"channels": 1, "row_miss_ps": 90})
    s = both(build(builder, units, (), dram))
    assert s.channel_lines.tolist() == [4, 4]
    # Chip 0: data from 50, four bursts of 10, back 5 later; chip 1 has the longer miss.
    assert s.finish.tolist() == [95, 135]


# HBM2: 8 channels of 32 GB/s; 2 ns a 64 B burst over the share of time without refresh
# (1 - 260/3900); tRRD of 7.5 ns over the same share between activates.
HBM2 = {
    "channels": 8,
    "row_bytes": 2048,
    "interleave_bytes": 256,
    "banks": 16,
    "queue_depth": 64,
    "clock_ps": 1000,
    "burst_ps": 2143,
    "activate_ps": 8036,
    "row_hit_ps": 14000,
    "row_miss_ps": 28000,
    "return_ps": 10000,
}
PEAK_BYTES_PER_PS = 0.256
GATHER = {"outstanding": 2048, "issue_per_cycle": 8, "clock_ps": 1000, "order": Order.READY_FIRST}


@pytest.mark.parametrize(
    ("piece", "share", "tolerance"), [(64, 0.24, 0.15), (256, 0.86, 0.15), (4096, 0.93, 0.03)]
)
def test_bandwidth_of_gathers(piece: int, share: float, tolerance: float) -> None:
    pieces = max(6_000_000 // 4096, 1_500_000 // piece)
    address = np.random.default_rng(0).permutation(1 << 17)[:pieces] * piece
    if piece == 4096:
        address = np.arange(pieces) * piece  # sequential
    runs = np.stack([address, 0 * address, 0 * address + piece, 0 * address + 1], axis=1)
    builder = ProgramBuilder()
    builder.memory_task(0, runs)
    s = run(build(builder, make_units(GATHER), (), make_dram(HBM2)))
    reached = pieces * piece / s.total_ps / PEAK_BYTES_PER_PS
    assert reached == pytest.approx(share, rel=tolerance)


def test_a_few_outstanding_lines_are_bound_by_latency() -> None:
    # Little's law: 64 lines of 64 B in flight, hits at best 14 + 2.143 + 10 ns after the accept.
    builder = ProgramBuilder()
    builder.memory_task(0, np.array([[0, 0, 1 << 20, 1]]))
    few = {**GATHER, "outstanding": 16}
    s = run(build(builder, make_units(few), (), make_dram(HBM2)))
    assert (1 << 20) / s.total_ps <= 16 * 64 / 26143
