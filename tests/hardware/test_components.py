"""Components of machines: what is there, what it is made of, and how area goes with size."""

from __future__ import annotations

from pathlib import Path

import pytest

from accelsim import load_arch
from accelsim.arch.load import published_names, shipped_names
from accelsim.arch.spec import Arch
from accelsim.cost.load import DEFAULT_TABLE, cost_table_names, load_cost_table
from accelsim.cost.macs import mac
from accelsim.errors import InputError
from accelsim.hardware.area import Breakdown, breakdown
from accelsim.hardware.catalogue import components
from accelsim.hardware.component import GROUPS, Component
from accelsim.hardware.ratio import area_terms

TABLE = load_cost_table(DEFAULT_TABLE)


def part(arch: Arch, name: str) -> Component:
    return next(each for each in components(arch, TABLE) if each.name == name)


def um2(component: Component) -> float:
    return sum(each.figure.value for each in component.area)


@pytest.mark.parametrize("name", [*shipped_names(), *published_names()])
def test_every_machine_has_an_area_and_a_power(name: str) -> None:
    found = breakdown(load_arch(name), TABLE)
    assert found.table == TABLE.name
    assert found.area_mm2.low < found.area_mm2.value < found.area_mm2.high
    assert found.peak_power_w.low < found.peak_power_w.value < found.peak_power_w.high
    assert found.rows["area_mm2"].sum() == pytest.approx(found.area_mm2.value)
    chip = found.rows["group"] != "DRAM"
    assert found.rows.loc[chip, "peak_power_w"].sum() == pytest.approx(found.peak_power_w.value)
    assert set(found.rows["group"]) <= set(GROUPS)


@pytest.mark.parametrize("table", cost_table_names())
def test_every_table_can_cost_both_trios(table: str) -> None:
    for name in ("systolic_32", "sparse_small", "systolic_128_gather", "sparse_v1"):
        found = breakdown(load_arch(name), load_cost_table(table))
        assert found.area_mm2.value > 0
        assert found.peak_power_w.value > 0


def test_macs_are_as_many_units_of_the_table() -> None:
    arch = load_arch("tpu_v1")
    assert arch.mac_type == "int8"
    macs = part(arch, "MACs")
    assert um2(macs) == pytest.approx(65536 * mac(TABLE, "int8", "area").value)
    assert macs.actions["MAC int8"][0].figure.value == mac(TABLE, "int8").value
    # bf16 runs at a quarter of the rate on the same unit
    assert macs.actions["MAC bf16"][0].figure.value == 4 * mac(TABLE, "int8").value


def test_a_unit_of_several_types_has_one_adder() -> None:
    arch = load_arch("systolic_128")
    parts = [TABLE.area("fp32_mult").times(0.25, ""), TABLE.area("fp32_add")]
    assert um2(part(arch, "MACs")) == pytest.approx(16384 * sum(p.value for p in parts))


def test_the_scratchpad_is_an_sram_a_bank() -> None:
    arch = load_arch("sparse_v1")
    bank = TABLE.sram().cost(arch.scratchpad_bytes / 32, 64, 1, "one read, one write")
    banks = part(arch, "banks")
    assert um2(banks) == pytest.approx(32 * bank.area.value)
    assert banks.actions["bit read"][0].figure.value == pytest.approx(bank.read.value / 512)


def test_small_storage_is_registers() -> None:
    fifos = part(load_arch("sparse_v1"), "row FIFOs")
    assert "registers" in fifos.note
    bits = 8 * 256 * 1024
    pointers = 2 * 128 * 8 * TABLE.area("counter", 3).value
    assert um2(fifos) == pytest.approx(bits * TABLE.area("register", 1).value + pointers)


def sparse_mm2(name: str) -> float:
    return breakdown(load_arch(name), TABLE).sparse_mm2.value


def test_sparse_logic_is_told_apart() -> None:
    """The plain baseline has none: its window of gathered rows is there for experts."""
    assert sparse_mm2("systolic_128") == 0
    assert 0 < sparse_mm2("systolic_128_gather") < sparse_mm2("sparse_v1")
    names = {each.name for each in components(load_arch("sparse_v1"), TABLE) if each.sparse}
    assert names >= {"row FIFOs", "bus multiplexers", "comparators", "union window", "adders"}
    assert names >= {"switch of the array", "switch of the scatter", "along the array"}


def test_wires_along_an_array_may_run_over_it() -> None:
    """Half of their pitch is area, none and all of it are the ends; buses take more than edges."""
    found = {}
    for name in ("systolic_128", "sparse_v1"):
        (area,) = part(load_arch(name), "along the array").area
        assert (area.figure.low, area.figure.high) == (0, 2 * area.figure.value)
        found[name] = area.figure.value
    assert found["sparse_v1"] > found["systolic_128"]


@pytest.mark.parametrize("name", [*shipped_names(), *published_names()])
def test_peaks_are_of_actions(name: str) -> None:
    for each in components(load_arch(name), TABLE):
        assert each.peak.keys() <= each.actions.keys(), each.name


@pytest.mark.parametrize(
    "override",
    ["array.rows=256", "scratchpad.banks=64", "vector.lanes=1024", "on_chip=26 MiB",
     "index.compares_per_cycle=1024", "scatter.banks=64", "array.fifo_depth=4"],
)  # fmt: skip
def test_more_of_a_unit_is_more_area(override: str) -> None:
    def made(*overrides: str) -> Breakdown:
        more = ["on_chip=25 MiB", "array.fifo_storage=512 KiB"]
        return breakdown(load_arch("sparse_v1", [*more, *overrides]), TABLE)

    if override == "array.fifo_depth=4":  # a FIFO of fixed bytes has shorter pointers
        assert made(override).area_mm2.value < made().area_mm2.value
    else:
        assert made(override).area_mm2.value > made().area_mm2.value


def test_areas_by_entry_add_up() -> None:
    arch = load_arch("sparse_small")
    terms = area_terms(components(arch, TABLE))
    total = sum(span.value for span in terms.values()) / 1e6
    assert total == pytest.approx(breakdown(arch, TABLE).area_mm2.value)
    assert {"sram area", "register area", "mac area"} <= terms.keys()


def test_a_table_without_an_action_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nnode_nm: 45\nextends: _dram\n")
    with pytest.raises(InputError) as caught:
        breakdown(load_arch("systolic_32"), load_cost_table(file))
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    assert "mine" in said
