"""The report of a sweep: its figures, its pictures, its words, and what is refused."""

from __future__ import annotations

import filecmp
import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from accelsim.errors import InputError
from accelsim.report.plots import interaction, pareto, tornado
from accelsim.report.style import save
from accelsim.report.sweep_page import failures_table, left_out_lines, limits_table
from accelsim.report.sweep_report import write_sweep_report
from accelsim.report.sweep_study import Study, study_of
from accelsim.report.sweep_verdict import caveats, verdict
from accelsim.sweep.plan import Plan
from accelsim.sweep.table import SweepTable
from accelsim.sweep.values import as_number

GOALS = {"total_ps": "minimise", "area_mm2": "minimise"}
BANDWIDTH = {"path": "dram.bandwidth", "values": ["100 GB/s", "200 GB/s", "400 GB/s"]}
SCRATCHPAD = {"path": "scratchpad.size", "values": ["6 MiB", "24 MiB"]}
QUEUE = {"path": "dram.outstanding", "values": [64, 128]}
BATCH = {"path": "workload.batch", "values": [1, 4]}


def plan_of(parameters, archs=("systolic", "sparse"), workloads=("short", "long"), **more) -> Plan:
    given = {"name": "made", "architectures": list(archs), "workloads": list(workloads)}
    return Plan.model_validate(given | {"parameters": parameters, "objectives": GOALS} | more)


def table_of(plan: Plan, samples=None) -> SweepTable:
    """Time falls with the bandwidth and a little with the scratchpad, area rises with both."""
    rows = []
    for number, workload in enumerate(plan.workloads):
        for at, arch in enumerate(plan.architectures):
            names = [name for name in plan.parameters if plan.applies(name, at)]
            grids = [plan.parameters[name].grid() for name in names] if samples is None else []
            for values in itertools.product(*grids) if samples is None else samples:
                point = dict(zip(names, values, strict=True))
                inner = {plan.column(name): as_number(value) for name, value in point.items()}
                rows.append(
                    {"point": len(rows), "architecture": arch.label, "workload": workload.label}
                    | inner | figures(inner, at, 3.0**number)
                )  # fmt: skip
    frame = pd.DataFrame(rows)
    if plan.baseline is not None:
        base = frame[frame["architecture"] == plan.baseline].groupby("workload")["total_ps"].max()
        frame["speedup"] = frame["workload"].map(base) / frame["total_ps"]
    columns = [plan.column(name) for name in plan.parameters]
    return SweepTable(
        plan, frame.reindex(columns=[*frame, *(c for c in columns if c not in frame)])
    )


def figures(inner: dict[str, object], arch: int, scale: float) -> dict[str, object]:
    rate = float(inner.get("bandwidth_bytes_per_s", 1e11)) / 1e11
    size = float(inner.get("scratchpad_bytes", 2**20)) / 2**20
    batch = float(inner.get("batch", 1))
    return {
        "total_ps": round(1e9 * scale * batch / rate / size**0.1 / (1 + arch)),
        "area_mm2": 10 * rate * (1 + size / 24) * (1 + arch / 2),
        "limited_by": "DRAM" if rate < 4 else "PE array",
        "limited_share": 0.5,
        "error": None,
        "hash": "0",
    }


def failed(table: SweepTable, rows: list[int], error: str = "no tile fits") -> SweepTable:
    frame = table.frame.copy()
    names = ["total_ps", "area_mm2", "limited_by", "limited_share"]
    frame.loc[rows, [n for n in [*names, "speedup"] if n in frame]] = None
    frame["error"] = frame["error"].astype(object)
    frame.loc[rows, "error"] = error
    return SweepTable(table.plan, frame)


def studied(table: SweepTable) -> Study:
    return study_of(table, "here")


def written(table: SweepTable, folder: Path) -> Path:
    """The folder of a sweep that left this table."""
    (folder / "plans").mkdir(parents=True)
    dump = {"plan": table.plan.model_dump(mode="json"), "architectures": {"sparse": {"a": 1}}}
    (folder / "plans" / f"{table.plan.name}.json").write_text(json.dumps(dump))
    table.frame.to_csv(folder / "plans" / f"{table.plan.name}.csv", index=False)
    return folder


THREE = {"bandwidth": BANDWIDTH, "scratchpad": SCRATCHPAD, "queue": QUEUE}


