"""Bars: what each change of an architecture would gain, largest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from accelsim.arch.spec import Arch
from accelsim.report.style import broken_name, new_figure, styled
from accelsim.report.terms import clock_and_dram_text
from accelsim.report.words import as_time, origin_text
from accelsim.sweep.what_if import WhatIf
from accelsim.workload.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GAIN, LOSS = ("#0072b2", ""), ("#e69f00", "//")
SHOWN = 30
TWO_LINES = 14  # bars, up to which a long name has two lines


class Gains(NamedTuple):
    """`gains` : (change, time before over time with it), largest first; `refused` : could not run.

    `more` : how many smaller gains are not among them.
    """

    title: str
    caption: str
    gains: list[tuple[str, float]]
    refused: list[str]
    more: int


def prepare(arch: Arch, trace: Trace, before_ps: int, changes: Sequence[WhatIf]) -> Gains:
    """Sort the changes that ran."""
    ran = sorted((c for c in changes if not c.refused), key=lambda c: (-c.gain, c.name))
    return Gains(
        title=f"{trace.name} on {arch.name}: what would help most",
        caption=f"Workload: {trace.name} ({origin_text(trace)}). Machine: {arch.name}, "
        f"{as_time(before_ps)}; {clock_and_dram_text([arch])}. Every change is mapped anew, one "
        "at a time; local storage that grows with a change comes on top.",
        gains=[(change.name, change.gain) for change in ran[:SHOWN]],
        refused=[change.name for change in changes if change.refused],
        more=max(0, len(ran) - SHOWN),
    )


@styled
def draw(data: Gains) -> Figure:
    """Bars from 1; hatched is slower."""
    refused = f" Could not run: {', '.join(data.refused)}." if data.refused else ""
    more = f" {data.more} smaller gains are not shown." if data.more else ""
    figure = new_figure(
        data.title,
        "time as it is / time with the change; a bar to the right is faster, a hatched one to the "
        "left slower",
        data.caption + refused + more,
    )
    axes = figure.add_subplot()
    count = max(1, len(data.gains))
    size = max(7.5, min(12.5, 300 / count))
    for row, (_, gain) in enumerate(data.gains):
        colour, hatch = GAIN if gain >= 1 else LOSS
        axes.barh(
            row, gain - 1, left=1, height=0.66, color=colour, hatch=hatch, edgecolor="white",
            linewidth=0.4,
        )  # fmt: skip
        axes.annotate(
            f"{gain:.3f}x", (max(gain, 1), row), xytext=(6, 0), textcoords="offset points",
            va="center", fontsize=size,
        )  # fmt: skip
    gains = [gain for _, gain in data.gains] or [1.0]
    low, high = min(1.0, *gains, 2.0), max(1.0, *gains)
    room = 0.02 + (high - low)
    axes.set_xlim(low - (0.06 * room if low < 1 else 0), high + 0.14 * room)
    axes.axvline(1, color="black", linewidth=1.4)
    width = 30 if count <= TWO_LINES else 60
    axes.set_yticks(range(len(data.gains)), [broken_name(name, width) for name, _ in data.gains])
    axes.tick_params(axis="y", length=0, labelsize=size)
    axes.set_ylim(max(count, 4) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("gain (x)")
    return figure
