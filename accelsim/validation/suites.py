"""The suites by name. Adding one is a row here and a module with `BUILT_IN` and `read_rows`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accelsim.errors import unknown_name
from accelsim.validation.outcome import Outcome
from accelsim.validation.table import read_table

CASES = Path(__file__).with_name("cases")


@dataclass(frozen=True)
class Suite:
    """What a suite checks, in which unit its errors are, and how large they may be."""

    module: str
    checks: str
    unit: str
    tolerance: float
    relative: bool = False  # the tolerance is a share of the reference
    quick: bool = True  # within seconds: also run for a review


SUITES = {
    "systolic": Suite(
        "accelsim.validation.systolic",
        "serial folds against SCALE-Sim v3; TPU-like array against SIGMA's ten rows",
        "cycles",
        0,
    ),
    "mesh": Suite("accelsim.validation.mesh", "output-stationary mesh against STONNE", "cycles", 0),
    "dram": Suite(
        "accelsim.validation.dram",
        "request-level DRAM against DRAMsim3: clocks, activates and row-hit rate of 81 streams",
        "clocks",
        0.001,
        relative=True,
        quick=False,
    ),
    "engines": Suite(
        "accelsim.validation.engines",
        "compiled engine against the reference engine on every shipped workload",
        "ps",
        0,
        quick=False,
    ),
}


def run_suite(
    name: str, cases: Path | None = None, progress: Callable[[str, int, int], None] | None = None
) -> Outcome:
    """Run one suite.

    Parameters
    ----------
    name : str
        A key of `SUITES`.
    cases : Path, optional
        A CSV with the columns of the suite's reference file; by default the built-in cases.
    progress : callable(text, done, of), optional
        Called after every case.

    Raises
    ------
    InputError
        Unknown suite, or a file that cannot be used.
    """
    if name not in SUITES:
        raise unknown_name("suite", name, SUITES)
    suite = SUITES[name]
    module = importlib.import_module(suite.module)
    paths = [cases] if cases is not None else [CASES / file for file in module.BUILT_IN]
    rows = []
    of = sum(len(read_table(path).lines) for path in paths)
    for path in paths:
        for row in module.read_rows(path):
            rows.append(row)
            if progress is not None:
                progress(f"{name}: {row.case}", len(rows), of)
    return Outcome(name, suite.unit, suite.tolerance, tuple(rows), suite.relative)