def test_a_report_is_whole_and_the_same_twice(tmp_path):
    table = failed(table_of(plan_of(THREE, baseline="systolic")), [3])
    folder = written(table, tmp_path / "sweep")
    page = write_sweep_report(folder)
    write_sweep_report(folder, tmp_path / "again", plan="made")
    assert page == folder / "report" / "index.html"
    names = sorted(path.name for path in page.parent.iterdir())
    tables = ["best.csv", "interactions.csv", "main_effects.csv", "pareto.csv"]
    pictures = ["pareto_total_ps_area_mm2", "tornado_total_ps", "interaction_total_ps"]
    assert {*tables, *(f"{p}.{kind}" for p in pictures for kind in ("png", "svg"))} <= set(names)
    _, differ, missing = filecmp.cmpfiles(page.parent, tmp_path / "again", names, shallow=False)
    assert (differ, missing) == ([], [])
    text = page.read_text()
    assert "no tile fits" in text and "450" not in text[text.index("<h1>") :].split("<nav>")[0]
    assert "http" not in text.replace("http://www.w3.org", "")
    assert len(set(re.findall(r'<h2 id="(\w+)"', text))) == 8


def test_the_verdict_is_computed():
    text = verdict(studied(table_of(plan_of(THREE, baseline="systolic"))))
    assert text.startswith("Best in total time is sparse with bandwidth 400 GB/s")
    assert f"{4 * 4**0.1 * 2:.2f}x faster than the slowest of 24 designs" in text
    assert "bandwidth matters most: total time is 4.00x as much at 100 GB/s as at 400 GB/s" in text
    assert text.endswith("Less than 1 % on its own: queue.")
    assert "x the speed of the baseline systolic" in text
    assert "baseline" not in verdict(studied(table_of(plan_of(THREE))))


def test_a_single_objective_has_no_front_and_the_page_says_why(tmp_path):
    plan = plan_of({"bandwidth": BANDWIDTH}, objectives={"total_ps": "minimise"})
    text = write_sweep_report(written(table_of(plan), tmp_path / "sweep")).read_text()
    assert "one objective, total time: there is nothing to trade" in text
    assert "Only one parameter takes several values" in text
    assert not list(tmp_path.rglob("pareto*.svg"))


def test_three_objectives_are_drawn_in_pairs():
    goals = GOALS | {"limited_share": "maximise"}
    found = studied(table_of(plan_of(THREE, objectives=goals)))
    pairs = [front.objectives for front in found.fronts]
    assert pairs == [
        ("total_ps", "area_mm2"), ("total_ps", "limited_share"), ("area_mm2", "limited_share"),
    ]  # fmt: skip


def test_the_range_of_an_energy_is_drawn_on_the_front(tmp_path):
    plan = plan_of({"bandwidth": BANDWIDTH}, objectives={"energy_pj": "minimise", **GOALS})
    table = table_of(plan)
    time = table.frame["total_ps"]
    ranges = {"energy_low_pj": time, "energy_pj": 2 * time, "energy_high_pj": 5 * time}
    found = studied(SweepTable(plan, table.frame.assign(**ranges, cost_table="45nm")))
    data = pareto.prepare(found, found.fronts[0])
    assert data.titles == ("energy", "total time") and data.axes[0].label == "energy (mJ)"
    ends, none = data.ranges
    assert none is None and ends == pytest.approx(data.values[:, [0]] * [0.5, 2.5])
    figure = pareto.draw(data)
    assert "low to the high end" in " ".join(text.get_text() for text in figure.texts)
    (bars,) = [c for c in figure.axes[0].collections if hasattr(c, "get_segments")]
    assert len(bars.get_segments()) == len(data.front)
    folder = written(SweepTable(plan, table.frame.assign(**ranges, cost_table="45nm")), tmp_path)
    assert "by the cost table 45nm" in write_sweep_report(folder).read_text()
    assert pareto.prepare(found, found.fronts[2]).ranges == (None, None)
    without = table.frame.assign(energy_pj=2 * time)  # results without ranges
    found = studied(SweepTable(plan, without))
    assert pareto.prepare(found, found.fronts[0]).ranges == (None, None)


def test_designs_that_failed_somewhere_are_left_out_of_means_and_named():
    table = table_of(plan_of({"bandwidth": BANDWIDTH}))
    best = table.frame["total_ps"].idxmin()
    found = studied(failed(table, [best], "the scratchpad is too small"))
    text = verdict(found)
    assert "systolic with bandwidth 400 GB/s" in text
    assert "total time is 4.00x as much at 100 GB/s as at 400 GB/s" in text
    assert [line.split(";")[0] for line in caveats(found)] == [
        "1 of 12 points failed",
        "1 of 6 designs did not run on every workload",
    ]
    rows = failures_table(found).rows
    assert rows == [["1", "the scratchpad is too small", "sparse on short: bandwidth 400 GB/s"]]
    assert pareto.prepare(found, found.fronts[0]).incomplete == 1


