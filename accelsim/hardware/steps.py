"""Energy of a run by step and entry of the cost table: for ratios of runs that share steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from accelsim.analysis.result import Result
from accelsim.cost.table import CostTable
from accelsim.hardware.catalogue import components
from accelsim.hardware.component import Component, Priced
from accelsim.hardware.counts import counts
from accelsim.hardware.energy import PJ_PER_MW_PS
from accelsim.hardware.ratio import ByEntry, Span
from accelsim.workload.slicing import step_of


def step_terms(result: Result, table: CostTable) -> dict[int, ByEntry]:
    """Energy of every step by entry, pJ; step 0 where a trace has one step only.

    Raises
    ------
    InputError
        The table lacks an action that the machine needs.
    """
    parts = components(result.arch, table)
    done = counts(result, parts)
    times = result.operators["time_ps"].to_numpy(float)
    steps = [step_of(scope) or 0 for scope in result.operators["scope"]]
    numbers, of = np.unique(steps, return_inverse=True)
    sums: dict[str, np.ndarray] = {}  # entry -> float64[steps, 3], low, value, high

    def add(priced: Sequence[Priced], count: np.ndarray) -> None:
        by_step = np.bincount(of, count, len(numbers))
        for figure, entry in priced:
            ends = np.array([figure.low, figure.value, figure.high])
            sums[entry] = sums.get(entry, 0.0) + by_step[:, None] * ends

    for part in parts:
        for name, priced in part.actions.items():
            count = done.get((part.group, part.name, name))
            if count is not None:
                add(priced, count)
        add(part.leakage, times * PJ_PER_MW_PS)
    return {
        step: {entry: Span(*rows[at].tolist()) for entry, rows in sorted(sums.items())}
        for at, step in enumerate(numbers.tolist())
    }


def summed(terms: Iterable[ByEntry]) -> ByEntry:
    """The sum of several, entry by entry."""
    found: dict[str, Span] = {}
    for each in terms:
        for entry, span in each.items():
            before = found.get(entry, Span(0.0, 0.0, 0.0))
            found[entry] = Span(*(a + b for a, b in zip(before, span, strict=True)))
    return found


def whole(terms: ByEntry) -> Span:
    """The sum over entries: every figure low, as it is, and high."""
    return Span(*(sum(span[end] for span in terms.values()) for end in range(3)))


def sparse_energy(actions: pd.DataFrame, parts: Iterable[Component]) -> float:
    """Energy of the components that are there for sparsity alone, pJ, of `Energy.actions`."""
    sparse = {(part.group, part.name) for part in parts if part.sparse}
    mine = [key in sparse for key in zip(actions["group"], actions["component"], strict=True)]
    return float(actions.loc[mine, "energy_pj"].sum())
