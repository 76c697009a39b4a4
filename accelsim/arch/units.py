"""Figures with units: "24 MiB", "900 GB/s", "1.05 GHz", "20 ns" to exact integers and back.

A size, a rate, a frequency or a time is always written with its unit; a bare number is refused.
Inside they are ints: bytes, bytes per second, hertz, picoseconds. Binary prefixes (KiB) are
powers of 1,024, decimal ones (KB, kB) powers of 1,000. Nothing is rounded here: a figure that
is not a whole number of the inner unit is refused. Periods are rounded by `period_ps`, and what
that cost is said by the architecture's notes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

PS_PER_SECOND = 10**12

_DECIMAL = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?)\s*([A-Za-zµ][A-Za-zµ/]*)?")


@dataclass(frozen=True, eq=False)
class Quantity:
    """One kind of figure: how it is written and what its integer counts.

    Attributes
    ----------
    what : str
        Its name in messages.
    example : str
        A good figure, for messages.
    scale : Mapping[str, int]
        Unit name to the factor of the inner unit.
    shown : tuple[str, ...]
        Units used for writing, largest first; the last is the inner unit.
    whole : bool
        Write the largest unit that gives a whole number, else the largest not above the figure.
    """

    what: str
    example: str
    scale: Mapping[str, int]
    shown: tuple[str, ...]
    whole: bool

    def parse(self, text: object) -> int:
        """Read a figure with its unit.

        Raises
        ------
        ValueError
            Not text, no unit, an unknown unit, a negative figure, or one that is not a whole
            number of the inner unit.
        """
        expected = f"expected {self.what} such as '{self.example}'"
        if not isinstance(text, str):
            bare = isinstance(text, int | float) and not isinstance(text, bool)
            fault = f"'{text}' has no unit" if bare else f"'{text}' is not a figure"
            raise ValueError(f"{fault}, {expected}")
        match = _NUMBER.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"'{text}' is not a figure, {expected}")
        number, unit = match.groups()
        if unit is None:
            raise ValueError(f"'{text}' has no unit, {expected}")
        if unit not in self.scale:
            raise ValueError(f"'{text}' has unknown unit '{unit}', {expected} ({self._units()})")
        value = Fraction(number) * self.scale[unit]
        if value < 0:
            raise ValueError(f"'{text}' is negative, {expected}")
        if value.denominator != 1:
            raise ValueError(f"'{text}' is not a whole number of {self.shown[-1]}, {expected}")
        return int(value)

    def format(self, value: int) -> str:
        """Write an inner figure so that `parse` gives it back."""
        for unit in self.shown:
            factor = self.scale[unit]
            if value >= factor and (not self.whole or value % factor == 0):
                return f"{_plain(value, factor)} {unit}"
        return f"{value} {self.shown[-1]}"

    def _units(self) -> str:
        return "units: " + ", ".join(self.scale)


def _plain(value: int, factor: int) -> str:
    quotient = Decimal(value) / Decimal(factor)
    return format(quotient.normalize(), "f")


def _prefixed(unit: str, *prefixes: Mapping[str, int]) -> dict[str, int]:
    return {f"{p}{unit}": factor for table in prefixes for p, factor in table.items()}


BYTES = Quantity(
    "a size", "24 MiB", _prefixed("B", _DECIMAL, _BINARY), ("TiB", "GiB", "MiB", "KiB", "B"), True
)
BYTES_PER_SECOND = Quantity(
    "a rate",
    "900 GB/s",
    _prefixed("B/s", _DECIMAL, _BINARY),
    ("TB/s", "GB/s", "MB/s", "kB/s", "B/s"),
    False,
)
HERTZ = Quantity(
    "a frequency", "1.05 GHz", _prefixed("Hz", _DECIMAL), ("GHz", "MHz", "kHz", "Hz"), False
)
DURATION = Quantity(
    "a time",
    "20 ns",
    {"ps": 1, "ns": 10**3, "us": 10**6, "µs": 10**6, "ms": 10**9, "s": 10**12},
    ("us", "ns", "ps"),
    False,
)


def parse_bytes(text: object) -> int:
    """Read a size: "448 KiB" -> 458752."""
    return BYTES.parse(text)


def parse_bytes_per_second(text: object) -> int:
    """Read a rate: "900 GB/s" -> 900000000000."""
    return BYTES_PER_SECOND.parse(text)


def parse_clock(text: object) -> int:
    """Read a frequency in hertz: "1.05 GHz" -> 1050000000; see `period_ps`.

    Raises
    ------
    ValueError
        As `Quantity.parse`; also 0 Hz, and a clock that is faster than 1 ps.
    """
    hertz = HERTZ.parse(text)
    if not 0 < hertz <= PS_PER_SECOND:
        raise ValueError(f"'{text}' is not a clock, expected above 0 Hz and at most 1 THz")
    return hertz


def parse_duration(text: object) -> int:
    """Read a time in picoseconds: "7.5 ns" -> 7500."""
    return DURATION.parse(text)


def period_ps(hertz: int) -> int:
    """Period of a clock in whole picoseconds, rounded to the nearest (1.05 GHz -> 952)."""
    return (2 * PS_PER_SECOND + hertz) // (2 * hertz)


def _positive(value: int) -> int:
    if value <= 0:
        raise ValueError("is 0, expected more than 0")
    return value


def _written(quantity: Quantity) -> PlainSerializer:
    form: Callable[[int], str] = quantity.format
    return PlainSerializer(form, when_used="json")


def _reader(parse: Callable[[object], int], *, positive: bool) -> BeforeValidator:
    return BeforeValidator((lambda text: _positive(parse(text))) if positive else parse)


Bytes = Annotated[int, _reader(parse_bytes, positive=True), _written(BYTES)]
BytesOrZero = Annotated[int, _reader(parse_bytes, positive=False), _written(BYTES)]
BytesPerSecond = Annotated[
    int, _reader(parse_bytes_per_second, positive=True), _written(BYTES_PER_SECOND)
]
Clock = Annotated[int, _reader(parse_clock, positive=False), _written(HERTZ)]
Duration = Annotated[int, _reader(parse_duration, positive=False), _written(DURATION)]
PositiveDuration = Annotated[int, _reader(parse_duration, positive=True), _written(DURATION)]
Count = Annotated[int, Field(strict=True, gt=0)]
CountOrZero = Annotated[int, Field(strict=True, ge=0)]
Rate = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
