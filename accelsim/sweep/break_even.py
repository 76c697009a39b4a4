"""Break-even overhead: how much of the candidate could be lost before it is no faster."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from accelsim.analysis.comparison import Comparison
from accelsim.arch.load import ArchSource
from accelsim.arch.size import array_settings, byte_settings, parts_of
from accelsim.arch.spec import Arch
from accelsim.errors import InputError
from accelsim.simulation import simulate
from accelsim.sweep.equalised import Measure

METHOD = (
    "The candidate is simulated again with its array rows (or PEs), their storage, the bytes on "
    "chip and the scratchpad kept for prefetch and activations scaled by one factor (halved until "
    "it no longer wins, then between while that leaves a gap above an eighth); ports, buses, "
    "vector lanes, index unit and DRAM stay. Both sides run at the simple DRAM level here, as the "
    "search takes many runs. The "
    "figure is read off between the last factor that wins and the first that does not, on a "
    "logarithmic scale of speedup."
)
SEARCH_LEVEL = "simple"
SMALLEST = 1 / 8
NARROW = 0.125  # a gap between a cut that wins and one that loses that needs no refining


class BreakEven(NamedTuple):
    """The largest cut of MACs and SRAM at which the candidate is still as fast as the baseline.

    `cut` is a part of one; it lies between `wins_at` and `loses_at` (cuts that were simulated).
    `speedups` : cut -> speedup. `remark` says what stopped the search, or is empty. `area_mm2` :
    of the candidate, `spare_mm2` : what the cut takes of it, so as much as its sparse logic may
    take; not a number where no area was asked for. `table` : the cost table of both.
    """

    workload: str
    cut: float
    wins_at: float
    loses_at: float
    speedups: dict[float, float]
    remark: str = ""
    area_mm2: float = math.nan
    spare_mm2: float = math.nan
    table: str = ""

    @property
    def searched(self) -> bool:
        """Whether any cut was simulated."""
        return len(self.speedups) > 1


def break_even(
    comparison: Comparison,
    candidate: ArchSource,
    progress: Callable[[str, int, int], None] | None = None,
    area: Measure | None = None,
) -> BreakEven | None:
    """Search the cut by re-simulation; None where the candidate does not win.

    Parameters
    ----------
    comparison : Comparison
    candidate : ArchSource
        What the candidate was made from, its overrides included.
    progress : callable(text, done, of), optional
    area : Measure, optional
        Of a machine, mm2.
    """
    name = comparison.trace.name
    if comparison.speedup() <= 1:
        return None

    def total_ps(arch: Arch) -> int:
        return simulate(arch.at_dram_level(SEARCH_LEVEL), comparison.trace).total_ps

    base = total_ps(comparison.results["baseline"].arch)
    speedups = {0.0: base / max(1, total_ps(comparison.results["candidate"].arch))}
    if speedups[0.0] <= 1:
        return None
    wins, loses, remark, factor = 1.0, 0.0, "", 0.5
    while factor >= SMALLEST:
        if progress is not None:
            progress(f"{name}: break-even at {100 * (1 - factor):.0f} % less", len(speedups), 5)
        try:
            smaller = scaled(candidate, factor)
            total = total_ps(smaller)
        except InputError as error:
            remark = f"a cut of {100 * (1 - factor):.0f} % is refused: {error.what}"
            break
        speedups[1 - factor] = base / max(1, total)
        if speedups[1 - factor] > 1:
            wins = factor
        else:
            loses = factor
        if loses and wins - loses <= NARROW:
            break
        factor = (wins + loses) / 2
    found = _between(name, wins, loses, speedups, remark)
    return found if area is None else _with_area(found, candidate, area)


def _between(
    name: str, wins: float, loses: float, speedups: dict[float, float], remark: str
) -> BreakEven:
    if not loses:
        text = remark or "still faster at the largest cut that was tried"
        return BreakEven(name, 1 - wins, 1 - wins, math.nan, speedups, text)
    high, low = speedups[1 - wins], speedups[1 - loses]
    part = math.log(high) / math.log(high / low)
    cut = (1 - wins) + part * (wins - loses)
    return BreakEven(name, cut, 1 - wins, 1 - loses, speedups, remark)


def _with_area(found: BreakEven, candidate: ArchSource, area: Measure) -> BreakEven:
    """The cut as area: between the two that were simulated where it lies between them."""
    whole, wins = (area.of(scaled(candidate, factor)) for factor in (1, 1 - found.wins_at))
    spare = whole - wins
    if found.loses_at == found.loses_at:
        part = (found.cut - found.wins_at) / (found.loses_at - found.wins_at)
        spare += part * (wins - area.of(scaled(candidate, 1 - found.loses_at)))
    return found._replace(area_mm2=whole, spare_mm2=spare, table=area.table)


def scaled(source: ArchSource, factor: float) -> Arch:
    """The candidate with its MACs and SRAM scaled, everything else as it was.

    The array takes whole rows or PEs, the nearest to the factor, and at least one.

    Raises
    ------
    InputError
        The smaller machine breaks a rule of the loader.
    """
    arch = source.arch()
    parts = parts_of(arch)
    array = Fraction(max(1, round(parts * factor)), parts)
    settings = array_settings(arch, array) + byte_settings(arch, Fraction(factor))
    return source.with_settings(settings).arch()
