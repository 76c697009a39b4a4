"""A figure of a cost table's file: value, range, source and mark, one class for each unit."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from accelsim.config.record import FieldError, Spec
from accelsim.cost import units
from accelsim.cost.figure import Figure

Checked = Literal["confirmed", "read from repository file", "from memory", "derived", "assumed"]
Text = Annotated[str, Field(min_length=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Factor = Annotated[float, Field(ge=1, allow_inf_nan=False)]
ASSUMED_RANGE = 2.0  # up and down, where neither a source nor the table says another


class Amount(Spec):
    """What all figures have in common.

    Attributes
    ----------
    value : float
        The figure, with its unit.
    low, high : float, optional
        Its range. Without it the table's `assumed_range` is used.
    source : str
        Where the figure was published.
    checked : str
        How it is known. `from memory` is shown as `unverified` wherever the figure appears.
    node_nm : float, optional
        The node that the figure is of, where it is not the table's. It is taken as it is.
    note : str, optional
        What else a reader should know.
    """

    MEASURE: ClassVar[units.Measure]

    value: float
    low: float | None = None
    high: float | None = None
    source: Text
    checked: Checked
    node_nm: Positive | None = None
    note: str = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        low, value, high, unit = self.low, self.value, self.high, self.MEASURE.unit
        if (low is None) != (high is None):
            missing = "low" if low is None else "high"
            raise FieldError(missing, f"'{missing}' is missing, expected both 'low' and 'high'")
        if low is not None and low > value:
            raise FieldError("low", f"low {low:g} {unit} is above value {value:g} {unit}")
        if high is not None and high < value:
            raise FieldError("high", f"high {high:g} {unit} is below value {value:g} {unit}")
        return self

    def figure(self, spread: float, table_nm: float | None = None) -> Figure:
        """The amount as a figure.

        Parameters
        ----------
        spread : float
            Where no range is known, low is the value divided by this, high the value times it.
        table_nm : float, optional
            The node of the table, for amounts that are of another one.
        """
        low, high = self.low, self.high
        elsewhere = table_nm is not None and self.node_nm not in (None, table_nm)
        return Figure(
            value=self.value,
            low=self.value / spread if low is None else low,
            high=self.value * spread if high is None else high,
            unit=self.MEASURE.unit,
            source=self.source,
            mark=self.checked,
            unverified=self.checked == "from memory",
            range_known=low is not None,
            derivation=(f"of {self.node_nm:g} nm, not scaled",) if elsewhere else (),
        )


class EnergyAmount(Amount):
    """An energy of one action, such as ``0.2 pJ``."""

    MEASURE: ClassVar = units.ENERGY
    value: units.Energy
    low: units.Energy | None = None
    high: units.Energy | None = None


class AreaAmount(Amount):
    """An area of one instance, such as ``282 um2``."""

    MEASURE: ClassVar = units.AREA
    value: units.Area
    low: units.Area | None = None
    high: units.Area | None = None


class PowerAmount(Amount):
    """A power that is drawn all the time, such as ``40 mW``."""

    MEASURE: ClassVar = units.POWER
    value: units.Power
    low: units.Power | None = None
    high: units.Power | None = None


class LeakageAmount(Amount):
    """Leakage of logic for its area, such as ``12 mW/mm2``."""

    MEASURE: ClassVar = units.POWER_OF_AREA
    value: units.PowerOfArea
    low: units.PowerOfArea | None = None
    high: units.PowerOfArea | None = None


class StorageLeakageAmount(Amount):
    """Leakage of SRAM for its size, such as ``20 mW/MiB``."""

    MEASURE: ClassVar = units.POWER_OF_STORAGE
    value: units.PowerOfStorage
    low: units.PowerOfStorage | None = None
    high: units.PowerOfStorage | None = None


class RateAreaAmount(Amount):
    """Area of an interface for its peak rate, such as ``0.03 mm2/(GB/s)``."""

    MEASURE: ClassVar = units.AREA_OF_RATE
    value: units.AreaOfRate
    low: units.AreaOfRate | None = None
    high: units.AreaOfRate | None = None


class MoneyAmount(Amount):
    """A price, such as ``9346 USD``."""

    MEASURE: ClassVar = units.MONEY
    value: units.Money
    low: units.Money | None = None
    high: units.Money | None = None


class StoragePriceAmount(Amount):
    """A price of memory for its size, such as ``15 USD/GiB``."""

    MEASURE: ClassVar = units.PRICE_OF_STORAGE
    value: units.PriceOfStorage
    low: units.PriceOfStorage | None = None
    high: units.PriceOfStorage | None = None


class DefectsAmount(Amount):
    """Defects of a wafer that make a die useless, such as ``0.09 /cm2``."""

    MEASURE: ClassVar = units.DENSITY
    value: units.Density
    low: units.Density | None = None
    high: units.Density | None = None
