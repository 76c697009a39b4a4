"""DRAM by what it does: splits, currents of data sheets, parts of architectures, the interface."""

from __future__ import annotations

import pytest

from accelsim.arch.parts import load_part, part_names
from accelsim.cost.load import cost_table_names, load_cost_table
from accelsim.errors import InputError

CURRENTS = ("ddr4_2400_currents", "ddr4_3200_currents", "lpddr4_currents", "gddr6_currents",
            "hbm2_currents")  # fmt: skip


@pytest.fixture(scope="module")
def table():
    return load_cost_table("45nm")


@pytest.mark.parametrize("name", cost_table_names())
def test_every_shipped_part_has_a_kind_in_every_table(name, table):
    at_45, table = table, load_cost_table(name)
    assert set(table.file.parts) == {*part_names(), "flat"}
    for part in part_names():
        cost = table.dram_of(part)
        known = (cost.activate, cost.read, cost.write, cost.refresh, cost.background, cost.idle)
        assert all(figure is not None and 0 < figure.low <= figure.value for figure in known), part
        assert cost.idle.value < cost.background.value
        assert table.dram_of(part) == at_45.dram_of(part), "DRAM has no node"


def test_which_parts_are_assumed(table):
    assumed = {part for part in table.file.parts if table.file.parts[part].assumed}
    assert assumed == {"lpddr4_2400", "lpddr5_6400", "gddr6", "hbm2e", "hbm3", "flat"}
    for part in assumed - {"flat"}:
        cost = table.dram_of(part)
        for figure in (cost.bit, cost.activate, cost.read, cost.write, cost.refresh):
            assert figure.mark == "assumed" and figure.derivation[-1].startswith(f"{cost.kind} for")
    assert table.dram_of("hbm2").activate.mark == "from memory"
    assert table.dram_of(None).bit.mark == "assumed" and table.dram_of(None).activate is None


@pytest.mark.parametrize("part", ["ddr4_2400", "ddr4_3200"])
def test_the_formula_by_hand_with_timings_of_the_part(table, part):
    """VDD (IDD0 tRC - IDD3N tRAS - IDD2N tRP) of eight devices, clocks as DRAMsim3 has them."""
    idd0, idd2n, idd3n, idd4r, idd5 = {
        "ddr4_2400": (48, 34, 43, 135, 250), "ddr4_3200": (57, 37, 52, 168, 250)
    }[part]  # fmt: skip
    given, cost = load_part(part), table.dram_of(part)
    timing, ns = given.timing, given.clock_period / 1000
    ras, rp = timing.tras * ns, timing.trp * ns
    row = 1.2 * (idd0 * (ras + rp) - idd3n * ras - idd2n * rp) * 8
    assert cost.activate.value == pytest.approx(row)
    assert cost.row_bytes == given.row_bytes
    core = 1.2 * (idd4r - idd3n) * given.burst_clocks * ns * 8 / (8 * given.request_bytes)
    assert cost.read.value == pytest.approx(core + 8)
    assert cost.refresh.value == pytest.approx(1.2 * (idd5 - idd3n) * timing.trfc * ns * 8)
    assert cost.background.value == pytest.approx(1.2 * idd3n * 8)
    assert cost.idle.value == pytest.approx(1.2 * idd2n * 8)


def test_two_supplies_of_lpddr4_add_up(table):
    cost = table.dram("lpddr4_currents")
    of_vdd2 = 1.1 * (45 * 60.625 - 30 * 42.5 - 27 * 18.125)
    of_vdd1 = 1.8 * (3.5 * 60.625 - 2.25 * 42.5 - 2 * 18.125)
    assert cost.activate.value == pytest.approx(4 * (of_vdd1 + of_vdd2))
    assert cost.read.value == pytest.approx(1.1 * 245 * 5 / 256 + 3.2)
    assert cost.idle.value == pytest.approx(4 * (1.1 * 27 + 1.8 * 2))


@pytest.mark.parametrize("kind", CURRENTS)
def test_a_stream_in_order_costs_bits_and_activates(table, kind):
    """Rows read whole: bits x pJ a bit of an open row + rows x activate = bits x pJ a bit."""
    cost, rows = table.dram(kind), 1000
    bits = rows * cost.row_bytes * 8
    by_parts = bits * cost.read.value + rows * cost.activate.value
    assert by_parts == pytest.approx(bits * cost.bit.value)
    assert cost.read.value < cost.bit.value


