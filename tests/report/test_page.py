"""The page: every figure stands in a file beside it, pictures keep to themselves, Markdown too."""

from __future__ import annotations

import csv
import html
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from accelsim.report.files import FILES, csv_name, names
from accelsim.report.page.html import embedded
from accelsim.report.page.ledger import Ledger
from accelsim.report.page.models import Validated, models_of
from accelsim.report.review import write_comparison
from accelsim.sweep.measures import Terms
from accelsim.sweep.trios import SMALL

CELL = re.compile(r'<td class="n"(?: data-v="([^"]*)")?(?: title="([^"]*)")?>')
PLACE = re.compile(r"(?:(sum|min) of )?(\w[\w:]*)(?: x (\w+))?, (\w+)\.csv(?: \[([^\]]*)\])?")
SEVERAL = re.compile(r"; (?=[-+.\de]+ = )")
VALIDATED = [Validated("systolic", "folds", 3, 0.0, "0 cycles", "cycles", True)]


@pytest.fixture(scope="module")
def report(few, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of one workload at equal area, with all that is simulated again."""
    equal = Terms("area").machines(SMALL.sources(), few.trace)
    out = tmp_path_factory.mktemp("page") / "report"
    write_comparison(
        out, few.trace, equal.machines, command="accelsim compare", validated=VALIDATED,
        equal=equal,
    )  # fmt: skip
    return out


def followed(place: str, folder: Path, files: dict[str, pd.DataFrame]) -> float:
    """The figure that a place leads to, by reading the file it names."""
    match = PLACE.fullmatch(place)
    assert match, place
    how, column, by, name, chosen = match.groups()
    if name not in files:
        files[name] = pd.read_csv(folder / f"{name}.csv", keep_default_na=False, na_values=[""])
    table = files[name]
    for term in chosen.split("; ") if chosen else ():
        key, value = term.split("=", 1)
        kept: Any = table[key] == value if table[key].dtype == object else None
        if kept is None:
            kept = table[key].astype(str) == str(pd.Series([value]).astype(table[key].dtype)[0])
        table = table[kept]
    values = table[column] * table[by] if by else table[column]
    if how == "sum":
        return float(values.sum())
    if how == "min":
        return float(values.min())
    assert len(values) == 1, place
    return float(values.iloc[0])


def quotient(source: str, folder: Path, files: dict[str, pd.DataFrame]) -> float:
    """A figure that is one over others."""
    first, *rest = (followed(place, folder, files) for place in source.split(" / "))
    for divisor in rest:
        first = first / divisor if divisor else 0.0
    return first


def test_every_figure_stands_in_a_file_beside_the_page(report: Path):
    page = (report / "index.html").read_text()
    files: dict[str, pd.DataFrame] = {}
    checked = 0
    for value, title in CELL.findall(page):
        if not value:
            continue
        exact, _, source = html.unescape(title).partition(" = ")
        assert quotient(source, report, files) == pytest.approx(float(exact), rel=1e-6, abs=1e-12)
        assert float(value) == pytest.approx(float(exact), rel=1e-6, abs=1e-12)
        checked += 1
    assert checked > 200


def test_every_figure_of_a_cell_of_several_stands_there_too(report: Path):
    page = (report / "index.html").read_text()
    files: dict[str, pd.DataFrame] = {}
    checked = 0
    for value, title in CELL.findall(page):
        for place in SEVERAL.split(html.unescape(title)) if title and not value else ():
            exact, _, source = place.partition(" = ")
            found = quotient(source, report, files)
            assert found == pytest.approx(float(exact), rel=1e-6, abs=1e-12), source
            checked += 1
    assert checked > 20


def test_the_first_screen_says_what_equal_area_makes_of_the_speedup(report: Path):
    page, table = (report / "index.html").read_text(), pd.read_csv(report / "equal.csv")
    assert table["role"].tolist() == ["baseline", "third"]
    assert (table["measure"] == "area").all() and (table["cost_table"] == "45nm").all()
    assert (abs(table["after"] / table["target"] - 1) < 0.01).all()
    assert (table["speedup_low"] <= table["speedup"]).all()
    assert (table["speedup"] <= table["speedup_high"]).all()
    shown = page[page.index("as they are and at equal area") : page.index('id="energy"')]
    for _, row in table.iterrows():
        for name in ("speedup_before", "speedup", "speedup_low", "speedup_high"):
            assert f"{name}, equal.csv [workload=few; role={row['role']}]" in html.unescape(shown)
        assert row["verdict"] in shown


def test_no_figure_of_a_table_lacks_its_place(report: Path):
    page = (report / "index.html").read_text()
    bare = re.findall(r'<td class="n">([^<]*)</td>', page)
    assert [text for text in bare if re.search(r"\d", text)] == []


def test_every_speedup_of_the_text_is_one_of_a_file(report: Path):
    page = (report / "index.html").read_text()
    files = [pd.read_csv(path) for path in report.glob("*.csv")]
    names = ("speedup", "gain", "geomean", "minimum", "maximum", "loss", "ratio")
    known = {
        f"{value:.2f}x" if value < 10 else f"{value:.1f}x"
        for table in files
        for column in table.columns
        if any(name in column for name in names)
        for value in pd.to_numeric(table[column], errors="coerce").dropna()
    }
    prose = re.findall(r"<(?:p|li)\b[^>]*>(.*?)</(?:p|li)>", page, re.DOTALL)
    said = {figure for text in prose for figure in re.findall(r"\d+\.\d+x", text)}
    assert said and said <= known


def test_letters_are_outlined_once_and_names_are_not_shared(report: Path):
    page = (report / "index.html").read_text()
    outlines = page[page.index('class="glyphs"') : page.index("</svg>")]
    glyphs = re.findall(r'<path id="([^"]+)"', outlines)
    assert len(glyphs) == len(set(glyphs)) > 20
    assert set(re.findall(r'<use href="#([^"]+)"', page)) == set(glyphs)
    assert "DejaVu" not in page.replace('"DejaVu Sans"', "")
    names = [name for name in re.findall(r' id="([^"]+)"', page)]
    assert len(names) == len(set(names))
    for name in re.findall(r"url\(#([^)]+)\)", page):
        assert name in set(names)


def test_a_picture_inside_a_page_keeps_its_marks(report: Path):
    pictures = {"one": report / "speedup.svg", "two": report / "speedup.svg"}
    found = embedded(pictures).pictures
    ids = [set(re.findall(r' id="([^"]+)"', str(p.svg))) for p in found.values()]
    assert ids[0] and not ids[0] & ids[1]


def test_summary_in_markdown_says_the_verdict_and_links_what_is_there(report: Path, few):
    text = (report / "summary.md").read_text()
    assert f"{few.speedup():.2f}x" in text
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (report / target).is_file()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1


def test_every_model_in_use_says_whether_it_was_validated(report: Path, few):
    page = (report / "index.html").read_text()
    for used in models_of(few.results["candidate"].arch):
        assert used.model in page
    assert "within tolerance (0 cycles)" in page and "not validated" in page


def test_a_ledger_refuses_to_choose_between_rows():
    ledger = Ledger({"t": pd.DataFrame({"name": ["a", "a", "b"], "x": [1.0, 2.0, 3.0]})})
    assert ledger.only("t", "x", name="b") == (3.0, "x, t.csv [name=b]")
    assert ledger.total("t", "x", name="a").value == 3.0
    assert ledger.total("t", "x", name="c").value == 0.0
    with pytest.raises(LookupError, match="2 rows of t"):
        ledger.only("t", "x", name="a")


def test_every_file_has_its_declared_columns_and_they_stand_in_the_glossary(report: Path):
    page = (report / "index.html").read_text()
    glossary = page[page.index('<h2 id="glossary">') :]
    assert {path.stem for path in report.glob("*.csv")} == set(FILES)
    for name, file in FILES.items():
        with (report / f"{name}.csv").open(newline="") as lines:
            assert next(csv.reader(lines)) == names(name), name
        _, _, after = glossary.partition(f"<summary>{file.title} ({name}.csv)</summary>")
        shown = html.unescape(after.partition("</details>")[0])
        for column in file.columns:
            row = f">{csv_name(column)}</td><td>{column.unit or '-'}</td><td>{column.formula}</td>"
            assert column.formula and row in shown, (name, column)


UNITS = {
    "_ps": "ps",
    "_ns": "ns",
    "_ghz": "GHz",
    "_bytes": "B",
    "_macs": "MAC",
    "_cycles": "cycles",
    "_pj": "pJ",
    "_w": "W",
    "_per_w": "TOPS/W",
    "_js": "J s",
    "_mm2": "mm2",
}


def test_the_unit_of_a_column_is_that_of_its_name():
    for file in FILES.values():
        for column in file.columns:
            ends = [end for end in UNITS if column.name.endswith(end)]
            unit = UNITS[max(ends, key=len)] if ends else column.unit
            assert column.unit == unit, column
            assert ends or column.unit in ("", "MAC/B"), column
