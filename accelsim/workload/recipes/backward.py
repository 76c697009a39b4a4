"""The backward pass and the optimizer of any forward pass, operator by operator.

matmul      data: the gradient times the transposed weights (their zeros transposed, or only the
            outputs that an activation kept); weights: an SDDMM under the mask of the weights
attention   two passes, as fused kernels do it: by queries (scores and their gradient again, then
            the gradient of the queries) and by keys on the transposed pattern (then those of keys
            and values): 7 products against 2 forward
moe         the experts again with transposed weights on the same routing; two products an expert
            for the weights
gather      scatter-add into the table; scatter-add: a gather
vector      the same work, an operand more read, as many results as operands
topk, index no gradient
update      per weight: Adam in fp32 (weight, gradient and two moments read, three written), of
            pruned weights the kept ones; with sparse tables the scatter-add is the update (SGD),
            and rows that were not looked up are not touched

Activations that forward operators read are read again. Not expanded: intermediate results inside
routed experts, which a real forward pass stores or computes again; loss scaling.
"""

from __future__ import annotations

import numpy as np

from accelsim.workload.operators import (
    Attention,
    Gather,
    Matmul,
    Moe,
    Operator,
    ScatterAdd,
    Vector,
)
from accelsim.workload.patterns import Pattern, TransposedPattern
from accelsim.workload.recipes.builder import ADAM, Builder


def add_backward(b: Builder, first: int, *, sparse_tables: bool = False) -> int:
    """Add the backward pass of operators `first` and on, and the updates of their weights.

    `sparse_tables` : of a table only the rows that were looked up are updated.

    Returns
    -------
    int
        A last operator that ends after all updates.
    """
    gradients: dict[int, list[int]] = {}
    updates: list[int] = []
    end = len(b.operators)
    for number in range(end - 1, first - 1, -1):
        op = b.operators[number]
        arrived = gradients.get(number, [end - 1])
        with b.beside(op, "backward"):
            data = _data_gradient(b, op, number, arrived)
            weights = _weight_gradient(b, op, number, arrived)
            if weights and isinstance(op, Gather) and sparse_tables:
                updates.extend(weights)
            elif weights:
                elements = weight_elements(op)
                updates.append(
                    b.vector(
                        "update", elements, ADAM, *weights, operands=4, results=3, dtype="fp32"
                    )
                )
        for source in op.inputs:
            gradients.setdefault(source, []).extend(data)
    return b.vector("updated", 1, 1, *updates) if updates else len(b.operators) - 1


def weight_elements(op: Operator) -> int:
    """Trained weights of an operator, without pruned ones and without `repeat`."""
    if isinstance(op, Matmul) and op.weights == "static":
        return op.n * op.k if op.weight_pattern is None else op.weight_pattern.nnz
    if isinstance(op, Moe):
        return op.experts * op.matrices * op.d_model * op.d_ff
    return op.table_rows * op.row_elements if isinstance(op, Gather) else 0


def _data_gradient(b: Builder, op: Operator, number: int, arrived: list[int]) -> list[int]:
    """Operators that make the gradient of what `op` read; nothing if it read nothing."""
    dtype = op.dtype
    if isinstance(op, Vector):
        return [
            b.vector(
                "data",
                op.elements,
                op.lane_operations,
                *arrived,
                number,
                dtype=dtype,
                operands=op.operands + 1,
                results=op.operands,
            )  # fmt: skip
        ]
    if not op.inputs:
        return []
    match op:
        case Matmul(weights="static"):
            pattern, wanted = op.weight_pattern, op.activation_pattern
            if pattern is not None:
                pattern, wanted = transposed(pattern, pattern.rows), None
            return [
                b.matmul(
                    "data",
                    op.m,
                    op.k,
                    op.n,
                    *arrived,
                    dtype=dtype,
                    weight_pattern=pattern,
                    output_pattern=wanted,
                )  # fmt: skip
            ]
        case Matmul():
            a = b.matmul("data_a", op.m, op.k, op.n, *arrived, weights="dynamic", dtype=dtype)
            c = b.matmul("data_b", op.k, op.n, op.m, *arrived, weights="dynamic", dtype=dtype)
            return [a, c]
        case Attention():
            return _attention_gradient(b, op, number, arrived)
        case Moe():
            return [
                b.add(
                    Moe, "data", *arrived, number, dtype=dtype, tokens=op.tokens,
                    d_model=op.d_model, d_ff=op.d_ff, experts=op.experts, top_k=op.top_k,
                    matrices=op.matrices, expert_ids=op.expert_ids,
                    activation_pattern=op.activation_pattern,
                )
            ]  # fmt: skip
        case ScatterAdd():
            shape = {"table_rows": op.table_rows, "row_elements": op.row_elements}
            return [b.add(Gather, "data", *arrived, dtype=dtype, indices=op.indices, **shape)]
    return []


