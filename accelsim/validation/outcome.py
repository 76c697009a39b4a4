"""What a validation suite found: one row a case, and whether all of them are within tolerance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

SIMULATED = "simulated"
PUBLISHED = "published figure"
FORMULA = "formula of the paper"
TREND = "trend only"


class Compared(NamedTuple):
    """How a row whose model has a range stands to a published figure.

    `low`, `high` : of the model, in the row's unit; `expect` : equal, at most or at least;
    `inside` : whether the published figure and the model's range agree, read like that;
    `basis` : what was measured or built; `mark` : how the published figure is known;
    `unverified` : some figure in the model's was not looked up; `why` : what sets them apart.
    """

    machine: str
    component: str
    quantity: str
    table: str
    low: float
    high: float
    expect: str
    inside: bool
    basis: str
    mark: str
    unverified: bool
    why: str


@dataclass(frozen=True)
class Row:
    """One case.

    `error` is in the suite's unit; `note` is empty unless something beside the main figure is
    off, which fails the row; `label` says what the reference is; a `TREND` row is shown and never
    judged. `tolerance` is a share of the reference, and stands before that of the suite; `group`
    gathers rows whose mean error is bounded too; `source` says where the reference is from;
    `compared` is there where the model has a range.
    """

    case: str
    reference: float
    model: float
    note: str = ""
    label: str = SIMULATED
    source: str = ""
    tolerance: float | None = None
    unit: str = ""
    group: str = ""
    compared: Compared | None = None

    @property
    def ratio(self) -> float:
        """Model over reference; of a reference of 0, infinity."""
        return self.model / self.reference if self.reference else float("inf")

    @property
    def error(self) -> float:
        """Model minus reference."""
        return self.model - self.reference

    @property
    def relative_error(self) -> float:
        """Error as a share of the reference; of a reference of 0, 0 or infinity."""
        if self.reference:
            return self.error / abs(self.reference)
        return float("inf") if self.error else 0.0


@dataclass(frozen=True)
class Outcome:
    """The rows of one run of a suite; there is at least one.

    `tolerance` is in `unit`, or with `relative` a share of the reference. `mean_limits` : group ->
    most that the mean of its rows' |relative error| may be. `remarks` : paragraphs of Markdown.
    """

    suite: str
    unit: str
    tolerance: float
    rows: tuple[Row, ...]
    relative: bool = False
    mean_limits: dict[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def mean_abs_error(self) -> float:
        """Mean of |error| over all rows that are judged."""
        return mean_abs(self.judged())

    @property
    def max_abs_error(self) -> float:
        """Largest |error| over all rows that are judged."""
        return max((abs(row.error) for row in self.judged()), default=0)

    def judged(self) -> tuple[Row, ...]:
        """Rows that can pass or fail: all but trend rows."""
        return tuple(row for row in self.rows if row.label != TREND)

    def holds(self, row: Row) -> bool:
        """Tell whether the row is within tolerance and nothing else in it is off."""
        if row.tolerance is not None:
            most = row.tolerance * abs(row.reference)
        else:
            most = self.tolerance * (abs(row.reference) if self.relative else 1)
        return abs(row.error) <= most * (1 + 1e-12) and not row.note

    def tolerance_of(self, row: Row) -> str:
        """The row's tolerance with its unit."""
        if row.tolerance is not None:
            return f"{100 * row.tolerance:g} %"
        return f"{100 * self.tolerance:g} %" if self.relative else f"{self.tolerance:g}"

    @property
    def tolerance_text(self) -> str:
        """The tolerance with its unit."""
        parts = []
        if any(row.tolerance is None for row in self.rows):
            share = f"{100 * self.tolerance:g} % of the reference"
            parts.append(share if self.relative else f"{self.tolerance:g} {self.unit}")
        own = sorted({row.tolerance for row in self.rows if row.tolerance is not None})
        if own:
            parts.append("by row " + ", ".join(f"{100 * value:g} %" for value in own))
        return "; ".join(parts)

    def means(self) -> dict[str, float]:
        """Mean |relative error| of every group that has a limit and rows."""
        found = {}
        for group in self.mean_limits:
            errors = [abs(row.relative_error) for row in self.judged() if row.group == group]
            if errors:
                found[group] = sum(errors) / len(errors)
        return found

    @property
    def passed(self) -> bool:
        """Whether every row that is judged holds, and every group's mean."""
        means = all(mean <= self.mean_limits[group] for group, mean in self.means().items())
        return means and all(self.holds(row) for row in self.judged())

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
            **({"remarks": list(self.remarks)} if self.remarks else {}),
            "groups": [
                {
                    "label": label,
                    "rows": len(rows),
                    "judged": label != TREND,
                    "mean_abs_error": mean_abs(rows),
                    "max_abs_error": max(abs(row.error) for row in rows),
                    "mean_relative_error": mean_relative(rows),
                }
                for label, rows in self.groups().items()
            ],
        }


def mean_abs(rows: tuple[Row, ...]) -> float:
    """Mean of |error|."""
    return sum(abs(row.error) for row in rows) / max(1, len(rows))


def mean_relative(rows: tuple[Row, ...]) -> float:
    """Mean of |relative error|."""
    return sum(abs(row.relative_error) for row in rows) / len(rows)


def _row_json(row: Row) -> dict[str, object]:
    content: dict[str, object] = {
        "case": row.case,
        "reference": row.reference,
        "model": row.model,
        "error": row.error,
    }
    optional = {
        "note": row.note,
        "unit": row.unit,
        "source": row.source,
        "tolerance": row.tolerance,
    }
    content |= {name: value for name, value in optional.items() if value not in ("", None)}
    if row.compared is not None:
        content |= row.compared._asdict() | {"ratio": row.ratio}
    return content
