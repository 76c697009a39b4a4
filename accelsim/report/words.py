"""The report's words: names of roles, who pays for the indices, and figures as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from accelsim.analysis.comparison import NOT_ESTABLISHED, AtEqual, Comparison, OverRange, rival_of
from accelsim.analysis.limits import leading_limit
from accelsim.analysis.result import Result
from accelsim.workload.trace import Trace

ROLE_TITLES = {
    "baseline": "baseline",
    "third": "+gather",
    "candidate": "candidate",
    "candidate_dense": "sparsity off",
}

SELECTION_WORDS = {
    "static": "free: the pattern is fixed, nothing chooses keys",
    "model": "the model's own index operator; every machine runs and pays it",
    "from_scores": "paid: every score and the top-k are charged, only softmax and PV are sparse",
    "accelerator": "the candidate pays a predictor; the baseline runs exact dense attention",
    "oracle": "nobody pays: the indices are free, so the speedup is an upper bound",
}

LEVEL_WORDS = {"simple": "simplified", "request": "request level", "train": "train level"}

TINY_CAPTION = "byte-level text of one language, 4 layers: not evidence about frontier models"

NOT_MODELLED_OF_DRAM = {
    "simple": "DRAM commands, bank groups and write turnarounds (request level): DRAM is "
    "simplified to bursts, activate intervals and refresh",
    "train": "DRAM commands of contiguous pieces of 1 KiB and more while no other unit has shorter "
    "ones (they take turns on the bus at paces measured command by command); all else is replayed "
    "command by command",
    "request": "of DRAM: power-down, refresh of single banks, closed-page policy, errors; of its "
    "controller: priorities between units and ages of requests",
}
ONE_PLACEMENT = (
    "the spread over placements of tensors: one here, see accelsim compare --placements 5"
)
NOT_MODELLED = (
    "of area and energy: the clock tree, control of PEs, multiplexers between shapes and types, "
    "pads, test logic; temperature and supply; and area and energy are of a cost table, not of a "
    "layout",
    "arbitration in an on-chip network: units reach the scratchpad over fixed port shares",
    "fusion across operators: a result passes through DRAM unless four such tensors fit the "
    "activation storage; equal on all machines",
    ONE_PLACEMENT,
    "what other requests do meanwhile: a run has the machine to itself, and begins with empty "
    "buffers (the first of several steps is shown apart)",
)

_TIME_UNITS = (("s", 1e12), ("ms", 1e9), ("us", 1e6), ("ns", 1e3), ("ps", 1.0))
_ENERGY_UNITS = (("J", 1e12), ("mJ", 1e9), ("uJ", 1e6), ("nJ", 1e3), ("pJ", 1.0))
_LAYER = re.compile(r"(?<![^.])([A-Za-z]?)\d+(?![^.])")  # a whole part between dots


def time_unit(longest_ps: float) -> tuple[str, float]:
    """Name and picoseconds of the unit in which a time is at least 1."""
    return next((unit for unit in _TIME_UNITS if longest_ps >= unit[1]), _TIME_UNITS[-1])


def energy_unit(largest_pj: float) -> tuple[str, float]:
    """Name and picojoules of the unit in which an energy is at least 1."""
    found = (unit for unit in _ENERGY_UNITS if largest_pj >= unit[1])
    return next(found, _ENERGY_UNITS[-1])


def short(value: float) -> str:
    """About three significant digits, thousands with commas."""
    magnitude = abs(value)
    if magnitude >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if magnitude >= 10 else f"{value:.2f}"


def as_time(time_ps: float) -> str:
    """A time with its unit: "166 us"."""
    name, size = time_unit(time_ps)
    return f"{short(time_ps / size)} {name}"


def as_bytes(size: float) -> str:
    """A size with its unit: "52.3 MiB"."""
    for name, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor:
            return f"{short(size / factor)} {name}"
    return f"{size:.0f} B"


def times(speedup: float | None) -> str:
    """A speedup: "1.17x"; "-" if there is none."""
    return "-" if speedup is None else f"{short(speedup)}x"


def count(number: float) -> str:
    """A whole number, thousands with commas."""
    return f"{number:,.0f}"


def percent(part: float) -> str:
    """A part of one: "38.2 %"."""
    return f"{100 * part:.1f} %"


def square_mm(area_mm2: float) -> str:
    """An area: "12.3 mm2"."""
    return f"{area_mm2:,.3g} mm2" if area_mm2 < 1000 else f"{area_mm2:,.0f} mm2"


def as_energy(energy_pj: float) -> str:
    """An energy with its unit: "15.5 mJ"."""
    name, size = energy_unit(energy_pj)
    return f"{short(energy_pj / size)} {name}"


def equal_range_lines(comparison: Comparison) -> list[str]:
    """What scaling made of the speedups of a workload, a line for each machine scaled."""
    equal = comparison.at_equal
    if equal is None:
        return []
    said = {role: equal_range_text(over, equal) for role, over in equal.ranges.items()}
    said |= {role: unseen_range_text(why, equal.table) for role, why in equal.remarks.items()}
    return [
        f"{comparison.trace.name}, candidate over"
        f" {ROLE_TITLES[rival_of(role)]} at equal {equal.measure}: {said[role]}"
        for role in equal.machines
        if role in said
    ]


def unseen_range_text(why: str, table: str) -> str:
    """That the range of a cost table was not looked at."""
    return f"the range of {table} was not looked at: {why}"


def equal_range_text(over: OverRange, equal: AtEqual) -> str:
    """What scaling made of a speedup, and what the range of the cost table makes of it."""
    least, most = times(over.spread.minimum), times(over.spread.maximum)
    text = (
        f"{times(over.speedups[0])} ({times(over.before)} as they are); over the ranges of"
        f" {equal.table}, which put the {equal.measure} of the {ROLE_TITLES[equal.like]} at"
        f" {times(over.low)} to {times(over.high)} of it, {least} to {most}: {over.spread.verdict}"
    )
    return text + f" ({over.decided_by} decides)" * (over.spread.verdict == NOT_ESTABLISHED)


def verdict_and_reason(said: str, decided_by: str) -> str:
    """A verdict; where it is open, also the entry of the cost table that decides."""
    return f"{said}: {decided_by} decides" if said == NOT_ESTABLISHED else said


def limit_text(result: Result) -> str:
    """What holds most of a machine's critical path: "DRAM reads 64 %"."""
    limit, share = leading_limit(result.operators)
    return f"{limit} {100 * share:.0f} %"


