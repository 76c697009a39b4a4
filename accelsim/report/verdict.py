"""The verdict in two sentences, and what is to be kept in mind with it."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.analysis.comparison import Comparison, Spread, spread
from accelsim.report.tables import groups_of, ratios
from accelsim.report.terms import dram_text, machines
from accelsim.report.words import is_upper_bound, times


def verdict(comparisons: Sequence[Comparison]) -> str:
    """Two sentences with numbers: against the baseline, and against baseline + gather."""
    groups = groups_of(comparisons)
    proper, paid = groups["all"], groups["without free indices"]
    overall = spread(ratios(proper)["candidate over baseline"])
    first = (
        f"Over {_workloads(len(proper))} the sparse machine runs at {times(overall.geomean)} the "
        f"speed of a systolic array with the same MACs, on-chip bytes, ports and DRAM "
        f"({_range(overall)})"
    )
    free = len(proper) - len(paid)
    if free and paid:
        real = spread(ratios(paid)["candidate over baseline"])
        first += (
            f"; {free} with free indices (upper bounds) left out, the other {len(paid)} give "
            f"{times(real.geomean)} ({_range(real)})"
        )
    elif free:
        first += "; all of them have free indices, so this is an upper bound"
    rival = ratios(proper).get("candidate over third")
    if not rival:
        return first + "."
    over, gather = spread(rival), spread(ratios(proper)["third over baseline"])
    dense = spread(ratios(proper)["candidate_dense over baseline"])
    second = (
        f"Against the same systolic array with a gathering DMA, which alone brings "
        f"{times(gather.geomean)}, it runs at {times(over.geomean)} ({_range(over)}), and with its "
        f"sparsity switched off at {times(dense.geomean)} of the baseline"
    )
    return f"{first}. {second}."


def caveats(comparisons: Sequence[Comparison]) -> list[str]:
    """What a reader of the verdict must know, in order of weight."""
    proper = groups_of(comparisons)["all"]
    names = [c.trace.name for c in proper if is_upper_bound(c)]
    unknown = [
        c.trace.name for c in proper if not c.trace.quality and c.selections() and c.trace.synthetic
    ]
    level = dram_text([arch for c in comparisons for arch in machines(c)])
    notes = [f"{level}.", "Energy and area: not modelled."]
    if names:
        notes.append(f"Upper bounds, indices free: {', '.join(names)}.")
    if unknown:
        notes.append(f"Speedup at unknown quality: {', '.join(unknown)} (synthetic).")
    types = dict.fromkeys(c.trace.replayed_in for c in comparisons if c.trace.replayed_in)
    if types:
        notes.append(f"Replayed in {', '.join(types)}: what this costs in quality is not known.")
    if any(c.trace.name.startswith("tiny_") for c in proper):
        notes.append(
            "tiny_* traces: byte-level text of one language, 4 layers: not evidence about frontier "
            "models."
        )
    return notes


def _workloads(count: int) -> str:
    return f"{count} workload" + ("s" if count != 1 else "")


def _range(over: Spread) -> str:
    if over.minimum == over.maximum:
        return over.verdict
    return f"geometric mean; {times(over.minimum)} to {times(over.maximum)}: {over.verdict}"
