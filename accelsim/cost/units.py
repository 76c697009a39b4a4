"""Energies and areas with their unit: "0.03 pJ", "36 um2"; a bare number is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

ENERGY_UNITS: Mapping[str, float] = {"pJ": 1, "fJ": 1e-3, "nJ": 1e3}
AREA_UNITS: Mapping[str, float] = {"um2": 1, "mm2": 1e6}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?)\s*(\S+)?")


def parse(text: object, what: str, example: str, units: Mapping[str, float]) -> float:
    """Read a figure in the first of its units.

    Raises
    ------
    ValueError
        Not text, no unit, an unknown one, or negative.
    """
    expected = f"expected {what} such as '{example}'"
    match = _NUMBER.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"'{text}' is not a figure, {expected}")
    number, unit = match.groups()
    if float(number) < 0:
        raise ValueError(f"'{text}' is negative, {expected}")
    if unit is None:
        raise ValueError(f"'{text}' has no unit, {expected}")
    if unit not in units:
        known = ", ".join(units)
        raise ValueError(f"'{text}' has unknown unit '{unit}', {expected} (units: {known})")
    return float(number) * units[unit]


def parse_energy(text: object) -> float:
    """Read an energy in pJ: "0.03 pJ" -> 0.03."""
    return parse(text, "an energy", "0.3 pJ", ENERGY_UNITS)


def parse_area(text: object) -> float:
    """Read an area in um2: "14 mm2" -> 14000000.0."""
    return parse(text, "an area", "36 um2", AREA_UNITS)


Energy = Annotated[
    float, BeforeValidator(parse_energy), PlainSerializer(lambda v: f"{v:g} pJ", when_used="json")
]
Area = Annotated[
    float, BeforeValidator(parse_area), PlainSerializer(lambda v: f"{v:g} um2", when_used="json")
]
