"""Every model that the figures of a page rest on, and against what it was checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from accelsim.arch.spec import Arch
from accelsim.report.page.cells import Cell, Head, PageTable, figure, text_head
from accelsim.report.page.ledger import Ledger
from accelsim.report.words import LEVEL_WORDS, count

TESTS = "no reference outside; tests hold it to"


class Validated(NamedTuple):
    """One validation suite as it ran for this report."""

    suite: str
    checks: str
    cases: int
    max_error: float
    tolerance: str
    unit: str
    passed: bool


class Used(NamedTuple):
    """A model in use: its `suite`, if there is one, and what else can be said."""

    component: str
    model: str
    suite: str
    said: str


def models_table(
    archs: Sequence[Arch], validated: Sequence[Validated], ledger: Ledger
) -> PageTable:
    """One row for each model that any of the machines uses."""
    heads = [text_head("component"), text_head("model"), text_head("machines")]
    heads += [text_head("validated against"), Head("rows"), Head("largest error")]
    heads += [text_head("status")]
    ran = {item.suite: item for item in validated}
    users: dict[Used, list[str]] = {}
    for arch in archs:
        for used in models_of(arch):
            users.setdefault(used, []).append(arch.name)
    rows = []
    for used, names in sorted(users.items(), key=lambda item: _ORDER.index(item[0].component)):
        item = ran.get(used.suite)
        machines = "all" if len(names) == len(archs) else ", ".join(names)
        row: list[str | Cell] = [used.component, used.model, machines]
        if item is not None:
            cells = [
                figure(ledger.only("validation", "cases", suite=item.suite), count),
                figure(ledger.only("validation", "max_error", suite=item.suite), _error(item.unit)),
            ]
            status = "within tolerance" if item.passed else "FAILED"
            said = f"{item.checks}. {used.said}" if used.said else item.checks
            row += [said, *cells, f"{status} ({item.tolerance})"]
        elif used.suite:
            status = f"not run for this page: accelsim validate {used.suite}"
            row += [used.said, "", "", status]
        else:
            row += [used.said, "", "", "not validated"]
        rows.append(row)
    return PageTable("", heads, rows)


def _error(unit: str) -> Callable[[float], str]:
    return lambda error: f"{error:.3g} {unit}" if error else "0"


_ORDER = (
    "array", "DRAM", "load and gather", "scratchpad", "index unit", "scatter unit", "vector unit",
    "mapping", "engine",
)  # fmt: skip


def models_of(arch: Arch) -> Iterator[Used]:
    """Name the models that an architecture uses."""
    yield _array(arch)
    level = arch.dram.level
    said = {
        "request": "",
        "train": "Contiguous pieces go at measured paces: within 5 % of request level in tests.",
        "simple": f"{TESTS} bandwidth, activates and queues",
    }[level]
    yield Used("DRAM", LEVEL_WORDS[level], "" if level == "simple" else "dram", said)
    gathers = "gathers the real indices" if arch.load.gathers_attention else "streams blocks"
    yield Used(
        "load and gather", gathers, "", f"{TESTS} a plain implementation: lines, duplicates, banks"
    )
    yield Used("scratchpad", "port shares, bank queues", "", f"{TESTS} conservation of bytes")
    if arch.index is not None:
        yield Used(
            "index unit", "top-k and unions at a rate", "",
            f"{TESTS} its declared rates; SpAtten's own top-k engine is in suite spatten",
        )  # fmt: skip
    if arch.scatter is not None:
        yield Used("scatter unit", "banked accumulators", "", f"{TESTS} a plain implementation")
    yield Used("vector unit", "operations per element", "", f"{TESTS} its declared table of costs")
    yield Used(
        "mapping", "tiling by estimate", "",
        f"{TESTS} 10 % of the ideal on dense attention, and to the fairness laws",
    )  # fmt: skip
    yield Used("engine", "compiled, discrete events", "engines", "Equal to the reference engine.")


def _array(arch: Arch) -> Used:
    array = arch.array
    if array.kind == "systolic":
        if array.fold_rule == "preload":
            return Used(
                "array", "systolic, preloaded folds", "systolic",
                "The overlap of a fold's weights with the fold before has no reference.",
            )  # fmt: skip
        return Used("array", f"systolic, {array.fold_rule}", "systolic", "")
    if array.kind == "sparse":
        return Used(
            "array", "sparse rows with multicast", "",
            f"{TESTS} a plain implementation of its rows, FIFOs and buses; no machine like it is "
            "published with figures",
        )  # fmt: skip
    flows = ", ".join(flow.kind for flow in array.dataflows)
    return Used("array", f"composed, {flows}", "published", "See the rows of this machine.")
