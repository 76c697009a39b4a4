"""The price of a machine: its die and its DRAM."""

from __future__ import annotations

from dataclasses import replace

import pytest

from accelsim import load_arch
from accelsim.cost.load import load_cost_table
from accelsim.cost.price import die_price, dram_price
from accelsim.errors import InputError
from accelsim.hardware.area import breakdown
from accelsim.hardware.price import price


@pytest.mark.parametrize("costs", ["45nm", "7nm"])
def test_a_machine_costs_its_die_and_its_dram(costs):
    table, arch = load_cost_table(costs), load_arch("sparse_small")
    area = breakdown(arch, table).area_mm2
    die = die_price(table, replace(area.times(1e6, "um2"), unit="um2"))
    dram = dram_price(table, table.dram_of("ddr4_3200").kind, arch.dram.capacity / 2**30)
    found = price(arch, table)
    assert found.unit == "USD" and found.low < found.value < found.high
    for end in ("low", "value", "high"):
        assert getattr(found, end) == pytest.approx(getattr(die, end) + getattr(dram, end))
    more = load_arch("sparse_small", [f"dram.stacks={2 * arch.dram.stacks}"])
    assert price(more, table).value > found.value + 0.99 * dram.value


def test_a_die_that_no_wafer_holds_has_no_price():
    arch = load_arch("systolic_128", ["on_chip=64 GiB"])
    with pytest.raises(InputError, match="does not fit on a wafer"):
        price(arch, load_cost_table("45nm"))
