"""The part of the page on how far the verdict holds: what would help, what would change it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from accelsim.report.page.cells import Cell, Head, PageTable, Shown, figure, text_head
from accelsim.report.page.ledger import Figure, Ledger
from accelsim.report.robustness_text import amount
from accelsim.report.study import Study
from accelsim.report.words import ROLE_TITLES, as_time, count, percent, square_mm, times
from accelsim.sweep import ablation, flip
from accelsim.sweep.break_even import METHOD, BreakEven
from accelsim.sweep.flip import Flip
from accelsim.sweep.robustness import Robustness
from accelsim.sweep.trios import is_control

HELPFUL = 1.02  # a gain that is worth a line
NAMED = 3
LEVEL = "All further runs are at the {} DRAM level, so the speedup as it is may differ a little."


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
    kinds = (_what_if, _flips, _ablation, _spreads)
    blocks = [block for kind in kinds for block in _told_once(kind(study, ledger))]
    blocks.append(_break_even(study, ledger))
    if study.density:
        said = "One attention operator, from sparse to dense; where a line crosses 1 is marked."
        blocks.append(Block("Speedup against density", said, [], ["density"]))
    return Robust(helps(study), blocks)


def _told_once(blocks: Iterable[Block]) -> Iterator[Block]:
    """Blocks of one kind, without what the one before has said already."""
    before = ""
    for block in blocks:
        yield block._replace(said="" if block.said == before else block.said)
        before = block.said


def helps(study: Study) -> list[str]:
    """What would help most and what changes the winner, for each workload studied."""
    said = []
    for found in study.what_if:
        gains = [f"{c.name} {times(c.gain)}" for c in found.changes if c.gain >= HELPFUL][:NAMED]
        named = "; ".join(gains) or "nothing by 2 %"
        refused = sum(1 for change in found.changes if change.refused)
        if refused:
            named += f" ({refused} of {len(found.changes)} changes were refused)"
        said.append(f"{found.workload}, what would help the candidate most: {named}")
    return said + [_flip_line(found) for found in study.robustness if found.flips]


def _flip_line(found: Robustness) -> str:
    """Against every rival, the changes at which another machine is ahead."""
    parts = []
    for rival in dict.fromkeys(each.rival for each in found.flips):
        own = [each for each in found.flips if each.rival == rival]
        named = ", ".join(filter(None, map(_change, own))) or "nothing that was tried"
        if any(each.remark == flip.TIE_NOW for each in own):
            named = flip.TIE_NOW
        parts.append(f"against {ROLE_TITLES[rival]}: {named}")
    return f"{found.workload}, what changes the winner {'; '.join(parts)}"


def _change(each: Flip) -> str:
    if each.factor is None or each.value is None:
        return ""
    way = "down" if each.factor < 1 else "up"
    return f"{each.axis} {way} to {amount(each.value)} {each.unit}"


def _what_if(study: Study, ledger: Ledger) -> Iterator[Block]:
    heads = [text_head("what if"), Head("gain", "time as it is / time with the change")]
    heads += [Head("time"), text_head("settings, as in the YAML")]
    for found in study.what_if:
        rows: list[list[Shown]] = []
        for change in found.changes:
            where = {"workload": found.workload, "change": change.name}
            row = ledger.rows("what_if", **where).iloc[0]
            if change.refused:
                rows.append([change.name, "refused", "", change.refused])
                continue
            cells = [
                figure(ledger.only("what_if", "gain", **where), times),
                figure(ledger.only("what_if", "total_ps", **where), as_time),
            ]
            rows.append([change.name, *cells, str(row["settings"])])
        said = (
            f"{found.architecture} with one thing changed, mapped and simulated again as if the "
            "settings stood in its YAML."
        )
        table = PageTable("", heads, rows)
        title = f"What would help: {found.workload}"
        yield Block(title, said, [table], [f"what_if_{found.workload}"])


def _flips(study: Study, ledger: Ledger) -> Iterator[Block]:
    heads = [text_head("changed on every machine"), text_head("against"), Head("now")]
    heads += [Head("speedup now"), Head("another machine is ahead at"), Head("factor")]
    heads += [Head("speedup there"), text_head("remark")]
    for found in study.robustness:
        rows = [_flip_cells(found.workload, each, ledger) for each in found.flips]
        if rows:
            table = PageTable("", heads, rows)
            title = f"What changes the winner: {found.workload}"
            rivals = dict.fromkeys(each.rival for each in found.flips)
            pictures = [f"flip_{rival}_{found.workload}" for rival in rivals]
            yield Block(title, _said(flip.METHOD, found), [table], pictures)


def _flip_cells(workload: str, each: Flip, ledger: Ledger) -> list[Shown]:
    where = {"workload": workload, "rival": each.rival, "axis": each.axis}

    def cell(column: str, shown: Callable[[float], str], there: object) -> Shown:
        return "" if there is None else figure(ledger.only("flip", column, **where), shown)

    def value(number: float) -> str:
        return f"{amount(number)} {each.unit}"

    return [
        each.axis,
        ROLE_TITLES[each.rival],
        cell("value_now", value, each.value_now),
        cell("speedup_now", times, each.speedup_now),
        cell("flip_value", value, each.value),
        cell("flip_factor", flip.shown, each.factor),
        cell("flip_speedup", times, each.speedup),
        each.remark,
    ]


def _ablation(study: Study, ledger: Ledger) -> Iterator[Block]:
    heads = [text_head("candidate without"), Head("time", "time without it / time with it")]
    heads += [Head("speedup over the baseline"), text_head("settings, as in the YAML")]
    for found in study.robustness:
        rows: list[list[Shown]] = []
        for each in found.ablation:
            where = {"workload": found.workload, "without": each.name}
            if each.refused:
                rows.append([each.name, "refused", "", each.refused])
                continue
            loss = figure(ledger.only("ablation", "loss", **where), lambda loss: f"x {loss:.3f}")
            speedup = figure(ledger.only("ablation", "speedup", **where), times)
            settings = ledger.rows("ablation", **where).iloc[0]["settings"]
            rows.append([each.name, loss, speedup, str(settings)])
        if rows:
            title = f"What each unit is worth: {found.workload}"
            pictures = [f"ablation_{found.workload}"]
            table = PageTable("", heads, rows)
            yield Block(title, _said(ablation.METHOD, found), [table], pictures)


def _spreads(study: Study, ledger: Ledger) -> Iterator[Block]:
    heads = [text_head("over"), text_head("against"), Head("number"), Head("geometric mean")]
    heads += [Head("minimum"), Head("maximum"), text_head("verdict"), text_head("remark")]
    for found in study.robustness:
        rows: list[list[Shown]] = []
        for each in found.spreads:
            where = {"workload": found.workload, "rival": each.rival, "over": each.over}
            cells: list[Shown] = ["", "", "", ""]
            if each.spread is not None:
                number = ledger.only("spread_within", "number", **where)
                ends: list[Figure] = [
                    ledger.only("spread_within", name, **where)
                    for name in ("geomean", "minimum", "maximum")
                ]
                cells = [figure(number, count), *(figure(end, times) for end in ends)]
            verdict = each.spread.verdict if each.spread is not None else ""
            rows.append([each.over, ROLE_TITLES[each.rival], *cells, verdict, each.remark])
        if rows:
            title = f"How far the speedup moves: {found.workload}"
            said = _said("Where a spread crosses 1 the sign is not established.", found)
            yield Block(title, said, [PageTable("", heads, rows)], [f"spread_{found.workload}"])


def _said(method: str, found: Robustness) -> str:
    return f"{method} {LEVEL.format(found.level)}" if found.level else method


def _break_even(study: Study, ledger: Ledger) -> Block:
    """The largest cut, and what was simulated around it."""
    heads = [text_head("workload"), Head("speedup"), Head("break-even cut"), text_head("between")]
    heads.append(text_head("cuts simulated (speedup)"))
    found = {item.workload: item for item in study.break_even}
    areas = any(item.area_mm2 == item.area_mm2 for item in found.values())
    if areas:
        heads += [Head("break-even area"), Head("part of the candidate's area")]
    rows: list[list[Shown]] = []
    for comparison in study.comparisons:
        name = comparison.trace.name
        if is_control(name):
            continue
        if name not in found:
            speedup = ledger.only("totals", "speedup", workload=name, role="candidate")
            at = "" if speedup.value <= 1 else " at the DRAM level of the search"
            none = f"none: the candidate does not win{at}"
            rows.append([name, figure(speedup, times), "-", none, "", *["-"] * (2 * areas)])
            continue
        item = found[name]
        rows.append([name, *_cut_cells(item, ledger), *(_area_cells(item, ledger) * areas)])
    said = (
        "How much of the candidate's MACs and SRAM could be given up for the cost of its sparse "
        "logic before it is no faster than the baseline. "
    )
    if areas:
        by = " and ".join(dict.fromkeys(item.table for item in found.values() if item.table))
        said += (
            f"The area of that, by {by}, is what the sparse logic may take, or at equal area may "
            "take in addition. "
        )
    return Block("Break-even overhead", said + METHOD, [PageTable("", heads, rows)], [])


def _area_cells(item: BreakEven, ledger: Ledger) -> list[Shown]:
    """The cut as area, and as a part of the candidate's."""
    if not item.searched or item.area_mm2 != item.area_mm2:
        return ["-", "-"]
    where = {"workload": item.workload, "cut": 0.0}
    spare, area = (ledger.only("break_even", name, **where) for name in ("spare_mm2", "area_mm2"))
    return [figure(spare, square_mm), figure(spare.over(area), percent)]


def _cut_cells(item: BreakEven, ledger: Ledger) -> list[Shown]:
    where = {"workload": item.workload, "cut": 0.0}
    speedup = figure(ledger.only("break_even", "speedup", **where), times)
    cut = figure(ledger.only("break_even", "break_even_cut", **where), percent)
    if not item.searched:
        return [speedup, "-", f"not searched: {item.remark}", ""]
    tried = ", ".join(f"{percent(c)} ({times(s)})" for c, s in sorted(item.speedups.items()))
    if item.loses_at == item.loses_at:
        between = f"{percent(item.wins_at)} and {percent(item.loses_at)}"
        return [speedup, cut, between, tried]
    return [speedup, Cell(f"at least {cut.text}", cut.value, cut.source), item.remark, tried]
