"""What a GEMM costs on the machine's array: one small model per array kind."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from accelsim.arch.array import SystolicArray
from accelsim.arch.composed import ComposedArray
from accelsim.kernels.dense_mode import fastest_dense_gemm
from accelsim.kernels.systolic import stream_slots, systolic_gemm
from accelsim.mapping.composed import composed_gemm
from accelsim.mapping.machine import Core, Work
from accelsim.mapping.reuse import Reuse
from accelsim.workload.operators import DTYPE_BITS, element_bytes

Gemm = Callable[[int, int, int, str, float], Work]
DATAFLOW = {"ws": 0, "os": 1, "is": 2}
FOLD_RULE = {"serial_folds": 0, "tpu_published": 1, "preload": 2}
# Multiplier, tree of adders over the lanes of a dot product, accumulate: cycles (assumed).
SPARSE_PIPELINE_CYCLES = 16
# Port bytes are counted in parts of a byte: an operand of an MX type is not a whole number.
PARTS_OF_BYTE = 32
SUM_BYTES = 4


class SystolicCosts(NamedTuple):
    """What the cost of a GEMM on a systolic array depends on; `rate` : MACs of a unit in a cycle.

    `shapes` : (count, rows, columns) of each.
    """

    rule: int
    dataflows: tuple[str, ...]
    shapes: tuple[tuple[int, int, int], ...]
    preload_rows_per_cycle: int
    accumulators: int
    rate: float


class DenseModeCosts(NamedTuple):
    """What the cost of a dense GEMM on a sparse array depends on; `share` : its read port."""

    k_slices: tuple[int, ...]
    macs: int
    query_storage: int
    accumulators: int
    share: int
    rate: float


def gemm_model(core: Core, reuse: Reuse) -> Gemm:
    """The function (m, n, k, dtype, bytes per output) -> Work of this array, ports not charged.

    C[m, n] = A[m, k] x B[k, n], one task. A MAC unit that does r MACs a cycle of a type takes r
    elements of k at once. Partial sums stay in the array's own accumulators.
    """
    return lru_cache(maxsize=65536)(partial(gemm_work, core, reuse))


def gemm_work(
    core: Core, reuse: Reuse, m: int, n: int, k: int, dtype: str, out_bytes: float
) -> Work:
    """See `gemm_model`."""
    array, rate, gemm = core.array, core.rate(dtype), (m, n, k, dtype, out_bytes)
    if isinstance(array, ComposedArray):
        return reuse.of(composed_gemm, core.exact_array, rate, *gemm)
    if isinstance(array, SystolicArray):
        shapes = tuple((s.count, s.rows, s.columns) for s in array.shapes)
        flows = array.dataflows if core.dataflow == "auto" else (core.dataflow,)
        systolic = SystolicCosts(
            FOLD_RULE[array.fold_rule], flows, shapes, array.preload_rows_per_cycle,
            array.accumulators, rate,
        )  # fmt: skip
        return reuse.of(systolic_work, reuse, systolic, *gemm)
    dense = DenseModeCosts(
        array.dense_mode.k_slices, array.macs, array.query_storage, array.accumulators,
        core.scratchpad.shares.array.read, rate,
    )  # fmt: skip
    return reuse.of(dense_mode_work, dense, *gemm)


def systolic_work(
    reuse: Reuse, array: SystolicCosts, m: int, n: int, k: int, dtype: str, out_bytes: float
) -> Work:
    """A GEMM on the fastest shape and dataflow.

    What enters the edges is delivered, on each of the arrays. Folds along K add their sums in the
    accumulators: each writes them and all but the first read them (under os the PEs hold them).
    """
    widest = max(columns for _, _, columns in array.shapes)
    block = max(1, array.accumulators // (4 * widest))
    if m > block:  # more rows than the accumulators hold: one block of rows after another

        def part(rows: int) -> Work:
            return reuse.of(systolic_work, reuse, array, rows, n, k, dtype, out_bytes)

        whole = part(block).times(m // block)
        return whole.plus(part(m % block)) if m % block else whole
    depth = max(1, math.ceil(k / array.rate))
    item_bytes = element_bytes(dtype) * array.rate
    best: Work | None = None
    for count, rows, columns in array.shapes:
        for dataflow in array.dataflows:
            for split_n in (True, False) if count > 1 else (True,):
                m1 = m if split_n else -(-m // count)
                n1 = -(-n // count) if split_n else n
                code = DATAFLOW[dataflow]
                cycles, latency, _, streamed, held, sums = systolic_gemm(
                    code, array.rule, m1, n1, depth, rows, columns, array.preload_rows_per_cycle
                )
                if best is not None and cycles >= best.cycles:
                    continue
                slots = stream_slots(code, m1, n1, depth, rows, columns)
                busy = min(cycles, slots // (rows * columns))
                # The arrays share (multicast) the operand that is not split between them.
                a, b = (held, streamed) if dataflow == "is" else (streamed, held)
                moved = a + count * b if split_n else count * a + b
                folds = sums // max(1, m1 * n1)
                best = Work(
                    cycles=cycles,
                    latency_cycles=latency,
                    busy_cycles=busy,
                    fill_cycles=cycles - busy,
                    issued_macs=m * n * k,
                    issued_slots=math.ceil(m * n * k / array.rate),
                    read_bytes=round(moved * item_bytes),
                    write_bytes=math.ceil(m * n * out_bytes),
                    delivered_bytes=round(count * (a + b) * item_bytes),
                    partial_bytes=SUM_BYTES * m * n * (2 * folds - 1),
                )
    assert best is not None
    return best


def dense_mode_work(
    array: DenseModeCosts, m: int, n: int, k: int, dtype: str, out_bytes: float
) -> Work:
    """A GEMM on the MACs of a sparse array, in the fastest way.

    A streamed slice is delivered to every dot-product unit that holds something, a stationary one
    to one unit. A dot product adds its sum in the accumulators, once a K slice: written each time
    and read but the first.
    """
    rate = array.rate
    depth = max(1, math.ceil(k / rate))
    item_parts = max(1, round(element_bytes(dtype) * rate * PARTS_OF_BYTE))
    # Scales of MX blocks are kept beside the stationary operand, as in a systolic array.
    held_bytes = max(1, round(int(DTYPE_BITS[dtype]) / 8 * rate))
    most = max(1, array.query_storage // (array.macs * held_bytes))
    slices = np.array(array.k_slices, np.int64)
    hidden, compute, port, reload, moved, delivered, k_slices = fastest_dense_gemm(
        m, n, depth, array.macs, slices, most, array.share * PARTS_OF_BYTE, item_parts,
        array.accumulators,
    )  # fmt: skip
    exposed = 0 if hidden else reload
    return Work(
        cycles=compute + port + exposed,
        latency_cycles=compute + port + reload + SPARSE_PIPELINE_CYCLES,
        busy_cycles=compute,
        input_stall_cycles=port,
        fill_cycles=exposed,
        issued_macs=m * n * k,
        issued_slots=math.ceil(m * n * k / rate),
        read_bytes=-(-moved // PARTS_OF_BYTE),
        write_bytes=math.ceil(m * n * out_bytes),
        delivered_bytes=-(-delivered // PARTS_OF_BYTE),
        partial_bytes=SUM_BYTES * m * n * max(0, 2 * k_slices - 1),
    )
