"""N:M structured operands: dense tiles with fewer steps along K."""

from __future__ import annotations

from accelsim.arch.composed import ComposedArray
from accelsim.arch.dataflows import Structured
from accelsim.arch.formats import NOfM
from accelsim.kernels.structured import fullest_group
from accelsim.mapping.dataflows.problem import Cost, Csr, Problem

SUM_BYTES = 4


def structured_cost(problem: Problem, flow: Structured, array: ComposedArray) -> Cost:
    """A PE takes rows x columns x depth of kept values a step of depth rows columns / lanes.

    An operand that does not fit its N:M pattern is not skipped: the product runs dense. A PE goes
    over a block of C as large as its accumulators and operand storage allow, so that a value of A
    is read once for each block of columns, and one of B once for each block of rows. Each step
    along K writes the sums of a tile, and reads them but for the first.
    """
    stored = array.formats.a if flow.sparse == "a" else array.formats.b
    assert isinstance(stored, NOfM)
    csr = problem.a if flow.sparse == "a" else problem.bt
    depth = kept_depth(stored, csr, problem.k)
    tiles = -(-problem.m // flow.rows) * -(-problem.n // flow.columns)
    step = -(-flow.rows * flow.columns * flow.depth // array.pe_array.lanes)
    deep = -(-depth // flow.depth)
    steps = tiles * deep
    rounds = -(-steps // array.pe_array.pes)
    issued = problem.m * problem.n * depth
    block = _block(problem, flow, array)
    a_fibers, b_fibers = -(-problem.n // block[1]), -(-problem.m // block[0])
    a_depth, b_depth = (depth, problem.k) if flow.sparse == "a" else (problem.k, depth)
    reads_a, reads_b = problem.m * a_depth * a_fibers, problem.n * b_depth * b_fibers
    return Cost(
        cycles=rounds * step,
        busy_cycles=min(rounds * step, -(-issued // array.macs)),
        macs=problem.macs,
        issued_macs=issued,
        reads_a=reads_a,
        reads_b=reads_b,
        outputs=problem.outputs,
        latency_cycles=array.reduce.latency_cycles,
        delivered=reads_a + reads_b,
        sums=problem.m * problem.n * (2 * deep - 1),
    )


def _block(problem: Problem, flow: Structured, array: ComposedArray) -> tuple[int, int]:
    """Rows and columns of C on which a PE works at once: whole tiles, as square as they go."""
    pes, rows, columns = array.pe_array.pes, flow.rows, flow.columns
    sums = array.accumulators // (pes * SUM_BYTES)
    slices = 8 * array.operand_storage // (pes * flow.depth * (array.formats.value_bits or 16))
    while True:
        taller = (2 * rows, columns) if rows < problem.m else None
        wider = (rows, 2 * columns) if columns < problem.n else None
        for grown in (taller, wider) if rows <= columns else (wider, taller):
            if grown and grown[0] * grown[1] <= sums and grown[0] + grown[1] <= slices:
                rows, columns = grown
                break
        else:
            return rows, columns


def kept_depth(stored: NOfM, csr: Csr | None, k: int) -> int:
    """Values of a row of the sparse operand that are worked on: K unless the pattern fits."""
    if csr is None:
        return k
    units, depth = 1, 1
    most = 1
    for at, level in enumerate(reversed(stored.levels)):
        found, _ = fullest_group(csr[0], csr[1], k, units, level.m)
        if found > level.n:
            return k
        kept = max(1, int(found)) if stored.variable and at == 0 else level.n
        depth *= kept
        units *= level.m
        most *= level.m
    return -(-k // most) * depth
