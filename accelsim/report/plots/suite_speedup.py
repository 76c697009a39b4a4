"""Points with ranges: what a gather and what sparse hardware bring, workload by workload."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.report.style import ROLE_COLOURS, new_figure, styled
from accelsim.report.suite_figures import Figures, Pair
from accelsim.report.words import ROLE_TITLES, short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROLES = ("third", "candidate", "candidate_dense")
MARKERS = {"third": "s", "candidate": "o", "candidate_dense": "D"}
TICKS = (0.03, 0.06, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128)
FINE_TICKS = (0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 2.5)  # for ranges within a factor of four


class SuiteSpeedup(NamedTuple):
    """`pairs` : role -> one Pair a workload; `means` : role -> geometric mean; `names`.

    `names` : the machines.
    """

    workloads: list[str]
    pairs: dict[str, list[Pair]]
    means: dict[str, float]
    names: str


def prepare(figures: Figures) -> SuiteSpeedup:
    """Gather speedups over the baseline."""
    pairs: dict[str, list[Pair]] = {}
    for role in ROLES:
        found = [figures.pair(name, role) for name in figures.workloads]
        pairs[role] = [pair for pair in found if pair is not None]
    means = {}
    for role in ROLES:
        over = figures.geomean(role)
        assert over is not None
        means[role] = over.geomean
    machines = [machine for role, machine in figures.columns if role in ("baseline", *ROLES[:2])]
    return SuiteSpeedup(figures.workloads, pairs, means, " / ".join(machines))


@styled
def draw(data: SuiteSpeedup) -> Figure:
    """A row a workload, speedup on a logarithmic axis; lines from minimum to maximum."""
    count = len(data.workloads)
    figure = new_figure(
        "Speedup over the systolic baseline, full-size workloads",
        "end to end = baseline time / machine time; MACs, on-chip bytes, ports, DRAM, vector lanes "
        "and clock are equal",
        f"Machines: {data.names}. Point: end to end, embedding and output included; line: "
        "lowest to highest of the layers or seeds simulated (at least five).",
    )
    axes = figure.add_subplot()
    rows = np.arange(count + 1)
    low, high = 0.8, 1.25
    for number, role in enumerate(ROLES):
        at = rows + 0.25 * (number - 1)
        points = [pair.speedup for pair in data.pairs[role]] + [data.means[role]]
        for y, pair in zip(at, data.pairs[role], strict=False):
            axes.plot(
                [pair.over.minimum, pair.over.maximum], [y, y], color=ROLE_COLOURS[role],
                linewidth=4, alpha=0.45, solid_capstyle="butt",
            )  # fmt: skip
            low, high = min(low, pair.over.minimum), max(high, pair.over.maximum)
        axes.plot(
            points, at, MARKERS[role], color=ROLE_COLOURS[role], markersize=7,
            markeredgecolor="#222222", markeredgewidth=0.5, label=ROLE_TITLES[role],
        )  # fmt: skip
        low, high = min(low, *points), max(high, *points)
        if role == "candidate":
            for y, value in zip(at, points, strict=True):
                axes.annotate(
                    f"{short(value)}x", (1.005, y), xycoords=("axes fraction", "data"),
                    va="center", fontsize=11,
                )  # fmt: skip
    axes.axvline(1, color="black", linewidth=1.4)
    axes.axhline(count - 0.5, color="#999999", linewidth=1, linestyle=":")
    axes.set_xscale("log", base=2)
    axes.set_xlim(low / 1.08, high * 1.08)
    choice = FINE_TICKS if high < 4 * low else TICKS
    ticks = [t for t in choice if low / 1.08 <= t <= high * 1.08]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set_yticks(rows, [*data.workloads, "geometric mean"])
    axes.set_ylim(count + 0.6, -0.6)
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0, labelsize=11)
    axes.set_xlabel("speedup (x, logarithmic); the candidate's at the right")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.08), ncols=3, borderaxespad=0)
    return figure
