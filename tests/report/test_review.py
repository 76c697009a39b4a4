"""The report folder: whole or not there, the same bytes twice, nothing fetched from elsewhere."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from accelsim.analysis.columns import OPERATOR_COLUMNS
from accelsim.arch.load import load_arch
from accelsim.errors import InputError
from accelsim.report.page.models import Validated
from accelsim.report.review import write_review
from accelsim.report.study import Case, study_of
from accelsim.report.tables import csv_name
from accelsim.sweep.trios import SMALL

VALIDATED = [Validated("systolic", "folds", 3, 0.0, "0 cycles", "cycles", True)]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def reports(few, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same review, twice."""
    place = str(folder / "few.trace")
    outs = [tmp_path_factory.mktemp("reviews") / name for name in ("one", "two")]
    for out in outs:
        assert write_review(out, [place], validated=VALIDATED, kept=()).page == out / "index.html"
    return outs


def test_same_inputs_same_bytes(reports: list[Path]):
    one, two = (contents(out) for out in reports)
    assert list(one) == list(two)
    assert [name for name in one if one[name] != two[name]] == []


def test_everything_is_there(reports: list[Path]):
    names = set(contents(reports[0]))
    pictures = ["speedup", "breakdown_few", "utilisation_few", "roofline_sparse_small"]
    pictures += ["expert_load", "key_reuse"]
    expected = {f"{name}.{kind}" for name in pictures for kind in ("png", "svg")}
    expected |= {"index.html", "summary.csv", "totals.csv", "provenance.json"}
    expected |= {f"resolved/{name}.yaml" for name in ("systolic_32", "sparse_small")}
    assert expected <= names
    assert not [path for path in reports[0].parent.iterdir() if path.name.startswith(".")]


def test_page_fetches_nothing(reports: list[Path]):
    page = (reports[0] / "index.html").read_text()
    targets = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", page)
    assert targets
    assert all(target.startswith(("#", "data:image/png;base64,")) for target in targets)
    assert "<script>" in page and "<script " not in page
    assert "<link" not in page and "@import" not in page and "fetch(" not in page
    assert "url(" not in page.replace("url(#", "")


def test_page_says_what_it_must(reports: list[Path], few):
    page = (reports[0] / "index.html").read_text()
    said = [
        "upper bound",
        "DRAM: request level",
        "not modelled",
        "Break-even",
        "working set",
        "unknown quality",
    ]
    assert [word for word in said if word not in page] == []
    assert f"{few.speedup():.2f}x" in page
    for column in OPERATOR_COLUMNS:
        assert csv_name(column) in page


def test_anchors_exist(reports: list[Path]):
    page = (reports[0] / "index.html").read_text()
    for anchor in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{anchor}"' in page


def test_summary_has_every_operator_of_every_machine(reports: list[Path], few):
    table = pd.read_csv(reports[0] / "summary.csv")
    assert len(table) == len(few.results) * len(few.trace.operators)
    totals = pd.read_csv(reports[0] / "totals.csv").set_index("role")
    for role, rows in table.groupby("role"):
        assert rows["time_ps"].sum() == totals.loc[role, "total_ps"]
        assert totals.loc[role, "speedup"] == pytest.approx(few.speedup(role), rel=1e-6)


def test_files_behind_the_pictures_sum_up(reports: list[Path], few):
    parts = pd.read_csv(reports[0] / "breakdown.csv").groupby("role")["time_ps"].sum()
    for role, result in few.results.items():
        assert parts[role] == pytest.approx(result.total_ps, rel=1e-6)
    bins = pd.read_csv(reports[0] / "timeline.csv")
    assert bins["utilization"].between(0, 1).all()


def test_resolved_architectures_load_back(reports: list[Path]):
    for name in ("systolic_32", "systolic_32_gather", "sparse_small"):
        assert load_arch(reports[0] / "resolved" / f"{name}.yaml") == load_arch(name)


def test_machines_that_share_a_name_and_differ_are_all_kept(few):
    same, other = SMALL.sources(), SMALL.sources()
    other["baseline"] = other["baseline"].changed(["vector.lanes=64"])
    again = replace(few.trace, name="again")
    cases = [Case(few.trace, same, studied=False), Case(again, other, studied=False)]
    archs = study_of(cases).archs
    lanes = {name: arch.vector.lanes for name, arch in archs.items() if "systolic_32" in name}
    assert lanes == {"systolic_32, few": 128, "systolic_32, again": 64, "systolic_32_gather": 128}
    assert archs["sparse_small"] == other["candidate"].arch()


def test_provenance_names_hashes_and_no_time(reports: list[Path], few):
    origin = json.loads((reports[0] / "provenance.json").read_text())
    assert origin["workloads"]["few"]["content_hash"] == few.trace.content_hash
    assert set(origin["architectures"]) >= {"systolic_32", "sparse_small"}
    assert not re.search(r"\d{4}-\d\d-\d\d", json.dumps(origin))


def test_a_replay_in_another_type_is_recorded(folder: Path, tmp_path: Path, few):
    write_review(tmp_path / "r", [str(folder / "few.trace")], dtype="mxfp4", kept=())
    origin = json.loads((tmp_path / "r" / "provenance.json").read_text())
    assert origin["command"].endswith(" --dtype mxfp4")
    assert origin["workloads"]["few"]["replayed_in"] == "mxfp4"
    assert origin["workloads"]["few"]["content_hash"] != few.trace.content_hash
    assert (tmp_path / "r" / "index.html").read_text().count("eplayed in mxfp4") >= 3
    totals = pd.read_csv(tmp_path / "r" / "totals.csv")
    assert set(totals["replayed_in"]) == {"mxfp4"}


def test_an_older_report_is_replaced(reports: list[Path], folder: Path, tmp_path: Path):
    out = tmp_path / "report"
    out.mkdir()
    (out / "provenance.json").write_text("{}")
    (out / "stale.csv").write_text("")
    write_review(out, [str(folder / "few.trace")], validated=VALIDATED, kept=())
    assert "stale.csv" not in contents(out)
    assert list(tmp_path.iterdir()) == [out]


def test_an_unknown_workload_leaves_everything_as_it_was(tmp_path: Path):
    out = tmp_path / "report"
    out.mkdir()
    (out / "provenance.json").write_text("{}")
    with pytest.raises(InputError, match="unknown workload 'nothing'"):
        write_review(out, ["nothing"])
    assert contents(tmp_path) == {"report/provenance.json": b"{}"}


def test_a_fault_on_the_way_leaves_nothing_behind(
    few, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("accelsim.report.writing.draw_all", broken)
    with pytest.raises(InputError, match="No space left"):
        write_review(tmp_path / "report", [str(folder / "few.trace")], kept=())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_report_is_not_replaced(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="not a report"):
        write_review(tmp_path, ["tiny_moe_lm"])
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_two_workloads_of_one_name_are_refused(few, folder: Path, tmp_path: Path):
    place = folder / "few.trace"
    with pytest.raises(InputError, match="two workloads are called 'few'"):
        write_review(tmp_path / "report", [str(place), f"{folder}/./few.trace/../few.trace"])
