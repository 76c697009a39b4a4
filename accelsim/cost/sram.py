"""Energy, leakage, area and access time of an SRAM, as a smooth function of its shape.

Two models. `CactiSram` is a fit over CACTI 7 runs at 22, 32 and 45 nm, a sum of terms
``c * size^a * (1 + size/knee)^-f * width^b * banks^d`` with c and b never negative and f <= a, so
that it never falls with size or width by construction. Between two of these nodes it is a power law
of the node; above them, up to 65 nm, every shape grows as the runs do on average from 32 to 45 nm,
which is assumed. `PointsSram` goes through a few published figures of one node, with a power law
between two neighbours. Neither follows logic: small memories do not scale like it.
"""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from accelsim.config.tree import shipped_folder
from accelsim.cost.amounts import ASSUMED_RANGE
from accelsim.cost.figure import Figure
from accelsim.errors import InputError

Ports = Literal["one read-write", "one read, one write"]
QUANTITIES = {"read": "pJ", "write": "pJ", "leakage": "mW", "area": "mm2", "access": "ns"}
SIZE_RANGE = (1 << 10, 1 << 24)  # bytes, of the CACTI runs
WIDTH_RANGE = (4, 128)  # bytes
MOST_BANKS = 16
TWO_PORTS_MOST = (1 << 16, 64, 1)  # bytes, width and banks of the largest runs with two ports
FARTHEST_NM = 65  # to which the CACTI runs are carried on
BEYOND = 8  # times out of these ranges a figure is still given, marked as extrapolated
LOW_POWER = 30  # times less that a memory built for low power leaks than the cells of the runs
LOW_POWER_STEP = f"low end: / {LOW_POWER}, as cells of low power leak less (assumed)"
TERM_COLUMNS = (
    "coefficient", "size_exponent", "width_exponent", "bank_exponent", "flattening", "knee_kib"
)  # fmt: skip
SOURCE = "CACTI 7 (RAM, itrs-hp cells)"


class SramCost(NamedTuple):
    """What an SRAM costs: `read`, `write` pJ an access of the full width; `leakage` mW;
    `area` um2; `access` ns. None: the source does not say. `extrapolated`: out of its range.
    """

    read: Figure
    write: Figure
    area: Figure
    leakage: Figure | None
    access: Figure | None
    extrapolated: bool


class Fit(NamedTuple):
    """One fitted quantity at one node.

    `terms` : float64[terms, 6]: coefficient, and what `term_values` takes.
    `two_ports` : factor for one read and one write port. Residuals are |fit / CACTI - 1|:
    over all points, and over sizes that were left out of the fit.
    """

    terms: np.ndarray
    two_ports: float
    median: float
    p90: float
    held_out_median: float
    held_out_p90: float


def term_values(
    forms: np.ndarray, size_bytes: np.ndarray, width_bytes: np.ndarray, banks: np.ndarray
) -> np.ndarray:
    """Value of every term at every shape.

    Parameters
    ----------
    forms : float64[terms, 5]
        Exponents of size (in KiB), width (in 8 B) and banks; by which exponent the growth with
        size flattens beyond a knee, and that knee, KiB.
    size_bytes, width_bytes, banks : array[shapes]

    Returns
    -------
    float64[shapes, terms]
    """
    kib = np.asarray(size_bytes) / 1024
    logs = np.log([kib, np.asarray(width_bytes) / 8, np.asarray(banks)])
    flattened = forms[:, 3] * np.log1p(kib[:, None] / forms[:, 4])
    return np.exp(logs.T @ forms[:, :3].T - flattened)


def sram_folder() -> Path:
    """Where the CACTI points and the fit over them are."""
    return shipped_folder("cost_tables") / "sram"


def cacti_points() -> dict[str, np.ndarray]:
    """The CACTI 7 runs: a column each, float64[618]; `leakage` mW is of all banks."""
    rows = _rows("cacti7.csv")
    columns = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    return {
        **{name: columns[name] for name in ("tech_nm", "size_bytes", "width_bytes", "banks")},
        "two_ports": columns["r_ports"],
        "read": columns["read_pj"],
        "write": columns["write_pj"],
        "leakage": columns["leak_mw_per_bank"] * columns["banks"],
        "area": columns["area_mm2"],
        "access": columns["access_ns"],
    }


@lru_cache(maxsize=1)
def fits() -> Mapping[tuple[int, str], Fit]:
    """The shipped fit by node (nm) and quantity, as `tools/fit_sram.py` wrote it."""
    terms: dict[tuple[int, str], list[list[float]]] = {}
    for row in _rows("cacti7_fit.csv"):
        at = (int(row["tech_nm"]), row["quantity"])
        terms.setdefault(at, []).append([float(row[name]) for name in TERM_COLUMNS])
    found = {}
    for row in _rows("cacti7_residuals.csv"):
        at = (int(row["tech_nm"]), row["quantity"])
        figures = [float(row[name]) for name in Fit._fields[1:]]
        found[at] = Fit(np.array(terms[at]), *figures)
    return found


