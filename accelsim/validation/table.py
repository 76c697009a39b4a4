"""Read a CSV of reference cases; what is wrong with it is said with file, line and column."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from accelsim.errors import InputError

LIMIT = 2**31 - 1


@dataclass(frozen=True)
class Line:
    """One line of a table: its fields by column, and where it stands."""

    file: str
    number: int
    fields: dict[str, str]

    def where(self, column: str) -> str:
        """Name the place of one field."""
        return f"{self.file}, line {self.number}, column {column}"

    def text(self, column: str) -> str:
        """Return a field that may not be empty."""
        value = self.fields[column]
        if not value:
            raise InputError("is empty", where=self.where(column), remedy="give a value")
        return value

    def integer(self, column: str, *, least: int = 1, most: int = LIMIT) -> int:
        """Return a whole number within [least, most]."""
        value = self.number_at(column)
        if value != int(value) or not least <= value <= most:
            raise InputError(
                f"expected a whole number from {least} to {most}, found '{self.fields[column]}'",
                where=self.where(column),
                remedy="correct the value",
            )
        return int(value)

    def number_at(self, column: str) -> float:
        """Return a finite number."""
        text = self.text(column)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InputError(
                f"expected a number, found '{text}'",
                where=self.where(column),
                remedy="correct the value",
            )
        return value

    def choice(self, column: str, known: Iterable[str]) -> str:
        """Return one of the known words."""
        value = self.text(column)
        if value not in known:
            raise InputError(
                f"expected one of {', '.join(known)}, found '{value}'",
                where=self.where(column),
                remedy="correct the value",
            )
        return value


@dataclass(frozen=True)
class Table:
    """A table of cases, at least one line long."""

    file: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]

    def require(self, columns: Sequence[str]) -> None:
        """Raise unless all these columns are there."""
        gone = [column for column in columns if column not in self.columns]
        if gone:
            raise InputError(
                f"column {', '.join(gone)} is missing; found {', '.join(self.columns)}",
                where=f"{self.file}, line 1",
                remedy=f"needed: {', '.join(columns)}",
            )


def read_table(path: Path) -> Table:
    """Read a table: a line of column names, then one line a case; '#' starts a comment line.

    Raises
    ------
    InputError
        No such file, not text, no header, a column named twice, a line of another length than
        the header, or no case at all.
    """
    name = str(path)
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    columns: tuple[str, ...] = ()
    lines = []
    try:
        for cells in reader:
            values = tuple(cell.strip() for cell in cells)
            if not any(values) or values[0].startswith("#"):
                continue
            if not columns:
                columns = _header(values, name, reader.line_num)
                continue
            if len(values) != len(columns):
                raise InputError(
                    f"has {len(values)} fields, the header has {len(columns)}",
                    where=f"{name}, line {reader.line_num}",
                    remedy="give every column a value",
                )
            fields = dict(zip(columns, values, strict=True))
            lines.append(Line(name, reader.line_num, fields))
    except csv.Error as error:
        raise InputError(
            f"is not CSV: {error}", where=f"{name}, line {reader.line_num}", remedy="correct it"
        ) from None
    if not lines:
        raise InputError(
            "holds no case", where=name, remedy="a line of column names, then one line a case"
        )
    return Table(name, columns, tuple(lines))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", where=str(path), remedy="name a CSV file"
        ) from None
    except ValueError:  # also an embedded null in the name
        raise InputError("is not UTF-8 text", where=str(path), remedy="name a CSV file") from None


def _header(values: tuple[str, ...], name: str, number: int) -> tuple[str, ...]:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise InputError(
            f"column {', '.join(twice)} is named twice",
            where=f"{name}, line {number}",
            remedy="name every column once",
        )
    return values
