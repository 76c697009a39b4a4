"""One stream on one DRAM part over time: bandwidth under the peak line, row hits, queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.arch.part import Part
from accelsim.engine.dram import AT, COMMANDS, HITS, WAITING, StreamResult
from accelsim.report.style import new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 60


class OverTime(NamedTuple):
    """Bins in us: float64[bins] each. `peak` in GB/s; `entries` : what the queues hold at most."""

    title: str
    caption: str
    time_us: np.ndarray
    bandwidth: np.ndarray
    hit_rate: np.ndarray
    waiting: np.ndarray
    peak: float
    entries: int


def prepare(part: Part, label: str, result: StreamResult, bins: int = BINS) -> OverTime:
    """Differences of the samples, at most `bins` of them."""
    samples = np.concatenate([np.zeros((1, result.samples.shape[1]), np.int64), result.samples])
    kept = np.unique(np.linspace(0, len(samples) - 1, bins + 1).round().astype(int))
    samples = samples[kept]
    step = np.diff(samples, axis=0)
    commands = np.maximum(step[:, COMMANDS], 1)
    # GB/s: bytes over ns.
    ns = np.maximum(step[:, AT], 1) * part.clock_period / 1000
    queues = part.queues
    banks = part.ranks * part.bank_groups * part.banks
    return OverTime(
        title=f"{part.name}: {label}",
        caption=f"{part.description}. {result.requests:,} requests of {part.request_bytes} B, "
        f"refresh {'on' if part.refresh else 'off'}, mapping {part.mapping}. Equal reads that wait "
        "together are one burst.",
        time_us=samples[1:, AT] * part.clock_period / 1e6,
        bandwidth=step[:, COMMANDS] * part.request_bytes / ns,
        hit_rate=100 * step[:, HITS] / commands,
        waiting=samples[1:, WAITING],
        peak=part.bandwidth / 1e9,
        entries=part.channels * (queues.reads + queues.writes + banks * queues.bank),
    )


@styled
def draw(data: OverTime) -> Figure:
    """Three panels over one time axis."""
    figure = new_figure(data.title, "request-level DRAM over time", data.caption)
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(2, 1, 1))
    top.axhline(data.peak, color="black", linewidth=1.4)
    top.text(0.995, data.peak, f"peak {data.peak:.4g} GB/s", ha="right", va="bottom",
             transform=top.get_yaxis_transform())  # fmt: skip
    top.plot(data.time_us, data.bandwidth, color="#0072b2", linewidth=2)
    top.set_ylim(0, 1.15 * data.peak)
    top.set_ylabel("on the bus (GB/s)")
    middle.plot(data.time_us, data.hit_rate, color="#d55e00", linewidth=2)
    middle.set_ylim(0, 105)
    middle.set_ylabel("row hits (%)")
    bottom.plot(data.time_us, data.waiting, color="#009e73", linewidth=2)
    bottom.set_ylim(0, max(1, 1.1 * float(data.waiting.max(initial=0))))
    bottom.set_ylabel(f"waiting\n(of {data.entries:,})")
    bottom.set_xlabel("time (us)")
    return figure
