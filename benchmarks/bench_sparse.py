"""Speed of the sparse dataflow kernels, one core, and what the large products take.

Run with `python -m benchmarks.bench_sparse`. Prints figures; asserts nothing.
"""

from __future__ import annotations

import resource
import time
from functools import partial

import numpy as np

from accelsim.arch.load import load_arch
from accelsim.kernels.cache import FIBRE, READ, access
from accelsim.kernels.flexible import slice_counts
from accelsim.kernels.flexible_serial import (
    ITERATION_COLUMNS,
    count_iterations,
    flexible_serial,
)
from accelsim.kernels.gustavson import merge_dense, merge_hash, merge_queues, merge_radix
from accelsim.kernels.inner import (
    LEADER_FOLLOWER,
    SKIP_AHEAD,
    TWO_FINGER,
    bitmap_matches,
    inner_bitmaps,
    inner_coordinates,
)
from accelsim.kernels.items import ITEM_COLUMNS
from accelsim.kernels.outer import group_counts, outer_tiles
from accelsim.kernels.row_split import row_split
from accelsim.kernels.spgemm import BIT_LIMIT_BYTES, pack_bits, spgemm_symbolic
from accelsim.mapping.dataflows import Problem, cheapest
from accelsim.validation.published import bernoulli
from accelsim.workload.graphs import chung_lu
from benchmarks.bench_memory import seconds

STONNE_SECONDS = 12.6  # STONNE's CPU time of 512x64x256, 80 % sparse, 256 multipliers: measured
EVERY = np.zeros(1, np.int64), np.zeros(0, np.int32)


def rate(name: str, count: int, work: partial[object], unit: str, target: str = "") -> None:
    """One line: how many a second, best of three."""
    took = seconds(work)
    scale, letter = (1e9, "G") if count / took > 2e9 else (1e6, "M")
    print(f"{name:<44s} {count / took / scale:7.1f} {letter} {unit}/s   {target}")


def kernels() -> None:
    """Rates on a graph and on Bernoulli operands."""
    graph = chung_lu(20_000, 400_000, 0.5)
    ptr, idx = graph.csr()
    macs, outputs = np.zeros(20_000, np.int64), np.zeros(20_000, np.int64)
    spgemm_symbolic(ptr, idx, ptr, idx, 20_000, BIT_LIMIT_BYTES, macs, outputs)
    total = int(macs.sum())
    items, phases = np.zeros((20_000, ITEM_COLUMNS), np.int64), np.zeros((20_000, 2), np.int64)
    product = (ptr, idx, ptr, idx, 20_000)
    goal = "target 150 M"
    for name, kernel, args in (
        ("Gustavson, radix-64 merger", merge_radix, (64, 1)),
        ("Gustavson, dense row of sums", merge_dense, (20_000, 16, 1)),
        ("Gustavson, sorting queues", merge_queues, (10, 512, phases)),
        ("Gustavson, hash table with its probes", merge_hash, (4096, 1)),
    ):
        rate(name, total, partial(kernel, *product, *args, items), "nonzeros", goal)
    symbolic = partial(spgemm_symbolic, *product, BIT_LIMIT_BYTES, macs, outputs)
    rate("SpGEMM structure, graph", total, symbolic, "multiplies", "target 50 M")
    a, b = bernoulli(4096, 4096, 0.1, 1), bernoulli(4096, 4096, 0.1, 2)
    few = np.ascontiguousarray(a[0][:65]), a[1][: a[0][64]]
    table = np.zeros((64, ITEM_COLUMNS), np.int64)
    walked = 64 * b[1].size + 4096 * few[1].size
    for name, rule in (("two-finger", TWO_FINGER), ("skip-ahead", SKIP_AHEAD),
                       ("leader-follower", LEADER_FOLLOWER)):  # fmt: skip
        work = partial(inner_coordinates, *few, *b, rule, 1, *EVERY, table)
        rate(f"intersection, {name}", walked, work, "nonzeros", goal)
    rows = np.ascontiguousarray(pack_bits(*a, 4096)[:256])
    bits, values = pack_bits(*b, 4096), np.diff(b[0])
    pairs = 256 * 4096 * 4096
    wide, many = np.zeros((256, ITEM_COLUMNS), np.int64), np.zeros((2, 256), np.int64)
    work = partial(bitmap_matches, rows, bits, many[0], many[1])
    rate("bitmaps, counts", pairs, work, "elements", "target 20 G")
    for chunk in (64, 128):
        work = partial(inner_bitmaps, rows, bits, 4096, chunk, 1, False, *EVERY, values, wide)
        rate(f"bitmaps, cycles of chunks of {chunk}", pairs, work, "pairs", "target 10 G")
    sub_rows = np.zeros(4096, np.int64)
    rate("split rows", a[1].size, partial(row_split, *a, 64, 16, False, sub_rows), "nonzeros", goal)
    rate("folds of a flexible array", a[1].size, partial(slice_counts, a[1], 4096, 128),
         "nonzeros", goal)  # fmt: skip
    counts = group_counts(*a, 4096, 32), group_counts(*b, 4096, 32)
    tiles = np.zeros((128 * 128, ITEM_COLUMNS), np.int64)
    rate("condensed outer product, 4096^3 as dense", 4096**3,
         partial(outer_tiles, *counts, 8, 16, tiles), "multiplies")  # fmt: skip
    lines = np.random.default_rng(0).zipf(1.2, 4_000_000) % (1 << 20)
    shape = 3072, 16
    state = (np.full(shape, -1, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int32),
             np.zeros(shape, np.bool_), np.zeros(1, np.int64))  # fmt: skip
    kinds = np.full(lines.size, READ, np.int8)
    out, written = np.empty(lines.size, np.int8), np.empty(lines.size, np.int64)
    rate("fibre cache, 16 ways", lines.size,
         partial(access, lines, kinds, FIBRE, *state, out, written), "accesses",
         "target 25 M")  # fmt: skip


def stonne() -> None:
    """The largest measured case of STONNE."""
    ptr, idx = bernoulli(512, 256, 0.2, 1)
    for ports in (64, 256):
        table = np.zeros((int(count_iterations(ptr, 256)), ITERATION_COLUMNS), np.int64)
        took = seconds(partial(flexible_serial, ptr, idx, 256, 64, 256, ports, ports, table))
        print(
            f"STONNE's controller, 512x64x256, {ports:3d} ports      {took * 1e3:7.2f} ms, "
            f"{idx.size * 64 / took / 1e6:.0f} M multiplications/s, "
            f"{STONNE_SECONDS / took:,.0f}x STONNE   target 1,000x"
        )


def large() -> None:
    """Products whose size is the question: time and memory."""

    def said(name: str, began: float) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{name:<44s} {time.perf_counter() - began:7.2f} s, peak so far {peak:.2f} GiB")

    a, b = bernoulli(4096, 4096, 0.1, 1), bernoulli(4096, 4096, 0.1, 2)
    problem = Problem(4096, 4096, 4096, a, b)
    for name in ("gamma", "matraptor", "outerspace", "sparten", "dstc", "sigma", "sanger", "eie"):
        began = time.perf_counter()
        cheapest(problem, load_arch(name).array)
        said(f"4096^3 SpGEMM at 10 % on {name}", began)
    operand = bernoulli(1024, 500_000, 0.2, 3)
    began = time.perf_counter()
    cheapest(Problem(1024, 16, 500_000, operand), load_arch("sigma").array)
    said(f"{operand[1].size / 1e6:.0f} M nonzeros on sigma", began)


def main() -> None:
    """Print all."""
    kernels()
    stonne()
    large()


if __name__ == "__main__":
    main()
