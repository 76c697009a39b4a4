"""A small trace and plans over it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accelsim.workload.operators import Attention, Matmul
from accelsim.workload.patterns import pattern_from_mask
from accelsim.workload.trace import write_trace

PLAN = """
name: small
architectures: [{arch: sparse_small, set: dram.level=simple}]
workloads: [TRACE]
parameters:
  bandwidth: {path: dram.bandwidth, values: [10 GB/s, 20 GB/s, 40 GB/s]}
  fifo_depth: {path: array.fifo_depth, values: [1, 2, 4, 8]}
  ports: {path: ports, values: [1, 2]}
metrics: {cost: bandwidth / 10 GB/s + ports}
objectives: {total_ps: minimise, cost: minimise}
"""


# 192 points: it still runs when a test has seen its first ones.
LONG = PLAN.replace("[1, 2, 4, 8]", "[1, 2, 3, 4, 5, 6, 7, 8]").replace(
    "values: [10 GB/s, 20 GB/s, 40 GB/s]", "range: {low: 10 GB/s, high: 32 GB/s, steps: 12}"
)


@pytest.fixture(scope="session")
def trace(tmp_path_factory) -> Path:
    """A matmul and an attention of which a tenth is kept: about 10 ms a simulation."""
    mask = np.random.default_rng(0).random((64, 64)) < 0.1
    operators = [
        Matmul(scope="up", m=64, n=64, k=64),
        Attention(
            scope="attention", batch=1, heads=1, kv_heads=1, q_len=64, kv_len=64, d_qk=32, d_v=32,
            causal=False, selection="oracle", pattern=pattern_from_mask(mask), inputs=(0,),
        ),
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("traces") / "small.trace"
    write_trace(folder, "small", operators)
    return folder


@pytest.fixture
def plan_file(tmp_path, trace):
    """Write a plan; by default one of 24 points. `TRACE` in it stands for the small trace."""

    def write(text: str = PLAN, name: str = "small.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text.replace("TRACE", str(trace)))
        return path

    return write


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its place in it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
