"""What is modelled and what is not, part by part, as the modules themselves say it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from accelsim.report.machine import MODELLED
from accelsim.report.words import LEVEL_WORDS, NOT_MODELLED, NOT_MODELLED_OF_DRAM
from tools.docs.markdown import code, prose, sentence, table

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "accelsim"
MARK = "Not modelled:"
ROOMS = {
    "kernels": "Kernels",
    "mapping": "Mapping",
    "analysis": "Analysis",
    "hardware": "Area and energy",
}


def overview() -> str:
    """The table of components of docs/architecture.md."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.split("\n## What is modelled, and what is not\n")[1]
    rows = re.findall(r"^\|.*\|$", section.split("\n## ")[0], re.MULTILINE)
    return "\n".join(rows)


def of_modules() -> list[tuple[str, str, str]]:
    """(path in the package, what it models, what it does not) of every module that says so."""
    found = []
    for room in ROOMS:
        for path in sorted((PACKAGE / room).rglob("*.py")):
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            if MARK in text:
                first = text.split("\n\n")[0]
                name = path.relative_to(PACKAGE).as_posix()
                found.append((name, " ".join(first.split()), _left_out(text)))
    return found


def _left_out(text: str) -> str:
    return " ".join(text.partition(MARK)[2].split("\n\n")[0].split())


def page_parts() -> list[str]:
    """The parts of the page, in order."""
    by_room = [
        f"## {title}\n\n"
        + table(
            ("Module", "Models", "Not modelled"),
            [
                [code(name), sentence(prose(models)), sentence(prose(left))]
                for name, models, left in of_modules()
                if name.startswith(f"{room}/")
            ],
        )
        for room, title in ROOMS.items()
    ]
    levels = [
        [f"{code(level)} ({LEVEL_WORDS[level]})", sentence(prose(text))]
        for level, text in NOT_MODELLED_OF_DRAM.items()
    ]
    return [
        "`accelsim arch show NAME` prints this for one machine, every report for the machines that"
        " it compares.",
        f"## On every machine\n\nModelled: {prose(MODELLED)}.\n\nNot modelled:\n\n"
        + "\n".join(f"- {prose(text)}" for text in NOT_MODELLED),
        "## By component\n\n" + overview(),
        "## Levels of DRAM\n\n" + table(("Level", "Not modelled"), levels),
        *by_room,
    ]
