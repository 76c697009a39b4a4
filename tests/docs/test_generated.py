"""The generated pages name everything that is declared, with words; and no link leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from accelsim.analysis import columns
from accelsim.arch.load import published_names, shipped_names
from accelsim.arch.part import Part
from accelsim.arch.parts import part_names
from accelsim.arch.spec import Arch
from accelsim.cost.load import cost_table_names
from accelsim.cost.spec import TableFile
from accelsim.hardware import columns as hardware
from accelsim.report import tables
from accelsim.report.files import FILES
from accelsim.report.suite import Suite
from accelsim.report.suite_tables import SUITE_FILES
from accelsim.sweep.plan import Plan, plan_names
from accelsim.workload.recipes.recipe import Recipe, recipe_files
from accelsim.workload.trace import shipped_workloads
from tools.docs import commands, metrics, modelled
from tools.docs.pages import PAGES, write_pages
from tools.docs.schema import records

DOCS = Path(__file__).resolve().parents[2] / "docs"
ROOTS = {
    "architecture": Arch, "dram_parts": Part, "recipe": Recipe, "plan": Plan,
    "cost_table": TableFile,
}  # fmt: skip


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return {name: make() for name, make in PAGES.items()}


def of_the_schema(root: type[BaseModel]) -> set[tuple[str, str]]:
    """(record, field) of all fields, as pydantic's own JSON schema has them."""
    schema = root.model_json_schema()
    found = {root.__name__: schema} | schema.get("$defs", {})
    return {(name, field) for name, record in found.items() for field in record["properties"]}


@pytest.mark.parametrize("root", [*ROOTS.values(), Suite], ids=lambda root: root.__name__)
def test_every_field_of_the_schema_is_said_and_has_words(root):
    known = {(r.model.__name__, f.name): f for r in records(root) for f in r.fields}
    assert set(known) == of_the_schema(root)
    silent = [" ".join(at) for at, field in known.items() if len(field.text.strip(".")) < 2]
    assert not silent, f"without a description in the docstring: {silent}"


@pytest.mark.parametrize("page", ROOTS)
def test_every_field_stands_on_its_page(texts, page):
    for record in records(ROOTS[page]):
        if page == "architecture" and record.paths[0].startswith("dram.part"):
            continue
        for field in record.fields:
            several = len(record.paths) > 1
            path = f".{field.name}" if several else f"{record.paths[0]}.{field.name}".lstrip(".")
            row = re.search(rf"^\| `{re.escape(path)}` \| (.+) \| (.+) \|$", texts[page], re.M)
            assert row and all(cell.strip() for cell in row.groups()), path


def test_every_declared_figure_has_its_row(texts):
    declared = [v for module in (columns, hardware, tables) for n, v in vars(module).items()
                if n.endswith("_COLUMNS")]  # fmt: skip
    assert len(declared) >= 7
    declared += [file.columns for file in (*FILES.values(), *SUITE_FILES.values())]
    for column in {column for group in declared for column in group}:
        assert re.search(rf"^\| `{column.name}` \| .*\| \S.* \|$", texts["metrics"], re.M), column
    assert all(column.formula for _, group in metrics.groups() for column in group)


def test_every_command_and_option_is_there(texts):
    found = dict(commands.commands())
    assert {"accelsim compare", "accelsim sweep report", "accelsim trace capture"} <= set(found)
    for name, command in found.items():
        section = texts["commands"].split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert "accelsim " in section.split("Examples:")[1], f"{name} has no example"
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                assert f"`{parameter.opts[0]}" in section
                assert parameter.help, f"{name} {parameter.opts[0]} has no help"


def test_what_is_left_out_is_said_of_every_module_that_says_so(texts):
    found = modelled.of_modules()
    assert len(found) > 20
    for name, models, left in found:
        assert models and left
        assert f"`{name}`" in texts["modelled"]
    assert "Scatter unit" in texts["modelled"]


def test_everything_shipped_is_listed(texts):
    names = [*shipped_names(), *published_names(), *part_names(), *shipped_workloads()]
    for name in [*names, *recipe_files(), *plan_names(), *cost_table_names()]:
        assert f"`{name}`" in texts["shipped"], name
    rows = re.findall(r"^\| `.*$", texts["shipped"], re.M)
    assert not [row for row in rows if re.search(r"\|\s*\|", row)], "a cell is empty"


def test_pages_are_written_once_and_stale_ones_go(tmp_path, monkeypatch):
    monkeypatch.setattr("tools.docs.pages.PAGES", {"one": lambda: "# One\n"})
    (tmp_path / "old.md").write_text("gone")
    write_pages(tmp_path)
    (page,) = tmp_path.iterdir()
    assert page.read_text() == "# One\n"
    written = page.stat().st_mtime_ns
    write_pages(tmp_path)
    assert page.stat().st_mtime_ns == written


LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def anchors(text: str) -> set[str]:
    """What a code host and MyST make of headings."""
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def dead_links(path: Path) -> list[str]:
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    dead = []
    for target in ("".join(pair) for pair in LINK.findall(text)):
        file, _, anchor = target.partition("#")
        if "://" in target:
            continue
        to = (path.parent / file).resolve() if file else path
        if not to.exists() or (anchor and anchor not in anchors(to.read_text(encoding="utf-8"))):
            dead.append(f"{path.name}: {target}")
    return dead


@pytest.mark.parametrize("path", [*sorted(DOCS.glob("*.md")), DOCS.parent / "README.md"],
                         ids=lambda path: path.stem)  # fmt: skip
def test_no_link_leads_nowhere(path):
    assert dead_links(path) == []


def test_a_dead_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A title\n[fine](#a-title) [no](#b) [no](gone.md) ![no](gone.png)\n")
    assert dead_links(page) == ["page.md: #b", "page.md: gone.md", "page.md: gone.png"]


def test_every_written_page_is_in_a_table_of_contents():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = {line for block in re.findall(r"^```\{toctree\}\n(.*?)^```$", index, re.M | re.S)
              for line in block.splitlines() if line and not line.startswith(":")}  # fmt: skip
    written = {path.stem for path in DOCS.glob("*.md")} - {"index"}
    assert listed == written | {f"reference/{name}" for name in PAGES}
