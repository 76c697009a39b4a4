"""Numba kernels that generate sparsity patterns and count what they share.

All random choices are counter based (splitmix64 of seed, unit, query and slot), in wrapping uint64
arithmetic, so that a row is the same whichever block it is asked for in, with the JIT on or off
(off, the caller silences NumPy's overflow warning of scalars).
"""

from __future__ import annotations

import numpy as np
from numba import njit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)


@njit(inline="always")
def splitmix(value):
    """Scramble a uint64 (the output function of splitmix64; Steele, Lea and Flood 2014)."""
    value = (value ^ (value >> np.uint64(30))) * _MIX_A
    value = (value ^ (value >> np.uint64(27))) * _MIX_B
    return value ^ (value >> np.uint64(31))


@njit(inline="always")
def _draw_key(random, origin, window, octaves):
    """Key before `origin`: its distance has octave weights `octaves`, and is uniform in an octave.

    `octaves` : int64[o + 1], running sum of the weights of distances [window << e, window << e+1).
    """
    top = len(octaves) - 1
    while (window << (top - 1)) > origin:
        top -= 1
    target = (np.int64(random & np.uint64(0xFFFFF)) * octaves[top]) >> 20
    octave = 0
    for edge in range(1, top):  # no early exit: a mispredicted branch costs more
        octave += octaves[edge] <= target
    near = window << octave
    span = min(near, origin + 1 - near)
    return origin - near - ((np.int64(random >> np.uint64(32)) * span) >> 32)


@njit(inline="always")
def _claim_free(bitmap, key, visible):
    """Set and return the nearest clear bit at or below `key`, else the highest clear one."""
    full = ~np.uint64(0)
    word = key >> 6
    free = ~bitmap[word] & (full >> np.uint64(63 - (key & 63)))
    while free == 0:
        word -= 1
        if word < 0:
            word = (visible - 1) >> 6
            free = ~bitmap[word] & (full >> np.uint64(63 - ((visible - 1) & 63)))
        else:
            free = ~bitmap[word]
    bit = 63
    while (free >> np.uint64(bit)) == 0:
        bit -= 1
    bitmap[word] |= np.uint64(1) << np.uint64(bit)
    return (word << 6) + bit


