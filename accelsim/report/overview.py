"""The console output of `accelsim review`: one row a workload, and the verdict."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from accelsim.analysis.comparison import Comparison
from accelsim.report.layout import WholeTable
from accelsim.report.review import Review
from accelsim.report.study import Study
from accelsim.report.suite_figures import GAINS
from accelsim.report.suite_findings import ratio_text
from accelsim.report.suite_review import SuiteReview
from accelsim.report.terms import equal_line
from accelsim.report.text import console
from accelsim.report.verdict import caveats, verdict
from accelsim.report.words import (
    ROLE_TITLES,
    as_time,
    is_upper_bound,
    limit_text,
    times,
)
from accelsim.sweep.break_even import BreakEven

OTHERS = ("third", "candidate", "candidate_dense")


def print_review(review: Review) -> None:
    """Print the table of workloads, the verdict and the place of the page."""
    console().print(overview(review.study), crop=False)
    console().print(Text.assemble(("report: ", "bold"), str(review.page)), soft_wrap=True)


def print_suite(review: SuiteReview) -> None:
    """Print a suite's table, its verdict and the place of the page."""
    figures = review.figures
    base, gather = figures.rivals(equal=figures.at_equal)
    over = [(role, "baseline") for role in OTHERS] + [("candidate", "third")]
    titles = [*(ROLE_TITLES[role] for role in OTHERS), "over +gather"]
    if figures.at_equal:
        over += [("candidate", base), ("candidate", gather)]
        titles += ["rivals scaled", "+gather scaled"]
    table = WholeTable(box=None, pad_edge=False, header_style="bold")
    table.add_column("speedup over baseline", no_wrap=True)
    for title in [*titles, "energy"]:
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("what pays")
    for workload in figures.workloads:
        pairs = [figures.pair(workload, role, against=rival) for role, rival in over]
        cells = ["refused" if pair is None else times(pair.speedup) for pair in pairs]
        cells.append(ratio_text(figures.energy_ratio(workload, "candidate", against=base)))
        gain = figures.gain(workload, equal=figures.at_equal)
        table.add_row(workload, *cells, GAINS[gain])
    console().print(Group(table, Text(), review.verdict, Text()), crop=False)
    console().print(Text.assemble(("report: ", "bold"), str(review.page)), soft_wrap=True)


def overview(study: Study) -> RenderableType:
    """Speedup of every machine on every workload, what limits the candidate, and the verdict."""
    table = WholeTable(box=None, pad_edge=False, header_style="bold")
    table.add_column("speedup over baseline", no_wrap=True)
    for title in ("baseline", *(ROLE_TITLES[role] for role in OTHERS)):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("could lose", justify="right", no_wrap=True)
    table.add_column("limited by", no_wrap=True)
    cuts = {item.workload: item for item in study.break_even}
    for comparison in study.comparisons:
        table.add_row(*_cells(comparison, cuts.get(comparison.trace.name)))
    terms = dict.fromkeys(equal_line(comparison) for comparison in study.comparisons)
    lines = [Text.assemble(("equal: ", "bold"), line) for line in terms]
    notes = [Text(f"- {note}") for note in caveats(study.comparisons, study.costs)]
    free = Text(
        "*: indices free, an upper bound. Could lose: MACs and SRAM, until it is no faster."
    )
    said = verdict(study.comparisons, study.robustness)
    return Group(*lines, Text(), table, free, Text(), said, *notes, Text())


def _cells(comparison: Comparison, cut: BreakEven | None) -> list[str]:
    speedups = [
        times(comparison.speedup(role)) if role in comparison.results else "-" for role in OTHERS
    ]
    beyond = "> " if cut is not None and cut.remark else ""
    return [
        comparison.trace.name + (" *" if is_upper_bound(comparison) else ""),
        as_time(comparison.results["baseline"].total_ps),
        *speedups,
        f"{beyond}{100 * cut.cut:.0f} %" if cut is not None and cut.searched else "-",
        limit_text(comparison.results["candidate"]),
    ]
