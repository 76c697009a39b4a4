"""Heat map: how well every unit was used over time, one panel a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.analysis.comparison import Comparison
from accelsim.analysis.timeline import BINS, Timeline, timeline
from accelsim.report.style import new_figure, styled
from accelsim.report.terms import clock_and_dram_text, machines
from accelsim.report.words import ROLE_TITLES, as_time, origin_text, replay_sentence, time_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_ABOVE = 0.05  # a unit that never reaches this part of its peak has no row
MOST_ROWS = 36  # of a figure; units with the least use are left out


class UtilisationOverTime(NamedTuple):
    """One Timeline a machine, all on the time axis of the slowest."""

    workload: str
    origin: str
    replay: str
    clock: str
    roles: list[str]
    architectures: list[str]
    totals_ps: list[int]
    timelines: list[Timeline]


def prepare(comparison: Comparison, bins: int = BINS) -> UtilisationOverTime:
    """Bin every machine but the candidate's dense twin."""
    shown = {r: result for r, result in comparison.results.items() if r != "candidate_dense"}
    longest = max(result.replayed_ps for result in shown.values())
    return UtilisationOverTime(
        workload=comparison.trace.name,
        origin=origin_text(comparison.trace),
        replay=replay_sentence(comparison.trace),
        clock=clock_and_dram_text(machines(comparison)),
        roles=list(shown),
        architectures=[result.arch.name for result in shown.values()],
        totals_ps=[result.replayed_ps for result in shown.values()],
        timelines=[timeline(result, bins, longest) for result in shown.values()],
    )


@styled
def draw(data: UtilisationOverTime) -> Figure:
    """Dark is idle, light is fully used; right of the white line a machine has finished."""
    figure = new_figure(
        f"{data.workload}: utilisation over time",
        "useful work of each unit over its peak, in bins; the figures at the right are means until "
        "the machine has finished",
        f"Workload: {data.workload} ({data.origin}). Clock: {data.clock}. Array: its busy cycles, "
        f"masked MACs included. DRAM: bytes over peak bandwidth.{data.replay}",
    )
    unit, size = time_unit(data.timelines[0].edges_ps[-1] / 10)
    panels = figure.subplots(len(data.roles), 1, sharex=True, squeeze=False)[:, 0]
    rows = [_rows(line, MOST_ROWS // len(panels)) for line in data.timelines]
    size_of_text = min(12.0, 300 / (sum(map(len, rows)) + 3 * len(rows)))
    image = None
    for axes, role, name, total, line, used in zip(
        panels, data.roles, data.architectures, data.totals_ps, data.timelines, rows, strict=True
    ):
        end = line.edges_ps[-1] / size
        values = np.where(line.edges_ps[:-1] < total, line.busy[used], np.nan)
        image = axes.imshow(
            values, aspect="auto", interpolation="nearest", cmap="cividis", vmin=0, vmax=1,
            extent=(0, end, len(used), 0),
        )  # fmt: skip
        axes.grid(False)
        axes.set_facecolor("#f2f2f2")
        axes.axvline(total / size, color="black", linewidth=1.5)
        axes.set_yticks(np.arange(len(used)) + 0.5, [line.units[row] for row in used])
        axes.tick_params(axis="y", length=0, labelsize=size_of_text)
        for at, row in enumerate(used):
            mean = line.busy[row].sum() * line.edges_ps[-1] / len(line.busy[row]) / total
            axes.text(1.008, at + 0.5, f"{100 * mean:.0f} %", transform=axes.get_yaxis_transform(),
                      va="center", fontsize=min(11.0, size_of_text))  # fmt: skip
        axes.set_title(f"{ROLE_TITLES[role]}: {name}, {as_time(total)}", loc="left", fontsize=13)
    panels[-1].set_xlabel(f"time ({unit})")
    if image is not None:
        bar = figure.colorbar(image, ax=list(panels), pad=0.055, fraction=0.03)
        bar.set_label("part of the unit's peak in use")
    return figure


def _rows(line: Timeline, most: int) -> list[int]:
    """Numbers of the units that have a row, in their order."""
    used = [row for row in range(len(line.units)) if line.busy[row].max() > SHOWN_ABOVE]
    return sorted(sorted(used, key=lambda row: -line.busy[row].mean())[:most])
