"""Lines: distinct keys of a query tile, and how many queries share each, by tile height."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from accelsim.report.style import new_figure, styled
from accelsim.report.words import TINY_CAPTION
from accelsim.sweep.trios import CONTROL_OF, is_control
from accelsim.workload.operators import Attention
from accelsim.workload.statistics import KeyReuse, key_reuse
from accelsim.workload.trace import Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TILES = (1, 2, 4, 8, 16, 32, 64, 128)
SAMPLED_NNZ = 1 << 20
LINES = 8
LINE_STYLE = (
    ("#0072b2", "o"), ("#e69f00", "s"), ("#009e73", "^"), ("#cc79a7", "D"),
    ("#4d4d4d", "v"), ("#56b4e9", "P"), ("#d55e00", "X"), ("#b2abd2", "*"),
)  # fmt: skip


class ReuseLine(NamedTuple):
    """One trace: means over its attention layers for every tile height.

    `distinct`, `lowest`, `highest` : distinct keys of a tile, the mean and the range over layers;
    `sharers` : queries that use a fetched key. `traced` is False for a synthetic trace.
    """

    workload: str
    traced: bool
    sampled: bool
    distinct: list[float]
    lowest: list[float]
    highest: list[float]
    sharers: list[float]


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
    layers = [op for op in trace.operators if isinstance(op, Attention) and op.pattern is not None]
    if not layers:
        return None
    found: list[list[KeyReuse]] = []
    for tile in tiles:
        row = []
        for op in layers:
            assert op.pattern is not None
            row.append(key_reuse(op.pattern, op.q_len, tile=tile, sampled_nnz=SAMPLED_NNZ))
        found.append(row)
    return ReuseLine(
        workload=trace.name,
        traced=not trace.synthetic,
        sampled=any(reuse.sampled for row in found for reuse in row),
        distinct=[sum(r.union_mean for r in row) / len(row) for row in found],
        lowest=[min(r.union_mean for r in row) for row in found],
        highest=[max(r.union_mean for r in row) for row in found],
        sharers=[sum(r.sharers for r in row) / len(row) for row in found],
    )


@styled
def draw(data: ReuseCurves) -> Figure:
    """Left: distinct keys of traced models; right: sharers of every workload."""
    caption = f"Traced: {TINY_CAPTION}. " if data.tiny else ""
    synthetic = [line.workload for line in data.lines if not line.traced]
    figure = new_figure(
        "Key reuse per query tile",
        "keys that a tile of neighbouring queries needs together, and how many of its queries "
        "share one fetched key",
        f"{caption}Synthetic: {', '.join(synthetic) or 'none'}. From the traces alone: the same on "
        "every architecture and clock; mean over heads and layers, long patterns sampled.",
    )
    pair = {name for both in CONTROL_OF.items() for name in both}
    traced = [line for line in data.lines if line.traced]
    left = [line for line in traced if line.workload in pair] or traced
    panels = figure.subplots(1, 2 if left else 1, squeeze=False)[0]
    styles = {line.workload: LINE_STYLE[at % len(LINE_STYLE)] for at, line in enumerate(data.lines)}
    if left:
        _panel(panels[0], data.tiles, left[:LINES], styles, "distinct keys of a tile", shade=True)
        panels[0].set_title("distinct keys, trained and not (band: all layers)", loc="left")
        panels[0].legend(loc="upper left")
    _panel(
        panels[-1], data.tiles, data.lines[:LINES], styles, "queries per fetched key", shade=False
    )
    panels[-1].set_title("queries of the tile that share a fetched key", loc="left")
    panels[-1].legend(loc="upper left")
    return figure


def _panel(
    axes: Axes,
    tiles: list[int],
    lines: list[ReuseLine],
    styles: dict[str, tuple[str, str]],
    label: str,
    *,
    shade: bool,
) -> None:
    for line in lines:
        colour, marker = styles[line.workload]
        values = line.distinct if shade else line.sharers
        dash = "--" if is_control(line.workload) else "-"
        axes.plot(tiles, values, dash, marker=marker, color=colour, markersize=8, linewidth=2,
                  label=line.workload)  # fmt: skip
        if shade and line.lowest != line.highest:
            axes.fill_between(
                tiles, line.lowest, line.highest, color=colour, alpha=0.13, linewidth=0
            )
    axes.set_xscale("log", base=2)
    axes.set_xticks(tiles, [str(tile) for tile in tiles])
    if not shade:
        axes.set_yscale("log", base=2)
        high = max([2.0, *(v for line in lines for v in line.sharers)])
        ticks = [t for t in (1, 2, 4, 8, 16, 32, 64, 128) if t <= 2 * high]
        axes.set_yticks(ticks, [str(tick) for tick in ticks])
        axes.set_ylim(0.9, 2.5 * high)
    axes.minorticks_off()
    axes.set_xlabel("tile height (queries)")
    axes.set_ylabel(label)
