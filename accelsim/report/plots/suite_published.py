"""Heat map: published machines as published, and at equal MACs and bandwidth, by workload."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.report.style import broken_name, new_figure, styled
from accelsim.report.suite_figures import Figures
from accelsim.report.words import short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DECADES = 1.5  # of the colour scale, to either side of 1


class SuitePublished(NamedTuple):
    """`speedups` : float[workloads + 1, machines], the last row the geometric mean; nan: refused.

    `scaled` : which columns are scaled; `candidate` : column of the candidate.
    """

    workloads: list[str]
    machines: list[str]
    speedups: np.ndarray
    scaled: list[bool]


def prepare(figures: Figures) -> SuitePublished:
    """Speedups of the candidate and every published machine over the baseline."""
    columns = [c for c in figures.columns if c[0] in ("candidate", "published", "scaled")]
    rows = []
    for workload in figures.workloads:
        pairs = [figures.pair(workload, *column) for column in columns]
        rows.append([np.nan if pair is None else pair.speedup for pair in pairs])
    means = [figures.geomean(*column) for column in columns]
    rows.append([np.nan if over is None else over.geomean for over in means])
    return SuitePublished(
        figures.workloads,
        [machine.removesuffix(" (scaled)") for _, machine in columns],
        np.array(rows),
        [role == "scaled" for role, _ in columns],
    )


@styled
def draw(data: SuitePublished) -> Figure:
    """Cells with their figure; blue is faster than the baseline, orange slower."""
    figure = new_figure(
        "Published machines over the systolic baseline",
        "baseline time / machine time; left: as published (fewer or more MACs, own clock and "
        "DRAM); right: with the baseline's MACs, clock, on-chip bytes, ports and DRAM",
        "Published machines are models from their papers' figures; what the papers leave out is "
        "assumed. A dash: refused, see suite.csv.",
    )
    axes = figure.add_subplot()
    with np.errstate(invalid="ignore"):
        level = np.clip(np.log10(data.speedups) / DECADES, -1, 1)
    axes.imshow(_colours(level), aspect="auto")
    for (row, column), value in np.ndenumerate(data.speedups):
        text = "-" if np.isnan(value) else short(value)
        dark = abs(level[row, column]) > 0.85
        axes.text(
            column, row, text, ha="center", va="center", fontsize=12,
            color="white" if dark else "black",
        )  # fmt: skip
    first = data.scaled.index(True) if any(data.scaled) else len(data.machines)
    axes.axvline(0.5, color="white", linewidth=5)
    axes.axvline(first - 0.5, color="white", linewidth=5)
    axes.axhline(len(data.workloads) - 0.5, color="white", linewidth=5)
    titles = [
        f"{broken_name(name)}\n{'scaled' if scaled else ''}".rstrip()
        for name, scaled in zip(data.machines, data.scaled, strict=True)
    ]
    axes.set_xticks(range(len(titles)), titles)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(data.workloads) + 1), [*data.workloads, "geometric mean"])
    axes.tick_params(length=0, labelsize=11)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def _colours(level: np.ndarray) -> np.ndarray:
    """From orange over white to blue, float[..., 3]; grey where there is no figure."""
    ends = np.array([[0.84, 0.37, 0.0], [1.0, 1.0, 1.0], [0.0, 0.45, 0.70]])
    safe = np.nan_to_num(level)[..., None]
    below = ends[1] + (ends[0] - ends[1]) * -np.minimum(safe, 0)
    above = ends[1] + (ends[2] - ends[1]) * np.maximum(safe, 0)
    colours = np.where(safe < 0, below, above)
    return np.where(np.isnan(level)[..., None], 0.9, colours)
