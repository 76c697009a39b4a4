"""Every picture, small and large: no two texts overlap, none leaves the figure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from accelsim.analysis.breakdown import PARTS
from accelsim.analysis.comparison import Spread, spread
from accelsim.analysis.timeline import Timeline
from accelsim.hardware.component import GROUPS
from accelsim.hardware.ratio import Ratio, Span
from accelsim.report.gallery import GALLERY
from accelsim.report.plots import (
    ablation,
    area,
    bandwidth,
    bank_conflicts,
    breakdown,
    density,
    energy,
    expert_load,
    flip,
    gantt,
    index_cost,
    interaction,
    key_reuse,
    pareto,
    pattern_map,
    roofline,
    speedup,
    sram_fit,
    suite_equal,
    suite_speedup,
    tornado,
    utilisation,
    validation,
    what_if,
)
from accelsim.report.plots import spread as spread_plot
from accelsim.report.style import KIND_STYLE
from accelsim.report.suite_figures import Pair
from accelsim.report.sweep_words import Axis
from accelsim.sweep.density import Crossing, DensityPoint

LONG = "transformer.decoder.layers.17.self_attention.output_projection"
ROLES = ["baseline", "third", "candidate"]
CLOCK = "1 GHz, DRAM: request level"
ORIGIN = "synthetic: generated from parameters, taken from no model"
DPI = 100
TOUCH = 1.0  # pixels that boxes of texts may share, as they are a little larger than the letters
RANDOM = np.random.default_rng


def names(count: int, stem: str = "workload") -> list[str]:
    return [f"{stem}_{n}" if n % 3 else f"{stem}_with_a_very_long_name_{n}" for n in range(count)]


def machine_names(count: int = 3) -> list[str]:
    return ["systolic_128", "systolic_128_gather", "sparse_v1", "other"][:count]


def speedup_bars(workloads: int) -> Figure:
    values = {r: list(RANDOM(1).uniform(0.4, 9, workloads)) for r in ROLES[1:]}
    return speedup.draw(
        speedup.SpeedupBars(
            names(workloads), ["synthetic, upper bound"] * workloads, values,
            {r: spread(v) for r, v in values.items()}, workloads, "MACs are equal",
            f"systolic_128 / systolic_128_gather / sparse_v1 at {CLOCK}",
        )
    )  # fmt: skip


def breakdown_bars(kinds: int) -> Figure:
    time = RANDOM(2).uniform(0, 1e8, (kinds, 4, len(PARTS)))
    shown = list(KIND_STYLE)[:kinds]
    return breakdown.draw(
        breakdown.Breakdown(
            LONG, ORIGIN, machine_names(), CLOCK, shown, [*ROLES, "candidate_dense"], list(PARTS),
            time,
        )
    )  # fmt: skip


def energy_bars(workloads: int, more: int = 0) -> Figure:
    spent = RANDOM(18).uniform(0, 1e9, (workloads, 4, len(GROUPS)))
    spent[workloads // 2, 1] = np.nan  # a workload without this machine
    whole = spent.sum(axis=2)
    return energy.draw(
        energy.EnergyBars(
            names(workloads), [*ROLES, "candidate_dense"], ["DRAM", *GROUPS[:-1]], spent,
            np.stack([whole / 2, 2 * whole], axis=2), "45nm",
            "systolic_128 / systolic_128_gather / sparse_v1",
            " Energy, baseline / candidate 1.10x (0.97x to 1.18x): sign not established: DRAM "
            "ddr4_3200_currents decides." * (workloads == 1), more,
        )
    )  # fmt: skip


def area_bars(machines: int, sets: int) -> Figure:
    mm2 = RANDOM(19).uniform(0, 90, (machines, len(GROUPS) - 1, 2))
    whole = mm2.sum(axis=(1, 2))
    each = -(-machines // sets)
    return area.draw(
        area.AreaBars(
            [f"candidate: {name}" for name in names(machines, "machine")], list(GROUPS[:-1]), mm2,
            np.stack([whole / 2, 2 * whole], axis=1),
            [at // each * each for at in range(machines)], "45nm", 3 * (sets > 1),
        )
    )  # fmt: skip


def utilisation_map(units: int) -> Figure:
    line = Timeline(
        tuple(f"unit_{n}" for n in range(units)), np.linspace(0, 3e9, 161),
        RANDOM(3).uniform(0, 1, (units, 160)),
    )  # fmt: skip
    return utilisation.draw(
        utilisation.UtilisationOverTime(
            LONG, ORIGIN, "", CLOCK, ROLES, machine_names(), [3 * 10**9, 10**9, 2 * 10**9],
            [line] * 3,
        )
    )  # fmt: skip


def roofline_dots(operators: int, workloads: int) -> Figure:
    draw = RANDOM(4)
    kinds = list(KIND_STYLE)
    dots = [
        roofline.Dot(
            names(workloads)[at % workloads], f"{LONG}.{at}", kinds[at % len(kinds)], role,
            float(draw.uniform(1, 500)), float(draw.uniform(1e11, 1e13)),
        )
        for at in range(operators)
        for role in ROLES
    ]  # fmt: skip
    return roofline.draw(
        roofline.Roofline(
            dots, {"bf16": 1.6e13, "fp8": 3.3e13}, 9e11, names(workloads), machine_names(), CLOCK,
            [ORIGIN],
        )
    )  # fmt: skip


def gantt_panels(machines: int, servers: int, spans: int) -> Figure:
    draw = RANDOM(5)
    panels = []
    for name in machine_names(machines):
        begin = np.sort(draw.uniform(0, 9e7, spans))
        path = np.column_stack([draw.integers(0, servers, 40), np.arange(40) * 2e6, np.arange(1, 41)
                                * 2e6])  # fmt: skip
        panels.append(
            gantt.GanttPanel(
                f"candidate: {name}_with_a_long_name, 100 us to 200 us of 3.21 ms",
                [f"vector {n}" for n in range(servers)], draw.uniform(0, 1, servers),
                draw.integers(0, servers, spans), draw.integers(0, 8, spans), begin, begin + 4e5,
                path, 3,
            )
        )  # fmt: skip
    return gantt.draw(
        gantt.Gantt(f"{LONG}: who ran when", f"{ORIGIN}. {CLOCK}.", list(KIND_STYLE), 10**8, panels)
    )


def bandwidth_lines(machines: int, buffers: int, peak: float = 450.0) -> Figure:
    draw = RANDOM(6)
    edges = np.linspace(0, 3e9, 121)
    made = [
        bandwidth.Machine(
            f"candidate: {name}_with_a_long_name", "1.55 ms, 68.5 % of the peak, 237 ns a read\n"
            "buffers: tiles 168 KiB, weights 96 KiB",
            {unit: draw.uniform(0, 150, 120) for unit in ("load", "store", "scatter")}, peak,
            {f"buffer_{n}": draw.uniform(0, 1, 120) for n in range(buffers)},
        )
        for name in machine_names(machines)
    ]  # fmt: skip
    return bandwidth.draw(bandwidth.BandwidthOverTime(LONG, CLOCK, edges, made))


def bank_bars(machines: int, workloads: int) -> Figure:
    draw = RANDOM(7)
    roles = [*ROLES, "other"][:machines]
    shares = [draw.uniform(0, 0.2, workloads) for _ in roles]
    return bank_conflicts.draw(
        bank_conflicts.BankConflicts(
            CLOCK, roles, [f"candidate: {n} / {n}_of_other_size" for n in machine_names(machines)],
            draw.integers(0, 10**6, (machines, 9)), shares, shares[::-1],
        )
    )  # fmt: skip


def what_if_bars(changes: int) -> Figure:
    gains = sorted(RANDOM(8).uniform(0.9, 1.9, changes), reverse=True)
    named = [f"DRAM, load and store x{n}, with their ports and banks" for n in range(changes)]
    return what_if.draw(
        what_if.Gains(f"{LONG}: what would help most", CLOCK, list(zip(named, gains, strict=True)),
                      ["FIFOs of the array x2"], 4)
    )  # fmt: skip


def flip_rows(count: int) -> Figure:
    draw = RANDOM(9)
    rows = []
    for number in range(count):
        slope = float(draw.uniform(-0.5, 0.5))
        tried = tuple((2.0**p, float(1.3 * 2 ** (slope * p))) for p in range(-4, 5))
        at = 2 ** (-np.log2(1.3) / slope)
        rows.append(
            flip.FlipAxis(
                names(count, "scratchpad.shares.array")[number], "450 GB/s", tried,
                float(at) if 1 / 16 < at < 16 else None, "1.35 TB/s" if number % 2 else "",
                "the baseline's array grows too" if number % 5 == 0 else "",
            )
        )  # fmt: skip
    return flip.draw(
        flip.prepare("How far until the winner changes", CLOCK, "sparse_v1", "systolic_128", rows)
    )


def ablation_bars(units: int) -> Figure:
    pairs = list(zip(names(units, "unit"), RANDOM(10).uniform(0.8, 3, units), strict=True))
    return ablation.draw(ablation.prepare("What each unit is worth", CLOCK, 3.1, pairs))


def spread_rows(overs: int, width: float) -> Figure:
    draw = RANDOM(17)
    overs_of = ["layers", "placements", "seeds", "texts"][:overs]
    rows = [
        spread_plot.Interval(
            over, rival, 120, None if over == "seeds" else ends(draw, width),
            "not varied: nothing in the trace was drawn from a seed" if over == "seeds" else
            "each sequence of the batch in the place of all of them",
        )
        for over in overs_of
        for rival in ("baseline", "third")
    ]  # fmt: skip
    return spread_plot.draw(spread_plot.prepare(f"{LONG}: how far", f"{ORIGIN}. {CLOCK}", rows))


def ends(draw: np.random.Generator, width: float) -> tuple[float, float, float]:
    low, mean, high = np.sort(np.exp(draw.uniform(-width, width, 3)))
    return float(mean), float(low), float(high)


def reuse_lines(workloads: int) -> Figure:
    tiles = list(key_reuse.TILES)
    lines = [
        key_reuse.ReuseLine(
            name, bool(at % 2), False, [(40 + at) * t**0.5 for t in tiles],
            [(30 * t**0.5, 60 * t**0.5) for t in tiles], [t**0.5 + at for t in tiles],
            [(0.9 * t**0.5 + at, 1.2 * t**0.5 + at) for t in tiles],
        )
        for at, name in enumerate(names(workloads))
    ]  # fmt: skip
    return key_reuse.draw(key_reuse.ReuseCurves(tiles, lines, True))


def density_lines(kept: tuple[int, ...]) -> Figure:
    points = [
        DensityPoint(k, k / 1025, s, r, 9 * (16 / k) ** 0.7)
        for k in kept
        for s in ("oracle", "from_scores")
        for r in ("third", "candidate")
    ]
    crossed = [
        Crossing(s, r, 0.2 + 0.02 * at)
        for at, (s, r) in enumerate(
            itertools.product(("oracle", "from_scores"), ("third", "candidate"))
        )
    ]
    return density.draw(density.DensityCurves(points, crossed, machine_names(), CLOCK))


def pareto_points(designs: int, archs: int) -> Figure:
    values = RANDOM(11).uniform(1, 10, (designs, 2))
    front = [n for n in np.argsort(values[:, 0])
             if values[n, 1] <= values[values[:, 0] <= values[n, 0], 1].min()]  # fmt: skip
    side = ["Knee: point 1", "sparse_v1", *(f"{LONG} {n} KiB" for n in range(archs))]
    return pareto.draw(
        pareto.Pareto(
            (Axis("total time (ms)", 1.0), Axis("area (mm2)", 1.0)), ("total time", "area"),
            (False, False), (False, False), names(archs, "machine"), values,
            np.arange(designs) % archs, np.array(front),
            (None, values[:, [1]] * [0.6, 1.8]), 0, side, 3, 12, "geometric mean",
        )
    )  # fmt: skip


def tornado_bars(count: int) -> Figure:
    draw = RANDOM(12)
    bars = [
        tornado.Bar(name, "128 KiB", "a_long_value_of_this_parameter", float(low), float(high))
        for name, low, high in zip(
            names(count, "scratchpad.ports"), draw.uniform(0.3, 1, count),
            draw.uniform(1, 4, count), strict=True,
        )
    ]  # fmt: skip
    return tornado.draw(tornado.Tornado("total time", False, bars, 3, 12_345))


def interaction_maps(count: int, levels: int) -> Figure:
    draw = RANDOM(13)
    return interaction.draw(
        interaction.Interaction(
            "total time", names(count, "scratchpad.ports"), draw.uniform(0, 0.1, (count, count)),
            True, ("dram.bandwidth", "scratchpad.read_ports"),
            [f"{128 << n} GB/s" for n in range(levels)], [str(n) for n in range(levels)],
            draw.uniform(0.5, 2, (levels, levels)),
        )
    )  # fmt: skip


def expert_bars(layers: int, experts: int, traces: int) -> Figure:
    tokens = [
        [np.sort(RANDOM(14).integers(0, 900, experts))[::-1] for _ in range(layers)]
        for _ in range(traces)
    ]
    scopes = [f"{LONG}.{n}" for n in range(layers)]
    return expert_load.draw(
        expert_load.ExpertLoad(names(traces), ORIGIN, scopes, tokens, 9 * (layers > 3))
    )


def pattern_maps(panels: int) -> Figure:
    shares = [RANDOM(15).uniform(0, 1, (32, 32)) for _ in range(panels)]
    return pattern_map.draw(
        pattern_map.PatternMap(
            LONG, ORIGIN, [f"{LONG}.{n}: keeps 12.5 % of all pairs" for n in range(panels)], shares,
            [(131_072, 131_072)] * panels, 3,
        )
    )  # fmt: skip


def validation_points(suites: int) -> Figure:
    def pair(scale: float) -> tuple[np.ndarray, np.ndarray]:
        x = np.geomspace(1, 1e6 * scale, 20)
        return x, x * RANDOM(16).uniform(0.8, 1.2, 20)

    rows = {name: pair(1 + at) for at, name in enumerate(names(suites, "suite"))}
    return validation.draw(validation.Points(rows, {"published": pair(2)}))


def index_lines(count: int) -> Figure:
    lengths = tuple(1 << power for power in range(12, 12 + count))
    grown = tuple(10**6 * n for n in range(1, count + 1))
    return index_cost.draw(
        index_cost.IndexCost("recipe", lengths, grown, (3 * 10**6,) * count, grown, 9000.0)
    )


def suite_pairs(draw: np.random.Generator, workloads: int, width: float) -> list[Pair]:
    found = []
    for _ in range(workloads):
        mean, low, high = ends(draw, width)
        found.append(Pair(mean, Spread(mean, low, high), (low, mean, high), "layers"))
    return found


def suite_rows(workloads: int) -> Figure:
    draw = RANDOM(18)
    roles = ("third", "candidate", "candidate_dense")
    pairs = {role: suite_pairs(draw, workloads, 0.7) for role in roles}
    return suite_speedup.draw(
        suite_speedup.SuiteSpeedup(
            names(workloads), pairs, dict.fromkeys(roles, 1.2), " / ".join(machine_names())
        )
    )


def _span(draw: np.random.Generator, width: float) -> Span:
    value, low, high = ends(draw, width)
    return Span(low, value, high)


def suite_equals(workloads: int, width: float) -> Figure:
    draw = RANDOM(19)
    shipped = {role: suite_pairs(draw, workloads, width) for role in suite_equal.ROLES}
    scaled: dict[str, list[Span | None]] = {
        role: [*(_span(draw, width) for _ in range(workloads - 1)), None]
        for role in suite_equal.ROLES
    }
    energy: list[list[Ratio | None]] = [
        [*(Ratio(*ends(draw, width), "wire") for _ in range(workloads - 1)), None] for _ in range(2)
    ]
    how = "; ".join(
        f"{name}: 128 -> 142 rows, 24 -> 26.41 MiB: 432.1 mm2 against 432.1 mm2 by 45nm"
        for name in machine_names(2)
    )
    means = ({"third": 1.2, "candidate": 1.4}, {"third": 1.1, "candidate": 1.3})
    return suite_equal.draw(
        suite_equal.SuiteEqual(
            names(workloads), shipped, scaled, *energy, (*means, 1.05, 1.1), "area", "45nm", how
        )
    )


PICTURES: dict[str, Callable[[], Figure]] = {
    "speedup small": lambda: speedup_bars(1),
    "speedup large": lambda: speedup_bars(12),
    "speedup forty": lambda: speedup_bars(40),
    "breakdown small": lambda: breakdown_bars(1),
    "breakdown large": lambda: breakdown_bars(8),
    "energy small": lambda: energy_bars(1),
    "energy middle": lambda: energy_bars(4),
    "energy large": lambda: energy_bars(12, 30),
    "area small": lambda: area_bars(2, 1),
    "area middle": lambda: area_bars(6, 2),
    "area large": lambda: area_bars(24, 8),
    "utilisation small": lambda: utilisation_map(2),
    "utilisation large": lambda: utilisation_map(30),
    "roofline small": lambda: roofline_dots(3, 1),
    "roofline large": lambda: roofline_dots(40, 12),
    "gantt small": lambda: gantt_panels(1, 2, 3),
    "gantt large": lambda: gantt_panels(3, 12, 1333),
    "gantt many servers": lambda: gantt_panels(1, 30, 300),
    "bandwidth small": lambda: bandwidth_lines(1, 1),
    "bandwidth far below the peak": lambda: bandwidth_lines(3, 2, 5000.0),
    "bandwidth large": lambda: bandwidth_lines(4, 6),
    "bank_conflicts small": lambda: bank_bars(1, 1),
    "bank_conflicts large": lambda: bank_bars(4, 12),
    "what_if small": lambda: what_if_bars(2),
    "what_if large": lambda: what_if_bars(30),
    "flip small": lambda: flip_rows(2),
    "flip middle": lambda: flip_rows(12),
    "flip large": lambda: flip_rows(30),
    "ablation small": lambda: ablation_bars(2),
    "ablation large": lambda: ablation_bars(30),
    "spread small": lambda: spread_rows(1, 0.01),
    "spread large": lambda: spread_rows(4, 0.4),
    "spread wide": lambda: spread_rows(4, 6.0),
    "spread of nothing": lambda: spread_plot.draw(
        spread_plot.prepare("nothing", CLOCK, [spread_plot.Interval("texts", "third", 0, None)])
    ),
    "key_reuse small": lambda: reuse_lines(1),
    "key_reuse large": lambda: reuse_lines(12),
    "density small": lambda: density_lines((16, 1024)),
    "density large": lambda: density_lines((16, 32, 64, 128, 256, 512, 1024)),
    "pareto small": lambda: pareto_points(3, 2),
    "pareto large": lambda: pareto_points(900, 12),
    "tornado small": lambda: tornado_bars(2),
    "tornado large": lambda: tornado_bars(20),
    "interaction small": lambda: interaction_maps(2, 2),
    "interaction large": lambda: interaction_maps(20, 12),
    "expert_load small": lambda: expert_bars(1, 4, 1),
    "expert_load large": lambda: expert_bars(6, 128, 2),
    "kept_keys small": lambda: pattern_maps(1),
    "kept_keys large": lambda: pattern_maps(6),
    "validation small": lambda: validation_points(1),
    "validation large": lambda: validation_points(9),
    "index_cost small": lambda: index_lines(3),
    "index_cost large": lambda: index_lines(9),
    "suite_speedup small": lambda: suite_rows(2),
    "suite_speedup large": lambda: suite_rows(12),
    "suite_equal small": lambda: suite_equals(2, 0.05),
    "suite_equal large": lambda: suite_equals(12, 0.2),
    "suite_equal wide": lambda: suite_equals(20, 3.0),
    "sram_fit small": lambda: sram_fit.draw(sram_fit.prepare(22)),
    "sram_fit large": lambda: sram_fit.draw(sram_fit.prepare(45)),
}


def labels(figure: Figure) -> Iterator[tuple[str, Bbox]]:
    """Texts that can be seen, with their boxes in pixels."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    renderer = canvas.get_renderer()
    hidden = {id(t) for axes in figure.axes if not axes.get_visible() for t in axes.findobj(Text)}
    beyond = {id(tick) for axes in figure.axes for tick in _outside_ticks(axes)}
    for text in figure.findobj(Text):
        said = text.get_text().strip()
        if said and text.get_visible() and id(text) not in hidden | beyond:
            yield said, Text.get_window_extent(text, renderer)  # without its arrow


