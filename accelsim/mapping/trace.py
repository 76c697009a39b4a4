"""A whole trace on one architecture: operator after operator into one Program."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from accelsim.arch.spec import Arch
from accelsim.mapping.arrays import Gemm, gemm_model
from accelsim.mapping.attention import map_attention
from accelsim.mapping.index import map_index
from accelsim.mapping.machine import Machine
from accelsim.mapping.matmul import map_matmul
from accelsim.mapping.moe import map_moe
from accelsim.mapping.plan import Mapped, Plan
from accelsim.mapping.reuse import Reuse
from accelsim.mapping.rows import map_gather, map_scatter_add, map_vector
from accelsim.mapping.select import map_topk
from accelsim.workload.operators import (
    Attention,
    Gather,
    Index,
    Matmul,
    Moe,
    Operator,
    ScatterAdd,
    TopK,
    Vector,
)
from accelsim.workload.trace import Trace

Progress = Callable[[str, int, int], None]


def map_trace(
    trace: Trace, arch: Arch, progress: Progress | None = None, reuse: Reuse | None = None
) -> Mapped:
    """Map every operator of a trace onto an architecture.

    Parameters
    ----------
    trace : Trace
    arch : Arch
    progress : callable(text, done, of), optional
        Called before every operator.
    reuse : Reuse, optional
        What simulations of equal traces share; see `accelsim.mapping.reuse`.

    Returns
    -------
    Mapped
    """
    machine = Machine(arch, reuse)
    plan, gemm = Plan(machine), gemm_model(machine.core, machine.reuse)
    with _without_collections():
        for number, op in enumerate(trace.operators):
            if progress is not None:
                progress(op.scope, number, len(trace.operators))
            arch.peak_macs_per_cycle(op.dtype)
            with plan.operator(number, op.scope, _waits_for(op)):
                _map_operator(plan, op, gemm)
        return plan.finish()


@contextmanager
def _without_collections() -> Iterator[None]:
    """No search for cycles while millions of small tuples are made that have none."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _waits_for(op: Operator) -> tuple[int, ...]:
    """Operators whose results this one reads, its indices included."""
    if isinstance(op, Attention) and op.index_operator is not None:
        return tuple(dict.fromkeys((*op.inputs, op.index_operator)))
    return op.inputs


def _map_operator(plan: Plan, op: Operator, gemm: Gemm) -> None:
    if isinstance(op, Matmul | Attention | Moe | Index):
        plan.reconfigure()
    match op:
        case Matmul():
            map_matmul(plan, op, gemm)
        case Attention():
            map_attention(plan, op)
        case Moe():
            map_moe(plan, op, gemm)
        case Index():
            map_index(plan, op, gemm)
        case TopK():
            map_topk(plan, op)
        case Gather():
            map_gather(plan, op)
        case ScatterAdd():
            map_scatter_add(plan, op)
        case Vector():
            map_vector(plan, op)
        case _:
            raise TypeError(f"operator kind '{op.kind}' has no mapping")
