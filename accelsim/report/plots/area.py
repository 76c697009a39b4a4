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
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 24  # machines
TWO_LINES = 12
HATCH, EDGE = "////", "#333333"
DARK = ("array", "wires", "vector", "store")  # hatched in white


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
    """Gather areas; every set of machines once, its baseline first, with its first workload."""
    names: list[str] = []
    areas: list[np.ndarray] = []
    ends: list[tuple[float, float]] = []
    of: list[int] = []
    sets = sets_of_machines(comparisons, costs)
    for comparison, cost in sets:
        first = len(names)
        workload = f" ({comparison.trace.name})" * (len(sets) > 1)
        for role, result in shown_results(comparison).items():
            made = cost.areas[role]
            area = np.zeros((len(GROUPS), 2))
            for row in made.rows.to_dict("records"):
                area[GROUPS.index(row["group"]), int(row["sparse"])] += row["area_mm2"]
            names.append(machine_label(role, result.arch) + workload * (len(names) == first))
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
    count, one_set = len(data.machines), len(set(data.of)) == 1
    sums = data.area_mm2.sum(axis=(1, 2))
    divisor = np.ones(count) if one_set else np.maximum(sums[data.of], 1e-300)
    relative = "" if one_set else "; each set relative to its baseline, with its first workload"
    more = f" {data.more} more machines are in area.csv." if data.more else ""
    figure = new_figure(
        "Area of the chip by unit",
        f"hatched: there for sparsity alone ({SPARSE}){relative}; black lines: every figure of the "
        "cost table at its low end, or at its high end",
        f"Cost table {data.table}; DRAM devices are not on the chip. Machines share the figures, "
        f"so that ratios of areas are known better than the bars.{more}",
    )
    axes = figure.add_subplot()
    ends = _stacks(axes, data, divisor)
    low, high = (data.ends_mm2[:, end] / divisor for end in (0, 1))
    rows = np.arange(count) + 0.38  # below the bar, so that hatched parts stay visible
    axes.hlines(rows, low, high, color="black", linewidth=1.2)
    for at in (low, high):
        axes.vlines(at, rows - 0.07, rows + 0.07, color="black", linewidth=1.2)
    size = max(7.5, min(12.0, 190 / count))
    of_sparsity = data.area_mm2[:, :, 1].sum(axis=1)
    for row, (total, sparse) in enumerate(zip(sums, of_sparsity, strict=True)):
        share = percent(sparse / max(total, 1e-300))
        axes.annotate(
            f"{square_mm(total)}, for sparsity {square_mm(sparse)} ({share})", (ends[row], row),
            (6, 0), textcoords="offset points", va="center", fontsize=size,
        )  # fmt: skip
    width = 30 if count <= TWO_LINES else 60
    axes.set_yticks(range(count), [broken_name(name, width) for name in data.machines])
    axes.tick_params(axis="y", length=0, labelsize=size)
    axes.set_ylim(max(count, 3) - 0.4, -0.6)
    axes.set_xlim(0, max(1.05 * high.max(), 1.75 * ends.max()))
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("area (mm2)" if one_set else "area / area of the baseline")
    legend_below(figure, _handles(data), 6)
    return figure


def _stacks(axes: Axes, data: AreaBars, divisor: np.ndarray) -> np.ndarray:
    """Bars of every group, what is for sparsity together at the end; where each machine ends."""
    left = np.zeros(len(data.machines))
    for sparse in (0, 1):
        for at, group in enumerate(data.groups):
            area = data.area_mm2[:, at, sparse]
            if not area.sum():
                continue
            bars = axes.barh(
                range(len(left)), area / divisor, 0.56, left=left, color=GROUP_COLOURS[group],
                hatch=HATCH if sparse else "", linewidth=0.4,
                edgecolor="white" if sparse and group in DARK else EDGE,
            )  # fmt: skip
            why = ", for sparsity" if sparse else ""
            for bar, machine, mm2 in zip(bars, data.machines, area, strict=True):
                say_on_hover(bar, f"{machine}: {group}{why} {square_mm(mm2)}")
            left += area / divisor
    return left


def _handles(data: AreaBars) -> list[Artist]:
    from matplotlib.patches import Patch

    groups = [Patch(facecolor=GROUP_COLOURS[g], edgecolor=EDGE, label=g) for g in data.groups]
    return [*groups, Patch(facecolor="white", edgecolor=EDGE, hatch=HATCH, label="for sparsity")]