def _outside_ticks(axes: Axes) -> Iterator[Text]:
    """Labels of ticks that lie beyond the limits, or that another panel shows in their place."""
    for axis in (axes.xaxis, axes.yaxis):
        if not axes.axison:
            yield from axis.findobj(Text)
            continue
        shown = {id(tick) for tick in axis._update_ticks()}
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            if id(tick) not in shown:
                yield from (tick.label1, tick.label2)


@pytest.mark.parametrize("name", PICTURES)
def test_no_texts_overlap_and_none_leaves_the_figure(name: str) -> None:
    figure = PICTURES[name]()
    found = list(labels(figure))
    whole = figure.bbox
    for said, box in found:
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= whole.x1 + 1 and box.y1 <= whole.y1 + 1
        assert inside, f"{said!r} leaves the figure: {box}"
    faults = [
        f"{first!r} on {second!r}"
        for (first, one), (second, other) in itertools.combinations(found, 2)
        if min(one.x1, other.x1) - max(one.x0, other.x0) > TOUCH
        and min(one.y1, other.y1) - max(one.y0, other.y0) > TOUCH
    ]
    assert not faults, "\n".join(faults[:12])


def test_every_picture_of_the_gallery_is_looked_at() -> None:
    drawn = {name.split()[0] for name in PICTURES}
    assert set(GALLERY) <= drawn
