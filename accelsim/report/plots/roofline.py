"""Roofline: measured MACs per second against MACs per DRAM byte, one dot an operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accelsim.analysis.comparison import Comparison
from accelsim.report.style import ROLE_COLOURS, broken_name, new_figure, say_on_hover, styled
from accelsim.report.terms import clock_and_dram_text, machines
from accelsim.report.words import ROLE_TITLES, origin_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
SHOWN_ROLES = ("baseline", "third", "candidate")
# Where machines do the same, all three stay visible.
AS_SHAPES = 6_000  # dots, above which they are an image inside the SVG
SIZES = {"baseline": 15, "third": 11, "candidate": 7}


class Dot(NamedTuple):
    """One operator on one machine."""

    workload: str
    scope: str
    kind: str
    role: str
    macs_per_byte: float
    macs_per_second: float


class Roofline(NamedTuple):
    """`peaks` : type -> MAC/s; `bandwidth` in B/s; both of the baseline, and equal on all."""

    dots: list[Dot]
    peaks: dict[str, float]
    bandwidth: float
    workloads: list[str]
    machines: list[str]
    clock: str
    origins: list[str]


def prepare(comparisons: Sequence[Comparison]) -> Roofline:
    """Dots of all operators with MACs, DRAM bytes and time; the machines are those of the first."""
    first = comparisons[0].results["baseline"].arch
    dtypes: dict[str, None] = {}
    dots = []
    for comparison in comparisons:
        for role in SHOWN_ROLES:
            if role not in comparison.results:
                continue
            table = comparison.results[role].operators
            seen = (
                table["effectual_macs"].gt(0) & table["dram_bytes"].gt(0) & table["time_ps"].gt(0)
            )
            for row in table[seen].to_dict("records"):
                rate = row["effectual_macs"] / row["time_ps"] * 1e12
                dots.append(
                    Dot(
                        comparison.trace.name,
                        row["scope"],
                        row["kind"],
                        role,
                        row["intensity"],
                        rate,
                    )
                )
                dtypes[comparison.trace.operators[row["operator"]].dtype] = None
    archs = machines(comparisons[0])
    return Roofline(
        dots=dots,
        peaks={d: first.peak_macs_per_cycle(d) / first.clock_ps * 1e12 for d in dtypes},
        bandwidth=float(first.dram.bandwidth),
        workloads=[c.trace.name for c in comparisons],
        machines=[arch.name for arch in archs],
        clock=clock_and_dram_text(archs),
        origins=list(dict.fromkeys(origin_text(c.trace) for c in comparisons)),
    )


@styled
def draw(data: Roofline) -> Figure:
    """Two ceilings and the dots; colour is the machine, shape what the operator is."""
    figure = new_figure(
        "Roofline: what each operator reached",
        "effectual MACs (both operands nonzero, output kept) over the operator's share of the "
        "critical path",
        f"Workloads: {', '.join(data.workloads)} ({'; '.join(data.origins)}). "
        f"Machines: {', '.join(data.machines)}; {data.clock}. A dot above the slope had loads "
        "hidden behind another operator.",
    )
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(True, which="major", axis="both")
    _ceilings(axes, data)
    names = _names(data)
    order = list(dict.fromkeys(names))
    shapes = [MARKERS[order.index(name) % len(MARKERS)] for name in names]
    (_as_image if len(data.dots) > AS_SHAPES else _as_shapes)(axes, data.dots, shapes)
    axes.set_xlabel("effectual MACs per byte of DRAM traffic (MAC/B)")
    axes.set_ylabel("effectual MACs per second (MAC/s)")
    _legend(figure, order)
    return figure


def _as_shapes(axes: Axes, dots: Sequence[Dot], shapes: Sequence[str]) -> None:
    """Dots that say what they are when pointed at."""
    for dot, shape in zip(dots, shapes, strict=True):
        (mark,) = axes.plot(
            dot.macs_per_byte, dot.macs_per_second, shape, color=ROLE_COLOURS[dot.role],
            markersize=SIZES[dot.role], markeredgecolor="white",
        )  # fmt: skip
        reached = f"{dot.macs_per_byte:.3g} MAC/B, {dot.macs_per_second / 1e9:.4g} G MAC/s"
        say_on_hover(mark, f"{dot.workload} {dot.scope}, {ROLE_TITLES[dot.role]}: {reached}")


def _as_image(axes: Axes, dots: Sequence[Dot], shapes: Sequence[str]) -> None:
    """Dots of one machine and shape together, as an image inside the SVG."""
    together: dict[tuple[str, str], list[Dot]] = {}
    for dot, shape in zip(dots, shapes, strict=True):
        together.setdefault((dot.role, shape), []).append(dot)
    for (role, shape), mine in together.items():
        axes.plot(
            [dot.macs_per_byte for dot in mine], [dot.macs_per_second for dot in mine], shape,
            color=ROLE_COLOURS[role], markersize=SIZES[role], markeredgecolor="white",
            rasterized=True,
        )  # fmt: skip


def _names(data: Roofline) -> list[str]:
    """What a dot's shape stands for: its workload and operator, or its kind where many."""
    single = [f"{dot.workload} {dot.scope.split('.')[-1]}" for dot in data.dots]
    if len(set(single)) <= len(MARKERS):
        return single
    return [dot.kind for dot in data.dots]


def _ceilings(axes: Axes, data: Roofline) -> None:
    xs = [dot.macs_per_byte for dot in data.dots] or [1.0]
    ys = [dot.macs_per_second for dot in data.dots] or [1e9]
    top = max(data.peaks.values(), default=1e12)
    ridge = top / data.bandwidth
    low, high = min(*xs, ridge / 12) / 3, max(*xs, ridge) * 8
    grid = np.geomspace(low, high, 200)
    for dtype, peak in data.peaks.items():
        axes.plot(grid, np.minimum(peak, grid * data.bandwidth), color="black", linewidth=1.8)
        label = f"peak {dtype}: {peak / 1e12:.3g} T MAC/s"
        axes.annotate(
            label, (high, peak), (-4, 4), textcoords="offset points", ha="right", va="bottom"
        )
    at = float(np.sqrt(low * ridge))
    axes.annotate(
        f"DRAM {data.bandwidth / 1e9:g} GB/s", (at, at * data.bandwidth), (-8, 6),
        textcoords="offset points", ha="right", va="bottom",
    )  # fmt: skip
    axes.set_xlim(low, high)
    axes.set_ylim(min(*ys, low * data.bandwidth) / 2, top * 3)


def _legend(figure: Figure, order: list[str]) -> None:
    from matplotlib.lines import Line2D

    roles = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="",
            color=ROLE_COLOURS[r],
            label=ROLE_TITLES[r],
            markersize=10,
        )
        for r in SHOWN_ROLES
    ]
    shapes = [
        Line2D(
            [],
            [],
            marker=MARKERS[at % len(MARKERS)],
            linestyle="",
            color="#777777",
            label=broken_name(name, 24),
            markersize=9,
        )
        for at, name in enumerate(order)
    ]
    figure.legend(handles=[*roles, *shapes], loc="outside right center")
