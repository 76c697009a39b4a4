"""Work items to a Cost: the balance record on a dataflow kernel's table of items."""

from __future__ import annotations

import numpy as np

from accelsim.arch.composed import ComposedArray
from accelsim.kernels.balance import (
    DYNAMIC_QUEUE,
    GREEDY,
    STATIC_BLOCKS,
    STATIC_ROUND_ROBIN,
    STEALING,
    assign,
)
from accelsim.kernels.items import (
    COMPARES,
    CYCLES,
    ISSUED,
    MACS,
    PARTIALS,
    READS_A,
    READS_B,
    SUMS,
)
from accelsim.mapping.dataflows.problem import Cost

_POLICIES = {"greedy": GREEDY, "dynamic_queue": DYNAMIC_QUEUE, "stealing": STEALING}
_ASSIGN = {"blocks": STATIC_BLOCKS, "round_robin": STATIC_ROUND_ROBIN}


def makespan(array: ComposedArray, cycles: np.ndarray) -> tuple[int, int, np.ndarray]:
    """Cycles until the last item is done, what the mean PE works, and int64[items], item ends.

    An item's end is when it and all items before it are done.
    """
    balance, pes = array.balance, array.pe_array.pes
    policy = _POLICIES.get(balance.kind, _ASSIGN[balance.assign])
    busy = np.zeros(pes, np.int64)
    items = np.ascontiguousarray(cycles, np.int64)
    finish = np.zeros_like(items)
    end = int(assign(items, pes, policy, balance.cost_cycles, balance.barrier_items, busy, finish))
    return end, min(end, -(-int(busy.sum()) // pes)), np.maximum.accumulate(finish)


def shared_cost(array: ComposedArray, items: np.ndarray, outputs: int) -> Cost:
    """Cost of a table of items, one operand perhaps read for all PEs at once.

    An operand that is shared is read once for each wave of items, one item a PE: PEs are assumed
    to be near enough to each other for that (their FIFOs hold what they are apart). It is delivered
    to each of them.
    """
    cycles, busy, ends = makespan(array, items[:, CYCLES])
    reads = {"a": int(items[:, READS_A].sum()), "b": int(items[:, READS_B].sum())}
    delivered = sum(reads.values())
    shared = array.noc.shared
    if shared != "none":
        waves = max(1, min(array.pe_array.pes, len(items)))
        reads[shared] = -(-reads[shared] // waves)
    return Cost(
        cycles=cycles,
        busy_cycles=busy,
        macs=int(items[:, MACS].sum()),
        issued_macs=int(items[:, ISSUED].sum()),
        reads_a=reads["a"],
        reads_b=reads["b"],
        partials=int(items[:, PARTIALS].sum()),
        outputs=outputs,
        latency_cycles=array.reduce.latency_cycles,
        item_ends=ends,
        delivered=delivered,
        comparisons=int(items[:, COMPARES].sum()),
        sums=int(items[:, SUMS].sum()),
    )
