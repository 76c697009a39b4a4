"""What feeds the MACs of a composed array: reads that several share, sums that a register holds."""

from __future__ import annotations

import pytest

from accelsim.arch.load import load_arch
from accelsim.cost.load import load_cost_table
from accelsim.hardware.counts import operand_reads, registered_sums
from accelsim.hardware.storage import Parts


@pytest.mark.parametrize(
    ("name", "reads", "sums"),
    [
        ("sparse_tensor_core_2_4", 1 / 8 + 1 / 4, 1 / 8),  # 8 x 4 outputs, a tree over 8 products
        ("dstc", 1 / 8 + 1 / 16, 0),  # quanta of 8 x 16, products go to their sums
        ("s2ta", 1 / 8 + 1 / 8, 1),  # 8 x 8 outputs, a systolic column
        ("gamma", 2, None),
    ],
)
def test_a_read_serves_all_macs_that_share_it(name, reads, sums):
    array = load_arch(name).array
    assert operand_reads(array) == pytest.approx(reads)
    if sums is not None:
        assert registered_sums(array) == pytest.approx(sums)


def test_a_memory_wider_than_the_widest_is_several():
    parts = Parts(load_cost_table("45nm"))
    wide, eight = parts.storage(1 << 16, 1, 1024), parts.storage(1 << 16, 8, 128)
    assert wide.kind == eight.kind == "8 SRAM of 8 KiB, 128 B wide"
