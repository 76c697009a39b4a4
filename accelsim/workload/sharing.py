"""Which heads keep the same keys, told from the keys."""

from __future__ import annotations

import numpy as np

from accelsim.workload.operators import Sharing


def shared_sets(bits: np.ndarray, heads: int, kv_heads: int) -> tuple[Sharing, np.ndarray]:
    """Find what shares an index set: all heads, the heads of one key head, or none.

    Parameters
    ----------
    bits : uint8[batch, units, q_len, bytes]
        Kept keys, one bit each; `units` is heads, or 1 where it is known that all share.
    heads, kv_heads : int

    Returns
    -------
    sharing : str
        "layer", "kv_group" or "head".
    sets : uint8[batch, units that differ, q_len, bytes]
    """
    units = bits.shape[1]
    if units == 1:
        return ("layer", bits) if heads > 1 else ("head", bits)
    if _groups_equal(bits, units):
        return "layer", bits[:, :1]
    group = heads // kv_heads
    if group > 1 and units == heads and _groups_equal(bits, group):
        return "kv_group", bits[:, ::group]
    return "head", bits


def _groups_equal(bits: np.ndarray, group: int) -> bool:
    """Whether each unit's sets equal those of the first unit of its group."""
    for unit in range(bits.shape[1]):
        first = unit - unit % group
        if unit == first:
            continue
        for entry in bits:
            if not np.array_equal(entry[unit, -1], entry[first, -1]):  # most differ at once
                return False
            if not np.array_equal(entry[unit], entry[first]):
                return False
    return True
