"""`accelsim trace capture`: what it takes, and what it says when that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from accelsim.workload.trace import validate_trace

SOURCE = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(8, 16), nn.Linear(16, 8)
    def forward(self, x):
        return self.down(self.up(x).relu())

def build():
    torch.manual_seed(0)
    return Block(), {inputs}

def broken():
    return Block(), torch.randn(4, 9)

def wrong():
    return 3
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine_for_capture.py"
    file.write_text(SOURCE.replace("{inputs}", "torch.randn(4, 8)"))
    return file


@pytest.mark.parametrize(
    "inputs",
    ["torch.randn(4, 8)", "(torch.randn(4, 8),)", "{'x': torch.randn(4, 8)}"],
)
@pytest.mark.parametrize("place", ["mine_for_capture.py", "mine_for_capture"])
def test_a_function_gives_model_and_inputs(source, inputs, place, cli):
    import sys

    sys.modules.pop("mine_for_capture", None)
    source.write_text(SOURCE.replace("{inputs}", inputs))
    done = cli("trace", "capture", f"{place}:build", "--out", "m.trace")
    assert done.code == 0, done.err
    assert done.out.startswith("m.trace: 3 operators")
    trace = validate_trace("m.trace")
    assert [op.scope for op in trace.operators] == ["up", "vector", "down"]
    assert trace.operators[2].activation_pattern.density < 0.9


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("mine_for_capture.py", "is not MODULE:FUNCTION"),
        ("none.py:build", "none.py: no such file"),
        ("no_such_module_here:build", "cannot be imported"),
        ("mine_for_capture.py:build2", "has no function 'build2' (it has: Block, broken, build"),
        ("mine_for_capture.py:wrong", "gave int, expected (model, inputs)"),
        ("mine_for_capture.py:broken", "the model raised RuntimeError: mat1 and mat2"),
    ],
)
def test_what_is_wrong_is_one_line(source, place, said, cli):
    done = cli("trace", "capture", place, "--out", "m.trace")
    assert done.code == 3 and said in done.err and done.err.count("\n") == 1
    assert not Path("m.trace").exists()
    assert [p.name for p in Path().iterdir() if p.name.startswith(".m.trace")] == []
