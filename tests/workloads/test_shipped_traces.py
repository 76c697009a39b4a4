"""The shipped traces of tiny_moe_lm are sound, small, and show why one captures a trained model.

Measured on them (mean over the four layers; random is the untrained twin of the same shapes on
the same text, with the same 32 keys kept by every query):

===================================  ======  =======
figure                               random  trained
===================================  ======  =======
distinct keys per 16-query tile       181.6    141.9
Jaccard of adjacent queries            0.28     0.40
ReLU zeros                             0.51     0.84
expert load max/mean                   2.50     1.67
===================================  ======  =======

A random model would so overstate the gather traffic of a tile and understate what a ReLU lets a
machine skip, at exactly the same density.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from accelsim.workload.operators import Attention, Moe
from accelsim.workload.trace import Trace, read_trace, validate_trace

WORKLOADS = Path(__file__).resolve().parents[2] / "workloads"
NAMES = ("tiny_moe_lm", "tiny_moe_lm_mass95", "tiny_moe_lm_random")
MEGABYTE = 1_000_000


def folder(name: str) -> Path:
    return WORKLOADS / f"{name}.trace"


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "tiny_moe_lm_figures", WORKLOADS / "tiny_moe_lm" / "figures.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def traces() -> dict[str, Trace]:
    return {name: read_trace(folder(name)) for name in NAMES}


@pytest.fixture(scope="module")
def means(figures, traces) -> dict[str, dict[str, float]]:
    """Mean over the layers of every figure of every trace."""
    return {
        name: {row: float(np.mean(layers)) for row, layers in figures.figures_of(trace).items()}
        for name, trace in traces.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_valid_and_small(name):
    validate_trace(folder(name))
    files = [path for path in folder(name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 2 * MEGABYTE


@pytest.mark.parametrize("name", NAMES)
def test_says_where_it_comes_from(name, traces):
    trace = traces[name]
    assert "workloads/tiny_moe_lm/recipe.py" in trace.producer
    assert (trace.seed, trace.phase, trace.batch, trace.seq_len) == (0, "prefill", 2, 512)
    assert "PSF" in trace.licence
    assert "not evidence about large models" in trace.note
    assert trace.quality["unit"] == "bits per byte of held-out text"
    assert trace.quality["loss_exact_attention"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_same_shapes_and_one_operator_list(name, traces):
    def shapes(trace: Trace) -> list[tuple]:
        return [(op.kind, op.scope, op.inputs) for op in trace.operators]

    assert shapes(traces[name]) == shapes(traces["tiny_moe_lm"])
    kinds = [type(op) for op in traces[name].operators]
    assert (kinds.count(Attention), kinds.count(Moe)) == (4, 4)


def test_replaying_the_selection_costs_little_quality(traces):
    for name in ("tiny_moe_lm", "tiny_moe_lm_mass95"):
        quality = traces[name].quality
        assert quality["loss_exact_attention"] < 2.5
        assert abs(quality["loss_replayed_selection"] - quality["loss_exact_attention"]) < 0.05
    assert traces["tiny_moe_lm_random"].quality["loss_exact_attention"] > 8.0


def test_neighbouring_queries_of_a_trained_model_share_keys(means):
    trained, random = means["tiny_moe_lm"], means["tiny_moe_lm_random"]
    assert trained["keys kept per query"] == random["keys kept per query"]
    keys = "distinct keys per 16-query tile"
    assert random[keys] > 1.2 * trained[keys]
    overlap = "Jaccard of adjacent queries"
    assert trained[overlap] > 1.2 * random[overlap]


def test_training_makes_relu_sparse_and_balances_the_experts(means):
    trained, random = means["tiny_moe_lm"], means["tiny_moe_lm_random"]
    assert trained["ReLU zeros"] > random["ReLU zeros"] + 0.2
    load = "expert load max/mean"
    assert trained[load] < random[load]
