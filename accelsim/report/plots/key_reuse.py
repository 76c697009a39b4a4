"""Lines: distinct keys of a query tile, and how many queries share each, by tile height."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.report.style import legend_below, new_figure, settled, styled
from accelsim.report.words import TINY_CAPTION
from accelsim.sweep.trios import is_control
from accelsim.workload.operators import Attention
from accelsim.workload.statistics import key_reuse_by_tile
from accelsim.workload.trace import Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TILES = (1, 2, 4, 8, 16, 32, 64, 128)
SAMPLED_NNZ = 1 << 20
Range = list[tuple[float, float]]
LAYERS = 8  # of a trace, evenly spaced
LINES = 8
NAME = 60  # characters; equal patterns share a line and its name
LINE_STYLE = (
    ("#0072b2", "o"), ("#e69f00", "s"), ("#009e73", "^"), ("#cc79a7", "D"),
    ("#4d4d4d", "v"), ("#56b4e9", "P"), ("#d55e00", "X"), ("#b2abd2", "*"),
)  # fmt: skip


class ReuseLine(NamedTuple):
    """One trace: means over its attention layers for every tile height.

    `distinct`, `sharers` : distinct keys of a tile, and queries that use a fetched key;
    `distinct_range`, `sharers_range` : (low, high) between which the middle 80 % of tiles lie.
    `traced` is False for a synthetic trace.
    """

    workload: str
    traced: bool
    sampled: bool
    distinct: list[float]
    distinct_range: Range
    sharers: list[float]
    sharers_range: Range


class ReuseCurves(NamedTuple):
    """`tiles` : queries of a tile, the horizontal axis of all lines."""

    tiles: list[int]
    lines: list[ReuseLine]
    tiny: bool


def prepare(traces: Sequence[Trace], tiles: Sequence[int] = TILES) -> ReuseCurves:
    """Count unions for every trace with a sparse attention pattern (large ones are sampled)."""
    lines: list[ReuseLine] = []
    for trace in traces:
        line = _line(trace, tiles)
        twin = next((at for at, old in enumerate(lines) if line and old[1:] == line[1:]), None)
        if twin is not None:  # the same pattern under another name
            lines[twin] = lines[twin]._replace(workload=f"{lines[twin].workload}, {trace.name}")
        elif line is not None:
            lines.append(line)
    tiny = any(trace.name.startswith("tiny_") for trace in traces)
    return ReuseCurves(list(tiles), lines, tiny)


def _line(trace: Trace, tiles: Sequence[int]) -> ReuseLine | None:
    every = [op for op in trace.operators if isinstance(op, Attention) and op.pattern is not None]
    if not every:
        return None
    chosen = np.unique(np.linspace(0, len(every) - 1, min(len(every), LAYERS)).round().astype(int))
    layers = [every[at] for at in chosen]
    by_layer = [
        key_reuse_by_tile(op.pattern, op.q_len, tiles, sampled_nnz=SAMPLED_NNZ)
        for op in layers
        if op.pattern is not None
    ]
    found = list(zip(*by_layer, strict=True))
    return ReuseLine(
        workload=trace.name,
        traced=not trace.synthetic,
        sampled=len(layers) < len(every) or any(reuse.sampled for row in found for reuse in row),
        distinct=[_mean([r.union_mean for r in row]) for row in found],
        distinct_range=[_mean_range([r.union_range for r in row]) for row in found],
        sharers=[_mean([r.sharers for r in row]) for row in found],
        sharers_range=[_mean_range([r.sharers_range for r in row]) for row in found],
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _mean_range(ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return _mean([low for low, _ in ranges]), _mean([high for _, high in ranges])


@styled
def draw(data: ReuseCurves) -> Figure:
    """Left: distinct keys of a tile; right: queries of a tile that share a fetched key."""
    caption = f"Traced: {TINY_CAPTION}. " if data.tiny else ""
    shown, more = data.lines[:LINES], len(data.lines) - LINES
    synthetic = [line.workload for line in shown if not line.traced]
    figure = new_figure(
        "Key reuse per query tile",
        "keys that a tile of neighbouring queries needs together, and how many of its queries "
        "share one fetched key; band: the middle 80 % of tiles",
        f"{caption}Synthetic: {', '.join(synthetic) or 'none'}. From the traces alone: the same on "
        "every architecture and clock; mean over heads and up to 8 layers, long patterns sampled."
        + f" {more} more workloads are not shown."
        * (more > 0),
    )
    left, right = figure.subplots(1, 2)
    for number, line in enumerate(shown):
        _line_of(left, data.tiles, line, number, line.distinct, line.distinct_range)
        _line_of(right, data.tiles, line, number, line.sharers, line.sharers_range)
    _axes(left, data.tiles, "distinct keys of a tile", [n.distinct_range for n in shown])
    _axes(right, data.tiles, "queries per fetched key", [n.sharers_range for n in shown])
    left.set_title("keys that a tile fetches", loc="left")
    right.set_title("queries that share a fetched key", loc="left")
    handles = left.get_legend_handles_labels()[0]
    legend_below(figure, handles, 4)
    return settled(figure)


def _line_of(
    axes: Axes, tiles: list[int], line: ReuseLine, number: int, values: list[float],
    ranges: Range,
) -> None:  # fmt: skip
    colour, marker = LINE_STYLE[number % len(LINE_STYLE)]
    dash = "--" if is_control(line.workload) else "-"
    axes.plot(
        tiles, values, dash, marker=marker, color=colour, markersize=8, linewidth=2,
        label=line.workload if len(line.workload) <= NAME else f"{line.workload[: NAME - 3]}...",
    )  # fmt: skip
    low, high = zip(*ranges, strict=True)
    axes.fill_between(tiles, low, high, color=colour, alpha=0.13, linewidth=0)


def _axes(axes: Axes, tiles: list[int], label: str, ranges: Sequence[Range]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(tiles, [str(tile) for tile in tiles])
    axes.set_yscale("log", base=2)
    values = [value for pairs in ranges for pair in pairs for value in pair]
    low, high = max(0.5, min(values, default=1.0)), max(values, default=2.0)
    axes.set_ylim(0.8 * low, 1.4 * max(high, 2 * low))
    ticks = [t for t in (1 << power for power in range(24)) if 0.8 * low <= t <= 1.4 * high]
    axes.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("tile height (queries)")
    axes.set_ylabel(label)
