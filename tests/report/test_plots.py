"""Every plot: its figures are those of the Result, and it draws whatever the size of the input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from accelsim.analysis.breakdown import path_parts
from accelsim.analysis.timeline import timeline
from accelsim.report.plots import (
    breakdown,
    density,
    expert_load,
    key_reuse,
    roofline,
    speedup,
    utilisation,
)
from accelsim.report.style import INCHES, PNG_DPI, save
from accelsim.sweep.density import DensityPoint, crossings, density_points
from accelsim.sweep.trios import BIG, SMALL


def figures(comparison):
    """Every plot of one comparison by name."""
    trace = comparison.trace
    points = [
        DensityPoint(k, k / 100, selection, role, 40 / k)
        for k in (16, 32, 64)
        for selection in ("oracle", "from_scores")
        for role in ("third", "candidate")
    ]
    return {
        "speedup": speedup.draw(speedup.prepare([comparison])),
        "breakdown": breakdown.draw(breakdown.prepare(comparison)),
        "utilisation": utilisation.draw(utilisation.prepare(comparison)),
        "roofline": roofline.draw(roofline.prepare([comparison])),
        "expert_load": expert_load.draw(expert_load.prepare([trace, trace])),
        "key_reuse": key_reuse.draw(key_reuse.prepare([trace], (1, 8))),
        "density": density.draw(density.prepare(points, BIG)),
    }


@pytest.mark.parametrize("size", ["few", "many"])
def test_every_plot_draws(size: str, request: pytest.FixtureRequest, tmp_path: Path):
    for name, figure in figures(request.getfixturevalue(size)).items():
        png, svg = save(figure, tmp_path, name)
        width, height = np.frombuffer(png.read_bytes()[16:24], ">u4")
        assert (width, height) == (INCHES[0] * PNG_DPI, INCHES[1] * PNG_DPI)
        assert svg.read_text().rstrip().endswith("</svg>")


def test_many_workloads_share_one_picture(few, tmp_path: Path):
    save(speedup.draw(speedup.prepare([few] * 40)), tmp_path, "speedup")


def test_texts_of_a_picture_lie_within_it(many):
    for name, figure in figures(many).items():
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        for text in figure.texts:
            box = text.get_window_extent(renderer)
            assert box.x0 >= 0 and box.x1 <= figure.bbox.x1, f"{name}: {text.get_text()}"


def test_speedups_are_those_of_the_comparison(few):
    data = speedup.prepare([few, few])
    for role, values in data.speedups.items():
        assert values == [few.speedup(role)] * 2
        assert data.spreads[role].geomean == pytest.approx(few.speedup(role))
    assert data.remarks[0] == "synthetic, upper bound"


def test_controls_are_left_out_of_the_mean(few):
    from dataclasses import replace

    control = replace(few, trace=replace(few.trace, name="tiny_moe_lm_random"))
    data = speedup.prepare([few, control])
    assert (data.averaged, data.remarks[1]) == (1, "control")


def test_parts_of_the_path_sum_to_the_total(few):
    data = breakdown.prepare(few)
    for at, role in enumerate(data.roles):
        assert data.time_ps[:, at].sum() == pytest.approx(few.results[role].total_ps)
        table = few.results[role].operators.groupby("kind")["time_ps"].sum()
        for row, kind in enumerate(data.kinds):
            assert data.time_ps[row, at].sum() == pytest.approx(table[kind])
    assert (path_parts(few.results["candidate"])["time_ps"] >= 0).all()


def test_mean_of_the_timeline_is_the_utilisation(few):
    for result in few.results.values():
        line = timeline(result, bins=50)
        busy = dict(zip(line.units, line.busy.mean(axis=1), strict=True))
        units = result.units.set_index("unit")
        assert busy["array"] == pytest.approx(units.loc["array", "occupancy"], abs=1e-9)
        assert busy["DRAM"] == pytest.approx(result.summary["dram_utilization"])


def test_timeline_may_end_later_than_the_machine(few):
    result = few.results["candidate"]
    line = timeline(result, bins=10, until_ps=2 * result.total_ps)
    assert line.busy[:, 5:].max() < 1e-9 < line.busy[:, :5].max()


def test_a_dot_is_macs_over_time_and_over_bytes(few):
    data = roofline.prepare([few])
    dot = next(d for d in data.dots if d.kind == "attention" and d.role == "candidate")
    table = few.results["candidate"].operators
    row = table[table["kind"] == "attention"].iloc[0]
    assert dot.macs_per_second == pytest.approx(row["effectual_macs"] / row["time_ps"] * 1e12)
    assert dot.macs_per_byte == pytest.approx(row["effectual_macs"] / row["dram_bytes"])
    assert list(data.peaks) == ["bf16"]


def test_expert_tokens_are_those_of_the_trace(few):
    data = expert_load.prepare([few.trace])
    assert data is not None
    assert [int(tokens.sum()) for tokens in data.tokens[0]] == [256]
    assert (np.diff(data.tokens[0][0]) <= 0).all()


def test_no_experts_no_picture():
    from accelsim.sweep.density import density_trace

    assert expert_load.prepare([density_trace(16, "oracle", heads=1, length=64)]) is None
    assert expert_load.prepare([]) is None


def test_tile_of_one_query_has_its_own_keys(few):
    data = key_reuse.prepare([few.trace], (1, 8))
    pattern = few.trace.operators[1].pattern
    assert data.lines[0].distinct[0] == pytest.approx(pattern.nnz / pattern.rows)
    assert data.lines[0].sharers[0] == pytest.approx(1)
    assert data.lines[0].distinct[1] > data.lines[0].distinct[0]


def test_equal_patterns_are_one_line(few):
    data = key_reuse.prepare([few.trace, few.trace], (1, 8))
    assert [line.workload for line in data.lines] == ["few, few"]


def test_crossing_is_between_its_neighbours():
    points = [
        DensityPoint(1, 0.01, "oracle", "candidate", 4.0),
        DensityPoint(2, 0.16, "oracle", "candidate", 0.25),
    ]
    assert crossings(points)[0].density == pytest.approx(0.04)
    assert crossings(points[:1]) == []
    level = points[1]._replace(speedup=1.0)
    assert crossings([points[0], level])[0].density == pytest.approx(0.16)


def test_a_density_sweep_runs_both_ways_to_pay():
    points = density_points(SMALL.sources(), (16,), heads=1, length=128)
    assert {(p.selection, p.role) for p in points} == {
        (s, r) for s in ("oracle", "from_scores") for r in ("third", "candidate")
    }
    free, paid = (
        next(p.speedup for p in points if (p.selection, p.role) == (s, "candidate"))
        for s in ("oracle", "from_scores")
    )
    assert free >= paid


def test_thousands_of_dots_of_a_roofline_stay_small(few, tmp_path: Path, monkeypatch):
    data = roofline.prepare([few])
    many = data._replace(dots=data.dots * 100)
    monkeypatch.setattr(roofline, "AS_SHAPES", len(many.dots) - 1)
    _, whole = save(roofline.draw(data), tmp_path, "few")
    _, image = save(roofline.draw(many), tmp_path, "many")
    assert b"<title>" in whole.read_bytes() and b"<title>" not in image.read_bytes()
    assert image.stat().st_size < 2 * whole.stat().st_size
