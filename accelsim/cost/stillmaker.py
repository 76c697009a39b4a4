"""Scaling of logic between nodes: Stillmaker and Baas, Integration 58 (2017).

Energy goes as ``f(V) = a V^2 + b V + c`` with coefficients of each node, area by a matrix. It is a
rule for logic. It is never applied to DRAM or SRAM, and against measured tables it is off by 3.7
times for multipliers (docs/cost_tables.md), so it acts only where it is named.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
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


def _row(node_nm: float) -> Mapping[str, float]:
    name = f"{node_nm:g}"
    if name not in _rows():
        raise unknown_name("node of the scaling by Stillmaker", name, _rows())
    return _rows()[name]


def energy_ratio(from_nm: float, to_nm: float, voltage_v: float = VOLTAGE_V) -> float:
    """Energy of logic at a node over that at another, both at one voltage.

    Raises
    ------
    InputError
        A node that is not in the tables, or a voltage at which they give nothing.
    """

    def at(node: float) -> float:
        row = _row(node)
        value = (row["energy_a"] * voltage_v + row["energy_b"]) * voltage_v + row["energy_c"]
        if not 0.4 <= voltage_v <= 1.4 or value <= 0:
            raise InputError(
                f"{voltage_v:g} V is out of the range of the scaling by Stillmaker",
                remedy="expected 0.4 to 1.4 V",
            )
        return value

    return at(to_nm) / at(from_nm)


def area_ratio(from_nm: float, to_nm: float) -> float:
    """Area of logic at a node over that at another (45 -> 7 nm: 0.059).

    Raises
    ------
    InputError
        A node that is not in the tables.
    """
    row = _row(from_nm)
    column = f"area_x_to_{_row(to_nm)['from_nm']:g}nm"
    if column not in row:
        raise InputError(f"no area ratio to {to_nm:g} nm is known")
    return row[column]
