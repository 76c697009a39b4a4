"""Which of its weights a product needs at all, and whether it pays to fetch these alone.

Kept activations name rows of B, which then lies row by row (n elements contiguous); wanted outputs
name columns, and B lies column by column. Which ones are named is known once the operators before
have ended, so the fetch begins then: nothing is fetched ahead, the mask is read and the index unit
builds the union of a block of rows of A. What is fetched is gathered: whole lines, rows of DRAM
opened for it. A machine does so where it gathers rows for attention, if it is faster by estimate
than to stream all weights, some of them ahead of the operator.

Not modelled: a mask that is known earlier than the operator's inputs, weights kept in both orders,
composed arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from accelsim.mapping.arrays import Gemm
from accelsim.mapping.machine import Machine
from accelsim.mapping.matmul_choice import ACCUMULATOR_BYTES, Choice, Tiling, choose, tile_gemm
from accelsim.mapping.reuse import Reuse
from accelsim.mapping.sddmm import mask_work
from accelsim.mapping.stream import array_width, panel_depth
from accelsim.workload.operators import Matmul, data_bytes, element_bytes
from accelsim.workload.patterns import CsrPattern, Pattern, csr_pattern

# Of a block that needs more of B than this part, all is streamed.
MOST = 0.9


@dataclass(frozen=True)
class NeededBlock:
    """Rows of A and what they need of B.

    Attributes
    ----------
    first, rows : int
        Rows of A.
    union : int64[needed]
        Rows or columns of B, ascending.
    kept : int
        Positions of the pattern in these rows.
    op : Matmul
        The product of these rows with what is needed, nothing else.
    """

    first: int
    rows: int
    union: np.ndarray
    kept: int
    op: Matmul


@dataclass(frozen=True)
class Needed:
    """`axis` : what is left out, K (rows of B) or N (columns). `choices` : how each block runs."""

    axis: Literal["k", "n"]
    blocks: list[NeededBlock]
    choices: list[Choice]

    def distinct(self) -> int:
        """Rows or columns that any block needs."""
        return int(np.unique(np.concatenate([block.union for block in self.blocks])).size)


def needed_weights(machine: Machine, op: Matmul, gemm: Gemm, whole: Choice) -> Needed | None:
    """What to fetch by need; None where all weights are streamed. `whole` : how that would run."""
    arch = machine.arch
    gathers = arch.load.gathers_attention and arch.index is not None and arch.mapping.sparsity
    if not gathers or op.weights != "static" or op.weight_pattern is not None:
        return None
    moved = whole.weight_bytes(op)
    behind = moved - min(moved, machine.weights_bytes)  # the rest is fetched ahead
    best = max(whole.array_cycles, behind / machine.dram_bytes_per_cycle)
    found = None
    if op.activation_pattern is not None and op.activation_elements is None:
        found, best = _faster(machine, op, gemm, "k", op.activation_pattern, found, best)
    if op.output_pattern is not None:
        found, best = _faster(machine, op, gemm, "n", op.output_pattern, found, best)
    return found


def _faster(
    machine: Machine,
    op: Matmul,
    gemm: Gemm,
    axis: Literal["k", "n"],
    pattern: Pattern,
    found: Needed | None,
    best: float,
) -> tuple[Needed | None, float]:
    """The other way and its cycles if it takes fewer than `best`."""
    tiling = _tiling(machine, op, axis)
    blocks: list[NeededBlock] = []
    fetched = 0.0
    for m0 in range(0, op.m, tiling.rows):
        blocks.append(_block(machine.reuse, op, axis, pattern, m0, min(tiling.rows, op.m - m0)))
        fetched += _fetch_cycles(machine, op, axis, blocks[-1], tiling)
        if fetched >= best or blocks[-1].union.size > MOST * getattr(op, axis):
            return found, best  # before kernels look at the patterns again
    fixed = tiling if axis == "k" else None
    choices = [choose(machine, block.op, gemm, fixed) for block in blocks]
    array = sum(choice.array_cycles for choice in choices)
    cycles = max(fetched, array) + 2 * machine.dram_latency_cycles
    for block, choice in zip(blocks, choices, strict=True):
        columns = getattr(op, axis)
        cycles += mask_work(machine, block.rows, columns, block.kept).cycles
        if axis == "k" and choice.sparse is None:
            cycles += block.rows * block.union.size / machine.arch.vector.lanes
    return (Needed(axis, blocks, choices), cycles) if cycles < best else (found, best)


def _tiling(machine: Machine, op: Matmul, axis: Literal["k", "n"]) -> Tiling:
    """Rows of A of a block, and columns: of rows of B as long a piece as lets the array work."""
    item = element_bytes(op.dtype)
    if axis == "n":
        return tile_gemm(machine, op.m, op.n, op.k, item)
    columns = min(op.n, max(1, int(machine.weights_bytes // (2 * item * array_width(machine)))))
    room = machine.tiles_bytes * 19 // 20
    # Rows of A and what is brought together of them, sums of two blocks.
    each = 2 * (2 * data_bytes(op.k, op.dtype) + 2 * columns * ACCUMULATOR_BYTES)
    return Tiling(min(op.m, max(1, room // each)), columns)


def _block(
    reuse: Reuse, op: Matmul, axis: Literal["k", "n"], pattern: Pattern, first: int, rows: int
) -> NeededBlock:
    kept_rows = reuse.rows(pattern, first, first + rows)
    indptr, indices = kept_rows.indptr, kept_rows.indices
    union = np.unique(indices).astype(np.int64)
    kept = int(indices.size)
    if not union.size:  # a product of nothing still has a result
        union = np.zeros(1, np.int64)
    reduced = csr_pattern(indptr, np.searchsorted(union, indices), int(union.size))
    if axis == "n":
        activations = _rows_of(reuse, op.activation_pattern, first, rows)
        part = replace(op, m=rows, n=int(union.size), output_pattern=reduced,
                       activation_pattern=activations)  # fmt: skip
    else:
        wanted = _rows_of(reuse, op.output_pattern, first, rows)
        part = replace(op, m=rows, k=int(union.size), activation_pattern=reduced,
                       output_pattern=wanted)  # fmt: skip
    return NeededBlock(first, rows, union, kept, part)


def _rows_of(reuse: Reuse, pattern: Pattern | None, first: int, rows: int) -> CsrPattern | None:
    if pattern is None:
        return None
    kept = reuse.rows(pattern, first, first + rows)
    return csr_pattern(kept.indptr, kept.indices, pattern.cols)


def _fetch_cycles(
    machine: Machine, op: Matmul, axis: Literal["k", "n"], block: NeededBlock, tiling: Tiling
) -> float:
    """DRAM time of the pieces of a block, each of whole lines and at least a row's opening."""
    line = machine.arch.dram.line
    width = op.n if axis == "k" else op.k
    piece = tiling.columns if axis == "k" else panel_depth(machine, tiling.columns, op.k, op.dtype)
    lines = -(-data_bytes(min(piece, width), op.dtype) // line) * line
    count = block.union.size * -(-width // piece)
    return float(count * max(lines, machine.dram_row_bytes) / machine.dram_bytes_per_cycle)