def test_without_a_complete_design_the_report_shows_workloads_alone(tmp_path):
    table = table_of(plan_of({"bandwidth": BANDWIDTH}, archs=["sparse"]))
    found = failed(table, [0, 1, 5])
    assert "none is best over all" in verdict(studied(found))
    text = write_sweep_report(written(found, tmp_path / "sweep")).read_text()
    assert "No design ran on every workload" in text


def test_a_workload_on_which_nothing_ran_is_said():
    table = table_of(plan_of({"bandwidth": BANDWIDTH}))
    found = studied(
        failed(table, [n for n, w in enumerate(table.frame["workload"]) if w == "long"])
    )
    assert len(found.designs.complete()) == 6
    assert left_out_lines(found) == ["No design ran on: long; means leave it out."]


def test_points_without_a_row_are_counted():
    table = table_of(plan_of(THREE, constraints=["scratchpad < 24 MiB"]))
    kept = table.frame[table.frame["scratchpad_bytes"] < 24 * 2**20]
    line = left_out_lines(studied(SweepTable(table.plan, kept)))
    assert line[0].startswith("24 points of the plan have no row: left out by the constraints")


def test_values_of_a_workload_make_cases_in_a_grid():
    found = studied(table_of(plan_of({"bandwidth": BANDWIDTH, "batch": BATCH})))
    assert len(found.designs.cases) == 4 and len(found.designs.table) == 6
    assert [found.case_text(b.case) for b in found.best[1:3]] == [
        "short (batch 1)",
        "short (batch 4)",
    ]
    assert "batch" not in verdict(found).split(":")[0]


def test_a_parameter_of_one_architecture_and_a_single_level():
    only = QUEUE | {"only": ["sparse"]}
    plan = plan_of(
        {"bandwidth": BANDWIDTH, "queue": only, "size": SCRATCHPAD | {"values": ["1 MiB"]}}
    )
    found = studied(table_of(plan))
    assert list(found.columns.values()) == ["bandwidth", "queue"]
    within = found.responses["total_ps"].within
    assert [s.parameter for s in within["architecture", "systolic"].swings()] == [
        "bandwidth_bytes_per_s"
    ]
    assert len(found.designs.table) == 3 + 6


def test_listed_points_leave_parameters_as_they_are():
    points = [{"bandwidth": "100 GB/s"}, {"bandwidth": "400 GB/s", "queue": 64}]
    plan = plan_of({"bandwidth": BANDWIDTH, "queue": QUEUE}, archs=["sparse"], workloads=["short"],
                   sampling={"kind": "list", "points": points})  # fmt: skip
    frame = table_of(plan).frame.iloc[[0, 4]].copy()
    frame.loc[frame.index[0], "queue"] = np.nan
    found = studied(SweepTable(plan, frame))
    bars = tornado.prepare(found, "total_ps", found.responses["total_ps"]).bars
    assert {bar.high for bar in bars} == {"100 GB/s", "as it is"}
    assert any("cannot be told apart" in line for line in caveats(found))


def test_limits_are_shares_of_points():
    table = limits_table(studied(table_of(plan_of({"bandwidth": BANDWIDTH}))))
    assert table.rows[0] == ["DRAM", "66.7 %", "66.7 %", "66.7 %", "50.0 %"]


def sampled(count: int, names: int, workloads: int = 1) -> SweepTable:
    """Random points of parameters with long names."""
    ranged = {"path": "x", "range": {"low": 1.0, "high": 2.0}}
    parameters = {"bandwidth": {"path": "b", "range": {"low": "100 GB/s", "high": "1 TB/s"}}}
    parameters |= {
        f"a_parameter_with_a_very_long_name_number_{n}": ranged for n in range(names - 1)
    }
    plan = plan_of(
        parameters, archs=[f"a_machine_with_a_long_name_{n}" for n in range(3)],
        workloads=[f"w{n}" for n in range(workloads)],
        sampling={"kind": "random", "points": count},
    )  # fmt: skip
    rng = np.random.default_rng(0)
    samples = [
        (f"{int(r * 1e3)} MB/s", *rng.uniform(1, 2, names - 1))
        for r in rng.uniform(1e2, 1e3, count)
    ]
    table = table_of(plan, samples)
    noise = np.exp(0.5 * rng.standard_normal(len(table.frame)))
    return SweepTable(plan, table.frame.assign(total_ps=table.frame["total_ps"] * noise))