@pytest.mark.parametrize(
    ("part", "published", "gb_per_s", "channels", "ranks"),
    [("ddr4_2400", 1300 / 64, 19.28, 1, 2), ("gddr6", 415 / 64, 56.14, 2, 1)],
)
def test_core_io_refresh_and_rest_make_the_published_figure(
    table, part, published, gb_per_s, channels, ranks
):
    """I/O is what the published figure leaves at the peak rate; within 15 %."""
    cost, given = table.dram_of(part), load_part(part)
    timing, ns = given.timing, given.clock_period / 1000
    each = cost.background.value + cost.refresh.value / (timing.trefi * ns)
    at_rest = each * channels * ranks / (gb_per_s * 8)  # mW / Gb/s = pJ
    assert cost.bit.value + at_rest == pytest.approx(published, rel=0.15)


def test_currents_and_the_published_split_of_hbm2_agree_within_their_ranges(table):
    split, computed = table.dram("hbm2_device"), table.dram("hbm2_currents")
    assert split.read.low < computed.read.value < split.read.high
    assert split.refresh.value == pytest.approx(computed.refresh.value)
    assert split.background.value == pytest.approx(computed.background.value)
    assert split.idle.value == pytest.approx(computed.idle.value)


def test_a_longer_row_costs_more(table):
    cost = table.dram("hbm2_device")
    assert cost.opening(1024) == cost.activate
    assert cost.opening(2048).value == 2 * 909 and cost.opening(2048).mark == "assumed"
    assert table.dram("hbm2").opening(2048) is None


def test_an_unknown_part_says_what_to_do(table):
    with pytest.raises(InputError) as caught:
        table.dram_of("hbm22")
    said = str(caught.value)
    assert "unknown DRAM part 'hbm22'" in said and "did you mean 'hbm2'?" in said
    assert "or give 'parts.hbm22.kind' in a table that extends this one" in said


def test_a_part_of_ones_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nextends: 45nm\nparts:\n  fast: {kind: gddr5}\n")
    assert load_cost_table(path).dram_of("fast").kind == "gddr5"
    assert load_cost_table(path).dram_of("hbm2").kind == "hbm2_device"
    path.write_text("name: mine\nextends: 45nm\nparts:\n  fast: {kind: gddr9}\n")
    with pytest.raises(InputError, match="line 4, parts.fast.kind: unknown kind of DRAM 'gddr9'"):
        load_cost_table(path)


def test_the_interface_on_the_die(table):
    hbm, board = table.dram("hbm2_device"), table.dram("ddr4")
    area = table.dram_interface(board, 25.6)
    assert area.unit == "um2" and area.value == pytest.approx(25.6 * 0.31e6)
    at_7 = load_cost_table("7nm")
    stack = at_7.dram_interface(hbm, 256)
    assert stack.low < 14.9e6 / 2 < 8 * 1.04e6 < stack.high  # two published models
    for name in cost_table_names():
        one = load_cost_table(name)
        for cost in (hbm, board):
            found = one.dram_interface(cost, 100)
            assert 0 < found.low < found.value < found.high
    with pytest.raises(InputError, match="has no area of an interface 'board' of DRAM"):
        load_cost_table_without(table).dram_interface(board, 1)


def load_cost_table_without(table):
    from dataclasses import replace

    return replace(table, file=table.file.model_copy(update={"dram_interface": {}}))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{bits: 64}", "'energy' is missing, expected it or 'currents'"),
        ("{energy: {value: -4 pJ, source: a, checked: assumed}}", "'-4 pJ' is negative"),
        ("{interface: cable, energy: {value: 4 pJ, source: a, checked: assumed}}",
         "'cable' is not known"),
    ],
)  # fmt: skip
def test_a_wrong_kind(tmp_path, entry, said):
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: mine\nnode_nm: 45\ndram:\n  own: {entry}\n")
    with pytest.raises(InputError) as caught:
        load_cost_table(path)
    assert said in str(caught.value) and "mine.yaml line 4" in str(caught.value)
