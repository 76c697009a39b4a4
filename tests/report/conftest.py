"""A small trace of rule patterns, and a Comparison of the small machines on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accelsim.analysis.comparison import Comparison
from accelsim.arch.load import load_arch
from accelsim.cost.load import DEFAULT_TABLE, load_cost_table
from accelsim.hardware.compared import costs_of
from accelsim.report.study import Study
from accelsim.simulation import compare
from accelsim.sweep.trios import SMALL
from accelsim.workload.operators import Attention, Matmul, Moe, Operator, Vector
from accelsim.workload.patterns import attention_rule
from accelsim.workload.trace import Trace, write_trace

LENGTH, WIDTH = 256, 64


def block(layer: int, scope: str) -> list[Operator]:
    """Norm, attention and experts of one layer of 2 heads x 32."""
    first = 3 * layer
    before = () if layer == 0 else (first - 1,)
    pattern = attention_rule("topk_decay", units=2, q_len=LENGTH, kv_len=LENGTH, k=32, seed=layer)
    ids = np.random.default_rng(layer).integers(0, 4, (LENGTH, 1)).astype(np.int16)
    return [
        Vector(scope=f"{scope}.norm", elements=LENGTH * WIDTH, lane_operations=8, inputs=before),
        Attention(
            scope=f"{scope}.attention", batch=1, heads=2, kv_heads=2, q_len=LENGTH, kv_len=LENGTH,
            d_qk=32, d_v=32, selection="oracle", pattern=pattern, inputs=(first,),
        ),
        Moe(
            scope=f"{scope}.moe", tokens=LENGTH, d_model=WIDTH, d_ff=64, experts=4, top_k=1,
            expert_ids=ids, inputs=(first + 1,),
        ),
    ]  # fmt: skip


def small_trace(folder: Path, layers: int, name: str, scope: str = "L{}") -> Trace:
    """Write a trace of `layers` blocks and a last matmul."""
    operators = [op for layer in range(layers) for op in block(layer, scope.format(layer))]
    head = Matmul(scope="head", m=LENGTH, n=64, k=WIDTH, inputs=(len(operators) - 1,))
    return write_trace(
        folder / f"{name}.trace", name, [*operators, head], synthetic=True, seed=0, seq_len=LENGTH
    )


def compared(trace: Trace) -> Comparison:
    baseline, third, candidate = (load_arch(name) for name in SMALL)
    return compare(baseline, candidate, trace, third)


def study_with(*comparisons: Comparison, table: str = DEFAULT_TABLE) -> Study:
    """A study in which nothing was simulated again."""
    costs_by = load_cost_table(table)
    costs = [costs_of(comparison, costs_by) for comparison in comparisons]
    results = (result for comparison in comparisons for result in comparison.results.values())
    archs = {result.arch.name: result.arch for result in results}
    return Study(list(comparisons), costs, costs_by, [], [], [], [], archs)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("traces")


@pytest.fixture(scope="session")
def few(folder: Path) -> Comparison:
    """Four operators."""
    return compared(small_trace(folder, 1, "few"))


@pytest.fixture(scope="session")
def many(folder: Path) -> Comparison:
    """Forty operators with long names."""
    long = "model.decoder.transformer_layers.{}.a_rather_long_name_of_a_block"
    return compared(small_trace(folder, 13, "a_workload_with_a_very_long_name_indeed", long))
