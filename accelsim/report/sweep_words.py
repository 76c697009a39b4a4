"""Names and figures of a sweep as text: values of parameters, measured figures, designs, axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from accelsim.analysis.levels import Level
from accelsim.arch.units import BYTES, BYTES_PER_SECOND, DURATION, HERTZ, Quantity
from accelsim.report.words import as_bytes, as_energy, as_time, energy_unit, short, time_unit

UNSET = "as it is"  # a listed point does not name the parameter: the architecture's value stays
NONE = "none"

# The longer suffix first.
_QUANTITIES: tuple[tuple[str, Quantity], ...] = (
    ("_bytes_per_s", BYTES_PER_SECOND),
    ("_bytes", BYTES),
    ("_hz", HERTZ),
    ("_ps", DURATION),
)
_KINDS = {DURATION: "time", BYTES: "bytes"}
_ENERGY = "_pj"
_UNITS = {
    "ghz": "GHz", "mm2": "mm²", "macs": "MACs", "cycles": "cycles", "w": "W", "usd": "USD",
    "js": "J s", "pj": "pJ",
}  # fmt: skip
_NAMES = {  # whose last part is no unit, or that are known by another name
    "tops_per_w": "TOPS per W", "edp_js": "energy-delay product", "token_pj": "energy of a token",
    "dram_energy_pj": "DRAM energy",
}  # fmt: skip
_DIGITS = 4  # of an exact figure; a longer one is rounded


class Axis(NamedTuple):
    """A label with its unit, and by how much figures are divided to be in it."""

    label: str
    factor: float


def name_text(column: str) -> str:
    """The name of a column in words, without its unit: "total_ps" is "total time"."""
    if column in _NAMES:
        return _NAMES[column]
    for suffix, quantity in _QUANTITIES:
        if column.endswith(suffix):
            text = column.removesuffix(suffix).replace("_", " ")
            kind = _KINDS.get(quantity, "")
            return text if not kind or text.endswith(kind) else f"{text} {kind}"
    words = column.split("_")
    return " ".join(words[:-1] if words[-1] in _UNITS and len(words) > 1 else words)


def axis_of(column: str, largest: float) -> Axis:
    """Label and scale of an axis of figures up to `largest`."""
    name = name_text(column)
    quantity = _quantity_of(column)
    if column.endswith(_ENERGY):
        unit, factor = energy_unit(largest)
        return Axis(f"{name} ({unit})", factor)
    if quantity is None:
        unit = _unit_of(column)
        return Axis(f"{name} ({unit})" if unit else name, 1.0)
    if quantity is DURATION:
        unit, factor = time_unit(largest)
        return Axis(f"{name} ({unit})", factor)
    for unit in quantity.shown:
        if largest >= quantity.scale[unit]:
            return Axis(f"{name} ({unit})", float(quantity.scale[unit]))
    return Axis(f"{name} ({quantity.shown[-1]})", 1.0)


def figure_text(column: str, value: float) -> str:
    """A measured figure, about three digits: "166 us", "52.3 MiB"."""
    quantity = _quantity_of(column)
    if quantity is DURATION:
        return as_time(value)
    if quantity is BYTES:
        return as_bytes(value)
    if quantity is not None:
        return quantity.format(_rounded(value, 3))
    if column.endswith(_ENERGY):
        return as_energy(value)
    unit = _unit_of(column)
    return f"{_plain(value)} {unit}".rstrip()


def value_text(column: str, value: object, digits: int = _DIGITS) -> str:
    """A value of a parameter, exact where `digits` suffice: "24 MiB", "450 GB/s"."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value != value:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, int | float):
        return str(value)
    quantity = _quantity_of(column)
    if quantity is None:
        whole = float(value).is_integer() and abs(value) < 1e15
        return f"{int(value):,}" if whole else f"{value:.{digits}g}"
    exact = quantity.format(round(value))
    if len(exact.split()[0].replace(".", "")) <= digits:
        return exact
    return as_bytes(value) if quantity is BYTES else quantity.format(_rounded(value, digits))


def level_text(column: str, level: Level) -> str:
    """A level: its value, or the ends of its bin."""
    if level.low == level.high:
        return value_text(column, level.low)
    low, high = (value_text(column, end, digits=3) for end in level)
    return low if low == high else f"{low} to {high}"


def settings(row: Mapping[Any, Any], columns: Mapping[str, str]) -> list[str]:
    """Names and values of the parameters of a design; those that it does not have are left out.

    `columns` : column -> name of the parameter.
    """
    texts = {name: value_text(column, row[column]) for column, name in columns.items()}
    return [f"{name} {text}" for name, text in texts.items() if text != "-"]


def listed(texts: Sequence[str]) -> str:
    """Words in a sentence: "a, b and c"."""
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def _quantity_of(column: str) -> Quantity | None:
    return next((q for suffix, q in _QUANTITIES if column.endswith(suffix)), None)


def _unit_of(column: str) -> str:
    """The unit that a column's name ends with; empty where it has none."""
    if column == "tops_per_w" or "_" not in column:
        return ""
    return _UNITS.get(column.rsplit("_", 1)[-1], "")


def _plain(value: float) -> str:
    return short(value) if 0.1 <= abs(value) < 1e7 or value == 0 else f"{value:.3g}"


def _rounded(value: float, digits: int) -> int:
    return int(float(f"{value:.{digits}g}"))
