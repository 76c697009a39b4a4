"""The request-level DRAM: what no command may do, and that skipping idle time changes nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arch.part import Part
from accelsim.arch.parts import load_part, part_names
from accelsim.engine.dram import DramState, dram_state, run_stream
from accelsim.kernels import dram_fields as k
from accelsim.kernels.dram import accept, accepts, tick
from accelsim.kernels.dram_commands import channel_of

QUEUED = (1, 4, 8)


@st.composite
def parts(draw: st.DrawFn) -> Part:
    part = load_part(draw(st.sampled_from(part_names())))
    queues = {"reads": draw(st.integers(1, 12)), "writes": draw(st.integers(9, 20))}
    changes = {
        "channels": 1,
        "mapping": draw(st.sampled_from(("ro ra bg ba ch co", "ro co ra bg ba ch"))),
        "queues": {**queues, "bank": draw(st.sampled_from(QUEUED))},
        "refresh": draw(st.booleans()),
    }
    timing = part.timing.model_dump() | {"trefi": draw(st.sampled_from((900, 3900)))}
    return Part.model_validate(
        part.model_dump(mode="json") | changes | {"timing": timing | {"trfc": 160}}
    )


@st.composite
def streams(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Lines from few rows, so that hits, conflicts and equal addresses all occur."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    lines = rng.integers(0, 1 << draw(st.integers(2, 16)), 300) << draw(st.integers(0, 3))
    return lines, rng.random(300) < draw(st.sampled_from((0, 0.3, 1)))


Log = list[tuple[int, int, int, int, int]]


def run(part: Part, lines: np.ndarray, is_write: np.ndarray, every_clock: bool) -> tuple[Log, int]:
    """Offer in order, one a clock; log the counters at every clock that changes them.

    With `every_clock` the channel is ticked at every clock, else only when it asks for it.
    """
    vector = part.vector
    state: DramState = dram_state(vector)
    log: Log = []
    at, back, now = 0, 0, 0
    reads = int((~is_write).sum())
    while now < 200_000:
        if every_clock or state.channels[0, k.C_WAKE] <= now:
            before = counters(state)
            slot = tick(*state, 0, now)
            if slot >= 0:
                back += state.slots[slot, k.S_COUNT]
            if counters(state) != before:
                log.append((now, *(b - a for a, b in zip(before, counters(state), strict=True))))
        if at < lines.size and accepts(vector, state.channels, 0, int(is_write[at])):
            assert channel_of(vector, lines[at]) == 0
            slot = accept(
                vector, state.channels, state.banks, state.slots, state.queue, state.reads,
                state.writes, state.filters, state.free, 0, lines[at], int(is_write[at]), now,
            )  # fmt: skip
            back += slot < 0 and not is_write[at]
            at += 1
        queued = state.channels[0, [k.C_QUEUED, k.C_READS]].sum()
        if at == lines.size and back == reads and queued == 0:
            return log, now
        now += 1
    raise AssertionError("requests were never served")


def counters(state: DramState) -> tuple[int, ...]:
    names = [k.C_READ_COMMANDS, k.C_WRITE_COMMANDS, k.C_ACTIVATES, k.C_REFRESHES]
    return tuple(int(v) for v in state.channels[0, names])


@settings(max_examples=40, deadline=None)
@given(parts(), streams())
def test_skipping_idle_clocks_changes_nothing(
    part: Part, stream: tuple[np.ndarray, np.ndarray]
) -> None:
    assert run(part, *stream, True) == run(part, *stream, False)


@settings(max_examples=40, deadline=None)
@given(parts(), streams())
def test_commands_keep_their_distance(part: Part, stream: tuple[np.ndarray, np.ndarray]) -> None:
    log, _ = run(part, *stream, False)
    columns = [(now, bool(write)) for now, read, write, _, _ in log for _ in range(read + write)]
    t = part.timing
    beats = sorted(now + (t.cwl if write else t.cl) for now, write in columns)
    assert all(b - a >= part.burst_clocks for a, b in zip(beats, beats[1:], strict=False))
    clocks = [now for now, _ in columns]
    least = part.column_clocks if part.ranks == 1 else 1
    assert all(b - a >= least for a, b in zip(clocks, clocks[1:], strict=False))
    activates = [now for now, _, _, activate, _ in log for _ in range(activate)]
    if part.ranks == 1:
        pairs = zip(activates, activates[4:], strict=False)
        assert all(b - a >= part.timing.tfaw for a, b in pairs)
    assert len(columns) <= stream[0].size


@settings(max_examples=25, deadline=None)
@given(streams(), st.integers(1, 7), st.sampled_from((0, 3, 40)))
def test_a_stream_may_be_cut_anywhere(
    stream: tuple[np.ndarray, np.ndarray], chunk: int, window: int
) -> None:
    part = load_part("hbm2")
    addresses, is_write = stream[0] * part.request_bytes, stream[1]
    cuts = range(0, addresses.size, chunk)
    pieces = [(addresses[i : i + chunk], is_write[i : i + chunk]) for i in cuts]
    whole = run_stream(part.vector, [(addresses, is_write)], width=4, window=window)
    parts_of_it = run_stream(part.vector, pieces, width=4, window=window)
    assert whole.clocks == parts_of_it.clocks and whole.activates == parts_of_it.activates
    assert whole.mean_read_latency_clocks == parts_of_it.mean_read_latency_clocks


def test_every_request_of_a_long_mixed_stream_is_served() -> None:
    """Banks fill up, drain by several entries while writes are moved, and fill up again."""
    part = load_part("hbm2", ["channels=1"])
    rng = np.random.default_rng(5)
    lines, is_write = rng.integers(0, 1 << 20, 3000), rng.random(3000) < 1 / 3
    assert run(part, lines, is_write, True) == run(part, lines, is_write, False)


def test_one_read_by_hand() -> None:
    """Accepted at 0, moved at 1, activated at 2, read tRCD later, on the bus CL + 2 clocks."""
    part = load_part("hbm2")
    one = np.zeros(1, np.int64), np.zeros(1, bool)
    found = run_stream(part.vector, [one], width=1)
    assert found.clocks == 2 + 14 + 14 + 2
    assert found.mean_read_latency_clocks == found.clocks - 1
    assert (found.activates, found.read_commands, found.refreshes) == (1, 1, 0)


def test_equal_reads_share_a_burst_and_writes_are_read_from_the_queue() -> None:
    part = load_part("hbm2")
    same = np.zeros(6, np.int64), np.array([0, 0, 0, 1, 1, 0], bool)
    found = run_stream(part.vector, [same], width=6)
    assert found.reads == 4 and found.read_commands == 1 and found.write_commands == 0


def test_a_write_that_waits_for_a_queued_read_does_not_stop_the_channel() -> None:
    """The reads of one bank fill its queue; the only write that could move equals a later read."""
    part = load_part("hbm2", ["queues.bank=1", "queues.reads=8", "queues.writes=9"])
    row = 1 << 20
    reads = np.arange(9) * row
    writes = reads[-1] + 0 * np.arange(1) + np.zeros(1, np.int64)
    others = np.arange(1, 12) * row + 64
    addresses = np.concatenate([reads, writes, others])
    is_write = np.arange(addresses.size) >= reads.size
    found = run_stream(part.vector, [(addresses, is_write)], width=1)
    assert found.reads == reads.size


def test_a_client_queue_of_each_channel_serves_the_same_requests_sooner() -> None:
    rows = np.random.default_rng(4).integers(0, 1 << 14, 300)[:, None] * 4096
    addresses = (rows + 64 * np.arange(64)).ravel()
    stream = addresses, np.random.default_rng(5).random(addresses.size) < 0.1
    alone = run_stream(load_part("hbm2").vector, [stream], width=16)
    for client in (1, 64, 512):
        part = load_part("hbm2", [f"queues.client={client}"])
        found = run_stream(part.vector, [stream], width=16)
        assert found.reads == alone.reads and found.clocks <= 1.01 * alone.clocks
    assert found.clocks < 0.7 * alone.clocks


def test_permuted_banks_and_channels_are_reached_by_a_stride_of_a_power_of_two() -> None:
    addresses = np.arange(4_000) << 18
    stream = addresses, np.zeros(addresses.size, bool)
    plain, permuted = (
        run_stream(load_part("hbm2", [f"permute={word}"]).vector, [stream], width=16)
        for word in ("false", "true")
    )
    assert np.count_nonzero(plain.channel_commands) == 1
    assert permuted.channel_commands.min() > 0.5 * permuted.channel_commands.max()
    assert permuted.clocks < plain.clocks / 4


def test_more_outstanding_reads_are_never_much_slower() -> None:
    part, rng = load_part("hbm2"), np.random.default_rng(3)
    stream = rng.integers(0, 1 << 22, 600) * 64, np.zeros(600, bool)
    clocks = [run_stream(part.vector, [stream], width=8, window=w).clocks for w in (4, 16, 64, 0)]
    assert all(b <= 1.02 * a for a, b in zip(clocks, clocks[1:], strict=False))
