"""Nodes without sourced logic: scaled name by name, SRAM between or beside CACTI's nodes."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.cost.figure import Figure
from accelsim.cost.load import cost_table_names, load_cost_table
from accelsim.cost.macs import mac
from accelsim.cost.sram import QUANTITIES, CactiSram, cacti_points, node_exponent
from accelsim.cost.stillmaker import area_ratio, between, energy_ratio
from accelsim.errors import InputError

SCALED = ("28nm", "32nm", "65nm")
SRAM_COSTS = ("read", "write", "area", "leakage", "access")
MM2 = Figure(1e6, 1e6, 1e6, "um2", "a die", "confirmed")


@pytest.mark.parametrize("name", SCALED)
def test_logic_is_that_of_45_nm_scaled(name):
    table, base = load_cost_table(name), load_cost_table("45nm")
    for action in table.file.actions:
        if action == "wire":
            continue
        energy, area = table.energy(action), table.area(action)
        ratio = energy_ratio(45, table.node_nm)
        assert energy.value == pytest.approx(base.energy(action).value * ratio)
        assert area.value == pytest.approx(base.area(action).value * area_ratio(45, table.node_nm))
        assert energy.mark == area.mark == "scaled" and "Stillmaker" in energy.derivation[-1]
    assert table.energy("wire").mark == "assumed"


def test_a_smaller_node_costs_less():
    """Measured 7 nm included, though the rule of scaling would pass below it near 22 nm."""
    tables = sorted(map(load_cost_table, cost_table_names()), key=lambda table: table.node_nm)
    for quantity in ("energy", "area"):
        for dtype in ("int8", "fp16", "fp32"):
            small_to_large = [mac(table, dtype, quantity).value for table in tables]
            assert small_to_large == sorted(small_to_large), (quantity, dtype)
    too_low = 0.3 * energy_ratio(45, 22)
    assert too_low < mac(load_cost_table("7nm"), "int8").value


def test_between_two_nodes_of_stillmaker_it_is_a_power_law():
    assert between(28) == (20, 32) and between(32) is None
    share = np.log(28 / 20) / np.log(32 / 20)
    for ratio in (energy_ratio, area_ratio):
        assert ratio(45, 28) == pytest.approx(ratio(45, 20) ** (1 - share) * ratio(45, 32) ** share)
        assert ratio(28, 28) == pytest.approx(1, rel=0.02)
    assert energy_ratio(28, 45) == pytest.approx(1 / energy_ratio(45, 28))
    step = load_cost_table("28nm").energy("int8_add").derivation[-1]
    assert "28 nm between 20 and 32" in step
    with pytest.raises(InputError, match="unknown node of the scaling by Stillmaker '180'"):
        area_ratio(45, 180)


@pytest.mark.parametrize("name", SCALED)
def test_an_sram_never_falls_with_size_or_width(name):
    sram = load_cost_table(name).sram()
    by_size = [sram.cost(size, 16) for size in np.geomspace(1 << 10, 1 << 24, 40)]
    by_width = [sram.cost(1 << 18, width) for width in np.geomspace(4, 128, 20)]
    for quantity in SRAM_COSTS:
        values = [getattr(cost, quantity).value for cost in by_size]
        assert (np.diff(values) > 0).all(), quantity
        values = [getattr(cost, quantity).value for cost in by_width]
        assert (np.diff(values) >= 0).all(), quantity


@pytest.mark.parametrize("quantity", SRAM_COSTS)
@pytest.mark.parametrize("ports", ["one read-write", "one read, one write"])
def test_28_nm_lies_between_its_neighbours(quantity, ports):
    small, middle, large = (
        getattr(CactiSram(node).cost(1 << 16, 8, 1, ports), quantity) for node in (22, 28, 32)
    )
    assert small.value < middle.value < large.value
    share = np.log(28 / 22) / np.log(32 / 22)
    assert middle.value == pytest.approx(small.value ** (1 - share) * large.value**share)
    assert middle.mark == ("assumed" if quantity == "leakage" else "derived")
    assert "between the fits at 22 and 32 nm" in middle.derivation[-1]


def test_65_nm_is_assumed_and_its_range_is_wider():
    last, beyond = CactiSram(45).cost(1 << 16, 8), CactiSram(65).cost(1 << 16, 8)
    for quantity in SRAM_COSTS:
        known, carried = getattr(last, quantity), getattr(beyond, quantity)
        power = node_exponent("area" if quantity == "area" else quantity)
        assert carried.value == pytest.approx(known.value * (65 / 45) ** power)
        assert carried.mark == "assumed" and "beyond 45 nm" in carried.derivation[-1]
        spread = known.high / known.value
        assert carried.high / carried.value == pytest.approx(2 * spread)
        assert carried.low / carried.value == pytest.approx(known.low / known.value / 2)
    with pytest.raises(InputError, match="unknown node 90 nm"):
        CactiSram(90)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_power_of_the_node_is_the_median_over_equal_shapes(quantity):
    points = cacti_points()
    found = {}
    for at in range(len(points["tech_nm"])):
        shape = tuple(points[name][at] for name in ("size_bytes", "width_bytes", "banks"))
        key = (*shape, points["two_ports"][at])
        found.setdefault(key, {})[points["tech_nm"][at]] = points[quantity][at]
    ratios = [np.log(pair[45] / pair[32]) / np.log(45 / 32) for pair in found.values()]
    assert len(ratios) == 206
    assert node_exponent(quantity) == pytest.approx(np.median(ratios))


def test_leakage_of_logic():
    """The sourced figure at 45 nm lies between Aladdin's slowest adder and fastest multiplier."""
    table = load_cost_table("45nm")
    found = table.logic_leakage(MM2)
    multiplier, register, adder = (
        7.786052e-2 / 6351.338,
        7.395312e-5 / 5.981433,
        2.249908e-3 / 277.9792,
    )
    for unit in (multiplier, register, adder):  # mW / um2
        assert found.low <= unit * 1e6 <= found.high
    assert found.value == pytest.approx((multiplier + register) / 2 * 1e6, rel=0.01)
    assert (found.unit, found.mark) == ("mW", "derived")
    area = table.area("int8_mult")
    of_one = table.logic_leakage(area)
    assert of_one.low == pytest.approx(found.low * area.low / 1e6)
    assert of_one.high == pytest.approx(found.high * area.high / 1e6) and of_one.unverified
    assert of_one.derivation[0] == "of 40 nm, not scaled"


@pytest.mark.parametrize("name", ["7nm", *SCALED])
def test_leakage_of_other_nodes_is_assumed_with_a_wide_range(name):
    table = load_cost_table(name)
    logic = table.logic_leakage(MM2)
    assert logic.mark == "assumed" and logic.high / logic.low >= 20
    assert table.sram().cost(1 << 20, 8).leakage is not None


def test_sram_leakage_at_7_nm_is_assumed_and_goes_with_size():
    sram = load_cost_table("7nm").sram()
    one, two = (sram.cost(size, 8).leakage for size in (1 << 20, 2 << 20))
    assert (one.value, one.low, one.high, one.unit) == (20, 2, 300, "mW")
    assert one.mark == "assumed" and two.value == 40


def test_a_table_without_leakage(tmp_path):
    path = tmp_path / "few.yaml"
    path.write_text("name: few\nnode_nm: 45\n")
    with pytest.raises(InputError, match=r"cost table few .*: has no leakage of logic \(give"):
        load_cost_table(path).logic_leakage(MM2)
