"""Scatter: model against reference, every validation row, with lines at plus and minus 10 %."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.report.style import new_figure, styled
from accelsim.validation.outcome import TREND, Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#4d4d4d", "#56b4e9", "#d55e00", "#000000")


class Points(NamedTuple):
    """`suites` : name -> (float64[n] references, float64[n] models); likewise `trends`."""

    suites: dict[str, tuple[np.ndarray, np.ndarray]]
    trends: dict[str, tuple[np.ndarray, np.ndarray]]


def prepare(outcomes: Sequence[Outcome]) -> Points:
    """Rows with a positive reference and model, by suite; trend rows apart."""
    found: tuple[dict[str, tuple[np.ndarray, np.ndarray]], ...] = ({}, {})
    for outcome in outcomes:
        for at, trend in enumerate((False, True)):
            rows = [
                row
                for row in outcome.rows
                if (row.label == TREND) == trend and row.reference > 0 and row.model > 0
            ]
            if rows:
                found[at][outcome.suite] = (
                    np.array([row.reference for row in rows], float),
                    np.array([row.model for row in rows], float),
                )
    return Points(*found)


@styled
def draw(data: Points) -> Figure:
    """Filled marks are judged, hollow ones are shown only."""
    figure = new_figure(
        "Validation: model against reference, every row",
        "on the line: equal; dashed: 10 % above and below; hollow: trend rows, never judged",
        "Units differ by row (cycles, clocks, ratios, ns); both axes carry the row's own. Most "
        "references are themselves simulations or formulas, not silicon: see validation.md.",
    )
    axes = figure.subplots()
    every = [*data.suites.values(), *data.trends.values()]
    low = min(float(min(x.min(), y.min())) for x, y in every) / 2
    high = max(float(max(x.max(), y.max())) for x, y in every) * 2
    line = np.array([low, high])
    axes.plot(line, line, color="black", linewidth=1.0)
    for factor in (0.9, 1.1):
        axes.plot(line, line * factor, color="black", linewidth=0.8, linestyle="--")
    names = list(dict.fromkeys([*data.suites, *data.trends]))
    for number, name in enumerate(names):
        mark, colour = MARKS[number % len(MARKS)], COLOURS[number % len(COLOURS)]
        if name in data.suites:
            x, y = data.suites[name]
            axes.scatter(x, y, s=34, marker=mark, color=colour, alpha=0.75, linewidths=0,
                         label=f"{name} ({len(x)})")  # fmt: skip
        if name in data.trends:
            x, y = data.trends[name]
            axes.scatter(x, y, s=34, marker=mark, facecolors="none", edgecolors=colour,
                         label=f"{name}, trend ({len(x)})")  # fmt: skip
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    axes.set_xlabel("reference")
    axes.set_ylabel("model")
    axes.grid(True, which="major", axis="both")
    axes.legend(loc="upper left", ncols=2)
    return figure
