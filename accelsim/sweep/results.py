"""Writing the tables of a sweep from its points, row by row."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from accelsim.analysis.columns import Column
from accelsim.sweep.costs import TABLE
from accelsim.sweep.design import Design, Designer, LeftOut
from accelsim.sweep.plan import Plan
from accelsim.sweep.store import PLANS, Store, read_json, replacing
from accelsim.sweep.table import FIGURES, SPEEDUP, table_columns
from accelsim.sweep.values import Value, as_number
from accelsim.sweep.version import model_version

RESULTS = "results.csv"
COLUMNS = "columns.csv"
PLAN = Column("plan", "", "name of the plan")


@dataclass
class Written:
    """What a table holds: `rows` in all, how many failed by which error, keys of the points that
    are `missing`, and points `left_out` by which constraint.
    """

    rows: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def write_plan(store: Store, designer: Designer) -> bool:
    """Record what was asked for; True if it takes the place of another plan of that name."""
    plan = designer.plan
    path = store.folder / PLANS / f"{plan.name}.json"
    earlier = read_json(path)
    content = {
        "plan": plan.model_dump(mode="json"),
        "model": model_version(),
        "architectures": {
            entry.label: base.dumped
            for entry, base in zip(plan.architectures, designer.bases, strict=True)
        },
    }
    with replacing(path) as stream:
        stream.write(json.dumps(content, indent=1, allow_nan=False) + "\n")
    return earlier is not None and earlier.get("plan") != content["plan"]


def write_tables(store: Store, designer: Designer) -> Written:
    """Write the table of a plan, and that of all plans of the folder.

    Of two runs that finish together the later has seen the results of both, but may be the first
    to put its table in place: so each looks again for what it missed, points or tables of others.
    """
    while True:
        written = _write_table(store, designer)
        if not any(store.finished(key) for key in written.missing):
            break
    seen: object = None
    while (found := _stamps(store)) != seen:
        seen = found
        _write_all(store)
    return written


def _stamps(store: Store) -> list[tuple[str, int]]:
    """The tables of plans, and when each was written."""
    tables = sorted((store.folder / PLANS).glob("*.csv"))
    return [(path.name, path.stat().st_mtime_ns) for path in tables]


def _write_table(store: Store, designer: Designer) -> Written:
    plan = designer.plan
    written = Written()
    baseline = _Baseline(store, designer)
    with replacing(store.folder / PLANS / f"{plan.name}.csv") as stream:
        rows = _writer(stream, [column.name for column in table_columns(plan)])
        for design in designer.designs():
            if isinstance(design, LeftOut):
                written.left_out[design.constraint] += 1
                continue
            found = store.read(design.key)
            if found is None:
                written.missing.append(design.key)
                continue
            written.rows += 1
            if "error" in found:
                written.failed[found["error"]] += 1
            rows.writerow(_row(designer, design, found, baseline))
    return written


def _row(
    designer: Designer, design: Design, found: dict[str, Any], baseline: _Baseline
) -> dict[str, object]:
    plan, point = designer.plan, design.point
    row: dict[str, object] = {
        "point": point.number,
        "architecture": plan.architectures[point.arch].label,
        "workload": plan.workloads[point.workload].label,
        TABLE.name: found.get(TABLE.name),
        "hash": design.key,
        "model": found["model"],
    }
    for name, value in design.values.items():
        row[plan.column(name)] = _cell(plan.parameters[name].shown(value))
    if "error" in found:
        return row | {"error": found["error"]}
    figures = found["figures"]
    row |= {column.name: figures[column.name] for column in FIGURES}
    row |= {name: figures[name] for name in ("limited_by", "limited_share")}
    row |= designer.computed(design, figures)
    if plan.baseline is not None:
        row[SPEEDUP.name] = baseline.speedup(design, figures["total_ps"])
    return row


def _cell(value: Value) -> object:
    """A parameter's value as a number where it is one, else as text."""
    plain = isinstance(value, list) and not any(isinstance(part, dict | list) for part in value)
    if plain:
        return ", ".join(str(part) for part in value)  # type: ignore[union-attr]
    return json.dumps(value) if isinstance(value, list | dict | bool) else as_number(value)


class _Baseline:
    """Times of the baseline at every value of the parameters that it has."""

    def __init__(self, store: Store, designer: Designer) -> None:
        self.plan = designer.plan
        self.runs: list[tuple[int, dict[str, Value], int]] = []
        self._fastest: dict[tuple[str, ...], dict[tuple[int, str], int]] = {}
        labels = [entry.label for entry in self.plan.architectures]
        if self.plan.baseline is None:
            return
        self.arch = labels.index(self.plan.baseline)
        for design in designer.designs():
            if isinstance(design, LeftOut) or design.point.arch != self.arch:
                continue
            found = store.read(design.key)
            if found is not None and "figures" in found:
                time = int(found["figures"]["total_ps"])
                self.runs.append((design.point.workload, design.values, time))

    def speedup(self, design: Design, total_ps: int) -> float | None:
        """Time of the fastest baseline at the values that both have, over `total_ps`."""
        shared = tuple(n for n in design.values if self.plan.applies(n, self.arch))
        if shared not in self._fastest:
            fastest: dict[tuple[int, str], int] = {}
            for workload, values, time in self.runs:
                at = workload, _at(values, shared)
                fastest[at] = min(time, fastest.get(at, time))
            self._fastest[shared] = fastest
        time_ps = self._fastest[shared].get((design.point.workload, _at(design.values, shared)))
        return None if time_ps is None else time_ps / max(1, total_ps)


def _at(values: dict[str, Value], names: Sequence[str]) -> str:
    return json.dumps([values.get(name) for name in names])


def _write_all(store: Store) -> None:
    """One table of all plans, with every column of any, and what the columns mean."""
    plans = [Plan.model_validate(content["plan"]) for content in _recorded(store)]
    columns = {PLAN.name: PLAN}
    for plan in plans:
        for column in table_columns(plan):
            columns.setdefault(column.name, column)
    with replacing(store.folder / RESULTS) as stream:
        rows = _writer(stream, list(columns))
        for plan in plans:
            with (store.folder / PLANS / f"{plan.name}.csv").open(newline="") as table:
                for row in csv.DictReader(table):
                    rows.writerow({PLAN.name: plan.name, **row})
    with replacing(store.folder / COLUMNS) as stream:
        out = _writer(stream, ["column", "unit", "meaning"])
        for column in columns.values():
            out.writerow({"column": column.name, "unit": column.unit, "meaning": column.formula})


def _recorded(store: Store) -> Iterator[dict[str, Any]]:
    """What was recorded of every plan that has a table, by name."""
    for path in sorted((store.folder / PLANS).glob("*.json")):
        if path.with_suffix(".csv").exists():
            found = read_json(path)
            if found is not None:
                yield found


def _writer(stream: IO[str], names: Sequence[str]) -> csv.DictWriter[str]:
    writer = csv.DictWriter(stream, names, restval="", lineterminator="\n")
    writer.writeheader()
    return writer
