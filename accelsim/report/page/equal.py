"""What is equal by scaling: the speedups with machines as they are and as they were scaled."""

from __future__ import annotations

import math

from accelsim.analysis.comparison import Comparison, rival_of
from accelsim.report.page.cells import Head, PageTable, Shown, figure, text_head
from accelsim.report.page.ledger import Ledger
from accelsim.report.study import Study
from accelsim.report.tables import file_hint
from accelsim.report.words import ROLE_TITLES, times, unseen_range_text, verdict_and_reason

FILE = "equal"


def equal_part(study: Study, ledger: Ledger) -> PageTable | None:
    """A row a workload and rival that was scaled; None where no machine was."""
    rows = [row for comparison in study.comparisons for row in _rows(comparison, ledger)]
    if not rows:
        return None
    equals = [c.at_equal for c in study.comparisons if c.at_equal is not None]
    measure = equals[0].measure
    heads = [text_head("workload"), text_head("speedup of the candidate over")]
    heads += [Head("machines as they are", file_hint(FILE, "speedup_before"))]
    heads += [Head(f"at equal {measure}", file_hint(FILE, "speedup"))]
    heads += [Head("least", file_hint(FILE, "speedup_low"))]
    heads += [Head("largest", file_hint(FILE, "speedup_high")), text_head("the candidate is")]
    table = f", over the ranges of cost table {equals[0].table}" * bool(equals[0].table)
    return PageTable(f"At equal {measure}{table}", heads, rows)


def _rows(comparison: Comparison, ledger: Ledger) -> list[list[Shown]]:
    equal = comparison.at_equal
    found: list[list[Shown]] = []
    for role in () if equal is None else equal.machines:
        assert equal is not None
        over, why = equal.ranges.get(role), equal.remarks.get(role)
        if over is not None:
            said = verdict_and_reason(over.spread.verdict, over.decided_by)
        elif why is not None:
            said = unseen_range_text(why, equal.table)
        else:
            continue  # the measure has no range
        where = {"workload": comparison.trace.name, "role": role}
        cells: list[Shown] = [comparison.trace.name, ROLE_TITLES[rival_of(role)]]
        for name in ("speedup_before", "speedup", "speedup_low", "speedup_high"):
            here = ledger.only(FILE, name, **where)
            cells.append("-" if math.isnan(here.value) else figure(here, times))
        found.append([*cells, said])
    return found
