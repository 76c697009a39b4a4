"""Every figure of the results, from its declaration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accelsim.analysis import columns
from accelsim.report import tables
from tools.docs.markdown import code, prose, sentence, table

_SAYS = ("expression", "source")  # what a declaration may add to name, unit and formula


def groups() -> list[tuple[str, Sequence[Any]]]:
    """(title, columns) of every table of figures that is declared.

    Tables that no group of the files names are added under their own names.
    """
    declared = getattr(columns, "GROUPS", None) or tables.GROUPS
    found: list[tuple[str, Sequence[Any]]] = [
        (_title(group), tuple(group[-1])) for group in declared
    ]
    named = {column.name for _, group in found for column in group}
    for name, value in sorted(vars(columns).items()):
        if name.endswith("_COLUMNS") and {column.name for column in value} - named:
            found.append((name.removesuffix("_COLUMNS").capitalize(), value))
    return found


def _title(group: Sequence[Any]) -> str:
    """Title of a group, with the file that holds it where it is not in the title."""
    title, *file = group[:-1]
    return f"{title} ({file[0]})" if file and file[0] and file[0] not in title else title


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
