"""Lines: how far each axis may move from where it is before the other machine wins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.report.style import (
    ROLE_COLOURS,
    broken_name,
    new_figure,
    say_on_hover,
    settled,
    styled,
)
from accelsim.sweep.flip import TIE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CANDIDATE, RIVAL, LEVEL = ROLE_COLOURS["candidate"], ROLE_COLOURS["third"], "#bbbbbb"
MOST = 16.0  # times the present value, either way
SHOWN = 30
TWO_LINES = 8  # rows, up to which texts have two lines
SAID = 36  # characters of a remark in one line


class FlipAxis(NamedTuple):
    """One axis: what was tried, and where the winner changes.

    `name` : with the rival if there are several. `now` : the present value as text. `tried` :
    (factor of the present value, speedup over the rival). `flip` : the factor at which the winner
    changes, None if it does not within what was tried. `at` : the value there as text. `remark` :
    why nothing was tried, or what else must be known.
    """

    name: str
    now: str
    tried: tuple[tuple[float, float], ...]
    flip: float | None
    at: str = ""
    remark: str = ""


class Flips(NamedTuple):
    """`axes` : nearest flip first; `more` : axes that are not among them."""

    title: str
    caption: str
    candidate: str
    rival: str
    axes: list[FlipAxis]
    more: int


def prepare(
    title: str, caption: str, candidate: str, rival: str, axes: Sequence[FlipAxis]
) -> Flips:
    """Sort the axes by how near their flip is; those without one come last."""
    ordered = sorted(axes, key=lambda a: (_distance(a.flip), a.name))
    return Flips(title, caption, candidate, rival, ordered[:SHOWN], max(0, len(ordered) - SHOWN))


def _distance(flip: float | None) -> float:
    return float("inf") if flip is None else abs(float(np.log2(flip)))


@styled
def draw(data: Flips) -> Figure:
    """A row an axis; the vertical line is the present value."""
    more = f" {data.more} axes that flip later or never are not shown." if data.more else ""
    figure = new_figure(
        data.title,
        "each axis alone, as a factor of its present value (line); blue circles: the candidate "
        "wins, hollow orange squares: the rival, grey crosses: a tie within 1 %; diamond: "
        "the winner changes",
        data.caption + more,
    )
    axes = figure.add_subplot()
    axes.set_xscale("log", base=2)
    count = len(data.axes)
    size = max(7.5, min(12.0 if count <= TWO_LINES else 10.0, 280 / max(1, count)))
    for row, axis in enumerate(data.axes):
        _row(axes, row, axis)
        said = _said(axis)
        if count > TWO_LINES and len(said) > SAID:
            said = said[: SAID - 3] + "..."
        axes.text(
            1.008, row, broken_name(said, 24) if count <= TWO_LINES else said,
            transform=axes.get_yaxis_transform(), va="center", fontsize=min(11.0, size),
        )  # fmt: skip
    axes.axvline(1, color="black", linewidth=1.4, zorder=1)
    ticks = [2.0**power for power in range(-4, 5)]
    axes.set_xticks(ticks, [f"1/{1 / t:g}" if t < 1 else f"{t:g}" for t in ticks])
    axes.set_xlim(1 / MOST / 1.15, MOST * 1.15)
    axes.minorticks_off()
    width, gap = (26, "\n") if count <= TWO_LINES else (60, "  ")
    names = [
        broken_name(axis.name, width) + (f"{gap}now {axis.now}" if axis.now else "")
        for axis in data.axes
    ]
    axes.set_yticks(range(count), names)
    axes.tick_params(axis="y", length=0, labelsize=size)
    axes.set_ylim(max(count, 4) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("factor of the present value (logarithmic)")
    axes.set_title(f"{data.candidate} against {data.rival}", loc="left", fontsize=13)
    return settled(figure)


def _said(axis: FlipAxis) -> str:
    if axis.flip is None:
        return axis.remark or ("no flip" if axis.tried else "")
    return f"flips at {axis.at or f'x{axis.flip:.3g}'}" + (f"; {axis.remark}" * bool(axis.remark))


def _row(axes: Axes, row: int, axis: FlipAxis) -> None:
    points = sorted((f, s) for f, s in axis.tried if 1 / MOST <= f <= MOST)
    edges = [np.sqrt(a * b) for (a, _), (b, _) in zip(points, points[1:], strict=False)]
    if points:
        edges = [points[0][0], *edges, points[-1][0]]
    if axis.flip is not None and len(edges) > 2:
        nearest = int(np.argmin([abs(np.log(edge / axis.flip)) for edge in edges[1:-1]])) + 1
        edges[nearest] = axis.flip
    marks = {CANDIDATE: ("o", CANDIDATE), RIVAL: ("s", "white"), LEVEL: ("x", LEVEL)}
    for at, (factor, speedup) in enumerate(points):
        colour = _winner(speedup)
        axes.plot(edges[at : at + 2], [row, row], color=colour, linewidth=5, alpha=0.6,
                  solid_capstyle="butt", zorder=2)  # fmt: skip
        mark, fill = marks[colour]
        (point,) = axes.plot(factor, row, mark, markersize=6, markerfacecolor=fill,
                  markeredgecolor="#777777" if colour == LEVEL else colour, zorder=3)  # fmt: skip
        say_on_hover(point, f"{axis.name} x {factor:.3g}: speedup {speedup:.4g}x")
    if axis.flip is not None:
        inside = min(max(axis.flip, 1 / MOST), MOST)
        axes.plot(inside, row, "D", markersize=9, color="black", zorder=4)


def _winner(speedup: float) -> str:
    if abs(math.log(speedup)) < TIE:
        return LEVEL
    return CANDIDATE if speedup > 1 else RIVAL
