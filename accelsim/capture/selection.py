"""Which keys does a query keep: top-k by score, or the smallest set that holds a given mass.

These work on any score tensor whose last axis is the keys; invisible keys hold ``-inf``.
"""

from __future__ import annotations

import torch


def select_topk(scores: torch.Tensor, k: int) -> torch.Tensor:
    """Keep the `k` highest scores of every row (all visible ones when there are fewer).

    Parameters
    ----------
    scores : Tensor[..., keys]
        Attention scores before the softmax; ``-inf`` where a key is not visible.
    k : int
        Keys to keep per row, at least 1.

    Returns
    -------
    Tensor[..., keys], bool
        True where the key is kept; exactly ``min(k, visible)`` per row.

    Raises
    ------
    ValueError
        If `k` is below 1.
    """
    if k < 1:
        raise ValueError(f"k is {k}; a row must keep at least 1 key")
    visible = scores > -torch.inf
    if k >= scores.shape[-1]:
        return visible
    highest = scores.topk(k, dim=-1, sorted=False).indices
    kept = torch.zeros_like(visible).scatter_(-1, highest, True)
    return kept & visible


def select_mass(scores: torch.Tensor, mass: float) -> torch.Tensor:
    """Keep the smallest set of keys whose softmax probabilities sum to at least `mass`.

    Parameters
    ----------
    scores : Tensor[..., keys]
        Attention scores before the softmax; ``-inf`` where a key is not visible.
    mass : float
        Share of each row's probability to keep, in (0, 1].

    Returns
    -------
    Tensor[..., keys], bool
        True where the key is kept; at least one key per row.

    Raises
    ------
    ValueError
        If `mass` is outside (0, 1].
    """
    if not 0.0 < mass <= 1.0:
        raise ValueError(f"mass is {mass}; expected a share of the probability in (0, 1]")
    probabilities = scores.softmax(-1)
    descending, order = probabilities.sort(dim=-1, descending=True, stable=True)
    # A key is needed as long as the keys ranked before it have not reached the mass.
    before = descending.cumsum(-1, dtype=torch.float64) - descending
    kept = torch.zeros_like(scores, dtype=torch.bool)
    kept.scatter_(-1, order, before < mass)
    return kept & (scores > -torch.inf)
