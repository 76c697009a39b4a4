"""A binary min-heap of (key, item) pairs in two slices of preallocated arrays.

`ties` says whether equal keys are ordered by item; a constant, so that the test is compiled away.
"""

from __future__ import annotations

from accelsim.kernels.jit import inlined
from accelsim.kernels.tournament import NEVER


@inlined
def push(keys, items, base, size, key, item, ties):
    """Add a pair to the heap that fills `base .. base + size`.

    Parameters
    ----------
    keys, items : int64[capacity]
        The smallest key comes first; keys are below `NEVER`.
    base, size : int
        Where the heap lies; the caller keeps the size and adds one.
    key, item : int
    ties : bool
    """
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        above = keys[base + parent]
        if above < key or (above == key and (not ties or items[base + parent] < item)):
            break
        keys[base + at] = above
        items[base + at] = items[base + parent]
        at = parent
    keys[base + at] = key
    items[base + at] = item


@inlined
def pop(keys, items, base, size, ties):
    """Remove the first pair of a heap of `size` pairs, which the caller has read at `base`.

    Parameters
    ----------
    keys, items : int64[capacity]
    base, size : int
        The caller keeps the size and takes one off.
    ties : bool
    """
    last = size - 1
    key, item = keys[base + last], items[base + last]
    keys[base + last] = NEVER  # so that a left child without a right one is the smaller
    at = 0
    child = 1
    while child < last:
        left, right = keys[base + child], keys[base + child + 1]
        smaller = right < left
        if ties:
            smaller |= right == left and items[base + child + 1] < items[base + child]
        child += int(smaller)
        below = right if smaller else left
        if key < below or (key == below and (not ties or item < items[base + child])):
            break
        keys[base + at] = below
        items[base + at] = items[base + child]
        at = child
        child = 2 * at + 1
    keys[base + at] = key
    items[base + at] = item
