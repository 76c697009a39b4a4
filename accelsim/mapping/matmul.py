"""Matrix multiplication: weight tiles stream past blocks of activation rows.

Loop nest: for block of rows of A (as many as fit beside the output): for block of columns of B:
for chunk of K: array task; partial sums stay in the array's accumulators or the tile storage. A
weight chunk is fetched ahead of need, bounded by the weight staging storage.

On a sparse array a pattern may be used instead of `dense_mode`: kept activations (rows hold
output rows of A, weight rows are multicast), kept weights (rows hold output columns, activation
columns are multicast) or wanted outputs (see `sddmm`), whichever is faster by estimate. Systolic
arrays run dense. Of wanted outputs every machine reads the mask and writes the values.

Where few of the weights are needed, and which is known before, a machine that gathers may fetch
these alone (see `needed`): kept activations name rows of B, wanted outputs name columns.

Where A has fewer distinct elements than m x k (patches of an image that overlap), these are what
moves and is kept; patches are formed on the way from the scratchpad to the array, which reads
m x k elements on every machine.

Not modelled: elements that two blocks of rows share (each comes with one of them), storing the
output in a compressed format, N:M weight decoding.
"""

from __future__ import annotations

from accelsim.arch.composed import ComposedArray
from accelsim.mapping.arrays import Gemm
from accelsim.mapping.composed_matmul import map_composed_matmul
from accelsim.mapping.gathered_matmul import map_gathered_matmul
from accelsim.mapping.matmul_choice import choose
from accelsim.mapping.matmul_tasks import MatmulTasks
from accelsim.mapping.needed import needed_weights
from accelsim.mapping.plan import Plan
from accelsim.workload.operators import Matmul


def map_matmul(plan: Plan, op: Matmul, gemm: Gemm) -> None:
    """Add the tasks of one Matmul operator."""
    if isinstance(plan.machine.arch.array, ComposedArray):
        map_composed_matmul(plan, op)
        return
    choice = choose(plan.machine, op, gemm)
    needed = needed_weights(plan.machine, op, gemm, choice)
    if needed is None:
        plan.choose(MatmulTasks(plan, op, gemm, choice).placed().emit())
    else:
        map_gathered_matmul(plan, op, gemm, needed)
