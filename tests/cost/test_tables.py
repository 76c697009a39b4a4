"""The shipped tables say what their sources say, and every derived figure says how."""

from __future__ import annotations

import csv
import io

import pytest

from accelsim.config.tree import shipped_folder
from accelsim.cost.figure import Figure, total
from accelsim.cost.load import cost_table_names, load_cost_table
from accelsim.cost.stillmaker import area_ratio, energy_ratio
from accelsim.cost.table import CostTable, scaled
from accelsim.errors import InputError

# action: energy pJ, area um2 (Horowitz, ISSCC 2014)
HOROWITZ = {
    "int8_add": (0.03, 36), "int16_add": (0.05, 67), "int32_add": (0.1, 137),
    "fp16_add": (0.4, 1360), "fp32_add": (0.9, 4184), "int8_mult": (0.2, 282),
    "int32_mult": (3.1, 3495), "fp16_mult": (1.1, 1640), "fp32_mult": (3.7, 7700),
}  # fmt: skip
CACHES = {"cache_8kib": 10, "cache_32kib": 20, "cache_1mib": 100}  # pJ per 64 bits
# action: energy pJ (Jouppi, ISCA 2021)
JOUPPI = {
    "int8_add": 0.007, "int32_add": 0.03, "bf16_add": 0.11, "fp16_add": 0.16, "fp32_add": 0.38,
    "int8_mult": 0.07, "int32_mult": 1.48, "bf16_mult": 0.21, "fp16_mult": 0.34,
    "fp32_mult": 1.31,
}  # fmt: skip


@pytest.fixture(scope="module")
def at_45() -> CostTable:
    return load_cost_table("45nm")


@pytest.fixture(scope="module")
def at_7() -> CostTable:
    return load_cost_table("7nm")


@pytest.fixture(params=cost_table_names())
def table(request) -> CostTable:
    return load_cost_table(request.param)


def test_the_shipped_tables():
    assert cost_table_names() == ["28nm", "32nm", "45nm", "65nm", "7nm"]


def test_horowitz_figures_are_exact(at_45):
    for action, (energy, area) in HOROWITZ.items():
        assert at_45.energy(action).value == energy and at_45.area(action).value == area, action
    for action, energy in CACHES.items():
        assert at_45.energy(action, 64).value == energy


def test_jouppi_figures_are_exact(at_7):
    for action, energy in JOUPPI.items():
        assert at_7.energy(action).value == energy, action
    assert at_7.area("systolic_mac").value == 850


@pytest.mark.parametrize(
    ("kind", "pj", "low", "high"),
    [
        ("ddr3", 1950, 1300, 2600),
        ("ddr4", 1300, 650, 2600),  # no range in the source: the assumed factor of 2
        ("hbm2", 350, 250, 450),
        ("gddr6", 415, 350, 480),
        ("hbm2_device", 3.9 * 64, 3.9 * 32, 3.9 * 128),
        ("lpddr5", 5 * 64, 4 * 64, 6 * 64),
    ],
)
def test_dram_for_64_bits(table, kind, pj, low, high):
    bit = table.dram(kind).bit
    assert [64 * x for x in (bit.value, bit.low, bit.high)] == pytest.approx([pj, low, high])
    assert bit.range_known == (kind not in ("ddr4", "hbm2_device"))


def test_the_split_of_hbm2_agrees_with_its_whole_at_a_quarter_row(table):
    """3.9 pJ a bit = 3.48 + 909 / bits used of a row of 1 KB: a quarter of it."""
    dram = table.dram("hbm2_device")
    assert dram.activate is not None and dram.read is not None
    used_bits = dram.activate.value / (dram.bit.value - dram.read.value)
    assert 1 / 5 < used_bits / (8 * 1024) < 1 / 3
    assert dram.read.unverified and table.dram("ddr4").activate is None


def test_every_figure_of_every_table_has_a_range_a_source_and_a_mark(table):
    for action in table.file.actions:
        for quantity, read in (("energy", table.energy), ("area", table.area)):
            if table.has(action, quantity):
                figure = read(action)
                assert 0 < figure.low <= figure.value <= figure.high and figure.source
                assert figure.unverified == ("unverified" in figure.text())
    for kind in table.file.dram:
        assert table.dram(kind).bit.low <= table.dram(kind).bit.value


def test_what_is_known_from_memory_stays_unverified_through_every_step(at_45):
    """Looked up: int32 add (energy); from memory: its area, and int8 mult."""
    assert not at_45.energy("int32_add").unverified and at_45.area("int32_add").unverified
    narrow = at_45.energy("int8_mult", bits=4)
    assert narrow.unverified and narrow.mark == "derived"
    assert total([narrow, at_45.energy("int32_add")], "a sum").unverified
    assert "unverified" in narrow.text()


def test_a_sum_and_a_multiple_keep_the_weakest_mark():
    known = Figure(1, 1, 1, "pJ", "a", "confirmed")
    guessed = Figure(1, 0.5, 2, "pJ", "b", "assumed")
    assert guessed.times(3, "three").mark == "assumed"
    both = total([known, guessed], "both")
    assert (both.mark, both.low, both.value, both.high) == ("assumed", 1.5, 2, 3)
    assert both.source == "a; b" and both.derivation == ("both",)


