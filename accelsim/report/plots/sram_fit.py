"""Lines over points: what an SRAM costs by the fit, and the CACTI 7 runs that it was fitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from accelsim.cost.sram import QUANTITIES, SIZE_RANGE, cacti_points, evaluate, fits
from accelsim.report.style import new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NODE_NM = 22
WIDTHS = (4, 16, 64)  # bytes
SHOWN = {"read": "energy of a read, pJ", "write": "energy of a write, pJ", "area": "area, mm2"}
STYLE = {4: ("#0072b2", "o"), 16: ("#e69f00", "s"), 64: ("#009e73", "^")}
TICKS = (1 << 10, 1 << 14, 1 << 18, 1 << 22)
KIB = 1 << 10


class Curve(NamedTuple):
    """One quantity at one width, one bank and one read-write port.

    `sizes`, `values` : float64[points], bytes and the quantity's unit, of CACTI; `fitted` : of the
    fit at the same sizes; `line_sizes`, `line` : float64[n], of the fit in between.
    """

    quantity: str
    width_bytes: int
    sizes: np.ndarray
    values: np.ndarray
    fitted: np.ndarray
    line_sizes: np.ndarray
    line: np.ndarray


class SramFit(NamedTuple):
    """`residuals` : by quantity, the median and the held-out median of |fit / CACTI - 1|."""

    node_nm: int
    curves: tuple[Curve, ...]
    residuals: dict[str, tuple[float, float]]


def prepare(node_nm: int = NODE_NM) -> SramFit:
    """The points of a node and the fit through them."""
    points = cacti_points()
    curves = []
    for name in SHOWN:
        fit = fits()[node_nm, name]
        for width in WIDTHS:
            own = (points["tech_nm"] == node_nm) & (points["width_bytes"] == width)
            own &= (points["banks"] == 1) & (points["two_ports"] == 0)
            sizes = points["size_bytes"][own]
            line = np.geomspace(sizes.min(), SIZE_RANGE[1], 100)
            fitted, between = (
                evaluate(fit, at, np.full(len(at), width), np.ones(len(at))) for at in (sizes, line)
            )
            curves.append(Curve(name, width, sizes, points[name][own], fitted, line, between))
    residuals = {
        name: (fits()[node_nm, name].median, fits()[node_nm, name].held_out_median)
        for name in SHOWN
    }
    return SramFit(node_nm, tuple(curves), residuals)


@styled
def draw(data: SramFit) -> Figure:
    """A panel a quantity, both axes logarithmic."""
    from matplotlib.ticker import NullLocator

    figure = new_figure(
        f"An SRAM at {data.node_nm} nm: the fit and the CACTI 7 runs",
        "points: CACTI 7; lines: the fit, which grows with size and width by construction; one "
        "bank, one read-write port",
        "CACTI changes the organisation of a memory from size to size; a curve through its points "
        "would take these steps over. In brackets: median error, and of sizes left out of the fit.",
    )
    panels = figure.subplots(1, len(SHOWN))
    for axes, (name, label) in zip(panels, SHOWN.items(), strict=True):
        for curve in (curve for curve in data.curves if curve.quantity == name):
            colour, marker = STYLE[curve.width_bytes]
            axes.plot(
                curve.sizes, curve.values, marker, color=colour, markeredgecolor="#222222",
                markeredgewidth=0.5, label=f"{curve.width_bytes} B wide",
            )  # fmt: skip
            axes.plot(curve.line_sizes, curve.line, color=colour, linewidth=1.8)
        median, held_out = data.residuals[name]
        axes.set_title(f"{label} ({median:.0%}, {held_out:.0%})")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(TICKS, [_size(size) for size in TICKS])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.grid(visible=True)
        axes.set_xlabel("size")
    panels[0].legend(loc="upper left")
    return figure


def _size(size: int) -> str:
    return f"{size // KIB} KiB" if size < KIB**2 else f"{size // KIB**2} MiB"


def table(data: SramFit) -> pd.DataFrame:
    """One row a CACTI point."""
    rows = [
        (data.node_nm, curve.quantity, QUANTITIES[curve.quantity], int(size), curve.width_bytes,
         value, fitted)
        for curve in data.curves
        for size, value, fitted in zip(curve.sizes, curve.values, curve.fitted, strict=True)
    ]  # fmt: skip
    columns = ["node_nm", "quantity", "unit", "size_bytes", "width_bytes", "cacti", "fit"]
    return pd.DataFrame(rows, columns=columns)
