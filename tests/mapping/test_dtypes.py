"""Types narrower than a byte: bytes and times by hand, and what a type must not change."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from accelsim.analysis.result import Result
from accelsim.arch.equal import equalities
from accelsim.arch.formats import Level, NOfM
from accelsim.arch.load import load_arch, published_names, shipped_names
from accelsim.arch.spec import Dtype
from accelsim.errors import InputError
from accelsim.mapping.composed import stored
from accelsim.mapping.trace import map_trace
from accelsim.simulation import simulate
from accelsim.workload.operators import (
    DTYPE_BITS,
    Attention,
    Gather,
    Matmul,
    Operator,
    data_bytes,
    element_bytes,
)
from tests.mapping import invariants
from tests.mapping.test_by_hand import WS, simulated, tasks
from tests.mapping.workloads import BIG, SMALL, edge_cases, masked, random_mask, trace

NARROW = ("int4", "mxfp8", "mxfp6", "mxfp4")
NARROW_CASES = (
    "attention: values in keys, predicted", "attention: batch and group", "matmul: odd",
    "matmul: kept weights", "matmul: patches", "moe: kept after ReLU", "gather: long",
    "scatter: long", "vector: two results", "index: compressed keys", "topk: long rows",
)  # fmt: skip


def requested(found: Result) -> dict[str, int]:
    return dict(found.traffic.groupby("cause")["requested_bytes"].sum())


def in_type(machine: str, operator: Operator, dtype: str, *overrides: str) -> Result:
    return simulated(machine, trace(operator).replayed(dtype).operators[0], overrides)


@pytest.mark.parametrize(
    ("dtype", "elements", "size"),
    [
        ("fp32", 3, 12), ("bf16", 3, 6), ("int8", 3, 3),
        ("int4", 0, 0), ("int4", 1, 1), ("int4", 2, 1), ("int4", 3, 2), ("int4", 128, 64),
        # A scale of 8 bits for every block of 32 that is begun.
        ("mxfp4", 1, 2), ("mxfp4", 32, 17), ("mxfp4", 33, 19), ("mxfp4", 128, 68),
        ("mxfp6", 32, 25), ("mxfp6", 128, 100), ("mxfp8", 32, 33), ("mxfp8", 128, 132),
    ],
)  # fmt: skip
def test_a_piece_is_rounded_up_at_its_end(dtype: str, elements: int, size: int) -> None:
    assert data_bytes(elements, dtype) == size


def test_a_long_stream_takes_the_bits_of_its_elements() -> None:
    for dtype, bits in DTYPE_BITS.items():
        assert data_bytes(3200, dtype) == 400 * bits == 3200 * element_bytes(dtype)


def test_a_matmul_in_int4() -> None:
    """`test_a_matmul_on_a_systolic_array` with values of 4 bits, at four MACs a unit and cycle."""
    found = in_type("systolic_32", Matmul(scope="m", m=16, n=32, k=64), "int4", *WS)
    # Weights: 32 columns of 32 B, 16 lines, move in 48..64. Activations: 16 rows of 32 B, 8 lines,
    # accepted from 84 on, from the row that is open: 98..106. Each is back 60.5 ns later.
    assert sorted(tasks(found, "load")) == [(0, 124.5), (64, 166.5)]
    # One fold of K = 64 / 4 = 16 rows: stream 16; first load 4, skew and drain 62.
    assert tasks(found, "array") == [(64, 80), (167, 167 + 16 + 4 + 62)]
    # The result, 16 rows of 16 B, is 4 lines.
    assert tasks(found, "store") == [(249, 249 + 3 + 20)]
    assert requested(found) == {"weights": 1024, "activations": 512, "outputs": 256}


def test_a_matmul_in_mxfp4() -> None:
    """The same with a byte of scale for 32 values: rows of 34 and 17 B."""
    found = in_type("systolic_32", Matmul(scope="m", m=16, n=32, k=64), "mxfp4", *WS)
    # 17 lines move in 48..65, 9 lines (of 8.5) in 98..107.
    assert sorted(tasks(found, "load")) == [(0, 125.5), (64, 167.5)]
    # Four values of a unit are 2.125 B: 16 x 16 of A and 16 x 32 of B, 1,632 B at 320 B: 6 cycles.
    assert tasks(found, "array") == [(64, 80), (168, 168 + 16 + 4 + 62)]
    array = found.program.unit == found.program.units.name.index("array")
    assert found.program.counters["read_bytes"][array].tolist() == [0, 1632]
    assert tasks(found, "store") == [(250, 250 + 4 + 20)]
    assert requested(found) == {"weights": 32 * 34, "activations": 16 * 34, "outputs": 16 * 17}


@pytest.mark.parametrize(("dtype", "row"), [("bf16", 64), ("int4", 16), ("mxfp4", 17)])
@pytest.mark.parametrize("machine", SMALL)
def test_attention_moves_rows_of_the_type(machine: str, dtype: str, row: int) -> None:
    op = Attention(
        scope="a", batch=1, heads=1, kv_heads=1, q_len=8, kv_len=16, d_qk=32, d_v=32, causal=False
    )
    found = in_type(machine, op, dtype)
    expected = {"queries": 8 * row, "keys and values": 2 * 16 * row, "outputs": 8 * row}
    assert requested(found) == expected


@pytest.mark.parametrize(("dtype", "less"), [("int4", 4.0), ("mxfp6", 2.56), ("mxfp4", 16 / 4.25)])
@pytest.mark.parametrize("machine", ["systolic_32", "sparse_small"])
def test_what_memory_bounds_gains_what_the_bytes_lose(
    machine: str, dtype: str, less: float
) -> None:
    op = Matmul(scope="m", m=1, n=1024, k=2048)
    wide, narrow = (in_type(machine, op, d, "mapping.prefetch=64 KiB") for d in ("bf16", dtype))
    assert sum(requested(wide).values()) == pytest.approx(less * sum(requested(narrow).values()))
    assert wide.total_ps / narrow.total_ps == pytest.approx(less, rel=0.05)


@pytest.mark.parametrize("dtype", ["fp8", *NARROW])
@pytest.mark.parametrize("machine", ["systolic_32", "sparse_small"])
def test_what_the_array_bounds_gains_the_rate(machine: str, dtype: str) -> None:
    op = Matmul(scope="m", m=256, n=512, k=512)
    wide, narrow = (in_type(machine, op, d) for d in ("bf16", dtype))
    rate = load_arch(machine).rate(dtype)
    busy = [found.units.set_index("unit")["busy_ps"]["array"] for found in (wide, narrow)]
    assert busy[0] == rate * busy[1]
    issued = [int(found.program.counters["issued_slots"].sum()) for found in (wide, narrow)]
    assert issued[0] == rate * issued[1] == op.m * op.n * op.k


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("case", NARROW_CASES)
@pytest.mark.parametrize("machine", SMALL)
def test_invariants(machine: str, case: str, dtype: str) -> None:
    work = edge_cases()[case].replayed(dtype)
    arch = load_arch(machine)
    found = simulate(arch, work)
    for check in invariants.CHECKS:
        check(found)
    unique = {(op, int(k)): size for (op, k), size in map_trace(work, arch).unique_bytes.items()}
    invariants.unique_bytes_are_requested(found, unique)


def test_every_type_has_a_rate_that_is_equal_on_all_sides() -> None:
    assert set(get_args(Dtype)) == set(DTYPE_BITS)
    for trio in (SMALL, BIG):
        equal, _ = equalities([load_arch(name) for name in trio])
        names = {row.name for row in equal}
        assert {f"peak MAC/s {dtype}" for dtype in DTYPE_BITS} <= names
        assert "bits of a stored index" in names
    for name in (*shipped_names(), *published_names()):
        assert set(load_arch(name).mac_rate) == set(DTYPE_BITS), name


def test_a_machine_without_a_rate_names_those_that_it_has() -> None:
    arch = load_arch("sparse_small", ["mac_rate={bf16: 1, fp8: 2}"])
    work = trace(Matmul(scope="m", m=4, n=4, k=4)).replayed("mxfp4")
    with pytest.raises(InputError, match="no rate for type 'mxfp4', it has bf16 1, fp8 2") as said:
        simulate(arch, work)
    assert "--set mac_rate.mxfp4=1" in str(said.value) and "\n" not in str(said.value)


def test_offsets_of_2_of_4_do_not_shrink_with_the_values() -> None:
    mask = np.tile(np.array([1, 0, 0, 1], bool), (8, 16))
    csr = np.arange(0, 257, 32), np.flatnonzero(mask.ravel()) % 64
    form = NOfM(kind="nm", levels=(Level(n=2, m=4),))
    sizes = {d: stored(form, csr, 8, 64, element_bytes(d)) for d in DTYPE_BITS}
    # 256 kept values with 2 bits each that say where.
    assert {size.metadata for size in sizes.values()} == {64}
    assert (sizes["bf16"].values, sizes["int4"].values, sizes["mxfp4"].values) == (512, 128, 136)


@pytest.mark.parametrize(("bits", "size"), [("16", 2), ("24", 3), ("32", 4), ("auto", 2)])
def test_metadata_follows_the_width_of_an_index_and_not_the_type(bits: str, size: int) -> None:
    mask = random_mask(16, 300, 0.1)
    for dtype in ("bf16", "int4"):
        found = in_type("sparse_small", masked(mask), dtype, f"mapping.index_bits={bits}")
        assert requested(found)["metadata"] == int(mask.sum()) * size


def test_lists_of_rows_have_the_width_that_is_set() -> None:
    op = Gather(scope="g", table_rows=300, row_elements=64, indices=np.arange(0, 300, 7))
    for bits, size in (("auto", 4), ("16", 2)):
        found = in_type("systolic_32", op, "int4", f"mapping.index_bits={bits}")
        assert requested(found)["metadata"] == op.indices.size * size
    with pytest.raises(InputError, match="index_bits: 8 bits cannot tell 300 positions apart"):
        in_type("systolic_32", op, "int4", "mapping.index_bits=8")
    with pytest.raises(InputError, match="mapping.index_bits: '12' is not known"):
        load_arch("systolic_32", ["mapping.index_bits=12"])
