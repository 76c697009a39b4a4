"""`accelsim costs`: the list, a table, one entry, JSON, and refusals of one line."""

from __future__ import annotations

import json

import pytest

AMOUNT = "source: here, checked: assumed"


def test_the_list_has_every_table_by_node(cli):
    done = cli("costs")
    assert done.code == 0
    names = [line.split()[0] for line in done.out.splitlines() if " nm " in line]
    assert names == ["7nm", "28nm", "32nm", "45nm", "65nm"]


def test_a_table_has_value_range_mark_and_source(cli):
    done = cli("costs", "45nm")
    assert done.code == 0 and "cost table 45nm, 45 nm" in done.out
    (row,) = [line for line in done.out.splitlines() if line.startswith("int32_add ")
              and " energy " in line]  # fmt: skip
    for said in ("32 bits", "0.1 pJ", "0.05 to 0.2 (assumed)", "confirmed", "Horowitz"):
        assert said in row
    for entry in ("logic_leakage", "price.wafer", "sram_64kib", "hbm2_device", "lpddr5_6400"):
        assert f"\n{entry} " in done.out


def test_one_entry_with_its_steps(cli):
    done = cli("costs", "28nm", "register")
    assert done.code == 0 and "scaled" in done.out and "int8_add" not in done.out
    assert "energy: x 0.483: 45nm from 45 to 28 nm" in done.out


def test_json_has_every_figure(cli, tmp_path):
    out = tmp_path / "costs.json"
    assert cli("costs", "7nm", "--json", out).code == 0
    found = json.loads(out.read_text())
    assert (found["table"], found["node_nm"]) == ("7nm", 7)
    assert len(found["figures"]) > 80
    for figure in found["figures"]:
        assert 0 < figure["low"] <= figure["value"] <= figure["high"], figure["entry"]
        assert figure["source"] and figure["mark"] and figure["unit"]
    (leakage,) = [one for one in found["figures"] if one["entry"] == "sram_leakage"]
    assert leakage["mark"] == "assumed" and leakage["value"] == 20
    assert cli("costs", "--json", out).code == 0
    assert [one["name"] for one in json.loads(out.read_text())["tables"]][0] == "7nm"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("46nm",), "unknown cost table '46nm' (did you mean '45nm'? known: 28nm, 32nm"),
        (("horowitz",), "unknown cost table 'horowitz' (known: 28nm"),
        (("45nm", "int8_mul"), "45nm: unknown entry 'int8_mul' (did you mean 'int8_mult'"),
        (("gone.yaml",), "no such file 'gone.yaml'"),
    ],
)  # fmt: skip
def test_unknown_names_are_one_line(cli, args, said):
    done = cli("costs", *args)
    assert done.code == 3 and said in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"actions:\n  add:\n    energy: {{value: -1 pJ, {AMOUNT}}}\n",
         "line 5, actions.add.energy.value: '-1 pJ' is negative, expected an energy such as"),
        (f"logic_leakage: {{value: 3 mW, {AMOUNT}}}\n",
         "line 3, logic_leakage.value: '3 mW' has unknown unit 'mW', expected a power of an area"),
        ("node: 7\n", "line 3: unknown key 'node' (did you mean 'node_nm'?"),
        ("sram: cacti7\n", "line 3, sram: unknown node 14 nm, there are no CACTI runs of it"),
        ("extends: 46nm\n", "line 3, extends: unknown cost table '46nm' (did you mean '45nm'?"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_one_line_with_its_place(cli, tmp_path, text, said):
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: mine\nnode_nm: 14\n{text}")
    done = cli("costs", path)
    assert done.code == 3 and said in done.err and done.err.count("\n") == 1
    assert "mine.yaml" in done.err


def test_an_action_that_a_table_lacks(cli, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nnode_nm: 14\n")
    done = cli("costs", path, "int8_add")
    assert done.code == 3 and "cost table mine: unknown entry 'int8_add'" in done.err
