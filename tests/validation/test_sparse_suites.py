"""Suites stonne, sanger, spatten and published: what they reached, and what they refuse."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from accelsim.cli.main import app
from accelsim.errors import InputError
from accelsim.validation import published
from accelsim.validation.outcome import FORMULA, TREND, Outcome, Row
from accelsim.validation.suites import ALL, CASES, run_suite

TRACE = (
    "iteration_id,layer_id,head_id,embedding_length_D,sentence_length_L,key_fetch_num,"
    "quant_key_bit,if_requant,auto_requant_incre,value_fetch_num,quant_value_bit\n"
)
STONNE = "num_ms,dn_bw,rn_bw,dataflow,M,N,K,pattern,cycles\n"


def test_stonne_is_equal_on_every_row():
    outcome = run_suite("stonne")
    assert len(outcome.rows) == 39
    assert outcome.max_abs_error == 0


def test_sanger_is_within_a_hundredth_at_each_density():
    outcome = run_suite("sanger")
    assert outcome.passed and outcome.max_abs_error < 0.01
    assert {row.label for row in outcome.rows} == {FORMULA}


def test_spatten_floors_are_equal_and_the_top_k_limits():
    rows = run_suite("spatten").rows
    floors = [row for row in rows if row.case.startswith(("DRAM floor", "Q x K"))]
    assert [row.error for row in floors] == [0, 0]
    slower = {row.case.split(",")[1].split(" a")[0]: row.error > 0
              for row in rows if row.label == TREND}  # fmt: skip
    assert slower == {" 1": True, " 4": True, " 16": True, " 64": False}


def test_a_spatten_trace_is_summed_and_its_last_record_skipped(tmp_path, monkeypatch):
    from accelsim.validation import spatten

    path = tmp_path / "trace.csv"
    path.write_text(
        TRACE
        + "0,0,0,64.0,10,10,6,True,4,3,6\n0,0,1,64.0,10,5,-1,False,-1,2,12\n"
        + "configs/some.yml,,,,,,,,,,\n"
    )
    with pytest.raises(InputError, match="2 records, 15 keys and 5 values"):
        run_suite("spatten", path)
    bits = 10 * 64 * (6 + 4) + 3 * 64 * 6 + (5 + 2) * 64 * 8
    monkeypatch.setitem(spatten._KNOWN, (2, False), ("mine", 7, 9))
    floor, compute = run_suite("spatten", path).rows
    assert (floor.reference, floor.model) == (7, round(bits / 8 / 512))
    assert (compute.reference, compute.model) == (9, round(15 * 64 / 512))


@pytest.mark.parametrize(
    ("suite", "text", "said"),
    [
        ("stonne", STONNE + "48,8,8,MK_STA_KN_STR,4,4,4,x.npz,9\n", "power of two"),
        ("stonne", STONNE + "64,48,8,MK_STA_KN_STR,4,4,4,x.npz,9\n", "do not divide 64"),
        ("stonne", STONNE + "64,8,8,MK,4,4,4,x.npz,9\n", "expected one of MK_STA_KN_STR"),
        ("stonne", STONNE + "64,8,8,MK_STA_KN_STR,4,4,4,none.npz,9\n", "cannot be read"),
        ("sanger", "mask,density,segment,pes,utilisation\n5,0.1,4,4,0.4\n", "such as 512x512"),
        ("sanger", "mask,density,segment,pes,utilisation\n5x5,2,4,4,0.4\n", "at most 1"),
        ("spatten", "kind,keys,select,parallelism,reference\nx,1,1,1,1\n", "expected one of top_k"),
        ("published", "accelerator,workload,metric,published_value\nX,y,z,1\n", "no case is known"),
        ("published", "accelerator,workload,metric,published_value\nSIGMA,y,z,1\n", "M=.. N="),
    ],
)
def test_a_bad_file_is_refused_with_its_place(tmp_path, suite, text, said):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        run_suite(suite, path)
    assert said in str(caught.value) and "bad.csv" in str(caught.value)


def test_own_bitmaps_are_taken_and_checked(tmp_path):
    mask = np.eye(4, dtype=bool)
    np.savez(tmp_path / "mine.npz", A_fed=np.packbits(mask), B_fed=np.packbits(mask),
             shape=np.array([4, 4, 4]))  # fmt: skip
    cases = tmp_path / "cases.csv"
    cases.write_text(STONNE + "4,4,4,MK_STA_KN_STR,4,4,4,mine.npz,12\n")
    (row,) = run_suite("stonne", cases, patterns=tmp_path).rows
    assert row.model > 0
    cases.write_text(STONNE + "4,4,4,MK_STA_KN_STR,4,4,5,mine.npz,12\n")
    with pytest.raises(InputError, match="the line says"):
        run_suite("stonne", cases, patterns=tmp_path)
    with pytest.raises(InputError, match="takes no bitmaps"):
        run_suite("sanger", patterns=tmp_path)


def test_small_published_rows_hold(tmp_path):
    for file, keep in (("published_sigma.csv", 3), ("published_dstc.csv", 2),
                       ("published_eyerissv2_pe.csv", 2), ("published_2to4.csv", 6)):  # fmt: skip
        lines = (CASES / file).read_text().splitlines()
        small = [line for line in lines[1:] if "500000" not in line and "36548" not in line]
        path = tmp_path / file
        path.write_text("\n".join([lines[0], *small[-keep:]]) + "\n")
        outcome = run_suite("published", path)
        assert outcome.passed, file


def test_sigma_goes_through_the_engine_fold_by_fold():
    # One slice of 128, one fold: load ceil(nnz / 128), a vector a cycle, 14 to empty the tree.
    assert published.sigma_cycles(64, 10, 128, 1.0) == 64 * 128 // 128 + 10 + 14
    assert published.sigma_cycles(64, 10, 256, 1.0) == 2 * (64 + 10 + 14)


def test_a_trend_row_is_never_counted():
    rows = (Row("far", 1, 9, label=TREND), Row("near", 10, 10.5, tolerance=0.1, group="g"))
    good = Outcome("s", "cycles", 0, rows, mean_limits={"g": 0.06})
    assert good.passed and [row.case for row in good.judged()] == ["near"]
    assert not Outcome("s", "cycles", 0, rows, mean_limits={"g": 0.04}).passed
    assert not Outcome("s", "cycles", 0, (Row("off", 10, 12, tolerance=0.1),)).passed


def test_the_command_writes_a_page_and_json(tmp_path):
    out = CliRunner().invoke(
        app, ["validate", "sanger", "--report", str(tmp_path), "--json", str(tmp_path / "o.json")]
    )
    assert out.exit_code == 0, out.output
    page = (tmp_path / "validation.md").read_text()
    assert "simulations or formulas, not silicon" in " ".join(page.split())
    assert (tmp_path / "pictures" / "validation.png").stat().st_size > 10_000
    assert json.loads((tmp_path / "o.json").read_text())["passed"] is True
    assert "engines" not in ALL and "published" in ALL


def test_beyond_tolerance_exits_with_4(tmp_path):
    path = tmp_path / "off.csv"
    path.write_text("mask,density,segment,pes,utilisation\n64x64,0.5,16,4,0.2\n")
    out = CliRunner().invoke(app, ["validate", "sanger", "--cases", str(path)])
    assert out.exit_code == 4
    assert "FAILED: 1 of 1 rows" in out.output
