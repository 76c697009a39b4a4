"""What the README and the help texts tell users to type works as written."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

import accelsim
from accelsim.arch.load import load_arch
from accelsim.cli.main import app
from accelsim.report.suite import load_suite
from accelsim.sweep.design import Design
from accelsim.sweep.plan import load_plan
from accelsim.sweep.running import designer_of
from accelsim.workload.catalogue import load_workload
from accelsim.workload.recipes.recipe import load_recipe
from accelsim.workload.trace import find_trace

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
SWEEPS = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
COMMAND: Any = typer.main.get_command(app)


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.M | re.S)


def helped(command: Any) -> list[str]:
    """Examples in the help of a command and of those below it."""
    found = re.findall(
        r"Example: (accelsim .*?)(?= Example: |$)", " ".join((command.help or "").split())
    )
    for below in getattr(command, "commands", {}).values():
        found += helped(below)
    return found


def examples() -> list[str]:
    lines = [
        line.split("#")[0].strip()
        for block in blocks("sh") + blocks("sh", RECIPES) + blocks("sh", SWEEPS)
        for line in block.splitlines()
    ]
    return [line for line in lines if line.startswith("accelsim")] + helped(COMMAND)


@pytest.mark.parametrize("line", examples())
def test_a_command_parses_and_names_what_exists(line: str) -> None:
    words = shlex.split(line)[1:]
    reviews, command = words[0] == "review", COMMAND
    while hasattr(command, "commands"):
        if command.name == "sweep" and words[0] not in command.commands:
            words.insert(0, "run")  # a plan stands in its place
        command = command.commands[words.pop(0)]
    given = command.make_context(command.name, words).params
    changes = tuple(given.get("overrides") or ())
    for name in ("arch", "baseline", "candidate", "third"):
        if given.get(name):
            load_arch(given[name], changes)
    workloads = given.get("workload") or ()
    for name in [workloads] if isinstance(workloads, str) else workloads:
        if not name.startswith("my_"):
            load_workload(name, tuple(given.get("shape") or ()))
    if reviews and given.get("suite"):
        load_suite(given["suite"])
    if given.get("plan") and given["plan"] != "mine.yaml":
        load_plan(given["plan"])


def test_there_are_examples_of_every_command() -> None:
    for name in COMMAND.commands:
        assert any(line.split()[1] == name for line in examples()), name


def test_the_architecture_of_the_readme_loads(tmp_path: Path) -> None:
    (text,) = blocks("yaml")
    place = tmp_path / "mine.yaml"
    place.write_text(text, encoding="utf-8")
    assert load_arch(str(place)).array != load_arch("sparse_v1").array


def test_the_model_of_the_recipes_page_builds(tmp_path: Path) -> None:
    (text,) = blocks("yaml", RECIPES)
    place = tmp_path / "our_7b.yaml"
    place.write_text(text, encoding="utf-8")
    for key in ("prefill_8k", "decode_8k_b16"):
        assert len(load_recipe(f"{place}:{key}", ("steps=1",)).operators()) > 20


def test_the_plan_of_the_sweeps_page_is_right(tmp_path: Path) -> None:
    (text,) = blocks("yaml", SWEEPS)
    place = tmp_path / "mine.yaml"
    place.write_text(text, encoding="utf-8")
    designer = designer_of(place)
    designs = list(designer.designs())
    assert len(designs) == 2 * (8 + 24) and {type(design) for design in designs} == {Design}
    assert not any(design.refused for design in designs if isinstance(design, Design))


def test_the_python_of_the_sweeps_page_parses() -> None:
    (text,) = blocks("python", SWEEPS)
    names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    assert {"run_sweep", "outcome"} <= names and "run_sweep" in accelsim.__all__


def test_the_python_of_the_readme_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch", reason="one of them captures a model")

    capture, replay = blocks("python")
    monkeypatch.chdir(tmp_path)
    inputs = {"input": torch.ones(2, 4)}
    names = {"accelsim": accelsim, "model": torch.nn.Linear(4, 4), "inputs": inputs}
    exec(compile(capture, "README.md", "exec"), names)
    assert find_trace("my_model.trace")
    exec(compile(replay, "README.md", "exec"), {})
    assert "L0.attention" in capsys.readouterr().out
