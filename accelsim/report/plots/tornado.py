"""Tornado: how far each parameter moves an objective, with the values at both ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.report.style import broken_name, log_ticks, new_figure, styled
from accelsim.report.sweep_study import Response, Study
from accelsim.report.sweep_words import level_text, name_text
from accelsim.report.words import times

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BETTER, WORSE = "#0072b2", "#f0b35a"
SHOWN = 20
NO_EFFECT = 1e-6
NAME_WIDTH = 26
TWO_LINES = 12  # bars, up to which a long name has two lines
LABEL_WIDTH = 30  # characters; longer ends are shortened
LEAST_DECADES = 0.02  # of the axis, to either side of 1
AXES_POINTS = 690  # width of the axes, about
GLYPH = 0.56  # width of a character, of the size of the font, about


class Bar(NamedTuple):
    """A parameter: the values at the lowest and the highest effect, and the effects."""

    name: str
    low: str
    high: str
    lowest: float
    highest: float


class Tornado(NamedTuple):
    """`bars` : widest first; `more` : how many narrower ones are not among them."""

    objective: str
    maximise: bool
    bars: list[Bar]
    more: int
    settings: int


def prepare(study: Study, objective: str, response: Response) -> Tornado:
    """Ends of all parameters, widest first."""
    bars = [
        Bar(
            study.columns[swing.parameter],
            level_text(swing.parameter, swing.lowest.level),
            level_text(swing.parameter, swing.highest.level),
            swing.lowest.effect,
            swing.highest.effect,
        )
        for swing in response.whole.swings()
    ]
    return Tornado(
        name_text(objective),
        study.plan.objectives[objective] == "maximise",
        bars[:SHOWN],
        max(0, len(bars) - SHOWN),
        response.whole.settings,
    )


@styled
def draw(data: Tornado) -> Figure:
    """A bar a parameter around the geometric mean of all designs; blue is better."""
    more = f" {data.more} narrower bars are in main_effects.csv." if data.more else ""
    figure = new_figure(
        f"What moves {data.objective}",
        f"{data.objective} at a value of a parameter / geometric mean over all {data.settings:,} "
        f"settings; {'more' if data.maximise else 'less'} is better (blue)",
        "Each end: the value with the lowest or highest geometric mean over the other parameters "
        "(least squares on the logarithm); every architecture and workload normalised by its own "
        f"mean.{more}",
    )
    axes = figure.add_subplot()
    count = len(data.bars)
    size = max(8.5, min(12.0, 150 / count))
    room = [0.0, 0.0]
    for row, bar in enumerate(data.bars):
        if bar.highest <= bar.lowest * (1 + NO_EFFECT):
            axes.annotate(
                "no effect", (1, row), xytext=(6, 0), textcoords="offset points", va="center",
                fontsize=size,
            )  # fmt: skip
            continue
        for side, (end, text) in enumerate(((bar.lowest, bar.low), (bar.highest, bar.high))):
            better = (side == 0) != data.maximise
            axes.barh(
                row, end - 1, left=1, height=0.62, color=BETTER if better else WORSE,
                edgecolor="#222222", linewidth=0.5, hatch="" if better else "//",
            )  # fmt: skip
            effect = f"{end:.3f}x" if 0.9 < end < 1.1 else times(end)
            label = f"{effect} at {_shortened(text)}"
            axes.annotate(
                label, (end, row), xytext=(6 if side else -6, 0), textcoords="offset points",
                ha="left" if side else "right", va="center", fontsize=size,
            )  # fmt: skip
            room[side] = max(room[side], (GLYPH * size * len(label) + 12) / AXES_POINTS)
    _axis(axes, data.bars, (room[0], room[1]))
    width = NAME_WIDTH if count <= TWO_LINES else 60
    names = [broken_name(bar.name, width) for bar in data.bars]
    axes.set_yticks(range(count), names)
    axes.tick_params(axis="y", length=0, labelsize=max(7.5, min(12.0, 130 / count)))
    extra = 0.6 if count < 3 else 0.0
    axes.set_ylim(count - 0.4 + extra, -0.6 - extra)
    axes.set_xlabel(f"{data.objective}, relative (x, logarithmic)")
    return figure


def _axis(axes: Axes, bars: Sequence[Bar], room: tuple[float, float]) -> None:
    """A logarithmic axis; `room` : the shares of its width that labels take beyond both ends."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    below = max(LEAST_DECADES, *(-np.log10(bar.lowest) for bar in bars))
    above = max(LEAST_DECADES, *(np.log10(bar.highest) for bar in bars))
    whole = (below + above) / (1 - min(0.8, sum(room)))
    axes.set_xscale("log")
    axes.set_xlim(10 ** -(below + room[0] * whole), 10 ** (above + room[1] * whole))
    axes.set_xticks(log_ticks(10**-below, 10**above))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.axvline(1, color="black", linewidth=1.4)


def _shortened(text: str) -> str:
    return text if len(text) <= LABEL_WIDTH else text[: LABEL_WIDTH - 3] + "..."
