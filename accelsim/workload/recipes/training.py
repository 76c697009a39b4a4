"""Sparse training: exchange of sparse gradients, and masks that grow and are pruned.

Exchange (DGC, 1712.01887; federated averaging with top-k, STC 1903.02891): every worker keeps the
largest part of its gradient and sends (index, value); the receiver adds up all lists, whose union
grows with the workers, and applies it. The link between machines is not modelled: the lists are in
memory when they are added.

Grow and prune (SET 1707.04780, NeST 1711.02017, RigL 1911.11134): a multi-layer perceptron trains
under a mask; at an update the smallest kept weights are dropped and as many others grown where the
dense gradient is largest, so the mask, and with it every product, changes.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from accelsim.config.record import Spec
from accelsim.workload.operators import Matmul, Operator, ScatterAdd, TopK
from accelsim.workload.recipes.backward import add_backward
from accelsim.workload.recipes.builder import ACTIVATION, ADD, Builder
from accelsim.workload.recipes.patterns import (
    ArraySpec,
    PatternSpec,
    make_array,
    make_pattern,
    seed_of,
)
from accelsim.workload.recipes.run import Run

Count = Annotated[int, Field(gt=0)]
Permille = Annotated[int, Field(gt=0, le=1000)]


class Exchange(Spec):
    """`workers` gradients of `parameters`, of which each sends `keep_permille`.

    Attributes
    ----------
    row : int
        Parameters that are kept or dropped together.
    sent : ArraySpec
        Which rows, all workers one after another.
    parameters : int
        Of the model whose gradients are exchanged.
    workers : int
        Those who send.
    keep_permille : int
        Rows that a worker sends, of a thousand.
    """

    kind: Literal["exchange"]
    parameters: Count
    workers: Count
    keep_permille: Permille
    row: Count = 1
    sent: ArraySpec


class GrowAndPrune(Spec):
    """A perceptron of `widths` whose masks change every step by `moved_permille` of the kept.

    Attributes
    ----------
    weights : PatternSpec
        Kept weights of every layer; each update draws a new mask of the same density.
    widths : tuple of int
        Of the input and of every layer.
    moved_permille : int
        Kept weights that a step moves, of a thousand.
    """

    kind: Literal["grow_and_prune"]
    widths: Annotated[tuple[Count, ...], Field(min_length=2)]
    weights: PatternSpec
    moved_permille: Permille = 300


def exchange_operators(spec: Exchange, run: Run) -> list[Operator]:
    """Expand the rounds of an exchange, as one receiver that is a worker too sees them."""
    b, rows = Builder(run.dtype), -(-spec.parameters // spec.row)
    kept = max(1, rows * spec.keep_permille // 1000)
    last = None
    for step in range(run.steps):
        with b.within(f"round{step}" if run.steps > 1 else ""):
            feedback = b.vector(
                "error_feedback", spec.parameters, 2, last, operands=2, results=2, dtype="fp32"
            )
            chosen = b.add(TopK, "topk", feedback, rows=1, candidates=rows, k=kept)
            sent = make_array(
                spec.sent, seed_of(run.seed, step), workers=spec.workers, elements=rows,
                keep_permille=spec.keep_permille,
            )  # fmt: skip
            summed = b.add(
                ScatterAdd, "sum", chosen, table_rows=rows, row_elements=spec.row, indices=sent
            )
            last = b.vector(
                "update", spec.parameters, 2 * ADD, summed, operands=2, results=1, dtype="fp32"
            )
    return b.operators


def grow_and_prune_operators(spec: GrowAndPrune, run: Run) -> list[Operator]:
    """Expand training steps, each followed by an update of the masks."""
    b, last = Builder(run.dtype), None
    for step in range(run.steps):
        with b.within(f"step{step}" if run.steps > 1 else ""):
            first = len(b.operators)
            for at, (k, n) in enumerate(zip(spec.widths, spec.widths[1:], strict=False)):
                mask = make_pattern(spec.weights, n, k, seed_of(run.seed, at, step))
                last = b.matmul(f"layer{at}", run.batch, n, k, last, weight_pattern=mask)
                last = b.vector(f"layer{at}_relu", run.batch * n, ACTIVATION["relu"], last)
            end = len(b.operators)
            last = add_backward(b, first)
            last = _masks(b, spec, run, range(first, end), last)
    return b.operators


def _masks(b: Builder, spec: GrowAndPrune, run: Run, forward: range, last: int) -> int:
    """Drop the smallest kept weights, grow where a dense gradient is largest, write the mask."""
    done = []
    for op in [b.operators[number] for number in forward]:
        if not isinstance(op, Matmul) or op.weight_pattern is None:
            continue
        kept, whole = op.weight_pattern.nnz, op.n * op.k
        moved = max(1, kept * spec.moved_permille // 1000)
        with b.beside(op, "mask"):
            dense = b.matmul("gradient", op.n, op.k, op.m, last, weights="dynamic", dtype=op.dtype)
            drop = b.add(TopK, "drop", last, rows=1, candidates=kept, k=moved)
            grow = b.add(TopK, "grow", dense, rows=1, candidates=whole, k=min(moved, whole))
            # the mask and its index structure: one pass over the bits of the layer
            done.append(b.vector("rewrite", -(-whole // 8), 1, drop, grow, dtype="int8"))
    return b.vector("masks", 1, 1, *done)
