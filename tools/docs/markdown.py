"""Docstrings and figures as Markdown: escaping, and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(``.+?``|`[^`]+`)", re.DOTALL)
_SPECIAL = re.compile(r"([*\[\]|\\])")


def prose(text: str) -> str:
    """Text of a docstring in one line, with what Markdown would take as markup escaped.

    Code between backticks stays code; `~` in front of names and line breaks go.
    """
    parts = _CODE.split(" ".join(text.split()))
    return "".join(_code(part) if part.startswith("`") else _plain(part) for part in parts)


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text).replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str) -> str:
    return code(text.strip("`"))


def code(text: str) -> str:
    """Text as code; a bar would end the cell of a table."""
    return f"`{text.replace('|', chr(92) + '|')}`"


def sentence(text: str) -> str:
    """A text with a full stop behind it and a capital in front, unless it begins with a name."""
    text = text.strip()
    if text.endswith("..."):
        return text
    text = text.rstrip(".;,:")
    first = text.split(" ")[0]
    if len(first) > 1 and first.replace("-", "").isalpha():
        text = text[:1].upper() + text[1:]
    return f"{text}." if text else ""


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def blocks(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells speak without their titles: on a narrow screen its rows are blocks."""
    return "{.rows}\n" + table(titles, rows)


def page(title: str, *parts: str) -> str:
    """A whole page; says what it is made from, so that nobody edits it."""
    return "\n\n".join([f"# {title}", *(part.strip("\n") for part in parts if part)]) + "\n"
