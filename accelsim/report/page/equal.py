"""What is equal by scaling: the speedups with machines as they are and as they were scaled."""

from __future__ import annotations

import math

from accelsim.analysis.comparison import NOT_ESTABLISHED, Comparison, rival_of
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
    heads = [text_head("workload"), text_head("over")]
    heads += [Head("as they are", file_hint(FILE, "speedup_before"))]
    heads += [Head(f"equal {measure}", file_hint(FILE, "speedup"))]
    heads += [Head("least", file_hint(FILE, "speedup_low"))]
    heads += [Head("most", file_hint(FILE, "speedup_high")), text_head("it is")]
    table = f", least and most by the ranges of cost table {equals[0].table}" * bool(
        equals[0].table
    )
    caption = f"Speedup of the candidate over its rivals as they are and at equal {measure}{table}"
    return PageTable(caption, heads, rows)


def open_speedups(study: Study) -> list[str]:
    """What decides where the sign of a speedup at equal area is not established."""
    return [
        f"{comparison.trace.name} over {ROLE_TITLES[rival_of(role)]} at equal"
        f" {comparison.at_equal.measure}: "
        f"{verdict_and_reason(over.spread.verdict, over.decided_by)}"
        for comparison in study.comparisons
        if comparison.at_equal is not None
        for role, over in comparison.at_equal.ranges.items()
        if over.spread.verdict == NOT_ESTABLISHED
    ]


def _rows(comparison: Comparison, ledger: Ledger) -> list[list[Shown]]:
    equal = comparison.at_equal
    found: list[list[Shown]] = []
    for role in () if equal is None else equal.machines:
        assert equal is not None
        over, why = equal.ranges.get(role), equal.remarks.get(role)
        if over is not None:
            said = over.spread.verdict
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
