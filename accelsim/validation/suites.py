"""The suites by name. Adding one is a row here and a module with `BUILT_IN` and `read_rows`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from accelsim.errors import InputError, unknown_name
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
    mean_limits: dict[str, float] = field(default_factory=dict)  # group: mean |relative error|
    patterns: bool = False  # takes a folder of bitmaps
    hours: bool = False  # not part of `all`
    remarks: bool = False  # its module has `remarks(rows)`


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
    "stonne": Suite(
        "accelsim.validation.stonne",
        "SIGMA's controller against STONNE on the same bitmaps",
        "cycles",
        0.20,
        relative=True,
        mean_limits={"": 0.05},
        patterns=True,
    ),
    "sanger": Suite(
        "accelsim.validation.sanger",
        "utilisation of Sanger's split rows at each density",
        "utilisation",
        0.01,
    ),
    "spatten": Suite(
        "accelsim.validation.spatten",
        "SpAtten's top-k engine; DRAM and multiplier floors of its decode traces",
        "cycles",
        0,
    ),
    "published": Suite(
        "accelsim.validation.published",
        "SIGMA, DSTC, Eyeriss v2, 2:4 tensor cores, GAMMA and ExTensor from their YAML",
        "cycles",
        0,
        quick=False,
        mean_limits={"DSTC": 0.08},
    ),
    "sparseloop": Suite(
        "accelsim.validation.sparseloop",
        "energies of Sparseloop's tensor-core study: dense over sparse, order, levels",
        "uJ",
        0,
        quick=False,
    ),
    "area": Suite(
        "accelsim.validation.area",
        "published areas and powers beside the model's, scope by scope",
        "mm2",
        0,
        quick=False,
        remarks=True,
    ),
    "engines": Suite(
        "accelsim.validation.engines",
        "compiled engine against the reference engine on every shipped workload",
        "ps",
        0,
        quick=False,
        hours=True,
    ),
}
ALL = tuple(name for name, suite in SUITES.items() if not suite.hours)


def run_suite(
    name: str,
    cases: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    patterns: Path | None = None,
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
    patterns : Path, optional
        Folder of bitmaps, for a suite that takes one; by default the built-in ones.

    Raises
    ------
    InputError
        Unknown suite, or a file that cannot be used.
    """
    if name not in SUITES:
        raise unknown_name("suite", name, [*SUITES, "all"])
    suite = SUITES[name]
    if patterns is not None and not suite.patterns:
        takers = ", ".join(other for other, entry in SUITES.items() if entry.patterns)
        raise InputError(
            f"suite {name} takes no bitmaps", where="--patterns", remedy=f"for suite {takers} only"
        )
    module = importlib.import_module(suite.module)
    paths = [cases] if cases is not None else [CASES / file for file in module.BUILT_IN]
    rows = []
    of = sum(len(read_table(path).lines) for path in paths)
    for path in paths:
        found = module.read_rows(path, patterns) if suite.patterns else module.read_rows(path)
        for row in found:
            rows.append(row)
            if progress is not None:
                progress(f"{name}: {row.case}", min(len(rows), of), of)
    return Outcome(
        name, suite.unit, suite.tolerance, tuple(rows), suite.relative, suite.mean_limits,
        module.remarks(rows) if suite.remarks else (),
    )  # fmt: skip
