"""Lines: speedup against density, with the density at which it crosses 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from accelsim.arch.load import load_arch
from accelsim.report.style import ROLE_COLOURS, new_figure, styled
from accelsim.report.terms import clock_and_dram_text
from accelsim.report.words import ROLE_TITLES
from accelsim.sweep.density import (
    HEADS,
    LENGTH,
    SWEEP_LEVEL,
    WIDTH,
    Crossing,
    DensityPoint,
    crossings,
)
from accelsim.sweep.trios import Trio

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SELECTION_LABEL = {"oracle": "indices free (upper bound)", "from_scores": "indices paid"}
SELECTION_SHORT = {"oracle": "free", "from_scores": "paid"}
SELECTION_DASH = {"oracle": "-", "from_scores": "--"}
ROLE_MARKER = {"third": "s", "candidate": "o"}


class DensityCurves(NamedTuple):
    """Points of the sweep, where the lines cross 1, and on which machines."""

    points: list[DensityPoint]
    crossings: list[Crossing]
    machines: list[str]
    clock: str


def prepare(points: Sequence[DensityPoint], trio: Trio) -> DensityCurves:
    """Find the crossings of a sweep that ran on a trio."""
    archs = [load_arch(name).at_dram_level(SWEEP_LEVEL) for name in trio]
    clock = clock_and_dram_text(archs)
    return DensityCurves(list(points), crossings(list(points)), list(trio), clock)


@styled
def draw(data: DensityCurves) -> Figure:
    """Both axes logarithmic, a circle at every crossing."""
    figure = new_figure(
        "Speedup against density: one attention operator",
        f"synthetic token top-k per head (rule topk_decay), {HEADS} heads x d {WIDTH}, {LENGTH:,} "
        "queries and keys, causal",
        f"Synthetic. Baseline {data.machines[0]}; +gather {data.machines[1]}; candidate "
        f"{data.machines[2]}; {data.clock}. The baseline skips wholly masked blocks. The operator "
        "fits on chip: DRAM plays a small part.",
    )
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_yscale("log", base=2)
    for selection, role in dict.fromkeys((p.selection, p.role) for p in data.points):
        line = sorted(p for p in data.points if (p.selection, p.role) == (selection, role))
        axes.plot(
            [100 * p.density for p in line], [p.speedup for p in line], SELECTION_DASH[selection],
            marker=ROLE_MARKER[role], color=ROLE_COLOURS[role], linewidth=2.2, markersize=8,
            label=f"{ROLE_TITLES[role]}, {SELECTION_LABEL[selection]}",
        )  # fmt: skip
    axes.axhline(1, color="black", linewidth=1.4)
    # From the right and the lowest on, so that a label covers the pointers that pass behind it.
    ordered = sorted(data.crossings, key=lambda crossing: -crossing.density)
    for at, crossing in enumerate(ordered):
        x = 100 * crossing.density
        who = f"{ROLE_TITLES[crossing.role]}, {SELECTION_SHORT[crossing.selection]}"
        axes.plot([x], [1], "o", ms=15, fillstyle="none", color="black", markeredgewidth=1.8)
        axes.annotate(
            f"{who}: {x:.3g} %", (x, 1), (-10, -40 - 22 * (len(ordered) - 1 - at)),
            textcoords="offset points", ha="right", fontsize=11,
            arrowprops={"arrowstyle": "-", "color": "#666666"},
            bbox={"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none"},
        )  # fmt: skip
    if not data.crossings:
        axes.text(0.02, 0.03, "no line crosses 1 in this range", transform=axes.transAxes)
    speeds = [p.speedup for p in data.points] or [1.0]
    low, high = min(0.35, min(speeds) / 1.3), max(2.0, max(speeds) * 1.3)
    axes.set_ylim(low, high)
    ticks = [t for t in (0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64) if low <= t <= high]
    axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
    densities = sorted({100 * p.density for p in data.points})
    kept = {100 * p.density: p.kept for p in data.points}
    axes.set_xticks(densities, [f"{d:.3g} %\nk={kept[d]}" for d in densities])
    axes.minorticks_off()
    axes.set_xlabel("density: kept / visible (query, key) pairs; k keys kept per query")
    axes.set_ylabel("speedup over the baseline (x)")
    axes.legend(loc="upper right")
    return figure
