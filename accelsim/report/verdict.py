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
        f"{_over(proper)} {_name(proper, 'candidate', 'the sparse machine')} runs at "
        f"{times(overall.geomean)} the speed of {_name(proper, 'baseline', 'a systolic array')}"
        f"{_terms(proper)} ({_range(overall)})"
    )
    free = len(proper) - len(paid)
    if free and paid:
        real = spread(ratios(paid)["candidate over baseline"])
        first += (
            f"; {free} with free indices (upper bounds) left out, the other {len(paid)} give "
            f"{times(real.geomean)} ({_range(real)})"
        )
    elif free:
        first += f"; {_free(free)}, so this is an upper bound"
    dense = spread(ratios(proper)["candidate_dense over baseline"])
    switched = f"with its sparsity switched off at {times(dense.geomean)} of the baseline"
    rival = ratios(proper).get("candidate over third")
    if not rival:
        return f"{first}. It runs {switched}."
    over, gather = spread(rival), spread(ratios(proper)["third over baseline"])
    second = (
        f"Against {_name(proper, 'third', 'the same systolic array with a gathering DMA')}, which "
        f"alone brings {times(gather.geomean)}, it runs at {times(over.geomean)} ({_range(over)}), "
        f"and {switched}"
    )
    return f"{first}. {second}."


def _over(comparisons: Sequence[Comparison]) -> str:
    if len(comparisons) == 1:
        return f"On {comparisons[0].trace.name}"
    return f"Over {len(comparisons)} workloads"


def _free(count: int) -> str:
    return "its indices are free" if count == 1 else "all of them have free indices"


def _name(comparisons: Sequence[Comparison], role: str, words: str) -> str:
    """The name of a machine, or words for several of one role."""
    names = {c.results[role].arch.name for c in comparisons if role in c.results}
    return names.pop() if len(names) == 1 else words


def _terms(comparisons: Sequence[Comparison]) -> str:
    """That both have the same size, or in what they have not."""
    unequal = dict.fromkeys(
        row.name for c in comparisons for row in c.equal_and_different()[1] if row.required
    )
    if unequal:
        return f", from which it differs in what should be equal ({', '.join(unequal)})"
    return " with the same MACs, on-chip bytes, ports and DRAM"


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


def _range(over: Spread) -> str:
    if over.minimum == over.maximum:
        return over.verdict
    return f"geometric mean; {times(over.minimum)} to {times(over.maximum)}: {over.verdict}"
