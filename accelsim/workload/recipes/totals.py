"""Parameters and MACs of a recipe, counted from its operators."""

from __future__ import annotations

from collections.abc import Callable

from accelsim.workload.operators import Gather, Matmul, Moe, Operator, Vector
from accelsim.workload.recipes.recipe import Recipe
from accelsim.workload.recipes.transformer_spec import Transformer
from accelsim.workload.statistics import dense_macs


def parameters(recipe: Recipe) -> int:
    """Weights and tables of the model, every one once; norms and biases are left out."""
    model = recipe.model
    tied = isinstance(model, Transformer) and model.tied and model.head
    shared = model.vocabulary * model.d_model if isinstance(model, Transformer) and tied else 0
    return _over_a_step(recipe, _weights) - shared


def active_parameters(recipe: Recipe, *, embedding: bool) -> int:
    """Weights that a token is multiplied with, and the embedding if wanted."""

    def used(op: Operator) -> int:
        if isinstance(op, Moe):
            return op.top_k * op.matrices * op.d_model * op.d_ff
        return 0 if isinstance(op, Gather) and not embedding else _weights(op)

    return _over_a_step(recipe, used)


def macs(recipe: Recipe) -> int:
    """MACs of a step without any skipping; depth-wise convolutions included."""

    def of(op: Operator) -> int:
        if isinstance(op, Vector) and op.scope.endswith("depthwise"):
            return op.elements * op.lane_operations // 2  # two lane-operations are a MAC
        return dense_macs(op)

    return _over_a_step(recipe, of)


def _weights(op: Operator) -> int:
    if isinstance(op, Matmul):
        return op.n * op.k if op.weights == "static" else 0
    if isinstance(op, Moe):
        return op.experts * op.matrices * op.d_model * op.d_ff
    return op.table_rows * op.row_elements if isinstance(op, Gather) else 0


def _over_a_step(recipe: Recipe, count: Callable[[Operator], int]) -> int:
    """Sum over the operators of the first step, repeats counted."""
    one = recipe.model_copy(update={"run": recipe.run.model_copy(update={"steps": 1})})
    return sum(op.repeat * count(op) for op in one.operators() if "backward" not in op.scope)
