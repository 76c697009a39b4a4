"""The verdict in two sentences, and what is to be kept in mind with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from accelsim.analysis.comparison import NOT_ESTABLISHED, Comparison, Spread, spread
from accelsim.analysis.sections import over_layers
from accelsim.hardware.compared import Costs
from accelsim.report.energy_words import rests_on
from accelsim.report.tables import groups_of, ratios
from accelsim.report.terms import SIZE, dram_text, machines, unfair
from accelsim.report.words import ROLE_TITLES, is_upper_bound, times
from accelsim.sweep.flip import TIE
from accelsim.sweep.robustness import Robustness
from accelsim.sweep.trials import RIVALS

TERMS_NAMED = 4
LAYERS = "layers"


def verdict(comparisons: Sequence[Comparison], robustness: Sequence[Robustness] = ()) -> str:
    """Two sentences with numbers: against the baseline, and against baseline + gather.

    Where a spread within a workload crosses 1 it is said: behind the figure of one workload, in a
    third sentence for several. `robustness` : what was found of these workloads.
    """
    groups = groups_of(comparisons)
    proper, paid = groups["all"], groups["without free indices"]
    open_ = [doubts(comparison, robustness) for comparison in proper]

    def said(over: Spread, rival: str) -> str:
        return _one(over, open_[0][rival]) if len(proper) == 1 else _range(over)

    overall = spread(ratios(proper)["candidate over baseline"])
    first = (
        f"{_over(proper)} {_name(proper, 'candidate', 'the sparse machine')} runs at "
        f"{times(overall.geomean)} the speed of {_name(proper, 'baseline', 'a systolic array')}"
        f"{_terms(proper)} ({said(overall, 'baseline')})"
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
    last = _within(proper, open_) if len(proper) > 1 else ""
    rival = ratios(proper).get("candidate over third")
    if not rival:
        return f"{first}. It runs {switched}.{last}"
    over, gather = spread(rival), spread(ratios(proper)["third over baseline"])
    second = (
        f"Against {_name(proper, 'third', 'the same systolic array with a gathering DMA')}, which "
        f"alone brings {times(gather.geomean)}, it runs at {times(over.geomean)} "
        f"({said(over, 'third')}), and {switched}"
    )
    return f"{first}. {second}.{last}"


def doubts(
    comparison: Comparison, robustness: Sequence[Robustness] = ()
) -> dict[str, dict[str, Spread]]:
    """By rival and by what they are over, the spreads within a workload that cross 1."""
    found: dict[str, dict[str, Spread]] = {}
    for rival in RIVALS:
        spreads: dict[str, Spread] = {}
        if rival in comparison.results:
            layers = over_layers(comparison, rival=rival)
            if len(layers) > 1:
                spreads[LAYERS] = spread(layers)
            if comparison.elsewhere.get(rival):
                spreads["placements"] = comparison.placement_spread(rival=rival)
        equal = comparison.at_equal
        over = None if equal is None else equal.ranges.get(rival)
        if equal is not None and over is not None:
            spreads[f"the ranges of {equal.table}"] = over.spread
        for study in robustness:
            if study.workload == comparison.trace.name:
                each = [w for w in study.spreads if w.rival == rival and w.spread is not None]
                spreads |= {w.over: w.spread for w in each if w.spread is not None}
        found[rival] = {o: s for o, s in spreads.items() if s.verdict == NOT_ESTABLISHED}
    return found


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
    unequal = list(dict.fromkeys(row.name for c in comparisons for row in unfair(c)))
    if unequal:
        more = len(unequal) - TERMS_NAMED
        named = "; ".join(unequal[:TERMS_NAMED]) + (f" and {more} more" if more > 0 else "")
        return f", from which it differs in what should be equal ({named})"
    same = list(dict.fromkeys(c.at_equal.measure if c.at_equal else SIZE for c in comparisons))
    return f" with the same {' or '.join(same)}, ports and DRAM"


def caveats(comparisons: Sequence[Comparison], costs: Sequence[Costs] = ()) -> list[str]:
    """What a reader of the verdict must know, in order of weight."""
    proper = groups_of(comparisons)["all"]
    names = [c.trace.name for c in proper if is_upper_bound(c)]
    open_ = [c for c in proper if not c.trace.quality and c.selections()]
    unknown = [c.trace.name for c in open_ if c.trace.synthetic]
    unmeasured = [
        c.trace.name for c in open_ if not c.trace.synthetic and _leaves_out(c.selections())
    ]
    level = dram_text([arch for c in comparisons for arch in machines(c)])
    notes = [f"{level}.", *([rests_on(costs)] if costs else [])]
    scaled = [c.at_equal for c in comparisons if c.at_equal is not None]
    for text in dict.fromkeys(how.text for equal in scaled for how in equal.machines.values()):
        notes.append(f"Scaled, {text}.")
    if names:
        notes.append(f"Upper bounds, indices free: {', '.join(names)}.")
    if unknown:
        notes.append(f"Speedup at unknown quality: {', '.join(unknown)} (synthetic).")
    if unmeasured:
        notes.append(f"Speedup at unknown quality: {', '.join(unmeasured)} (not measured).")
    types = dict.fromkeys(c.trace.replayed_in for c in comparisons if c.trace.replayed_in)
    if types:
        notes.append(f"Replayed in {', '.join(types)}: what this costs in quality is not known.")
    if any(c.trace.name.startswith("tiny_") for c in proper):
        notes.append(
            "tiny_* traces: byte-level text of one language, 4 layers: not evidence about frontier "
            "models."
        )
    return notes


def _leaves_out(selections: Mapping[str, int]) -> bool:
    """Whether keys are left out that the model itself would attend to."""
    return bool(set(selections) - {"static", "model"})


def _one(over: Spread, doubted: Mapping[str, Spread]) -> str:
    """The verdict on one workload; layers are parts of it, all else could have been otherwise."""
    word = "a tie within 1 %" if abs(math.log(over.geomean)) < TIE else over.verdict
    if not doubted:
        return word
    text = f"{NOT_ESTABLISHED} over {_ends(doubted)}"
    return f"{word} as a whole, {text}" if set(doubted) == {LAYERS} else text


def _ends(doubted: Mapping[str, Spread]) -> str:
    return " and ".join(
        f"{name} from {times(over.minimum)} to {times(over.maximum)}"
        for name, over in doubted.items()
    )


def _within(
    comparisons: Sequence[Comparison], open_: Sequence[Mapping[str, Mapping[str, Spread]]]
) -> str:
    """A sentence on spreads within workloads that cross 1, or nothing."""
    said = [
        f"{comparison.trace.name} against {ROLE_TITLES[rival]} over {_ends(doubted)}"
        for comparison, found in zip(comparisons, open_, strict=True)
        for rival, doubted in found.items()
        if doubted
    ]
    return f" Within a workload the sign is not established: {'; '.join(said)}." if said else ""


def _range(over: Spread) -> str:
    if over.minimum == over.maximum:
        return over.verdict
    return f"geometric mean; {times(over.minimum)} to {times(over.maximum)}: {over.verdict}"
