"""Every figure of the results, from its declaration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accelsim.report import tables
from accelsim.report.declared import ALL_GROUPS
from accelsim.report.files import FILES
from tools.docs.markdown import code, prose, sentence, table

_SAYS = ("expression", "source")  # what a declaration may add to name, unit and formula


def groups() -> list[tuple[str, Sequence[Any]]]:
    """(title, columns) of every file of a report, and of what stands in the JSON of a run alone."""
    alone = [g for g in ALL_GROUPS if g[1].removesuffix(".csv") not in FILES]
    return [*tables.GROUPS, *((title, columns) for title, _, columns in alone)]


def metric_section(title: str, group: Sequence[Any]) -> str:
    """A table of figures: name, unit, how it is computed."""
    extra = [name for name in _SAYS if any(getattr(column, name, "") for column in group)]
    rows = [
        [
            code(column.name),
            column.unit,
            sentence(prose(column.formula)),
            *(_said(name, getattr(column, name, "")) for name in extra),
        ]
        for column in group
    ]
    titles = ("Figure", "Unit", "Is", *(name.capitalize() for name in extra))
    return f"## {title}\n\n{table(titles, rows)}"


def _said(name: str, value: object) -> str:
    if not value:
        return ""
    return code(str(value)) if name == "expression" else sentence(prose(str(value)))
