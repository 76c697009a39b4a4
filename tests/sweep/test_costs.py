"""Energy, area and price of the points of a sweep: as figures, objectives and constraints."""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pandas as pd
import pytest
from typer.testing import CliRunner

from accelsim import load_arch, load_trace, simulate
from accelsim.arch.scale import port_overrides
from accelsim.cli.main import app
from accelsim.cost.load import load_cost_table
from accelsim.errors import InputError
from accelsim.hardware.area import breakdown
from accelsim.hardware.energy import energy_of
from accelsim.hardware.price import price
from accelsim.sweep.costs import COST_FIGURES, OF_MACHINE, cost_table, table_ref
from accelsim.sweep.design import LeftOut
from accelsim.sweep.objectives import minimised
from accelsim.sweep.running import designer_of, run_sweep
from accelsim.sweep.search import run_search
from accelsim.sweep.table import read_table
from tests.sweep.conftest import PLAN, contents

EDP = PLAN.replace("{total_ps: minimise, cost: minimise}", "{edp_js: minimise}")
MINE = "extends: 45nm\nname: mine\nactions: {wire: {bits: 1, width: linear, logic: false, energy: "
MINE += "{value: 9 pJ, low: 8 pJ, high: 10 pJ, source: a test, checked: assumed}}}\n"


@pytest.fixture(scope="module")
def table():
    return load_cost_table("45nm")


def test_figures_are_those_of_the_same_run(plan_file, tmp_path, trace, table):
    run_sweep(plan_file(), tmp_path / "out")
    rows = read_table(tmp_path / "out").frame
    row = rows.iloc[13]
    settings = port_overrides(load_arch("sparse_small"), row["ports"])
    settings += [f"dram.bandwidth={row['bandwidth_bytes_per_s']} B/s", "dram.level=simple"]
    arch = load_arch("sparse_small", [*settings, f"array.fifo_depth={row['fifo_depth']}"])
    summary = energy_of(simulate(arch, load_trace(trace)), table).summary
    assert row["cost_table"] == summary.pop("cost_table") == "45nm"
    assert {name: row[name] for name in summary} == summary
    assert row["price_usd"] == price(arch, table).value
    assert row["area_mm2"] == breakdown(arch, table).area_mm2.value
    assert (rows["energy_low_pj"] < rows["energy_pj"]).all()
    assert (rows["energy_pj"] < rows["energy_high_pj"]).all()
    assert rows["area_mm2"].nunique() > 2 and rows["energy_pj"].nunique() > 2
    said = pd.read_csv(tmp_path / "out" / "columns.csv").set_index("column")
    assert {c.name: c.unit for c in COST_FIGURES if c.unit} == {
        c.name: said.loc[c.name, "unit"] for c in COST_FIGURES if c.unit
    }


def test_a_process_elsewhere_gives_the_same_bytes_with_a_table_of_ones_own(plan_file, tmp_path):
    (tmp_path / "mine.yaml").write_text(MINE)
    plan = plan_file(EDP.replace("[1, 2, 4, 8]", "[4]") + "costs: mine.yaml\n")
    run_sweep(plan, tmp_path / "here")
    spawn = get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=os.chdir, initargs=("/",)) as elsewhere:
        run_sweep(plan, tmp_path / "elsewhere", jobs=2, executor=elsewhere)
    assert contents(tmp_path / "here") == contents(tmp_path / "elsewhere")


