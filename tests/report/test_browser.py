"""The page in a browser: a silent console, tables that sort and filter, nothing that sticks out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accelsim.analysis.comparison import Comparison
from accelsim.report.page.models import Validated
from accelsim.report.writing import write_report
from tests.report.conftest import study_with

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for path in map(shutil.which, NAMES) if path), None)
playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")

WIDTHS = (1280, 390)
VALIDATED = [Validated("systolic", "folds", 3, 0.0, "0 cycles", "cycles", True)]


@pytest.fixture(scope="module")
def page_file(few: Comparison, many: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of two workloads, one of them with many operators of long names."""
    out = tmp_path_factory.mktemp("browser") / "report"
    return write_report(out, study_with(few, many), "accelsim", VALIDATED)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def opened(browser: Any, page_file: Path) -> Iterator[Any]:
    """The page with what it says on the console in `said`."""
    page = browser.new_page(viewport={"width": WIDTHS[0], "height": 800})
    page.said = []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda request: page.said.append(request.url))
    page.goto(page_file.as_uri())
    yield page
    page.close()


def column(page: Any, title: str) -> list[str]:
    """The figures of a column of the first table that is searched, the total left out."""
    return page.evaluate(
        """title => {
            const table = document.querySelector(".searched table");
            const heads = [...table.tHead.rows[0].cells];
            const at = heads.findIndex(head => head.textContent.startsWith(title));
            return [...table.tBodies[0].rows].filter(row => !row.hidden && row.className !== "s")
                .map(row => row.cells[at].dataset.v ?? row.cells[at].textContent);
        }""",
        title,
    )


def test_nothing_is_said_and_nothing_is_asked_for(opened: Any, page_file: Path):
    assert [said for said in opened.said if not said.startswith("data:")] == [page_file.as_uri()]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out_of_the_window(opened: Any, width: int):
    opened.set_viewport_size({"width": width, "height": 800})
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    outside = opened.evaluate(
        """() => [...document.querySelectorAll("p, li, dd, h1, h2, h3, figure, .scroll")]
            .filter(e => e.offsetParent && e.getBoundingClientRect().right > innerWidth + 1)
            .map(e => e.textContent.slice(0, 60))"""
    )
    assert outside == []


def test_a_click_sorts_by_the_figure_and_the_total_stays_last(opened: Any):
    heads = opened.locator(".searched th button")
    heads.filter(has_text="speedup").first.click()
    down = [float(value) for value in column(opened, "speedup") if value != "-"]
    assert down == sorted(down, reverse=True) and len(set(down)) > 1
    heads.filter(has_text="speedup").first.click()
    up = [float(value) for value in column(opened, "speedup") if value != "-"]
    assert up == sorted(up)
    last = opened.locator(".searched").first.locator("tbody tr").last
    assert last.inner_text().startswith("total")


def test_a_filter_leaves_the_rows_with_every_word(opened: Any):
    every = column(opened, "operator")
    opened.locator(".find input").first.fill("attention")
    left = column(opened, "kind")
    assert 0 < len(left) < len(every) and set(left) == {"attention"}
    opened.locator(".find input").first.fill("nothing of this kind")
    assert column(opened, "kind") == []
    assert opened.locator(".searched").first.locator("tr.s").is_visible()


def test_without_scripts_every_row_is_there(browser: Any, page_file: Path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator(".find").count() == 0
    assert page.locator(".searched tbody tr").first.is_visible()
    assert page.locator("figure svg").first.is_visible()
    context.close()


def test_a_figure_says_where_it_stands(opened: Any):
    title = opened.locator(".searched td.n[title]").first.get_attribute("title")
    assert title is not None and "summary.csv [" in title