@pytest.mark.parametrize(("count", "names", "workloads"), [(5, 1, 12), (5, 12, 1), (400, 3, 2)])
def test_every_picture_is_drawn_whatever_the_size(tmp_path, count, names, workloads):
    found = studied(sampled(count, names, workloads))
    front = pareto.prepare(found, found.fronts[0])
    response = found.responses["total_ps"]
    save(pareto.draw(front), tmp_path, "pareto")
    save(tornado.draw(tornado.prepare(found, "total_ps", response)), tmp_path, "tornado")
    pairs = interaction.prepare(found, "total_ps", response)
    assert (pairs is None) == (names == 1 or count == 5)
    if pairs is not None:
        save(interaction.draw(pairs), tmp_path, "interaction")
        assert np.isnan(pairs.shares).sum() == names * (names + 1) / 2
    assert len(front.names) == 3 and len(front.values) == 3 * count


def test_thousands_of_points_make_a_small_picture(tmp_path):
    found = studied(sampled(3400, 2))
    _, svg = save(pareto.draw(pareto.prepare(found, found.fronts[0])), tmp_path, "pareto")
    assert svg.stat().st_size < 500_000


def test_the_knee_is_named_with_its_values():
    found = studied(table_of(plan_of({"bandwidth": BANDWIDTH, "scratchpad": SCRATCHPAD})))
    data = pareto.prepare(found, found.fronts[0])
    assert data.knee is not None
    assert data.side[0] == f"Knee: point {data.knee + 1}"
    assert any(re.fullmatch(r"bandwidth \d00 GB/s", line) for line in data.side)
    assert data.axes[0].label == "total time (ms)" and data.axes[1].label == "area (mm²)"


def test_the_means_of_the_strongest_pair_are_beside_the_matrix():
    table = table_of(plan_of(THREE))
    both = (table.frame["bandwidth_bytes_per_s"] > 3e11) & (table.frame["queue"] > 64)
    frame = table.frame.assign(total_ps=table.frame["total_ps"] * np.where(both, 3, 1))
    found = studied(SweepTable(table.plan, frame))
    data = interaction.prepare(found, "total_ps", found.responses["total_ps"])
    assert data.pair == ("bandwidth", "queue") and data.rows[0] == "100 GB/s"
    ratio = data.means[2, 1] / data.means[2, 0]
    assert ratio == pytest.approx(3) and math.isclose(data.means[0, 1], data.means[0, 0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: SweepTable(t.plan, t.frame.iloc[:0]), "the results hold no point"),
        (lambda t: failed(t, list(t.frame.index)), "all 12 points failed, the first with: no tile"),
        (lambda t: SweepTable(t.plan, t.frame.drop(columns="area_mm2")), "'area_mm2' is no column"),
        (lambda t: SweepTable(t.plan, t.frame.assign(area_mm2="big")), "'area_mm2' holds no fig"),
        (lambda t: SweepTable(t.plan, t.frame.assign(area_mm2=np.nan)), "no point has a figure"),
        (lambda t: SweepTable(t.plan, t.frame.assign(area_mm2=np.inf)), "no point has a figure"),
    ],
)
def test_results_without_figures_are_refused_in_one_line(tmp_path, change, said):
    folder = written(change(table_of(plan_of({"bandwidth": BANDWIDTH}))), tmp_path / "sweep")
    with pytest.raises(InputError, match=said) as caught:
        write_sweep_report(folder)
    assert "\n" not in str(caught.value) and not (folder / "report").exists()


def test_a_plan_without_objective_and_a_sweep_that_has_not_ended_are_said(tmp_path):
    plan = plan_of({"bandwidth": BANDWIDTH})
    without = plan.model_copy(update={"objectives": {}})
    folder = written(SweepTable(without, table_of(plan).frame), tmp_path / "sweep")
    with pytest.raises(InputError, match="has no objective"):
        write_sweep_report(folder)
    (folder / "plans" / f"{plan.name}.csv").unlink()
    with pytest.raises(InputError, match="has not ended.*run it again"):
        write_sweep_report(folder)


def test_a_folder_that_is_no_report_is_left_alone(tmp_path):
    folder = written(table_of(plan_of({"bandwidth": BANDWIDTH})), tmp_path / "sweep")
    with pytest.raises(InputError, match="exists and is not a report"):
        write_sweep_report(folder, out=folder)
