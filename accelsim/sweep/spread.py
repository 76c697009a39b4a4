"""How far a speedup moves: over layers, placements of tensors, seeds and texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from accelsim.analysis.comparison import Comparison, Spread, spread
from accelsim.analysis.sections import over_layers
from accelsim.simulation import placed
from accelsim.sweep.trials import CANDIDATE, Case, Trials
from accelsim.workload.redrawn import one_text, redrawn
from accelsim.workload.trace import Trace

FURTHER = 4  # other seeds, and other placements where the comparison has none


class Within(NamedTuple):
    """The spread of the candidate's speedup over a rival.

    `spread` : None where `remark` says why nothing was varied; else `remark` says how it was.
    `speedups` : one for each of what it is over.
    """

    over: str
    rival: str
    speedups: tuple[float, ...]
    spread: Spread | None
    remark: str = ""


def spreads(trials: Trials, comparison: Comparison, texts: Sequence[Trace] = ()) -> list[Within]:
    """Spreads of a comparison over all that could be otherwise.

    Parameters
    ----------
    trials : Trials
    comparison : Comparison
        Of the machines of the trials on their trace, for layers and placements.
    texts : sequence of Trace
        Captures of other texts by the same model.
    """
    over_texts = _Texts(trials, texts)
    found = [_layers(comparison, rival) for rival in trials.rivals]
    found += [_placements(trials, comparison, rival) for rival in trials.rivals]
    found += [_seeds(trials, rival) for rival in trials.rivals]
    return [*found, *(over_texts.spread(rival) for rival in trials.rivals)]


def _within(over: str, rival: str, speedups: Sequence[float], remark: str = "") -> Within:
    return Within(over, rival, tuple(speedups), spread(speedups), remark)


def _unvaried(over: str, rival: str, why: str) -> Within:
    return Within(over, rival, (), None, f"not varied: {why}")


def _layers(comparison: Comparison, rival: str) -> Within:
    """Over the layers of one run: each layer's part of the critical path."""
    found = over_layers(comparison, CANDIDATE, rival)
    if len(found) < 2:
        return _unvaried("layers", rival, "one layer" if found else "no numbered layers")
    return _within("layers", rival, found)


def _placements(trials: Trials, comparison: Comparison, rival: str) -> Within:
    """Over places of the tensors in DRAM, the same on both machines."""
    if comparison.elsewhere.get("baseline") and trials.level is None:
        return _within("placements", rival, comparison.over_placements(CANDIDATE, rival))
    found = [trials.speedup(trials.now, rival)]
    for further in range(1, FURTHER + 1):
        trials.say(f"placement {further}", further - 1, FURTHER)
        case = trials.variant("placement", further, lambda: Case(trials.trace))
        for role in (rival, CANDIDATE):
            if role not in case.totals:
                moved = placed(trials.arch(role), further)
                case.totals[role] = trials.run(moved, trials.trace)
        found.append(trials.speedup(case, rival))
    return _within("placements", rival, found)


def _seeds(trials: Trials, rival: str) -> Within:
    """Over seeds of the patterns and indices that rules give."""
    if redrawn(trials.trace, 0) is None:
        return _unvaried("seeds", rival, "nothing in the trace was drawn from a seed")

    def case(further: int) -> Case:
        trace = redrawn(trials.trace, further)
        assert trace is not None
        return Case(trace)

    found = [trials.speedup(trials.now, rival)]
    for further in range(1, FURTHER + 1):
        trials.say(f"seed {further}", further - 1, FURTHER)
        drawn = trials.variant("seed", further, lambda further=further: case(further))  # type: ignore[misc]
        found.append(trials.speedup(drawn, rival))
    return _within("seeds", rival, found)


class _Texts:
    """Over texts: other captures where they are given, else the sequences of the trace itself."""

    def __init__(self, trials: Trials, texts: Sequence[Trace]) -> None:
        self.trials, trace = trials, trials.trace
        self.cases = [trials.now, *map(Case, texts)] if texts else []
        self.why = ""
        self.remark = "captures of other texts" if texts else ""
        if texts:
            return
        if trace.synthetic:
            self.why = "synthetic, there is no text (see seeds)"
        elif trace.phase == "training":
            self.why = "a training step has no sequences of its own"
        elif trace.batch == 1:
            self.why = "one text"
        else:
            self.cases = [Case(one_text(trace, which)) for which in range(trace.batch)]
            self.remark = "each sequence of the batch in the place of all of them"

    def spread(self, rival: str) -> Within:
        if self.why:
            return _unvaried("texts", rival, self.why)
        found = []
        for number, case in enumerate(self.cases):
            self.trials.say(f"text {number + 1}", number, len(self.cases))
            found.append(self.trials.speedup(case, rival))
        return _within("texts", rival, found, self.remark)
