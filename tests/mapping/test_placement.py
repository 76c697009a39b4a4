"""Where tensors lie: aligned, apart, the same on every machine, and elsewhere with another seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.arch.load import load_arch
from accelsim.errors import InputError
from accelsim.mapping.placement import Allocator, KeyLayout

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


def test_a_full_dram_is_said() -> None:
    allocator = Allocator(load_arch("sparse_v1"))
    with pytest.raises(InputError, match=r"dram\.capacity: the tensors .* need more than"):
        allocator.place(33 << 30)


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
