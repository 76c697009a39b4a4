"""What a GEMM costs on the machine's array: one small model per array kind."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial

from accelsim.arch.array import SparseArray, SystolicArray
from accelsim.arch.composed import ComposedArray
from accelsim.arch.spec import Arch
from accelsim.kernels.dense_mode import dense_gemm
from accelsim.kernels.systolic import stream_slots, systolic_gemm
from accelsim.mapping.composed import composed_gemm
from accelsim.mapping.machine import Work
from accelsim.workload.operators import DTYPE_BITS, element_bytes

Gemm = Callable[[int, int, int, str, float], Work]
DATAFLOW = {"ws": 0, "os": 1, "is": 2}
FOLD_RULE = {"serial_folds": 0, "tpu_published": 1, "preload": 2}
# Multiplier, tree of adders over the lanes of a dot product, accumulate: cycles (assumed).
SPARSE_PIPELINE_CYCLES = 16
# Port bytes are counted in parts of a byte: an operand of an MX type is not a whole number.
PARTS_OF_BYTE = 32


def gemm_model(arch: Arch) -> Gemm:
    """The function (m, n, k, dtype, bytes per output) -> Work of this array, ports not charged.

    C[m, n] = A[m, k] x B[k, n], one task. A MAC unit that does r MACs a cycle of a type takes r
    elements of k at once. Partial sums stay in the array's own accumulators.
    """
    array = arch.array
    if isinstance(array, SystolicArray):
        return lru_cache(maxsize=65536)(_systolic(arch, array))
    if isinstance(array, ComposedArray):
        return lru_cache(maxsize=65536)(partial(composed_gemm, arch, array))
    return lru_cache(maxsize=65536)(_sparse_dense_mode(arch, array))


def _systolic(arch: Arch, array: SystolicArray) -> Gemm:
    rule = FOLD_RULE[array.fold_rule]
    wanted = arch.mapping.dataflow
    dataflows = array.dataflows if wanted == "auto" else (wanted,)
    widest = max(shape.columns for shape in array.shapes)
    block = max(1, array.accumulators // (4 * widest))

    def one(m: int, n: int, k: int, dtype: str, out_bytes: float) -> Work:
        if m > block:  # more rows than the accumulators hold: one block of rows after another
            whole = one(block, n, k, dtype, out_bytes).times(m // block)
            return whole.plus(one(m % block, n, k, dtype, out_bytes)) if m % block else whole
        rate = arch.rate(dtype)
        depth = max(1, math.ceil(k / rate))
        item_bytes = element_bytes(dtype) * rate
        best: Work | None = None
        for shape in array.shapes:
            for dataflow in dataflows:
                for split_n in (True, False) if shape.count > 1 else (True,):
                    m1 = m if split_n else -(-m // shape.count)
                    n1 = -(-n // shape.count) if split_n else n
                    code = DATAFLOW[dataflow]
                    cycles, latency, _, streamed, held, _ = systolic_gemm(
                        code, rule, m1, n1, depth, shape.rows, shape.columns,
                        array.preload_rows_per_cycle,
                    )  # fmt: skip
                    if best is not None and cycles >= best.cycles:
                        continue
                    slots = stream_slots(code, m1, n1, depth, shape.rows, shape.columns)
                    busy = min(cycles, slots // (shape.rows * shape.columns))
                    # The arrays share (multicast) the operand that is not split between them.
                    a, b = (held, streamed) if dataflow == "is" else (streamed, held)
                    moved = a + shape.count * b if split_n else shape.count * a + b
                    best = Work(
                        cycles=cycles,
                        latency_cycles=latency,
                        busy_cycles=busy,
                        fill_cycles=cycles - busy,
                        issued_macs=m * n * k,
                        issued_slots=math.ceil(m * n * k / rate),
                        read_bytes=round(moved * item_bytes),
                        write_bytes=math.ceil(m * n * out_bytes),
                    )
        assert best is not None
        return best

    return one


def _sparse_dense_mode(arch: Arch, array: SparseArray) -> Gemm:
    share = arch.scratchpad.shares.array.read

    def one(m: int, n: int, k: int, dtype: str, out_bytes: float) -> Work:
        rate = arch.rate(dtype)
        depth = max(1, math.ceil(k / rate))
        item_parts = max(1, round(element_bytes(dtype) * rate * PARTS_OF_BYTE))
        # Scales of MX blocks are kept beside the stationary operand, as in a systolic array.
        held_bytes = max(1, round(int(DTYPE_BITS[dtype]) / 8 * rate))
        most = max(1, array.query_storage // (array.macs * held_bytes))
        best: Work | None = None
        for k_slice in array.dense_mode.k_slices:
            for held, streamed in ((m, n), (n, m)):
                for slots, hidden in ((most, 0), (max(1, most // 2), 1)):
                    if hidden and most < 2:
                        continue
                    compute, port, reload, moved = dense_gemm(
                        held, streamed, depth, array.macs, min(k_slice, array.macs), slots, hidden,
                        share * PARTS_OF_BYTE, item_parts, array.accumulators,
                    )  # fmt: skip
                    # A hidden load is exposed only when nothing runs before it.
                    cycles = compute + port + (0 if hidden else reload)
                    if best is None or cycles < best.cycles:
                        best = Work(
                            cycles=cycles,
                            latency_cycles=compute + port + reload + SPARSE_PIPELINE_CYCLES,
                            busy_cycles=compute,
                            input_stall_cycles=port,
                            fill_cycles=0 if hidden else reload,
                            issued_macs=m * n * k,
                            issued_slots=math.ceil(m * n * k / rate),
                            read_bytes=-(-moved // PARTS_OF_BYTE),
                            write_bytes=math.ceil(m * n * out_bytes),
                        )
        assert best is not None
        return best

    return one
