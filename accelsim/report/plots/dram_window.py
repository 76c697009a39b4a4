"""Bandwidth of a DRAM part against reads outstanding, one line a row size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from accelsim.arch.part import Part
from accelsim.report.dram import StreamRun
from accelsim.report.plots.key_reuse import LINE_STYLE
from accelsim.report.style import new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Windows(NamedTuple):
    """`lines` : label -> (reads outstanding, share of the peak bandwidth)."""

    title: str
    caption: str
    lines: dict[str, list[tuple[int, float]]]


def prepare(part: Part, stream: str, runs: Sequence[StreamRun]) -> Windows:
    """One line a setting of the stream; runs without a limit are left out."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for run in runs:
        if run.window:
            lines.setdefault(run.label, []).append((run.window, run.share_of_peak))
    return Windows(
        title=f"{part.name}: {stream}, by reads outstanding",
        caption=f"{part.description}; peak {part.bandwidth / 1e9:.4g} GB/s. "
        f"Refresh {'on' if part.refresh else 'off'}, mapping {part.mapping}, one in-order client.",
        lines={label: sorted(points) for label, points in lines.items()},
    )


@styled
def draw(data: Windows) -> Figure:
    """Share of the peak over a logarithmic axis of reads outstanding."""
    figure = new_figure(
        data.title, "bytes on the bus as a share of the peak, request-level DRAM", data.caption
    )
    axes = figure.add_subplot()
    axes.set_xscale("log", base=2)
    for (label, points), style in zip(data.lines.items(), LINE_STYLE, strict=False):
        axes.plot(
            [x for x, _ in points], [100 * y for _, y in points], color=style[0], marker=style[1],
            linewidth=2.2, markersize=8, label=label,
        )  # fmt: skip
    ticks = sorted({x for points in data.lines.values() for x, _ in points})
    axes.set_xticks(ticks, [str(x) for x in ticks])
    axes.minorticks_off()
    axes.set_ylim(0, 100)
    axes.set_xlabel("reads outstanding (requests)")
    axes.set_ylabel("share of peak bandwidth (%)")
    axes.legend(loc="upper left")
    return figure
