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
from accelsim.hardware.ratio import (
    ByEntry,
    Ratio,
    Span,
    area_terms,
    energy_terms,
    ratio,
    widest,
)

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
        Energy of the baseline / energy of a role: above 1 where the role needs less. At equal area
        their ranges hold those with the scaled machines at both ends of their size too.
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
        {role: _energy_ratio(comparison, spent, role) for role in others},
    )


def _energy_ratio(comparison: Comparison, spent: Mapping[str, ByEntry], role: str) -> Ratio:
    """Of the baseline / of a role, at the sizes compared and at both ends of these."""
    found = ratio(spent[BASELINE], spent[role])
    equal = comparison.at_equal
    if equal is None:
        return found
    ends = [found]
    for end in range(2):
        scaled = {
            each: {entry: Span(*pj) for entry, pj in energies[end].items()}
            for each, energies in equal.energies.items()
        }
        ends.append(ratio(scaled.get(BASELINE, spent[BASELINE]), scaled.get(role, spent[role])))
    return widest(ends)
