"""Area and energy on the console: of a run, of a comparison, and of a machine by component."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.text import Text

from accelsim.analysis.comparison import NOT_ESTABLISHED
from accelsim.cost.figure import Figure
from accelsim.hardware.area import Breakdown
from accelsim.hardware.columns import group_column
from accelsim.hardware.compared import Costs
from accelsim.hardware.component import GROUPS, OFF_CHIP
from accelsim.hardware.energy import Energy
from accelsim.hardware.known import Shares, energy_shares
from accelsim.hardware.ratio import Ratio
from accelsim.report.energy_words import beside_baseline
from accelsim.report.layout import titled, whole_table
from accelsim.report.words import ROLE_TITLES, as_energy, energy_unit, percent, short, times

_FIGURES = ("area_mm2", "area_low_mm2", "area_high_mm2", "leakage_w", "peak_power_w")


def cost_lines(energy: Energy, area: Breakdown) -> list[Text]:
    """Energy and area of a run in lines, with the table's name."""
    s = energy.summary
    low, high = (as_energy(s[f"energy_{end}_pj"]) for end in ("low", "high"))
    spent = (
        f"{as_energy(s['energy_pj'])} ({low} to {high}), {short(s['power_w'])} W, "
        f"{as_energy(s['token_pj'])} a token"
    )
    of_it = f"{s['tops_per_w']:.3g} TOPS/W; energy-delay product {s['edp_js']:.3g} J s"
    made = f"{ends(area.area_mm2)} mm2, for sparsity alone {ends(area.sparse_mm2)} mm2"
    peak = f"{ends(area.peak_power_w)} W, DRAM beside it {ends(area.dram_power_w)} W"
    return [
        titled(f"energy by {energy.table}", spent),
        titled("efficiency", of_it),
        titled(f"area by {area.table}", made),
        titled("peak power", peak),
        known_line([energy], [area]),
    ]


def known_line(energies: Iterable[Energy], areas: Iterable[Breakdown]) -> Text:
    """How much of the energy and the area of machines hangs on figures that are not known well."""
    energies = list(energies)
    spent = [energy_shares(energy.actions) for energy in energies]
    made = [area.known for area in areas]
    text = (
        f"{energies[0].table}; of the energy {_unverified(spent)} on figures not looked up,"
        f" {_least_to_most([each.guessed for each in spent])} assumed or scaled; of the area"
        f" {_unverified(made)} and {_least_to_most([each.guessed for each in made])}"
    )
    return titled("figures", text)


def _unverified(shares: Sequence[Shares]) -> str:
    """The part that was not looked up, and what has most of it."""
    largest = max(shares, key=lambda each: each.unverified)
    most = f" (most of it {largest.most})" if largest.most else ""
    return _least_to_most([each.unverified for each in shares]) + most


def _least_to_most(parts: Sequence[float]) -> str:
    """Parts of one, of several machines: "9.8 to 10.3 %"."""
    low, high = percent(min(parts)), percent(max(parts))
    return high if low == high else f"{low.removesuffix(' %')} to {high}"


def group_table(energy: Energy, area: Breakdown) -> RenderableType:
    """Energy, area and power by group of components."""
    spent = {group: energy.operators[group_column(group)].sum() for group in GROUPS}
    whole = max(energy.summary["energy_pj"], 1e-300)
    unit, size = energy_unit(whole / 10)
    out = whole_table(
        ["hardware"], [f"energy {unit}", "share", "area mm2", "peak W", "leakage W"], "most energy"
    )
    named = ["area_mm2", "peak_power_w", "leakage_w"]
    sums = {name: area.rows.groupby("group")[name].sum().to_dict() for name in named}
    for group in (each for each in GROUPS if each in sums["area_mm2"]):
        figures = [_fine(sums[name][group]) for name in named]
        if group == OFF_CHIP:
            figures[0] = "off chip"
        out.add_row(
            group, _fine(spent[group] / size), percent(spent[group] / whole), *figures,
            _most(energy, group),
        )  # fmt: skip
    out.caption = f"figures: {energy.table}"
    out.caption_justify = "left"
    return out


def _most(energy: Energy, group: str) -> str:
    """The action of a group that takes most energy."""
    rows = energy.actions[energy.actions["group"] == group]
    sums: dict[tuple[str, str], float] = {}
    for component, action, spent in zip(
        rows["component"], rows["action"], rows["energy_pj"], strict=True
    ):
        sums[component, action] = sums.get((component, action), 0.0) + float(spent)
    (component, action), largest = max(
        sums.items(), key=lambda item: item[1], default=(("", ""), 0.0)
    )
    return f"{component}: {action}" if largest else ""


