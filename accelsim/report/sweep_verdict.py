"""The verdict of a sweep in a few computed sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsim.analysis.best import Best
from accelsim.report.sweep_study import ARCHITECTURE, Study
from accelsim.report.sweep_tables import speedup_of
from accelsim.report.sweep_words import figure_text, level_text, listed, name_text, settings
from accelsim.report.words import percent, times

NO_EFFECT = 1.01  # a parameter that moves a response by less does not matter
NAMED = 4  # names in a sentence; the rest are counted


def verdict(study: Study) -> str:
    """Which design is best and by how much, where the knee is, what matters and what does not."""
    parts = [_best_sentence(study), *_knee_sentence(study), *_matter_sentences(study)]
    return " ".join(parts)


def caveats(study: Study) -> list[str]:
    """What a reader of the verdict must know."""
    lines = []
    failed = int(study.rows["error"].notna().sum())
    if failed:
        lines.append(f"{failed:,} of {len(study.rows):,} points failed; see below.")
    missing = len(study.rows) - failed - len(study.done)
    if missing:
        lines.append(f"{missing:,} points lack an objective and are not shown.")
    whole = study.designs.complete()
    if len(whole) < len(study.designs.table):
        lines.append(
            f"{len(study.designs.table) - len(whole):,} of {len(study.designs.table):,} designs "
            "did not run on every workload; means over workloads leave them out."
        )
    if any(not response.whole.apart for response in study.responses.values()):
        lines.append(
            "Some parameters always change together at these points: their effects cannot be told "
            "apart, and are shared among them."
        )
    if any(name == "mean" for name in study.designs.means.values()):
        names = [name_text(n) for n, mean in study.designs.means.items() if mean == "mean"]
        lines.append(f"Not positive everywhere, so averaged arithmetically: {listed(names)}.")
    return lines


def design_text(study: Study, row: Mapping[Any, Any]) -> str:
    """An architecture with the values of its parameters; of many, those that matter most."""
    response = study.responses.get(next(iter(study.plan.objectives)))
    ranked = [] if response is None else [swing.parameter for swing in response.whole.swings()]
    columns = study.design_columns
    values = settings(row, {name: columns[name] for name in ranked if name in columns} or columns)
    more = len(values) - NAMED
    if more > 1:
        values = [*values[:NAMED], f"{more} more values (below)"]
    return f"{row[ARCHITECTURE]}" + (f" with {listed(values)}" if values else "")


def gain_text(best: Best) -> str:
    """How much better than the worst design; empty where that says nothing."""
    if best.gain is None or best.of < 2:
        return ""
    slow = best.figure.endswith("_ps")
    words = "faster than the slowest" if slow else "better than the worst"
    return f"{times(best.gain)} {words} of {best.of:,} designs"


def _best_sentence(study: Study) -> str:
    objective = next(iter(study.plan.objectives))
    best = next((b for b in study.best if b.figure == objective and not b.case), None)
    if best is None:
        return (
            "No design ran on every workload, so none is best over all of them; see the best of "
            "each workload below."
        )
    count = len(study.designs.cases)
    mean = f" ({study.designs.means[objective]} over {count} workloads)" if count > 1 else ""
    text = (
        f"Best in {name_text(objective)} is {design_text(study, best.row.to_dict())}: "
        f"{figure_text(objective, best.value)}{mean}"
    )
    parts = [part for part in [gain_text(best)] if part]
    over = speedup_of(study, best)
    if over is not None:
        parts.append(
            f"{times(over)} the speed of the baseline {study.plan.baseline} at equal values"
        )
    return text + (f", {listed(parts)}." if parts else ".")


def _knee_sentence(study: Study) -> list[str]:
    if not study.fronts:
        return []
    front = study.fronts[0]
    first, second = (name_text(name) for name in front.objectives)
    if front.knee is None:
        count = len(front.points)
        of = f"{count} design" + "s" * (count > 1)
        return [f"The front of {first} and {second} has no knee ({of})."]
    row = study.designs.complete().iloc[front.points[front.knee]]
    said = " and ".join(figure_text(name, float(row[name])) for name in front.objectives)
    design = design_text(study, row.to_dict())
    return [
        f"The knee of {first} against {second} is {design}: {said}, one of {len(front.points)} "
        "designs on the front."
    ]


def _matter_sentences(study: Study) -> list[str]:
    objective = next(iter(study.plan.objectives))
    if objective not in study.responses:
        return [f"What matters is not studied: {study.not_studied[objective]}."]
    whole = study.responses[objective].whole
    swings = whole.swings()
    name = name_text(objective)
    found = []
    top = swings[0]
    if top.range >= NO_EFFECT:
        column = top.parameter
        share = whole.main.get(column)
        variance = "" if share is None else f", {percent(share)} of the variance of its logarithm"
        found.append(
            f"{study.columns[column]} matters most: {name} is {times(top.range)} as much at "
            f"{level_text(column, top.highest.level)} as at "
            f"{level_text(column, top.lowest.level)}{variance}."
        )
    idle = [study.columns[s.parameter] for s in swings if s.range < NO_EFFECT]
    if idle:
        more = len(idle) - NAMED
        named = listed(idle) if more <= 0 else f"{', '.join(idle[:NAMED])} and {more} more"
        found.append(f"Less than 1 % on its own: {named}.")
    return found
