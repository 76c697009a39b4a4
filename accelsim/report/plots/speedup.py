"""Bars: speedup of every machine over the baseline, per workload, with the geometric mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.analysis.comparison import Comparison, Spread, spread
from accelsim.report.style import (
    ROLE_COLOURS,
    ROLE_HATCHES,
    broken_name,
    new_figure,
    say_on_hover,
    styled,
)
from accelsim.report.terms import SIZE, clock_and_dram_text, machines
from accelsim.report.words import ROLE_TITLES, is_upper_bound, short
from accelsim.sweep.trios import is_control

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure

LABELLED = 12  # workloads, up to which every bar has its figure
UPRIGHT = 6  # and up to which names are not turned
SLOTS = 390.0  # points of text side by side


class SpeedupBars(NamedTuple):
    """`speedups` : role -> one figure a workload; `spreads` : role -> over workloads proper.

    `remarks` stand below the names; `machines` lists the architectures with their clock.
    """

    workloads: list[str]
    remarks: list[str]
    speedups: dict[str, list[float]]
    spreads: dict[str, Spread]
    averaged: int
    fairness: str
    machines: str


def prepare(comparisons: Sequence[Comparison]) -> SpeedupBars:
    """Gather end-to-end speedups over the baseline."""
    roles = [
        role
        for role in ("third", "candidate", "candidate_dense")
        if all(role in c.results for c in comparisons)
    ]
    proper = [c for c in comparisons if not is_control(c.trace.name)] or list(comparisons)
    trios = dict.fromkeys(
        " / ".join(arch.name for arch in machines(c)) + f" at {clock_and_dram_text(machines(c))}"
        for c in comparisons
    )
    return SpeedupBars(
        workloads=[c.trace.name for c in comparisons],
        remarks=[_remark(c) for c in comparisons],
        speedups={role: [c.speedup(role) for c in comparisons] for role in roles},
        spreads={role: spread([c.speedup(role) for c in proper]) for role in roles},
        averaged=len(proper),
        fairness=_fairness(comparisons),
        machines="; ".join(trios),
    )


def _fairness(comparisons: Sequence[Comparison]) -> str:
    """Say that what should be equal is, or what is not."""
    unfair = dict.fromkeys(
        row.name for c in comparisons for row in c.equal_and_different()[1] if row.required
    )
    if unfair:
        return f"NOT EQUAL: {', '.join(unfair)}"
    same = dict.fromkeys(c.at_equal.measure if c.at_equal else SIZE for c in comparisons)
    return f"{' or '.join(same)}, ports, DRAM, vector lanes and clock are equal"


def _remark(comparison: Comparison) -> str:
    if is_control(comparison.trace.name):
        return "control"
    origin = "synthetic" if comparison.trace.synthetic else "traced"
    return f"{origin}, upper bound" if is_upper_bound(comparison) else origin


@styled
def draw(data: SpeedupBars) -> Figure:
    """Bars that rise and fall from 1 on a logarithmic axis."""
    count = len(data.workloads)
    mean = f" Geometric mean over {data.averaged} workloads (controls left out)." * (count > 1)
    figure = new_figure(
        "Speedup over the systolic baseline",
        f"end to end = baseline time / machine time on the same trace; {data.fairness}",
        f"Machines: {data.machines}.{mean} Upper bound: oracle indices, which nobody pays for.",
    )
    axes = figure.add_subplot()
    values = [v for role in data.speedups.values() for v in role]
    step = 0.93 / max(1, len(data.speedups))
    mean_at, mean_step = count + 0.35, 1.65 / max(1, len(data.speedups))
    several = count > 1  # a mean of one says nothing
    for number, (role, speedups) in enumerate(data.speedups.items()):
        aside, over = number - (len(data.speedups) - 1) / 2, data.spreads[role]
        bars = _bars(
            axes, np.arange(count) + aside * step, speedups, step, role, label=count <= LABELLED
        )
        for bar, name, speedup in zip(bars, data.workloads, speedups, strict=True):
            say_on_hover(bar, f"{name}, {ROLE_TITLES[role]}: {speedup:.4g}x")
        if not several:
            continue
        x = mean_at + aside * mean_step
        axes.vlines(x - 0.36 * mean_step, over.minimum, over.maximum, color="black", linewidth=1.2)
        at = np.array([x + 0.08 * mean_step])
        _bars(axes, at, [over.geomean], 0.5 * mean_step, role, label=True, named=False,
              turned=count > LABELLED)  # fmt: skip
    axes.axhline(1, color="black", linewidth=1.4)
    if several:
        axes.axvline(count - 0.5, color="#999999", linewidth=1, linestyle=":")
    axes.set_xlim(-0.6, count + 1.2 if several else 0.6)
    _axis(axes, min([*values, 1.0]), max([*values, 1.0]))
    names = _names(data)
    last = "geomean\n(line: min\nto max)" if count <= UPRIGHT else "geomean"
    places, labels = [*range(count), mean_at][: len(names) + several], [*names, last]
    axes.set_xticks(places, labels[: len(places)], rotation=90 * (count > UPRIGHT))
    axes.tick_params(axis="x", length=0, labelsize=min(10.5, SLOTS / (count + 2)))
    axes.set_ylabel("speedup (x, logarithmic)")
    axes.legend(loc="upper left", ncols=3, borderaxespad=0.2)
    return figure


def _names(data: SpeedupBars) -> list[str]:
    count = len(data.workloads)
    named = zip(data.workloads, data.remarks, strict=True)
    if count <= UPRIGHT:
        return [f"{broken_name(w)}\n({r})".replace(", ", ",\n") for w, r in named]
    return [f"{w}\n({r})" for w, r in named] if count <= LABELLED else list(data.workloads)


def _bars(
    axes: Axes,
    x: np.ndarray,
    heights: list[float],
    width: float,
    role: str,
    *,
    label: bool,
    named: bool = True,
    turned: bool = False,
) -> BarContainer:
    bars = axes.bar(
        x,
        np.array(heights) - 1,
        width * 0.94,
        bottom=1,
        color=ROLE_COLOURS[role],
        hatch=ROLE_HATCHES[role],
        edgecolor="white" if not ROLE_HATCHES[role] else "#3a6f95",
        linewidth=0.4,
        label=ROLE_TITLES[role] if named else None,
    )
    if not label:
        return bars
    for at, height in zip(x, heights, strict=True):
        up = height >= 1
        axes.annotate(
            short(height),
            (at, height),
            (0, 3 if up else -3),
            textcoords="offset points",
            ha="center",
            va="bottom" if up else "top",
            fontsize=9.5,
            rotation=90 if turned else 0,
        )
    return bars


def _axis(axes: Axes, lowest: float, highest: float) -> None:
    axes.set_yscale("log", base=2)
    low, high = min(0.5, lowest / 1.25), max(2.0, highest * 1.7)
    axes.set_ylim(low, high)
    ticks = [t for t in (0.125, 0.25, 0.5, 0.71, 1, 1.41, 2, 4, 8, 16, 32, 64) if low <= t <= high]
    axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
