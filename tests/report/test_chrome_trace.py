"""The timeline of a run: the Trace Event Format, spans that add up, windows, thinning."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict

import numpy as np
import pytest

from accelsim import load_arch, load_trace, simulate
from accelsim.analysis.spans import buffer_steps, spans
from accelsim.engine.program import UNLIMITED_SERVERS
from accelsim.errors import InputError
from accelsim.report import chrome_trace
from accelsim.report.chrome_trace import write_chrome_trace

# What each phase must have beside ph and pid (Trace Event Format, Google, 2016).
NEEDS = {
    "X": {"tid", "ts", "dur", "name"},
    "b": {"id", "ts", "name", "cat"},
    "e": {"id", "ts", "name", "cat"},
    "s": {"id", "tid", "ts", "name", "cat"},
    "f": {"id", "tid", "ts", "name", "cat", "bp"},
    "C": {"ts", "name", "args"},
    "M": {"name", "args"},
}


@pytest.fixture(scope="module")
def result():
    return simulate(load_arch("sparse_small", ["dram.level=train"]), load_trace("tiny_moe_lm"))


def written(tmp_path, result, window=None):
    path = tmp_path / "t.json.gz"
    write_chrome_trace(path, result, window)
    return json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]


def by_phase(events):
    found = defaultdict(list)
    for event in events:
        found[event["ph"]].append(event)
    return found


def test_every_event_has_what_the_format_wants(tmp_path, result):
    found = by_phase(written(tmp_path, result))
    assert set(found) == set(NEEDS)
    for phase, events in found.items():
        for event in events:
            assert NEEDS[phase] <= event.keys() and isinstance(event["pid"], int)
            assert event.get("ts", 0) >= 0 and event.get("dur", 1) > 0
    ids = [(event["cat"], event["id"]) for event in found["b"]]
    assert sorted(ids) == sorted((event["cat"], event["id"]) for event in found["e"])
    assert len(set(ids)) == len(ids) == len(result.trace.operators)


def test_spans_of_a_track_follow_each_other_and_arrows_end_in_spans(tmp_path, result):
    found = by_phase(written(tmp_path, result))
    tracks = defaultdict(list)
    for event in found["X"]:
        tracks[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for times in tracks.values():
        starts, ends = np.array(times).T
        assert (starts[1:] >= ends[:-1] - 1e-6).all()
    named = {event["tid"] for event in found["M"] if event["name"] == "thread_name"}
    assert named == set(tracks)

    def inside(event) -> bool:
        return any(a - 1e-6 <= event["ts"] <= b for a, b in tracks[event["tid"]])

    leave = {event["id"]: event for event in found["s"]}
    assert len(leave) == len(found["s"]) == len(found["f"]) > 100
    for event in found["f"][:200]:
        before = leave[event["id"]]
        assert before["ts"] <= event["ts"] and inside(event) and inside(before)


def test_spans_are_the_time_that_servers_were_held(result):
    program, schedule = result.program, result.schedule
    found = spans(result, 0, result.replayed_ps, 10**9)
    held = schedule.server_free - schedule.start
    limited = program.units.servers[program.unit] != UNLIMITED_SERVERS
    for unit in range(len(program.units.name)):
        mine = found.unit == unit
        assert (found.end_ps - found.begin_ps)[mine].sum() == held[
            limited & (program.unit == unit)
        ].sum()
    assert found.server.max() == max(program.units.servers) - 1
    thinned = spans(result, 0, result.replayed_ps, 3000)
    assert len(thinned.unit) <= 3000 and thinned.tasks.sum() == found.tasks.sum()


def test_counters_are_the_bytes_that_moved_and_were_claimed(tmp_path, result):
    found = by_phase(written(tmp_path, result))["C"]
    width = result.replayed_ps / chrome_trace.BINS
    series = defaultdict(list)
    for event in found:
        series[event["name"]].append((event["ts"] * 1e6, event["args"]["value"]))
    moved = 0.0
    for name, points in series.items():
        if name.startswith("DRAM"):
            times, rates = np.array(points).T
            ends = np.append(times[1:], result.replayed_ps)
            moved += float((rates * (ends - times)).sum()) * 1e9 / 1e12
    assert moved == pytest.approx(result.summary["dram_bytes"], rel=1e-3) and width > 0
    for name, steps in buffer_steps(result).items():
        capacity = result.program.buffer_bytes[result.program.buffer_name.index(name)]
        assert steps.value.min() == 0 and steps.value[-1] == 0 and steps.value.max() <= capacity
        shown = series[f"buffer {name}, bytes claimed"]
        assert max(value for _, value in shown) == steps.value.max()


def test_a_window_holds_what_lies_in_it(tmp_path, result):
    half = result.replayed_ps // 2
    found = by_phase(written(tmp_path, result, (half, half + 10_000_000)))
    assert found["X"]
    for event in found["X"]:
        assert event["ts"] * 1e6 < half + 10_000_000 and (event["ts"] + event["dur"]) * 1e6 > half
    assert len(found["X"]) < len(by_phase(written(tmp_path, result))["X"])
    with pytest.raises(InputError, match="holds no task; the run ends at"):
        written(tmp_path, result, (10**15, 10**15 + 1))


def test_the_file_is_bounded_and_the_same_twice(tmp_path, result, monkeypatch):
    monkeypatch.setattr(chrome_trace, "MOST_SPANS", 2000)
    count = write_chrome_trace(tmp_path / "a.json.gz", result)
    write_chrome_trace(tmp_path / "b.json.gz", result)
    assert count <= 2000
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()
    with pytest.raises(InputError, match="cannot be written"):
        write_chrome_trace(tmp_path / "no" / "a.json.gz", result)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json.gz", "b.json.gz"]


@pytest.mark.parametrize("text", ["10:20", "20us:10us", "10us", "x:y", "5us:"])
def test_windows_that_are_none_are_refused(cli, text, tmp_path):
    done = cli(
        "run", "--arch", "sparse_small", "--workload", "tiny_moe_lm", "--timeline-window", text,
        "--timeline", str(tmp_path / "run.json.gz"),
    )  # fmt: skip
    assert done.code == 3 and "10us:50us" in done.err
