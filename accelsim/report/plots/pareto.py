"""Scatter: two objectives of every design, the front numbered, its knee named beside it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.report.style import TEXT_GREY, new_figure, settled, styled
from accelsim.report.sweep_study import ARCHITECTURE, Front, Study
from accelsim.report.sweep_words import Axis, axis_of, figure_text, name_text, settings
from accelsim.sweep.costs import RANGES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito; with a shape each, so that they differ in grey and beyond the eighth.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#4d4d4d", "#f0e442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "<", ">", "h")
MANY = 500  # dominated points, above which they are drawn as an image inside the SVG
APART = 0.02  # of the axes, and as much again for three digits: closer numbers are left out
APART_KNEE = 0.09
CROWDED = 60  # points on the front, from which they are drawn smaller
BAR = {"color": "#777777", "linewidth": 0.7, "zorder": 2.2}
RANGE_NOTE = (
    " Thin bars: from the low to the high end of every figure of the cost table; all designs hang "
    "on the same figures, so they are off together."
)
SIDE_WIDTH = 42  # characters
SIDE_LINES = 25  # of text at its full size


class Pareto(NamedTuple):
    """Designs by two objectives, in the units of the axes.

    `values` : float64[designs, 2]; `arch` : int64[designs], number in `names`; `front` :
    int64[found], rows of `values` in their numbering; `ranges` : of each objective
    float64[designs, 2], low and high, or None where none is known; `knee` : place in `front`.
    `side` : what is said of the knee. `incomplete` : designs that did not run on every case;
    `cases` : how many there are; `mean` : how figures were averaged over them.
    """

    axes: tuple[Axis, Axis]
    titles: tuple[str, str]
    maximise: tuple[bool, bool]
    log: tuple[bool, bool]
    names: list[str]
    values: np.ndarray
    arch: np.ndarray
    front: np.ndarray
    ranges: tuple[np.ndarray | None, np.ndarray | None]
    knee: int | None
    side: list[str]
    incomplete: int
    cases: int
    mean: str


def prepare(study: Study, front: Front) -> Pareto:
    """Scale the figures of the designs that ran on every case, and put the knee into words."""
    whole = study.designs.complete()
    values = whole[list(front.objectives)].to_numpy(float)
    axes = [axis_of(name, float(values[:, at].max())) for at, name in enumerate(front.objectives)]
    names = [entry.label for entry in study.plan.architectures]
    present = [name for name in names if (whole[ARCHITECTURE] == name).any()]
    few = len(front.points) < 3
    why = "has fewer than three points" if few else "is not bent to the better side"
    side = [f"No knee: the front {why}"]
    if front.knee is not None:
        row = whole.iloc[front.points[front.knee]]
        side = [f"Knee: point {front.knee + 1}", str(row[ARCHITECTURE])]
        side += settings(row.to_dict(), study.design_columns)
        side += [f"{name_text(n)}: {figure_text(n, float(row[n]))}" for n in front.objectives]
    return Pareto(
        axes=(axes[0], axes[1]),
        titles=(name_text(front.objectives[0]), name_text(front.objectives[1])),
        maximise=front.maximise,
        log=front.log,
        names=present,
        values=values / np.array([axis.factor for axis in axes]),
        arch=np.array([present.index(str(name)) for name in whole[ARCHITECTURE]], np.int64),
        front=front.points,
        ranges=(
            _range(whole, front.objectives[0], axes[0]),
            _range(whole, front.objectives[1], axes[1]),
        ),
        knee=front.knee,
        side=side,
        incomplete=len(study.designs.table) - len(whole),
        cases=len(study.designs.cases),
        mean=" and ".join(dict.fromkeys(study.designs.means[n] for n in front.objectives)),
    )


def _range(whole: pd.DataFrame, name: str, axis: Axis) -> np.ndarray | None:
    ends = RANGES.get(name, ())
    if not ends or not set(ends) <= set(whole.columns):
        return None
    return whole[list(ends)].to_numpy(float) / axis.factor


@styled
def draw(data: Pareto) -> Figure:
    """Grey is dominated; colour and number are the front."""
    better = ["right" if data.maximise[0] else "left", "top" if data.maximise[1] else "bottom"]
    over = f"; {data.mean} over {data.cases} workloads" if data.cases > 1 else ""
    figure = new_figure(
        f"{data.titles[0]} against {data.titles[1]}: {len(data.front)} of {len(data.values):,} "
        "designs on the Pareto front",
        f"a point is a design{over}; better is to the {better[0]} and to the {better[1]}",
        "Numbers: the rows of the front in pareto.csv, some left out where they would overlap. "
        "Knee: the point of the front farthest from the chord between its ends (Das 1999)."
        + RANGE_NOTE * any(ends is not None for ends in data.ranges)
        + f" Not drawn: {data.incomplete:,} designs that did not run on every workload."
        * (data.incomplete > 0),
    )
    grid = figure.add_gridspec(1, 2, width_ratios=[2.7, 1])
    axes, side = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    on_front = np.zeros(len(data.values), bool)
    on_front[data.front] = True
    many = int((~on_front).sum()) > MANY
    size = 62 if len(data.front) < CROWDED else 30
    for number in range(len(data.names)):
        own = data.arch == number
        axes.scatter(
            data.values[own & ~on_front, 0], data.values[own & ~on_front, 1],
            s=9 if many else 30, c="#9a9a9a", alpha=0.45, marker=MARKERS[number % len(MARKERS)],
            linewidths=0, rasterized=many,
        )  # fmt: skip
    axes.plot(
        *data.values[data.front].T, color="#777777", linewidth=1.1, drawstyle="steps-post",
        zorder=2.5,
    )  # fmt: skip
    _bars(axes, data)
    for number, name in enumerate(data.names):
        own = on_front & (data.arch == number)
        axes.scatter(
            data.values[own, 0], data.values[own, 1], s=size, c=COLOURS[number % len(COLOURS)],
            edgecolors="#222222", marker=MARKERS[number % len(MARKERS)], linewidths=0.6, zorder=3,
            label=f"{name} ({own.sum()} of {(data.arch == number).sum():,})",
        )  # fmt: skip
    _scale(axes, data)
    _number(axes, data)
    _beside(axes, side, data)
    return settled(figure)


def _bars(axes: Axes, data: Pareto) -> None:
    """The ranges of the designs on the front."""
    if not len(data.front):
        return
    x, y = data.values[data.front].T
    across, along = data.ranges
    if across is not None:
        axes.hlines(y, *across[data.front].T, **BAR)  # type: ignore[arg-type]
    if along is not None:
        axes.vlines(x, *along[data.front].T, **BAR)  # type: ignore[arg-type]


def _scale(axes: Axes, data: Pareto) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xlabel(data.axes[0].label)
    axes.set_ylabel(data.axes[1].label)
    axes.grid(visible=True, axis="both")
    axes.margins(0.09)
    for is_log, axis, column in zip(data.log, (axes.xaxis, axes.yaxis), data.values.T, strict=True):
        if not is_log:
            continue
        (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
        decades = np.log10(column.max() / column.min())
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 3 else (1,)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _number(axes: Axes, data: Pareto) -> None:
    """Numbers on the better side of the front, where no point can lie."""
    if not len(data.front):
        return
    placed: list[tuple[np.ndarray, float]] = []
    shares = np.column_stack(
        [_shares(column, is_log) for column, is_log in zip(data.values.T, data.log, strict=True)]
    )[data.front]
    signs = [1 if larger else -1 for larger in data.maximise]
    first = [n for n in (data.knee, 0, len(data.front) - 1) if n is not None]
    for number in dict.fromkeys([*first, *range(len(data.front))]):
        here = shares[number]
        is_knee = number == data.knee
        needed = APART * (1 + len(str(number + 1)) / 3)
        if any(np.hypot(*(here - other)) < max(needed, least) for other, least in placed):
            continue
        placed.append((here, APART_KNEE if is_knee else 0.0))
        row = data.front[number]
        axes.annotate(
            f"knee {number + 1}" if is_knee else str(number + 1), data.values[row],
            xytext=(6 * signs[0], 6 * signs[1]), textcoords="offset points",
            ha="left" if signs[0] > 0 else "right", va="bottom" if signs[1] > 0 else "top",
            fontsize=12 if is_knee else 10, fontweight="bold" if is_knee else "normal", zorder=4,
        )  # fmt: skip
    if data.knee is not None:
        x, y = data.values[data.front[data.knee]]
        axes.plot(
            x, y, "o", markersize=16, markerfacecolor="none", markeredgecolor="black",
            markeredgewidth=1.6, zorder=3.5,
        )  # fmt: skip


def _shares(column: np.ndarray, is_log: bool) -> np.ndarray:
    """Where values lie between the least and the greatest, 0 to 1."""
    scaled = np.log10(column) if is_log else column
    span = scaled.max() - scaled.min()
    return (scaled - scaled.min()) / span if span else np.zeros(len(scaled))


def _beside(axes: Axes, side: Axes, data: Pareto) -> None:
    """The legend, and below it what the knee is."""
    lines = [
        part
        for text in data.side
        for part in textwrap.wrap(text, SIDE_WIDTH, subsequent_indent="   ")
    ]
    size = 11.5 * min(1.0, SIDE_LINES / (len(lines) + 1.25 * len(data.names) + 2))
    side.axis("off")
    legend = side.legend(
        *axes.get_legend_handles_labels(), loc="upper left", bbox_to_anchor=(0, 1),
        borderaxespad=0, fontsize=size, title="on the front, of all", alignment="left",
        title_fontsize=size, handletextpad=0.2, labelspacing=0.3,
    )  # fmt: skip
    legend.get_title().set_color(TEXT_GREY)
    head = 1 if data.knee is not None else 0
    rest = side.text(
        0, 0, "\n".join(lines[head:]), va="bottom", fontsize=size, linespacing=1.3,
        transform=side.transAxes,
    )  # fmt: skip
    if head:
        side.annotate(
            lines[0], (0, 1), xycoords=rest, xytext=(0, 0.3 * size), textcoords="offset points",
            va="bottom", fontsize=size, fontweight="bold",
        )  # fmt: skip
