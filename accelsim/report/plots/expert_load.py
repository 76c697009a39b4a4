"""Bars: tokens of each expert, trained against its untrained twin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.report.style import broken_name, legend_below, new_figure, settled, styled
from accelsim.report.words import origin_text
from accelsim.workload.operators import Moe
from accelsim.workload.statistics import expert_counts
from accelsim.workload.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = 6
BARS = 40  # experts, up to which each has a bar
SERIES_STYLE = (("#0072b2", ""), ("#e69f00", "//"), ("#888888", ".."))


class ExpertLoad(NamedTuple):
    """`tokens[trace][layer]` : int64[experts], fullest expert first; `layers` names the rows."""

    traces: list[str]
    origin: str
    layers: list[str]
    tokens: list[list[np.ndarray]]
    left_out: int


def prepare(traces: Sequence[Trace]) -> ExpertLoad | None:
    """Sort the experts of each layer by load; None if the first trace has no experts.

    Traces after the first are its twins: layers are matched in order.
    """
    found = [[op for op in trace.operators if isinstance(op, Moe)] for trace in traces]
    if not found or not found[0]:
        return None
    layers = min(len(ops) for ops in found if ops)
    chosen = np.unique(np.linspace(0, layers - 1, min(layers, PANELS)).round().astype(int))
    kept = [(trace, ops) for trace, ops in zip(traces, found, strict=True) if ops]
    return ExpertLoad(
        traces=[trace.name for trace, _ in kept],
        origin=origin_text(traces[0]),
        layers=[found[0][at].scope for at in chosen],
        tokens=[[np.sort(expert_counts(ops[at]))[::-1] for at in chosen] for _, ops in kept],
        left_out=layers - len(chosen),
    )


@styled
def draw(data: ExpertLoad) -> Figure:
    """One panel a layer."""
    more = f" {data.left_out} more layers are not shown." if data.left_out else ""
    figure = new_figure(
        "Expert load: tokens routed to each expert",
        "fullest expert first; load = fullest / mean: the imbalance that padding to a mean would "
        "hide",
        f"Workloads: {', '.join(data.traces)} ({data.origin}). From the trace alone: the same on "
        f"every architecture and clock.{more}",
    )
    count = len(data.layers)
    columns = min(count, 2 if count <= 4 else 3)
    rows = -(-count // columns)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for at, layer in enumerate(data.layers):
        axes = panels[at]
        loads = []
        for number, (name, tokens) in enumerate(zip(data.traces, data.tokens, strict=True)):
            colour, hatch = SERIES_STYLE[number % len(SERIES_STYLE)]
            counts = tokens[at]
            width = 0.84 / len(data.traces)
            x = np.arange(len(counts)) + (number - (len(data.traces) - 1) / 2) * width
            if len(counts) <= BARS:
                axes.bar(x, counts, width, color=colour, hatch=hatch, edgecolor="white",
                         linewidth=0.3, label=name)  # fmt: skip
            else:  # one outline for all, the first one filled
                axes.stairs(
                    counts, fill=number == 0, color=colour, linewidth=1.8, label=name,
                    linestyle=("-", "--", ":")[number % 3],
                )  # fmt: skip
            loads.append(f"{counts.max() / max(counts.mean(), 1e-9):.2f}")
        mean = float(data.tokens[0][at].mean())
        axes.axhline(mean, color="black", linewidth=1.2, linestyle="--", label="mean")
        axes.set_title(
            f"{broken_name(layer, 110 // columns)}\nload {' / '.join(loads)}", loc="left",
            fontsize=12,
        )  # fmt: skip
        axes.set_xticks([])
        if at % columns == 0:
            axes.set_ylabel("tokens")
        if at >= count - columns:
            axes.set_xlabel(f"{len(data.tokens[0][at])} experts, by load")
    for axes in panels[count:]:
        axes.set_visible(False)
    handles = panels[0].get_legend_handles_labels()[0]
    legend_below(figure, handles, len(handles))
    return settled(figure)
