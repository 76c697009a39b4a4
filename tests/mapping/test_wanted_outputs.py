"""SDDMM: bytes, MACs and cycles of wanted outputs by hand, on every kind of array."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from accelsim.arch.load import load_arch
from accelsim.mapping.composed import value_bytes
from accelsim.mapping.machine import Machine
from accelsim.mapping.matmul_choice import by_outputs
from accelsim.mapping.sddmm import Written, mask_bytes, mask_work
from accelsim.workload.operators import Matmul
from accelsim.workload.patterns import pattern_from_mask
from tests.mapping.test_operators_by_hand import cycles, moved, simulated, work
from tests.mapping.workloads import SMALL, random_mask

# Machines whose dataflow makes wanted outputs alone, and some that make all of them.
ALONE = ("sparten", "sanger", "spatten", "extensor", "flexagon")
WHOLE = ("sigma", "matraptor", "outerspace", "scnn", "eie", "gamma", "highlight", "dstc")


def sampled(mask: np.ndarray, k: int, **fields: object) -> Matmul:
    m, n = mask.shape
    shape: dict[str, object] = {"scope": "m", "m": m, "n": n, "k": k, "weights": "dynamic"}
    return Matmul(output_pattern=pattern_from_mask(mask), **{**shape, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize("machine", ["systolic_32", "systolic_32_gather"])
def test_an_array_that_cannot_skip_computes_all_and_writes_what_is_wanted(machine: str) -> None:
    mask = np.zeros((64, 64), bool)
    mask.ravel()[::41] = True  # 100 of 4,096
    found = simulated(machine, sampled(mask, 64), overrides=("mapping.activation_storage=0 B",))
    assert sum(work(found, "array", "issued_macs")) == 64**3
    assert found.summary["effectual_macs"] == 100 * 64
    assert (moved(found, "activations"), moved(found, "weights")) == (8192, 8192)
    # 100 indices of 2 B are less than 4,096 bits.
    assert (moved(found, "metadata"), moved(found, "outputs")) == (200, 200)


def test_a_row_array_multicasts_columns_to_the_rows_that_want_them() -> None:
    # 16 rows want a column each: 16 vectors of 64 bf16 in, and as many columns; a bit for each of
    # 256 positions or 2 B for each of 16.
    found = simulated("sparse_small", sampled(np.eye(16, dtype=bool), 64))
    assert work(found, "array", "issued_macs")[-1] == 16 * 64
    assert work(found, "array", "read_bytes")[-1] == 2 * 16 * 128
    assert work(found, "array", "write_bytes")[-1] == 16 * 2
    assert cycles(found, "array")[-1] == -(-2 * 16 * 128 // 320)  # its port bounds it
    assert moved(found, "metadata") == 32
    assert cycles(found, "index") == [1] and work(found, "index", "read_bytes") == [32]


def test_sums_between_slices_of_k_pass_through_the_scratchpad_if_they_must() -> None:
    # Queries of 16 rows x 64 are held twice: K of 128 is two slices. 16 sums are 64 B.
    op = sampled(np.eye(16, dtype=bool), 128)
    both = 2 * 16 * 256
    for size, sums in (("64 B", 0), ("32 B", 64)):
        found = simulated("sparse_small", op, overrides=(f"array.accumulators={size}",))
        read, written = (work(found, "array", f"{w}_bytes")[-1] for w in ("read", "write"))
        assert (read, written) in ((both, 32), (both + sums, 32 + sums))


def test_the_operator_is_cut_into_blocks_that_fit_and_add_up() -> None:
    mask = random_mask(300, 200, 0.08)
    op = sampled(mask, 700)
    machine = Machine(load_arch("sparse_small"))
    assert op.output_pattern is not None
    plan = by_outputs(machine, op, op.output_pattern)
    assert sum(w.issued_macs for w in plan.works.values()) == mask.sum() * 700
    rows, columns = plan.tiling.rows, plan.tiling.columns
    written = Written(op, op.output_pattern, rows, columns, machine.reuse)
    sums = 2 * written.largest() * 4
    assert rows * 700 * 2 + sums <= machine.tiles_bytes
    assert columns * 700 * 2 <= machine.weights_bytes // 2
    places = [
        written.block(m0, n0, min(rows, 300 - m0), min(columns, 200 - n0))
        for m0 in range(0, 300, rows)
        for n0 in range(0, 200, columns)
    ]
    for (first, count), (after, _) in pairwise(places):
        assert first + count == after
    counts = [
        int(mask[m0 : m0 + rows, n0 : n0 + columns].sum())
        for m0 in range(0, 300, rows)
        for n0 in range(0, 200, columns)
    ]
    assert [size for _, size in places] == [2 * count for count in counts]


def test_a_mask_is_stored_as_bits_or_as_indices() -> None:
    assert mask_bytes(8, 100, 3) == 6 and mask_bytes(8, 100, 700) == 100
    assert mask_bytes(1, 70_000, 10) == 40
    machine = Machine(load_arch("sparse_small"))
    assert mask_work(machine, 64, 4096, 100).busy_cycles == -(-100 // 64)
    assert mask_work(machine, 64, 4096, 64 * 4096).busy_cycles == 64 * 4096 // 1024


def test_all_wanted_is_a_dense_product() -> None:
    for machine in SMALL:
        whole = simulated(machine, sampled(np.ones((48, 48), bool), 64))
        dense = simulated(machine, Matmul(scope="m", m=48, n=48, k=64, weights="dynamic"))
        assert moved(whole, "outputs") == moved(dense, "outputs")
        assert whole.operators["issued_macs"][0] == dense.operators["issued_macs"][0]


@pytest.mark.parametrize("machine", [*ALONE, *WHOLE])
def test_a_composed_array_writes_wanted_values(machine: str) -> None:
    mask, away = random_mask(90, 120, 0.05), ("mapping.activation_storage=0 B",)
    found = simulated(machine, sampled(mask, 200), overrides=away)
    product = Matmul(scope="m", m=90, n=120, k=200, weights="dynamic")
    plain = simulated(machine, product, overrides=away)
    issued, wanted = found.operators["issued_macs"][0], int(mask.sum())
    assert found.operators["effectual_macs"][0] == wanted * 200
    whole = plain.operators["issued_macs"][0]
    assert issued == (wanted * 200 if machine in ALONE else whole)
    assert moved(found, "outputs") == np.ceil(wanted * value_bytes(found.arch.array, "bf16"))
    metadata = [
        r.traffic.loc[r.traffic["cause"] == "metadata", "unique_bytes"].sum()
        for r in (plain, found)
    ]
    assert metadata[1] - metadata[0] == mask_bytes(90, 120, wanted)


@pytest.mark.parametrize("machine", [*ALONE, *WHOLE])
def test_without_sparsity_all_is_made(machine: str) -> None:
    op = sampled(random_mask(90, 120, 0.05), 200)
    found = simulated(machine, op, overrides=("mapping.sparsity=false",))
    assert found.operators["issued_macs"][0] >= 90 * 120 * 200
