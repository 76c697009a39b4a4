"""docs/cost_tables.md says what the tables and the fit say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from accelsim.cost.load import cost_table_names, load_cost_table
from accelsim.cost.macs import mac
from accelsim.cost.sram import fits
from accelsim.cost.stillmaker import area_ratio, energy_ratio

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cost_tables.md"
TABLES = [load_cost_table(name) for name in ("45nm", "7nm")]  # those with figures of their own


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


def test_every_node_that_is_scaled_has_its_row(rows):
    for name in cost_table_names():
        if name in ("45nm", "7nm"):
            continue
        table = load_cost_table(name)
        (row,) = [row for row in rows if row[0] == f"`{name}`"]
        ratios = energy_ratio(45, table.node_nm), area_ratio(45, table.node_nm)
        assert [float(cell) for cell in row[1:3]] == pytest.approx(ratios, rel=5e-3)
        energy = mac(table, "int8"), mac(table, "fp16")
        assert [float(cell) for cell in row[3:5]] == pytest.approx(
            [one.value for one in energy], rel=5e-3
        )


def test_every_part_has_its_row(rows):
    table = TABLES[0]
    for part in table.file.parts:
        (row,) = [row for row in rows if row[0] == f"`{part}`" and len(row) == 8]
        cost = table.dram_of(None if part == "flat" else part)
        assert row[1] == f"`{cost.kind}`"
        for cell, figure in zip(row[2:7], cost[3:6] + cost[7:9], strict=True):
            if figure is None:
                assert cell == "-"
            else:
                assert float(cell.replace(",", "")) == pytest.approx(figure.value, rel=5e-3)
        assert row[7] == table.file.parts[part].assumed


def test_every_field_of_a_node_has_its_row(rows):
    for name in cost_table_names():
        table = load_cost_table(name)
        row = next(row for row in rows if row[0] == f"{name}:")
        file = table.file
        amounts = [
            file.logic_leakage, file.dram_interface["board"], file.dram_interface["hbm"],
            file.price.wafer, file.price.defects,
        ]  # fmt: skip
        factors = (1, 1e-6, 1e-6, 1, 1)
        for cell, amount, factor in zip(row[1:], amounts, factors, strict=True):
            value, low, high = (float(x) for x in re.findall(r"[\d.]+", cell)[:3])
            figure = amount.figure(file.assumed_range)
            ends = [end * factor for end in (figure.value, figure.low, figure.high)]
            assert [value, low, high] == pytest.approx(ends, rel=5e-3), (name, cell)
            assert ("assumed" in cell) == (figure.mark == "assumed")
            assert ("unverified" in cell) == figure.unverified


def test_every_kind_of_dram_has_its_row(rows):
    for kind in TABLES[0].file.dram:
        (row,) = [row for row in rows if row[0] == f"`{kind}`" and len(row) == 5]
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
    assert table.energy("int8_mult").value == 0.09
    assert table.energy("fp32_add").value == load_cost_table("28nm").energy("fp32_add").value
