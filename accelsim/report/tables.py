"""The report's figures as tidy tables, one CSV file each, with units in the column names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from accelsim.analysis.columns import GROUPS as DECLARED
from accelsim.analysis.columns import OPERATOR_COLUMNS
from accelsim.analysis.comparison import Comparison, spread
from accelsim.analysis.sections import over_layers
from accelsim.report.files import FILES, csv_name, names
from accelsim.report.groups import names_over_layers
from accelsim.report.plots.expert_load import ExpertLoad
from accelsim.report.plots.key_reuse import ReuseCurves
from accelsim.report.plots.utilisation import UtilisationOverTime
from accelsim.report.terms import machines
from accelsim.report.words import is_upper_bound
from accelsim.sweep.break_even import BreakEven
from accelsim.sweep.density import DensityPoint
from accelsim.sweep.trios import is_control

GROUPS = tuple((f"{file.title} ({name}.csv)", file.columns) for name, file in FILES.items())


def hint(name: str) -> str:
    """Unit and formula of a declared column, for people."""
    for _, file, group in DECLARED:
        for column in group if file else ():
            if column.name == name:
                return f"{column.formula} [{column.unit}]" if column.unit else column.formula
    return ""


def file_hint(file: str, name: str) -> str:
    """Unit and formula of a column of NAME.csv, for people."""
    column = next(column for column in FILES[file].columns if column.name == name)
    return f"{column.formula} [{column.unit}]" if column.unit else column.formula


def summary_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """One row per workload, machine and operator."""
    parts = []
    for comparison in comparisons:
        baseline = comparison.results["baseline"].operators
        base, groups = baseline["time_ps"], names_over_layers(baseline)
        for role, result in comparison.results.items():
            table = result.operators.rename(columns={c.name: csv_name(c) for c in OPERATOR_COLUMNS})
            times = table["time_ps"].where(table["time_ps"] > 0)
            table.insert(0, "workload", comparison.trace.name)
            table.insert(1, "role", role)
            table.insert(2, "architecture", result.arch.name)
            table.insert(3, "clock_ghz", 1000 / result.arch.clock_ps)
            table.insert(6, "group", groups)
            table["fits_on_chip"] = (table["working_set"] < 1).astype(int)
            table["speedup"] = base.where(base > 0) / times
            parts.append(table)
    return pd.concat(parts, ignore_index=True)


def totals_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """One row per workload and machine."""
    rows = []
    for comparison in comparisons:
        for role, result in comparison.results.items():
            rows.append(
                {
                    "workload": comparison.trace.name,
                    "role": role,
                    **{k: v for k, v in result.summary.items() if k != "workload"},
                    "speedup": comparison.speedup(role),
                    "attention_speedup": comparison.attention_speedup(role),
                    "upper_bound": is_upper_bound(comparison),
                    "synthetic": comparison.trace.synthetic,
                    "control": is_control(comparison.trace.name),
                }
            )
    return pd.DataFrame(rows)


def spread_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """Geometric mean, minimum, maximum and verdict over workloads, for each pair of machines."""
    rows = []
    for title, chosen in groups_of(comparisons).items():
        for name, values in ratios(chosen).items():
            over = spread(values)
            rows.append(
                {
                    "workloads": title,
                    "count": len(values),
                    "ratio": name,
                    "geomean": over.geomean,
                    "minimum": over.minimum,
                    "maximum": over.maximum,
                    "verdict": over.verdict,
                }
            )
    return pd.DataFrame(rows)


def layer_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """Spread of the candidate's speedup over layers, for workloads of several."""
    rows = []
    for comparison in comparisons:
        found = over_layers(comparison)
        if len(found) > 1:
            over = spread(found)
            ends = over.geomean, over.minimum, over.maximum
            rows.append((comparison.trace.name, len(found), *ends, over.verdict))
    return pd.DataFrame(rows, columns=names("layers"))


def terms_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """What is equal between machines and what is not: one row a workload, term and machine."""
    rows = []
    for comparison in comparisons:
        known = [arch.name for arch in machines(comparison)]
        for group in comparison.equal_and_different():
            for row in group:
                rows += [
                    (comparison.trace.name, row.name, name, value, row.equal, row.required)
                    for name, value in zip(known, row.values, strict=True)
                ]
    return pd.DataFrame(rows, columns=names("terms"))


def groups_of(comparisons: Sequence[Comparison]) -> dict[str, list[Comparison]]:
    """Workloads proper: all, those without free indices, and those with."""
    proper = [c for c in comparisons if not is_control(c.trace.name)] or list(comparisons)
    return {
        "all": proper,
        "without free indices": [c for c in proper if not is_upper_bound(c)],
        "oracle indices (upper bound)": [c for c in proper if is_upper_bound(c)],
    }


