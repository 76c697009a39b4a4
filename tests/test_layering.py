"""The import rule of the package: which room may import which, read from the source itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "accelsim"

BELOW_SIMULATE = {"kernels", "workload", "arch", "engine", "mapping", "analysis"}
UP_TO_SIMULATE = BELOW_SIMULATE | {"simulation"}

# room -> what it may import of ours beside itself and the rooms of everyone; "engine.program" is
# that module only
MAY_IMPORT = {
    "errors": set(),
    "progress": set(),
    "config": {"errors"},
    "kernels": set(),
    "cost": set(),
    "workload": {"kernels"},
    "arch": {"kernels"},
    "pytorch": {"workload", "kernels"},
    "engine": {"kernels"},
    "mapping": {"workload", "arch", "kernels", "engine.program", "engine.builder"},
    "analysis": {"engine", "arch", "workload"},
    "simulation": BELOW_SIMULATE,
    "hardware": BELOW_SIMULATE | {"cost"},
    "sweep": UP_TO_SIMULATE | {"cost", "hardware"},
    "report": UP_TO_SIMULATE | {"sweep", "cost", "hardware"},
    "validation": UP_TO_SIMULATE | {"cost", "hardware"},
}
MAY_IMPORT_ALL = {"cli", "__init__"}
OF_EVERYONE = ("errors", "progress", "config")

# third-party package -> the modules (or whole rooms) of ours that may import it
ONLY_IN = {
    "numba": ("kernels", "engine.compiled"),
    "simpy": ("engine.reference",),
    "torch": ("pytorch",),
    "matplotlib": ("report",),
}


@dataclass(frozen=True)
class Import:
    """One name imported: `target` is a dotted module, `name` what is taken from it (or none)."""

    target: str
    name: str
    line: int


def imports_of(source: str, module: str, is_package: bool) -> Iterator[Import]:
    """Every import of a source text, wherever it stands, with relative ones resolved."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, "", node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            target = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(target, alias.name, node.lineno)


def inside(path: str, allowed: str) -> bool:
    """Whether a dotted path is `allowed` or below it."""
    return path == allowed or path.startswith(allowed + ".")


def our_fault(module: str, imported: Import, modules: set[str]) -> str:
    """Say what is wrong with an import of ours; empty if nothing is."""
    room = module.split(".")[1] if "." in module else "__init__"
    full = f"{imported.target}.{imported.name}"
    target = full if full in modules else imported.target
    path = target.removeprefix("accelsim").removeprefix(".")
    if room in MAY_IMPORT_ALL or inside(path, room) or path.split(".")[0] in OF_EVERYONE:
        return ""
    if not path:
        return "" if imported.name == "__version__" else "the package root leads to every room"
    if room not in MAY_IMPORT:
        return f"room '{room}' is not in the import rule"
    if any(inside(path, allowed) for allowed in MAY_IMPORT[room]):
        return ""
    return f"{room} may not import {path}"


def faults(source: str, module: str, modules: set[str], is_package: bool = False) -> list[str]:
    """Every breach of the rule in one source text."""
    found = []
    for imported in imports_of(source, module, is_package):
        top = imported.target.split(".")[0]
        if top == "accelsim":
            said = our_fault(module, imported, modules)
        elif top in ONLY_IN:
            own = module.removeprefix("accelsim.")
            fine = any(inside(own, allowed) for allowed in ONLY_IN[top])
            said = "" if fine else f"{top} only in {', '.join(ONLY_IN[top])}"
        else:
            said = ""
        if said:
            found.append(f"{module}:{imported.line}: {said}")
    return found


def package_modules() -> dict[str, Path]:
    named = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ["accelsim", *path.relative_to(PACKAGE).with_suffix("").parts]
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def test_the_package_keeps_the_import_rule():
    modules = package_modules()
    found = [
        fault
        for module, path in modules.items()
        for fault in faults(
            path.read_text(), module, set(modules), is_package=path.name == "__init__.py"
        )
    ]
    assert not found, "\n".join(found)


MODULES = {"accelsim", "accelsim.engine", "accelsim.engine.program", "accelsim.engine.compiled"}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("accelsim.kernels.systolic", "from accelsim.arch.spec import Arch"),
        ("accelsim.kernels.systolic", "from ..arch import spec"),
        ("accelsim.kernels.systolic", "def f():\n    import accelsim.mapping.plan"),
        ("accelsim.workload.trace", "from accelsim import arch"),
        ("accelsim.arch.spec", "import accelsim"),
        ("accelsim.arch.spec", "from accelsim import load_trace"),
        ("accelsim.engine.compiled", "from accelsim.workload.trace import Trace"),
        ("accelsim.mapping.plan", "from accelsim.engine.compiled import run"),
        ("accelsim.mapping.plan", "from accelsim.engine import compiled"),
        ("accelsim.mapping.plan", "from accelsim.engine import run"),
        ("accelsim.mapping.plan", "from accelsim.engine.programs import x"),
        ("accelsim.analysis.metrics", "from accelsim.mapping.plan import Plan"),
        ("accelsim.simulation", "from accelsim.report import text"),
        ("accelsim.sweep.plan", "from accelsim.report import text"),
        ("accelsim.newroom.thing", "from accelsim.kernels import systolic"),
        ("accelsim.mapping.plan", "import numba"),
        ("accelsim.engine.run", "from numba import njit"),
        ("accelsim.engine.compiled", "import simpy.core"),
        ("accelsim.workload.trace", "if True:\n    import torch"),
        ("accelsim.analysis.plot", "import matplotlib.pyplot as plt"),
        ("accelsim.report.text", "from accelsim.cli import main"),
        ("accelsim.errors", "from accelsim.arch import spec"),
        ("accelsim.cost.table", "from accelsim.arch.spec import Arch"),
        ("accelsim.arch.spec", "from accelsim.cost.table import CostTable"),
    ],
)
def test_a_breach_is_found(module: str, source: str):
    assert len(faults(source, module, MODULES)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("accelsim.kernels.systolic", "from accelsim.errors import InputError"),
        ("accelsim.kernels.systolic", "from . import mesh\nfrom .mesh import mesh_gemm"),
        ("accelsim.mapping.plan", "from accelsim.engine import program"),
        ("accelsim.mapping.plan", "from accelsim.engine.program import Program"),
        ("accelsim.engine.compiled", "from numba import njit"),
        ("accelsim.report.html", "from accelsim import __version__"),
        ("accelsim.cli.run", "from accelsim.report import text\nfrom accelsim import simulate"),
        ("accelsim.simulation", "from accelsim.mapping.plan import plan"),
    ],
)
def test_what_the_rule_allows_is_left_alone(module: str, source: str):
    assert faults(source, module, MODULES) == []


def test_relative_imports_of_a_package_start_at_itself():
    source = "from . import program"
    assert list(imports_of(source, "accelsim.engine", True)) == [
        Import("accelsim.engine", "program", 1)
    ]
    assert list(imports_of(source, "accelsim.engine.run", False)) == [
        Import("accelsim.engine", "program", 1)
    ]
