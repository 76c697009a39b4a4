"""Searches that are run: the same bytes however they ran, and what becomes of points that fail."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from typer.testing import CliRunner

from accelsim.cli.main import app
from accelsim.errors import InputError
from accelsim.sweep import execute
from accelsim.sweep.plan import load_plan
from accelsim.sweep.running import run_sweep
from accelsim.sweep.search import run_search
from accelsim.sweep.table import FIGURES, read_table
from accelsim.sweep.version import model_version
from accelsim.sweep.worker import Done, refusal
from tests.sweep.conftest import contents

BIG = """
name: big
architectures: [sparse_small]
workloads: [TRACE]
parameters:
  bandwidth: {path: dram.bandwidth, range: {low: 10 GB/s, high: 50 GB/s, scale: log}}
  fifo_depth: {path: array.fifo_depth, values: [1, 2, 4, 8]}
  ports: {path: ports, values: [1, 2, 4]}
sampling: {kind: random, points: 1}
metrics: {cost: bandwidth / 10 GB/s + fifo_depth / 4 + ports}
objectives: {total_ps: minimise, cost: minimise}
"""
TWO = """
name: two
architectures: [{name: row, arch: sparse_small}, {name: systolic, arch: systolic_32}]
workloads: [TRACE, {workload: TRACE, dtype: fp8, name: fp8}]
parameters:
  bandwidth: {path: dram.bandwidth, values: [10 GB/s, 20 GB/s, 40 GB/s, 50 GB/s]}
  fifo_depth: {path: array.fifo_depth, values: [1, 2, 4, 8], only: row}
