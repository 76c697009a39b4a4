"""Heat maps: where the kept keys of each attention lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.report.style import broken_name, new_figure, styled
from accelsim.report.words import origin_text
from accelsim.workload.operators import Attention
from accelsim.workload.patterns import Pattern
from accelsim.workload.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = 6
BINS = 96


class PatternMap(NamedTuple):
    """`share[panel]` : float[bins, bins], kept over all pairs of a cell; queries downwards."""

    trace: str
    origin: str
    titles: list[str]
    share: list[np.ndarray]
    extent: list[tuple[int, int]]
    left_out: int


def prepare(trace: Trace) -> PatternMap | None:
    """Bin the first index set of some attentions; None if none has a pattern."""
    found = [op for op in trace.operators if isinstance(op, Attention) and op.pattern is not None]
    if not found:
        return None
    chosen = np.unique(np.linspace(0, len(found) - 1, min(len(found), PANELS)).round().astype(int))
    ops = [found[at] for at in chosen]
    shares = []
    for op in ops:
        assert op.pattern is not None
        shares.append(binned(op.pattern, op.q_len))
    return PatternMap(
        trace=trace.name,
        origin=origin_text(trace),
        titles=[f"{op.scope}: keeps {s.mean():.1%} of all pairs"
                for op, s in zip(ops, (_weighted(op) for op in ops), strict=True)],
        share=shares,
        extent=[(op.q_len, op.kv_len) for op in ops],
        left_out=len(found) - len(ops),
    )  # fmt: skip


def binned(pattern: Pattern, q_len: int, bins: int = BINS) -> np.ndarray:
    """Share of kept pairs in each cell of the first `q_len` rows, float[q bins, key bins]."""
    across, down = min(bins, pattern.cols), min(bins, q_len)
    counts = np.zeros((down, across))
    step = max(1, (1 << 22) // max(1, pattern.cols))
    for start in range(0, q_len, step):
        indptr, indices = pattern.csr(start, min(q_len, start + step))
        rows = np.repeat(start + np.arange(len(indptr) - 1), np.diff(indptr))
        cells = (rows * down // q_len) * across + indices.astype(np.int64) * across // pattern.cols
        counts += np.bincount(cells, minlength=down * across).reshape(down, across)
    heights = np.bincount(np.arange(q_len) * down // q_len, minlength=down)
    widths = np.bincount(np.arange(pattern.cols) * across // pattern.cols, minlength=across)
    return counts / np.outer(heights, widths)


def _weighted(op: Attention) -> np.ndarray:
    assert op.pattern is not None
    return np.array([op.pattern.row_counts(0, op.q_len).sum() / (op.q_len * op.kv_len)])


@styled
def draw(data: PatternMap) -> Figure:
    """One panel an attention."""
    more = f" {data.left_out} more attentions are not shown." if data.left_out else ""
    figure = new_figure(
        "Kept keys of each query",
        "queries downwards, keys to the right; darker: more of the pairs in a cell are kept",
        f"Trace: {data.trace} ({data.origin}). First head of the first sequence.{more}",
    )
    count = len(data.share)
    columns = min(count, 3)
    panels = figure.subplots(-(-count // columns), columns, squeeze=False).ravel()
    for axes, title, share, (q_len, kv_len) in zip(
        panels, data.titles, data.share, data.extent, strict=False
    ):
        image = axes.imshow(
            share, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest",
            extent=(0, kv_len, q_len, 0),
        )  # fmt: skip
        axes.set_title(broken_name(title, 100 // columns), loc="left", fontsize=11)
        axes.grid(False)
        axes.locator_params(axis="x", nbins=4)
    for at, axes in enumerate(panels):
        axes.set_visible(at < count)
        if at % columns == 0:
            axes.set_ylabel("query")
        if at >= count - columns:
            axes.set_xlabel("key")
    figure.colorbar(image, ax=list(panels[:count]), label="share of pairs kept", shrink=0.8)
    return figure
