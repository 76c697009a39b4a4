"""The output-stationary mesh: known rows, and a machine ticked cycle by cycle for any shape."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.mesh import mesh_gemm


def ticking_tile(r, c, k, rows, columns, dn_bw, rn_bw):
    """One tile in STONNE's order of a cycle: memory, lines, accumulators, mesh, trees."""
    per_port = (rows + columns) // dn_bw
    ports = [deque() for _ in range(dn_bw)]
    tree, edge = [], {line: deque() for line in range(rows + columns)}
    links = {"left": {}, "top": {}}
    done = {}
    to_accumulator, to_line = [], []
    lines = [deque() for _ in range(rn_bw)]
    to_memory = waiting = written = cycle = 0
    while True:
        # memory: write queue first counts what came, then step k's operands join the ports
        waiting += to_memory
        to_memory = 0
        popped = -(-waiting // 2)
        waiting -= popped
        written += popped
        if 1 <= cycle <= k:
            for line in [*range(c), *range(columns, columns + r)]:
                ports[line // per_port].append(line)
        if written == r * c:
            return cycle + 1
        for port in ports:
            if port:
                tree.append(port.popleft())
        if per_port == 1:
            for line in tree:
                edge[line].append(1)
            tree = []
        # collection lines, then accumulators
        for index in to_line:
            lines[index % rn_bw].append(index)
        to_line = to_accumulator
        to_accumulator = []
        for line in lines:
            if line:
                line.popleft()
                to_memory += 1
        # mesh: what fired in the last cycle has reached its neighbour
        fired = []
        for i in range(r):
            for j in range(c):
                left = edge[columns + i] if j == 0 else links["left"].setdefault((i, j), deque())
                top = edge[j] if i == 0 else links["top"].setdefault((i, j), deque())
                if left and top:
                    left.popleft()
                    top.popleft()
                    fired.append((i, j))
        for i, j in fired:
            links["left"].setdefault((i, j + 1), deque()).append(1)
            links["top"].setdefault((i + 1, j), deque()).append(1)
            done[i, j] = done.get((i, j), 0) + 1
            if done[i, j] == k:
                to_accumulator.append(i * columns + j)
        for line in tree:
            edge[line].append(1)
        tree = []
        cycle += 1


def ticking_gemm(m, n, k, rows, columns, dn_bw, rn_bw):
    return sum(
        ticking_tile(min(rows, m - top), min(columns, n - left), k, rows, columns, dn_bw, rn_bw)
        for top in range(0, m, rows)
        for left in range(0, n, columns)
    )


def test_the_ticked_machine_gives_a_reference_row():
    assert ticking_gemm(32, 16, 256, 8, 8, 16, 64) == 2200


@st.composite
def meshes(draw):
    rows, columns = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    splits = [p for p in (1, 2, 4, 8, 16) if (rows + columns) % p == 0]
    dn_bw = (rows + columns) // draw(st.sampled_from(splits))
    rn_bw = draw(st.sampled_from([rows * columns, 2 * rows * columns, 1, 3]))
    sizes = [draw(st.integers(1, 2 * edge + 1)) for edge in (rows, columns)]
    return (*sizes, draw(st.integers(1, 7)), rows, columns, dn_bw, rn_bw)


@settings(max_examples=300)
@given(meshes())
def test_the_kernel_equals_the_ticked_machine(case):
    assert mesh_gemm(*case) == ticking_gemm(*case)


@pytest.mark.parametrize("shape", [(8, 8), (8, 3), (1, 8), (5, 1), (1, 1), (2, 2)])
@pytest.mark.parametrize("dn_bw", [16, 8, 4, 2])
@pytest.mark.parametrize("k", [1, 2, 50])
def test_the_closed_form_of_one_tile(shape, dn_bw, k):
    r, c = shape
    per_port = 16 // dn_bw
    step = min(per_port, max(r, c))
    expected = step * (k - 1) + r + c + 3 + (min(r, c) > 1) + (per_port > 1)
    assert mesh_gemm(r, c, k, 8, 8, dn_bw, 64) == expected


@pytest.mark.parametrize("shape", [(0, 4, 4), (4, 0, 4), (4, 4, 0)])
def test_no_work_takes_no_time(shape):
    assert mesh_gemm(*shape, 8, 8, 16, 64) == 0
