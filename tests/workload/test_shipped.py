"""The shipped synthetic workloads are what their recipe writes, small, valid and labelled."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import accelsim
from accelsim.workload.operators import Attention
from accelsim.workload.patterns import RulePattern
from accelsim.workload.statistics import operator_statistics
from accelsim.workload.trace import shipped_workloads, validate_trace

NEEDS_JIT = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="slow")
RECIPE = Path(accelsim.__file__).parent.parent / "workloads" / "synthetic" / "build.py"
NAMES = [
    "blocks_8k", "causal_8k", "dsa_8k", "longctx_32k", "longctx_32k_oracle", "longctx_8k",
    "longctx_8k_oracle", "window_8k",
]  # fmt: skip


def loaded(path: Path) -> Any:
    """A recipe as a module."""
    spec = importlib.util.spec_from_file_location("build", path)
    assert spec is not None and spec.loader is not None
    recipe: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    return recipe


def test_the_recipe_writes_the_shipped_bytes(tmp_path: Path) -> None:
    loaded(RECIPE).build(tmp_path)
    assert sorted(path.name.removesuffix(".trace") for path in tmp_path.iterdir()) == NAMES
    for name in NAMES:
        files = list((tmp_path / f"{name}.trace").iterdir())
        assert [file.name for file in files] == ["manifest.json"]
        shipped = shipped_workloads()[name] / "manifest.json"
        assert files[0].read_bytes() == shipped.read_bytes()


def test_the_recipe_of_the_table_writes_the_shipped_bytes(tmp_path: Path) -> None:
    recipe = loaded(RECIPE.parent.parent / "tables" / "build.py")
    recipe.build(tmp_path)
    files = sorted((tmp_path / "embedding_update.trace").iterdir())
    for file in files:
        shipped = shipped_workloads()["embedding_update"] / file.name
        assert file.read_bytes() == shipped.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_workload_is_valid_and_says_what_it_is(name: str) -> None:
    trace = validate_trace(shipped_workloads()[name])
    assert trace.name == name and trace.synthetic and trace.note.startswith("Synthetic:")
    attention = trace.operators[-1]
    assert isinstance(attention, Attention) and attention.q_len == trace.seq_len
    assert attention.pattern is None or isinstance(attention.pattern, RulePattern)


@NEEDS_JIT
@pytest.mark.parametrize(
    ("name", "density", "sharers"),
    [("longctx_8k", 0.0615, 5.3), ("dsa_8k", 0.1211, 5.9), ("window_8k", 0.122, 15.5)],
)
def test_the_statistics_of_shipped_workloads(name: str, density: float, sharers: float) -> None:
    facts = operator_statistics(validate_trace(shipped_workloads()[name]).operators[-1])
    assert facts.density == pytest.approx(density, rel=0.01)
    assert facts.reuse is not None and facts.reuse.sharers == pytest.approx(sharers, rel=0.03)
    assert 0 < facts.effectual_macs < facts.dense_macs


@NEEDS_JIT
def test_the_commands(cli: Callable[..., Any], tmp_path: Path) -> None:
    done = cli("trace", "info", "dsa_8k")
    assert done.code == 0
    for text in ("synthetic", "L0.index", "L0.attention", "0.1211", "quality: unknown", "total"):
        assert text in done.out
    done = cli("trace", "validate", "window_8k")
    assert (done.code, done.out[:13]) == (0, "OK: window_8k")
    done = cli("trace", "validate", tmp_path)
    assert done.code == 3 and "no trace is here" in done.err and done.err.count("\n") == 1
