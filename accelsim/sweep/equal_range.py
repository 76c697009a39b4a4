"""How far a comparison at equal area, or power, depends on the figures of the cost table.

The machines that were scaled are scaled once more to either end of what the table allows, with
every figure off to the same side on both machines, and simulated again. A speedup whose sign
depends on it is not established.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from accelsim.analysis.comparison import Comparison, EnergyByEntry, OverRange, rival_of
from accelsim.analysis.result import Result
from accelsim.arch.load import ArchSource
from accelsim.cost.table import CostTable
from accelsim.errors import InputError
from accelsim.hardware.energy import energy_of
from accelsim.hardware.ratio import energy_terms
from accelsim.mapping.reuse import Reuse
from accelsim.progress import Progress
from accelsim.simulation import simulate
from accelsim.sweep.equal import Ends
from accelsim.sweep.trials import CANDIDATE


def over_range(
    comparison: Comparison,
    ends: Mapping[str, Ends],
    progress: Progress | None = None,
    costs: CostTable | None = None,
) -> Comparison:
    """The same comparison, which also says what the range of the cost table makes of it.

    Parameters
    ----------
    comparison : Comparison
        Of machines at equal area or power.
    ends : mapping of role to Ends
        See `accelsim.sweep.equal.Equal`.
    progress : callable(text, done, of), optional
    costs : CostTable, optional
        For the energy at both ends.
    """
    if comparison.at_equal is None or not ends:
        return comparison
    reuse = Reuse()

    def run(source: ArchSource) -> Result:
        return simulate(source.arch(), comparison.trace, progress=progress, reuse=reuse)

    times = {role: result.total_ps for role, result in comparison.results.items()}
    ranges, remarks = dict[str, OverRange](), dict(comparison.at_equal.remarks)
    energies = dict[str, tuple[EnergyByEntry, EnergyByEntry]]()
    for role, each in ends.items():
        try:
            low, high, before = map(run, (each.low.source, each.high.source, each.before))
        except InputError as error:
            remarks[role] = error.what
            continue
        speedups = [
            by[rival_of(role)] / max(1, by[CANDIDATE])
            for by in (times, *(times | {role: run.total_ps} for run in (low, high, before)))
        ]
        ranges[role] = OverRange(*each.ratio, (speedups[0], speedups[1], speedups[2]), speedups[3])
        if costs is not None:
            spent = [energy_terms(energy_of(result, costs).actions) for result in (low, high)]
            energies[role] = spent[0], spent[1]
    equal = comparison.at_equal._replace(ranges=ranges, remarks=remarks, energies=energies)
    return replace(comparison, at_equal=equal)
