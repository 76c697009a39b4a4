"""Where tensors lie: aligned, apart, the same on every machine, and elsewhere with another seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.arch.load import load_arch
from accelsim.mapping.placement import Allocator, KeyLayout, folded
from accelsim.report.text import console, run_text
from accelsim.simulation import simulate
from accelsim.workload.operators import Gather, Matmul
from tests.mapping.invariants import CHECKS
from tests.mapping.workloads import trace

SIZES = [1, 5000, 4096, 123_456, 7]


def placed(machine: str, *overrides: str) -> list[int]:
    allocator = Allocator(load_arch(machine, overrides))
    return [allocator.place(size) for size in SIZES]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_tensors_are_aligned_and_apart(seed: int) -> None:
    where = placed("sparse_v1", f"mapping.placement.seed={seed}")
    assert all(at % 4096 == 0 for at in where)
    assert all(at + size <= after for at, size, after in zip(where, SIZES, where[1:], strict=False))
    assert where == placed("systolic_128_gather", f"mapping.placement.seed={seed}")


def test_seed_0_leaves_no_gap_and_others_differ() -> None:
    assert placed("sparse_v1") == [0, 4096, 12288, 16384, 143360]
    seeds = [placed("sparse_v1", f"mapping.placement.seed={seed}") for seed in range(4)]
    assert len({tuple(where) for where in seeds}) == 4
    assert max(seeds[3]) < max(seeds[0]) + len(SIZES) * (1 << 20) + 1


def test_a_full_dram_is_used_again_and_said() -> None:
    allocator = Allocator(load_arch("sparse_v1"))  # 32 GiB
    runs = np.array([[5, 0, 64, 1]])
    assert allocator.place(31 << 30) == 0 and allocator.notes() == ()
    assert allocator.folded(runs) is runs
    assert allocator.place(3 << 30) == 31 << 30
    assert allocator.notes() == (
        "the replay lays out 34.0 GiB of tensors, sparse_v1 has 32 GiB of DRAM: "
        "addresses are used again",
    )
    found = allocator.folded(np.array([[(31 << 30) + 8, 0, (1 << 30) + 100, 1]]))
    assert found.tolist() == [[(31 << 30) + 8, 0, (1 << 30) - 8, 1], [0, 0, 108, 1]]


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 30), st.integers(1, 250), st.integers(1, 9)),
        min_size=1, max_size=4,
    )
)  # fmt: skip
def test_folded_runs_touch_the_same_bytes_modulo_the_capacity(runs) -> None:
    runs = [(at, 0 if n == 1 else gap + size, size, n) for at, gap, size, n in runs]
    found = folded(np.array(runs, np.int64), 100)

    def touched(rows):
        return sorted(
            (at + i * stride + byte) % 100
            for at, stride, size, n in rows
            for i in range(n)
            for byte in range(size)
        )

    assert touched(found.tolist()) == touched(runs)
    last = found[:, 0] + (found[:, 3] - 1) * found[:, 1] + found[:, 2]
    assert (found[:, 0] >= 0).all() and (last <= 100).all()


def test_a_model_beyond_the_dram_runs() -> None:
    # A table of 48 GiB in 32 GiB of DRAM, then a product whose weights lie behind it.
    rows = np.array([0, (1 << 29) - 1, 1 << 28, 3], np.int32)
    table = Gather(scope="g", table_rows=1 << 29, row_elements=48, indices=rows)
    product = Matmul(scope="m", m=64, n=300, k=200)
    arch = load_arch("systolic_32", ("dram.level=simple",))
    found = simulate(arch, trace(table, product))
    for check in CHECKS:
        check(found)
    p = found.program
    last = p.run_address + (p.run_count - 1) * p.run_stride + p.run_bytes
    assert int(last.max()) <= arch.dram.capacity
    assert len(found.notes) == 1 and found.as_json()["notes"] == list(found.notes)
    assert found.notes[0].startswith("the replay lays out 48.0 GiB of tensors")
    alone = simulate(arch, trace(product))
    assert alone.notes == ()
    assert found.operators["dram_bytes"][1] == alone.operators["dram_bytes"][0]


def test_the_note_is_printed(capsys) -> None:  # type: ignore[no-untyped-def]
    rows = np.zeros(1, np.int32)
    table = Gather(scope="g", table_rows=1 << 29, row_elements=48, indices=rows)
    console().print(run_text(simulate(load_arch("systolic_32"), trace(table))))
    text = " ".join(capsys.readouterr().out.split())
    assert text.count("has 32 GiB of DRAM: addresses are used again") == 1


@given(
    st.integers(1, 3), st.integers(1, 4), st.integers(1, 9), st.booleans(), st.booleans(),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
)  # fmt: skip
def test_no_two_rows_share_a_byte(batch, heads, length, by_token, interleaved, sizes) -> None:
    rows = batch * heads * length
    bases = (0, sizes[0]) if interleaved else (0, rows * sizes[0])
    layout = KeyLayout(bases, sizes, heads, length, by_token, interleaved)
    used = np.zeros(rows * sum(sizes), int)
    for values in (False, True):
        for head in range(batch * heads):
            run = layout.rows(values, head).pieces(np.array([0]), np.array([length]))
            for at, stride, size, count in run.tolist():
                for piece in range(count):
                    used[at + piece * stride : at + piece * stride + size] += 1
    assert (used == 1).all()
