"""Values of a parameter: plain, or figures with a unit; as numbers, as text, and over a range."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Literal, NamedTuple

from pydantic import Field, model_validator

from accelsim.arch.units import BYTES, BYTES_PER_SECOND, DURATION, HERTZ, Quantity
from accelsim.config.record import FieldError, Spec

Value = bool | int | float | str | None | list[object] | dict[str, object]

# Suffix of a column that holds such figures, and the unit that they count.
SUFFIXES = (
    (BYTES, "_bytes", "B"),
    (BYTES_PER_SECOND, "_bytes_per_s", "B/s"),
    (HERTZ, "_hz", "Hz"),
    (DURATION, "_ps", "ps"),
)
MOST_STEPS = 100_000
_UNITS = sorted({unit for quantity, *_ in SUFFIXES for unit in quantity.scale}, key=len)
FIGURE = re.compile(
    r"(?<![\w.])(\d+\.?\d*(?:[eE][+-]?\d{1,2})?)\s*("
    + "|".join(re.escape(unit) for unit in reversed(_UNITS))
    + r")(?![\w/])"
)


def quantity_of(value: object) -> Quantity | None:
    """What a figure with a unit is a figure of; None for anything else."""
    if isinstance(value, str):
        for quantity, *_ in SUFFIXES:
            try:
                quantity.parse(value)
            except ValueError:
                continue
            return quantity
    return None


def as_number(value: object) -> object:
    """A figure with a unit as a count of the inner unit (B, B/s, Hz, ps); the rest as it is."""
    quantity = quantity_of(value)
    return value if quantity is None else quantity.parse(value)


def with_units(number: object, like: object) -> object:
    """Write a number as the figure that stands, or stood, in its place.

    Raises
    ------
    ValueError
        Not a whole number of the inner unit.
    """
    quantity = quantity_of(like)
    if quantity is None or isinstance(number, str):
        if isinstance(number, float) and number.is_integer() and not isinstance(like, float):
            return int(number)
        return number
    if not isinstance(number, int | float) or number != int(number):
        raise ValueError(f"{number} is not a whole number of {quantity.shown[-1]}")
    return quantity.format(int(number))


class Scale(NamedTuple):
    """Bounds of a `Range` in inner units; `step` : what values are multiples of (0: anything)."""

    low: Fraction
    high: Fraction
    step: Fraction
    log: bool
    quantity: Quantity | None
    whole: bool

    def at(self, share: float) -> Value:
        """The value at a share of the way, 0 to 1, from low to high."""
        if self.log:
            value = Fraction(float(self.low) * math.pow(self.high / self.low, share))
        else:
            value = self.low + (self.high - self.low) * Fraction(share)
        return self.shown(value)

    def shown(self, value: Fraction) -> Value:
        """A value rounded to a multiple of the step inside the bounds, as it is written."""
        step = self.step or Fraction(1)
        if self.step or self.whole or self.quantity is not None:
            least, most = math.ceil(self.low / step), math.floor(self.high / step)
            number = min(most, max(least, round(value / step))) * step
            if self.quantity is not None:
                return self.quantity.format(int(number))
            return int(number) if self.whole else float(number)
        return float(value)


class Range(Spec):
    """All values between two; figures carry their unit, whole numbers stay whole.

    `steps` : how many a grid takes, ends included. `scale` : equal steps, or equal ratios.
    `multiple_of` : values are rounded to it.

    Attributes
    ----------
    low, high : int or float or str
        The ends, both included.
    """

    low: int | float | str
    high: int | float | str
    steps: int | None = Field(default=None, gt=1, le=MOST_STEPS)
    scale: Literal["linear", "log"] = "linear"
    multiple_of: int | float | str | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Range:
        ends = [value for value in (self.low, self.high, self.multiple_of) if value is not None]
        for value in ends:
            if isinstance(value, float) and not math.isfinite(value):
                raise FieldError("low", f"{value} is no number")
        kinds = {quantity_of(value) for value in ends}
        for value in ends:
            if isinstance(value, str) and quantity_of(value) is None:
                raise FieldError("low", f"'{value}' is no figure, expected one such as '64 KiB'")
        if len(kinds) > 1:
            raise FieldError("high", f"{self.low} and {self.high} are not of one kind")
        scale = self.bounds
        if scale.low >= scale.high or scale.low < 0:
            raise FieldError("high", f"is {self.high}, expected more than low, {self.low}")
        if scale.log and scale.low == 0:
            raise FieldError("low", "is 0, from which there is no ratio")
        if scale.step and not math.ceil(scale.low / scale.step) * scale.step <= scale.high:
            raise FieldError("multiple_of", f"no multiple of {self.multiple_of} lies in the range")
        return self

    @property
    def bounds(self) -> Scale:
        """The bounds as numbers."""
        numbers = [as_number(value) for value in (self.low, self.high, self.multiple_of or 0)]
        whole = all(isinstance(number, int) for number in numbers)
        low, high, step = (Fraction(str(number)) for number in numbers)
        return Scale(low, high, step, self.scale == "log", quantity_of(self.low), whole)

    def grid(self) -> list[Value]:
        """`steps` values from low to high; fewer where rounding makes some equal."""
        assert self.steps is not None
        found = [self.bounds.at(number / (self.steps - 1)) for number in range(self.steps)]
        return list(dict.fromkeys(found))