def compared_costs(costs: Costs) -> list[RenderableType]:
    """Area and energy of every role, and their ratios with ranges."""
    largest = max(energy.summary["energy_pj"] for energy in costs.energies.values())
    unit, size = energy_unit(largest / 10)
    titles = [
        "area mm2", "for sparsity", f"energy {unit}", "range", "a token", "TOPS/W", "EDP J s",
        "peak W",
    ]  # fmt: skip
    out = whole_table(["machine"], titles)
    for role, energy in costs.energies.items():
        s, area = energy.summary, costs.areas[role]
        low, high = (short(s[f"energy_{end}_pj"] / size) for end in ("low", "high"))
        out.add_row(
            ROLE_TITLES[role], short(area.area_mm2.value), short(area.sparse_mm2.value),
            short(s["energy_pj"] / size), f"{low} to {high}", as_energy(s["token_pj"]),
            f"{s['tops_per_w']:.3g}", f"{s['edp_js']:.3g}", short(area.peak_power_w.value),
        )  # fmt: skip
    out.caption = "peak W without DRAM"
    out.caption_justify = "left"
    lines = [
        titled(quantity, ratio_line(ROLE_TITLES[role], quantity, ratios[role], costs.table))
        for quantity, ratios in (("energy", costs.energy_ratios), ("area", costs.area_ratios))
        for role in ("candidate", "third")
        if role in ratios
    ]
    return [out, *lines, known_line(costs.energies.values(), costs.areas.values())]


def ratio_line(who: str, quantity: str, ratio: Ratio, table: str) -> str:
    """A ratio as words: ``candidate 1.10x less than baseline (...)``; never below 1x."""

    def said(value: float) -> str:
        return f"{times(max(value, 1 / value))} {beside_baseline(quantity, value)}"

    if ratio.low == ratio.high == 1:
        return f"{who} the same as baseline"
    start = f"{who} {said(ratio.value)} than baseline"
    if not ratio.established:
        return (
            f"{start}, but {said(ratio.low)} to {said(ratio.high)} over the ranges of {table}: "
            f"{NOT_ESTABLISHED}, it hangs on {ratio.decided_by}"
        )
    low, high = sorted(max(value, 1 / value) for value in (ratio.low, ratio.high))
    return (
        f"{start} ({times(low)} to {times(high)} over the ranges of {table}; decided by "
        f"{ratio.decided_by})"
    )


def area_lines(area: Breakdown) -> list[str]:
    """Area, leakage and peak power by component, with subtotals, as lines of plain text."""
    rows = area.rows
    lines = [
        f"area and power by the cost table {area.table}; * is there for sparsity alone",
        _row("", ["area mm2", "low to high", "leakage mW", "peak W"], ""),
    ]
    for group in (each for each in GROUPS if (rows["group"] == each).any()):
        own = rows[rows["group"] == group]
        if len(own) > 1:
            lines.append(_summed(group, own))
        before = "  " if len(own) > 1 else f"{group}: "
        lines += [_of_component(before, row) for row in own.to_dict("records")]
    chip = rows[rows["group"] != OFF_CHIP]
    lines.append(_summed("chip", chip, _marks([area.area_mm2, area.peak_power_w])))
    share = percent(area.sparse_mm2.value / max(area.area_mm2.value, 1e-300))
    return [*lines, f"for sparsity alone: {ends(area.sparse_mm2)} mm2, {share} of the chip"]


def taken_as(area: Breakdown) -> list[tuple[str, str]]:
    """What each component is taken as: name and note."""
    return [(str(row["component"]), str(row["note"])) for row in area.as_json() if row["note"]]


def _summed(name: str, rows: pd.DataFrame, marks: str = "") -> str:
    """The line of several components."""
    return _row(name, _figures({each: rows[each].sum() for each in _FIGURES}), marks)


def _of_component(before: str, row: Mapping[Any, Any]) -> str:
    marks = [row["mark"]] * (row["mark"] in ("assumed", "scaled"))
    marks += ["unverified"] * bool(row["unverified"])
    figures = _figures(row)
    if row["group"] == OFF_CHIP:
        figures = ["off chip", "", *figures[2:]]
    return _row(f"{before}{row['component']}" + " *" * row["sparse"], figures, ", ".join(marks))


def _figures(row: Mapping[Any, Any]) -> list[str]:
    """Area, its range, leakage in mW, peak power in W."""
    area, low, high, leakage, peak = (float(row[name]) for name in _FIGURES)
    span = f"{_fine(low)} to {_fine(high)}" if high else ""
    return [_fine(area), span, _fine(1000 * leakage), _fine(peak)]


def _fine(value: float) -> str:
    """Down to a thousandth; "-" for nothing."""
    if not value:
        return "-"
    if value >= 1:
        return short(value)
    return f"{value:.3f}" if value >= 0.0005 else "<0.001"


def _row(name: str, figures: Sequence[str], marks: str) -> str:
    area, span, leakage, peak = figures
    return f"{name:<34}{area:>9}{span:>17}{leakage:>11}{peak:>8}  {marks}".rstrip()


def _marks(figures: Iterable[Figure]) -> str:
    found = [figure.mark for figure in figures if figure.mark in ("assumed", "scaled")]
    unverified = any(figure.unverified for figure in figures)
    return ", ".join([*dict.fromkeys(found), *["unverified"] * unverified])


def ends(figure: Figure) -> str:
    """A figure with its range, without its unit: "30.9 (16.5 to 58.9)"."""
    return f"{short(figure.value)} ({short(figure.low)} to {short(figure.high)})"
