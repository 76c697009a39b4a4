"""What `make` says when it cannot install, without a network to lose."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "tools" / "install.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("install_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fake_pip(script, monkeypatch, tmp_path, log: str, gone: list[str]):
    """Install with a pip that only writes `log` and fails."""

    def run(command, *, stdout, **_):
        stdout.write(log)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(script.subprocess, "run", run)
    monkeypatch.setattr(script, "missing", lambda python, wanted: gone)
    script.install(Path(sys.executable), tmp_path, ["test"], "test")


def test_requirements_are_those_of_the_project(script):
    core, with_torch = script.requirements([]), script.requirements(["torch"])
    assert any(need.startswith("numba") for need in core)
    assert with_torch == [*core, "torch==2.13.0"]


def test_what_is_missing_is_named(script):
    gone = script.missing(Path(sys.executable), ["pytest>=1", "pytest>=999", "no-such-package"])
    assert [line for line in gone if line.startswith("pytest")][0].startswith("pytest>=999 (found")
    assert "no-such-package" in gone
    assert not [line for line in gone if line.startswith("pytest>=1 ")]


def test_no_network_is_said_in_one_line(script, monkeypatch, tmp_path, capsys):
    log = "WARNING: Retrying after 'NewConnectionError(...)'\nERROR: no matching distribution\n"
    with pytest.raises(SystemExit) as left:
        fake_pip(script, monkeypatch, tmp_path, log, ["accelsim", "numba>=0.61"])
    said = capsys.readouterr().err
    assert left.value.code == 1
    assert said.count("\n") == 1
    assert "missing: numba>=0.61." in said
    assert "PIP_INDEX_URL" in said and "'make test' again" in said
    assert str(tmp_path / "pip.log") in said


def test_another_failure_shows_what_pip_said(script, monkeypatch, tmp_path, capsys):
    with pytest.raises(SystemExit):
        fake_pip(script, monkeypatch, tmp_path, "x\nERROR: disk full\n", ["numba>=0.61"])
    assert "ERROR: disk full" in capsys.readouterr().err


def test_a_complete_environment_goes_on_without_a_network(script, monkeypatch, tmp_path, capsys):
    fake_pip(script, monkeypatch, tmp_path, "NewConnectionError", [])
    assert "going on" in capsys.readouterr().out
