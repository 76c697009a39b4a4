"""Actions that tasks count beside time and traffic: tiny tiles by hand, and what must hold of all.

Delivered bytes, partial sums, operations and metadata bits; see docs/architecture.md.
"""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.analysis.result import Result
from accelsim.arch.load import load_arch
from accelsim.mapping.arrays import gemm_model
from accelsim.mapping.attention_tiles import TileModel
from accelsim.mapping.machine import Machine, Work
from accelsim.mapping.multicast import multicast
from accelsim.mapping.reuse import Reuse, Rows
from accelsim.mapping.spmm import spmm_work, spmm_works
from accelsim.mapping.tiles import AttentionShape
from accelsim.simulation import simulate
from accelsim.workload.operators import (
    DTYPE_BITS,
    Attention,
    Matmul,
    Moe,
    Operator,
    ScatterAdd,
    TopK,
    Vector,
)
from accelsim.workload.patterns import pattern_from_mask
from tests.mapping.workloads import PREDICTOR, SMALL, masked, moe, random_mask, trace

NAMES = "delivered_bytes", "partial_bytes", "operations", "metadata_bits"
WS = ("array.shapes=[{count: 1, rows: 32, columns: 32}]", "mapping.dataflow=ws")
COMPOSED = ("gamma", "outerspace", "sparten", "scnn", "sigma", "sanger", "eie", "dstc", "sparch")


def simulated(machine: str, *operators: Operator, overrides: tuple[str, ...] = ()) -> Result:
    return simulate(load_arch(machine, overrides).at_dram_level("simple"), trace(*operators))


def counts(result: Result, unit: str, name: str) -> list[int]:
    """A counter of every task of a unit, where it is not 0."""
    mine = result.program.unit == result.program.units.name.index(unit)
    return [value for value in result.program.counters[name][mine].tolist() if value]


def actions(work: Work) -> tuple[int, int, int, int]:
    return work.delivered_bytes, work.partial_bytes, work.operations, work.metadata_bits


def rows(mask: np.ndarray) -> Rows:
    return Rows(np.concatenate([[0], np.cumsum(mask.sum(axis=1))]), np.nonzero(mask)[1])


# ---- systolic ----------------------------------------------------------------------------------
def test_folds_of_a_systolic_array_by_hand() -> None:
    # ws, 16 x 32 x 64 on 32 x 32: 2 folds along K. The edges take 2 x (16 x 32 + 32 x 32) values
    # of 2 B; 512 sums are written twice and read once.
    found = simulated("systolic_32", Matmul(scope="m", m=16, n=32, k=64), overrides=WS)
    assert counts(found, "array", "delivered_bytes") == [6144]
    assert counts(found, "array", "partial_bytes") == [3 * 512 * 4]
    assert counts(found, "array", "operations") == counts(found, "array", "metadata_bits") == []


def test_sums_that_stay_in_the_pes_leave_them_once() -> None:
    arch = load_arch("systolic_32", [WS[0], "mapping.dataflow=os"])
    work = gemm_model(Machine(arch), Reuse())(16, 32, 64, "bf16", 2)
    assert work.delivered_bytes == work.read_bytes == 2 * (16 * 64 + 64 * 32)
    assert work.partial_bytes == 4 * 16 * 32


def test_an_operand_that_arrays_share_enters_each_of_them() -> None:
    # 4 arrays of 16 x 16 share B: each gets 4 of 16 rows (2 folds of columns), and all of B.
    arch = load_arch("systolic_32", ["array.shapes=[{count: 4, rows: 16, columns: 16}]", WS[1]])
    work = gemm_model(Machine(arch), Reuse())(16, 32, 16, "bf16", 2)
    assert work.read_bytes == 2 * (4 * 4 * 16 * 2 + 16 * 32)
    assert work.delivered_bytes == 2 * (4 * 4 * 16 * 2 + 4 * 16 * 32)
    assert work.partial_bytes == 4 * 16 * 32


