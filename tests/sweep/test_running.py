"""Sweeps that are run: the same bytes whoever ran them and however often they were killed."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from accelsim import load_arch, load_trace, simulate
from accelsim.errors import InputError
from accelsim.sweep import estimate as estimating
from accelsim.sweep import results
from accelsim.sweep import store as store_module
from accelsim.sweep.parquet import write_parquet
from accelsim.sweep.running import Shard, run_sweep
from accelsim.sweep.table import read_table
from tests.sweep.conftest import LONG, PLAN, contents

SEVERAL = PLAN + "baseline: systolic\n"
SEVERAL = SEVERAL.replace(
    "[{arch: sparse_small, set: dram.level=simple}]",
    "[{name: systolic, arch: systolic_32, set: dram.level=simple},"
    " {arch: sparse_small, set: dram.level=simple}]",
).replace("values: [1, 2, 4, 8]}", "values: [1, 8, 999], only: sparse_small}")


def started(plan: Path, out: Path, jobs: int = 2, **options: object) -> subprocess.Popen:
    """`accelsim sweep` in a process of its own."""
    script = "from accelsim.cli.main import main; main()"
    command = [sys.executable, "-c", script, "sweep", str(plan), "--out", str(out)]
    command += ["--jobs", str(jobs)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, **options)  # type: ignore[call-overload]


@pytest.fixture
def whole(plan_file, tmp_path):
    """The files of a sweep that ran undisturbed in one process."""
    run_sweep(plan_file(), tmp_path / "whole")
    return contents(tmp_path / "whole")


def test_figures_are_those_of_a_simulation(whole, tmp_path, trace):
    table = read_table(tmp_path / "whole").frame
    assert len(table) == 24 and not table["error"].any()
    row = table.iloc[13]
    settings = [f"dram.bandwidth={row['bandwidth_bytes_per_s']} B/s", "dram.level=simple"]
    settings += [f"array.fifo_depth={row['fifo_depth']}"]
    assert row["ports"] == 2
    from accelsim.arch.scale import port_overrides

    settings = port_overrides(load_arch("sparse_small"), 2) + settings
    result = simulate(load_arch("sparse_small", settings), load_trace(trace))
    for name in ("total_ps", "dram_bytes", "overall_utilization"):
        assert row[name] == result.summary[name]
    assert row["cost"] == row["bandwidth_bytes_per_s"] / 10e9 + 2
    record = json.loads(whole[f"points/{row['hash']}.json"])
    assert record["architecture"]["array"]["fifo_depth"] == row["fifo_depth"]
    assert record["workload"]["content_hash"] == load_trace(trace).content_hash
    columns = pd.read_csv(tmp_path / "whole" / "columns.csv", keep_default_na=False)
    results = pd.read_csv(tmp_path / "whole" / "results.csv")
    assert list(columns["column"]) == list(results.columns) and columns["meaning"].all()
    assert columns.set_index("column").loc["bandwidth_bytes_per_s", "unit"] == "B/s"


def test_processes_threads_and_shards_give_the_same_bytes(whole, plan_file, tmp_path):
    run_sweep(plan_file(), tmp_path / "two", jobs=2)
    with ThreadPoolExecutor(2) as executor:
        run_sweep(plan_file(), tmp_path / "given", jobs=2, executor=executor)
        assert executor.submit(int, "3").result() == 3  # still the caller's
    for number in (2, 0, 1):
        out = run_sweep(plan_file(), tmp_path / "shards", shard=Shard(number, 3))
        assert out.ran == 8
    assert not out.written.missing
    for name in ("two", "given", "shards"):
        assert contents(tmp_path / name) == whole


def test_a_sweep_does_only_what_is_missing(whole, plan_file, tmp_path):
    out = tmp_path / "whole"
    assert (run_sweep(plan_file(), out).ran, run_sweep(plan_file(), out).found) == (0, 24)
    points = sorted((out / "points").iterdir())
    points[3].unlink()
    points[5].write_text(points[5].read_text()[:100])  # as after a power cut
    (out / "results.csv").unlink()
    assert run_sweep(plan_file(), out).ran == 2
    assert contents(out) == whole


def test_plans_share_points_and_a_folder(whole, plan_file, tmp_path):
    out = tmp_path / "whole"
    wider = PLAN.replace("name: small", "name: wider").replace("40 GB/s]", "40 GB/s, 80 GB/s]")
    again = run_sweep(plan_file(wider), out)
    assert (again.ran, again.found) == (8, 24)
    results = pd.read_csv(out / "results.csv")
    assert results["plan"].value_counts().to_dict() == {"small": 24, "wider": 32}
    assert (out / "plans" / "small.csv").read_bytes() == whole["plans/small.csv"]
    with pytest.raises(InputError, match="several plans: small, wider"):
        read_table(out)
    assert len(read_table(out, "wider").frame) == 32


def test_a_table_that_came_meanwhile_is_not_lost(whole, plan_file, tmp_path, monkeypatch):
    out = tmp_path / "whole"
    other = plan_file(PLAN.replace("name: small", "name: other"), "other.yaml")
    write_all, calls = results._write_all, []

    def slow(store) -> None:
        calls.append(1)
        if len(calls) == 1:  # another run ends while this one has read what there is
            write_all(store)
            before = (out / "results.csv").read_bytes()
            run_sweep(other, out)
            (out / "results.csv").write_bytes(before)
        else:
            write_all(store)

    monkeypatch.setattr(results, "_write_all", slow)
    run_sweep(plan_file(), out)
    assert set(pd.read_csv(out / "results.csv")["plan"]) == {"small", "other"}


def test_two_sweeps_at_once_in_one_folder(whole, plan_file, tmp_path):
    runs = [started(plan_file(), tmp_path / "both", jobs=1) for _ in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    assert contents(tmp_path / "both") == whole


def test_points_that_fail_are_recorded_and_others_go_on(plan_file, tmp_path, cli):
    done = cli("sweep", plan_file(SEVERAL), "--out", tmp_path / "out")
    assert done.code == 5
    assert "6 of them failed" in done.out and "failed: 6 points" in done.err
    assert "fifo_storage" in done.err and "Traceback" not in done.err
    table = read_table(tmp_path / "out")
    failed = table.frame[table.frame["error"].notna()]
    assert set(failed["fifo_depth"]) == {999} and failed["total_ps"].isna().all()
    assert len(table.done()) == 6 + 12
    before = contents(tmp_path / "out")
    assert run_sweep(plan_file(SEVERAL), tmp_path / "out", jobs=2).ran == 0
    assert contents(tmp_path / "out") == before


def test_the_speedup_is_against_the_baseline_at_equal_values(plan_file, tmp_path):
    run_sweep(plan_file(SEVERAL), tmp_path / "out")
    done = read_table(tmp_path / "out").done()
    baseline = done[done["architecture"] == "systolic"]
    assert (baseline["speedup"] == 1).all() and len(baseline) == 6
    at = ["bandwidth_bytes_per_s", "ports"]
    times = baseline.set_index(at)["total_ps"]
    for row in done[done["architecture"] == "sparse_small"].to_dict("records"):
        assert row["speedup"] == times[tuple(row[name] for name in at)] / row["total_ps"]


def until(true, seconds: float = 60) -> None:
    """Wait for something that will be so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def test_a_sweep_that_is_killed_twice_ends_as_one_that_was_not(plan_file, tmp_path):
    run_sweep(plan_file(LONG), tmp_path / "whole")
    points = tmp_path / "out" / "points"
    for kill_at in (6, 20):
        run = started(plan_file(LONG), tmp_path / "out")
        until(lambda least=kill_at: len(list(points.glob("*.json"))) >= least)
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert kill_at <= len(list(points.glob("*.json"))) < 192
    left = run_sweep(plan_file(LONG), tmp_path / "out", jobs=2)
    assert 0 < left.ran < 192 and left.ran + left.found == 192
    for partial in points.glob(".*"):
        os.utime(partial, (0, 0))  # of long ago: the next run removes it
    run_sweep(plan_file(LONG), tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize("after", [1, 2, 5])  # when the second process starts, and later
def test_an_interrupt_ends_a_sweep_in_one_line(plan_file, tmp_path, after):
    run = started(plan_file(LONG), tmp_path / "out", stderr=subprocess.PIPE, start_new_session=True)
    until(lambda: len(list((tmp_path / "out" / "points").glob("*.json"))) >= after)
    os.killpg(run.pid, signal.SIGINT)
    said = run.communicate(timeout=60)[1].decode()
    assert run.returncode == 130, said
    assert said == "interrupted: the same command goes on where it was\n"
    assert after <= len(list((tmp_path / "out" / "points").glob("*.json"))) < 192


def test_workers_end_with_a_killed_parent(plan_file, tmp_path):
    run = started(plan_file(LONG), tmp_path / "out")
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
    if not children.exists():
        run.kill()
        pytest.skip("needs /proc")
    until(lambda: len(list((tmp_path / "out" / "points").glob("*.json"))) >= 2)
    pids = [int(pid) for pid in children.read_text().split()]
    run.send_signal(signal.SIGKILL)
    run.wait()

    def runs(pid: int) -> bool:
        status = Path(f"/proc/{pid}/status")
        try:
            return "\nState:\tZ" not in status.read_text()
        except OSError:
            return False

    assert pids
    until(lambda: not any(runs(pid) for pid in pids), seconds=20)


def test_a_full_disk_is_one_line_and_loses_nothing(whole, plan_file, tmp_path, monkeypatch, cli):
    replace, written = Path.replace, []

    def full(self: Path, target: Path) -> Path:
        if len(written) == 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(target)
        return replace(self, target)

    monkeypatch.setattr(store_module.Path, "replace", full)
    done = cli("sweep", plan_file(), "--out", tmp_path / "out")
    assert done.code == 3 and done.err.count("\n") == 1
    assert "No space left on device" in done.err and "what is finished stays" in done.err
    assert len(list((tmp_path / "out" / "points").iterdir())) == 6  # and the plan
    monkeypatch.undo()
    assert run_sweep(plan_file(), tmp_path / "out").found == 6
    assert contents(tmp_path / "out") == whole


def test_other_folders_are_left_alone(plan_file, tmp_path, cli):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    done = cli("sweep", plan_file(), "--out", tmp_path / "mine")
    assert done.code == 3 and "not the folder of a sweep" in done.err
    done = cli("sweep", plan_file(), "--out", tmp_path / "mine" / "notes.txt")
    assert done.code == 3 and "is a file" in done.err
    with pytest.raises(InputError, match="no results of a sweep"):
        read_table(tmp_path / "mine")


def test_a_dry_run_counts_and_writes_nothing(plan_file, tmp_path, cli):
    text = SEVERAL + "constraints: [bandwidth < 40 GB/s]\n"
    done = cli("sweep", plan_file(text), "--out", tmp_path / "out", "--dry-run", "--jobs", "2")
    assert done.code == 0
    assert "24 points: 12 to run, 0 found or equal to others, 8 left out" in done.out
    assert "4 refused" in done.out and "s a point" in done.out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["3/3", "1", "a/2", "-1/2", "1/0"])