def test_widths(at_45):
    """Adders linear, integer multipliers quadratic, registers, comparators and wires linear."""
    assert at_45.energy("int8_add", 16).value == pytest.approx(0.06)
    assert at_45.energy("int8_mult", 16).value == pytest.approx(0.8)
    assert at_45.area("int8_mult", 4).value == pytest.approx(282 / 4)
    assert at_45.energy("register", 32).value == pytest.approx(0.288)
    assert at_45.energy("comparator", 16).value == pytest.approx(0.02947 / 2)
    assert at_45.wire_energy(64, 2.5).value == pytest.approx(0.325 * 160)
    assert "linear in bits" in at_45.energy("register", 32).derivation[-1]
    with pytest.raises(InputError, match="'fp16_add' is known at 16 bits only, not 8"):
        at_45.energy("fp16_add", 8)
    with pytest.raises(InputError, match="width that its source does not say"):
        at_45.energy("register_file", 8)


def test_figures_of_another_node_say_so(at_45):
    assert at_45.energy("register").derivation == ("of 40 nm, not scaled",)


def test_a_missing_action_lists_what_there_is_and_the_nearest(at_45):
    with pytest.raises(InputError) as caught:
        at_45.energy("int8_mul")
    said = str(caught.value)
    assert "cost table 45nm (45nm.yaml): unknown action 'int8_mul'" in said
    assert "did you mean 'int8_mult'?" in said and "comparator, counter" in said
    with pytest.raises(InputError, match="'int8_mac_gated' has no area"):
        at_45.area("int8_mac_gated")
    with pytest.raises(InputError, match="unknown kind of DRAM 'hbm4'"):
        at_45.dram("hbm4")


def test_stillmaker_from_45_to_7_nm():
    assert energy_ratio(45, 7) == pytest.approx(0.094, abs=0.0005)
    assert area_ratio(45, 7) == 0.059
    assert energy_ratio(45, 45) == area_ratio(45, 45) == 1


def test_stillmaker_energies_are_those_of_its_factor_column():
    text = (shipped_folder("cost_tables") / "stillmaker.csv").read_text()
    factors = {
        float(row["from_nm"]): float(row["energy_factor_at_0.8V"])
        for row in csv.DictReader(io.StringIO(text))
    }
    for node, factor in factors.items():
        assert energy_ratio(45, node) == pytest.approx(factor / factors[45], rel=2e-3)


def test_scaling_disagrees_with_the_measured_table_by_3_7(at_45, at_7):
    """The reason why nothing is scaled silently; docs/cost_tables.md states the factor."""
    small = scaled(at_45, 7, by="stillmaker")
    for action in ("int8_mult", "fp32_mult"):
        assert at_7.energy(action).value / small.energy(action).value == pytest.approx(
            3.73, abs=0.04
        )


def test_what_is_scaled_says_so_and_memories_are_left_out(at_45):
    small = scaled(at_45, 7, by="stillmaker")
    figure = small.energy("int8_mult", bits=16)
    assert figure.mark == "scaled" and "Stillmaker" in figure.derivation[0]
    assert figure.value == pytest.approx(0.8 * energy_ratio(45, 7))
    assert small.area("int8_mult").value == pytest.approx(282 * 0.059)
    assert small.name == "45nm scaled to 7 nm by stillmaker at 0.8 V"
    assert small.dram("hbm2") == at_45.dram("hbm2")
    for memory in ("wire", "cache_8kib", "register_file", "eyeriss_weight_read"):
        assert not small.has(memory)
        with pytest.raises(InputError, match="do not scale like logic"):
            small.energy(memory)
    with pytest.raises(InputError, match="small memories do not scale like logic"):
        small.sram()
    with pytest.raises(InputError, match="has no leakage of logic"):
        small.logic_leakage(small.area("int8_mult"))
    with pytest.raises(InputError, match="scale once only"):
        scaled(small, 10, by="stillmaker")


@pytest.mark.parametrize(
    ("node", "by", "volt", "said"),
    [
        (5, "stillmaker", 0.8, "unknown node of the scaling by Stillmaker '5'"),
        (7, "moore", 0.8, "unknown rule of scaling 'moore'"),
        (7, "stillmaker", 3.3, "3.3 V is out of the range"),
    ],
)
def test_scaling_to_nowhere(at_45, node, by, volt, said):
    with pytest.raises(InputError, match=said):
        scaled(at_45, node, by, volt)


def test_entries_of_7_nm_that_are_scaled_are_those_of_45_nm_scaled(at_45, at_7):
    small = scaled(at_45, 7, by="stillmaker")
    for action in ("register", "comparator", "counter"):
        assert at_7.energy(action).value == small.energy(action).value
        assert at_7.area(action).value == small.area(action).value
        assert at_7.energy(action).mark == "scaled"
    assert at_7.area("fp16_mult").value == small.area("fp16_mult").value
    assert at_7.energy("fp16_mult").mark == "from memory"
