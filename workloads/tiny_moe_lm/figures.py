"""Figures that show what training does to a trace; NumPy only, read from trace folders.

A density alone hides most of it: what a gather unit sees is how far neighbouring queries agree.
"""

from __future__ import annotations

import numpy as np

from accelsim.workload.operators import Attention, Moe
from accelsim.workload.trace import Trace

TILE = 16  # queries per tile
WINDOW = 32  # tokens per routing window


def distinct_keys_per_tile(kept: np.ndarray) -> float:
    """Mean number of different keys that `TILE` consecutive queries keep.

    Parameters
    ----------
    kept : bool[units, queries, keys]
        Queries must be a multiple of `TILE`.
    """
    units, queries, keys = kept.shape
    tiles = kept.reshape(units, queries // TILE, TILE, keys)
    return float(tiles.any(axis=2).sum(axis=-1).mean())


def adjacent_jaccard(kept: np.ndarray) -> float:
    """Mean overlap, intersection over union, of the key sets of neighbouring queries.

    Parameters
    ----------
    kept : bool[units, queries, keys]
    """
    one, next_one = kept[:, :-1], kept[:, 1:]
    common = (one & next_one).sum(axis=-1)
    return float((common / (one | next_one).sum(axis=-1)).mean())


def load_imbalance(expert_ids: np.ndarray, experts: int) -> float:
    """Slots of the fullest expert over the mean of all.

    Parameters
    ----------
    expert_ids : int16[tokens, top_k]
        -1 is a dropped slot.
    """
    load = np.bincount(expert_ids[expert_ids >= 0], minlength=experts)
    return float(load.max() / load.mean())


def windowed_imbalance(expert_ids: np.ndarray, experts: int) -> float:
    """Mean `load_imbalance` of windows of `WINDOW` consecutive tokens."""
    windows = expert_ids.reshape(-1, WINDOW, expert_ids.shape[1])
    return float(np.mean([load_imbalance(window, experts) for window in windows]))


def kept_of(attention: Attention) -> np.ndarray:
    """Kept keys of an attention operator, bool[batch x units, q_len, kv_len]."""
    shape = (attention.batch * attention.units, attention.q_len, attention.kv_len)
    return attention.pattern.mask().reshape(shape)


def figures_of(trace: Trace) -> dict[str, list[float]]:
    """Every figure of a trace, one value per layer; the names are the rows of the report."""
    attention = [op for op in trace.operators if isinstance(op, Attention)]
    moe = [op for op in trace.operators if isinstance(op, Moe)]
    kept = [kept_of(op) for op in attention]
    return {
        "keys kept per query": [rows.sum() / rows.shape[0] / rows.shape[1] for rows in kept],
        "distinct keys per 16-query tile": [distinct_keys_per_tile(rows) for rows in kept],
        "Jaccard of adjacent queries": [adjacent_jaccard(rows) for rows in kept],
        "expert load max/mean": [load_imbalance(op.expert_ids, op.experts) for op in moe],
        "expert load max/mean, 32-token windows": [
            windowed_imbalance(op.expert_ids, op.experts) for op in moe
        ],
        "ReLU zeros": [1.0 - op.activation_pattern.density for op in moe],
    }
