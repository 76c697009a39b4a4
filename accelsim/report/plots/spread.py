"""Intervals: how far a speedup moves over layers, placements of tensors, seeds and texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.report.style import (
    ROLE_COLOURS,
    broken_name,
    legend_below,
    log_ticks,
    new_figure,
    say_on_hover,
    settled,
    styled,
)
from accelsim.report.words import ROLE_TITLES, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RIVAL_STYLE = {"baseline": (ROLE_COLOURS["baseline"], "o"), "third": (ROLE_COLOURS["third"], "s")}
LEAST_DECADES = 0.03  # either side of 1
ROOM = 0.06  # of the axis, beyond the ends
SAID = 31  # characters of a line
LONGEST = 3 * SAID - 9


class Interval(NamedTuple):
    """Speedups over one rival (role): `ends` : geometric mean, least, largest; None: not varied."""

    over: str
    rival: str
    number: int
    ends: tuple[float, float, float] | None
    remark: str = ""


class Intervals(NamedTuple):
    """What one comparison was varied over, in the order of the report."""

    title: str
    caption: str
    rows: list[Interval]


def prepare(title: str, caption: str, rows: Sequence[Interval]) -> Intervals:
    """Rows of one thing that was varied stand together, rivals in the order they come in."""
    order = list(dict.fromkeys(row.over for row in rows))
    return Intervals(title, caption, sorted(rows, key=lambda row: order.index(row.over)))


@styled
def draw(data: Intervals) -> Figure:
    """A row a rival and what was varied; the vertical line is no speedup."""
    figure = new_figure(
        data.title,
        "line: least to largest speedup of the candidate; dot: geometric mean; hollow and dashed: "
        "the sign is not established, as the interval crosses 1",
        data.caption,
    )
    axes = figure.add_subplot()
    count = len(data.rows)
    size = max(8.0, min(12.0, 130 / max(1, count)))
    for number, row in enumerate(data.rows):
        if row.ends is not None:
            _interval(axes, number, row, row.ends)
        said = _said(row)
        said = said if len(said) <= LONGEST else f"{said[: LONGEST - 3]}..."
        axes.text(
            1.012, number, broken_name(said, SAID), transform=axes.get_yaxis_transform(),
            va="center", fontsize=size - 1,
        )  # fmt: skip
    names = [f"{row.over} against {ROLE_TITLES[row.rival]}" for row in data.rows]
    axes.set_yticks(range(count), names)
    axes.tick_params(axis="y", length=0, labelsize=size)
    axes.set_ylim(max(count, 3) - 0.4, -0.6)
    _axis(axes, data.rows)
    _legend(figure, list(dict.fromkeys(row.rival for row in data.rows)))
    return settled(figure)


def established(ends: tuple[float, float, float]) -> bool:
    """Whether all speedups lie on one side of 1."""
    return ends[1] > 1 or ends[2] < 1


def _interval(axes: Axes, number: int, row: Interval, ends: tuple[float, float, float]) -> None:
    mean, low, high = ends
    colour, mark = RIVAL_STYLE[row.rival]
    sure = established(ends)
    axes.plot([low, high], [number, number], "-" if sure else "--", color=colour, linewidth=3)
    axes.plot([low, high], [number, number], "|", color=colour, markersize=14, markeredgewidth=2)
    (dot,) = axes.plot(
        mean, number, mark, markersize=8, color=colour, markeredgewidth=2, zorder=3,
        markerfacecolor=colour if sure else "white",
    )  # fmt: skip
    say_on_hover(dot, f"{row.over}: {mean:.4g}x, {low:.4g}x to {high:.4g}x")


def _said(row: Interval) -> str:
    if row.ends is None:
        return row.remark
    mean, low, high = (short(end) if end >= 10 else f"{end:.3f}" for end in row.ends)
    said = f"{mean}x ({low} to {high}), of {row.number}"
    return f"{said}; {row.remark}" if row.remark else said


def _axis(axes: Axes, rows: Sequence[Interval]) -> None:
    from matplotlib.ticker import FuncFormatter, NullLocator

    drawn = [end for row in rows if row.ends is not None for end in row.ends]
    low = min(-LEAST_DECADES, *(float(np.log10(end)) for end in [1.0, *drawn]))
    high = max(LEAST_DECADES, *(float(np.log10(end)) for end in [1.0, *drawn]))
    room = ROOM * (high - low)
    axes.set_xscale("log")
    axes.set_xlim(10 ** (low - room), 10 ** (high + room))
    axes.set_xticks(log_ticks(10**low, 10**high))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.axvline(1, color="black", linewidth=1.4, zorder=1)
    axes.set_xlabel("speedup of the candidate (x, logarithmic)")


def _legend(figure: Figure, rivals: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    legend_below(
        figure,
        [
            Line2D([], [], color=colour, marker=mark, markersize=9, linewidth=3,
                   label=f"over {ROLE_TITLES[rival]}")
            for rival in rivals
            for colour, mark in [RIVAL_STYLE[rival]]
        ],
        4,
    )  # fmt: skip
