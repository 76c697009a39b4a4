"""docs/adding_a_component.md: its diff applies to the sources as they are, and works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PAGE = ROOT / "docs" / "adding_a_component.md"


def run(*command: str, folder: Path) -> str:
    """Run a command on the copy, kernels as plain Python: nothing is compiled for one product."""
    paths = {"PYTHONPATH": str(folder), "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    done = subprocess.run(
        command, cwd=folder, env=os.environ | paths | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """The sources with the diff applied."""
    folder = tmp_path_factory.mktemp("copy")
    skip = shutil.ignore_patterns("__pycache__", "cases")
    for name in ("accelsim", "arch_configs", "tests/kernels", "tests/mapping"):
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    for name in ("workloads", "cost_tables"):
        (folder / name).symlink_to(ROOT / name)
    run("git", "apply", str(EXAMPLES / "add_dataflow.diff"), folder=folder)
    return folder


def test_the_dataflow_runs_as_the_page_says(copy):
    script = str(EXAMPLES / "try_dataflow.py")
    printed = re.search(r"^```text\n(1 .*?)^```$", PAGE.read_text(), re.M | re.S)
    assert run(sys.executable, script, folder=copy) == printed.group(1)


def test_what_it_leaves_out_is_shown(copy):
    show = "from accelsim.cli.main import main; main()"
    said = run(sys.executable, "-c", show, "arch", "show", "sliced_rows", folder=copy)
    assert "not modelled, sliced_rows: sorting the rows by length" in said


def test_its_own_tests_pass(copy):
    said = run(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib",
        "-k", "sliced_rows", "tests/kernels/test_sliced_rows.py", "tests/mapping/test_dataflows.py",
        folder=copy,
    )  # fmt: skip
    assert "4 passed" in said


def test_it_keeps_to_its_rooms():
    touched = re.findall(r"^\+\+\+ b/(\S+)$", (EXAMPLES / "add_dataflow.diff").read_text(), re.M)
    assert [path for path in touched if path.startswith("accelsim/")] == [
        "accelsim/arch/dataflows.py",
        "accelsim/kernels/sliced_rows.py",
        "accelsim/mapping/dataflows/__init__.py",
        "accelsim/mapping/dataflows/sliced_rows.py",
        "accelsim/report/machine.py",
    ]
