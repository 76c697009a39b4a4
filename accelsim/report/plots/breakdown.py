"""Stacked bars: the critical path by operator kind, architecture and what it was spent on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.analysis.breakdown import PARTS
from accelsim.analysis.comparison import Comparison
from accelsim.report.style import new_figure, say_on_hover, styled
from accelsim.report.terms import clock_and_dram_text, machines
from accelsim.report.words import ROLE_TITLES, origin_text, short, time_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Parts of the array in blues, memory in oranges, other units apart; hatches tell them in grey.
PART_STYLE = {
    "MAC slots": ("#08519c", ""),
    "array feed": ("#6baed6", "//"),
    "row imbalance": ("#c6dbef", "xx"),
    "bank conflicts": ("#cc79a7", ".."),
    "array fill and drain": ("#deebf7", ""),
    "DRAM reads": ("#e69f00", ""),
    "DRAM writes": ("#fdd49e", "\\\\"),
    "vector lanes": ("#009e73", ""),
    "index unit": ("#5e3c99", "--"),
    "scatter unit": ("#b2abd2", "++"),
    "dispatch": ("#888888", "||"),
}


class Breakdown(NamedTuple):
    """`time_ps` : float64[kinds, roles, parts], which sums to the total for every role."""

    workload: str
    origin: str
    machines: list[str]
    clock: str
    kinds: list[str]
    roles: list[str]
    parts: list[str]
    time_ps: np.ndarray


def prepare(comparison: Comparison) -> Breakdown:
    """Divide every machine's critical path."""
    kinds = list(dict.fromkeys(op.kind for op in comparison.trace.operators))
    roles = list(comparison.results)
    time_ps = np.zeros((len(kinds), len(roles), len(PARTS)))
    for at, role in enumerate(roles):
        for row in comparison.parts[role].to_dict("records"):
            time_ps[kinds.index(row["kind"]), at, PARTS.index(row["part"])] += row["time_ps"]
    archs = machines(comparison)
    return Breakdown(
        workload=comparison.trace.name,
        origin=origin_text(comparison.trace),
        machines=[arch.name for arch in archs],
        clock=clock_and_dram_text(archs),
        kinds=kinds,
        roles=roles,
        parts=list(PARTS),
        time_ps=time_ps,
    )


@styled
def draw(data: Breakdown) -> Figure:
    """One group a kind of operator, one bar a machine, one colour a part."""
    figure = new_figure(
        f"{data.workload}: where the time goes",
        "time on the critical path by operator kind and machine; the bars of a machine sum to its "
        "total",
        f"Workload: {data.workload} ({data.origin}). Machines: {', '.join(data.machines)}; "
        f"{data.clock}. Array feed: waiting for operands from the scratchpad.",
    )
    axes = figure.add_subplot()
    sums = data.time_ps.sum(axis=2)
    unit, size = time_unit(sums.max() / 10)
    groups, bars = sums.shape
    x = np.arange(groups)[:, None] * (bars + 0.8) + np.arange(bars)[None, :]
    below = np.zeros((groups, bars))
    for at, part in enumerate(data.parts):
        height = data.time_ps[:, :, at] / size
        if height.sum() == 0:
            continue
        colour, hatch = PART_STYLE[part]
        stack = axes.bar(
            x.ravel(), height.ravel(), 0.86, bottom=below.ravel(), color=colour, hatch=hatch,
            edgecolor="#333333", linewidth=0.4, label=part,
        )  # fmt: skip
        owners = [f"{k}, {ROLE_TITLES[r]}" for k in data.kinds for r in data.roles]
        for bar, owner, tall in zip(stack, owners, height.ravel(), strict=True):
            say_on_hover(bar, f"{owner}: {part} {tall:.4g} {unit}")
        below += height
    axes.set_ylim(0, max(sums.max() / size, 1e-9) * 1.12)
    many = groups * bars > 20
    for at, total in zip(x.ravel(), sums.ravel(), strict=True):
        axes.annotate(
            short(total / size), (at, total / size), (0, 3), textcoords="offset points",
            ha="center", va="bottom", fontsize=9 if many else 11, rotation=90 if many else 0,
        )  # fmt: skip
    labels = [ROLE_TITLES[role] for _ in data.kinds for role in data.roles]
    turned = groups > 1
    axes.set_xticks(x.ravel(), labels, rotation=90 if turned else 0)
    axes.tick_params(axis="x", length=0, labelsize=9 if many else 11 if turned else 13)
    for group, kind in enumerate(data.kinds):
        axes.annotate(
            kind, (x[group].mean(), 1), xycoords=("data", "axes fraction"), ha="center",
            va="bottom", fontsize=13, fontweight="bold",
        )  # fmt: skip
    axes.set_ylabel(f"time on the critical path ({unit})")
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], names[::-1], loc="outside right center")
    return figure
