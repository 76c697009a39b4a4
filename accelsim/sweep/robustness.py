"""How robust the verdict of a comparison is: what flips it, what it rests on, how far it moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from accelsim.analysis.comparison import Comparison
from accelsim.arch.load import ArchSource
from accelsim.errors import unknown_name
from accelsim.progress import Progress
from accelsim.sweep.ablation import Ablation, ablation
from accelsim.sweep.axes import AXES, Again
from accelsim.sweep.flip import Flip, flips
from accelsim.sweep.spread import Within, spreads
from accelsim.sweep.trials import Trials
from accelsim.workload.trace import Trace

PARTS = ("flips", "ablation", "spreads")


class Robustness(NamedTuple):
    """What was found; a part that was not asked for is empty.

    `level` : of DRAM in all further runs; empty is each machine's own. The spread over layers is
    of the comparison itself.
    """

    workload: str
    level: str
    flips: tuple[Flip, ...]
    ablation: tuple[Ablation, ...]
    spreads: tuple[Within, ...]

    def as_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        points = [[point._asdict() for point in flip.points] for flip in self.flips]
        flips = zip(self.flips, points, strict=True)
        return {
            "workload": self.workload,
            "level": self.level,
            "flips": [{**flip._asdict(), "points": each} for flip, each in flips],
            "ablation": [each._asdict() for each in self.ablation],
            "spreads": [_spread_as_json(each) for each in self.spreads],
        }


def _spread_as_json(within: Within) -> dict[str, Any]:
    over = within.spread
    plain = None if over is None else {**asdict(over), "verdict": over.verdict}
    return {**within._asdict(), "spread": plain}


def robustness(
    machines: Mapping[str, ArchSource],
    trace: Trace,
    comparison: Comparison,
    *,
    again: Again | None = None,
    texts: Sequence[Trace] = (),
    level: str | None = None,
    parts: Sequence[str] = PARTS,
    along: Sequence[str] = AXES,
    progress: Progress | None = None,
) -> Robustness:
    """Study a comparison by further simulations.

    Parameters
    ----------
    machines : mapping of role to ArchSource
        baseline, candidate, and third where there is one; what `comparison` was made of.
    trace : Trace
    comparison : Comparison
    again : callable(batch), optional
        Gives the workload with another batch, as `trace` was made; None for a stored trace.
    texts : sequence of Trace
        Captures of other texts.
    level : str, optional
        "simple" runs all at the simple DRAM level, which takes a third to a half of the time.
    parts : sequence of str
        Of `PARTS`.
    along : sequence of str
        Of `accelsim.sweep.axes.AXES`, for the flips; batch and density make other traces, which
        takes longest.
    progress : callable(text, done, of), optional

    Raises
    ------
    InputError
        No such part or axis, or a machine does not run the trace as it is.
    """
    for part in parts:
        if part not in PARTS:
            raise unknown_name("part of the robustness", part, PARTS)
    trials = Trials(machines, trace, level, progress)
    if level is None:
        known = {role: comparison.results[role].total_ps for role in machines}
        trials.now.totals.update(known)
    return Robustness(
        trace.name,
        level or "",
        tuple(flips(trials, again, along)) if "flips" in parts else (),
        tuple(ablation(trials)) if "ablation" in parts else (),
        tuple(spreads(trials, comparison, texts)) if "spreads" in parts else (),
    )
