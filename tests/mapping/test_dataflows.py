"""Every dataflow: effectual multiplications and outputs equal SciPy's, cycles keep the roofline."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.arch.composed import ComposedArray
from accelsim.arch.load import load_arch
from accelsim.mapping.dataflows import COSTS, Cost, Problem, cheapest

# dataflow: a shipped machine that has it, and changes that make it small.
ARRAYS = {
    "inner": [
        ("sparten", ["array.pe_array.pes=4"]),
        ("extensor", ["array.pe_array.pes=3"]),
        ("extensor", ["array.dataflows.0={kind: inner, micro_tile: 4, memory_depth: 8}"]),
        ("extensor", ["array.dataflows=[{kind: inner}]", "array.intersect.kind=two_finger",
                      "array.balance.kind=stealing"]),
        ("spatten", ["array.pe_array.lanes=16", "array.intersect.width=32"]),
    ],
    "gustavson": [
        ("gamma", ["array.merge.radix=3", "array.pe_array.pes=2"]),
        ("matraptor", ["array.merge.queues=3"]),
        ("gamma", ["array.merge={kind: hash, slots: 4}", "array.pe_array.lanes=2"]),
        ("gamma", ["array.merge={kind: dense, slots: 8, drain_per_cycle: 2}"]),
    ],
    "outer": [
        ("outerspace", ["array.merge.radix=2"]),
        ("eyeriss_v2", []),
        ("sparch", ["array.merge.radix=3"]),
    ],
    "condensed_outer": [
        ("dstc", ["array.dataflows.0.tile_rows=8", "array.dataflows.0.tile_columns=16"]),
    ],
    "cartesian": [("scnn", ["array.pe_array.pes=4", "array.merge.banks=8"])],
    "structured": [("s2ta", []), ("sparse_tensor_core_2_4", []), ("highlight", [])],
    "flexible": [("sigma", ["array.pe_array.pes=16", "array.noc.stream_words=8"]),
                 ("sigma", ["array.dataflows.0.stationary=auto",
                            "array.dataflows.0.overlap_load=true"])],
    "flexible_serial": [
        ("sigma_stonne", ["array.pe_array.pes=8", "array.dataflows.0.ports=4"]),
        ("sigma_stonne", ["array.dataflows.0.stationary=b"]),
    ],
    "row_split": [
        ("sanger", ["array.pe_array.pes=3", "array.pe_array.lanes=4",
                    "array.dataflows.0.segment=8"]),
        ("sanger", ["array.dataflows.0.packing=packed"]),
    ],
    "broadcast": [("eie", ["array.pe_array.pes=4"])],
    "gather_reduce": [("sparsecore", ["array.pe_array.pes=4"])],
}  # fmt: skip
ADDED_ONE_BY_ONE = {"condensed_outer", "cartesian", "broadcast", "gather_reduce"}
CASES = [(kind, *machine) for kind, machines in ARRAYS.items() for machine in machines]
NAMES = [f"{kind}-{name}-{len(changes)}" for kind, name, changes in CASES]


def array_of(name: str, changes: list[str]) -> ComposedArray:
    found = load_arch(name, changes).array
    assert isinstance(found, ComposedArray)
    return found


def csr(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64)
    return ptr, np.nonzero(mask)[1].astype(np.int32)


def scipys(a: np.ndarray, b: np.ndarray, kept: np.ndarray | None = None) -> tuple[int, int]:
    """(multiplications, nonzeros) of A x B, of the kept outputs only if some are given."""
    product = (sp.csr_array(a.astype(np.int64)) @ sp.csr_array(b.astype(np.int64))).toarray()
    if kept is not None:
        return int((product * kept).sum()), int(kept.sum())
    return int(product.sum()), int(np.count_nonzero(product))


def bounds(cost: Cost, array: ComposedArray) -> None:
    """Cycles cover the multiplications, the merger's inputs and the banks; nothing is negative."""
    assert min(cost.delivered, cost.comparisons, cost.sums) >= 0
    assert cost.cycles * array.macs >= cost.issued_macs >= cost.macs
    assert 0 <= cost.busy_cycles + cost.conflict_cycles <= cost.cycles + cost.merge_cycles
    merge = array.merge
    if merge.kind == "banks":
        assert cost.cycles * array.pe_array.pes * merge.banks >= cost.issued_macs
    if merge.kind == "radix" and array.dataflows[0].kind == "gustavson":
        ports = array.pe_array.pes * merge.elements_per_cycle
        assert cost.cycles * ports >= cost.macs
    if merge.kind == "two_phase":
        merged = (cost.cycles + cost.merge_cycles) * merge.elements_per_cycle
        assert merged * array.pe_array.pes >= cost.macs


