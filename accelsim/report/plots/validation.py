"""Scatter: model against reference, every validation row, with lines at plus and minus 10 %."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.report.style import new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#4d4d4d", "#56b4e9", "#d55e00", "#000000")

MOST_PERCENT = 25


class Points(NamedTuple):
    """`suites` : name -> (float64[n] references, float64[n] models); likewise `trends`."""

    suites: dict[str, tuple[np.ndarray, np.ndarray]]
    trends: dict[str, tuple[np.ndarray, np.ndarray]]


Pairs = Mapping[str, Sequence[tuple[float, float]]]


def prepare(judged: Pairs, trends: Pairs) -> Points:
    """Arrays from (reference, model) pairs, all positive, by suite."""
    return Points(*({name: _columns(pairs) for name, pairs in d.items()} for d in (judged, trends)))


def _columns(pairs: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(pairs, float)
    return table[:, 0], table[:, 1]


@styled
def draw(data: Points) -> Figure:
    """Filled marks are judged, hollow ones are shown only."""
    figure = new_figure(
        "Validation: model against reference, every row",
        "on the line: equal; dashed: 10 % above and below; hollow: trend rows, never judged",
        "Units differ by row (cycles, clocks, ratios, ns, mm2, W); both axes carry the row's own. "
        "Most references are themselves simulations or formulas, not silicon: see validation.md.",
    )
    axes, errors = figure.subplots(1, 2)
    every = [*data.suites.values(), *data.trends.values()]
    low = min(float(min(x.min(), y.min())) for x, y in every) / 2
    high = max(float(max(x.max(), y.max())) for x, y in every) * 2
    line = np.array([low, high])
    axes.plot(line, line, color="black", linewidth=1.0)
    for factor in (0.9, 1.1):
        axes.plot(line, line * factor, color="black", linewidth=0.8, linestyle="--")
        errors.axhline(100 * (factor - 1), color="black", linewidth=0.8, linestyle="--")
    errors.axhline(0, color="black", linewidth=1.0)
    for number, name in enumerate(dict.fromkeys([*data.suites, *data.trends])):
        again = number // len(MARKS)  # the same mark in another colour
        mark, colour = MARKS[number % len(MARKS)], COLOURS[(number + again) % len(COLOURS)]
        for points, filled in ((data.suites.get(name), True), (data.trends.get(name), False)):
            if points is None:
                continue
            x, y = points
            look = {"facecolors": colour if filled else "none", "edgecolors": colour}
            said = f"{name} ({len(x)})" if filled else f"{name}, trend ({len(x)})"
            axes.scatter(x, y, s=34, marker=mark, alpha=0.75, label=said, **look)
            beyond = np.clip(100 * (y / x - 1), -MOST_PERCENT, MOST_PERCENT)
            errors.scatter(x, beyond, s=34, marker=mark, alpha=0.75, **look)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    axes.set_xlabel("reference")
    axes.set_ylabel("model")
    errors.set(xscale="log", xlim=(low, high), ylim=(-MOST_PERCENT - 1, MOST_PERCENT + 1))
    errors.set_xlabel("reference")
    errors.set_ylabel(f"model over reference, % (beyond {MOST_PERCENT} drawn at the edge)")
    for panel in (axes, errors):
        panel.grid(True, which="major", axis="both")
    axes.legend(loc="upper left", fontsize=10)
    return figure
