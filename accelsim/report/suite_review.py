"""Writes the review of a suite: a folder with the page, pictures, tables and machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from accelsim.arch.load import resolved_yaml
from accelsim.report.folder import MARK, check_target, fresh_folder
from accelsim.report.plots import index_cost, suite_equal, suite_published, suite_speedup
from accelsim.report.provenance import provenance
from accelsim.report.style import save
from accelsim.report.suite import Machine, Run, Suite, load_suite, machines_of, run_suite
from accelsim.report.suite_areas import TableAreas, areas_of
from accelsim.report.suite_figures import Figures
from accelsim.report.suite_findings import findings_text, verdict
from accelsim.report.suite_page import render
from accelsim.report.suite_tables import suite_tables
from accelsim.report.tables import write_csv
from accelsim.workload.catalogue import load_workload

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = "index.html"
FINDINGS = "findings.md"


class SuiteReview(NamedTuple):
    """A review that was written: its page, what it shows, and the verdict."""

    page: Path
    figures: Figures
    verdict: str


def write_suite(
    out: str | Path,
    name_or_path: str,
    *,
    jobs: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> SuiteReview:
    """Run a suite and write its review, all of it or nothing.

    Parameters
    ----------
    out : str or Path
        Folder of the report; it may replace an older report, nothing else.
    name_or_path : str
        A shipped suite, or a YAML file; a Markdown file of the same name beside it holds the
        findings (see `findings_text`).
    jobs : int
        Processes; the result does not depend on it.
    progress : callable(text, done, of), optional

    Returns
    -------
    SuiteReview
    """
    check_target(out)
    suite, file = load_suite(name_or_path)
    machines = machines_of(suite)
    runs = run_suite(suite, machines, jobs, progress)
    return write_runs(out, suite, file, machines, runs)


def write_runs(
    out: str | Path, suite: Suite, file: Path, machines: Sequence[Machine], runs: Sequence[Run]
) -> SuiteReview:
    """Write the review of runs that were made; see `write_suite`."""
    figures, areas = Figures(runs), areas_of(suite, machines)
    traces = [load_workload(entry.workload, entry.shape) for entry in suite.workloads]
    text = file.with_suffix(".md")
    template = text.read_text(encoding="utf-8") if text.is_file() else "None were written.\n"
    findings = findings_text(template, figures, areas)
    command = f"accelsim review --suite {suite.name}"
    origin = provenance({machine.arch.name: machine.arch for machine in machines}, traces, command)
    origin["cost_tables"] = [each.table for each in areas]
    plans = _plans(suite, figures, areas[0])
    with fresh_folder(out) as folder:
        pictures = {name: save(plan(), folder, name)[1] for name, plan in plans.items()}
        for name, table in suite_tables(figures, areas).items():
            write_csv(table, folder / f"{name}.csv")
        (folder / "resolved").mkdir()
        for machine in machines:
            path = folder / "resolved" / f"{machine.arch.name.replace(' ', '_')}.yaml"
            path.write_text(resolved_yaml(machine.arch), encoding="utf-8")
        (folder / FINDINGS).write_text(findings, encoding="utf-8")
        marked = json.dumps(origin, indent=1, sort_keys=True) + "\n"
        (folder / MARK).write_text(marked, encoding="utf-8")
        files = sorted(path.name for path in folder.glob("*.csv")) + [FINDINGS, MARK, "resolved/"]
        page = render(suite, machines, figures, areas, traces, findings, origin, pictures, files)
        (folder / PAGE).write_text(page, encoding="utf-8")
    return SuiteReview(Path(out) / PAGE, figures, verdict(figures, suite, areas[0]))


def _plans(suite: Suite, figures: Figures, areas: TableAreas) -> dict[str, Callable[[], Figure]]:
    """Every picture, by name."""
    plans: dict[str, Callable[[], Figure]] = {
        "suite_speedup": lambda: suite_speedup.draw(suite_speedup.prepare(figures)),
        "index_cost": lambda: index_cost.draw(index_cost.prepare()),
    }
    if figures.at_equal:
        how = "; ".join(one.text for one in areas.scaled.values())
        plans["suite_equal"] = lambda: suite_equal.draw(
            suite_equal.prepare(figures, str(suite.equal), areas.table, how)
        )
    if any(role == "published" for role, _ in figures.columns):
        plans["suite_published"] = lambda: suite_published.draw(suite_published.prepare(figures))
    return plans
