"""Published machines: conservation, port and MAC bounds on dense, one- and two-sided products."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.analysis.result import Record, analyse
from accelsim.arch.load import load_arch, published_names
from accelsim.engine.run import run
from accelsim.mapping.trace import map_trace
from accelsim.simulation import simulate
from accelsim.workload.operators import Matmul
from accelsim.workload.patterns import pattern_from_mask
from tests.mapping import invariants
from tests.mapping.workloads import masked, random_mask, trace

MACHINES = [name for name in published_names() if not name.startswith("tpu")]
SHAPE = 70, 45, 130  # m, n, k: ragged on every machine


def product(a: float | None, b: float | None, shape: tuple[int, int, int] = SHAPE) -> Matmul:
    m, n, k = shape
    return Matmul(
        scope="product", m=m, n=n, k=k,
        activation_pattern=None if a is None else pattern_from_mask(random_mask(m, k, a, 1)),
        weight_pattern=None if b is None else pattern_from_mask(random_mask(n, k, b, 2)),
    )  # fmt: skip


def keeps_every_law(name: str, work: Matmul) -> str:
    """Run a product on a machine, check everything, and give the loop nest."""
    arch, whole = load_arch(name).at_dram_level("simple"), trace(work)
    mapped = map_trace(whole, arch)
    schedule = run(mapped.program)
    unique = {(op, int(kind)): size for (op, kind), size in mapped.unique_bytes.items()}
    record = Record(unique, mapped.choices, mapped.overhead_macs)
    result = analyse(arch, whole, mapped.program, schedule, record)
    for check in invariants.CHECKS:
        check(result)
    invariants.unique_bytes_are_requested(result, mapped.unique_bytes)
    issued = int(mapped.program.counters["issued_macs"].sum())
    wanted = invariants.effectual_macs(work)
    cycles = result.total_ps // arch.clock_ps
    assert cycles * arch.peak_macs_per_cycle("bf16") >= wanted
    assert issued >= wanted
    return mapped.choices[0]


@pytest.mark.parametrize("densities", [(0.2, 0.3), (0.3, None), (None, 0.25), (0.0, 0.3)])
@pytest.mark.parametrize("name", MACHINES)
def test_products_keep_every_law(name, densities):
    keeps_every_law(name, product(*densities))


@pytest.mark.parametrize("a", [None, 0.3])
@pytest.mark.parametrize("name", MACHINES)
def test_wanted_outputs_keep_every_law(name, a):
    m, n, _ = SHAPE
    wanted = pattern_from_mask(random_mask(m, n, 0.1, 7))
    keeps_every_law(name, replace(product(a, None), output_pattern=wanted))


@pytest.mark.parametrize("name", ["sparten", "matraptor", "outerspace"])
def test_wanted_outputs_beyond_the_scratchpad_keep_every_law(name):
    wanted = pattern_from_mask(random_mask(500, 400, 0.1, 7))
    work = replace(product(None, None, (500, 400, 600)), output_pattern=wanted)
    assert keeps_every_law(name, work).startswith("for")


@pytest.mark.parametrize("name", ["matraptor", "sparch", "eyeriss_v2"])
def test_products_beyond_the_scratchpad_keep_every_law(name):
    text = keeps_every_law(name, product(0.5, 0.5, (700, 500, 600)))
    assert text.startswith("for") and "columns: for up to" in text


@pytest.mark.parametrize("name", ["sanger", "sparten"])
def test_attention_takes_kept_scores_alone(name):
    arch = load_arch(name).at_dram_level("simple")
    mask = np.tril(random_mask(96, 96, 0.15, 3)) | np.eye(96, dtype=bool)
    sparse = map_trace(trace(masked(mask, d_qk=64, d_v=64)), arch)
    issued = int(sparse.program.counters["issued_macs"].sum())
    assert "sparse" in sparse.choices[0]
    assert issued < 96 * 97 // 2 * 128
    assert issued >= int(mask.sum()) * 128


@pytest.mark.parametrize("name", ["gamma", "outerspace", "sparch", "scnn"])
def test_both_engines_give_the_same_times(name):
    invariants.engines_agree(simulate(load_arch(name), trace(product(0.2, 0.3))))


def test_mapping_is_the_same_again():
    invariants.mapping_is_the_same_again(simulate(load_arch("gamma"), trace(product(0.2, 0.3))))
