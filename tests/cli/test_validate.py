"""`accelsim validate`: what it prints, writes and returns."""

from __future__ import annotations

import json

import pytest

HEADER = "array_rows,array_cols,dataflow,M,N,K,pure_cycles\n"


@pytest.mark.parametrize("suite", ["systolic", "mesh"])
def test_built_in_suites_pass(cli, suite, tmp_path):
    out = tmp_path / "out.json"
    done = cli("validate", suite, "--json", out)
    assert done.code == 0
    assert f"{suite}: passed" in done.out
    content = json.loads(out.read_text())
    assert content["suite"] == suite
    assert content["max_abs_error"] == content["mean_abs_error"] == content["tolerance"] == 0
    assert {"case", "reference", "model", "error"} == set(content["rows"][0])


def test_beyond_tolerance_is_exit_4_and_still_written(cli, tmp_path):
    cases, out = tmp_path / "cases.csv", tmp_path / "out.json"
    cases.write_text(HEADER + "8,8,ws,16,16,16,150\n8,8,ws,16,16,16,151\n")
    done = cli("validate", "systolic", "--cases", cases, "--json", out)
    assert done.code == 4
    assert "FAILED: 1 of 2 rows" in done.out
    assert "+1" in done.out
    assert [row["error"] for row in json.loads(out.read_text())["rows"]] == [1, 0]
    assert list(tmp_path.iterdir()) == [cases, out] or set(tmp_path.iterdir()) == {cases, out}


@pytest.mark.parametrize(
    "arguments",
    [
        ("validate", "nothing"),
        ("validate", "mesh", "--cases", "no/such.csv"),
        ("validate", "mesh", "--json", "no/such/folder/out.json"),
    ],
)
def test_bad_input_is_exit_3_with_one_line(cli, arguments):
    done = cli(*arguments)
    assert done.code == 3
    assert done.err.startswith("accelsim: error: ")
    assert done.err.count("\n") == 1
    assert done.out == ""


def test_nothing_is_written_for_a_bad_file(cli, tmp_path):
    cases, out = tmp_path / "cases.csv", tmp_path / "out.json"
    cases.write_text(HEADER + "8,8,ws,16,16,x,150\n")
    done = cli("validate", "systolic", "--cases", cases, "--json", out)
    assert done.code == 3
    assert "line 2, column K" in done.err
    assert not out.exists()
