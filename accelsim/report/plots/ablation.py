"""Bars: the speedup with all units, and without each one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from accelsim.report.style import ROLE_COLOURS, broken_name, new_figure, styled
from accelsim.report.words import short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WHOLE, WITHOUT = (ROLE_COLOURS["candidate"], ""), ("#e69f00", "//")
SHOWN = 30
TWO_LINES = 14


class Ablation(NamedTuple):
    """`whole` : speedup over the baseline with everything; `without` : (unit, speedup without it).

    `caption` names workloads, machines, clocks and the DRAM level.
    """

    title: str
    caption: str
    whole: float
    without: list[tuple[str, float]]
    more: int


def prepare(
    title: str, caption: str, whole: float, without: Sequence[tuple[str, float]]
) -> Ablation:
    """What costs most when it is missing comes first."""
    ordered = sorted(without, key=lambda pair: (pair[1], pair[0]))
    return Ablation(title, caption, whole, ordered[:SHOWN], max(0, len(ordered) - SHOWN))


@styled
def draw(data: Ablation) -> Figure:
    """The whole machine on top, then without each unit, and what is lost."""
    more = f" {data.more} units that cost less are not shown." if data.more else ""
    figure = new_figure(
        data.title,
        "speedup over the baseline with all units (top), and without each one; in brackets: "
        "speedup without it / with all; what costs most first",
        data.caption + more,
    )
    axes = figure.add_subplot()
    rows = [("all units", data.whole), *((f"without {n}", value) for n, value in data.without)]
    count = len(rows)
    size = max(7.5, min(12.5, 300 / count))
    for row, (_, value) in enumerate(rows):
        colour, hatch = WITHOUT if row else WHOLE
        axes.barh(
            row, value, height=0.66, color=colour, hatch=hatch, edgecolor="white", linewidth=0.4
        )
        kept = f" ({100 * value / data.whole:.0f} %)" if row and data.whole else ""
        axes.annotate(
            f"{short(value)}x{kept}", (value, row), xytext=(6, 0), textcoords="offset points",
            va="center", fontsize=size, bbox={"boxstyle": "square,pad=0.1", "fc": "white",
                                              "ec": "none"},
        )  # fmt: skip
    axes.axvline(1, color="black", linewidth=1.4, label="baseline")
    axes.axvline(data.whole, color=WHOLE[0], linewidth=1.0, linestyle=":")
    axes.set_xlim(0, 1.16 * max(1.0, *(value for _, value in rows)))
    width = 30 if count <= TWO_LINES else 60
    axes.set_yticks(range(count), [broken_name(name, width) for name, _ in rows])
    axes.tick_params(axis="y", length=0, labelsize=size)
    axes.set_ylim(max(count, 4) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("speedup over the baseline (x); black line: the baseline itself")
    return figure
