"""How far a comparison at equal area, or power, depends on the figures of the cost table.

The machines that were scaled are scaled once more to either end of what the table allows, with
every figure off to the same side on both machines, and simulated again. A speedup whose sign
depends on it is not established.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from accelsim.analysis.comparison import Comparison, OverRange, rival_of
from accelsim.arch.spec import Arch
from accelsim.errors import InputError
from accelsim.mapping.reuse import Reuse
from accelsim.progress import Progress
from accelsim.simulation import simulate
from accelsim.sweep.equal import Ends
from accelsim.sweep.trials import CANDIDATE


def over_range(
    comparison: Comparison, ends: Mapping[str, Ends], progress: Progress | None = None
) -> Comparison:
    """The same comparison, which also says what the range of the cost table makes of it.

    Parameters
    ----------
    comparison : Comparison
        Of machines at equal area or power.
    ends : mapping of role to Ends
        See `accelsim.sweep.equal.Equal`.
    progress : callable(text, done, of), optional
    """
    if comparison.at_equal is None or not ends:
        return comparison
    reuse = Reuse()

    def total_ps(arch: Arch) -> int:
        return simulate(arch, comparison.trace, progress=progress, reuse=reuse).total_ps

    times = {role: result.total_ps for role, result in comparison.results.items()}
    ranges, remarks = dict[str, OverRange](), dict(comparison.at_equal.remarks)
    for role, each in ends.items():
        sources = (each.low.source, each.high.source, each.before)
        try:
            found = [times | {role: total_ps(source.arch())} for source in sources]
        except InputError as error:
            remarks[role] = error.what
            continue
        value, low, high, before = (
            by[rival_of(role)] / max(1, by[CANDIDATE]) for by in (times, *found)
        )
        ranges[role] = OverRange(*each.ratio, (value, low, high), before)
    equal = comparison.at_equal._replace(ranges=ranges, remarks=remarks)
    return replace(comparison, at_equal=equal)
