"""Reports of workloads with names that are no file names, and of those without what is usual."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from accelsim.arch.load import arch_source
from accelsim.errors import InputError
from accelsim.report.markdown import _code, _plain
from accelsim.report.review import write_comparison
from accelsim.report.style import LONGEST_FILE_NAME, file_name
from accelsim.sweep.trios import SMALL
from accelsim.workload.operators import Matmul, Operator, Vector
from accelsim.workload.trace import Trace, write_trace

ODD = '../a "b" <b>&amp;|é`$\\frac{#x $[/red] 模'
MACHINES = {
    role: arch_source(name).changed(["dram.level=simple"])
    for role, name in zip(("baseline", "third", "candidate"), SMALL, strict=True)
}


def trace_of(folder: Path, name: str, *operators: Operator) -> Trace:
    return write_trace(folder / "one.trace", name, operators, synthetic=True, seed=0)


def report_of(folder: Path, trace: Trace) -> Path:
    out = folder / "out" / "report"
    return write_comparison(out, trace, MACHINES, command="accelsim", studied=False).page


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a workload, without attention, that has an odd name and odd scopes."""
    folder = tmp_path_factory.mktemp("odd")
    matmul = Matmul(scope="L0: <i>$x_{$ [/]", m=64, n=64, k=64)
    return report_of(folder, trace_of(folder, ODD, matmul))


@pytest.mark.filterwarnings("error")
def test_pictures_lie_in_the_folder_and_stand_on_the_page(odd: Path) -> None:
    assert [each.name for each in odd.parent.parent.iterdir()] == ["report"]
    files = {each.name for each in odd.parent.iterdir()}
    own = file_name(f"breakdown_{ODD}")
    assert {f"{own}.png", f"{own}.svg"} <= files
    assert all(re.fullmatch(r"[\w.-]+", name, re.ASCII) for name in files)
    pictures = [name for name in files if name.endswith(".svg")]
    shown = odd.read_text(encoding="utf-8").count("<svg role=")
    assert shown == len(pictures)


def test_a_name_is_text_on_the_page_and_in_markdown(odd: Path) -> None:
    page = odd.read_text(encoding="utf-8")
    assert "<b>" not in page and "<i>" not in page
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(set(ids)) == len(ids) and not any(re.search(r"\s", each) for each in ids)
    assert set(re.findall(r'href="#([^"]*)"', page)) <= set(ids)
    rows = (odd.parent / "summary.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in rows if line.startswith("| ``")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 8


def test_words_of_markdown_are_not_read_as_marks() -> None:
    assert _plain("sparse_v1 of _x_ *y* <b> 5 %") == r"sparse_v1 of \_x\_ \*y\* \<b> 5 %"
    assert (_code("plain"), _code("a``b`")) == ("`plain`", "``` a``b` ```")


def test_file_names_differ_where_names_do() -> None:
    assert file_name("plain-1.0_x") == "plain-1.0_x"
    names = ["a/b", "a_b", "a b", "x" * 300, "x" * 301]
    made = [file_name(name) for name in names]
    assert len(set(made)) == len(names)
    assert max(map(len, made)) <= LONGEST_FILE_NAME


def test_a_dash_stands_where_there_is_no_attention(tmp_path: Path) -> None:
    trace = trace_of(tmp_path, "vector", Vector(scope="v", elements=1000, lane_operations=1))
    page = report_of(tmp_path, trace).read_text(encoding="utf-8")
    assert "nan" not in re.findall(r">([^<]*)</td>", page)


@pytest.mark.parametrize(
    ("name", "operators", "said"),
    [
        ("none", (), "no operators"),
        ("two\nlines", (Vector(scope="v", elements=1, lane_operations=1),), "printed"),
    ],
)
def test_what_cannot_be_shown_is_refused_before_anything_runs(
    tmp_path: Path, name: str, operators: tuple[Operator, ...], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        report_of(tmp_path, trace_of(tmp_path, name, *operators))
    assert not (tmp_path / "out").exists()
