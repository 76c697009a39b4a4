"""Every row of the reference collection (tests/cost/reference/rows.csv) is in the shipped tables.

Values were copied by hand from the collection; sums of MACs are derived there too, the rest is
equal to the last digit. A range of the collection is that of the table.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from accelsim.cost.load import load_cost_table
from accelsim.cost.macs import mac

PATH = Path(__file__).parent / "reference" / "rows.csv"
with PATH.open(encoding="utf-8", newline="") as _file:
    ROWS = list(csv.DictReader(_file))


def rows_of(*kinds: str) -> list[tuple[str, dict[str, str]]]:
    """Table, row."""
    return [(row["table"], row) for row in ROWS if row["kind"] in kinds]


def test_the_collection_is_whole():
    assert len(ROWS) == 64
    assert {row["kind"] for row in ROWS} == {
        "action", "mac", "dram", "sram", "sram_bit_read", "sram_bit_write"
    }  # fmt: skip


@pytest.mark.parametrize(("name", "row"), rows_of("action"), ids=lambda of: str(of)[:60])
def test_an_action(name, row):
    table = load_cost_table(name)
    assert table.energy(row["name"]).value == float(row["energy_pj"])
    if row["area_um2"]:
        assert table.area(row["name"]).value == float(row["area_um2"])


@pytest.mark.parametrize(("name", "row"), rows_of("mac"), ids=lambda of: str(of)[:60])
def test_a_mac(name, row):
    dtype, _, sums = row["name"].partition(":")
    table = load_cost_table(name)
    energy = mac(table, dtype, "energy", sums or None)
    assert energy.value == pytest.approx(float(row["energy_pj"]), rel=1e-12)
    if row["area_um2"]:
        assert mac(table, dtype, "area", sums or None).value == float(row["area_um2"])


@pytest.mark.parametrize(("name", "row"), rows_of("dram"), ids=lambda of: str(of)[:60])
def test_a_kind_of_dram(name, row):
    entry = load_cost_table(name).file.dram[row["name"]]
    assert entry.energy is not None and entry.bits == int(row["bits"])
    if row["energy_pj"]:
        assert entry.energy.value == float(row["energy_pj"])
    else:
        assert (entry.energy.low, entry.energy.high) == (
            float(row["low_pj"]),
            float(row["high_pj"]),
        )


@pytest.mark.parametrize(
    ("name", "row"), rows_of("sram", "sram_bit_read", "sram_bit_write"), ids=lambda of: str(of)[:60]
)
def test_a_memory(name, row):
    points = {point.bytes: point for point in load_cost_table(name).file.sram_points}
    point = points[int(row["name"])]
    amount = point.write if row["kind"] == "sram_bit_write" else point.read
    assert amount.value == float(row["energy_pj"])
    assert point.bits == (64 if row["kind"] == "sram" else 1)
    if row["area_um2"]:
        assert point.area is not None and point.area.value == float(row["area_um2"])
