"""A cost table as a CSV file: a row an action, with the columns that collections of figures have.

``component,node_nm,energy,energy_unit,area,area_unit,source,verification``. A component becomes
the action of its name in small letters, words joined by ``_``, without what is in brackets and
without a width at its end: ``int8 mult`` is ``int8_mult``, ``comparator 32b (merge)`` is
``comparator`` of 32 bits. Rows called ``DRAM KIND`` are kinds of DRAM. An energy may be a range
``250-450``, whose middle is then the value.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import get_args

from accelsim.config.tree import Tree
from accelsim.cost.amounts import Checked
from accelsim.errors import InputError, unknown_name

COLUMNS = (
    "component", "node_nm", "energy", "energy_unit", "area", "area_unit", "source", "verification"
)  # fmt: skip
_UNIT = re.compile(r"([A-Za-z]+[0-9]?)(?:/(op|access|bit|(\d+)b))?(?:/mm)?(?: .*)?")
_RANGE = re.compile(r"([\d.]+)-([\d.]+)")
_LINEAR = re.compile(r"int\d+_add|register|comparator|counter|wire")
_QUADRATIC = re.compile(r"int\d+_mult")


def read_csv(path: Path, shown: str) -> Tree:
    """Read a table; its name is the file's, its node the one of its rows.

    Raises
    ------
    InputError
        Not such a file, a row twice, rows of several nodes, or a figure that cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader]
            header = tuple(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot be read: {error}", where=shown) from None
    if header != COLUMNS:
        raise InputError(
            "has other columns than a cost table", where=shown,
            remedy=f"expected {','.join(COLUMNS)}",
        )  # fmt: skip
    actions: dict[str, object] = {}
    dram: dict[str, object] = {}
    tree = Tree({"name": path.stem, "actions": actions, "dram": dram})
    nodes: dict[str, int] = {}
    for line, row in rows:
        where = f"{shown} line {line}"
        if None in row or None in row.values():
            raise InputError(f"does not have {len(COLUMNS)} cells", where=where)
        nodes.setdefault(row["node_nm"], line)
        name, bits = _slug(row["component"])
        section, names = ("dram", dram) if name.startswith("dram_") else ("actions", actions)
        name = name.removeprefix("dram_")
        if name in names:
            raise InputError(f"'{name}' is there twice", where=where, remedy="keep one of them")
        names[name] = _entry(name, bits, row, where, section)
        tree.place[(section, name)] = where
    known = [node for node in nodes if node]
    if len(known) != 1:
        found = ", ".join(known) or "none"
        raise InputError(
            f"has figures of several nodes or of none ({found})", where=shown,
            remedy="a table is of one node_nm; rows of DRAM may leave it out",
        )  # fmt: skip
    tree.data["node_nm"] = _number(known[0], f"{shown} line {nodes[known[0]]}, node_nm")
    tree.place[("node_nm",)] = f"{shown} line {nodes[known[0]]}"
    return tree


def _slug(component: str) -> tuple[str, int | None]:
    """The name of an action, and the width that it names."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"\([^)]*\)", " ", component).lower())
    width = re.fullmatch(r"(\d+)b", words[-1]) if words else None
    name = "_".join(words[:-1] if width else words)
    bits = width or re.search(r"(\d+)_", name)
    return name, int(bits[1]) if bits else None


def _entry(
    name: str, bits: int | None, row: dict[str, str], where: str, section: str
) -> dict[str, object]:
    entry: dict[str, object] = {"bits": bits} if bits and section == "actions" else {}
    if row["energy"]:
        entry["energy"], per_bits = _amount(row, "energy", where)
        if per_bits or section == "dram":
            entry["bits"] = per_bits or 1
    if section == "dram":
        return entry
    if row["area"]:
        entry["area"], _ = _amount(row, "area", where)
    if _LINEAR.fullmatch(name) or _QUADRATIC.fullmatch(name):
        entry["width"] = "quadratic" if _QUADRATIC.fullmatch(name) else "linear"
    if name == "wire":
        entry["logic"] = False
    return entry


def _amount(row: dict[str, str], quantity: str, where: str) -> tuple[dict[str, object], int | None]:
    """An energy or an area of a row, and the bits that its unit names."""
    at = f"{where}, {quantity}"
    text, unit_text = row[quantity].strip(), row[f"{quantity}_unit"].strip()
    unit = _UNIT.fullmatch(unit_text)
    if unit is None:
        raise InputError(
            f"'{unit_text}' is not a unit", where=f"{at}_unit",
            remedy="expected such as pJ, pJ/op, pJ/bit, pJ/64b, um2",
        )  # fmt: skip
    amount: dict[str, object] = {"source": row["source"], "checked": _checked(row, quantity, where)}
    between = _RANGE.fullmatch(text)
    ends = [_number(end, at) for end in between.groups()] if between else []
    value = sum(ends) / 2 if ends else _number(text, at)
    amount["value"] = f"{value!r} {unit[1]}"
    if ends:
        amount["low"], amount["high"] = (f"{end!r} {unit[1]}" for end in ends)
    bits = 1 if unit[2] == "bit" else int(unit[3]) if unit[3] else None
    return amount, bits


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        remedy = "expected a number, or a range such as 250-450"
        raise InputError(f"'{text}' is not a figure", where=where, remedy=remedy) from None


def _checked(row: dict[str, str], quantity: str, where: str) -> str:
    """The mark that the words of the verification column mean, the most doubtful of several.

    Of parts between semicolons those that name the quantity count, if there are any.
    """
    parts = row["verification"].lower().split(";")
    said = ";".join([part for part in parts if quantity in part] or parts)
    words = {
        "assum": "assumed",
        "memory": "from memory",
        "derived": "derived",
        "repo": "read from repository file",
        "confirmed": "confirmed",
    }
    for word, mark in words.items():
        if word in said:
            return mark
    at = f"{where}, verification"
    raise unknown_name("mark", row["verification"], get_args(Checked), where=at)