@pytest.mark.parametrize("prefetch", ["96 KiB", "8 KiB"])
def test_panels_add_up_to_the_whole(prefetch: str) -> None:
    """8 KiB: 64 of K at a time."""
    overrides = (*WS, f"mapping.prefetch={prefetch}", "mapping.chunk=4 KiB")
    found = simulated("systolic_32", Matmul(scope="m", m=16, n=32, k=256), overrides=overrides)
    partial = counts(found, "array", "partial_bytes")
    assert len(partial) == (1 if prefetch == "96 KiB" else 4)
    assert sum(partial) == 4 * 16 * 32 * (2 * 256 // 32 - 1)
    assert sum(counts(found, "array", "delivered_bytes")) == 2 * 8 * (16 * 32 + 32 * 32)


@pytest.mark.parametrize("machine", SMALL)
def test_values_of_a_further_block_are_added_to_those_before(machine: str) -> None:
    op = Attention(
        scope="a", batch=1, heads=1, kv_heads=1, q_len=16, kv_len=2048, d_qk=32, d_v=32,
        causal=False,
    )  # fmt: skip
    core = Machine(load_arch(machine)).core
    _, first, further = TileModel(core, Reuse(), AttentionShape.of(op)).dense_pair(16, 512)
    row_sums = first.partial_bytes == 8 * 16 * 512 * 32  # read in any case, one at a time
    assert further.partial_bytes - first.partial_bytes == (0 if row_sums else 4 * 16 * 32)
    assert further._replace(partial_bytes=0) == first._replace(partial_bytes=0)


# ---- rows that are fed by multicast ------------------------------------------------------------
def test_kept_pairs_by_hand() -> None:
    mask = np.zeros((4, 64), bool)
    mask[0, [0, 1]] = mask[1, 1] = mask[2, [0, 1, 2, 3]] = mask[3, 7] = True
    op = Attention(
        scope="a", batch=1, heads=1, kv_heads=1, q_len=4, kv_len=64, d_qk=32, d_v=32, causal=False,
        pattern=pattern_from_mask(mask),
    )  # fmt: skip
    found = simulated("sparse_small", op, overrides=("load.gathers_attention=false",))
    # A query a row: 8 pairs are 8 deliveries of 64 B. The queries are taken in first, and with
    # the values 8 probabilities. A score is written once, a value is added to 32 sums.
    assert counts(found, "array", "delivered_bytes") == [4 * 64 + 8 * 64, 8 * 64 + 8 * 2]
    assert counts(found, "array", "partial_bytes") == [8 * 4, 8 * 32 * 8]
    # Keys 0-3 and 7 pass, and each of 4 queries has a bit of each.
    assert counts(found, "array", "metadata_bits") == [20, 20]
    # Softmax: 6 operations a score; then 128 outputs are divided.
    assert counts(found, "vector", "operations") == [48, 128]


def test_a_row_takes_a_key_once_for_all_that_it_holds() -> None:
    machine = Machine(load_arch("sparse_small"))
    kept = np.zeros((33, 8), bool)
    kept[:, 5] = kept[0, 2] = True
    found = multicast(machine, machine.reuse, rows(kept), 8, 32, 1, 2, 32, "bf16", (1 << 20, 64))
    # Two queries a row: key 5 goes to 16 rows, key 2 to one; the last tile has one query.
    assert [actions(found.tile(tile)) for tile in (0, 1)] == [(17 * 64, 0, 0, 64), (64, 0, 0, 1)]
    assert actions(found.whole()) == (18 * 64, 0, 0, 65)
    wider = multicast(machine, machine.reuse, rows(kept), 8, 32, 1, 2, 32, "fp32", (1 << 20, 128))
    assert wider.tile(0).delivered_bytes == 17 * 128


def test_rows_of_b_go_to_the_rows_that_kept_them() -> None:
    machine = Machine(load_arch("sparse_small"))
    kept = np.array([[1, 1, 0, 0], [0, 1, 0, 0]], bool)
    # 3 pairs of 16 B and 3 kept values; 3 x 8 sums are read and written; 2 rows of B, 2 of A.
    assert actions(spmm_work(machine, rows(kept), 4, 8, "bf16")) == (54, 8 * 24, 0, 4)
    wide = spmm_works(machine, rows(kept), 4, [128, 8, 136], "bf16")
    both = zip(actions(wide[128]), actions(wide[8]), strict=True)
    assert actions(wide[136]) == tuple(map(sum, both))


def test_wanted_outputs_of_slices_of_k_by_hand() -> None:
    wanted = np.zeros((2, 32), bool)
    wanted[0, [3, 9]] = wanted[1, 3] = True
    op = Matmul(scope="m", m=2, n=32, k=128, output_pattern=pattern_from_mask(wanted))
    # Room for 2 rows of 64 of K: two slices.
    found = simulated("sparse_small", op, overrides=("array.query_storage=256 B",))
    # 3 pairs and 2 rows of A of 256 B; both slices write 3 sums, one reads them; in each 2 columns
    # pass 2 rows.
    assert sum(counts(found, "array", "delivered_bytes")) == (3 + 2) * 256
    assert sum(counts(found, "array", "partial_bytes")) == 4 * 3 * (2 + 1)
    assert sum(counts(found, "array", "metadata_bits")) == 2 * 2 * 2
    # The mask: 3 indices of 2 B, each looked up.
    assert counts(found, "index", "operations") == [3]
    assert counts(found, "index", "metadata_bits") == [48]


def test_a_dense_gemm_of_a_row_array_by_hand() -> None:
    machine = Machine(load_arch("sparse_small"))
    work = gemm_model(machine, machine.reuse)(64, 64, 256, "bf16", 2)
    # 64 units of 16 lanes hold a vector each: 64 streamed ones, 32 KiB, go to all of them. The
    # accumulators hold 32 x 64 sums, so that the held 32 KiB are loaded twice. 16 slices of K.
    assert work.read_bytes == 3 << 15
    assert actions(work) == ((64 + 2) << 15, 4 * 64 * 64 * (16 + 15), 0, 0)


# ---- composed ----------------------------------------------------------------------------------
def test_a_merge_by_hand() -> None:
    # Three rows of B, of 2, 2 and 1 elements, into 3 columns: 5 of them pass 6 levels (radix 64),
    # each is added to a sum, but for the first of every column.
    bt = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1]], bool).T
    op = Matmul(
        scope="m", m=1, n=3, k=3, activation_pattern=pattern_from_mask(np.ones((1, 3), bool)),
        weight_pattern=pattern_from_mask(bt),
    )  # fmt: skip
    found = simulated("gamma", op)
    assert sum(counts(found, "array", "operations")) == 30
    assert sum(counts(found, "array", "partial_bytes")) == 4 * (5 + 2)
    value = load_arch("gamma").array.formats.value_bits
    assert sum(counts(found, "array", "delivered_bytes")) == (3 + 5) * value // 8
    assert sum(counts(found, "array", "metadata_bits")) > 0


