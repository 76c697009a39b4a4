"""Products on a composed array: Cost to Work, stored bytes of operands, dense GEMMs and attention.

Time of a dataflow is counted in cycles of one bf16 multiplication a lane; a type with r MACs a
cycle takes 1 / r of it. Partial sums that leave the PEs are fp32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from accelsim.arch.composed import ComposedArray
from accelsim.arch.formats import BlockFormat, DenseFormat, Format, NOfM, RunLength
from accelsim.kernels.run_length import padding_zeros
from accelsim.kernels.unions import union_sizes
from accelsim.mapping.dataflows import Cost, Problem, cheapest
from accelsim.mapping.dataflows.problem import Csr
from accelsim.mapping.dataflows.structured import kept_depth
from accelsim.mapping.machine import Core, Work
from accelsim.mapping.reuse import Exact, Reuse, Rows
from accelsim.workload.operators import element_bytes

SUM_BYTES = 4
# Larger dense operands are costed on a part and scaled: kernels on coordinates write them out.
MOST_DENSE = 1 << 20


@dataclass(frozen=True)
class Stored:
    """Bytes of an operand as it is stored."""

    values: int
    metadata: int

    @property
    def total(self) -> int:
        """Values and metadata."""
        return self.values + self.metadata

    def part(self, count: int, of: int) -> Stored:
        """So much of it, rounded up."""
        return Stored(-(-self.values * count // of), -(-self.metadata * count // of))


def stored(form: Format, csr: Csr | None, rows: int, columns: int, value_bytes: float) -> Stored:
    """Bytes of a matrix of `rows` x `columns` in a format; no pattern is dense."""
    nonzeros = rows * columns if csr is None else int(csr[1].size)
    if isinstance(form, RunLength) and csr is not None:
        nonzeros += int(padding_zeros(*csr, (1 << form.bits) - 1))
    elif isinstance(form, NOfM):
        depth = kept_depth(form, csr, columns)
        if depth >= columns:  # it does not fit: stored dense
            return Stored(math.ceil(rows * columns * value_bytes), 0)
        nonzeros = rows * depth
    elif isinstance(form, BlockFormat) and csr is not None:
        blocks = int(union_sizes(*csr, columns, form.rows, form.columns).sum())
        nonzeros = blocks * form.rows * form.columns
    elif isinstance(form, DenseFormat):
        nonzeros = rows * columns
    bits = form.metadata_bits(rows, columns, nonzeros)
    return Stored(math.ceil(nonzeros * value_bytes), -(-bits // 8))


def value_bytes(array: ComposedArray, dtype: str) -> float:
    """Bytes of a stored value."""
    bits = array.formats.value_bits
    return element_bytes(dtype) if bits is None else bits / 8


def decode_cycles(form: Format, metadata_bytes: int) -> int:
    """Cycles of the decoder for so much metadata; 0 where it keeps up."""
    rate = getattr(form, "decode_bits_per_cycle", None)
    return 0 if rate is None else -(-8 * metadata_bytes // rate)


def work_of(
    array: ComposedArray,
    rate: float,
    cost: Cost,
    dtype: str,
    out_bytes: int,
    metadata_bytes: int = 0,
    decode: int = 0,
) -> Work:
    """The Work of a Cost, ports not charged.

    `rate` : MACs of a lane in a cycle, in the type; `out_bytes` : of the result, written to the
    scratchpad; `metadata_bytes` : of the operands, read with them and decoded; `decode` : cycles
    that decoding takes at least.
    """
    compute = math.ceil((cost.cycles + cost.merge_cycles) / rate)
    busy = min(compute, math.ceil((cost.busy_cycles + cost.merge_cycles) / rate))
    conflict = min(compute - busy, int(cost.conflict_cycles / rate))
    fill = min(compute - busy - conflict, int(cost.fill_cycles / rate))
    waits = compute - busy - conflict - fill
    late = max(0, decode - compute)
    value = value_bytes(array, dtype)
    return Work(
        cycles=compute + late,
        latency_cycles=compute + late + cost.latency_cycles,
        busy_cycles=busy,
        input_stall_cycles=waits + late,
        imbalance_cycles=waits,
        conflict_stall_cycles=conflict,
        fill_cycles=fill,
        issued_macs=cost.issued_macs,
        issued_slots=math.ceil(cost.issued_macs / rate),
        read_bytes=math.ceil((cost.reads_a + cost.reads_b) * value)
        + metadata_bytes
        + cost.partials * SUM_BYTES,
        write_bytes=out_bytes + cost.partials * SUM_BYTES,
        delivered_bytes=math.ceil(cost.delivered * value),
        partial_bytes=cost.sums * SUM_BYTES,
        operations=cost.comparisons,
        metadata_bits=8 * metadata_bytes,
    )


def dense_cost(problem: Problem, array: ComposedArray) -> Cost:
    """Cost of a dense product; a large one from a part of it where a kernel needs coordinates."""
    kinds = {flow.kind for flow in array.dataflows}
    if not kinds & {"cartesian", "flexible_serial"}:
        return cheapest(problem, array)[1]
    m, n = problem.m, problem.n
    block = array.pe_array.pes
    while max(m, n) * problem.k > MOST_DENSE and max(m, n) > block:
        m, n = (max(block, m // 2), n) if m >= n else (m, max(block, n // 2))
    part = cheapest(Problem(m, n, problem.k), array)[1]
    times = problem.m * problem.n / (m * n)
    if times == 1:
        return part
    scaled = {
        name: math.ceil(value * times)
        for name, value in vars(part).items()
        if name not in ("latency_cycles", "item_ends")
    }
    return replace(part, **scaled)


def cheapest_cost(problem: Problem, array: Exact[ComposedArray]) -> tuple[str, Cost]:
    """See `dataflows.cheapest`."""
    return cheapest(problem, array.value)


def composed_gemm(
    array: Exact[ComposedArray], rate: float, m: int, n: int, k: int, dtype: str, out_bytes: float
) -> Work:
    """A dense GEMM as one task: the array's fastest dataflow on full patterns."""
    cost = dense_cost(Problem(m, n, k), array.value)
    return work_of(array.value, rate, cost, dtype, math.ceil(m * n * out_bytes))


