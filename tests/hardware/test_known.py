"""How much of an energy or an area hangs on figures that are not known well."""

from __future__ import annotations

import pandas as pd
import pytest

from accelsim.arch.load import arch_source
from accelsim.cost.figure import Figure
from accelsim.cost.load import load_cost_table
from accelsim.hardware.area import breakdown
from accelsim.hardware.component import Component, Priced
from accelsim.hardware.known import Shares, area_shares, energy_shares


def priced(entry: str, value: float, mark: str, unverified: bool) -> Priced:
    return Priced(Figure(value, value, value, "um2", "", mark, unverified), entry)  # type: ignore[arg-type]


def test_shares_of_an_area_are_of_what_is_on_the_chip() -> None:
    first = priced("mac", 20.0, "derived", True), priced("wire", 10.0, "assumed", True)
    second = priced("mac", 10.0, "scaled", True), priced("sram", 60.0, "confirmed", False)
    parts = [
        Component("array", "MACs", area=first),
        Component("scratchpad", "banks", area=second),
        Component("DRAM", "devices", area=(priced("DRAM", 900.0, "assumed", True),)),
    ]
    assert area_shares(parts) == Shares(0.4, "mac", 0.2)
    assert area_shares([]) == Shares(0.0, "", 0.0)


def test_shares_of_an_energy() -> None:
    names = ["energy_pj", "entry", "unverified", "mark"]
    rows = [
        (1.0, "mac", True, "derived"),
        (2.0, "wire", True, "scaled"),
        (1.0, "x", False, "derived"),
    ]
    assert energy_shares(pd.DataFrame(rows, columns=names)) == Shares(0.75, "wire", 0.5)


@pytest.mark.parametrize("name", ["systolic_32", "sparse_v1", "spatten"])
def test_a_breakdown_says_the_shares_of_its_rows(name: str) -> None:
    found = breakdown(arch_source(name).arch(), load_cost_table("45nm"))
    chip = found.rows[found.rows["group"] != "DRAM"]
    marked = chip.loc[chip["mark"].isin(["assumed", "scaled"]), "area_mm2"].sum()
    unseen = chip.loc[chip["unverified"], "area_mm2"].sum()
    # a row is marked for the least known of its figures, so it can only say more
    assert 0 < found.known.unverified <= unseen / found.area_mm2.value + 1e-9
    assert 0 < found.known.guessed <= marked / found.area_mm2.value + 1e-9
