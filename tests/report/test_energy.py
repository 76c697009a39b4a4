"""Area and energy in a report: tables that sum up, ratios that say what decides, the cost table."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from accelsim.arch.load import arch_source
from accelsim.cost.load import cost_table_names, load_cost_table
from accelsim.cost.resolved import resolved_yaml
from accelsim.errors import InputError
from accelsim.hardware.ratio import Ratio
from accelsim.report import energy_tables
from accelsim.report.energy_words import (
    against_baseline,
    area_line,
    energy_line,
    rests_on,
    sparse_cost,
)
from accelsim.report.files import names
from accelsim.report.page.energy import areas_table, energies_table, part
from accelsim.report.page.ledger import Ledger
from accelsim.report.page.questions import answers
from accelsim.report.pictures import Drawn
from accelsim.report.plots import area, energy, key_reuse, utilisation
from accelsim.report.review import write_comparison, write_review
from accelsim.report.study import Study
from accelsim.report.words import as_energy
from accelsim.report.writing import write_report
from accelsim.sweep.trios import SMALL
from tests.report.conftest import study_with

OPEN = Ratio(1.02, 0.9, 1.1, "wire")


@pytest.fixture(scope="module")
def study(few) -> Study:
    return study_with(few)


@pytest.fixture(scope="module")
def doubtful(study: Study) -> Study:
    """The same, with ratios whose ranges cross 1."""
    (costs,) = study.costs
    ratios = dict.fromkeys(costs.energy_ratios, OPEN)
    return study._replace(costs=[replace(costs, energy_ratios=ratios, area_ratios=ratios)])


def written(out: Path, study: Study) -> Path:
    """The report of one workload without pictures, which take most of its time."""
    (few,) = study.comparisons
    drawn = Drawn({}, None, key_reuse.prepare([few.trace]), [utilisation.prepare(few)])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("accelsim.report.writing.draw_all", lambda *_: drawn)
        return write_report(out, study, "accelsim").parent


@pytest.fixture(scope="module")
def report(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("energy") / "report", study)


def tables(study: Study) -> dict[str, pd.DataFrame]:
    made = {
        "area": energy_tables.area_table,
        "energy": energy_tables.energy_table,
        "energy_operators": energy_tables.operators_table,
        "energy_actions": energy_tables.actions_table,
        "cost_ratios": energy_tables.ratios_table,
    }
    return {name: make(study.comparisons, study.costs) for name, make in made.items()}


def test_files_sum_up_to_the_energy_of_every_machine(report: Path, study: Study):
    whole = pd.read_csv(report / "energy.csv").set_index("role")
    operators = pd.read_csv(report / "energy_operators.csv").groupby("role")["energy_pj"].sum()
    actions = pd.read_csv(report / "energy_actions.csv").groupby("role")
    for role, found in study.costs[0].energies.items():
        spent = found.summary["energy_pj"]
        assert spent > 0
        assert whole.loc[role, "energy_pj"] == pytest.approx(spent, rel=1e-8)
        assert operators[role] == pytest.approx(spent, rel=1e-6)
        assert actions["energy_pj"].sum()[role] == pytest.approx(spent, rel=1e-6)
        assert actions["low_pj"].sum()[role] < spent < actions["high_pj"].sum()[role]


def test_the_file_of_areas_sums_up_to_every_chip(report: Path, study: Study):
    rows = pd.read_csv(report / "area.csv")
    assert set(rows["role"]) == {"baseline", "third", "candidate"}
    for role, mine in rows.groupby("role"):
        made = study.costs[0].areas[role]
        assert mine["area_mm2"].sum() == pytest.approx(made.area_mm2.value, rel=1e-6)
        sparse = mine.loc[mine["sparse"], "area_mm2"].sum()
        assert sparse == pytest.approx(made.sparse_mm2.value, rel=1e-6)


def test_a_ratio_says_what_the_machine_has_against_the_baseline(study: Study):
    found = tables(study)["cost_ratios"].set_index(["quantity", "role"])
    areas = {role: made.area_mm2.value for role, made in study.costs[0].areas.items()}
    spent = {r: e.summary["energy_pj"] for r, e in study.costs[0].energies.items()}
    for role in ("third", "candidate"):
        of_area, of_energy = found.loc["area", role], found.loc["energy", role]
        assert of_area["ratio"] == pytest.approx(areas[role] / areas["baseline"])
        assert of_energy["ratio"] == pytest.approx(spent["baseline"] / spent[role])
    larger, smaller = Ratio(2.0, 1.5, 3.0, ""), Ratio(0.5, 0.4, 0.9, "")
    assert against_baseline("area", larger) == "larger"
    assert against_baseline("area", smaller) == "smaller"
    assert against_baseline("energy", larger) == "less"
    assert against_baseline("energy", OPEN) == "sign not established"


def test_tables_have_the_declared_columns(study: Study):
    for name, table in tables(study).items():
        assert list(table.columns) == names(name)


def test_a_sign_that_is_open_names_the_entry_that_decides(doubtful: Study):
    ledger = Ledger(tables(doubtful))
    (row,) = energies_table(doubtful.comparisons, ledger).rows
    assert row[-1] == "sign not established"
    pairs = list(zip(doubtful.comparisons, doubtful.costs, strict=True))
    assert [row[-1] for row in areas_table(pairs, ledger).rows] == ["", row[-1], row[-1]]
    said = "sign not established: wire decides"
    names = ("area of systolic_32_gather", "area of sparse_small", "energy of few")
    assert part(doubtful, ledger).open_signs == [f"{name}: {said}" for name in names]
    assert said in energy_line(*pairs[0]) and said in area_line(*pairs[0])
    data = energy.prepare(doubtful.comparisons, doubtful.costs)
    assert said in data.said


def test_the_first_screen_names_table_ratio_range_and_sparse_logic(report: Path, study: Study):
    page = (report / "index.html").read_text()
    screen = page[page.index('class="first"') : page.index('class="caveats"')]
    assert "by cost table 45nm" in screen
    ratio = study.costs[0].energy_ratios["candidate"]
    made = study.costs[0].areas["candidate"]
    share = 100 * made.sparse_mm2.value / made.area_mm2.value
    for said in (f"{ratio.value:.2f}x", f"{ratio.low:.2f}x", f"{ratio.high:.2f}x"):
        assert f">{said}" in screen or f"{said}<" in screen
    assert f">{made.sparse_mm2.value:.3g}, {share:.1f} %<" in screen


def test_the_question_what_sparse_logic_costs_has_an_answer(study: Study):
    answer = dict(answers(study))["What does the sparse logic cost in area and energy?"]
    assert answer == sparse_cost(study.comparisons, study.costs)
    made = study.costs[0].areas["candidate"]
    assert f"{made.sparse_mm2.value:.3g} mm2" in answer and "not modelled" not in answer.lower()


def test_the_summary_has_a_line_on_energy_and_one_on_areas(report: Path, study: Study):
    lines = (report / "summary.md").read_text().replace("\\", "").splitlines()
    pair = study.comparisons[0], study.costs[0]
    assert f"- {energy_line(*pair)}" in lines and f"- {area_line(*pair)}" in lines
    assert f"- {rests_on(study.costs)}" in lines


def test_every_component_and_group_is_on_the_page(report: Path, study: Study):
    found = part(study, Ledger(tables(study)))
    (table,) = found.components
    shown = {(row[0], row[1]) for row in table.rows}
    for role in ("baseline", "candidate"):
        made = study.costs[0].areas[role].rows
        assert set(zip(made["group"], made["component"], strict=True)) <= shown
    assert len(found.runs.rows) == len(study.comparisons[0].results)


def test_the_cost_table_lies_beside_the_report_and_loads_back(report: Path, study: Study):
    assert load_cost_table(report / "costs" / "45nm.yaml").file == study.cost_table.file
    origin = json.loads((report / "provenance.json").read_text())
    assert set(origin["cost_tables"]) == {"45nm"}


def test_tables_that_one_is_scaled_from_lie_there_too(few, tmp_path: Path):
    report = written(tmp_path / "report", study_with(few, table="28nm"))
    assert {path.name for path in (report / "costs").iterdir()} == {"28nm.yaml", "45nm.yaml"}
    assert set(pd.read_csv(report / "energy.csv")["cost_table"]) == {"28nm"}


@pytest.mark.parametrize("name", cost_table_names())
def test_every_shipped_table_is_written_whole(name: str, tmp_path: Path):
    table = load_cost_table(name)
    (tmp_path / "table.yaml").write_text(resolved_yaml(table))
    assert load_cost_table(tmp_path / "table.yaml").file == table.file


def test_a_table_that_lacks_a_figure_is_refused_before_anything_runs(
    few, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("accelsim.report.study.compare", lambda *_, **__: pytest.fail("ran"))
    (tmp_path / "poor.yaml").write_text("name: poor\nnode_nm: 45\n")
    machines = {role: arch_source(name) for role, name in SMALL._asdict().items()}
    with pytest.raises(InputError, match="poor"):
        write_comparison(
            tmp_path / "out", few.trace, machines, command="accelsim compare",
            costs=load_cost_table(tmp_path / "poor.yaml"),
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "said"), [("45nm", ""), ("28nm", " --costs 28nm")])
def test_a_table_that_was_named_is_part_of_the_command(
    study: Study, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str,
    said: str,
):  # fmt: skip
    commands = []
    monkeypatch.setattr(
        "accelsim.report.review.study_of",
        lambda *_, costs, **__: study._replace(cost_table=costs),
    )
    monkeypatch.setattr(
        "accelsim.report.review.write_report",
        lambda out, study, command, *_: commands.append(command),
    )
    place = str(folder / "few.trace")
    write_review(tmp_path / "r", [place], kept=(), costs=load_cost_table(name))
    assert commands == [f"accelsim review --workload {place}{said}"]


def test_costs_go_through_a_process(study: Study):
    costs = pickle.loads(pickle.dumps(study.costs[0]))
    assert costs.as_json() == study.costs[0].as_json()


def test_bars_of_energy_are_the_energies(study: Study):
    data = energy.prepare(study.comparisons, study.costs)
    for at, role in enumerate(data.roles):
        found = study.costs[0].energies[role].summary
        assert data.energy_pj[0, at].sum() == pytest.approx(found["energy_pj"])
        assert data.energy_pj[0, at, 0] == pytest.approx(found["dram_energy_pj"])
        assert data.ends_pj[0, at].tolist() == [found["energy_low_pj"], found["energy_high_pj"]]


def test_a_machine_that_did_not_run_has_no_bar_and_many_workloads_are_cut(study: Study, few):
    less = replace(few, results={r: x for r, x in few.results.items() if r != "third"})
    many = [few, less, *[few] * energy.SHOWN]
    data = energy.prepare(many, study.costs * len(many))
    assert (len(data.workloads), data.more, data.said) == (energy.SHOWN, 2, "")
    assert np.isnan(data.energy_pj[1, data.roles.index("third")]).all()
    assert not np.isnan(data.energy_pj[0]).any()


def test_bars_of_areas_are_the_areas_and_machines_come_once(study: Study, few, many):
    data = area.prepare([few, many], study.costs * 2)
    assert len(data.machines) == 3 and set(data.of) == {0}
    for at, role in enumerate(("baseline", "third", "candidate")):
        made = study.costs[0].areas[role]
        assert data.area_mm2[at].sum() == pytest.approx(made.area_mm2.value)
        assert data.area_mm2[at, :, 1].sum() == pytest.approx(made.sparse_mm2.value)


@pytest.mark.parametrize(
    ("energy_pj", "said"),
    [
        (0.0, "0.00 pJ"),
        (0.5, "0.50 pJ"),
        (1_500.0, "1.50 nJ"),
        (15.45e9, "15.4 mJ"),
        (3e12, "3.00 J"),
    ],
)
def test_energies_have_a_unit_in_which_they_are_at_least_one(energy_pj: float, said: str):
    assert as_energy(energy_pj) == said
