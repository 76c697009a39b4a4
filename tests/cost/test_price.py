"""Price of a die: a wafer shared by the dies that work; and of DRAM."""

from __future__ import annotations

import math

import pytest

from accelsim.cost.figure import Figure
from accelsim.cost.load import cost_table_names, load_cost_table
from accelsim.cost.price import die_price, die_yield, dies_of_wafer, dram_price
from accelsim.cost.table import scaled
from accelsim.errors import InputError


def die(mm2: float, low: float | None = None, high: float | None = None) -> Figure:
    ends = [1e6 * end for end in (mm2, low or mm2, high or mm2)]
    return Figure(*ends, "um2", "a die", "confirmed")


def test_dies_and_yield_by_hand():
    assert dies_of_wafer(600, 300) == pytest.approx(
        math.pi * 150**2 / 600 - math.pi * 300 / 1200**0.5
    )
    assert 90 < dies_of_wafer(600, 300) < 91
    assert die_yield(600, 0.09, 10) == pytest.approx((1 + 0.54 / 10) ** -10)
    assert die_yield(600, 0.09, None) == pytest.approx(math.exp(-0.54))
    assert die_yield(0, 0.09, 10) == 1


def test_a_die_of_7_nm():
    found = die_price(load_cost_table("7nm"), die(600, 500, 700))
    assert found.value == pytest.approx(9346 / (dies_of_wafer(600, 300) * die_yield(600, 0.09, 10)))
    assert found.low == pytest.approx(7000 / (dies_of_wafer(500, 300) * die_yield(500, 0.06, 10)))
    assert found.high == pytest.approx(12000 / (dies_of_wafer(700, 300) * die_yield(700, 0.2, 10)))
    assert found.unit == "USD" and "yield 0.591" in found.derivation[-1]
    assert not found.unverified and "CSET" in found.source


def test_without_defects_it_is_near_the_published_price():
    """The source of the wafer price gives 233 USD for a die of 610 mm2 at 7 nm, test included."""
    price = 9346 / (dies_of_wafer(610, 300) * die_yield(610, 0.09, 10))
    assert price == pytest.approx(233, rel=0.25)


@pytest.mark.parametrize("name", cost_table_names())
def test_every_node_has_a_price_that_grows_faster_than_area(name):
    table = load_cost_table(name)
    small, large = die_price(table, die(100)), die_price(table, die(400))
    assert 0 < small.low < small.value < small.high
    assert large.value > 4 * small.value


def test_marks_of_a_price():
    assert die_price(load_cost_table("28nm"), die(100)).mark == "assumed"
    assert die_price(load_cost_table("28nm"), die(100)).unverified
    assert die_price(load_cost_table("7nm"), die(100)).mark == "derived"


def test_evenly_spread_defects(tmp_path):
    path = tmp_path / "even.yaml"
    amount = "source: here, checked: assumed"
    path.write_text(
        "name: even\nnode_nm: 7\nprice:\n  clustering: null\n  wafer_mm: 200\n"
        f"  wafer: {{value: 1000 USD, {amount}}}\n  defects: {{value: 0.1 /cm2, {amount}}}\n"
    )
    found = die_price(load_cost_table(path), die(100))
    assert found.value == pytest.approx(1000 / (dies_of_wafer(100, 200) * math.exp(-0.1)))


def test_what_has_no_price():
    table = load_cost_table("45nm")
    with pytest.raises(InputError, match="a die of 80,000 mm2 does not fit on a wafer of 300 mm"):
        die_price(table, die(80_000))
    with pytest.raises(InputError, match="has no price of wafers"):
        die_price(scaled(table, 7, by="stillmaker"), die(100))
    with pytest.raises(InputError, match="'lpddr' has no price.*give 'dram.lpddr.price'"):
        dram_price(table, "lpddr", 8)


def test_dram():
    table = load_cost_table("45nm")
    found = dram_price(table, "hbm2_device", 8)
    assert (found.value, found.low, found.high, found.unit) == (136, 120, 150, "USD")
    for part in table.file.parts:
        kind = table.dram_of(None if part == "flat" else part).kind
        assert dram_price(table, kind, 1).value > 0
