"""Which keys does a query keep: top-k by score, or the smallest set that holds a given mass.

These work on any score tensor whose last axis is the keys; invisible keys hold ``-inf``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from accelsim.errors import InputError, unknown_name
from accelsim.workload.operators import Selection


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


def select_threshold(scores: torch.Tensor, threshold: float) -> torch.Tensor:
    """Keep the keys whose softmax probability is at least `threshold` (Sanger: 2e-3).

    Parameters
    ----------
    scores : Tensor[..., keys]
        Attention scores before the softmax; ``-inf`` where a key is not visible.
    threshold : float
        In (0, 1).

    Returns
    -------
    Tensor[..., keys], bool

    Raises
    ------
    ValueError
        If `threshold` is outside (0, 1).
    """
    if not 0.0 < threshold < 1.0:
        raise ValueError(f"threshold is {threshold}; expected a probability in (0, 1)")
    return scores.softmax(-1) >= threshold


@dataclass(frozen=True)
class SelectionRule:
    """Which visible keys a capture keeps.

    Attributes
    ----------
    text : str
        As the user wrote it: ``mass:0.95``, ``topk:64``, ``threshold:2e-3``, ``mask``, ``off``.
    kind : str
        The word before the colon.
    value : float
        The number after it; 0 without one.
    """

    text: str
    kind: str
    value: float = 0.0

    @property
    def selection(self) -> Selection:
        """Who pays for the indices: nothing tells which keys hold a mass without all scores."""
        if self.kind == "mass":
            return "oracle"
        return "from_scores" if self.needs_scores else "static"

    @property
    def needs_scores(self) -> bool:
        """Whether the kept keys depend on more than the mask."""
        return self.kind in _SELECT

    def keep(self, scores: torch.Tensor) -> torch.Tensor:
        """Kept keys of scores[..., keys], -inf where a key is not visible."""
        if not self.needs_scores:
            return scores > -torch.inf
        value = int(self.value) if self.kind == "topk" else self.value
        return _SELECT[self.kind](scores, value)


_SELECT: dict[str, Callable[..., torch.Tensor]] = {
    "mass": select_mass,
    "topk": select_topk,
    "threshold": select_threshold,
}
_EXAMPLES = ("mass:0.95", "topk:64", "threshold:2e-3", "mask", "off")


def parse_selection(text: str) -> SelectionRule:
    """Read the `attention` argument of a capture.

    Raises
    ------
    InputError
        If the rule is unknown or its number is out of range.
    """
    kind, _, number = text.partition(":")
    if kind not in {example.partition(":")[0] for example in _EXAMPLES}:
        raise unknown_name("attention selection", text, _EXAMPLES)
    if (kind in _SELECT) != bool(number):
        raise InputError(f"attention selection '{text}' is not one of {', '.join(_EXAMPLES)}")
    if not number:
        return SelectionRule(text, kind)
    try:
        value = float(number)
        if kind == "topk" and value != int(value):
            raise ValueError("k must be a whole number")
        rule = SelectionRule(text, kind, value)
        rule.keep(torch.zeros(1, 1))
    except (ValueError, OverflowError) as error:
        raise InputError(f"attention selection '{text}': {error}") from None
    return rule
