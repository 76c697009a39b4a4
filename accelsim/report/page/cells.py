"""Tables of the page: cells that say where their figure stands, headings with their formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from accelsim.report.page.ledger import Figure
from accelsim.report.tables import hint


class Cell(NamedTuple):
    """What is shown; `value` : what the column sorts by; `source` : shown when pointed at.

    `part` : of the largest such figure, drawn as a bar behind the text; -1 for none.
    """

    text: str
    value: float | None = None
    source: str = ""
    part: float = -1.0


class Head(NamedTuple):
    """A heading; `hint` is shown when it is pointed at."""

    text: str
    hint: str = ""
    numeric: bool = True


Shown = str | Cell


class PageTable(NamedTuple):
    """A table of cells; `strong` names the rows that are set in bold and stay where they are.

    `searched` : the page lets its rows be sorted and filtered.
    """

    caption: str
    heads: list[Head]
    rows: Sequence[Sequence[Shown]]
    strong: frozenset[int] = frozenset()
    searched: bool = False


def figure(found: Figure, shown: Callable[[float], str], after: str = "") -> Cell:
    """A cell of a figure, written by `shown`."""
    exact = f"{found.value:.9g}"
    return Cell(shown(found.value) + after, found.value, f"{exact} = {found.source}")


def text_head(text: str) -> Head:
    """A heading over words."""
    return Head(text, "", numeric=False)


def column_head(name: str, text: str = "", unit: str = "") -> Head:
    """A heading over figures of a declared column."""
    shown = text or name.replace("_", " ")
    return Head(f"{shown} ({unit})" if unit else shown, hint(name))


def words_table(caption: str, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> PageTable:
    """A table of words only."""
    return PageTable(caption, [text_head(t) for t in titles], [list(row) for row in rows])
