"""Tables of the page: cells as text, headings with their declared unit and formula as a hint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from accelsim.report.tables import hint


class Head(NamedTuple):
    """A heading; `hint` is shown when it is pointed at."""

    text: str
    hint: str = ""
    numeric: bool = True


class PageTable(NamedTuple):
    """A table of text cells; `strong` names the rows that are set in bold."""

    caption: str
    heads: list[Head]
    rows: list[list[str]]
    strong: frozenset[int] = frozenset()


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