def _rows(name: str) -> list[dict[str, str]]:
    with (sram_folder() / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cacti_nodes() -> list[int]:
    """Nodes with a CACTI fit, nm."""
    return sorted({node for node, _ in fits()})


def evaluate(
    fit: Fit, size_bytes: np.ndarray, width_bytes: np.ndarray, banks: np.ndarray
) -> np.ndarray:
    """A fitted quantity at shapes with one read-write port, in its unit: float64[shapes]."""
    return term_values(fit.terms[:, 1:], size_bytes, width_bytes, banks) @ fit.terms[:, 0]


@lru_cache(maxsize=8)
def node_exponent(quantity: str) -> float:
    """By which power of the node a quantity grows between the two largest nodes of the runs.

    The median over all shapes, so that it is one factor for all of them and keeps their order.
    """
    points, (below, last) = cacti_points(), cacti_nodes()[-2:]
    axes = ("size_bytes", "width_bytes", "banks", "two_ports")
    shapes = np.array([points[name] for name in axes])
    at = [points["tech_nm"] == node for node in (below, last)]
    rows = [np.lexsort(shapes[:, own]) for own in at]
    small, large = (points[quantity][own][row] for own, row in zip(at, rows, strict=True))
    return float(np.median(np.log(large / small)) / np.log(last / below))


class SramModel(ABC):
    """What gives the cost of an SRAM of a shape."""

    @abstractmethod
    def cost(
        self,
        size_bytes: float,
        width_bytes: float,
        banks: int = 1,
        ports: Ports = "one read-write",
    ) -> SramCost:
        """Cost of an SRAM.

        Parameters
        ----------
        size_bytes : float
            Of all banks together.
        width_bytes : float
            Of one access.
        banks : int
            Equal parts, one of which serves an access.
        ports : Ports

        Raises
        ------
        InputError
            A shape that is far from every known point.
        """


class _Fitted(NamedTuple):
    """A quantity of a shape.

    `fit` : factor by which the fit may miss CACTI. `carried` : factor of what was carried beyond
    the last node, 1 elsewhere. `step` : how it was made, empty where the runs are of the node.
    """

    value: float
    fit: float
    step: str
    carried: float = 1.0


@dataclass(frozen=True)
class CactiSram(SramModel):
    """The fit over CACTI 7 at a node from the smallest of `cacti_nodes` to `FARTHEST_NM`.

    `assumed_range` : the table's factor. How well the fit meets CACTI is known, how well CACTI
    meets silicon is not, so that no range is below this factor.
    """

    node_nm: float
    assumed_range: float = ASSUMED_RANGE

    def __post_init__(self) -> None:
        """Refuse a node that the runs do not reach."""
        if not cacti_nodes()[0] <= self.node_nm <= FARTHEST_NM:
            known = ", ".join(map(str, cacti_nodes()))
            raise InputError(
                f"unknown node {self.node_nm:g} nm, there are no CACTI runs of it",
                remedy=f"known: {known}, carried on up to {FARTHEST_NM}; else 'sram: points' or "
                "'sram: none'",
            )

    def cost(
        self,
        size_bytes: float,
        width_bytes: float,
        banks: int = 1,
        ports: Ports = "one read-write",
    ) -> SramCost:
        """See `SramModel.cost`; ranges are assumed, and so is all leakage."""
        extrapolated = _beyond(
            {
                "size in bytes": (size_bytes, *SIZE_RANGE),
                "width in bytes": (width_bytes, *WIDTH_RANGE),
                "number of banks": (banks, 1, MOST_BANKS),
            }
        )
        shape = (size_bytes, width_bytes, banks)
        said = f"{size_bytes:,.0f} B, {width_bytes:g} B wide, {banks} banks, {ports} port"
        why = [f"fit over CACTI 7 at {self.node_nm:g} nm: {said}"]
        why += ["out of the range of the CACTI runs"] if extrapolated else []
        two_ports = ports != "one read-write"
        far = two_ports and any(own > most for own, most in zip(shape, TWO_PORTS_MOST, strict=True))
        if far:
            bytes_, width, _ = TWO_PORTS_MOST
            why += [
                "factor of two ports assumed: its runs are of one bank, "
                f"up to {bytes_:,} B and {width} B wide"
            ]
        assumed = far or extrapolated or self.node_nm > cacti_nodes()[-1]
        found = {name: self._figure(name, shape, two_ports, why, assumed) for name in QUANTITIES}
        return SramCost(**found, extrapolated=extrapolated)

    def _figure(
        self, name: str, shape: Sequence[float], two_ports: bool, why: list[str], assumed: bool
    ) -> Figure:
        """One quantity of a shape (bytes, width, banks), with its range."""
        fitted = self._fitted(name, shape, two_ports)
        value, unit = fitted.value, QUANTITIES[name]
        value, unit = (value * 1e6, "um2") if unit == "mm2" else (value, unit)
        low = high = max(fitted.fit, self.assumed_range)
        if name == "leakage":
            low, high, assumed, why = LOW_POWER, fitted.fit, True, [*why, LOW_POWER_STEP]
        return Figure(
            value, value / (low * fitted.carried), value * high * fitted.carried, unit, SOURCE,
            "assumed" if assumed else "derived", range_known=False,
            derivation=(*why, fitted.step) if fitted.step else (*why,),
        )  # fmt: skip

    def _fitted(self, name: str, shape: Sequence[float], two_ports: bool) -> _Fitted:
        """A quantity at the node: of its own runs, between two nodes, or beyond the last."""
        at = [np.array([float(x)]) for x in shape]

        def of(node: int) -> tuple[float, float]:
            fit = fits()[node, name]
            value = float(evaluate(fit, *at)[0])
            return value * (fit.two_ports if two_ports else 1.0), 1 + fit.p90

        known = cacti_nodes()
        if self.node_nm in known:
            return _Fitted(*of(int(self.node_nm)), "")
        if self.node_nm > known[-1]:
            value, spread = of(known[-1])
            power = node_exponent(name)
            step = f"beyond {known[-1]} nm: x (node / {known[-1]} nm)^{power:.2f}"
            return _Fitted(value * (self.node_nm / known[-1]) ** power, spread, step, 2.0)
        right = int(np.searchsorted(known, self.node_nm))
        low, high = known[right - 1], known[right]
        share = np.log(self.node_nm / low) / np.log(high / low)
        small, large = of(low), of(high)
        value = float(small[0] ** (1 - share) * large[0] ** share)
        step = f"power law of the node between the fits at {low} and {high} nm"
        return _Fitted(value, max(small[1], large[1]), step)


class SramPoint(NamedTuple):
    """A published memory: bytes, and `Figure`s per bit (pJ; area um2 or None)."""

    size_bytes: float
    read: Figure
    write: Figure
    area: Figure | None


@dataclass(frozen=True)
class PointsSram(SramModel):
    """Through published memories of one node, ascending in size.

    Between two of them energy per bit is a power law of size, and it goes on as the nearest one
    does outside. An access of w bits costs w times the bit (assumed); banks and ports do not
    change it (assumed). Area per bit is that of the nearest memory whose area is known, access
    time is not known. `leakage` : mW of a MiB, or None.
    """

    points: tuple[SramPoint, ...]
    node_nm: float
    leakage: Figure | None = None

    def cost(
        self,
        size_bytes: float,
        width_bytes: float,
        banks: int = 1,
        ports: Ports = "one read-write",
    ) -> SramCost:
        """See `SramModel.cost`."""
        sizes = [point.size_bytes for point in self.points]
        extrapolated = _beyond(
            {
                "size in bytes": (size_bytes, sizes[0], sizes[-1]),
                "width in bytes": (width_bytes, *WIDTH_RANGE),
            }
        )
        bits = 8 * width_bytes
        why = f"energy per bit x {bits:g} bits (assumed linear)"
        why += ", out of the range of the published memories" * extrapolated
        read, write = (
            _between(sizes, [getattr(point, name) for point in self.points], size_bytes).times(
                bits, why, "assumed"
            )
            for name in ("read", "write")
        )
        known = [point for point in self.points if point.area is not None]
        if not known:
            raise InputError(f"no SRAM area is known at {self.node_nm:g} nm")
        near = min(known, key=lambda point: abs(np.log(point.size_bytes / size_bytes)))
        assert near.area is not None
        area = near.area.times(
            8 * size_bytes, f"area per bit of a memory of {near.size_bytes:,.0f} B", "assumed"
        )
        leakage = self.leakage
        if leakage is not None:
            why = f"leakage of {size_bytes:,.0f} B"
            leakage = leakage.times(size_bytes / (1 << 20), why).in_unit("mW")
        return SramCost(read, write, area, leakage, None, extrapolated)


def _between(sizes: Sequence[float], figures: Sequence[Figure], size: float) -> Figure:
    """The power law between the two neighbours of a size; a published size gives its figure."""
    if size in sizes:
        return figures[sizes.index(size)]
    right = int(np.clip(np.searchsorted(sizes, size), 1, len(sizes) - 1))
    small, large = figures[right - 1], figures[right]
    share = np.log(size / sizes[right - 1]) / np.log(sizes[right] / sizes[right - 1])

    def at(one: float, other: float) -> float:
        return float(one ** (1 - share) * other**share)

    value = at(small.value, large.value)
    low, high = at(small.low, large.low), at(small.high, large.high)
    sources = dict.fromkeys((small.source, large.source))
    return Figure(
        value, min(low, value), max(high, value), small.unit, "; ".join(sources), "derived",
        small.unverified or large.unverified, small.range_known and large.range_known,
        (f"power law between {sizes[right - 1]:,.0f} and {sizes[right]:,.0f} B",),
    )  # fmt: skip


def _beyond(shape: Mapping[str, tuple[float, float, float]]) -> bool:
    """Whether a shape is out of the known range; refuses what is `BEYOND` times out."""
    for name, (value, low, high) in shape.items():
        if not low / BEYOND <= value <= high * BEYOND:
            raise InputError(
                f"an SRAM with a {name} of {_plain(value)} is too far from the known ones",
                remedy=f"known from {_plain(low)} to {_plain(high)}, given {BEYOND} times beyond",
            )
    return any(not low <= value <= high for value, low, high in shape.values())


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
