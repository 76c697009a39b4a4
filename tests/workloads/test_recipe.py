"""The recipe of tiny_moe_lm, end to end at toy sizes: train, capture, write, read back."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the recipe trains a model: it needs the torch extra")

from accelsim.workload.operators import Attention, Matmul, Moe
from accelsim.workload.trace import read_trace, validate_trace

ROOT = Path(__file__).resolve().parents[2]
TOY = (
    "--layers 2 --d-model 32 --heads 2 --d-ff 48 --window 64 --top-k 8 "
    "--train-batch 2 --windows 2 --batch 2"
).split()


def run_recipe(out: Path, *options: str) -> Path:
    command = [sys.executable, str(ROOT / "workloads/tiny_moe_lm/recipe.py"), *TOY, *options]
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(
        [*command, "--out", str(out)], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return out


def content(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.fixture(scope="module")
def topk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_recipe(tmp_path_factory.mktemp("recipe") / "toy.trace", "--steps", "3")


def test_topk_trace_reads_back(topk):
    trace = validate_trace(topk)
    by_scope = {op.scope: (index, op) for index, op in enumerate(trace.operators)}
    assert [op.scope for op in trace.operators[:11]] == [
        f"L0.{name}"
        for name in "norm1 attention.qkv attention.vector attention.core attention.out vector "
        "norm2 moe.router moe.vector moe.experts vector.2".split()
    ]
    index, attention = by_scope["L1.attention.core"]
    assert isinstance(attention, Attention)
    assert attention.inputs == (by_scope["L1.attention.qkv"][0], index - 1)
    assert (attention.batch, attention.heads, attention.q_len, attention.d_qk) == (2, 2, 64, 16)
    assert attention.selection == "from_scores"
    counts = attention.pattern.row_counts().reshape(4, 64)
    assert np.array_equal(counts, np.tile(np.minimum(np.arange(64) + 1, 8), (4, 1)))

    _, moe = by_scope["L1.moe.experts"]
    assert isinstance(moe, Moe)
    assert moe.expert_ids.shape == (128, 2)
    assert (moe.expert_ids[:, 0] != moe.expert_ids[:, 1]).all()
    assert (moe.activation_pattern.rows, moe.activation_pattern.cols) == (256, 48)
    assert 0.2 < moe.activation_pattern.density < 0.8

    _, head = by_scope["head"]
    assert isinstance(head, Matmul)
    assert (head.m, head.n, head.k) == (128, 256, 32)


def test_same_seed_same_bytes(topk, tmp_path):
    again = run_recipe(tmp_path / "toy.trace", "--steps", "3")
    assert content(again) == content(topk)


def test_mass_variant_keeps_fewer_keys_than_are_visible(tmp_path):
    trace = read_trace(run_recipe(tmp_path / "toy.trace", "--steps", "1", "--variant", "mass95"))
    attention = next(op for op in trace.operators if isinstance(op, Attention))
    assert attention.selection == "oracle"
    visible = 2 * 2 * 64 * 65 // 2
    assert 4 * 64 <= attention.pattern.nnz < visible