@pytest.mark.parametrize("machine", COMPOSED)
@pytest.mark.parametrize("case", ["a", "both", "wanted", "dense"])
def test_no_operand_is_used_that_was_not_delivered(machine: str, case: str) -> None:
    a, bt, c = random_mask(24, 40, 0.3), random_mask(32, 40, 0.2, 1), random_mask(24, 32, 0.1, 2)
    fields = {
        "a": {"activation_pattern": a},
        "both": {"activation_pattern": a, "weight_pattern": bt},
        "wanted": {"activation_pattern": a, "weight_pattern": bt, "output_pattern": c},
        "dense": {},
    }[case]
    patterns = {name: pattern_from_mask(mask) for name, mask in fields.items()}
    op = Matmul(scope="m", m=24, n=32, k=40, **patterns)  # type: ignore[arg-type]
    found = simulated(machine, op)
    array = load_arch(machine).array
    value = (array.formats.value_bits or 16) / 8
    a, bt = fields.get("activation_pattern", a | True), fields.get("weight_pattern", bt | True)
    used = int(a[:, bt.any(axis=0)].sum() + bt[:, a.any(axis=0)].sum())
    if case != "wanted":  # of these not all are used
        assert sum(counts(found, "array", "delivered_bytes")) >= int(used * value)
    made = np.count_nonzero((a.astype(int) @ bt.T) * (c if case == "wanted" else 1))
    assert sum(counts(found, "array", "partial_bytes")) >= 4 * made
    assert all(min(found.program.counters[name]) >= 0 for name in NAMES)


