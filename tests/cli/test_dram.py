"""`accelsim dram`: the table, the pictures and the refusals."""

from __future__ import annotations

import json

import pytest

RUN = ("dram", "run", "--part", "hbm2", "--stream", "row_gather", "--requests", "4000")


def test_list_names_parts_and_streams(cli):
    done = cli("dram", "list")
    assert done.code == 0
    assert "hbm2" in done.out and "lpddr5_6400" in done.out and "window_gather" in done.out


def test_run_prints_a_row_a_setting_and_draws(cli, tmp_path):
    out, folder = tmp_path / "out.json", tmp_path / "pictures"
    settings = ("--row-bytes", "64,256", "--window", "8,64")
    done = cli(*RUN, *settings, "--json", out, "--plot", folder)
    assert done.code == 0
    runs = json.loads(out.read_text())["runs"]
    assert [(r["stream"], r["window_requests"]) for r in runs] == [
        (f"row_gather row_bytes={size}", window) for size in (64, 256) for window in (8, 64)
    ]
    assert all(0 < r["share_of_peak"] <= 1 for r in runs)
    assert runs[1]["bandwidth_gb_s"] > runs[0]["bandwidth_gb_s"]
    names = {path.name for path in folder.iterdir()}
    assert {"streams.csv", "dram_time.png", "dram_window.svg"} <= names


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--window", "0"), "whole numbers above 0"),
        (("--row-bytes", "x"), "whole numbers above 0"),
        (("--parameter", "alpha"), "NAME=NUMBER"),
        (("--parameter", "alpha=2"), "parameter of row_gather"),
        (("--parameter", "footprint=17179869184"), "lies beyond 8 GiB"),
        (("--set", "channels=0"), "channels"),
        (("--set", "mapping=ro ra bg ba ch"), "lacks 'co'"),
    ],
)
def test_bad_input_is_one_line_and_exit_3(cli, more, said):
    done = cli(*RUN, *more)
    assert done.code == 3
    assert said in done.err and done.err.count("\n") == 1


def test_the_keys_of_a_workload(cli):
    done = cli("dram", "run", "--part", "hbm2", "--workload", "tiny_moe_lm", "--requests", "2000")
    assert done.code == 0 and "keys of tiny_moe_lm" in done.out


@pytest.mark.parametrize("more", [(), ("--stream", "seq_read", "--workload", "tiny_moe_lm")])
def test_a_stream_or_a_workload(cli, more):
    assert cli("dram", "run", "--part", "hbm2", *more).code == 2