@njit(cache=True)
def _draw_for_slot(slot_key, time, page, life_log2, least, window, octaves, skip):
    """Page drawn when the present life of a slot began (`skip` draws later), and the life's end."""
    phase = np.int64(slot_key >> np.uint64(40)) & ((1 << life_log2) - 1)
    epoch = (time + phase) >> life_log2
    origin = max(least, max(0, (epoch << life_log2) - phase) // page)
    random = splitmix(slot_key + np.uint64(epoch) * _GOLDEN)
    for _ in range(skip):
        random = splitmix(random + _GOLDEN)
    return _draw_key(random, origin, window, octaves), ((epoch + 1) << life_log2) - phase


@njit(cache=True)
def _claim_other(bitmap, key, slot_key, time, page, life_log2, least, window, octaves):
    """Claim a key for a slot whose own `key` is taken: two more draws, then the nearest free."""
    for skip in range(1, 3):
        key, _ = _draw_for_slot(slot_key, time, page, life_log2, least, window, octaves, skip)
        bit = np.uint64(1) << np.uint64(key & 63)
        if bitmap[key >> 6] & bit == 0:
            bitmap[key >> 6] |= bit
            return
    _claim_free(bitmap, key, time // page + 1)


@njit(cache=True)
def topk_decay_rows(
    first, indptr, shape, split, mix, lives, seed, octaves, debruijn, bitmap, indices
):
    """Keys of consecutive rows of the synthetic top-k (see `workload.rules_topk.TopkDecay`).

    Parameters
    ----------
    first : int
        Number of the first row.
    indptr : int64[n + 1]
        Row pointers, filled in: the keys of a row are all that it sees, or at least k.
    shape : (int, int, int, int)
        q_len, kv_len, k, and the keys of a page: with more than one, rows keep k pages, not keys.
    split : (int, int, int, int)
        Sinks, window, heavy hitters of a row of k, log2 of the slots that one volatile key is
        chosen from.
    mix : (int, int, int, int)
        Eighths of the groups with twice the slots, eighths of them with twice the life, most keys
        of a row, heavy hitters per thousand keys beyond k.
    lives : (int, int)
        log2 of the queries for which a volatile and a heavy slot hold their key.
    seed : uint64
    octaves : int64[o + 1]
        Running sum of the weights of the distance octaves.
    debruijn : int64[64]
        Bit number by de Bruijn product.
    bitmap : uint64[ceil(pages / 64)]
        Scratch, zero.
    indices : int32[indptr[-1]]
        Output.
    """
    q_len, kv_len, k, page = shape
    sinks, window, least_heavy, pool_log2 = split
    wide, long_lived, most, heavy_permille = mix
    most_heavy = least_heavy + (most - k) * heavy_permille // 1000
    shift = pool_log2 + (wide > 0)
    one = np.uint64(1)
    held = np.zeros(most_heavy + ((most - sinks - window) << shift), dtype=np.int64)
    until = np.zeros(held.size, dtype=np.int64)
    held_unit = np.int64(-1)
    for r in range(indptr.size - 1):
        row = first + r
        unit = row // q_len
        time = kv_len - q_len + row - unit * q_len
        position = time // page
        place, count = indptr[r], indptr[r + 1] - indptr[r]
        if position < count:
            for key in range(position + 1):
                indices[place + key] = key
            continue
        if unit != held_unit:
            until[:] = 0
            held_unit = unit
        unit_key = splitmix(seed + np.uint64(unit + 1) * _GOLDEN)
        row_key = splitmix(unit_key ^ (np.uint64(time + 1) * _MIX_A))
        choices = row_key
        for key in range(sinks):
            bitmap[key >> 6] |= one << np.uint64(key & 63)
        for key in range(position + 1 - window, position + 1):
            bitmap[key >> 6] |= one << np.uint64(key & 63)
        heavy = least_heavy + (count - k) * heavy_permille // 1000
        for group in range(count - sinks - window):
            slot, life = group, lives[1] + (group & 3)
            if group >= heavy:
                if group & 7 == 0 or group == heavy:
                    choices = splitmix(row_key + np.uint64(group) * _GOLDEN)
                volatile = group - heavy
                pool = pool_log2 + ((volatile * 5) & 7 < wide)
                choice = choices & ((one << np.uint64(pool)) - one)
                slot = most_heavy + (volatile << shift) + np.int64(choice)
                life = lives[0] + ((volatile * 3 + (volatile >> 3)) & 7 < long_lived)
                choices >>= np.uint64(8)
            slot_key = unit_key + np.uint64(slot + 1) * _MIX_B
            if until[slot] <= time:
                held[slot], until[slot] = _draw_for_slot(
                    slot_key, time, page, life, k, window, octaves, 0
                )
            key = held[slot]
            bit = one << np.uint64(key & 63)
            if bitmap[key >> 6] & bit == 0:
                bitmap[key >> 6] |= bit
            else:
                _claim_other(bitmap, key, slot_key, time, page, life, k, window, octaves)
        for word in range((position >> 6) + 1):
            left = bitmap[word]
            bitmap[word] = np.uint64(0)
            while left != 0:
                rest = left & (left - one)
                bit_number = debruijn[np.int64(((left ^ rest) * _DE_BRUIJN) >> np.uint64(58))]
                indices[place] = (word << 6) + bit_number
                place += 1
                left = rest


@njit(cache=True)
def adjacent_shared(indptr, indices, shared):
    """Count the columns that rows r and r + 1 have in common into `shared`, int64[rows - 1]."""
    for r in range(len(shared)):
        a, a_end = indptr[r], indptr[r + 1]
        b, b_end = indptr[r + 1], indptr[r + 2]
        common = 0
        while a < a_end and b < b_end:
            left, right = indices[a], indices[b]
            common += left == right
            a += left <= right
            b += right <= left
        shared[r] = common
