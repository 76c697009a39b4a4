"""What a validation suite found: one row a case, and whether all of them are within tolerance."""

from __future__ import annotations

from dataclasses import dataclass

SIMULATED = "simulated"
FORMULA = "formula of the paper"


@dataclass(frozen=True)
class Row:
    """One case.

    `error` is in the suite's unit; `note` is empty unless something beside the main figure is
    off, which fails the row; `label` says what the reference is.
    """

    case: str
    reference: int
    model: int
    note: str = ""
    label: str = SIMULATED

    @property
    def error(self) -> int:
        """Model minus reference."""
        return self.model - self.reference


@dataclass(frozen=True)
class Outcome:
    """The rows of one run of a suite; there is at least one.

    `tolerance` is in `unit`, or with `relative` a share of the reference.
    """

    suite: str
    unit: str
    tolerance: float
    rows: tuple[Row, ...]
    relative: bool = False

    @property
    def mean_abs_error(self) -> float:
        """Mean of |error| over all rows."""
        return mean_abs(self.rows)

    @property
    def max_abs_error(self) -> int:
        """Largest |error| over all rows."""
        return max(abs(row.error) for row in self.rows)

    def holds(self, row: Row) -> bool:
        """Tell whether the row is within tolerance and nothing else in it is off."""
        most = self.tolerance * (abs(row.reference) if self.relative else 1)
        return abs(row.error) <= most and not row.note

    @property
    def tolerance_text(self) -> str:
        """The tolerance with its unit."""
        if self.relative:
            return f"{100 * self.tolerance:g} % of the reference"
        return f"{self.tolerance:g} {self.unit}"

    @property
    def passed(self) -> bool:
        """Whether every row holds."""
        return all(self.holds(row) for row in self.rows)

    def groups(self) -> dict[str, tuple[Row, ...]]:
        """Rows by what their reference is, in order of first appearance."""
        labels = dict.fromkeys(row.label for row in self.rows)
        return {label: tuple(row for row in self.rows if row.label == label) for label in labels}

    def as_json(self) -> dict[str, object]:
        """Return the figures as JSON types; errors are in `unit`."""
        return {
            "suite": self.suite,
            "unit": self.unit,
            "rows": [_row_json(row) for row in self.rows],
            "mean_abs_error": self.mean_abs_error,
            "max_abs_error": self.max_abs_error,
            "tolerance": self.tolerance,
            "relative": self.relative,
            "passed": self.passed,
            "groups": [
                {
                    "label": label,
                    "rows": len(rows),
                    "mean_abs_error": mean_abs(rows),
                    "max_abs_error": max(abs(row.error) for row in rows),
                }
                for label, rows in self.groups().items()
            ],
        }


def mean_abs(rows: tuple[Row, ...]) -> float:
    """Mean of |error|."""
    return sum(abs(row.error) for row in rows) / len(rows)


def _row_json(row: Row) -> dict[str, object]:
    content: dict[str, object] = {
        "case": row.case,
        "reference": row.reference,
        "model": row.model,
        "error": row.error,
    }
    if row.note:
        content["note"] = row.note
    return content