def test_a_constraint_on_the_area_leaves_points_out_before_they_run(plan_file, tmp_path):
    whole = list(designer_of(plan_file()).designs())
    areas = [breakdown(d.arch, cost_table(d.costs)).area_mm2.value for d in whole]
    bound = sorted(areas)[10]
    text = PLAN + f"constraints: [area_mm2 <= {bound!r}, peak_power_w > 0 and price_usd > 0]\n"
    found = list(designer_of(plan_file(text)).designs())
    left = [isinstance(design, LeftOut) for design in found]
    assert left == [area > bound for area in areas] and 0 < sum(left) < len(left)
    out = run_sweep(plan_file(text), tmp_path / "out")
    assert out.ran == len(left) - sum(left)
    assert out.written.left_out == {f"area_mm2 <= {bound!r}": sum(left)}
    assert read_table(tmp_path / "out").frame["area_mm2"].max() <= bound


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("costs: 46nm\n", "line 11, costs: unknown cost table '46nm' .*known: .*45nm"),
        ("costs: none.yaml\n", "line 11, costs: no such file 'none.yaml'"),
        ("costs: bare.yaml\n", "line 11, costs, sparse_small.*bare"),
        ("constraints: [energy_pj < 1]\n", "line 11.*'energy_pj' is known only of a point"),
        ("metrics: {area_mm2: '1'}\n", "'area_mm2' is the name of another column"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(plan_file, tmp_path, more, said):
    (tmp_path / "bare.yaml").write_text("name: bare\nnode_nm: 45\n")
    text = PLAN.replace("metrics: {cost: bandwidth / 10 GB/s + ports}\n", "\n")
    text = text.replace(", cost: minimise", "") + more
    with pytest.raises(InputError, match=said) as caught:
        designer_of(plan_file(text))
    assert "\n" not in str(caught.value) and "small.yaml" in str(caught.value)


def test_a_value_that_the_table_lacks_is_refused_at_its_line(plan_file, tmp_path, table):
    known = table.file.model_dump(mode="json", exclude_none=True)
    del known["parts"]["lpddr5_6400"]
    known["name"] = "mine"
    (tmp_path / "mine.yaml").write_text(json.dumps(known))
    text = PLAN.replace(", set: dram.level=simple", "").replace(" + ports", "")
    text = text.replace("bandwidth / 10 GB/s", "fifo_depth").replace(
        "bandwidth: {path: dram.bandwidth, values: [10 GB/s, 20 GB/s, 40 GB/s]}",
        "part: {path: dram.part, values: [ddr4_2400, lpddr5_6400]}",
    )
    designer_of(plan_file(text))
    said = r"line 6, parameters.part.values.1, .*unknown DRAM part 'lpddr5_6400'"
    with pytest.raises(InputError, match=said):
        designer_of(plan_file(text + "costs: mine.yaml\n"))


def test_another_table_is_another_result(plan_file, tmp_path):
    (tmp_path / "mine.yaml").write_text(MINE)
    plan = plan_file(PLAN + "costs: mine.yaml\n")

    def keys(*given: object) -> set[str]:
        return {design.key for design in designer_of(*given).designs()}

    own = keys(plan)
    assert not own & keys(plan_file(name="other.yaml")) and own == keys(plan)
    assert keys(plan, "45nm") == keys(plan_file(name="other.yaml"))
    (tmp_path / "mine.yaml").write_text(MINE.replace("9 pJ", "8.5 pJ"))
    assert not own & keys(plan)
    with pytest.raises(InputError, match="--costs, costs: unknown cost table"):
        keys(plan, "46nm")


def test_a_table_that_changed_meanwhile_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    before = table_ref(str(path))
    path.write_text(MINE.replace("9 pJ", "8.5 pJ"))
    with pytest.raises(InputError, match="is not what the sweep began with"):
        cost_table(before)
    assert cost_table(table_ref(str(path))).name == "mine"


def test_a_price_that_is_not_known_is_empty_unless_it_is_asked_for(plan_file, tmp_path):
    (tmp_path / "mine.yaml").write_text(MINE + "price: null\n")
    text = PLAN.replace("[1, 2, 4, 8]", "[1]") + "costs: mine.yaml\n"
    out = run_sweep(plan_file(text), tmp_path / "out")
    frame = read_table(tmp_path / "out").frame
    assert frame["price_usd"].isna().all() and not out.written.failed
    assert (frame["cost_table"] == "mine").all()
    asked = text.replace("cost: minimise", "price_usd: minimise")
    with pytest.raises(InputError, match=r"line 11, costs, sparse_small, .*no price of wafers"):
        designer_of(plan_file(asked))


def test_a_search_by_edp_finds_the_best_of_all(plan_file, tmp_path):
    run_sweep(plan_file(EDP), tmp_path / "whole")
    whole = read_table(tmp_path / "whole").frame
    best = whole.loc[whole["edp_js"].idxmin()]
    assert best["total_ps"] < whole["total_ps"].max()
    found = run_search(plan_file(EDP), tmp_path / "out", 14, seed=1)
    assert found.ran == 14 < len(whole)
    assert [design.objectives for design in found.front] == [{"edp_js": best["edp_js"]}]


def test_ratios_of_small_figures_count_in_a_search():
    ways = {"edp_js": "minimise", "total_ps": "minimise"}
    one, two = (minimised(ways, [edp, 1e8]) for edp in (1e-12, 2e-12))
    assert two[0] - one[0] == pytest.approx(0.693, abs=1e-3) and two[1] == one[1]


def test_what_is_known_before_a_run_is_a_figure_of_it():
    assert set(OF_MACHINE) <= {column.name for column in COST_FIGURES}


@pytest.mark.parametrize("command", [["sweep"], ["search", "--points", "1"]])
def test_a_command_may_name_another_table(plan_file, tmp_path, command):
    text = PLAN.replace("[1, 2, 4, 8]", "[4]").replace("[10 GB/s, 20 GB/s, 40 GB/s]", "[20 GB/s]")
    given = [*command, str(plan_file(text)), "--out", str(tmp_path / "out"), "--costs", "7nm"]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    assert (read_table(tmp_path / "out").frame["cost_table"] == "7nm").all()
