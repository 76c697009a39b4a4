"""What the machines of a comparison cost, by one table: area, energy, and their ratios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accelsim.analysis.comparison import Comparison
from accelsim.cost.table import CostTable
from accelsim.hardware.area import Breakdown, breakdown
from accelsim.hardware.catalogue import components
from accelsim.hardware.energy import Energy, energy_of
from accelsim.hardware.ratio import Ratio, area_terms, energy_terms, ratio

BASELINE = "baseline"


@dataclass(frozen=True)
class Costs:
    """Area and energy of every role of a comparison.

    Attributes
    ----------
    table : str
        Name of the cost table.
    areas : Mapping[str, Breakdown]
    energies : Mapping[str, Energy]
    area_ratios : Mapping[str, Ratio]
        Area of a role / area of the baseline.
    energy_ratios : Mapping[str, Ratio]
        Energy of the baseline / energy of a role: above 1 where the role needs less.
    """

    table: str
    areas: Mapping[str, Breakdown]
    energies: Mapping[str, Energy]
    area_ratios: Mapping[str, Ratio]
    energy_ratios: Mapping[str, Ratio]

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "table": self.table,
            "area_ratio": {role: found._asdict() for role, found in self.area_ratios.items()},
            "energy_ratio": {role: found._asdict() for role, found in self.energy_ratios.items()},
        }


def costs_of(comparison: Comparison, table: CostTable) -> Costs:
    """Area and energy of the machines of a comparison by the figures of a cost table.

    Raises
    ------
    InputError
        The table lacks an action that a machine needs.
    """
    results = comparison.results
    energies = {role: energy_of(result, table) for role, result in results.items()}
    chips = {role: area_terms(components(result.arch, table)) for role, result in results.items()}
    spent = {role: energy_terms(energy.actions) for role, energy in energies.items()}
    others = [role for role in results if role != BASELINE]
    return Costs(
        table.name,
        {role: breakdown(result.arch, table) for role, result in results.items()},
        energies,
        {role: ratio(chips[role], chips[BASELINE]) for role in others},
        {role: ratio(spent[BASELINE], spent[role]) for role in others},
    )
