"""Break-even overhead: how much of the candidate could be lost before it is no faster."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from accelsim.analysis.comparison import Comparison
from accelsim.arch.load import ArchSource
from accelsim.arch.spec import Arch
from accelsim.arch.units import BYTES
from accelsim.errors import InputError
from accelsim.simulation import simulate

METHOD = (
    "The candidate is simulated again with its array rows, their storage, the bytes on chip and "
    "the scratchpad kept for prefetch and activations scaled by one factor (halved until it no "
    "longer wins, then between while that leaves a gap above an eighth); ports, buses, vector "
    "lanes, index unit and DRAM stay. Both sides run at the simple DRAM level here, as the search "
    "takes many runs. The "
    "figure is read off between the last factor that wins and the first that does not, on a "
    "logarithmic scale of speedup."
)
SEARCH_LEVEL = "simple"
SMALLEST = 1 / 8
NARROW = 0.125  # a gap between a cut that wins and one that loses that needs no refining


class BreakEven(NamedTuple):
    """The largest cut of MACs and SRAM at which the candidate is still as fast as the baseline.

    `cut` is a part of one; it lies between `wins_at` and `loses_at` (cuts that were simulated).
    `speedups` : cut -> speedup. `remark` says what stopped the search, or is empty.
    """

    workload: str
    cut: float
    wins_at: float
    loses_at: float
    speedups: dict[float, float]
    remark: str = ""

    @property
    def searched(self) -> bool:
        """Whether any cut was simulated."""
        return len(self.speedups) > 1


def break_even(
    comparison: Comparison,
    candidate: ArchSource,
    progress: Callable[[str, int, int], None] | None = None,
) -> BreakEven | None:
    """Search the cut by re-simulation; None where the candidate does not win.

    Parameters
    ----------
    comparison : Comparison
    candidate : ArchSource
        What the candidate was made from, its overrides included.
    progress : callable(text, done, of), optional
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
    return _between(name, wins, loses, speedups, remark)


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


def scaled(source: ArchSource, factor: float) -> Arch:
    """The candidate with its MACs and SRAM scaled, everything else as it was.

    Raises
    ------
    InputError
        The smaller machine breaks a rule of the loader, or is not a sparse array.
    """
    arch = source.arch()
    array = arch.array
    if array.kind != "sparse":
        raise InputError("only a sparse array is scaled by rows", where=arch.name)
    storage = {
        "array.query_storage": array.query_storage,
        "array.accumulators": array.accumulators,
        "array.fifo_storage": array.fifo_storage,
        "on_chip": arch.on_chip,
        "mapping.prefetch": arch.mapping.prefetch,
        "mapping.activation_storage": arch.mapping.activation_storage,
    }
    rows = max(1, round(array.rows * factor))
    less = [(path, BYTES.format(int(size * factor))) for path, size in storage.items()]
    return source.with_settings([("array.rows", rows), *less]).arch()
