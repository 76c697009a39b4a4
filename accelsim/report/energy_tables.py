"""Area and energy as tidy tables, one CSV file each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from accelsim.analysis.comparison import Comparison
from accelsim.analysis.result import Result
from accelsim.hardware.compared import Costs
from accelsim.report.energy_words import against_baseline
from accelsim.report.files import names
from accelsim.report.groups import names_over_layers
from accelsim.report.terms import shown_results


def area_table(comparisons: Sequence[Comparison], costs: Sequence[Costs]) -> pd.DataFrame:
    """One row a workload, machine and component; the dense twin is the candidate's chip."""
    parts = []
    for comparison, cost in zip(comparisons, costs, strict=True):
        for role, result in shown_results(comparison).items():
            parts.append(_named(cost.areas[role].rows, comparison, role, result))
    return pd.concat(parts, ignore_index=True)


def energy_table(comparisons: Sequence[Comparison], costs: Sequence[Costs]) -> pd.DataFrame:
    """One row a workload and machine."""
    parts = [
        _named(pd.DataFrame([cost.energies[role].summary]), comparison, role, result)
        for comparison, cost, role, result in _runs(comparisons, costs)
    ]
    return pd.concat(parts, ignore_index=True)[names("energy")]


def operators_table(comparisons: Sequence[Comparison], costs: Sequence[Costs]) -> pd.DataFrame:
    """One row a workload, machine and operator."""
    parts = []
    for comparison, cost, role, result in _runs(comparisons, costs):
        table = _named(cost.energies[role].operators, comparison, role, result)
        table["kind"] = result.operators["kind"].to_numpy()
        table["group"] = names_over_layers(result.operators)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)[names("energy_operators")]


def actions_table(comparisons: Sequence[Comparison], costs: Sequence[Costs]) -> pd.DataFrame:
    """One row a workload, machine, action and figure that its energy hangs on."""
    parts = [
        _named(cost.energies[role].actions, comparison, role, result)
        for comparison, cost, role, result in _runs(comparisons, costs)
    ]
    return pd.concat(parts, ignore_index=True)[names("energy_actions")]


def ratios_table(comparisons: Sequence[Comparison], costs: Sequence[Costs]) -> pd.DataFrame:
    """One row a workload, machine and quantity, against the baseline."""
    rows = []
    for comparison, cost in zip(comparisons, costs, strict=True):
        for quantity, found in (("area", cost.area_ratios), ("energy", cost.energy_ratios)):
            for role, ratio in found.items():
                said = against_baseline(quantity, ratio)
                rows.append((comparison.trace.name, role, quantity, *ratio, said))
    return pd.DataFrame(rows, columns=names("cost_ratios"))


def _runs(
    comparisons: Sequence[Comparison], costs: Sequence[Costs]
) -> Iterator[tuple[Comparison, Costs, str, Result]]:
    for comparison, cost in zip(comparisons, costs, strict=True):
        for role, result in comparison.results.items():
            yield comparison, cost, role, result


def _named(table: pd.DataFrame, comparison: Comparison, role: str, result: Result) -> pd.DataFrame:
    table = table.copy()
    table.insert(0, "workload", comparison.trace.name)
    table.insert(1, "role", role)
    table.insert(2, "architecture", result.arch.name)
    return table
