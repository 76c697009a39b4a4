"""The part of the page on how far the verdict holds: what would help, what would change it."""

from __future__ import annotations

from typing import NamedTuple

from accelsim.report.page.cells import (
    Cell,
    Head,
    PageTable,
    Shown,
    figure,
    text_head,
)
from accelsim.report.page.ledger import Ledger
from accelsim.report.study import Study
from accelsim.report.words import percent, times
from accelsim.sweep.break_even import METHOD, BreakEven
from accelsim.sweep.trios import is_control

HELPFUL = 1.02  # a gain that is worth a line
NAMED = 3


class Block(NamedTuple):
    """A heading with a sentence, tables and pictures (by name)."""

    title: str
    said: str
    tables: list[PageTable]
    pictures: list[str]


class Robust(NamedTuple):
    """`helps` : lines for the first screen."""

    helps: list[str]
    blocks: list[Block]


def part(study: Study, ledger: Ledger) -> Robust:
    """Everything that was simulated again."""
    blocks = [
        Block(
            "Break-even overhead",
            "Area and energy are not modelled. This is how much of the candidate's MACs and SRAM "
            "could be given up for the cost of its sparse logic before it is no faster than the "
            f"baseline. {METHOD}",
            [_break_even_table(study, ledger)],
            [],
        )
    ]
    if study.density:
        blocks.append(Block("Density", "", [], ["density"]))
    return Robust(helps(study), blocks)


def helps(study: Study) -> list[str]:
    """What would help most, for each workload studied."""
    said = []
    for name, changes in study.what_if.items():
        found = [f"{c.name} {times(c.gain)}" for c in changes if c.gain >= HELPFUL][:NAMED]
        said.append(f"{name}, what would help the candidate most: {'; '.join(found) or 'nothing'}")
    return said


def _break_even_table(study: Study, ledger: Ledger) -> PageTable:
    """The largest cut, and what was simulated around it."""
    heads = [text_head("workload"), Head("speedup"), Head("break-even cut"), text_head("between")]
    heads.append(text_head("cuts simulated (speedup)"))
    found = {item.workload: item for item in study.break_even}
    rows: list[list[Shown]] = []
    for comparison in study.comparisons:
        name = comparison.trace.name
        if is_control(name):
            continue
        if name not in found:
            speedup = ledger.only("totals", "speedup", workload=name, role="candidate")
            none = "none: the candidate does not win"
            rows.append([name, figure(speedup, times), "-", none, ""])
            continue
        rows.append([name, *_cut_cells(found[name], ledger)])
    return PageTable("Break-even overhead against the baseline", heads, rows)


def _cut_cells(item: BreakEven, ledger: Ledger) -> list[Shown]:
    where = {"workload": item.workload, "cut": 0.0}
    speedup = figure(ledger.only("break_even", "speedup", **where), times)
    cut = figure(ledger.only("break_even", "break_even_cut", **where), percent)
    tried = ", ".join(f"{percent(c)} ({times(s)})" for c, s in sorted(item.speedups.items()))
    if item.loses_at == item.loses_at:
        between = f"{percent(item.wins_at)} and {percent(item.loses_at)}"
        return [speedup, cut, between, tried]
    return [speedup, Cell(f"at least {cut.text}", cut.value, cut.source), item.remark, tried]
