"""SIGMA's controller: multiplier by multiplier and clock by clock in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.flexible_serial import (
    CYCLES,
    ITERATION_COLUMNS,
    MULTIPLICATIONS,
    NONZEROS,
    OUTPUTS,
    count_iterations,
    flexible_serial,
)


def csr(mask):
    ptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64)
    return ptr, np.nonzero(mask)[1].astype(np.int32)


def run(mask, streamed, num_ms, dn_bw, rn_bw):
    ptr, idx = csr(mask)
    table = np.zeros((int(count_iterations(ptr, num_ms)), ITERATION_COLUMNS), np.int64)
    cycles = flexible_serial(ptr, idx, mask.shape[1], streamed, num_ms, dn_bw, rn_bw, table)
    return int(cycles), table


def groups(mask, num_ms):
    """Iterations as lists of clusters; a cluster is a list of columns, None a partial sum."""
    found, group, used = [], [], 0
    for row in mask:
        columns = np.flatnonzero(row).tolist()
        if not columns:
            continue
        if used + len(columns) > num_ms and group:
            found.append(group)
            group, used = [], 0
        if len(columns) > num_ms:
            found.append([columns[:num_ms]])
            rest = columns[num_ms:]
            while rest:
                found.append([[None, *rest[: num_ms - 1]]])
                rest = rest[num_ms - 1 :]
        else:
            group.append(columns)
            used += len(columns)
    return [*found, group] if group else found


def tree(first, last, num_ms):
    """Delay of every multiplier and the exit, adder by adder from the sets that they hold."""
    levels = num_ms.bit_length() - 1
    holder = {m: m for m in range(first, last + 1)}  # multiplier -> node of the level below
    delay = dict.fromkeys(holder, 1)
    for level in range(levels - 1, -1, -1):
        children = set(holder.values())
        low, high = min(children), max(children)
        owner = {child: child // 2 for child in children}
        for odd in range(1, (1 << level) - 2, 2):
            if odd not in owner.values() or odd + 1 not in owner.values():
                continue
            left, right = 2 * odd + 2 - low, high - 2 * odd - 1
            if left >= right and odd + 2 not in owner.values():
                source, target = odd + 1, odd
            elif left < right and odd - 1 not in owner.values():
                source, target = odd, odd + 1
            else:
                continue
            for m, child in holder.items():
                delay[m] += child // 2 == source
            owner = {c: target if o == source else o for c, o in owner.items()}
        holder = {m: owner[child] for m, child in holder.items()}
        delay = {m: d + 1 for m, d in delay.items()}
        if len(set(holder.values())) == 1:
            return delay, level, next(iter(holder.values()))
    raise AssertionError("the root holds everything")


def lines(num_ms, rn_bw):
    """Collection line of every adder, in the order in which they are wired."""
    levels, pairs, singles = num_ms.bit_length() - 1, [], []
    for level in range(levels):
        for adder in range(1 << level):
            if level and adder and adder % 2 == 0:
                pairs.append(((level, adder - 1), (level, adder)))
            elif adder in (0, (1 << level) - 1):
                singles.append((level, adder))
    found = {node: at % rn_bw for at, pair in enumerate(pairs) for node in pair}
    return found | {node: (at + 2 * len(pairs)) % rn_bw for at, node in enumerate(singles)}


def iteration(group, streamed, num_ms, dn_bw, rn_bw):
    """Cycles of one group."""
    per = num_ms // dn_bw
    column = [c for cluster in group for c in cluster]
    again = column[0] is None
    arrive = {}
    for port in range(dn_bw):
        mine = [m for m in range(port * per, min((port + 1) * per, len(column)))]
        used = sorted({column[m] for m in mine if column[m] is not None})
        sums = streamed if again and port == 0 else 0
        start = max(2, 1 + sums + sum(column[m] is not None for m in mine))
        for m in mine:
            for v in range(streamed):
                sent = (
                    start + used.index(column[m]) + len(used) * v
                    if column[m] is not None
                    else 2 + v
                )
                arrive[m, v] = sent + (per > 1)
    wires, waiting, begin = lines(num_ms, rn_bw), {}, 0
    for cluster in group:
        delay, *node = tree(begin, begin + len(cluster) - 1, num_ms)
        for v in range(streamed):
            out = max(arrive[m, v] + delay[m] for m in delay)
            waiting.setdefault(wires[tuple(node)], []).append(out)
        begin += len(cluster)
    written = []
    for outs in waiting.values():
        free = 0
        for out in sorted(outs):
            free = max(out, free) + 1
            written.append(free)
    queue, cycle, left = 0, 0, len(written)
    while left:
        queue += written.count(cycle)
        done = -(-queue // 2)
        queue, left, cycle = queue - done, left - done, cycle + 1
    return cycle


@st.composite
def cases(draw):
    num_ms = draw(st.sampled_from([2, 4, 8, 16]))
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 20))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    mask = rng.random((rows, columns)) < draw(st.sampled_from([0.0, 0.1, 0.4, 1.0]))
    ports = draw(st.sampled_from([p for p in (1, 2, 4, 8, 16) if p <= num_ms]))
    return mask, draw(st.integers(1, 5)), num_ms, ports, draw(st.sampled_from([1, 2, 4, 16]))


@settings(max_examples=40, deadline=None)
@given(cases())
def test_every_iteration_equals_a_multiplier_by_multiplier_model(case):
    mask, streamed, num_ms, dn_bw, rn_bw = case
    cycles, table = run(*case)
    wanted = groups(mask, num_ms)
    assert len(table) == len(wanted)
    for found, group in zip(table, wanted, strict=True):
        assert found[CYCLES] == iteration(group, streamed, num_ms, dn_bw, rn_bw)
        assert found[OUTPUTS] == len(group) * streamed
    assert cycles == table[:, CYCLES].sum()
    assert table[:, NONZEROS].sum() == mask.sum()
    assert table[:, MULTIPLICATIONS].sum() == mask.sum() * streamed


def test_empty_vectors_cost_nothing():
    mask = np.eye(4, 8, dtype=bool)
    padded = np.zeros((7, 8), bool)
    padded[[1, 2, 4, 6]] = mask
    assert run(padded, 3, 8, 8, 8)[0] == run(mask, 3, 8, 8, 8)[0]
    assert run(np.zeros((3, 8), bool), 3, 8, 8, 8)[0] == 0


def test_one_nonzero_by_hand():
    # Weight in cycle 1, vector in 2, product 1, lowest adder 1, line 1, write: cycles 0 to 5.
    assert run(np.ones((1, 1), bool), 1, 4, 4, 4)[0] == 6


@pytest.mark.parametrize(("size", "iterations"), [(4, 1), (5, 2), (7, 2), (8, 3)])
def test_a_long_vector_folds(size, iterations):
    assert len(run(np.ones((1, size), bool), 2, 4, 4, 4)[1]) == iterations
