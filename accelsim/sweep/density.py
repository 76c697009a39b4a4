"""One synthetic attention operator at many densities: where the sparse machine begins to win."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from accelsim.arch.load import ArchSource
from accelsim.simulation import simulate
from accelsim.workload.operators import Attention, Selection
from accelsim.workload.patterns import attention_rule
from accelsim.workload.trace import Trace

HEADS, LENGTH, WIDTH, SEED = 8, 2048, 128, 1
SWEEP_LEVEL = "simple"  # of DRAM
KEPT = (16, 32, 64, 128, 256, 512, 1024)
SELECTIONS: tuple[Selection, ...] = ("oracle", "from_scores")


class DensityPoint(NamedTuple):
    """Speedup of a machine over the baseline with `kept` keys a query.

    `density` is kept over visible pairs; `role` is third or candidate.
    """

    kept: int
    density: float
    selection: str
    role: str
    speedup: float


class Crossing(NamedTuple):
    """Where a line crosses speedup 1: the density, interpolated between two neighbours."""

    selection: str
    role: str
    density: float


def density_trace(
    kept: int, selection: Selection, *, heads: int = HEADS, length: int = LENGTH
) -> Trace:
    """One causal attention operator with the `kept` best keys of each query and head."""
    pattern = attention_rule(
        "topk_decay", units=heads, q_len=length, kv_len=length, k=kept, seed=SEED
    )
    operator = Attention(
        scope="attention", batch=1, heads=heads, kv_heads=heads, q_len=length, kv_len=length,
        d_qk=WIDTH, d_v=WIDTH, selection=selection, pattern=pattern,
    )  # fmt: skip
    return Trace(name=f"density_k{kept}", operators=(operator,), synthetic=True, seq_len=length)


def density_points(
    machines: Mapping[str, ArchSource],
    kept: tuple[int, ...] = KEPT,
    *,
    heads: int = HEADS,
    length: int = LENGTH,
    dtype: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[DensityPoint]:
    """Simulate a trio at every density, with free (oracle) and with paid (from_scores) indices.

    `machines` : by role, baseline, third and candidate. DRAM is at `SWEEP_LEVEL`, as the sweep
    takes many runs. The baseline sees the same pattern, and does not depend on who pays: it
    computes every block that the pattern touches. `dtype` : number type, by default that of
    `density_trace`.
    """
    archs = {role: source.arch().at_dram_level(SWEEP_LEVEL) for role, source in machines.items()}
    visible = heads * length * (length + 1) // 2
    points = []
    for number, k in enumerate(kept):
        if progress is not None:
            progress(f"density sweep, {k} keys a query", number, len(kept))
        trace = density_trace(k, "oracle", heads=heads, length=length)
        trace = trace if dtype is None else trace.replayed(dtype)
        operator = trace.operators[0]
        assert isinstance(operator, Attention) and operator.pattern is not None
        density = operator.pattern.nnz / visible
        baseline = {}
        for selection in SELECTIONS:
            chosen = replace(trace, operators=(replace(operator, selection=selection),))
            baseline[selection] = simulate(archs["baseline"], chosen).total_ps
            for role in ("third", "candidate"):
                total = simulate(archs[role], chosen).total_ps
                speedup = baseline[selection] / max(1, total)
                points.append(DensityPoint(k, density, selection, role, speedup))
    return points


def crossings(points: list[DensityPoint]) -> list[Crossing]:
    """Where each line crosses 1, interpolated on logarithmic axes."""
    found = []
    for selection, role in dict.fromkeys((p.selection, p.role) for p in points):
        line = sorted(p for p in points if (p.selection, p.role) == (selection, role))
        for low, high in zip(line, line[1:], strict=False):
            if (low.speedup > 1) != (high.speedup > 1):
                part = np.log(low.speedup) / np.log(low.speedup / high.speedup)
                density = low.density * (high.density / low.density) ** part
                found.append(Crossing(selection, role, float(density)))
    return found
