"""docs/cost_tables.md says what the tables and the fit say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from accelsim.cost.load import cost_table_names, load_cost_table
from accelsim.cost.sram import fits

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cost_tables.md"
TABLES = [load_cost_table(name) for name in cost_table_names()]


@pytest.fixture(scope="module")
def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_action_has_its_row(rows):
    names = dict.fromkeys(action for table in TABLES for action in table.file.actions)
    for action in names:
        (row,) = [row for row in rows if row[0] == f"`{action}`"]
        shown = iter(row[2:])
        for table in TABLES:
            for quantity in ("energy", "area"):
                cell = next(shown)
                if not table.has(action, quantity):
                    assert cell == "-"
                    continue
                figure = (table.energy if quantity == "energy" else table.area)(action)
                assert float(cell.split()[0]) == pytest.approx(figure.value, rel=1e-3)
                assert ("unverified" in cell) == figure.unverified
                assert ("scaled" in cell) == (figure.mark == "scaled")


def test_every_kind_of_dram_has_its_row(rows):
    for kind in TABLES[0].file.dram:
        (row,) = [row for row in rows if row[0] == f"`{kind}`"]
        bit = TABLES[0].dram(kind).bit
        assert float(row[1]) == pytest.approx(bit.value, rel=5e-3)
        assert ("unverified" in row[4]) == bit.unverified
        assert ("range assumed" in row[2]) != bit.range_known


def test_the_residuals_are_those_of_the_fit(rows):
    for (node, quantity), fit in fits().items():
        (row,) = [row for row in rows if row[:2] == [f"{node} nm", quantity]]
        shown = [float(cell.removesuffix(" %")) / 100 for cell in row[2:6]]
        assert shown == pytest.approx(list(fit[2:]), abs=6e-4)
        assert float(row[6]) == fit.two_ports


def test_the_example_is_a_table(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.S)
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    table = load_cost_table(path)
    assert table.energy("int8_mult").value == 0.09 and table.energy("fp32_add").value == 0.9
