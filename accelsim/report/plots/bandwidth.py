"""Lines over time: DRAM bandwidth of each requester under the peak, and how full buffers are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.analysis.result import Result
from accelsim.analysis.spans import buffer_steps, most_by_bin
from accelsim.analysis.timeline import dram_bytes_by_requester
from accelsim.report.style import broken_name, legend_below, new_figure, settled, styled
from accelsim.report.terms import clock_and_dram_text, machine_label
from accelsim.report.words import as_bytes, as_time, origin_text, replay_sentence, time_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = 120
PEAK_SHOWN = 0.3  # of the peak, from which the axis reaches it
REQUESTERS = (
    ("#0072b2", ""), ("#e69f00", "//"), ("#009e73", "\\\\"), ("#cc79a7", ".."), ("#56b4e9", "xx"),
    ("#f0e442", "++"),
)  # fmt: skip
BUFFERS = (
    ("#d55e00", "-"), ("#222222", "--"), ("#0072b2", "-."), ("#cc79a7", ":"), ("#56b4e9", "-"),
    ("#e69f00", "--"),
)  # fmt: skip


class Machine(NamedTuple):
    """One machine in the bins of the figure.

    `bandwidth` : requester -> float64[bins], GB/s; `peak` in GB/s. `filled` : buffer ->
    float64[bins], the most that was claimed in a bin over its size. `facts` : lines of means and
    sizes.
    """

    label: str
    facts: str
    bandwidth: dict[str, np.ndarray]
    peak: float
    filled: dict[str, np.ndarray]


class BandwidthOverTime(NamedTuple):
    """`edges_ps` : float64[bins + 1], one time axis for all machines."""

    title: str
    caption: str
    edges_ps: np.ndarray
    machines: list[Machine]


def prepare(results: Mapping[str, Result], bins: int = BINS) -> BandwidthOverTime:
    """Bin what every unit moved and what was claimed of every buffer; `results` by role."""
    longest = max(result.replayed_ps for result in results.values())
    edges = np.linspace(0.0, max(1, longest), bins + 1)
    trace = next(iter(results.values())).trace
    archs = [result.arch for result in results.values()]
    return BandwidthOverTime(
        title=f"{trace.name}: memory over time",
        caption=f"Workload: {trace.name} ({origin_text(trace)}). {clock_and_dram_text(archs)}. A "
        "task's bytes are spread evenly over the time in which its unit served it; buffers: the "
        f"most that was claimed in a bin.{replay_sentence(trace)}",
        edges_ps=edges,
        machines=[_machine(role, result, edges) for role, result in results.items()],
    )


def _machine(role: str, result: Result, edges: np.ndarray) -> Machine:
    moved = dram_bytes_by_requester(result, edges)
    size = dict(zip(result.program.buffer_name, result.program.buffer_bytes.tolist(), strict=True))
    steps = buffer_steps(result)
    reads = result.memory[result.memory["read_latency_ns"] > 0]
    latency = f", {reads['read_latency_ns'].max():,.0f} ns a read" if len(reads) else ""
    used = result.summary["dram_utilization"]
    sizes = "buffers: " + ", ".join(f"{name} {as_bytes(size[name])}" for name in steps)
    return Machine(
        label=machine_label(role, result.arch),
        facts=f"{as_time(result.replayed_ps)}, {100 * used:.1f} % of the peak{latency}\n{sizes}",
        bandwidth={name: np.diff(by) / np.diff(edges) * 1000 for name, by in moved.items()},
        peak=result.arch.dram.bandwidth / 1e9,
        filled={name: most_by_bin(s, edges) / max(1, size[name]) for name, s in steps.items()},
    )


@styled
def draw(data: BandwidthOverTime) -> Figure:
    """A column a machine: bandwidth above, buffers below.

    The peak is drawn unless all stay far below it: then it is only named.
    """
    figure = new_figure(
        data.title,
        "above: bandwidth of each requester, stacked, under the peak of the DRAM (line, unless far "
        "above); below: bytes claimed of each buffer over its size",
        data.caption,
    )
    count = len(data.machines)
    grid = figure.subplots(2, count, sharex=True, sharey="row", squeeze=False, height_ratios=(3, 2))
    unit, size = time_unit(data.edges_ps[-1] / 10)
    requesters = list(dict.fromkeys(name for m in data.machines for name in m.bandwidth))
    stacks = [sum(m.bandwidth.values(), np.zeros(1)).max(initial=0) for m in data.machines]
    peaks = [machine.peak for machine in data.machines]
    highest = max([1e-9, *stacks])
    if highest > PEAK_SHOWN * min(peaks):
        highest = max(highest, *peaks)
    for (top, bottom), machine in zip(grid.T, data.machines, strict=True):
        _bandwidth(top, machine, data.edges_ps / size, requesters, highest)
        top.set_title(
            f"{broken_name(machine.label, 40)}\n{machine.facts}", loc="left",
            fontsize=min(11.0, 33 / count),
        )  # fmt: skip
        for at, (name, share) in enumerate(machine.filled.items()):
            colour, dash = BUFFERS[at % len(BUFFERS)]
            bottom.stairs(
                100 * share, data.edges_ps / size, color=colour, linestyle=dash, linewidth=1.6,
                baseline=None, label=f"buffer: {name}",
            )  # fmt: skip
        bottom.set_ylim(0, 105)
        bottom.set_xlabel(f"time ({unit})")
    grid[0, 0].set_ylim(0, 1.12 * highest)
    grid[0, 0].set_xlim(0, data.edges_ps[-1] / size)
    grid[0, 0].set_ylabel("GB/s")
    grid[1, 0].set_ylabel("claimed (%)")
    # Machines may have buffers of one name and other sizes; each entry once.
    every = [axes.get_legend_handles_labels() for axes in grid.ravel()]
    named = {name: h for handles, names in every for h, name in zip(handles, names, strict=True)}
    legend_below(figure, [*named.values()], min(6, len(named)))
    return settled(figure)


def _bandwidth(
    axes: Axes, machine: Machine, edges: np.ndarray, requesters: list[str], highest: float
) -> None:
    base = np.zeros(edges.size - 1)
    for at, name in enumerate(requesters):
        colour, hatch = REQUESTERS[at % len(REQUESTERS)]
        rate = machine.bandwidth.get(name, np.zeros(edges.size - 1))
        axes.stairs(
            base + rate, edges, baseline=base, fill=True, color=colour, hatch=hatch,
            edgecolor="white", linewidth=0, label=f"DRAM: {name}",
        )  # fmt: skip
        base = base + rate
    said = f"peak {machine.peak:.4g} GB/s"
    if machine.peak <= highest:
        axes.axhline(machine.peak, color="black", linewidth=1.4)
    else:
        said += f", {machine.peak / highest:.1f} times the highest bin"
    axes.text(
        0.99, min(machine.peak, highest), said, ha="right", va="bottom",
        transform=axes.get_yaxis_transform(), fontsize=10,
    )  # fmt: skip
