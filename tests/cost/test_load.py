"""A user's table, YAML or CSV; what is wrong with it is one line with its place."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from accelsim.cost.csv_table import COLUMNS
from accelsim.cost.load import cost_table_names, load_cost_table
from accelsim.cost.resolved import resolved_yaml
from accelsim.errors import InputError

HEAD = "name: mine\nnode_nm: 45\n"
AMOUNT = "source: here, checked: assumed"


def entry(energy: str, more: str = "") -> str:
    return f"actions:\n  int8_add:\n    bits: 8\n    energy: {{{energy}}}\n{more}"


def refused(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_cost_table(path)
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    return said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + entry(f"value: -1 pJ, {AMOUNT}"),
         "line 6, actions.int8_add.energy.value: '-1 pJ' is negative"),
        (HEAD + entry(f"value: 1 pJ, low: 2 pJ, high: 3 pJ, {AMOUNT}"),
         "line 6, actions.int8_add.energy.low: low 2 pJ is above value 1 pJ"),
        (HEAD + entry(f"value: 1 pJ, low: 0 pJ, high: 0.5 pJ, {AMOUNT}"),
         "line 6, actions.int8_add.energy.high: high 0.5 pJ is below value 1 pJ"),
        (HEAD + entry(f"value: 1 pJ, low: 0.5 pJ, {AMOUNT}"), "'high' is missing"),
        (HEAD + entry(f"value: 1, {AMOUNT}"), "'1' has no unit, expected an energy"),
        (HEAD + entry(f"value: 1 um2, {AMOUNT}"), "unknown unit 'um2', expected an energy"),
        (HEAD + entry(f"value: lots, {AMOUNT}"), "'lots' is not a figure"),
        (HEAD + entry("value: 1 pJ, source: here, checked: maybe"),
         "'maybe' is not known (known: confirmed"),
        (HEAD + entry("value: 1 pJ, checked: assumed"), "'actions.int8_add.energy.source' is"),
        (HEAD + entry(f"value: 1 pJ, {AMOUNT}", "    areas: 3\n"),
         "line 7: unknown key 'actions.int8_add.areas' (did you mean 'area'?"),
        (HEAD + "sram: cacti\n", "line 3, sram: 'cacti' is not known (did you mean 'cacti7'?"),
        ("name: mine\nnode_nm: 14\nsram: cacti7\n",
         "line 3, sram: unknown node 14 nm, there are no CACTI runs of it (known: 22, 32, 45"),
        (HEAD + "sram: points\n", "needs two or more 'sram_points'"),
        (HEAD + "extends: 46nm\n", "line 3, extends: unknown cost table '46nm' (did you mean"),
        (HEAD + "extends: _none\n", "line 3, extends: unknown cost table '_none' (known: 28nm"),
        (HEAD + "extends: mine.yaml\n", "'mine.yaml' leads back to itself"),
        (HEAD + "actions:\n  a:\n    bits: 8\n", "'energy' is missing, expected 'energy', 'area'"),
        (HEAD + "actions:\n  add:\n    bits: 8\n    scaled_from: 7nm\n",
         "line 6, actions.add.scaled_from, 7nm: unknown action 'add'"),
        (HEAD + "actions:\n  counter:\n    bits: 32\n    width: linear\n    scaled_from: 7nm\n",
         "actions.counter.scaled_from: is scaled itself"),
        (HEAD + "actions:\n  bf16_add:\n    bits: 8\n    scaled_from: 7nm\n",
         "'bf16_add' is of other bits or goes otherwise with them in 7nm (expected bits: 16"),
        ("name: mine\nnode_nm: 5\nactions:\n  int8_add:\n    bits: 8\n    scaled_from: 7nm\n",
         "actions.int8_add.scaled_from: unknown node of the scaling by Stillmaker '5'"),
        ("name: mine\n", "'node_nm' is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_with_its_place(tmp_path, text, said):
    assert said in refused(tmp_path / "mine.yaml", text)


def test_points_of_an_sram_grow(tmp_path):
    def point(size: int, pj: float) -> str:
        amount = f"{{value: {pj} pJ, {AMOUNT}}}"
        return f"  - bytes: {size}\n    bits: 64\n    read: {amount}\n    write: {amount}\n"

    head = HEAD + "sram: points\nsram_points:\n"
    fallen = refused(tmp_path / "mine.yaml", head + point(1024, 5) + point(2048, 4))
    assert "sram_points.1.read.value: a bit costs less than in the smaller memory" in fallen
    again = refused(tmp_path / "mine.yaml", head + point(1024, 5) + point(1024, 6))
    assert "sram_points.1.bytes: is not above the size before it" in again


def test_an_unknown_name_or_file(tmp_path):
    with pytest.raises(InputError, match="unknown cost table '5nm'.*known: 28nm, 32nm"):
        load_cost_table("5nm")
    with pytest.raises(InputError, match="no such file 'none.yaml'"):
        load_cost_table("none.yaml")


def test_a_table_is_laid_over_another_entry_by_entry(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nextends: 45nm\n" + entry(f"value: 25 fJ, {AMOUNT}"))
    table, base = load_cost_table(path), load_cost_table("45nm")
    assert table.energy("int8_add").value == 0.025 and table.name == "mine"
    assert not table.has("int8_add", "area"), "an entry is replaced whole"
    assert table.energy("int32_add") == base.energy("int32_add")
    assert table.dram("hbm2") == base.dram("hbm2")


ROWS = [
    ("int8 add", "28", "0.02", "pJ/op", "30", "um2", "a report",
     "confirmed by look-up (energy); area from memory"),
    ("int8 mult", "28", "0.1-0.2", "pJ/op", "", "", "a report", "read from repo file"),
    ("comparator 32b (merge)", "28", "20", "fJ", "", "", "a report", "ASSUMPTION"),
    ("register (per bit)", "28", "0.005", "pJ/bit", "4", "um2/bit", "a report", "derived sum"),
    ("DRAM HBM2", "", "250-450", "pJ/64b (3.9-7.0 pJ/bit)", "", "", "a report", "from memory"),
]  # fmt: skip


def written(path: Path, rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return path


def test_a_csv_file_is_a_table(tmp_path):
    table = load_cost_table(written(tmp_path / "fab.csv", ROWS))
    assert (table.name, table.node_nm) == ("fab", 28)
    assert not table.energy("int8_add").unverified and table.area("int8_add").unverified
    mult = table.energy("int8_mult", 4)
    assert (mult.value, mult.low) == pytest.approx((0.15 / 4, 0.1 / 4)) and mult.range_known
    assert table.energy("comparator", 16).value == pytest.approx(0.01)
    assert table.area("register", 10).value == pytest.approx(40)
    assert table.dram("hbm2").bit.value == pytest.approx(350 / 64)


def test_a_csv_file_over_a_shipped_table(tmp_path):
    written(tmp_path / "fab.csv", ROWS)
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nextends: [28nm, fab.csv]\nsram: none\n")
    table = load_cost_table(path)
    assert table.energy("int8_add").value == 0.02 and table.node_nm == 28
    assert table.energy("fp32_add") == load_cost_table("28nm").energy("fp32_add")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({2: "-1"}, "fab.csv line 2, actions.int8_add.energy.value: '-1.0 pJ' is negative"),
        ({2: "much"}, "fab.csv line 2, energy: 'much' is not a figure"),
        ({3: "pJ per op"}, None),
        ({3: "J/op"}, "unknown unit 'J'"),
        ({3: "/op"}, "fab.csv line 2, energy_unit: '/op' is not a unit"),
        ({1: "45"}, "has figures of several nodes or of none (45, 28)"),
        ({1: "tiny"}, "has figures of several nodes"),
        ({0: "int8 mult"}, "fab.csv line 3: 'int8_mult' is there twice"),
        ({7: "surely"}, "fab.csv line 2, verification: unknown mark 'surely'"),
    ],
)
def test_what_is_wrong_with_a_csv_file(tmp_path, change, said):
    row = [change.get(at, cell) for at, cell in enumerate(ROWS[0])]
    path = written(tmp_path / "fab.csv", [tuple(row), *ROWS[1:]])
    if said is None:
        assert load_cost_table(path).energy("int8_add").value == 0.02
        return
    with pytest.raises(InputError) as caught:
        load_cost_table(path)
    assert said in str(caught.value)


def test_a_csv_file_with_other_columns_or_cells(tmp_path):
    path = tmp_path / "fab.csv"
    assert "has other columns" in refused(path, "a,b\n1,2\n")
    short = ",".join(COLUMNS) + "\nint8 add,28,1\n"
    assert "fab.csv line 2: does not have 8 cells" in refused(path, short)


UNSAID = "no figure moves to another node unsaid (extend tables of one node, or give entries with"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: mine\nextends: 45nm\nnode_nm: 28\n",
         f"mine.yaml line 2, extends: this table is of 28 nm and 45nm of 45 nm, {UNSAID} "
         "'scaled_from: 45nm')"),
        ("name: mine\nextends: [45nm, 28nm]\n",
         f"mine.yaml line 2, extends: 45nm is of 45 nm and 28nm of 28 nm, {UNSAID}"),
        ("name: mine\nnode_nm: 45\nextends: [_dram, 45nm, fab.csv]\n",
         f"line 3, extends: this table is of 45 nm and fab.csv of 28 nm, {UNSAID}"),
        ("name: mine\nextends: [_logic, 7nm]\nnode_nm: '45'\n", "is of 45 nm and 7nm of 7 nm"),
        ("name: mine\nextends: middle.yaml\nnode_nm: 28\n", "middle.yaml of 45 nm"),
    ],
)  # fmt: skip
def test_no_figure_moves_to_another_node_unsaid(tmp_path, text, said):
    written(tmp_path / "fab.csv", ROWS)
    (tmp_path / "middle.yaml").write_text("name: middle\nextends: 45nm\n")
    assert said in refused(tmp_path / "mine.yaml", text)


def test_a_table_of_no_node_or_of_the_same_is_extended(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nextends: [_dram, 28nm, _logic]\nnode_nm: 28.0\n")
    own, base = load_cost_table(path), load_cost_table("28nm")
    assert own.energy("int8_add") == base.energy("int8_add")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (HEAD.replace("mine", "45nm"), "mine.yaml line 1, name: "),
        (HEAD.replace("mine", "' 7nm '"), "mine.yaml line 1, name: "),
        ("extends: 45nm\nwire_pitch_um: 1\n", "mine.yaml: "),
        (f"extends: 45nm\n{entry(f'value: 1 fJ, {AMOUNT}')}", "mine.yaml: "),
    ],
)
def test_a_shipped_name_is_for_what_is_shipped(tmp_path, text, where):
    said = refused(tmp_path / "mine.yaml", text)
    assert where in said and "is the name of a shipped table" in said
    assert said.endswith("(give it a 'name' of its own)")


def test_a_csv_file_of_a_shipped_name(tmp_path):
    path = written(tmp_path / "28nm.csv", ROWS)
    with pytest.raises(InputError, match=r"28nm.csv: '28nm' is the name.*\(rename the file\)"):
        load_cost_table(path)


@pytest.mark.parametrize("name", cost_table_names())
def test_a_shipped_table_in_full_loads_back_under_its_name(tmp_path, name):
    shipped = load_cost_table(name)
    path = tmp_path / "saved.yaml"
    path.write_text(resolved_yaml(shipped))
    again = load_cost_table(path)
    assert (again.name, again.content_hash) == (name, shipped.content_hash)


def test_a_shipped_table_is_read_once_and_ones_own_as_it_is_now(tmp_path):
    assert load_cost_table("45nm") is load_cost_table("45nm")
    path = tmp_path / "mine.yaml"
    for energy in ("1 pJ", "2 pJ"):
        path.write_text(HEAD + entry(f"value: {energy}, {AMOUNT}"))
        assert load_cost_table(path).energy("int8_add").value == float(energy[0])
