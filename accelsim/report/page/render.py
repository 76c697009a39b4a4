"""The page of a comparison or review: one file with its pictures inside, read without a network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from accelsim.analysis.columns import STATES
from accelsim.analysis.comparison import Comparison
from accelsim.arch.load import resolved_yaml
from accelsim.arch.spec import Arch
from accelsim.cost.resolved import resolved_yaml as resolved_costs
from accelsim.report.page import energy, head, robust
from accelsim.report.page.cells import PageTable, words_table
from accelsim.report.page.equal import equal_part, open_speedups
from accelsim.report.page.html import embedded, environment
from accelsim.report.page.ledger import Ledger
from accelsim.report.page.models import Validated, models_table
from accelsim.report.page.questions import answers
from accelsim.report.page.workload import hint_of_state, workload_part
from accelsim.report.study import Study
from accelsim.report.tables import GROUPS, csv_name
from accelsim.report.terms import dram_levels, dram_text, machines, role_meanings
from accelsim.report.verdict import caveats, verdict
from accelsim.report.words import (
    NOT_MODELLED,
    NOT_MODELLED_OF_DRAM,
    ONE_PLACEMENT,
    quality_text,
    selection_lines,
)
from accelsim.sweep.trios import is_control

TEMPLATE = "review.html.j2"


class Beside(NamedTuple):
    """What lies beside the page: tables by name (NAME.csv), pictures by name, other files."""

    tables: Mapping[str, pd.DataFrame]
    pictures: Mapping[str, Path]
    files: Sequence[str]
    provenance: Mapping[str, Any]


def render(study: Study, validated: Sequence[Validated], beside: Beside) -> str:
    """The page as text; `validated` is empty if no suite was run."""
    comparisons = study.comparisons
    archs = list({arch.name: arch for c in comparisons for arch in machines(c)}.values())
    of_dram = [NOT_MODELLED_OF_DRAM[level] for level in dram_levels(archs)]
    ledger = Ledger(beside.tables)
    gallery = embedded(beside.pictures)
    return (
        environment()
        .get_template(TEMPLATE)
        .render(
            gallery=gallery,
            title=head.title(comparisons),
            verdict=verdict(comparisons, study.robustness),
            caveats=caveats(comparisons, study.costs),
            limits=head.limits_table(comparisons, ledger),
            why=head.why(comparisons, ledger),
            terms=head.terms_of(comparisons),
            workloads=head.workload_list(comparisons, ledger),
            spreads=head.spreads(comparisons, ledger),
            roles=role_meanings(comparisons),
            parts=[workload_part(comparison, ledger) for comparison in comparisons],
            rooflines=[name for name in gallery.pictures if name.startswith("roofline")],
            robust=robust.part(study, ledger),
            energy=energy.part(study, ledger),
            equal=equal_part(study, ledger),
            open_speedups=open_speedups(study),
            payers=payers(comparisons),
            questions=words_table("", ("question", "answer"), answers(study)),
            not_modelled=[*of_dram, *not_modelled(study)],
            configurations=configurations(study, archs),
            models=models_table(archs, validated, ledger),
            dram=dram_text(archs),
            provenance=json.dumps(beside.provenance, indent=1, sort_keys=True),
            files=beside.files,
            glossary=glossary(),
        )
    )


def configurations(study: Study, archs: Sequence[Arch]) -> list[tuple[str, str, str]]:
    """Name, description and text of the machines and of the cost table."""
    table = study.cost_table
    return [
        *((arch.name, arch.description, resolved_yaml(arch)) for arch in archs),
        (f"cost table {table.name}", table.file.description, resolved_costs(table)),
    ]


def not_modelled(study: Study) -> list[str]:
    """What no figure of the page holds; placements where one workload at least has one only."""
    several = {c.trace.name for c in study.comparisons if c.elsewhere.get("baseline")}
    several |= {
        found.workload
        for found in study.robustness
        if any(each.over == "placements" for each in found.spreads)
    }
    every = {c.trace.name for c in study.comparisons if not is_control(c.trace.name)}
    return [line for line in NOT_MODELLED if line != ONE_PLACEMENT or not every <= several]


def payers(comparisons: Sequence[Comparison]) -> PageTable:
    """Who pays for the indices, and what the selection costs in quality."""
    rows = [
        (c.trace.name, line, quality_text(c.trace))
        for c in comparisons
        for line in selection_lines(c)
    ]
    return words_table("", ("workload", "selection (operators): who pays", "quality"), rows)


def glossary() -> list[PageTable]:
    """Every declared column with its unit and formula, and the states of units."""
    tables = [
        words_table(title, ("column", "unit", "formula"), [
            (csv_name(column), column.unit or "-", column.formula) for column in columns
        ])
        for title, columns in GROUPS
    ]  # fmt: skip
    states = [(state, hint_of_state(state)) for state in STATES]
    return [*tables, words_table("Unit states", ("state", "meaning"), states)]