def _weight_gradient(b: Builder, op: Operator, number: int, arrived: list[int]) -> list[int]:
    match op:
        case Matmul(weights="static"):
            return [_masked_gradient(b, op, number, arrived)]
        case Moe():
            ids = np.asarray(op.expert_ids)
            loads = np.bincount(ids[ids >= 0].ravel(), minlength=op.experts)
            found = []
            for expert, tokens in enumerate(loads.tolist()):
                if tokens:
                    shape = {"weights": "dynamic", "dtype": op.dtype}
                    up = (op.matrices - 1) * op.d_ff
                    found += [
                        b.matmul(f"up{expert}", op.d_model, up, tokens, *arrived, number, **shape),
                        b.matmul(
                            f"down{expert}", op.d_ff, op.d_model, tokens, *arrived, number, **shape
                        ),
                    ]
            return found
        case Gather():
            table = {"table_rows": op.table_rows, "row_elements": op.row_elements}
            return [
                b.add(ScatterAdd, "weights", *arrived, dtype=op.dtype, indices=op.indices, **table)
            ]
    return []


def _masked_gradient(b: Builder, op: Matmul, number: int, arrived: list[int]) -> int:
    """dW: under the mask of the weights (n x k), or by the rows of kept activations (k x n)."""
    shape = {"weights": "dynamic", "dtype": op.dtype}
    if op.weight_pattern is not None:
        return b.matmul(
            "weights", op.n, op.k, op.m, *arrived, number, output_pattern=op.weight_pattern, **shape
        )
    kept = op.activation_pattern
    turned = None if kept is None else transposed(kept, kept.rows)
    return b.matmul(
        "weights", op.k, op.n, op.m, *arrived, number, activation_pattern=turned, **shape
    )


def _attention_gradient(b: Builder, op: Attention, number: int, arrived: list[int]) -> list[int]:
    """Row sums of the gradient times the output, then the two passes."""
    elements = op.batch * op.q_len * op.heads * op.d_v
    sums = b.vector("row_sums", elements, 2, *arrived, number, operands=2, dtype=op.dtype)
    wide = op.d_qk + op.d_v
    by_queries = b.add(
        Attention, "by_queries", *arrived, sums, dtype=op.dtype, batch=op.batch, heads=op.heads,
        kv_heads=op.kv_heads, q_len=op.q_len, kv_len=op.kv_len, d_qk=wide, d_v=op.d_qk,
        causal=op.causal, sharing=op.sharing, pattern=op.pattern, values_in_keys=True,
    )  # fmt: skip
    # By keys, every query head brings keys of its own; heads that share a set form a batch entry.
    grouped = op.sharing == "kv_group"
    batch = op.batch * op.kv_heads if grouped else op.batch
    heads = op.heads // op.kv_heads if grouped else op.heads
    pattern = None if op.pattern is None else transposed(op.pattern, op.q_len)
    by_keys = b.add(
        Attention, "by_keys", *arrived, sums, dtype=op.dtype, batch=batch, heads=heads,
        kv_heads=heads, q_len=op.kv_len, kv_len=op.q_len, d_qk=wide, d_v=wide,
        # seen from the last key backwards, a causal square is causal again
        causal=op.causal and pattern is None and op.q_len == op.kv_len,
        sharing="layer" if grouped else op.sharing, pattern=pattern, values_in_keys=True,
    )  # fmt: skip
    return [by_queries, by_keys]


def transposed(pattern: Pattern, unit_rows: int) -> Pattern:
    """The pattern with rows and columns of each unit of `unit_rows` rows exchanged."""
    return TransposedPattern(pattern, unit_rows)
