"""Bars: lines that wait in a read's scratchpad bank, and how long banks hold up the machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.analysis.result import Result
from accelsim.arch.spec import Arch
from accelsim.report.style import (
    ROLE_COLOURS,
    legend_below,
    machine_hatch,
    new_figure,
    settled,
    styled,
)
from accelsim.report.terms import clock_and_dram_text, machine_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DEEPEST = 8  # lines waiting; reads that met more are counted here
LABELLED = 4  # machines, up to which every bar has its figure


class BankConflicts(NamedTuple):
    """`roles` and `labels` name the machines.

    `waits` : int64[machines, lines waiting], a machine's reads; `array`, `returns` : one
    array of float64[workloads] a machine, parts of the total time for which the array stood still
    on bank conflicts, and for which a full bank held up the way back from DRAM.
    """

    caption: str
    roles: list[str]
    labels: list[str]
    waits: np.ndarray
    array: list[np.ndarray]
    returns: list[np.ndarray]


def prepare(results: Mapping[str, Sequence[Result]]) -> BankConflicts:
    """Sum the reads of each machine over its workloads; `results` : role -> one a workload."""
    roles = list(results)
    waits = np.zeros((len(roles), DEEPEST + 1), np.int64)
    array, returns = [], []
    for at, runs in enumerate(results.values()):
        for run in runs:
            for row in run.memory["bank_waits"]:
                counts = np.asarray(row, np.int64)
                np.add.at(waits[at], np.minimum(np.arange(counts.size), DEEPEST), counts)
        array.append(np.array([_array_share(run) for run in runs]))
        returns.append(np.array([_return_share(run) for run in runs]))
    machines = [
        list({run.arch.name: run.arch for run in runs}.values()) for runs in results.values()
    ]
    archs = list({arch.name: arch for group in machines for arch in group}.values())
    names = list(dict.fromkeys(run.trace.name for runs in results.values() for run in runs))
    synthetic = sorted({r.trace.name for runs in results.values() for r in runs
                        if r.trace.synthetic})  # fmt: skip
    return BankConflicts(
        caption=f"Workloads: {_listed(names)}; synthetic: {_listed(synthetic)}. "
        f"{_all_banks(archs)}; {clock_and_dram_text(archs)}. A read that "
        "finds the queue of its bank full holds up the way back.",
        roles=roles,
        labels=[_label(role, group) for role, group in zip(roles, machines, strict=True)],
        waits=waits,
        array=array,
        returns=returns,
    )


def _label(role: str, archs: Sequence[Arch]) -> str:
    """Workloads may run on machines of their own size."""
    return " / ".join([machine_label(role, archs[0]), *(arch.name for arch in archs[1:])])


def _listed(names: Sequence[str], most: int = 8) -> str:
    if not names:
        return "none"
    return ", ".join(names) if len(names) <= most else f"{len(names)} of them"


def _all_banks(archs: Sequence[Arch]) -> str:
    """Banks of every machine, those with the same ones together."""
    alike: dict[str, list[str]] = {}
    for arch in archs:
        pad = arch.scratchpad
        said = f"{pad.banks} banks of {pad.bank_bytes} B, queues of {pad.queue_depth}"
        alike.setdefault(said, []).append(arch.name)
    return "; ".join(f"{', '.join(names)}: {said}" for said, names in alike.items())


def _array_share(run: Result) -> float:
    row = run.units[run.units["unit"] == "array"].iloc[0]
    return float(row["stall:conflict_ps"]) / max(1, int(row["servers"]) * run.total_ps)


def _return_share(run: Result) -> float:
    """Each unit has a way back of its own; the one that stood still longest counts."""
    return float(run.memory["bank_stall_ps"].max() or 0) / max(1, run.total_ps)


@styled
def draw(data: BankConflicts) -> Figure:
    """Left: reads by lines waiting; right: time that conflicts cost."""
    several = max((len(values) for values in data.array), default=1) > 1
    figure = new_figure(
        "Bank conflicts of the scratchpad",
        "left: reads by how many lines wait in their bank, more to the right is worse; right: part "
        "of the time that conflicts cost" + (" (bar: mean, dots: workloads)" if several else ""),
        data.caption,
    )
    grid = figure.add_gridspec(1, 2, width_ratios=[1.6, 1])
    left = figure.add_subplot(grid[0])
    _histogram(left, data)
    _stalls(figure.add_subplot(grid[1]), data)
    handles = left.get_legend_handles_labels()[0]
    legend_below(figure, handles, min(3, len(handles)))
    return settled(figure)


def _colour(role: str) -> str:
    return ROLE_COLOURS.get(role, ROLE_COLOURS["candidate"])


def _histogram(axes: Axes, data: BankConflicts) -> None:
    machines, bins = data.waits.shape
    shares = data.waits / np.maximum(1, data.waits.sum(axis=1, keepdims=True))
    used = int(np.flatnonzero(data.waits.sum(axis=0)).max(initial=0)) + 1
    width = 0.84 / machines
    for at, (role, label) in enumerate(zip(data.roles, data.labels, strict=True)):
        x = np.arange(used) + (at - (machines - 1) / 2) * width
        bars = axes.bar(
            x, 100 * shares[at, :used], width, color=_colour(role), label=label,
            hatch=machine_hatch(at), edgecolor="white", linewidth=0.4,
        )  # fmt: skip
        if machines <= LABELLED:
            shown = [_share(share) for share in shares[at, :used]]
            turned = machines > 1
            axes.bar_label(bars, shown, padding=3, fontsize=10, rotation=90 * turned)
    names = [str(lines) for lines in range(used)]
    if used == bins:
        names[-1] = f"{DEEPEST}\nor more"
    axes.set_xticks(range(used), names)
    axes.set_xlim(-0.6, max(used, 3) - 0.4)
    axes.set_ylim(0, 1.22 * max(1.0, 100 * float(shares.max(initial=0))))
    axes.set_xlabel("lines waiting in the bank of a read")
    axes.set_ylabel("reads (%)")


def _share(share: float) -> str:
    if share == 0:
        return ""
    return f"{100 * share:.1f}" if share >= 0.0005 else "<0.1"


def _stalls(axes: Axes, data: BankConflicts) -> None:
    machines = len(data.roles)
    height = 0.84 / machines
    largest = 0.0
    for group, values in enumerate((data.array, data.returns)):
        for at, (role, shares) in enumerate(zip(data.roles, values, strict=True)):
            y = group + (at - (machines - 1) / 2) * height
            mean = 100 * float(shares.mean()) if len(shares) else 0.0
            axes.barh(
                y, mean, height * 0.94, color=_colour(role), hatch=machine_hatch(at),
                edgecolor="white", linewidth=0.4,
            )  # fmt: skip
            if len(shares) > 1:
                axes.plot(100 * shares, np.full(len(shares), y), "o", ms=3.5, color="#222222",
                          alpha=0.6)  # fmt: skip
            most = max(mean, 100 * float(shares.max(initial=0)))
            largest = max(largest, most)
            axes.annotate(
                f"{'mean ' * (len(shares) > 1)}{mean:.2f} %", (most, y), (5, 0),
                textcoords="offset points", va="center",
                fontsize=max(6.0, min(11.0, 46 * height)),
            )  # fmt: skip
    axes.set_yticks([0, 1], ["array\nstalled on\nconflicts", "way back\nfrom DRAM\nheld up"])
    axes.set_ylim(1.6, -0.6)
    axes.set_xlim(0, 1.35 * max(1.0, largest))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("part of the total time (%)")