# ---- other units -------------------------------------------------------------------------------
@pytest.mark.parametrize("machine", SMALL)
def test_lane_operations_are_those_of_the_elements(machine: str) -> None:
    op = Vector(scope="v", elements=70_000, lane_operations=3)
    assert sum(counts(simulated(machine, op), "vector", "operations")) == 210_000


def test_a_topk_compares_every_candidate() -> None:
    op = TopK(scope="t", rows=8, candidates=256, k=4)
    assert sum(counts(simulated("sparse_small", op), "index", "operations")) == 8 * 256
    # Without an index unit: radix select, 8 lane-operations each.
    assert sum(counts(simulated("systolic_32", op), "vector", "operations")) == 8 * 8 * 256


@pytest.mark.parametrize("machine", SMALL)
def test_every_row_that_is_scattered_is_added(machine: str) -> None:
    indices = np.array([3, 3, 3, 1, 0, 3])
    op = ScatterAdd(scope="s", indices=indices, table_rows=4, row_elements=48)
    found = simulated(machine, op)
    added = sum(sum(counts(found, unit, "operations")) for unit in ("vector", "scatter"))
    assert added == 6 * 48


@pytest.mark.parametrize(
    ("kept", "keys", "operations", "bits"),
    [
        (34, 1024, 34, 34 * 16),  # a cycle for the list, 16 for the bitmap
        (8000, 1024, 0, 16 * 1024),
        (34, 16384, 2 * 34, 2 * 34 * 16),  # twice as many keys as the window has
    ],
)
def test_a_union_is_made_of_the_list_or_of_the_bitmap(
    kept: int, keys: int, operations: int, bits: int
) -> None:
    core = Machine(load_arch("sparse_small")).core
    op = masked(np.ones((16, keys), bool), selection="model")
    work = TileModel(core, Reuse(), AttentionShape.of(op)).union_work(16, kept, keys)
    assert work is not None and actions(work) == (0, 0, operations, bits)


@pytest.mark.parametrize("dtype", ["int8", "bf16"])
def test_a_predictor_in_another_type_says_so(dtype: str) -> None:
    mask = np.tril(random_mask(256, 256, 0.02) | np.eye(256, dtype=bool))
    op = masked(mask, selection="accelerator", predictor={**PREDICTOR, "dtype": dtype}, causal=True)
    found = simulated("sparse_small", op)
    assert found.operators["mapping"][0].startswith("predict_sparse")
    kinds = found.program.counters["dtype"]
    if dtype == op.dtype:
        assert not kinds.any()
        return
    predicts = kinds == 1 + list(DTYPE_BITS).index(dtype)
    assert predicts.any() and not kinds[~predicts].any()
    assert (found.program.unit[predicts] == found.program.units.name.index("array")).all()
    issued = found.program.counters["issued_macs"][predicts].sum()
    assert issued == found.operators["overhead_macs"][0]


@pytest.mark.parametrize("machine", SMALL)
def test_experts_deliver_their_weights(machine: str) -> None:
    op: Moe = moe(16, 4, 2)
    found = simulated(machine, op)
    weights = 4 * op.matrices * op.d_model * op.d_ff * 2
    assert sum(counts(found, "array", "delivered_bytes")) >= weights
