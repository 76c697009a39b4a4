"""Stacked bars: area of every machine by unit, what is there for sparsity alone hatched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.analysis.comparison import Comparison
from accelsim.hardware.compared import Costs
from accelsim.hardware.component import GROUPS
from accelsim.report.energy_words import SPARSE, sets_of_machines
from accelsim.report.style import (
    GROUP_COLOURS,
    broken_name,
    legend_below,
    new_figure,
    say_on_hover,
    styled,
)
from accelsim.report.terms import machine_label, shown_results
from accelsim.report.words import percent, square_mm

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 24  # machines
HATCH = "////"


class AreaBars(NamedTuple):
    """`area_mm2` : float64[machines, groups, 2], what any machine needs and what is for sparsity.

    `ends_mm2` : float64[machines, 2], every figure of the cost table low, or high. `of` : machine
    -> the one (its baseline) that it is drawn relative to. `more` : machines that are not shown.
    """

    machines: list[str]
    groups: list[str]
    area_mm2: np.ndarray
    ends_mm2: np.ndarray
    of: list[int]
    table: str
    more: int


def prepare(comparisons: Sequence[Comparison], costs: Sequence[Costs]) -> AreaBars:
    """Gather areas; every set of machines once, its baseline first."""
    names: list[str] = []
    areas: list[np.ndarray] = []
    ends: list[tuple[float, float]] = []
    of: list[int] = []
    for comparison, cost in sets_of_machines(comparisons, costs):
        first = len(names)
        for role, result in shown_results(comparison).items():
            made = cost.areas[role]
            area = np.zeros((len(GROUPS), 2))
            for row in made.rows.to_dict("records"):
                area[GROUPS.index(row["group"]), int(row["sparse"])] += row["area_mm2"]
            names.append(machine_label(role, result.arch))
            areas.append(area)
            ends.append((made.area_mm2.low, made.area_mm2.high))
            of.append(first)
    stacked = np.array(areas)
    used = stacked.sum(axis=(0, 2)) > 0
    return AreaBars(
        names[:SHOWN],
        [group for group, there in zip(GROUPS, used, strict=True) if there],
        stacked[:SHOWN, used],
        np.array(ends[:SHOWN]),
        of[:SHOWN],
        costs[0].table,
        max(0, len(names) - SHOWN),
    )


@styled
def draw(data: AreaBars) -> Figure:
    """One bar a machine; machines of several sets relative to their baselines."""
    from matplotlib.patches import Patch

    count, one_set = len(data.machines), len(set(data.of)) == 1
    sums = data.area_mm2.sum(axis=(1, 2))
    divisor = np.ones(count) if one_set else np.maximum(sums[data.of], 1e-300)
    relative = "" if one_set else "; each set of machines relative to its baseline"
    more = f" {data.more} more machines are in area.csv." if data.more else ""
    figure = new_figure(
        "Area of the chip by unit",
        f"hatched: there for sparsity alone ({SPARSE}){relative}; black lines: every figure of the "
        "cost table at its low end, or at its high end",
        f"Cost table {data.table}; DRAM devices are not on the chip. Machines share the figures, "
        f"so that ratios of areas are known better than the bars.{more}",
    )
    axes = figure.add_subplot()
    left = np.zeros(count)
    for sparse in (0, 1):  # hatched parts lie together at the end
        for at, group in enumerate(data.groups):
            width = data.area_mm2[:, at, sparse] / divisor
            if not width.sum():
                continue
            bars = axes.barh(
                range(count), width, 0.56, left=left, color=GROUP_COLOURS[group],
                hatch=HATCH if sparse else "", edgecolor="#333333", linewidth=0.4,
            )  # fmt: skip
            for bar, machine, area in zip(
                bars, data.machines, data.area_mm2[:, at, sparse], strict=True
            ):
                why = ", for sparsity" if sparse else ""
                say_on_hover(bar, f"{machine}: {group}{why} {square_mm(area)}")
            left += width
    low, high = (data.ends_mm2[:, end] / divisor for end in (0, 1))
    rows = np.arange(count) + 0.38  # below the bar, so that hatched parts stay visible
    axes.hlines(rows, low, high, color="black", linewidth=1.2)
    for ends in (low, high):
        axes.vlines(ends, rows - 0.07, rows + 0.07, color="black", linewidth=1.2)
    size = max(7.5, min(12.0, 190 / count))
    for row, (total, sparse_mm2) in enumerate(
        zip(sums, data.area_mm2[:, :, 1].sum(axis=1), strict=True)
    ):
        share = percent(sparse_mm2 / max(total, 1e-300))
        axes.annotate(
            f"{square_mm(total)}, for sparsity {square_mm(sparse_mm2)} ({share})",
            (left[row], row), (6, 0), textcoords="offset points", va="center", fontsize=size,
        )  # fmt: skip
    axes.set_yticks(range(count), [broken_name(name, 30) for name in data.machines])
    axes.tick_params(axis="y", length=0, labelsize=size)
    axes.set_ylim(max(count, 3) - 0.4, -0.6)
    axes.set_xlim(0, max(1.05 * high.max(), 1.75 * left.max()))
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("area (mm2)" if one_set else "area / area of the baseline")
    handles = [
        Patch(facecolor=GROUP_COLOURS[group], edgecolor="#333333", label=group)
        for group in data.groups
    ]
    handles.append(Patch(facecolor="white", edgecolor="#333333", hatch=HATCH, label="for sparsity"))
    legend_below(figure, handles, 6)
    return figure
