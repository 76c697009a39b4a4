"""Stacked bars: energy by unit for every workload and machine, DRAM devices at the bottom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.analysis.comparison import Comparison
from accelsim.hardware.columns import group_column
from accelsim.hardware.compared import Costs
from accelsim.hardware.component import GROUPS, OFF_CHIP
from accelsim.report.energy_words import energy_ratio_text
from accelsim.report.style import GROUP_COLOURS, broken_name, new_figure, say_on_hover, styled
from accelsim.report.terms import machines
from accelsim.report.words import ROLE_TITLES, as_energy, energy_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 12  # workloads
WIDTH, ASIDE = 0.76, 0.46  # of a bar, and of the line of its range beside it
LEGEND = {OFF_CHIP: "DRAM devices"}


class EnergyBars(NamedTuple):
    """`energy_pj` : float64[workloads, roles, groups]; nan where a machine did not run.

    `ends_pj` : float64[workloads, roles, 2], every figure of the cost table low, or high. `said` :
    the ratio of one workload; `more` : workloads that are not shown.
    """

    workloads: list[str]
    roles: list[str]
    groups: list[str]
    energy_pj: np.ndarray
    ends_pj: np.ndarray
    table: str
    machines: str
    said: str
    more: int


def prepare(comparisons: Sequence[Comparison], costs: Sequence[Costs]) -> EnergyBars:
    """Gather energies by group of components, DRAM first."""
    shown = list(zip(comparisons, costs, strict=True))[:SHOWN]
    roles = [role for role in ROLE_TITLES if any(role in c.results for c, _ in shown)]
    groups = [OFF_CHIP, *(group for group in GROUPS if group != OFF_CHIP)]
    energy = np.full((len(shown), len(roles), len(groups)), np.nan)
    ends = np.full((len(shown), len(roles), 2), np.nan)
    for at, (comparison, cost) in enumerate(shown):
        for role in comparison.results:
            found = cost.energies[role]
            sums = [found.operators[group_column(group)].sum() for group in groups]
            energy[at, roles.index(role)] = sums
            ends[at, roles.index(role)] = [
                found.summary["energy_low_pj"], found.summary["energy_high_pj"]
            ]  # fmt: skip
    used = np.nansum(energy, axis=(0, 1)) > 0
    names = dict.fromkeys(" / ".join(a.name for a in machines(c)) for c, _ in shown)
    return EnergyBars(
        workloads=[comparison.trace.name for comparison, _ in shown],
        roles=roles,
        groups=[group for group, there in zip(groups, used, strict=True) if there],
        energy_pj=energy[:, :, used],
        ends_pj=ends,
        table=", ".join(dict.fromkeys(cost.table for cost in costs)),
        machines="; ".join(names),
        said=f" Energy, {energy_ratio_text(costs[0])}." if len(costs) == 1 else "",
        more=len(comparisons) - len(shown),
    )


@styled
def draw(data: EnergyBars) -> Figure:
    """One bar a machine; of several workloads each relative to its baseline."""
    count, bars = len(data.workloads), len(data.roles)
    sums = data.energy_pj.sum(axis=2)
    unit, size = energy_unit(np.nanmax(sums) / 10)
    divisor = np.full(count, size) if count == 1 else np.maximum(sums[:, 0], 1e-300)
    more = f" {data.more} more workloads are in energy.csv." if data.more else ""
    of = " (baseline = 1, energy above the bar)" if count > 1 else ""
    figure = new_figure(
        f"{data.workloads[0]}: energy by unit" if count == 1 else "Energy by unit",
        f"energy of a whole run by machine{of}; black lines beside the bars: every figure of "
        "the cost table at its low end, or at its high end",
        f"Cost table {data.table}. Machines: {data.machines}. Machines share the figures, so that "
        f"ratios are known better than the bars.{data.said}{more}",
    )
    axes = figure.add_subplot()
    x = np.arange(count)[:, None] * (bars + 0.8) + np.arange(bars)[None, :]
    _stacks(axes, data, x, divisor)
    high = data.ends_pj[:, :, 1] / divisor[:, None]
    _ranges(axes, data, x, divisor)
    many = count * bars > 12
    tops = sums / divisor[:, None]
    for at, top, energy in zip(x.ravel(), tops.ravel(), sums.ravel(), strict=True):
        if energy == energy:
            axes.annotate(
                as_energy(energy), (at, top), (0, 3), textcoords="offset points", ha="center",
                va="bottom", fontsize=8.5 if many else 11, rotation=90 if many else 0,
            )  # fmt: skip
    axes.set_ylim(0, max(float(np.nanmax(high)), 1e-9) * (1.25 if many else 1.12))
    axes.set_xlim(x.min() - 0.8, x.max() + 0.8)
    labels = [ROLE_TITLES[role] for _ in data.workloads for role in data.roles]
    axes.set_xticks(x.ravel(), labels, rotation=90 if count > 1 else 0)
    axes.tick_params(axis="x", length=0, labelsize=8.5 if many else 11 if count > 1 else 13)
    if count > 1:
        for row, name in zip(x, data.workloads, strict=True):
            axes.annotate(
                broken_name(name), (row.mean(), 1), xycoords=("data", "axes fraction"),
                ha="center", va="bottom", fontsize=min(12.0, 90 / count), fontweight="bold",
            )  # fmt: skip
    axes.set_ylabel(f"energy ({unit})" if count == 1 else "energy / energy of the baseline")
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], names[::-1], loc="outside right center")
    return figure


def _stacks(axes: Axes, data: EnergyBars, x: np.ndarray, divisor: np.ndarray) -> None:
    energy = np.nan_to_num(data.energy_pj)
    below = np.zeros(x.shape)
    owners = [f"{w}, {ROLE_TITLES[r]}" for w in data.workloads for r in data.roles]
    for at, group in enumerate(data.groups):
        height = energy[:, :, at] / divisor[:, None]
        stack = axes.bar(
            x.ravel(), height.ravel(), WIDTH, bottom=below.ravel(), color=GROUP_COLOURS[group],
            hatch="//" if group == OFF_CHIP else "", edgecolor="#333333", linewidth=0.4,
            label=LEGEND.get(group, group),
        )  # fmt: skip
        for bar, owner, spent in zip(stack, owners, energy[:, :, at].ravel(), strict=True):
            say_on_hover(bar, f"{owner}: {LEGEND.get(group, group)} {as_energy(spent)}")
        below += height
        if group == OFF_CHIP:  # what lies above is the chip
            axes.hlines(
                below.ravel(), x.ravel() - WIDTH / 2, x.ravel() + WIDTH / 2, color="black", lw=1.6
            )


def _ranges(axes: Axes, data: EnergyBars, x: np.ndarray, divisor: np.ndarray) -> None:
    ends = data.ends_pj / divisor[:, None, None]
    there = ~np.isnan(ends[:, :, 0])
    low, high, at = ends[:, :, 0][there], ends[:, :, 1][there], x[there] + ASIDE
    axes.vlines(at, low, high, color="black", linewidth=1.2)
    for ends_of in (low, high):
        axes.hlines(ends_of, at - 0.06, at + 0.06, color="black", linewidth=1.2)
