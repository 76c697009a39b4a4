"""Writes the report of a finished sweep: a folder with the page, pictures and tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsim.report.folder import MARK, check_target, fresh_folder
from accelsim.report.plots import interaction, pareto, tornado
from accelsim.report.provenance import versions
from accelsim.report.style import save
from accelsim.report.sweep_page import front_name, render
from accelsim.report.sweep_study import Study, study_of
from accelsim.report.sweep_tables import (
    best_table,
    effects_table,
    pairs_table,
    pareto_table,
    two_way_table,
)
from accelsim.report.tables import write_csv
from accelsim.sweep.table import PLANS, read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = "index.html"
REPORT = "report"


def write_sweep_report(
    folder: str | Path,
    out: str | Path | None = None,
    plan: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Path:
    """Write the report of a plan's results, all of it or nothing.

    Parameters
    ----------
    folder : str or Path
        Folder of the sweep.
    out : str or Path, optional
        Folder of the report, `folder`/report by default; it may replace an older report, nothing
        else.
    plan : str, optional
        Name of the plan, needed where the folder holds the results of several.
    progress : callable(text, done, of), optional

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        No results, none with figures, or the report cannot be written.
    """
    folder = Path(folder)
    target = folder / REPORT if out is None else Path(out)
    check_target(target)
    study = study_of(read_table(folder, plan), str(folder))
    origin = _origin(folder, study)
    with fresh_folder(target) as fresh:
        pictures = {}
        plans = _plans(study)
        for number, (name, draw) in enumerate(plans.items()):
            if progress is not None:
                progress(f"drawing {name}", number, len(plans))
            _, pictures[name] = save(draw(), fresh, name)
        for name, table in (
            ("pareto", pareto_table(study)),
            ("main_effects", effects_table(study)),
            ("interactions", pairs_table(study)),
            ("strongest_pair", two_way_table(study)),
            ("best", best_table(study)),
        ):
            write_csv(table, fresh / f"{name}.csv")
        marked = json.dumps(origin, indent=1, sort_keys=True) + "\n"
        (fresh / MARK).write_text(marked, encoding="utf-8")
        files = [*sorted(path.name for path in fresh.glob("*.csv")), MARK]
        (fresh / PAGE).write_text(render(study, origin, pictures, files), encoding="utf-8")
    return target / PAGE


def _plans(study: Study) -> dict[str, Callable[[], Figure]]:
    """Every picture, by name."""
    plans: dict[str, Callable[[], Figure]] = {}
    for front in study.fronts:
        plans[front_name(front)] = partial(pareto.draw, pareto.prepare(study, front))
    for objective, response in study.responses.items():
        bars = tornado.prepare(study, objective, response)
        plans[f"tornado_{objective}"] = partial(tornado.draw, bars)
        pairs = interaction.prepare(study, objective, response)
        if pairs is not None:
            plans[f"interaction_{objective}"] = partial(interaction.draw, pairs)
    return plans


def _origin(folder: Path, study: Study) -> dict[str, Any]:
    """The plan, versions, and the hashes of what the report was made from."""
    name = study.plan.name
    files = [f"{PLANS}/{name}.csv", f"{PLANS}/{name}.json"]
    recorded = json.loads((folder / files[1]).read_text(encoding="utf-8"))
    recorded.pop("architectures", None)  # whole machines: in the file, which the hash is of
    return {
        "command": f"accelsim sweep report {folder.resolve().name} --plan {name}",
        "versions": versions(),
        "results": {
            file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in files
        },
        "sweep": recorded,
    }
