"""Shipped workloads on shipped machines: every invariant, both engines, the same bytes twice."""

from __future__ import annotations

import json
from functools import cache

import pandas as pd
import pytest

import accelsim
from accelsim.analysis.result import Result
from accelsim.arch.load import published_names, shipped_names
from accelsim.mapping.trace import map_trace
from accelsim.simulation import compare, simulate, without_sparsity
from accelsim.sweep import trios
from tests.mapping import invariants
from tests.mapping.workloads import SMALL, attention, edge_cases, moe, token_topk, trace

TINY = ("tiny_moe_lm", "tiny_moe_lm_mass95", "tiny_moe_lm_random")
BIG = tuple(trios.BIG)
SYNTHETIC = [name for name in trios.DEFAULT_WORKLOADS if name not in TINY]
TABLES = ("operators", "units", "traffic", "path")
LAYER = 9  # operators of one layer
BEFORE_EXPERTS = 6


@cache
def result(workload: str, machine: str, count: int = LAYER) -> Result:
    cut = invariants.first_operators(accelsim.load_trace(workload), count)
    return simulate(accelsim.load_arch(machine), cut)


@pytest.mark.parametrize("machine", SMALL)
@pytest.mark.parametrize("workload", TINY)
def test_invariants(workload: str, machine: str) -> None:
    found = result(workload, machine)
    for check in invariants.CHECKS:
        check(found)
    mapped = map_trace(found.trace, found.arch)
    unique = {(op, int(kind)): size for (op, kind), size in mapped.unique_bytes.items()}
    invariants.unique_bytes_are_requested(found, unique)


@pytest.mark.parametrize("machine", SMALL)
@pytest.mark.parametrize("workload", TINY)
def test_engines_agree(workload: str, machine: str) -> None:
    # Of the other two traces only the attention differs.
    count = LAYER if workload == TINY[0] else BEFORE_EXPERTS
    invariants.engines_agree(result(workload, machine, count))


@pytest.mark.parametrize("workload", TINY)
def test_all_sides_have_the_same_numerator(workload: str) -> None:
    macs = [result(workload, machine).operators["effectual_macs"].tolist() for machine in SMALL]
    assert macs[0] == macs[1] == macs[2] and sum(macs[0]) > 0


@pytest.mark.parametrize("workload", TINY)
def test_units_are_fed_what_was_fetched(workload: str) -> None:
    """What is read from DRAM is read again by a unit, and what is stored was written by one."""
    for machine in SMALL:
        p = result(workload, machine).program
        store = p.unit == p.units.name.index("store")
        load = p.unit == p.units.name.index("load")
        assert p.counters["read_bytes"][~store].sum() >= p.counters["write_bytes"][load].sum()
        assert p.counters["write_bytes"][~load].sum() >= p.counters["read_bytes"][store].sum()


@pytest.mark.parametrize("machine", SMALL)
def test_a_whole_workload(machine: str) -> None:
    found = simulate(accelsim.load_arch(machine), accelsim.load_trace("tiny_moe_lm"))
    for check in invariants.CHECKS:
        check(found)


@pytest.mark.parametrize("machine", BIG)
@pytest.mark.parametrize("workload", SYNTHETIC)
def test_invariants_of_long_contexts(workload: str, machine: str) -> None:
    found = simulate(accelsim.load_arch(machine), accelsim.load_trace(workload))
    for check in invariants.CHECKS:
        check(found)


@pytest.mark.parametrize("machine", SMALL)
def test_the_same_inputs_give_the_same_bytes(machine: str) -> None:
    once = result(TINY[0], machine)
    fresh = invariants.first_operators(accelsim.load_trace(TINY[0]), LAYER)
    again = simulate(accelsim.load_arch(machine), fresh)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(once, name), getattr(again, name), check_exact=True)
    assert json.dumps(once.as_json()) == json.dumps(again.as_json())


def test_the_reference_engine_gives_the_same_result() -> None:
    arch, work = accelsim.load_arch("sparse_small"), trace(moe(), attention(40))
    both = [simulate(arch, work, engine=name).as_json() for name in ("compiled", "reference")]
    assert json.dumps(both[0]) == json.dumps(both[1])


@pytest.mark.parametrize("machine", [*shipped_names(), *published_names()])
def test_every_shipped_machine_runs_every_kind_of_operator(machine: str) -> None:
    arch = accelsim.load_arch(machine)
    if machine in published_names():  # spilling machines move a great deal
        arch = arch.at_dram_level("simple")
    names = ("matmul: odd", "moe", "gather: repeated", "scatter: repeated", "vector", "index")
    for name in (*names, "attention: a head its own set"):
        found = simulate(arch, edge_cases()[name])
        for check in invariants.CHECKS:
            check(found)


def test_the_public_names_stay_functions() -> None:
    import accelsim.report.review

    for _ in range(2):
        assert callable(accelsim.simulate) and callable(accelsim.compare)
        assert accelsim.simulate is simulate and accelsim.compare is compare


def test_compare_runs_the_candidate_once_more_without_sparsity() -> None:
    work = trace(token_topk(256, 32, heads=1, d_qk=32, d_v=32), moe(inputs=(0,)))
    machines = [accelsim.load_arch(name) for name in SMALL]
    found = compare(machines[0], machines[2], work, machines[1])
    assert list(found.results) == ["baseline", "third", "candidate", "candidate_dense"]
    assert found.results["candidate_dense"].arch == without_sparsity(machines[2])
    for role, machine in zip(
        found.results, (*machines, without_sparsity(machines[2])), strict=True
    ):
        alone = simulate(machine, work)
        assert found.results[role].total_ps == alone.total_ps
        assert found.speedup(role) == found.results["baseline"].total_ps / alone.total_ps
    times = found.times()
    for role, each in found.results.items():
        assert times[role].sum() == each.total_ps
    kept = times[times["kind"] == "attention"]
    assert found.attention_speedup() == pytest.approx(
        kept["baseline"].sum() / kept["candidate"].sum()
    )
    json.dumps(found.as_json())


def test_operators_that_depend_on_nothing_else_overlap() -> None:
    """Two experts' layers in parallel take less than the two alone, and more than one."""
    arch = accelsim.load_arch("systolic_32")
    one, two = moe(), moe(scope="other")
    alone = simulate(arch, trace(one)).total_ps
    together = simulate(arch, trace(one, two)).total_ps
    chained = simulate(arch, trace(one, moe(scope="other", inputs=(0,)))).total_ps
    assert alone < together <= chained


def test_compare_may_run_further_placements() -> None:
    work = trace(token_topk(256, 32, heads=2))
    tight = ["on_chip=2 MiB", "mapping.prefetch=64 KiB", "mapping.activation_storage=0 B"]
    first, last = (accelsim.load_arch(name, tight) for name in ("systolic_128", "sparse_v1"))
    found = compare(first, last, work, placements=3)
    assert {role: len(totals) for role, totals in found.elsewhere.items()} == {
        "baseline": 2, "candidate": 2, "candidate_dense": 2,
    }  # fmt: skip
    over = found.placement_spread()
    assert over.minimum <= found.speedup() <= over.maximum
    moved = simulate(accelsim.load_arch("sparse_v1", [*tight, "mapping.placement.seed=2"]), work)
    assert moved.total_ps == found.elsewhere["candidate"][1]