def placements_text(comparison: Comparison) -> str:
    """How far every speedup over the baseline moves with the place of the tensors in DRAM."""
    parts = []
    for role in comparison.results:
        if role != "baseline":
            over = comparison.placement_spread(role)
            ends = f"{over.minimum:.3f}x to {over.maximum:.3f}x"
            parts.append(f"{ROLE_TITLES[role]} {ends}: {over.verdict}")
    return ", ".join(parts)


def without_layer(scope: str) -> str:
    """A scope with its layer numbers replaced: "L3.moe" gives "L*.moe"."""
    return _LAYER.sub(r"\1*", scope)


def selection_lines(comparison: Comparison) -> list[str]:
    """Who pays for the indices, one line for each kind of selection."""
    found = comparison.selections()
    if not found:
        return ["no attention operator is sparse: there are no indices to pay for"]
    return [f"{name} ({count}): {SELECTION_WORDS[name]}" for name, count in found.items()]


def is_upper_bound(comparison: Comparison) -> bool:
    """Whether some indices are free to all that a real machine would have to compute."""
    return "oracle" in comparison.selections()


def quality_text(trace: Trace) -> str:
    """What the selection costs in quality, or that this is unknown."""
    quality: Mapping[str, Any] = trace.quality or {}
    exact, replayed = quality.get("loss_exact_attention"), quality.get("loss_replayed_selection")
    if exact is None or replayed is None:
        if all(getattr(op, "pattern", None) is None for op in trace.operators):
            return "nothing is left out"
        return "unknown quality: the loss at this selection was not measured"
    unit = quality.get("unit", "")
    return f"loss {exact:.4f} with exact attention, {replayed:.4f} as replayed ({unit})"


def replay_text(trace: Trace) -> str:
    """That operators stand for several, or nothing."""
    whole = sum(op.repeat for op in trace.operators)
    count = len(trace.operators)
    if whole == count:
        return ""
    return f"{count} operators are replayed for {whole}: those of equal layers count several times"


def replay_sentence(trace: Trace) -> str:
    """The same as a further sentence under a picture over time, which shows the replay alone."""
    text = replay_text(trace)
    return f" Time of the replay: {text} in all totals, here once." if text else ""


def notes_of(results: Iterable[Result]) -> list[str]:
    """Notes of several results, each once."""
    return list(dict.fromkeys(note for result in results for note in result.notes))


def origin_text(trace: Trace) -> str:
    """Synthetic, or taken from a model, and how far that goes; and the type of a replay."""
    replay = f"; replayed in {trace.replayed_in}" if trace.replayed_in else ""
    return _origin(trace) + replay


def _origin(trace: Trace) -> str:
    if trace.synthetic:
        return "synthetic: generated from parameters, taken from no model"
    if trace.name.startswith("tiny_"):
        return TINY_CAPTION
    return f"captured: {trace.model}" if trace.model else "captured from a model"
