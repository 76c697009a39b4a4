"""Columns of area and energy: every expression on real results, and how `explain` shows them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import accelsim
from accelsim.analysis.columns import GROUPS, PARTS, declared
from accelsim.analysis.comparison import Comparison
from accelsim.analysis.explain import explain
from accelsim.analysis.formulas import Place, computed, rows_of, stored
from accelsim.analysis.saved import Saved, inside, read_saved
from accelsim.arch.load import load_arch
from accelsim.cli.prices import add_costs
from accelsim.cost.load import load_cost_table
from accelsim.errors import InputError
from accelsim.hardware.columns import COST_GROUPS, COST_PARTS
from accelsim.hardware.compared import Costs, costs_of
from accelsim.report.declared import ALL_GROUPS
from accelsim.simulation import compare
from tests.analysis.test_result import MIXED


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """A sparse machine of records, and one of rows, on a small trace of every kind."""
    return compare(load_arch("systolic_32"), load_arch("sparse_small"), MIXED)


@pytest.fixture(scope="module")
def costs(comparison: Comparison) -> Costs:
    return costs_of(comparison, load_cost_table("45nm"))


@pytest.fixture(scope="module")
def file(comparison, costs, tmp_path_factory) -> Path:  # type: ignore[no-untyped-def]
    content = comparison.as_json()
    add_costs(content, costs)
    path = tmp_path_factory.mktemp("saved") / "compared.json"
    path.write_text(json.dumps(content, allow_nan=False))
    return path


@pytest.fixture(scope="module")
def saved(file: Path) -> Saved:
    return read_saved(file, "candidate", terms=True, further=COST_PARTS)


@pytest.mark.parametrize("role", ["baseline", "candidate", "candidate_dense"])
def test_an_expression_gives_what_was_stored(file: Path, role: str) -> None:
    found = read_saved(file, role, terms=True, further=COST_PARTS)
    checked = []
    for part in COST_PARTS:
        for row in range(len(rows_of(found, part)) if part != "compared_costs" else 0):
            for column in COST_PARTS[part]:
                if column.expression:
                    place = Place(part, column.name, row)
                    value = stored(found, place)
                    assert computed(found, place) == pytest.approx(value, rel=1e-9), place
                    checked.append((part, column.name))
    names = {name for part, name in checked if part == "energy.summary"}
    assert {"energy_pj", "energy_low_pj", "dram_energy_pj", "token_pj", "edp_js"} <= names
    assert {"power_w", "tops_per_w", "area_mm2"} <= names
    assert ("energy.operators", "energy_pj") in checked


def test_ratios_are_those_of_the_costs(saved: Saved, costs: Costs) -> None:
    for name, ratios in (("energy_ratio", costs.energy_ratios), ("area_ratio", costs.area_ratios)):
        place = Place("compared_costs", name)
        assert stored(saved, place) == ratios["candidate"].value
        assert computed(saved, place) == pytest.approx(ratios["candidate"].value, rel=1e-9)
        assert explain(saved, f"{name}_low").value == ratios["candidate"].low
        assert explain(saved, f"{name}_decided_by").value == ratios["candidate"].decided_by
    assert explain(saved, "energy_ratio").inputs[0].name == "baseline.energy_pj"


def test_every_row_of_the_json_is_declared(saved: Saved) -> None:
    for part, columns in COST_PARTS.items():
        for row in rows_of(saved, part) if part != "compared_costs" else ():
            assert [column.name for column in columns] == list(row), part


def test_columns_are_declared_with_their_source() -> None:
    everything = list(declared(COST_GROUPS))
    assert all(each.source and each.formula for each in everything)
    root = Path(accelsim.__file__).parents[1]
    files = {f for e in everything for f in re.findall(r"[\w/]+\.(?:py|md)", e.source)}
    assert len(files) > 4 and all((root / name).is_file() for name in files)
    assert (*GROUPS, *COST_GROUPS) == ALL_GROUPS
    assert {id(columns) for _, _, columns in COST_GROUPS} == set(map(id, COST_PARTS.values()))
    named = {(each.group, each.name) for each in declared(ALL_GROUPS)}
    assert len(named) == len(list(declared(ALL_GROUPS)))
    assert not set(PARTS) & set(COST_PARTS)


def test_energy_names_its_largest_actions(saved: Saved) -> None:
    (rows,) = explain(saved, "energy_pj").inputs
    spent = [row["energy_pj"] for row in rows.actions]
    assert spent == sorted(inside_actions(saved), reverse=True)[: len(spent)] and len(spent) == 8
    assert all(row["count"] and row["source"] and row["mark"] for row in rows.actions)
    for row in rows.actions:
        factor = 1e-3 if row["unit"] == "mW" else 1
        assert row["count"] * row["each"] * factor == pytest.approx(row["energy_pj"])


def inside_actions(saved: Saved) -> list[float]:
    return [row["energy_pj"] for row in inside(saved.result, "energy.actions")]


def test_components_actions_and_operators_are_asked_for_by_name(saved: Saved) -> None:
    area = {row["component"]: row for row in saved.result["area"]}
    assert explain(saved, "row FIFOs:area_mm2").value == area["row FIFOs"]["area_mm2"]
    first = inside(saved.result, "energy.operators")[0]
    assert explain(saved, "attention:energy_pj").value == first["energy_pj"]
    assert explain(saved, "attention:dram_interface_pj").value == first["dram_interface_pj"]
    lanes = explain(saved, "lanes:lane operation:fp32:count")
    assert lanes.value > 0
    with pytest.raises(InputError, match=r"2 figures \(name one: lanes:lane operation:fp32:count"):
        explain(saved, "lanes:lane operation:count")
    with pytest.raises(InputError, match="is of every component .*COMPONENT:area_low_mm2"):
        explain(saved, "area_low_mm2")
    with pytest.raises(InputError, match="did you mean 'energy_pj'"):
        explain(saved, "energi_pj")


def test_a_result_without_energy_is_explained_as_far_as_it_goes(
    comparison: Comparison, tmp_path: Path
) -> None:
    content = comparison.as_json()
    add_costs(content, None)
    path = tmp_path / "old.json"
    path.write_text(json.dumps(content))
    found = read_saved(path, "candidate", terms=True, further=COST_PARTS)
    total = content["results"]["candidate"]["summary"]["total_ps"]
    assert explain(found, "total_ps").value == total
    with pytest.raises(InputError, match=r"has no 'energy_pj' \(run it again with --json"):
        explain(found, "energy_pj")
    with pytest.raises(InputError, match="of a machine that is compared|unknown metric"):
        explain(found, "energy_ratio")