def ratios(comparisons: Sequence[Comparison]) -> dict[str, list[float]]:
    """Speedups by what is compared with what."""
    found = {
        f"{role} over baseline": [c.speedup(role) for c in comparisons if role in c.results]
        for role in ("candidate", "third", "candidate_dense")
    }
    found["candidate over third"] = [
        c.speedup() / c.speedup("third") for c in comparisons if "third" in c.results
    ]
    return {name: values for name, values in found.items() if values}


def unit_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """States of every unit of every machine."""
    return _joined(comparisons, "units")


def memory_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """What each unit asks of DRAM; reads by lines that wait in their scratchpad bank."""
    table = _joined(comparisons, "memory")
    waits = [np.array([*found, 0, 0, 0, 0]) for found in table.pop("bank_waits")]
    table["reads"] = [int(found.sum()) for found in waits]
    table["waits_0"] = [int(found[0]) for found in waits]
    table["waits_1_to_3"] = [int(found[1:4].sum()) for found in waits]
    table["waits_4_up"] = [int(found[4:].sum()) for found in waits]
    return table


def traffic_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """DRAM bytes by operator and cause."""
    return _joined(comparisons, "traffic")


def path_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """Critical path by operator and unit."""
    return _joined(comparisons, "path")


def _joined(comparisons: Sequence[Comparison], name: str) -> pd.DataFrame:
    parts = []
    for comparison in comparisons:
        for role, result in comparison.results.items():
            table = getattr(result, name).copy()
            table.insert(0, "workload", comparison.trace.name)
            table.insert(1, "role", role)
            table.insert(2, "architecture", result.arch.name)
            parts.append(table)
    return pd.concat(parts, ignore_index=True)


def parts_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """Critical path by operator kind and what it was spent on (the breakdown pictures)."""
    parts = []
    for comparison in comparisons:
        for role in comparison.results:
            table = comparison.parts[role].copy()
            table.insert(0, "workload", comparison.trace.name)
            table.insert(1, "role", role)
            parts.append(table)
    return pd.concat(parts, ignore_index=True)


def timeline_table(used: Sequence[UtilisationOverTime]) -> pd.DataFrame:
    """Utilisation over time (the heat maps): one row a unit and bin."""
    parts = []
    for data in used:
        for role, line in zip(data.roles, data.timelines, strict=True):
            units, bins = line.busy.shape
            table = pd.DataFrame(
                {
                    "workload": data.workload,
                    "role": role,
                    "unit": [unit for unit in line.units for _ in range(bins)],
                    "begin_ps": list(line.edges_ps[:-1].round().astype(int)) * units,
                    "utilization": line.busy.ravel(),
                }
            )
            parts.append(table)
    return pd.concat(parts, ignore_index=True)


def density_table(points: Sequence[DensityPoint]) -> pd.DataFrame:
    """The density sweep."""
    return pd.DataFrame(points, columns=names("density"))


def expert_table(data: ExpertLoad | None) -> pd.DataFrame:
    """Tokens of every expert, fullest first."""
    columns = names("expert_load")
    if data is None:
        return pd.DataFrame(columns=columns)
    rows = [
        (trace, layer, rank, int(tokens))
        for trace, layers in zip(data.traces, data.tokens, strict=True)
        for layer, counts in zip(data.layers, layers, strict=True)
        for rank, tokens in enumerate(counts)
    ]
    return pd.DataFrame(rows, columns=columns)


def reuse_table(data: ReuseCurves) -> pd.DataFrame:
    """Key reuse by tile height: means, and between which the middle 80 % of tiles lie."""
    rows = [
        (
            line.workload,
            tile,
            line.distinct[at],
            *line.distinct_range[at],
            line.sharers[at],
            *line.sharers_range[at],
        )
        for line in data.lines
        for at, tile in enumerate(data.tiles)
    ]
    return pd.DataFrame(rows, columns=names("key_reuse"))


def break_even_table(found: Sequence[BreakEven]) -> pd.DataFrame:
    """Every cut that was simulated."""
    rows = [
        (
            item.workload, cut, speedup, item.cut, item.remark,
            item.area_mm2, item.spare_mm2, item.table,
        )
        for item in found
        for cut, speedup in sorted(item.speedups.items())
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names("break_even"))


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table; figures with nine significant digits, the same bytes on every system."""
    table.to_csv(path, index=False, float_format="%.9g", lineterminator="\n")
