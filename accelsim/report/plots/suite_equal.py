"""Points beside each other: speedup at equal MACs and at equal area, and energy with its range."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.hardware.ratio import Ratio, Span
from accelsim.report.style import ROLE_COLOURS, new_figure, settle, styled
from accelsim.report.suite_figures import Figures, Pair
from accelsim.report.words import ROLE_TITLES, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROLES = ("third", "candidate")
MARKERS = {"third": "s", "candidate": "o"}
TICKS = tuple(2.0**power for power in range(-8, 9, 2))
MIDDLE_TICKS = tuple(2.0**power for power in range(-8, 9))
HALF_TICKS = (0.18, 0.25, 0.35, 0.5, 0.7, 1, 1.4, 2, 2.8, 4, 5.6)  # powers of the root of 2
FINE_TICKS = (0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 2.5)


class SuiteEqual(NamedTuple):
    """`shipped` : role -> Pair of each workload, over the baseline as shipped; `scaled` : over it
    at equal `measure`, with what the ranges of the cost table leave.

    `energy`, `energy_scaled` : baseline / candidate, the baseline as shipped and at equal
    `measure`. `means` : geometric means of all four. `how` : how rivals were scaled.
    """

    workloads: list[str]
    shipped: dict[str, list[Pair | None]]
    scaled: dict[str, list[Span | None]]
    energy: list[Ratio | None]
    energy_scaled: list[Ratio | None]
    means: tuple[dict[str, float], dict[str, float], float, float]
    measure: str
    table: str
    how: str


def prepare(figures: Figures, measure: str, table: str, how: str) -> SuiteEqual:
    """Gather speedups and energies."""
    base, gather = figures.rivals(equal=True)
    after = {"third": gather, "candidate": "candidate"}
    names = figures.workloads
    shipped = {role: [figures.pair(name, role) for name in names] for role in ROLES}
    scaled = {
        role: [figures.over_table(name, role, "baseline") for name in names] for role in ROLES
    }
    energy, energy_scaled = (
        [figures.energy_ratio(name, "candidate", against=rival) for name in names]
        for rival in ("baseline", base)
    )
    means: list[dict[str, float]] = []
    for found in ({role: role for role in ROLES}, after):
        rival = "baseline" if found["third"] == "third" else base
        over = {role: figures.geomean(name, against=rival) for role, name in found.items()}
        means.append({role: o.geomean for role, o in over.items() if o is not None})
    spent = [figures.energy_geomean("candidate", against=rival) for rival in ("baseline", base)]
    less = [np.nan if over is None else over.geomean for over in spent]
    whole = means[0], means[1], less[0], less[1]
    return SuiteEqual(names, shipped, scaled, energy, energy_scaled, whole, measure, table, how)


@styled
def draw(data: SuiteEqual) -> Figure:
    """A row a workload: speedups at the left, energy at the right, on logarithmic axes."""
    figure = new_figure(
        f"Speedup and energy with the rivals at equal {data.measure}",
        "left: baseline time / machine time; right: baseline energy / candidate energy, DRAM "
        f"included; hollow at equal MACs, filled at equal {data.measure}",
        f"Cost table {data.table}. {data.how}. Lines: what the ranges of the table leave, each "
        "figure where it moves the ratio most.",
    )
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    ends = [0.9, 1.1]
    for role in ROLES:
        ends += _speedups(left, data, role)
    _finish(left, data, ends, f"speedup (x); the candidate's at equal {data.measure} at the right")
    ends = [0.9, 1.1, *_energies(right, data)]
    _finish(right, data, ends, "energy (x), above 1: the candidate needs less")
    left.set_yticks(range(len(data.workloads) + 1), [*data.workloads, "geometric mean"])
    size = max(7.0, min(11.0, 150 / (len(data.workloads) + 1)))
    for axes in (left, right):
        axes.tick_params(axis="y", length=0, labelsize=size)
    left.legend(loc="lower center", bbox_to_anchor=(0.3, 1.0), ncols=2, borderaxespad=0.2)
    settle(figure)
    return figure


def _speedups(axes: Axes, data: SuiteEqual, role: str) -> list[float]:
    """Points of a role; what the axis must hold."""
    colour, shift = ROLE_COLOURS[role], 0.17 if role == "candidate" else -0.17
    ends: list[float] = []
    shipped = [np.nan if pair is None else pair.speedup for pair in data.shipped[role]]
    scaled = [np.nan if span is None else span.value for span in data.scaled[role]]
    for name, values, mean in (
        ("equal MACs", shipped, data.means[0]),
        (f"equal {data.measure}", scaled, data.means[1]),
    ):
        filled = name != "equal MACs"
        points = np.array([*values, mean.get(role, np.nan)])
        rows = np.arange(len(points)) + shift
        for row, span in zip(rows, data.scaled[role], strict=False):
            if span is not None and filled:
                _line(axes, row, span.low, span.high, colour)
                ends += [span.low, span.high]
        _points(axes, points, rows, role, filled, f"{ROLE_TITLES[role]}, {name}")
        ends += [value for value in points if not np.isnan(value)]
        if filled and role == "candidate":
            _say(axes, points)
    return ends


def _energies(axes: Axes, data: SuiteEqual) -> list[float]:
    """Ratios of energies with their ranges; what the axis must hold."""
    colour, ends = ROLE_COLOURS["candidate"], list[float]()
    for ratios, mean, filled in (
        (data.energy, data.means[2], False),
        (data.energy_scaled, data.means[3], True),
    ):
        points = np.array([*(np.nan if each is None else each.value for each in ratios), mean])
        ends += [value for value in points if not np.isnan(value)]
        rows = np.arange(len(points)) + (0.17 if filled else -0.17)
        for row, found in zip(rows, ratios, strict=False):
            if found is not None:
                _line(axes, row, found.low, found.high, colour)
                ends += [found.low, found.high]
        _points(axes, points, rows, "candidate", filled, "")
    _say(axes, points)
    return ends


def _line(axes: Axes, row: float, low: float, high: float, colour: str) -> None:
    axes.plot([low, high], [row, row], color=colour, linewidth=4, alpha=0.45,
              solid_capstyle="butt")  # fmt: skip


def _points(
    axes: Axes, points: np.ndarray, rows: np.ndarray, role: str, filled: bool, label: str
) -> None:
    colour = ROLE_COLOURS[role]
    axes.plot(
        points, rows, MARKERS[role], markersize=8 if filled else 10,
        markerfacecolor=colour if filled else "none", markeredgecolor=colour,
        markeredgewidth=0.8 if filled else 1.6, label=label,
    )  # fmt: skip


def _say(axes: Axes, points: np.ndarray) -> None:
    size = max(7.0, min(11.0, 150 / len(points)))
    for row, value in enumerate(points):
        axes.annotate(
            "-" if np.isnan(value) else f"{short(value)}x", (1.01, row),
            xycoords=("axes fraction", "data"), va="center", fontsize=size,
        )  # fmt: skip


def _finish(axes: Axes, data: SuiteEqual, ends: list[float], label: str) -> None:
    low, high = min(ends) / 1.05, max(ends) * 1.05
    axes.axvline(1, color="black", linewidth=1.4)
    axes.axhline(len(data.workloads) - 0.5, color="#999999", linewidth=1, linestyle=":")
    axes.set_xscale("log", base=2)
    axes.set_xlim(low, high)
    choices = ((4, FINE_TICKS), (10, HALF_TICKS), (40, MIDDLE_TICKS), (math.inf, TICKS))
    choice = next(each for width, each in choices if high < width * low)
    ticks = [t for t in choice if low <= t <= high]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set_ylim(len(data.workloads) + 0.6, -0.6)
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(label)
