"""Every picture that can be asked for by name: what it shows, what it needs, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from accelsim.analysis.comparison import Comparison
from accelsim.analysis.result import Result
from accelsim.arch.spec import Arch
from accelsim.cost.load import DEFAULT_TABLE, load_cost_table
from accelsim.errors import InputError, unknown_name
from accelsim.hardware.compared import Costs, costs_of
from accelsim.report import gallery_tables as tables
from accelsim.report.plots import (
    ablation,
    area,
    bandwidth,
    bank_conflicts,
    breakdown,
    density,
    energy,
    expert_load,
    flip,
    gantt,
    index_cost,
    interaction,
    key_reuse,
    pareto,
    pattern_map,
    roofline,
    speedup,
    spread,
    sram_fit,
    tornado,
    utilisation,
    validation,
    what_if,
)
from accelsim.report.robustness_pictures import ablation_of, flips_of, spread_of
from accelsim.report.sweep_study import Study
from accelsim.report.sweep_tables import effects_table, pairs_table, pareto_table
from accelsim.report.tables import expert_table, reuse_table
from accelsim.report.terms import shown_results
from accelsim.sweep.robustness import Robustness
from accelsim.sweep.trios import BIG
from accelsim.sweep.what_if import WhatIf
from accelsim.workload.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Needs(StrEnum):
    """What a picture is drawn from; the value says it in words."""

    COMPARISON = "a baseline, a candidate and workloads"
    RUN = "a machine, or a baseline and a candidate, and workloads"
    WHAT_IF = "a machine and a workload"
    ROBUSTNESS = "a baseline, a candidate and a workload"
    TRACE = "workloads"
    SWEEP = "the folder of a sweep"
    VALIDATION = "nothing; it runs all validation suites"
    DENSITY = "nothing; it runs the density sweep"
    NOTHING = "nothing"


class Runs(NamedTuple):
    """Results by role, one group a workload; `window_ps` : the part of the time asked for."""

    groups: Sequence[Mapping[str, Result]]
    window_ps: tuple[int, int] | None


class Changes(NamedTuple):
    """What `accelsim.sweep.what_if` found for a machine and a workload."""

    arch: Arch
    trace: Trace
    before_ps: int
    changes: Sequence[WhatIf]


class Studied(NamedTuple):
    """A comparison, and the part of its robustness that a picture shows."""

    found: Robustness
    comparison: Comparison


class Entry(NamedTuple):
    """A picture of the gallery.

    `prepare` : source -> data of the pictures, by what is added to the name where there are
    several. Sources by `Needs`: list[Comparison], Runs, Changes, Studied, list[Trace], Study, pairs
    of `validation.page.points`, list[DensityPoint], None. `table` : what stands behind a picture.
    """

    about: str
    needs: Needs
    prepare: Callable[[Any], Mapping[str, Any]]
    draw: Callable[[Any], Figure]
    table: Callable[[Any], pd.DataFrame] | None = None


def entry(name: str) -> Entry:
    """The entry of a name.

    Raises
    ------
    InputError
        No picture has this name.
    """
    if name not in GALLERY:
        raise unknown_name("plot", name, GALLERY)
    return GALLERY[name]


def _each(
    draw_from: Callable[[Comparison], Any],
) -> Callable[[Sequence[Comparison]], dict[str, Any]]:
    """A picture a workload."""
    return lambda comparisons: {c.trace.name: draw_from(c) for c in comparisons}


def _with_costs(
    prepare: Callable[[Sequence[Comparison], Sequence[Costs]], Any],
) -> Callable[[Sequence[Comparison]], dict[str, Any]]:
    """A picture of what comparisons cost by the table that is taken unless another is named."""

    def prepared(comparisons: Sequence[Comparison]) -> dict[str, Any]:
        table = load_cost_table(DEFAULT_TABLE)
        return {"": prepare(comparisons, [costs_of(c, table) for c in comparisons])}

    return prepared


def _each_run(
    draw_from: Callable[[Mapping[str, Result]], Any],
) -> Callable[[Runs], dict[str, Any]]:
    return lambda runs: {_workload(group): draw_from(group) for group in runs.groups}


def _workload(group: Mapping[str, Result]) -> str:
    return next(iter(group.values())).trace.name


def _gantts(runs: Runs) -> dict[str, Any]:
    found = {}
    for group in runs.groups:
        windows = None
        if runs.window_ps is not None:
            windows = [runs.window_ps] * len(group)
            longest = max(result.replayed_ps for result in group.values())
            if runs.window_ps[0] >= longest:
                raise InputError(
                    f"holds no task; the run ends at {longest / 1e6:,.3f} us", where="--window",
                    remedy="name an earlier part of it",
                )  # fmt: skip
        found[_workload(group)] = gantt.prepare(group, windows)
    return found


def _bank_conflicts(runs: Runs) -> dict[str, Any]:
    roles = runs.groups[0]
    return {"": bank_conflicts.prepare({role: [g[role] for g in runs.groups] for role in roles})}


def _there(data: Any, what: str) -> dict[str, Any]:
    if data is None:
        raise InputError(f"no workload named has {what}", remedy="name another workload")
    return {"": data}


def _only(pictures: Iterable[Any], what: str) -> dict[str, Any]:
    return _there(next(iter(pictures), None), what)


def _flips(studied: Studied) -> dict[str, Any]:
    return flips_of(*studied) or _there(None, "an axis to move along")


def _kept_keys(traces: Sequence[Trace]) -> dict[str, Any]:
    found = {trace.name: pattern_map.prepare(trace) for trace in traces}
    kept = {name: data for name, data in found.items() if data is not None}
    return kept or _there(None, "a sparse attention")


def _key_reuse(traces: Sequence[Trace]) -> dict[str, Any]:
    curves = key_reuse.prepare(traces)
    return _there(curves if curves.lines else None, "a sparse attention")


def _expert_load(traces: Sequence[Trace]) -> dict[str, Any]:
    found = {trace.name: expert_load.prepare([trace]) for trace in traces}
    loads = {name: data for name, data in found.items() if data is not None}
    return loads or _there(None, "experts")


def _fronts(study: Study) -> dict[str, Any]:
    if not study.fronts:
        raise InputError("there is no front to draw", remedy=study.without_front)
    return {"_".join(f.objectives): pareto.prepare(study, f) for f in study.fronts}


def _responses(study: Study) -> dict[str, Any]:
    if not study.responses:
        why = "; ".join(f"{name}: {text}" for name, text in study.not_studied.items())
        raise InputError("no objective could be studied", remedy=why)
    return {name: tornado.prepare(study, name, r) for name, r in study.responses.items()}


def _interactions(study: Study) -> dict[str, Any]:
    found = {name: interaction.prepare(study, name, r) for name, r in study.responses.items()}
    judged = {name: data for name, data in found.items() if data is not None}
    if not judged:
        raise InputError("no pair of parameters could be judged", remedy="run more points")
    return judged


GALLERY: dict[str, Entry] = {
    "speedup": Entry(
        "speedup of every machine over the baseline, by workload, with the geometric mean",
        Needs.COMPARISON, lambda c: {"": speedup.prepare(c)}, speedup.draw, tables.speedups,
    ),
    "energy": Entry(
        "energy by unit of every machine and workload, DRAM devices apart, with its range",
        Needs.COMPARISON, _with_costs(energy.prepare), energy.draw, tables.energy,
    ),
    "area": Entry(
        "area of every machine by unit, with what is there for sparsity alone",
        Needs.COMPARISON, _with_costs(area.prepare), area.draw, tables.area,
    ),
    "breakdown": Entry(
        "where the time goes: the critical path by kind of operator, machine and cause",
        Needs.COMPARISON, _each(breakdown.prepare), breakdown.draw, tables.breakdown,
    ),
    "utilisation": Entry(
        "how well every unit is used over time",
        Needs.COMPARISON, _each(utilisation.prepare), utilisation.draw, tables.utilisation,
    ),
    "roofline": Entry(
        "MAC/s that each operator reached, under the peaks of the array and of the DRAM",
        Needs.COMPARISON, lambda c: {"": roofline.prepare(c)}, roofline.draw, tables.roofline,
    ),
    "gantt": Entry(
        "who ran when: servers of units as rows, operators as colours, the critical path",
        Needs.RUN, _gantts, gantt.draw, tables.gantt,
    ),
    "bandwidth": Entry(
        "DRAM bandwidth of every requester and how full buffers are, over time",
        Needs.RUN, _each_run(bandwidth.prepare), bandwidth.draw, tables.bandwidth,
    ),
    "bank_conflicts": Entry(
        "lines that wait in a read's scratchpad bank, and the time that conflicts cost",
        Needs.RUN, _bank_conflicts, bank_conflicts.draw, tables.bank_conflicts,
    ),
    "what_if": Entry(
        "what every unit twice as fast, and every buffer twice as large, would gain",
        Needs.WHAT_IF, lambda changes: {"": what_if.prepare(*changes)}, what_if.draw,
        tables.what_if,
    ),
    "flip": Entry(
        "how far each axis must move until another machine wins, a picture a rival",
        Needs.ROBUSTNESS, _flips, flip.draw, tables.flip,
    ),
    "ablation": Entry(
        "the speedup without each unit of the candidate",
        Needs.ROBUSTNESS, lambda s: _only(ablation_of(*s), "a unit to take away"), ablation.draw,
        tables.ablation,
    ),
    "spread": Entry(
        "how far the speedup moves over layers, placements of tensors, seeds and texts",
        Needs.ROBUSTNESS, lambda s: _only(spread_of(*s), "a spread"), spread.draw, tables.spread,
    ),
    "key_reuse": Entry(
        "distinct keys of a tile of queries, and queries that share a fetched key",
        Needs.TRACE, _key_reuse, key_reuse.draw, reuse_table,
    ),
    "kept_keys": Entry(
        "where the kept keys of each attention lie", Needs.TRACE, _kept_keys, pattern_map.draw
    ),
    "expert_load": Entry(
        "tokens routed to each expert", Needs.TRACE, _expert_load, expert_load.draw, expert_table
    ),
    "pareto": Entry(
        "two objectives of every design of a sweep, with the front and its knee",
        Needs.SWEEP, _fronts, pareto.draw,
    ),
    "tornado": Entry(
        "how far each parameter of a sweep moves an objective",
        Needs.SWEEP, _responses, tornado.draw,
    ),
    "interaction": Entry(
        "which pairs of parameters of a sweep act together",
        Needs.SWEEP, _interactions, interaction.draw,
    ),
    "validation": Entry(
        "model against reference, every row of every suite",
        Needs.VALIDATION, lambda pairs: {"": validation.prepare(*pairs)}, validation.draw,
        tables.validation,
    ),
    "density": Entry(
        "speedup against density of one attention operator, and where it crosses 1",
        Needs.DENSITY, lambda points: {"": density.prepare(points, BIG)}, density.draw,
        tables.density,
    ),
    "index_cost": Entry(
        "MACs of choosing keys and of the attention over them, by context length",
        Needs.NOTHING, lambda _: {"": index_cost.prepare()}, index_cost.draw, tables.index_cost,
    ),
    "sram_fit": Entry(
        "energy and area of an SRAM against its size: the fit and the CACTI 7 points under it",
        Needs.NOTHING, lambda _: {"": sram_fit.prepare()}, sram_fit.draw, sram_fit.table,
    ),
}  # fmt: skip

# Tables of a sweep are of the whole study, not of one picture.
SWEEP_TABLES: dict[str, Callable[[Study], pd.DataFrame]] = {
    "pareto": pareto_table,
    "tornado": effects_table,
    "interaction": pairs_table,
}


def roles_of(comparison: Comparison) -> Mapping[str, Result]:
    """Results of a comparison as a group of `Runs`."""
    return shown_results(comparison)
