"""The suites: built-in rows are exact, and a wrong model or a wrong file is noticed."""

from __future__ import annotations

import importlib
import json

import pytest

from accelsim.errors import InputError
from accelsim.validation import suites
from accelsim.validation.outcome import FORMULA, SIMULATED, Outcome, Row
from accelsim.validation.suites import CASES, SUITES, run_suite

EXACT = ("systolic", "mesh", "stonne")


@pytest.mark.parametrize("name", EXACT)
def test_built_in_cases_are_exact(name):
    outcome = run_suite(name)
    assert outcome.passed
    assert outcome.max_abs_error == 0
    assert not [row.note for row in outcome.rows if row.note]


@pytest.mark.parametrize("name", SUITES)
def test_every_suite_names_its_sources(name):
    text = (CASES / "SOURCES.md").read_text()
    module = importlib.import_module(SUITES[name].module)
    assert all(f"`{file}`" in text and (CASES / file).exists() for file in module.BUILT_IN)


def test_published_rows_are_counted_apart():
    groups = run_suite("systolic").groups()
    assert {label: len(rows) for label, rows in groups.items()} == {SIMULATED: 46, FORMULA: 10}


def test_one_row_a_case_and_only_the_given_file(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "# my own\n\ndataflow, K,N,M,array_rows,array_cols,pure_cycles,extra\n"
        "ws,64,64,64,16,64,631,x\r\nos,64,64,64,16,64,560,y\n"
    )
    outcome = run_suite("systolic", path)
    assert [(row.reference, row.model, row.error) for row in outcome.rows] == [
        (631, 631, 0),
        (560, 567, 7),
    ]
    assert (outcome.mean_abs_error, outcome.max_abs_error) == (3.5, 7)
    assert not outcome.passed


def test_published_columns_are_recognised(tmp_path):
    path = tmp_path / "tpu.csv"
    path.write_text(
        "accelerator,workload,published_value\nTPU-like 128x128,GEMM M=256 N=256 K=2048,16384\n"
        "TPU-like 64x32,GEMM M=33 N=64 K=65,516\n"
    )
    rows = run_suite("systolic", path).rows
    assert [row.label for row in rows] == [FORMULA, FORMULA]
    assert [row.model for row in rows] == [16384, min(2 * 2 * (33 + 64 + 32), 2 * 2 * (64 + 96))]


def test_a_percentage_that_is_off_fails_its_row(tmp_path):
    path = tmp_path / "off.csv"
    header = "array_rows,array_cols,dataflow,M,N,K,pure_cycles,overall_util,mapping_eff\n"
    path.write_text(header + "8,8,ws,16,16,16,151,42.3841,99.0\n")
    outcome = run_suite("systolic", path)
    assert outcome.max_abs_error == 0
    assert not outcome.passed
    assert "mapping_eff 99.0000, model 100.0000" in outcome.rows[0].note


def test_json_has_the_agreed_shape():
    rows = (Row("a", 10, 12), Row("b", 10, 9, note="odd"))
    content = Outcome("systolic", "cycles", 0, rows).as_json()
    assert content["rows"] == [
        {"case": "a", "reference": 10, "model": 12, "error": 2},
        {"case": "b", "reference": 10, "model": 9, "error": -1, "note": "odd"},
    ]
    assert content["mean_abs_error"] == 1.5
    assert content["max_abs_error"] == 2
    assert content["tolerance"] == 0
    assert content["unit"] == "cycles"
    json.dumps(content)


GOOD = "array_rows,array_cols,dataflow,M,N,K,pure_cycles\n"
MESH = "ms_rows,ms_cols,dn_bw,rn_bw,M,N,K,cycles\n"


@pytest.mark.parametrize(
    ("suite", "text", "said"),
    [
        ("systolic", "", "holds no case"),
        ("systolic", GOOD, "holds no case"),
        ("systolic", "array_rows,M\n8,1\n", "line 1: column array_cols, dataflow, N, K, pure"),
        ("systolic", GOOD + "8,8,ws,1,x,1,9\n", "line 2, column N: expected a number, found 'x'"),
        ("systolic", GOOD + "8,8,ws,1,,1,9\n", "line 2, column N: is empty"),
        ("systolic", GOOD + "8,8,ws,1,nan,1,9\n", "line 2, column N: expected a number"),
        ("systolic", GOOD + "8,8,ws,1,0,1,9\n", "column N: expected a whole number from 1"),
        ("systolic", GOOD + "8,8,ws,-1,1,1,9\n", "column M: expected a whole number from 1"),
        ("systolic", GOOD + "8,8,ws,1.5,1,1,9\n", "column M: expected a whole number"),
        ("systolic", GOOD + "8,8,rs,1,1,1,9\n", "column dataflow: expected one of ws, os, is"),
        ("systolic", GOOD + "8,8,ws,1,1,1\n", "line 2: has 6 fields, the header has 7"),
        ("systolic", GOOD + "8,8,ws" + ",2000000000" * 3 + ",9\n", "too large to be counted"),
        ("systolic", "M,M\n1,1\n", "column M is named twice"),
        ("systolic", 'M,N\n1,"a\n', "is not CSV"),
        ("systolic", "accelerator,workload,published_value\nTPU,M=1 N=1 K=1,5\n", "128x128"),
        ("systolic", "accelerator,workload,published_value\n8x8,M=1 N=1,5\n", "column workload"),
        ("mesh", GOOD + "8,8,ws,1,1,1,9\n", "column ms_rows, ms_cols"),
        ("mesh", MESH + "8,8,3,64,1,1,1,9\n", "column dn_bw: expected 8+8 edge lines"),
        ("mesh", MESH + "8,8,32,64,1,1,1,9\n", "column dn_bw: expected 8+8 edge lines"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(tmp_path, suite, text, said):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        run_suite(suite, path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("make", ["missing", "folder", "binary"])
def test_what_is_no_file_of_text_is_refused(tmp_path, make):
    path = tmp_path / "cases.csv"
    if make == "folder":
        path.mkdir()
    if make == "binary":
        path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(InputError, match="cases.csv"):
        run_suite("mesh", path)


def test_an_unknown_suite_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'systolic'"):
        suites.run_suite("sistolic")
