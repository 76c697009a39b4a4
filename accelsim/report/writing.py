"""The folder of a report: page, Markdown summary, pictures, tables, architectures, provenance."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from accelsim.arch.load import resolved_yaml
from accelsim.cost.resolved import resolved_yaml as resolved_costs
from accelsim.cost.table import CostTable
from accelsim.report import energy_tables, robustness_tables, tables
from accelsim.report.equal_tables import equal_table
from accelsim.report.files import names
from accelsim.report.folder import MARK, fresh_folder
from accelsim.report.markdown import summary_text
from accelsim.report.page.models import Validated
from accelsim.report.page.render import Beside, render
from accelsim.report.pictures import Drawn, draw_all
from accelsim.report.provenance import provenance
from accelsim.report.study import Study
from accelsim.report.style import file_name

Progress = Callable[[str, int, int], None]
PAGE = "index.html"
SUMMARY = "summary.md"


def write_report(
    out: str | Path,
    study: Study,
    command: str,
    validated: Sequence[Validated] = (),
    progress: Progress | None = None,
) -> Path:
    """Write all of it or nothing.

    Parameters
    ----------
    out : str or Path
        Folder of the report; it may replace an older report, nothing else.
    study : Study
        Each machine is written as resolved/NAME.yaml (`file_name`), the cost table as
        costs/NAME.yaml.
    command : str
        What makes the same report.
    validated : sequence of Validated
        What validation suites found, shown as it is.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        The place cannot be written; `out` is then as it was.
    """
    with fresh_folder(out) as folder:
        drawn = draw_all(folder, study, progress)
        behind = _tables(study, drawn, validated)
        for name, table in behind.items():
            tables.write_csv(table, folder / f"{name}.csv")
        (folder / "resolved").mkdir()
        for name, arch in sorted(study.archs.items()):
            text = resolved_yaml(arch)
            (folder / "resolved" / f"{file_name(name)}.yaml").write_text(text, encoding="utf-8")
        cost_tables = _write_costs(folder / "costs", study.cost_table)
        traces = [comparison.trace for comparison in study.comparisons]
        origin = provenance(study.archs, traces, command)
        origin["cost_tables"] = cost_tables
        text = json.dumps(origin, indent=1, sort_keys=True) + "\n"
        (folder / MARK).write_text(text, encoding="utf-8")
        files = [*sorted(f"{name}.csv" for name in behind), SUMMARY, MARK, "resolved/", "costs/"]
        page = render(study, validated, Beside(behind, drawn.pictures, files, origin))
        (folder / PAGE).write_text(page, encoding="utf-8")
        (folder / SUMMARY).write_text(summary_text(study, command), encoding="utf-8")
    return Path(out) / PAGE


def _write_costs(folder: Path, table: CostTable) -> dict[str, str]:
    """Write a table and those that it is scaled from; the hash of each, by name."""
    folder.mkdir()
    hashes = {}
    for each in (table, *table.bases.values()):
        text = resolved_costs(each).encode()
        (folder / f"{file_name(each.name)}.yaml").write_bytes(text)
        hashes[each.name] = hashlib.sha256(text).hexdigest()
    return hashes


def _tables(study: Study, drawn: Drawn, validated: Sequence[Validated]) -> dict[str, pd.DataFrame]:
    """Every table behind the page and its pictures, by name."""
    comparisons, costs = study.comparisons, study.costs
    return {
        "summary": tables.summary_table(comparisons),
        "totals": tables.totals_table(comparisons),
        "layers": tables.layer_table(comparisons),
        "spread": tables.spread_table(comparisons),
        "terms": tables.terms_table(comparisons),
        "units": tables.unit_table(comparisons),
        "memory": tables.memory_table(comparisons),
        "traffic": tables.traffic_table(comparisons),
        "critical_path": tables.path_table(comparisons),
        "breakdown": tables.parts_table(comparisons),
        "timeline": tables.timeline_table(drawn.used),
        "area": energy_tables.area_table(comparisons, costs),
        "energy": energy_tables.energy_table(comparisons, costs),
        "energy_operators": energy_tables.operators_table(comparisons, costs),
        "energy_actions": energy_tables.actions_table(comparisons, costs),
        "equal": equal_table(comparisons),
        "cost_ratios": energy_tables.ratios_table(comparisons, costs),
        "what_if": robustness_tables.what_if_table(study.what_if),
        "flip": robustness_tables.flip_table(study.robustness),
        "flip_points": robustness_tables.flip_points_table(study.robustness),
        "ablation": robustness_tables.ablation_table(study.robustness),
        "spread_within": robustness_tables.spread_within_table(study.robustness),
        "break_even": tables.break_even_table(study.break_even),
        "density": tables.density_table(study.density),
        "expert_load": tables.expert_table(drawn.experts),
        "key_reuse": tables.reuse_table(drawn.reuse),
        "validation": pd.DataFrame(validated, columns=names("validation")),
    }
