"""Dense GEMM on a row array: a loop over units, slices and vectors, and the roofline."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.dense_mode import dense_gemm, fastest_dense_gemm

SIZES = st.integers(1, 40)


def slice_by_slice(held, streamed, k, macs, k_slice, slots, accumulators, item):
    """Cycles of compute, bytes read and bytes taken in by units, walking through the loop nest."""
    units = macs // k_slice
    cycles = bytes_read = delivered = 0
    for first in range(0, held, units * slots):
        here = range(first, min(held, first + units * slots))
        depths = range(0, k, k_slice)
        block = max(1, accumulators // (4 * len(here))) if len(depths) > 1 else streamed
        for begin in range(0, streamed, block):  # sums of a block stay over the slices of K
            vectors = min(block, streamed - begin)
            for depth in depths:
                lanes = min(k_slice, k - depth)
                bytes_read += len(here) * lanes * item  # the held slices are loaded again
                delivered += len(here) * lanes * item
                load = np.bincount([vector % units for vector in here], minlength=units)
                for _ in range(vectors):
                    bytes_read += lanes * item
                    delivered += int(np.count_nonzero(load)) * lanes * item
                    cycles += int(load.max())  # a unit works through its slots
    return cycles, bytes_read, delivered


@given(
    SIZES, SIZES, SIZES, st.sampled_from([4, 8, 16, 64]), st.sampled_from([1, 2, 4, 8]),
    st.integers(1, 3), st.booleans(), st.integers(1, 64), st.sampled_from([1, 2, 4]),
    st.integers(1, 300),
)  # fmt: skip
@settings(max_examples=100)
def test_against_the_loop_nest_and_the_roofline(
    held, streamed, k, macs, k_slice, slots, hidden, share, item, accumulators
):
    k_slice = min(k_slice, macs)
    compute, port, reload, moved, delivered, k_slices = dense_gemm(
        held, streamed, k, macs, k_slice, slots, int(hidden), share, item, accumulators
    )
    assert k_slices == -(-k // k_slice)
    assert (compute, moved, delivered) == slice_by_slice(
        held, streamed, k, macs, k_slice, slots, accumulators, item
    )
    total = compute + port + reload
    assert min(port, reload) >= 0
    assert compute * macs >= held * streamed * k
    assert total * share >= moved >= (held + streamed) * k * item


def test_hidden_reloads_by_hand():
    # 8 MACs as 2 units of 4 lanes, 1 slot: 2 vectors held at a time; 6 held are 3 passes of 5
    # streamed vectors of 4 lanes, one cycle each. A pass reads 5 x 8 B and holds 2 x 8 B = 56 B:
    # 7 cycles at 8 B, 2 more than its 5; the very first load is exposed, 16 B in 2 cycles.
    assert dense_gemm(6, 5, 4, 8, 4, 1, 1, 8, 2, 1024) == (15, 6, 2, 168, 288, 1)
    # Both units take the 40 B of a pass in, and hold 8 B each: 3 x 96 B; K is one slice.
    # All reloads exposed: 16 B in 2 cycles a pass; the stream's 40 B take its 5 cycles.
    assert dense_gemm(6, 5, 4, 8, 4, 1, 0, 8, 2, 1024) == (15, 0, 6, 168, 288, 1)


@settings(deadline=None, max_examples=60)
@given(SIZES, SIZES, SIZES, st.integers(1, 6), st.integers(1, 64))
def test_the_fastest_way_is_the_first_of_all_that_take_least(m, n, k, most, share):
    slices = np.array([16, 4, 8], np.int64)
    found = []
    for k_slice in (16, 4, 8):
        for held, streamed in ((m, n), (n, m)):
            for hidden in (0, 1) if most > 1 else (0,):
                slots = most // 2 if hidden else most
                parts = dense_gemm(
                    held, streamed, k, 8, min(k_slice, 8), slots, hidden, share, 2, 256
                )
                compute, port, reload = parts[:3]
                found.append((compute + port + (0 if hidden else reload), (hidden, *parts)))
    least = min(cycles for cycles, _ in found)
    first = next(parts for cycles, parts in found if cycles == least)
    assert fastest_dense_gemm(m, n, k, 8, slices, most, share, 2, 256) == first