metrics: {speed: 1 / total_ps}
objectives: {speed: maximise, dram_bytes: minimise}
"""


@pytest.fixture
def ran(monkeypatch) -> list:
    """Jobs that a formula answered in place of the simulator."""
    jobs: list = []

    def formula(job):
        jobs.append(job)
        figures = dict.fromkeys([column.name for column in FIGURES], 0)
        depth = getattr(job.arch.array, "fifo_depth", 3)
        if depth == 8:
            return Done(job.key, refusal("deeper than the formula goes"))
        scale = 4 if job.workload.dtype else 1
        figures["total_ps"] = scale * (10**21 // job.arch.dram.bandwidth + 10**9 // depth)
        figures["dram_bytes"] = depth
        figures |= {"limited_by": "array", "limited_share": 1.0}
        return Done(job.key, {"figures": figures, "model": model_version()})

    monkeypatch.setattr(execute, "run_job", formula)
    return jobs


def searched(plan, out, points=16, **options) -> dict[str, bytes]:
    run_search(plan, out, points, **options)
    return contents(out)


def test_the_same_seed_gives_the_same_bytes(ran, plan_file, tmp_path):
    one = searched(plan_file(BIG), tmp_path / "one")
    assert len(ran) == 16
    assert searched(plan_file(BIG), tmp_path / "two") == one
    other = searched(plan_file(BIG), tmp_path / "other", seed=1)
    assert other["plans/big_search.csv"] != one["plans/big_search.csv"]


@pytest.mark.parametrize("sampler", ["model", "tpe", "nsga2"])
def test_an_interrupted_batch_is_asked_again(ran, plan_file, tmp_path, monkeypatch, sampler):
    whole = searched(plan_file(BIG), tmp_path / "whole", sampler=sampler)
    formula = execute.run_job
    left = iter(range(12))  # one batch and a half

    def interrupted(job):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return formula(job)

    monkeypatch.setattr(execute, "run_job", interrupted)
    with pytest.raises(KeyboardInterrupt):
        searched(plan_file(BIG), tmp_path / "part", sampler=sampler)
    monkeypatch.setattr(execute, "run_job", formula)
    ran.clear()
    assert searched(plan_file(BIG), tmp_path / "part", sampler=sampler) == whole
    assert 4 <= len(ran) < 8  # those in flight ran in vain


def test_more_points_go_on_where_fewer_ended(ran, plan_file, tmp_path):
    searched(plan_file(BIG), tmp_path / "out", points=12)
    first = read_table(tmp_path / "out").frame["hash"].tolist()
    searched(plan_file(BIG), tmp_path / "out", points=30)
    assert len(ran) == 30
    assert read_table(tmp_path / "out").frame["hash"].tolist()[:12] == first


def test_a_sweep_and_a_search_share_their_points(ran, plan_file, tmp_path):
    plan = plan_file(TWO)
    run_sweep(plan, tmp_path / "out")
    before = len(ran)
    outcome = run_search(plan, tmp_path / "out", 10)
    assert len(ran) == before and (outcome.ran, outcome.found) == (0, 20)
    swept = read_table(tmp_path / "out", "two").frame.set_index("hash")
    found = read_table(tmp_path / "out", "two_search").frame.set_index("hash")
    columns = swept.columns.drop("point")
    swept = swept.loc[found.index, columns]
    pd.testing.assert_frame_equal(swept, found[columns], check_dtype=False)


def test_a_space_that_ends_is_searched_whole(ran, plan_file, tmp_path):
    outcome = run_search(plan_file(TWO), tmp_path / "out", 1000)
    assert outcome.ended == "every point of the space was asked for"
    assert (outcome.designs, len(ran)) == (4 * 4 + 4, 2 * (4 * 4 + 4))
    frame = read_table(tmp_path / "out").frame
    assert frame["hash"].is_unique
    assert frame[frame["architecture"] == "systolic"]["fifo_depth"].isna().all()
    assert set(frame[frame["architecture"] == "row"]["fifo_depth"]) == {1, 2, 4, 8}


def test_several_workloads_count_by_their_geometric_mean(ran, plan_file, tmp_path):
    outcome = run_search(plan_file(TWO), tmp_path / "out", 1000)
    frame = read_table(tmp_path / "out").done()
    keys = ["architecture", "bandwidth_bytes_per_s", "fifo_depth"]
    means = {
        key: (math.prod(rows["speed"]) ** 0.5, math.prod(rows["dram_bytes"]) ** 0.5)
        for key, rows in frame.groupby(keys, dropna=False)
    }
    assert len(means) == 4 * 3 + 4
    front = {
        round(speed, 20)
        for speed, moved in means.values()
        if not any(
            (s >= speed and b < moved) or (s > speed and b <= moved) for s, b in means.values()
        )
    }
    assert {round(best.objectives["speed"], 20) for best in outcome.front} == front
    speeds = [best.objectives["speed"] for best in outcome.front]
    assert len(speeds) == 4 and speeds == sorted(speeds, reverse=True)


def test_failures_refusals_and_constraints_do_not_end_a_search(ran, plan_file, tmp_path):
    more = "  on_chip: {path: on_chip, values: [1 KiB, 384 KiB, 512 KiB]}\nsampling:"
    text = BIG.replace("sampling:", more) + "constraints: [ports < 4]\n"
    outcome = run_search(plan_file(text), tmp_path / "out", 40)
    assert outcome.designs == 40 == len(ran)
    assert outcome.failed and outcome.left_out and outcome.refused
    frame = read_table(tmp_path / "out").frame
    assert len(frame) == 40 + outcome.refused and (frame["ports"] < 4).all()
    assert frame["error"].notna().sum() == outcome.failed + outcome.refused
    assert set(frame["on_chip_bytes"][frame["error"].str.contains("on_chip") == 1]) == {1024}
    assert (frame["fifo_depth"].iloc[-20:] == 8).sum() < 3  # 5 by chance
    assert (frame["on_chip_bytes"].iloc[-20:] == 1024).sum() < 4  # 7 by chance


def test_a_search_without_a_point_ends(ran, plan_file, tmp_path):
    outcome = run_search(plan_file(BIG + "constraints: [ports > 4]\n"), tmp_path / "out", 4)
    assert outcome.ended == "the last 1,000 suggestions gave no new design"
    assert outcome.designs == len(ran) == 0 and outcome.front == []


@pytest.mark.parametrize(
    ("objectives", "said"),
    [
        ("{}", "needs an objective"),
        ("{costs: minimise}", "unknown column 'costs'"),
        ("{speedup: maximise}", "search for total_ps"),
    ],
)
def test_a_search_needs_an_objective(ran, plan_file, tmp_path, objectives, said):
    text = BIG.replace("{total_ps: minimise, cost: minimise}", objectives)
    with pytest.raises(InputError, match=said):
        run_search(plan_file(text + "baseline: sparse_small\n"), tmp_path / "out", 4)


def test_without_optuna_there_is_a_remedy(plan_file, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "accelsim.sweep.asker", raising=False)
    monkeypatch.delitem(sys.modules, "accelsim.sweep.sampler", raising=False)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"needs optuna.*pip install 'accelsim\[search\]'"):
        run_search(plan_file(BIG), tmp_path / "out", 4)


def test_what_was_asked_is_a_plan(ran, plan_file, tmp_path):
    run_search(plan_file(TWO), tmp_path / "out", 6, seed=3)
    recorded = json.loads((tmp_path / "out" / "plans" / "two_search.json").read_text())["plan"]
    assert "seed 3" in recorded["description"]
    before = contents(tmp_path / "out")["plans/two_search.csv"]
    file = tmp_path / "again.yaml"
    file.write_text(json.dumps(recorded))
    plan, _ = load_plan(file)
    run_sweep(plan, tmp_path / "out")
    assert contents(tmp_path / "out")["plans/two_search.csv"] == before
    assert len(ran) == 12


def test_the_command_shows_the_front(ran, plan_file, tmp_path):
    command = ["search", str(plan_file(TWO)), "--out", str(tmp_path / "out"), "--points", "100"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 5  # as a sweep: some of its points have no figures
    for said in (
        "40 points run",
        "20 designs, 4 of them failed",
        "ended early",
        "front: 4 designs",
    ):
        assert said in result.output
    rows = [line.split()[:4] for line in result.output.splitlines() if " GB/s " in line]
    assert rows[0] == ["row", "50", "GB/s", "4"] and rows[1][0] == "systolic"


def test_a_killed_search_goes_on(plan_file, tmp_path):
    """On the simulator, in two processes, killed after a few points; then here, in one."""
    plan = plan_file(
        BIG.replace("[sparse_small]", "[{arch: sparse_small, set: dram.level=simple}]")
    )
    whole = searched(plan, tmp_path / "whole", points=32)
    out = tmp_path / "part"
    command = [sys.executable, "-c", "from accelsim.cli.main import main; main()", "search"]
    command += [str(plan), "--out", str(out), "--points", "32", "--jobs", "2"]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    while process.poll() is None and len(list(out.glob("points/*.json"))) < 6:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "results.csv").exists()
    for partial in out.rglob(".*.partial"):
        partial.unlink()
    assert searched(plan, out, points=32) == whole