def test_shards_that_are_none_are_refused(plan_file, tmp_path, cli, text):
    done = cli("sweep", plan_file(), "--out", tmp_path / "out", f"--shard={text}")
    assert done.code == 3 and "0/3" in done.err


def test_parquet_holds_the_table(whole, tmp_path):
    pytest.importorskip("pyarrow")
    path = write_parquet(tmp_path / "whole")
    frame = pd.read_parquet(path)
    expected = pd.read_csv(tmp_path / "whole" / "results.csv")
    assert list(frame.columns) == list(expected.columns)
    assert (frame["total_ps"] == expected["total_ps"]).all() and frame["error"].isna().all()


def test_an_estimate_does_not_count_what_compiles(plan_file, tmp_path, monkeypatch):
    clock, kinds = [0.0], set()

    def run(job):
        clock[0] += 2.0 if job.arch.array.kind in kinds else 100.0
        kinds.add(job.arch.array.kind)

    monkeypatch.setattr(estimating, "run_job", run)
    monkeypatch.setattr(estimating.time, "perf_counter", lambda: clock[0])
    found = estimating.estimate(plan_file(SEVERAL), tmp_path / "out")
    assert found.seconds_each == 2.0 and kinds == {"systolic", "sparse"}


def test_another_plan_of_the_same_name_takes_its_place_and_says_so(plan_file, tmp_path, cli):
    assert cli("sweep", plan_file(), "--out", tmp_path / "out").code == 0
    again = cli("sweep", plan_file(), "--out", tmp_path / "out")
    assert "replaced" not in again.out
    other = plan_file(PLAN.replace("[1, 2, 4, 8]", "[1, 2]"))
    done = cli("sweep", other, "--out", tmp_path / "out")
    assert "another plan of this name was replaced" in done.out and "0 points run" in done.out
    assert len(pd.read_csv(tmp_path / "out" / "results.csv")) == 12


def test_paths_lie_beside_the_plan(plan_file, tmp_path, trace, monkeypatch):
    (tmp_path / "machines").mkdir()
    (tmp_path / "machines" / "mine.yaml").write_text("extends: sparse_small\nname: mine\n")
    (tmp_path / "small.trace").symlink_to(trace)
    text = PLAN.replace("arch: sparse_small", "arch: machines/mine.yaml")
    path = plan_file(text.replace("TRACE", "small.trace"))
    monkeypatch.chdir("/")
    run_sweep(path, tmp_path / "out")
    assert set(read_table(tmp_path / "out").frame["architecture"]) == {"mine"}
