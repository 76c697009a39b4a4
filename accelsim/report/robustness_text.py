"""The console output of `accelsim robustness`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from accelsim.report.layout import WholeTable
from accelsim.report.robustness_tables import settings_text
from accelsim.report.text import console
from accelsim.report.words import ROLE_TITLES, short, times
from accelsim.sweep.ablation import Ablation
from accelsim.sweep.flip import Flip, shown
from accelsim.sweep.robustness import Robustness
from accelsim.sweep.spread import Within


def print_robustness(found: Robustness, names: dict[str, str]) -> None:
    """Print a Robustness on the console; `names` : of the machines, by role."""
    console().print(robustness_text(found, names), crop=False)


def robustness_text(found: Robustness, names: dict[str, str]) -> RenderableType:
    """What flips the winner, the candidate without each of its units, and the spreads."""
    machines = ", ".join(f"{ROLE_TITLES[role]} {name}" for role, name in names.items())
    level = f"; all further runs at the {found.level} DRAM level" if found.level else ""
    parts: list[RenderableType] = [Text(f"{found.workload}: {machines}{level}")]
    if found.flips:
        parts += [Text(), _flips(found.flips)]
    if found.ablation:
        parts += [Text(), _ablation(found.ablation)]
    if found.spreads:
        parts += [Text(), _spreads(found.spreads)]
    return Group(*parts)


def _table(left: Sequence[str], right: Sequence[str], last: str) -> Table:
    table = WholeTable(box=None, pad_edge=False, header_style="bold")
    for title in left:
        table.add_column(title, overflow="fold")
    for title in right:
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column(last, overflow="fold")
    return table


def _flips(flips: Sequence[Flip]) -> Table:
    table = _table(["winner changes with", "against"], ["now", "is", "at", "factor"], "remark")
    for flip in flips:
        now = "" if flip.value_now is None else f"{amount(flip.value_now)} {flip.unit}"
        at, factor = "", ""
        if flip.factor is not None and flip.value is not None:
            at, factor = f"{amount(flip.value)} {flip.unit}", shown(flip.factor)
        speedup = "" if flip.speedup_now is None else times(flip.speedup_now)
        rival = ROLE_TITLES[flip.rival]
        table.add_row(flip.axis, rival, now, speedup, at, factor, flip.remark)
    return table


def amount(value: float) -> str:
    """A value of an axis: whole numbers with commas, others with three digits."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _ablation(rows: Sequence[Ablation]) -> Table:
    table = _table(["candidate without"], ["time", "over baseline"], "settings")
    for row in rows:
        loss = "" if row.loss is None else f"x {row.loss:.3f}"
        speedup = "" if row.speedup is None else times(row.speedup)
        said = f"refused: {row.refused}" if row.refused else settings_text(row.settings)
        table.add_row(row.name, loss, speedup, said)
    return table


def _spreads(rows: Sequence[Within]) -> Table:
    table = _table(["over", "against"], ["number", "geomean", "from", "to"], "verdict")
    for row in rows:
        cells, verdict = ["", "", "", ""], row.remark
        if row.spread is not None:
            over = row.spread
            cells = [str(len(row.speedups)), times(over.geomean)]
            cells += [f"{short(over.minimum)}x", f"{short(over.maximum)}x"]
            verdict = f"{over.verdict}; {row.remark}" if row.remark else over.verdict
        table.add_row(row.over, ROLE_TITLES[row.rival], *cells, verdict)
    return table
