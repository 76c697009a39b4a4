"""Figures of cost with their unit: "0.03 pJ", "36 um2", "12 mW/mm2"; a bare number is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?)\s*(\S+)?")


@dataclass(frozen=True, eq=False)
class Measure:
    """One kind of figure.

    Attributes
    ----------
    what : str
        Its name in messages.
    example : str
        A good figure, for messages.
    units : Mapping[str, float]
        Unit name to the factor of the inner unit, which is the first.
    """

    what: str
    example: str
    units: Mapping[str, float]

    @property
    def unit(self) -> str:
        """The inner unit."""
        return next(iter(self.units))

    def parse(self, text: object) -> float:
        """Read a figure in the inner unit.

        Raises
        ------
        ValueError
            Not text, no unit, an unknown one, or negative.
        """
        expected = f"expected {self.what} such as '{self.example}'"
        match = _NUMBER.fullmatch(str(text).strip())
        if match is None:
            raise ValueError(f"'{text}' is not a figure, {expected}")
        number, unit = match.groups()
        if float(number) < 0:
            raise ValueError(f"'{text}' is negative, {expected}")
        if unit is None:
            raise ValueError(f"'{text}' has no unit, {expected}")
        if unit not in self.units:
            known = ", ".join(self.units)
            raise ValueError(f"'{text}' has unknown unit '{unit}', {expected} (units: {known})")
        return float(number) * self.units[unit]

    def show(self, value: float) -> str:
        """Write a figure so that `parse` gives it back."""
        short = f"{value:g}"
        return f"{short if float(short) == value else repr(value)} {self.unit}"

    @property
    def reader(self) -> BeforeValidator:
        """How a field reads it."""
        return BeforeValidator(self.parse)

    @property
    def writer(self) -> PlainSerializer:
        """How a field writes it."""
        return PlainSerializer(self.show, when_used="json")


ENERGY = Measure("an energy", "0.3 pJ", {"pJ": 1, "fJ": 1e-3, "nJ": 1e3})
AREA = Measure("an area", "36 um2", {"um2": 1, "mm2": 1e6})
POWER = Measure("a power", "40 mW", {"mW": 1, "uW": 1e-3, "W": 1e3})
POWER_OF_AREA = Measure(
    "a power of an area", "12 mW/mm2", {"mW/mm2": 1, "uW/mm2": 1e-3, "W/mm2": 1e3}
)
POWER_OF_STORAGE = Measure("a power of a memory", "20 mW/MiB", {"mW/MiB": 1, "W/MiB": 1e3})
AREA_OF_RATE = Measure("an area of a rate", "0.03 mm2/(GB/s)", {"um2/(GB/s)": 1, "mm2/(GB/s)": 1e6})
MONEY = Measure("a price", "9346 USD", {"USD": 1})
PRICE_OF_STORAGE = Measure("a price of a memory", "15 USD/GiB", {"USD/GiB": 1})
DENSITY = Measure("a density of defects", "0.09 /cm2", {"/cm2": 1})

Energy = Annotated[float, ENERGY.reader, ENERGY.writer]
Area = Annotated[float, AREA.reader, AREA.writer]
Power = Annotated[float, POWER.reader, POWER.writer]
PowerOfArea = Annotated[float, POWER_OF_AREA.reader, POWER_OF_AREA.writer]
PowerOfStorage = Annotated[float, POWER_OF_STORAGE.reader, POWER_OF_STORAGE.writer]
AreaOfRate = Annotated[float, AREA_OF_RATE.reader, AREA_OF_RATE.writer]
Money = Annotated[float, MONEY.reader, MONEY.writer]
PriceOfStorage = Annotated[float, PRICE_OF_STORAGE.reader, PRICE_OF_STORAGE.writer]
Density = Annotated[float, DENSITY.reader, DENSITY.writer]