@st.composite
def operands(draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    m, k, n = (draw(st.sampled_from([1, 2, 7, 17, 33])) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    da, db = (draw(st.sampled_from([0.0, 0.05, 0.3, 0.8, 1.0])) for _ in range(2))
    a, b = rng.random((m, k)) < da, rng.random((k, n)) < db
    if draw(st.booleans()):  # empty rows and columns
        a[::2], b[:, ::2] = False, False
    return a, b, rng.random((m, n)) < 0.4


@pytest.mark.parametrize(("kind", "name", "changes"), CASES, ids=NAMES)
@settings(max_examples=15, deadline=None)
@given(pair=operands(), dense=st.sampled_from(["none", "a", "b", "both"]))
def test_counts_equal_scipys(kind, name, changes, pair, dense):
    a, b, _ = pair
    array = array_of(name, changes)
    m, k, n = *a.shape, b.shape[1]
    if dense in ("a", "both"):
        a = np.ones_like(a)
    if dense in ("b", "both"):
        b = np.ones_like(b)
    problem = Problem(
        m, n, k,
        None if dense in ("a", "both") else csr(a),
        None if dense in ("b", "both") else csr(b.T),
    )  # fmt: skip
    flow = next(flow for flow in array.dataflows if flow.kind == kind)
    cost = COSTS[kind](problem, flow, array)
    assert (cost.macs, cost.outputs) == scipys(a, b)
    assert (problem.macs, problem.outputs) == scipys(a, b)
    bounds(cost, array)
    # Every value that is used has been taken in, every sum written.
    assert cost.delivered >= a[:, b.any(axis=1)].sum() + b[a.any(axis=0)].sum()
    assert cost.sums >= cost.outputs
    if kind in ADDED_ONE_BY_ONE or array.merge.kind in ("hash", "dense"):
        assert cost.sums == 2 * cost.issued_macs - cost.outputs


@pytest.mark.parametrize(("kind", "name", "changes"), CASES, ids=NAMES)
@settings(max_examples=10, deadline=None)
@given(pair=operands(), sparse=st.booleans())
def test_sampled_products_count_the_kept_outputs(kind, name, changes, pair, sparse):
    a, b, kept = pair
    array = array_of(name, changes)
    m, k, n = *a.shape, b.shape[1]
    if not sparse:
        a, b = np.ones_like(a), np.ones_like(b)
    problem = Problem(m, n, k, csr(a) if sparse else None, csr(b.T) if sparse else None, csr(kept))
    cost = cheapest(problem, array)[1]
    assert (cost.macs, cost.outputs) == scipys(a, b, kept)
    assert cost.cycles * array.macs >= cost.macs


@settings(max_examples=20, deadline=None)
@given(pair=operands())
def test_operands_may_come_transposed(pair):
    a, b, _ = pair
    m, k, n = *a.shape, b.shape[1]
    plain = Problem.of(m, n, k, a=csr(a), b_transposed=csr(b.T))
    for kind, name, changes in CASES:
        array = array_of(name, changes)
        flow = next(flow for flow in array.dataflows if flow.kind == kind)
        turned = Problem.of(m, n, k, a_transposed=csr(a.T), b=csr(b))
        one, other = (COSTS[kind](p, flow, array) for p in (plain, turned))
        assert (one.cycles, one.reads_a, one.reads_b) == (
            other.cycles,
            other.reads_a,
            other.reads_b,
        )


def test_an_eyeriss_pe_counts_channel_by_channel():
    rng = np.random.default_rng(4)
    iacts, weights = rng.random((200, 48)) < 0.6, rng.random((64, 48)) < 0.4
    array = array_of("eyeriss_v2", ["array.pe_array.pes=1", "array.pe_array.lanes=1",
                                    "array.dataflows.0.b_per_cycle=1"])  # fmt: skip
    cost = cheapest(Problem(200, 64, 48, csr(iacts), csr(weights)), array)[1]
    assert cost.cycles == int((iacts.sum(axis=0) * weights.sum(axis=0)).sum())


def test_a_two_of_four_operand_halves_the_time_and_another_does_not():
    array = array_of("sparse_tensor_core_2_4", ["array.pe_array.pes=4"])
    fits = np.tile([True, False, True, False], (64, 32))
    breaks = fits.copy()
    breaks[0, :4] = True, True, True, False
    dense, half, whole = (
        cheapest(Problem(64, 64, 128, None, bt), array)[1].cycles
        for bt in (None, csr(fits), csr(breaks))
    )
    assert dense == 64 * 64 * 128 // 1024
    assert (half, whole) == (dense // 2, dense)


def test_more_pes_never_take_longer():
    rng = np.random.default_rng(0)
    a, b = csr(rng.random((64, 60)) < 0.2), csr(rng.random((50, 60)) < 0.3)
    for name in ("sparten", "gamma", "extensor", "sparsecore", "scnn"):
        times = [
            cheapest(Problem(64, 50, 60, a, b), array_of(name, [f"array.pe_array.pes={pes}"]))[1]
            for pes in (1, 2, 4, 8, 16)
        ]
        cycles = [cost.cycles for cost in times]
        assert cycles == sorted(cycles, reverse=True), name


def test_a_structured_pe_reads_operands_once_for_a_block_of_sums() -> None:
    array = array_of("sparse_tensor_core_2_4", [])
    # 8 MiB of sums and of operands over 432 PEs: 64 x 64 sums, slices of 8 for 64 + 64 fibers.
    cost = cheapest(Problem(4096, 2048, 512), array)[1]
    assert cost.reads_a == 4096 * 512 * (2048 // 64)
    assert cost.reads_b == 2048 * 512 * (4096 // 64)
    small = array_of("sparse_tensor_core_2_4", ["array.accumulators=55296 B"])  # 8 x 4 sums a PE
    cost = cheapest(Problem(4096, 2048, 512), small)[1]
    assert cost.reads_a == 4096 * 512 * (2048 // 4) and cost.reads_b == 2048 * 512 * (4096 // 8)
