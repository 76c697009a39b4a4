"""Area and energy in sentences: against the baseline, with ranges, and on what they rest."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.analysis.comparison import NOT_ESTABLISHED, Comparison
from accelsim.arch.load import content_hash
from accelsim.hardware.compared import Costs
from accelsim.hardware.ratio import Ratio
from accelsim.report.terms import machines, shown_results
from accelsim.report.words import as_energy, percent, square_mm, times, verdict_and_reason

SPARSE = "gather, scatter, index, FIFOs, row buses, switches"


# What a machine is beside the baseline where a ratio is above 1, and where it is below: energies
# are baseline / machine, areas machine / baseline.
SIDES = {"energy": ("less", "more"), "area": ("larger", "smaller")}


def against_baseline(quantity: str, ratio: Ratio) -> str:
    """Whether a machine has less or more than the baseline, or that this is not established."""
    return beside_baseline(quantity, ratio.value) if ratio.established else NOT_ESTABLISHED


def beside_baseline(quantity: str, value: float) -> str:
    """The word for a ratio's value: less or more energy, a larger or smaller area."""
    above, below = SIDES[quantity]
    return above if value >= 1 else below


def verdict_text(quantity: str, ratio: Ratio) -> str:
    """Less or more than the baseline; where that is open, the entry of the table that decides."""
    return verdict_and_reason(against_baseline(quantity, ratio), ratio.decided_by)


def ratio_text(ratio: Ratio) -> str:
    """A ratio with its range: "1.10x (1.07x to 1.18x)"."""
    return f"{times(ratio.value)} ({times(ratio.low)} to {times(ratio.high)})"


def energy_line(comparison: Comparison, costs: Costs) -> str:
    """Energy of baseline and candidate, and their ratio."""
    first, last = (
        as_energy(costs.energies[role].summary["energy_pj"]) for role in ("baseline", "candidate")
    )
    return (
        f"energy of {comparison.trace.name}: baseline {first}, candidate {last}; "
        f"{energy_ratio_text(costs)}"
    )


def energy_ratio_text(costs: Costs) -> str:
    """In words: "baseline / candidate 1.10x (1.07x to 1.18x): the candidate needs less"."""
    ratio = costs.energy_ratios["candidate"]
    said = verdict_text("energy", ratio)
    if ratio.established:
        said = f"the candidate needs {said}"
    return f"baseline / candidate {ratio_text(ratio)}: {said}"


def area_line(comparison: Comparison, costs: Costs) -> str:
    """Area of every machine, of the sparse logic in it, and the table that both are by."""
    said = []
    for role, result in shown_results(comparison).items():
        made = costs.areas[role]
        share = made.sparse_mm2.value / max(made.area_mm2.value, 1e-300)
        text = f"{result.arch.name} {square_mm(made.area_mm2.value)}"
        text += f", of it sparse logic {square_mm(made.sparse_mm2.value)} ({percent(share)})"
        if role != "baseline":
            ratio = costs.area_ratios[role]
            text += f", {ratio_text(ratio)} of the baseline: {verdict_text('area', ratio)}"
        said.append(text)
    return f"area by cost table {costs.table}: {'; '.join(said)}"


def area_lines(comparisons: Sequence[Comparison], costs: Sequence[Costs]) -> list[str]:
    """A line for each set of machines."""
    return [area_line(*pair) for pair in sets_of_machines(comparisons, costs)]


def sets_of_machines(
    comparisons: Sequence[Comparison], costs: Sequence[Costs]
) -> list[tuple[Comparison, Costs]]:
    """The first comparison of each set of machines; scaled ones may share a name."""
    found: dict[tuple[tuple[str, str], ...], tuple[Comparison, Costs]] = {}
    for pair in zip(comparisons, costs, strict=True):
        key = tuple((arch.name, content_hash(arch)) for arch in machines(pair[0]))
        found.setdefault(key, pair)
    return list(found.values())


def rests_on(costs: Sequence[Costs]) -> str:
    """What a reader must know of the table, with how much of the energy was not looked up."""
    shares = [e.summary["unverified_share"] for cost in costs for e in cost.energies.values()]
    least, most = min(shares), max(shares)
    span = (
        percent(most) if percent(least) == percent(most) else f"{percent(least)} to {percent(most)}"
    )
    names = ", ".join(dict.fromkeys(cost.table for cost in costs))
    return (
        f"Energy and area: by cost table {names}, not of a layout; {span} of the energy is on "
        "figures that were not looked up (unverified)."
    )


def sparse_cost(comparisons: Sequence[Comparison], costs: Sequence[Costs]) -> str:
    """The answer to what the sparse logic costs."""
    areas = "; ".join(area_lines(comparisons, costs))
    energies = "; ".join(energy_line(c, cost) for c, cost in zip(comparisons, costs, strict=True))
    return (
        f"{_capital(areas)}. {_capital(energies)}. Sparse logic: {SPARSE}. Each figure has its "
        "source and mark in energy_actions.csv and costs/. Of MACs and SRAM that could be given up "
        "for it: the break-even table."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
