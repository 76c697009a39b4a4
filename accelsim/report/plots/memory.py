"""What a run asks of memory: bandwidth of each requester over time, and waiting at the banks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.analysis.result import Result
from accelsim.analysis.timeline import dram_bytes_by_requester
from accelsim.report.style import new_figure, styled
from accelsim.report.terms import clock_and_dram_text
from accelsim.report.words import percent, replay_sentence, time_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 120
COLOURS = ("#0072b2", "#e69f00")
HATCHES = ("", "//")


class MemoryUse(NamedTuple):
    """Edges of the bins in ps, GB/s of each requester in them, reads by lines waiting."""

    title: str
    caption: str
    edges_ps: np.ndarray
    bandwidth: dict[str, np.ndarray]
    peak: float
    waits: np.ndarray


def prepare(result: Result, bins: int = BINS) -> MemoryUse:
    """Bin the bytes of every unit that asks for lines."""
    edges = np.linspace(0.0, max(1, result.replayed_ps), bins + 1)
    moved = dram_bytes_by_requester(result, edges)
    pad = result.arch.scratchpad
    summary = result.summary
    return MemoryUse(
        title=f"{result.trace.name} on {result.arch.name}: memory",
        caption=f"{clock_and_dram_text([result.arch])}. Row hits: "
        f"{percent(summary['row_hit_rate'])}. A task's bytes are spread evenly over the time in "
        f"which its unit served it. Banks: {pad.banks} of {pad.bank_bytes} B, queues of "
        f"{pad.queue_depth}; a read that finds its bank's queue full holds up the way back."
        + replay_sentence(result.trace),
        edges_ps=edges,
        bandwidth={name: np.diff(by) / np.diff(edges) * 1000 for name, by in moved.items()},
        peak=result.arch.dram.bandwidth / 1e9,
        waits=np.array(result.memory["bank_waits"].tolist()).sum(axis=0),
    )


@styled
def draw(data: MemoryUse) -> Figure:
    """Bandwidth under the peak line above, the histogram below."""
    figure = new_figure(
        data.title,
        "bandwidth of each requester over time, and lines that wait at a read's scratchpad bank",
        data.caption,
    )
    top, bottom = figure.subplots(2, 1, height_ratios=(3, 2))
    unit, size = time_unit(data.edges_ps[-1] / 10)
    base = np.zeros(data.edges_ps.size - 1)
    for (name, rate), colour, hatch in zip(data.bandwidth.items(), COLOURS, HATCHES, strict=False):
        top.stairs(
            base + rate, data.edges_ps / size, baseline=base, fill=True, color=colour,
            hatch=hatch, edgecolor="white", linewidth=0, label=name,
        )  # fmt: skip
        base = base + rate
    top.axhline(data.peak, color="black", linewidth=1.4)
    top.text(0.995, data.peak, f"peak {data.peak:.4g} GB/s", ha="right", va="bottom",
             transform=top.get_yaxis_transform())  # fmt: skip
    top.set_ylim(0, 1.2 * max(data.peak, float(base.max(initial=0))))
    top.set_xlim(0, data.edges_ps[-1] / size)
    top.set_ylabel("GB/s")
    top.set_xlabel(f"time ({unit})")
    if data.bandwidth:
        top.legend(loc="upper left", ncols=len(data.bandwidth), frameon=False)
    share = 100 * data.waits / max(1, data.waits.sum())
    bars = bottom.bar(np.arange(share.size), share, color="#56b4e9", edgecolor="black")
    bottom.bar_label(bars, [f"{value:.1f}" if value else "" for value in share], padding=2)
    bottom.set_xticks(np.arange(share.size))
    bottom.set_ylim(0, 1.2 * max(1.0, float(share.max(initial=0))))
    bottom.set_xlabel("lines waiting in the bank")
    bottom.set_ylabel("reads (%)")
    return figure
