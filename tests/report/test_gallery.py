"""The pictures of time and memory: their figures, what bounds them, and the command that draws."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from accelsim.analysis.spans import Steps, buffer_steps, most_by_bin, spans, task_servers
from accelsim.errors import InputError
from accelsim.report.gallery import GALLERY, Needs, Runs, Studied, entry
from accelsim.report.plots import ablation, bandwidth, bank_conflicts, flip, gantt, spread, what_if
from accelsim.report.style import save
from accelsim.report.terms import shown_results
from accelsim.sweep.what_if import WhatIf
from accelsim.workload.trace import write_trace
from tests.report.test_robustness import FOUND
from tests.sweep import rivals

LARGEST_SVG = 300_000


@pytest.fixture(scope="module")
def result(few):
    return few.results["candidate"]


def test_a_gantt_of_the_whole_run_shows_what_servers_held(result):
    end = result.replayed_ps
    data = gantt.prepare({"candidate": result}, [(0, end)])
    (panel,) = data.panels
    assert len(panel.row) == spans(result, 0, end, 10**9).unit.size
    for row, held in enumerate(panel.held):
        mine = panel.row == row
        assert (panel.end - panel.begin)[mine].sum() == pytest.approx(held * end)
    assert panel.left_out == 0
    assert {data.kinds[kind] for kind in panel.kind} == set(data.kinds)


def test_the_critical_path_of_a_gantt_lies_where_its_servers_are_held(result):
    end = result.replayed_ps
    (panel,) = gantt.prepare({"candidate": result}, [(0, end)]).panels
    assert len(panel.path)
    # Segments follow each other, so they never sum to more than the window.
    assert (panel.path[1:, 1] >= panel.path[:-1, 2] - end / gantt.PIXELS).all()
    assert (panel.path[:, 2] - panel.path[:, 1]).sum() <= end
    assert panel.path[:, 0].min() >= 0 and panel.path[:, 0].max() < len(panel.rows)


def test_a_window_holds_what_lies_in_it_and_is_one_length_for_all(few):
    results = shown_results(few)
    windows = gantt.windows_of(results)
    assert len({end - begin for begin, end in windows}) == 1
    begin, end = windows[0]
    data = gantt.prepare(results)
    assert data.length_ps == end - begin and len(data.panels) == len(results)
    for panel in data.panels:
        assert panel.begin.min() >= 0 and panel.end.max() <= data.length_ps
        assert (panel.held <= 1 + 1e-9).all()


def test_thousands_of_spans_stay_small(many, tmp_path: Path):
    results = shown_results(many)
    longest = max(result.replayed_ps for result in results.values())
    data = gantt.prepare(results, [(0, longest)] * len(results))
    assert 2_000 < sum(len(panel.row) for panel in data.panels) <= gantt.MOST_SPANS
    _, svg = save(gantt.draw(data), tmp_path, "first")
    assert svg.stat().st_size < LARGEST_SVG
    _, again = save(gantt.draw(data), tmp_path, "again")
    assert svg.read_bytes() == again.read_bytes()


def test_servers_that_are_held_least_make_room(result, monkeypatch):
    monkeypatch.setattr(gantt, "MOST_ROWS", 3)
    (panel,) = gantt.prepare({"candidate": result}, [(0, result.replayed_ps)]).panels
    assert len(panel.rows) == 3 and panel.left_out > 0
    assert panel.row.max() < 3 and panel.path[:, 0].max() < 3


def test_servers_of_tasks_are_those_of_the_spans(result):
    server = task_servers(result)
    found = spans(result, 0, result.replayed_ps, 10**9)
    assert (server[found.first] == found.server).all()


def test_most_by_bin_is_the_greatest_value_that_was_held():
    steps = Steps(np.array([0, 10, 12, 35]), np.array([1, 5, 2, 0]))
    assert most_by_bin(steps, np.array([0.0, 10, 20, 30, 40])).tolist() == [1, 5, 2, 2]
    nothing = Steps(np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert most_by_bin(nothing, np.array([0.0, 1.0])).tolist() == [0]


def test_buffers_reach_what_was_claimed_at_most(result):
    data = bandwidth.prepare({"candidate": result})
    (machine,) = data.machines
    sizes = dict(zip(result.program.buffer_name, result.program.buffer_bytes, strict=True))
    for name, steps in buffer_steps(result).items():
        most = steps.value.max(initial=0) / max(1, sizes[name])
        assert machine.filled[name].max() == pytest.approx(most)
    assert sum(machine.bandwidth.values()).max() > 0


def test_bank_conflicts_sum_reads_over_workloads(few):
    once = bank_conflicts.prepare({"candidate": [few.results["candidate"]]})
    twice = bank_conflicts.prepare({"candidate": [few.results["candidate"]] * 2})
    assert (twice.waits == 2 * once.waits).all()
    units = few.results["candidate"].units.set_index("unit")
    share = units.loc["array", "stall:conflict_ps"] / few.results["candidate"].total_ps
    assert once.array[0][0] == pytest.approx(share)


def test_what_if_sorts_gains_and_names_what_was_refused(few):
    arch = few.results["candidate"].arch
    changes = [
        WhatIf("a", (), 10, 1.1),
        WhatIf("b", (), 5, 2.0),
        WhatIf("c", (), refused="no tile fits"),
    ]
    data = what_if.prepare(arch, few.trace, 11, changes)
    assert [name for name, _ in data.gains] == ["b", "a"] and data.refused == ["c"]


def test_a_point_within_one_percent_is_no_win_in_the_picture_either():
    tried = ((0.5, 1.009), (1.0, 1.2), (2.0, 0.985))
    axis = flip.FlipAxis("lanes", "", tried, 2.0)
    drawn = flip.draw(flip.prepare("t", "", "c", "r", [axis]))
    marks = [line.get_marker() for line in drawn.axes[0].lines if line.get_markersize() == 6]
    assert [mark for mark in marks if mark in ("x", "o", "s")] == ["x", "o", "s"]
    assert [label.get_text() for label in drawn.axes[0].get_yticklabels()] == ["lanes"]


def test_the_nearest_flip_comes_first_and_none_last():
    def axis(name: str, at: float | None) -> flip.FlipAxis:
        return flip.FlipAxis(name, "1", ((0.5, 2.0), (2.0, 0.5)), at)

    data = flip.prepare("", "", "c", "r", [axis("never", None), axis("far", 0.1), axis("near", 2)])
    assert [row.name for row in data.axes] == ["near", "far", "never"]


def test_what_costs_most_comes_first():
    data = ablation.prepare("", "", 3.0, [("a", 2.5), ("b", 1.5)])
    assert [name for name, _ in data.without] == ["b", "a"]


def test_every_entry_draws_and_its_table_is_not_empty(few, tmp_path: Path):
    sources = {
        Needs.COMPARISON: [few],
        Needs.RUN: Runs([shown_results(few)], None),
        Needs.TRACE: [few.trace],
        Needs.ROBUSTNESS: Studied(FOUND, few),
    }
    seen = set()
    for name, picture in GALLERY.items():
        if picture.needs not in sources:
            continue
        for data in picture.prepare(sources[picture.needs]).values():
            assert picture.draw(data).axes, name
            if picture.table is not None:
                table = picture.table(data)
                assert len(table) and not table.columns.duplicated().any(), name
            seen.add(name)
    assert seen == {name for name, picture in GALLERY.items() if picture.needs in sources}
    assert set(entry("flip").prepare(sources[Needs.ROBUSTNESS])) == {"baseline", "third"}


def test_spreads_of_one_thing_stand_together_and_only_one_side_of_1_is_established():
    rows = [
        spread.Interval("layers", "baseline", 2, (1.5, 1.2, 1.9)),
        spread.Interval("texts", "baseline", 2, (1.0, 0.9, 1.2)),
        spread.Interval("layers", "third", 2, (0.5, 0.4, 0.9)),
    ]
    data = spread.prepare("", "", rows)
    assert [(row.over, row.rival) for row in data.rows] == [
        ("layers", "baseline"), ("layers", "third"), ("texts", "baseline"),
    ]  # fmt: skip
    assert [spread.established(row.ends) for row in data.rows] == [True, True, False]
    dots = [line for line in spread.draw(data).axes[0].lines if line.get_marker() in "os"]
    hollow = [line.get_markerfacecolor() == "white" for line in dots]
    assert hollow == [False, False, True]
    assert [float(line.get_xdata()[0]) for line in dots] == [1.5, 0.5, 1.0]


@pytest.mark.parametrize(
    ("name", "said"),
    [("flip", "an axis to move along"), ("ablation", "a unit to take"), ("spread", "a spread")],
)
def test_what_was_not_found_is_said(few, name, said):
    nothing = FOUND._replace(flips=(), ablation=(), spreads=())
    with pytest.raises(InputError, match=said):
        entry(name).prepare(Studied(nothing, few))


def test_an_unknown_picture_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'gantt'"):
        entry("gant")


RUN = ("--arch", "sparse_small", "--workload", "tiny_moe_lm")
PAIR = ("--baseline", "systolic_32", "--candidate", "sparse_small")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gant", *RUN), "did you mean 'gantt'? known: ablation"),
        (("gantt", "--workload", "tiny_moe_lm"), "plot gantt needs --arch"),
        (("gantt", *RUN, "--baseline", "systolic_32"), "--arch and --baseline exclude each other"),
        (("gantt", *RUN, "--window", "5us:1us"), "expected BEGIN:END such as 10us:50us"),
        (("bandwidth", *RUN, "--window", "1us:5us"), "plot bandwidth takes no --window"),
        (("speedup", *RUN), "plot speedup needs --baseline and --candidate"),
        (("flip", *RUN), "plot flip needs --baseline and --candidate (such as: accelsim plot flip"),
        (("spread", *PAIR, *RUN[2:], *RUN[2:]), "plot spread takes one --workload"),
        (("pareto",), "plot pareto needs SWEEP (such as: accelsim plot pareto runs/ports)"),
        (("density", "--workload", "tiny_moe_lm"), "plot density takes no --workload"),
        (("what_if", *RUN, "--workload", "window_8k"), "takes one --workload"),
        (("pareto", "no_such_folder"), "no results of a sweep are here"),
    ],
)
def test_wrong_inputs_are_one_line_with_the_remedy(cli, arguments, said):
    done = cli("plot", *arguments)
    assert done.code == 3 and said in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_the_command_writes_picture_and_table_and_names_them(cli, tmp_path: Path):
    done = cli("plot", "gantt", *RUN, "--window", "10us:50us", "--out", tmp_path / "new")
    names = ["gantt.png", "gantt.svg", "gantt.csv"]
    assert done.code == 0, done.err
    assert [Path(line).name for line in done.out.split()] == names
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(names)
    table = pd.read_csv(tmp_path / "new" / "gantt.csv")
    assert table["begin_ps"].min() >= 0 and table["end_ps"].max() <= 40_000_000


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("spread", ["spread"]),
        ("ablation", ["ablation"]),
        ("flip", ["flip_baseline", "flip_third"]),
    ],
)
def test_what_was_simulated_again_is_drawn(cli, tmp_path: Path, name: str, drawn: list[str]):
    trace = tmp_path / "small.trace"
    write_trace(trace, "small", [rivals.attention(rivals.stored())])
    done = cli("plot", name, *PAIR, "--workload", trace, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    files = [Path(line).name for line in done.out.split()]
    assert files == [f"{one}.{end}" for one in drawn for end in ("png", "svg", "csv")]
    assert all(len(pd.read_csv(tmp_path / "out" / f"{one}.csv")) > 2 for one in drawn)


def test_a_window_after_the_end_is_refused(cli, tmp_path: Path):
    done = cli("plot", "gantt", *RUN, "--window", "10s:50s", "--out", tmp_path)
    assert done.code == 3 and "holds no task; the run ends at" in done.err


def test_a_picture_without_inputs_draws(cli, tmp_path: Path):
    assert cli("plot", "index_cost", "--out", tmp_path).code == 0
    assert len(pd.read_csv(tmp_path / "index_cost.csv")) > 2


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("plots", "gantt"),
        ("suites", "sparse_12"),
        ("sweeps", "array_and_ports"),
        ("metrics", "total_ps"),
        ("architectures", "sparse_v1"),
    ],
)
def test_lists_name_what_there_is(cli, kind, said):
    done = cli("list", kind)
    assert done.code == 0 and said in done.out


def test_an_unknown_list_names_the_known_ones(cli):
    done = cli("list", "plot")
    assert done.code == 3 and "did you mean 'plots'?" in done.err


def test_a_sweep_folder_gives_its_front(cli, tmp_path: Path):
    done = cli("plot", "pareto", _sweep(tmp_path / "sweep"), "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert len(pd.read_csv(tmp_path / "out" / "pareto.csv")) == 4
    done = cli("plot", "tornado", tmp_path / "sweep", "--out", tmp_path / "out")
    assert {Path(line).name for line in done.out.split()} == {
        "tornado_total_ps.png", "tornado_total_ps.svg", "tornado_area_mm2.png",
        "tornado_area_mm2.svg", "tornado.csv",
    }  # fmt: skip


def _sweep(folder: Path) -> Path:
    from accelsim.sweep.plan import Plan

    plan = Plan.model_validate(
        {
            "name": "made", "architectures": ["sparse"], "workloads": ["short"],
            "parameters": {
                "bandwidth": {"path": "dram.bandwidth", "values": ["100 GB/s", "200 GB/s"]},
                "queue": {"path": "load.outstanding", "values": [64, 128]},
            },
            "objectives": {"total_ps": "minimise", "area_mm2": "minimise"},
        }
    )  # fmt: skip
    rows = [
        {"point": n, "architecture": "sparse", "workload": "short",
         plan.column("bandwidth"): 10**11 * (1 + n // 2), plan.column("queue"): 64 * (1 + n % 2),
         "total_ps": 10**9 // (1 + n), "area_mm2": 10.0 + n, "limited_by": "DRAM",
         "limited_share": 0.5, "error": None, "hash": "0"}
        for n in range(4)
    ]  # fmt: skip
    (folder / "plans").mkdir(parents=True)
    (folder / "plans" / "made.json").write_text(
        json.dumps({"plan": plan.model_dump(mode="json"), "architectures": {}})
    )
    pd.DataFrame(rows).to_csv(folder / "plans" / "made.csv", index=False)
    return folder
