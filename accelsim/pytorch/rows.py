"""Rows of scores or masks of an attention call, asked for chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from accelsim.pytorch.attention import Layout, Rows


def as_four(mask: torch.Tensor | None) -> torch.Tensor | None:
    """A mask as [batch or 1, heads or 1, queries or 1, keys or 1]."""
    if mask is None:
        return None
    return mask.reshape((1,) * (4 - mask.dim()) + tuple(mask.shape))


def score_rows(x: torch.Tensor, before: int, layout: Layout) -> Rows:
    """Rows of scores that the model computed itself, x[..., queries, columns]."""
    whole = x.reshape(layout.batch, layout.heads, layout.q_len, x.shape[-1])
    last = before + layout.kv_len

    def rows(entry: int, start: int, stop: int) -> torch.Tensor:
        return whole[entry, :, start:stop, before:last]

    return rows


def fused_rows(named: dict[str, Any], mask: torch.Tensor | None, needs_scores: bool) -> Rows:
    """Rows of scores that a fused kernel did not give away, computed again from Q, K and mask."""
    q, k = named["query"], named["key"]
    batch, heads, q_len, depth = q.shape
    kv_heads, kv_len = k.shape[1:3]
    scale = named.get("scale") or depth**-0.5

    def rows(entry: int, start: int, stop: int) -> torch.Tensor:
        keys = min(stop, kv_len) if named.get("is_causal") else kv_len
        if needs_scores:
            queries = q[entry, :, start:stop].reshape(kv_heads, heads // kv_heads, -1, depth)
            scores = queries @ k[entry, :, None, :keys].transpose(-1, -2) * scale
            scores = scores.reshape(heads, stop - start, keys)
        else:
            units = named.get("mask_units", 1 if mask is None else mask.shape[1])
            scores = q.new_zeros(()).expand(units, stop - start, keys)
        if mask is not None:
            part = mask[min(entry, mask.shape[0] - 1), ..., :keys]
            scores = scores + (part[:, start:stop] if part.shape[1] > 1 else part)
        if named.get("is_causal"):
            future = torch.ones(stop - start, keys, dtype=torch.bool, device=q.device)
            scores = scores.masked_fill(future.triu_(start + 1), -torch.inf)
        if "mask_rows" in named:
            scores = scores.masked_fill(~named["mask_rows"](entry, start, stop), -torch.inf)
        return scores

    return rows


def flex_mask(q: torch.Tensor, k: torch.Tensor, block_mask: Any, captured: Any) -> Rows:
    """Rows of the mask of a FlexAttention call, bool[units, rows, keys], asked for as needed."""
    mask_mod: Callable[..., torch.Tensor] = block_mask[-1]
    units = flex_units(block_mask)
    heads = torch.arange(units, device=q.device).view(-1, 1, 1)
    keys = torch.arange(k.shape[2], device=q.device)

    def rows(entry: int, start: int, stop: int) -> torch.Tensor:
        queries = torch.arange(start, stop, device=q.device).view(-1, 1)
        batch = torch.tensor(entry, device=q.device)
        kept = mask_mod(batch, heads, queries, keys, *captured)
        return kept.broadcast_to(units, stop - start, len(keys))

    return rows


def flex_units(block_mask: Any) -> int:
    """Heads that the BlockMask of a FlexAttention call tells apart; 1 if all have one."""
    return next(int(t.shape[1]) for t in block_mask if isinstance(t, torch.Tensor))
