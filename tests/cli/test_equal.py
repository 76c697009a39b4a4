"""`accelsim compare --equal` and `accelsim review --equal`."""

from __future__ import annotations

import json
import re

import pytest

from accelsim.arch.load import content_hash
from accelsim.cli.ran import load_again
from accelsim.errors import InputError
from accelsim.workload.trace import write_trace
from tests.sweep.rivals import attention, drawn

NAMED = ("--baseline", "systolic_32", "--candidate", "sparse_small", "--workload", "tiny_moe_lm")
WIDE = """
extends: sparse_small
name: wide
description: sparse_small with 24 rows
array: {rows: 24}
"""


@pytest.fixture
def small(tmp_path):
    """Options that compare the small baseline with a candidate of half as many MACs again."""
    (tmp_path / "wide.yaml").write_text(WIDE)
    write_trace(tmp_path / "small.trace", "small", [attention(drawn())], synthetic=True)
    where = ("--candidate", tmp_path / "wide.yaml", "--workload", tmp_path / "small.trace")
    return ("compare", "--baseline", "systolic_32", *where)


def test_rivals_are_scaled_and_simulated_again(cli, small, tmp_path):
    out = tmp_path / "a.json"
    done = cli(*small, "--equal", "macs", "--json", out)
    assert done.code == 0, done.err
    printed, at = " ".join(done.out.split()), "0.375 -> 0.5625 MiB: 1.536 TMAC/s against 1.536"
    (said,) = re.findall(rf"scaled: (systolic_32: .* {at} TMAC/s) scaled: ", printed)
    slower = r"\d\.\d{2}x slower"
    assert re.search(rf": 32 -> 48 rows \(48 columns: {slower}\), 0", said)  # of two ways
    assert re.search(rf"_gather: 32 -> 48 columns \(48 rows: {slower}\), {at} ", printed)
    assert "equal: macs within 1 %, 1,536 bf16 MACs a cycle" in done.out
    assert "on-chip bytes, all storage 576 KiB / 576 KiB / 384 KiB" in done.out
    assert "SHOULD BE EQUAL" not in done.out
    content = json.loads(out.read_text())
    assert content["equal"]["machines"]["baseline"]["text"] == said
    assert content["equal"]["target"] == content["equal"]["machines"]["baseline"]["after"]
    ran = content["results"]["baseline"]["ran"]
    again = load_again(ran, "a.json")[0].arch()
    assert [shape.rows for shape in again.array.shapes] == [48, 24]
    assert ran["arch_hash"] == content_hash(again)
    wide = content["results"]["candidate_dense"]["ran"]
    assert wide["set"] == ["mapping.sparsity=false"]


def test_a_candidate_is_scaled_on_demand_with_what_is_set(cli, small, tmp_path):
    out = tmp_path / "a.json"
    set_ = ("--set", "vector.lanes=96", "--dtype", "int8")
    done = cli(*small, "--equal", "macs", "--scale", "candidate", *set_, "--json", out)
    assert done.code == 0, done.err
    assert "scaled: wide: 24 -> 16 rows, 0.375 -> 0.25 MiB: 2.048 TMAC/s" in done.out
    assert done.out.count("scaled: ") == 1  # a sparse array grows in one way
    results = json.loads(out.read_text())["results"]
    assert results["candidate"]["ran"]["set"][0] == "vector.lanes=96"
    assert results["baseline"]["ran"]["set"] == ["vector.lanes=96"]


def test_a_report_is_of_the_scaled_machines(cli, small, tmp_path, monkeypatch):
    written = {}

    def keep(out, study, command, *_):
        written.update(study=study, command=command)
        return tmp_path / "index.html"

    monkeypatch.setattr("accelsim.report.review.write_report", keep)
    monkeypatch.setattr("accelsim.cli.compare.validated", lambda progress: [])
    done = cli(*small, "--equal", "macs", "--quick", "--out", tmp_path / "report")
    assert done.code == 0, done.err
    assert written["command"].endswith("--equal macs --quick")
    archs = written["study"].archs
    assert archs["systolic_32 at equal macs"].array.macs == 1536
    (comparison,) = written["study"].comparisons
    assert comparison.at_equal.measure == "macs"
    assert comparison.results["baseline"].arch == archs["systolic_32 at equal macs"]
    assert "scaled: systolic_32: 32 -> 48 rows" in done.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--equal", "aera"), "--equal: unknown measure 'aera'"),
        (("--scale", "third"), "--scale: says which machine is scaled (add --equal MEASURE)"),
        (("--equal", "macs", "--scale", "both"), "unknown machine to scale 'both'"),
        (("--equal", "macs", "--scale", "candidate", "--scale", "baseline"), "scale one of them"),
        (("--equal", "macs", "--set", "mac_rate={fp8: 1}"), "no rate for type 'bf16'"),
    ],
)
def test_bad_terms_are_one_line(cli, options, said):
    done = cli("compare", *NAMED, *options)
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert said in done.err


def test_a_machine_that_is_not_there_is_not_scaled(cli):
    none = ("--baseline", "sparse_v1", "--candidate", "sparse_small", "--workload", "tiny_moe_lm")
    done = cli("compare", *none, "--equal", "macs", "--scale", "third")
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert "unknown machine to scale 'third'" in done.err


def test_what_cannot_be_met_is_one_line(cli, small, tmp_path):
    (tmp_path / "wide.yaml").write_text(WIDE.replace("rows: 24", "rows: 9, lanes: 12"))
    done = cli(*small, "--equal", "macs")
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert "systolic_32 at equal macs: cannot have 0.432 TMAC/s, the closest is" in done.err


def test_a_review_scales_what_each_workload_runs_on(cli, small, tmp_path, monkeypatch):
    seen = {}

    def stop(cases, density, costs, **_):
        seen.update(cases=cases, density=density, costs=costs)
        raise InputError("seen")

    monkeypatch.setattr("accelsim.report.review.study_of", stop)
    monkeypatch.setattr("accelsim.cli.review.validated", lambda progress: [])
    given = ("review", "--workload", small[-1], "--out", tmp_path / "r")
    assert "seen" in cli(*given, "--equal", "area", "--costs", "7nm").err
    (asked,) = seen["cases"]
    assert seen["density"].terms == asked.terms
    case = asked.made_equal()
    assert (case.equal.measure.name, case.equal.measure.table) == ("area", "7nm")
    assert seen["costs"].name == "7nm"
    for role in ("baseline", "third"):
        arch = case.machines[role].arch()
        assert arch.name.endswith(" at equal area")
        assert case.equal.measure.of(arch) == pytest.approx(case.equal.target, rel=0.01)
    assert "seen" in cli(*given).err
    assert (seen["cases"][0].terms, seen["density"].terms) == (None, None)


def test_bad_terms_of_a_review_are_one_line(cli, small, tmp_path):
    given = ("review", "--workload", small[-1], "--out", tmp_path / "r")
    for options, said in (
        (("--equal", "aera"), "unknown measure 'aera'"),
        (("--equal", "area", "--costs", "45"), "'45'"),
        (("--scale", "third"), "add --equal"),
    ):
        done = cli(*given, *options)
        assert (done.code, done.err.count("\n")) == (3, 1)
        assert said in done.err and not (tmp_path / "r").exists()
    done = cli("review", "--suite", "sparse_12", "--equal", "macs")
    assert done.code == 3 and "drop --equal" in done.err
