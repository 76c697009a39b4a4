"""Operators in another number type: what a model would do if it ran in int4, mxfp4, ...

Weights, activations and keys and values take the new type. What chooses indices (an index
operator, a predictor) keeps its own where that is narrower. Element-wise work and top-k in a type
in which the trace has no tensors (optimizer states, bits of a mask) is not the model's data and
keeps it, too. Patterns, routing and indices stay as they are: the selection is that of the type
in which it was traced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from accelsim.errors import unknown_name
from accelsim.workload.operators import DTYPE_BITS, Attention, Index, Operator, TopK, Vector


def replayed(operators: Sequence[Operator], dtype: str) -> tuple[Operator, ...]:
    """Give the operators another number type.

    Parameters
    ----------
    operators : sequence of Operator
    dtype : str
        A key of `DTYPE_BITS`.

    Raises
    ------
    InputError
        No such type.
    """
    check_dtype(dtype)
    of_tensors = {op.dtype for op in operators if not isinstance(op, Index | TopK | Vector)}
    return tuple(_replayed(op, dtype, of_tensors) for op in operators)


def check_dtype(dtype: str) -> None:
    """Raise InputError unless there is such a type."""
    if dtype not in DTYPE_BITS:
        raise unknown_name("dtype", dtype, DTYPE_BITS)


def _replayed(operator: Operator, dtype: str, of_tensors: set[str]) -> Operator:
    if isinstance(operator, Index):
        return replace(operator, dtype=_narrower(operator.dtype, dtype))
    if isinstance(operator, TopK | Vector) and of_tensors and operator.dtype not in of_tensors:
        return operator
    if isinstance(operator, Attention) and operator.predictor is not None:
        own = _narrower(str(operator.predictor["dtype"]), dtype)
        return replace(operator, dtype=dtype, predictor={**operator.predictor, "dtype": own})
    return replace(operator, dtype=dtype)


def _narrower(own: str, dtype: str) -> str:
    return own if DTYPE_BITS[own] < DTYPE_BITS[dtype] else dtype