@dataclass(frozen=True)
class PatternTiles:
    """Tiles of a pattern on a composed array; what `MulticastTiles` is to a row array.

    `works` : one a tile, ports apart; `vectors` : int64[tiles], distinct columns of each.
    """

    works: tuple[Work, ...]
    vectors: np.ndarray

    def tile(self, number: int) -> Work:
        """Work of one tile."""
        return self.works[number]


def pattern_tiles(
    core: Core, reuse: Reuse, kept: Rows, columns: int, tile_rows: int, copies: int, width: int,
    dtype: str, scores: bool,
) -> PatternTiles:  # fmt: skip
    """Scores (SDDMM, `width` deep) or values (SpMM, `width` wide) of a pattern, tile by tile.

    A row of the pattern stands for `copies` rows with the same kept columns (heads that share).
    """
    array = core.array
    assert isinstance(array, ComposedArray)
    ptr, indices = kept.csr
    works = []
    for first in range(0, ptr.size - 1, tile_rows):
        last = min(ptr.size - 1, first + tile_rows)
        part = ptr[first : last + 1] - ptr[first], indices[ptr[first] : ptr[last]]
        if copies > 1:
            part = _repeated(part, copies)
        rows = part[0].size - 1
        if scores:
            problem = Problem(rows, columns, width, kept=part)
        else:
            problem = Problem(rows, width, columns, a=part)
        cost = reuse.of(cheapest_cost, problem, core.exact_array)[1]
        works.append(work_of(array, core.rate(dtype), cost, dtype, 0))
    vectors = union_sizes(ptr, indices, columns, tile_rows, 1)
    return PatternTiles(tuple(works), vectors)


def _repeated(csr: Csr, copies: int) -> Csr:
    """Every row `copies` times."""
    ptr, indices = csr
    rows = np.repeat(np.arange(ptr.size - 1), copies)
    counts = np.diff(ptr)[rows]
    starts = np.repeat(ptr[:-1][rows] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    return np.concatenate([[0], np.cumsum(counts)]), indices[np.arange(counts.sum()) + starts]
