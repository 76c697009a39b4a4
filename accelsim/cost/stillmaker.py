"""Scaling of logic between nodes: Stillmaker and Baas, Integration 58 (2017).

Energy goes as ``f(V) = a V^2 + b V + c`` with coefficients of each node, area by a matrix. It is a
rule for logic. It is never applied to DRAM or SRAM, and against measured tables it is off by 3.7
times for multipliers (docs/cost_tables.md), so it acts only where it is named. Between two nodes of
the tables (28 nm) both go by a power law of the node, which `between` says.
"""

from __future__ import annotations

import bisect
import csv
import math
from collections.abc import Callable, Mapping
from functools import lru_cache

from accelsim.config.tree import shipped_folder
from accelsim.errors import InputError, unknown_name

VOLTAGE_V = 0.8
SOURCE = "Stillmaker & Baas, Integration 2017"


@lru_cache(maxsize=1)
def _rows() -> Mapping[str, Mapping[str, float]]:
    path = shipped_folder("cost_tables") / "stillmaker.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["from_nm"]: {name: float(text) for name, text in row.items()} for row in rows}


def nodes() -> list[float]:
    """Nodes of the tables, nm, ascending."""
    return sorted(float(name) for name in _rows())


def between(node_nm: float) -> tuple[float, float] | None:
    """The two nodes of the tables that a node lies between; None for one of them.

    Raises
    ------
    InputError
        A node beyond the tables.
    """
    known = nodes()
    if node_nm in known:
        return None
    if not known[0] < node_nm < known[-1]:
        raise unknown_name("node of the scaling by Stillmaker", f"{node_nm:g}", _rows())
    at = bisect.bisect(known, node_nm)
    return known[at - 1], known[at]


def _at(node_nm: float, value: Callable[[float], float]) -> float:
    """A positive figure of a node; between two nodes by a power law."""
    near = between(node_nm)
    if near is None:
        return value(node_nm)
    small, large = near
    share = math.log(node_nm / small) / math.log(large / small)
    return value(small) ** (1 - share) * value(large) ** share


def energy_ratio(from_nm: float, to_nm: float, voltage_v: float = VOLTAGE_V) -> float:
    """Energy of logic at a node over that at another, both at one voltage.

    Raises
    ------
    InputError
        A node that is beyond the tables, or a voltage at which they give nothing.
    """

    def energy(node_nm: float) -> float:
        row = _rows()[f"{node_nm:g}"]
        value = (row["energy_a"] * voltage_v + row["energy_b"]) * voltage_v + row["energy_c"]
        if not 0.4 <= voltage_v <= 1.4 or value <= 0:
            raise InputError(
                f"{voltage_v:g} V is out of the range of the scaling by Stillmaker",
                remedy="expected 0.4 to 1.4 V",
            )
        return value

    return _at(to_nm, energy) / _at(from_nm, energy)


def area_ratio(from_nm: float, to_nm: float) -> float:
    """Area of logic at a node over that at another (45 -> 7 nm: 0.059).

    Raises
    ------
    InputError
        A node that is beyond the tables.
    """

    def area(start_nm: float, end_nm: float) -> float:
        return _rows()[f"{start_nm:g}"][f"area_x_to_{end_nm:g}nm"]

    return _at(from_nm, lambda start: _at(to_nm, lambda end: area(start, end)))
