"""The model: a byte-level causal transformer with routed ReLU experts and selectable attention.

Pre-norm, rotary positions, no biases. `observe` lets a capture see what a forward pass chose,
without hooks: it is called with a name and a tensor,

- ``scores``, ``kept`` : [batch, heads, queries, keys], once per block of queries, in order; the
  keys end at the block's last query;
- ``expert_ids`` : [tokens, top_k];
- ``active`` : bool [tokens x top_k, d_ff], row = token * top_k + slot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

Keep = Callable[[Tensor], Tensor]  # scores (..., keys) -> bool, True where a key is kept
Observe = Callable[[str, Tensor], None]

QUERY_ROWS = 128  # queries handled at once: bounds memory, and skips keys after the last of them


@dataclass(frozen=True)
class Shape:
    """Sizes of the model; `window` is the longest sequence in bytes."""

    layers: int = 4
    d_model: int = 128
    heads: int = 4
    experts: int = 8
    top_k: int = 2
    d_ff: int = 256
    window: int = 512
    vocabulary: int = 256

    @property
    def d_head(self) -> int:
        return self.d_model // self.heads


def rotary_angles(shape: Shape) -> Tensor:
    """Angles of the rotary positions, Tensor[window, d_head / 2] (RoFormer, arXiv 2104.09864)."""
    frequency = 10_000.0 ** -(torch.arange(0, shape.d_head, 2) / shape.d_head)
    return torch.outer(torch.arange(shape.window, dtype=torch.float32), frequency)


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Turn the two halves of the last axis of x[batch, heads, length, d_head] by `angles`."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1)


class SelectedAttention(nn.Module):
    """Attention of q, k, v[batch, heads, length, d_head] over the keys that `keep` selects."""

    def forward(
        self, q: Tensor, k: Tensor, v: Tensor, keep: Keep | None, observe: Observe
    ) -> Tensor:
        length, d_head = q.shape[-2:]
        k_transposed = k.transpose(-1, -2)
        blocks = []
        for start in range(0, length, QUERY_ROWS):
            end = min(start + QUERY_ROWS, length)
            scores = q[:, :, start:end] @ k_transposed[..., :end] * d_head**-0.5
            future = torch.ones(end - start, end, dtype=torch.bool).triu(start + 1)
            scores = scores.masked_fill(future, -torch.inf)
            observe("scores", scores.detach())
            if keep is not None:
                kept = keep(scores.detach())
                observe("kept", kept)
                scores = scores.masked_fill(~kept, -torch.inf)
            blocks.append(scores.softmax(-1) @ v[:, :, :end])
        return torch.cat(blocks, dim=2)


class Attention(nn.Module):
    """Causal attention over the keys that `keep` selects (None: all visible ones)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.qkv = nn.Linear(shape.d_model, 3 * shape.d_model, bias=False)
        self.out = nn.Linear(shape.d_model, shape.d_model, bias=False)
        self.core = SelectedAttention()

    def forward(self, x: Tensor, angles: Tensor, keep: Keep | None, observe: Observe) -> Tensor:
        batch, length, d_model = x.shape
        parts = self.qkv(x).view(batch, length, 3, self.shape.heads, self.shape.d_head)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        mixed = self.core(rotate(q, angles), rotate(k, angles), v, keep, observe)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, d_model))


class Experts(nn.Module):
    """Two-matrix MLPs with a ReLU; each token goes to those it was routed to, none is dropped."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.up = nn.Parameter(torch.empty(shape.experts, shape.d_model, shape.d_ff))
        self.down = nn.Parameter(torch.empty(shape.experts, shape.d_ff, shape.d_model))

    def forward(self, tokens: Tensor, experts: Tensor, gates: Tensor, observe: Observe) -> Tensor:
        """Weighted sum of the experts int64[tokens, top_k] of each token."""
        slots = experts.flatten()
        load = torch.bincount(slots, minlength=self.shape.experts)
        order = slots.argsort(stable=True)  # slots grouped by expert
        owner = order // self.shape.top_k
        hidden = [
            functional.relu(rows @ self.up[expert])
            for expert, rows in enumerate(tokens[owner].split(load.tolist()))
        ]
        results = torch.cat([rows @ self.down[expert] for expert, rows in enumerate(hidden)])
        out = torch.zeros_like(tokens)
        out = out.index_add(0, owner, results * gates.flatten()[order, None])
        observe("active", torch.cat(hidden)[order.argsort()] > 0)  # rows: token * top_k + slot
        return out


class Moe(nn.Module):
    """A router, and the experts it chooses."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.experts = Experts(shape)
        self.router = nn.Linear(shape.d_model, shape.experts, bias=False)

    def forward(self, x: Tensor, observe: Observe) -> tuple[Tensor, Tensor]:
        """Return the experts' output and the load-balance loss (0 without gradients)."""
        tokens = x.reshape(-1, x.shape[-1])
        probabilities = self.router(tokens).softmax(-1)
        gates, experts = probabilities.topk(self.shape.top_k, dim=-1)
        gates = gates / gates.sum(-1, keepdim=True)
        observe("expert_ids", experts)
        out = self.experts(tokens, experts, gates, observe)
        if not torch.is_grad_enabled():
            return out.view_as(x), x.new_zeros(())

        # Switch Transformers (arXiv 2101.03961), eq. 4: 1 when both shares are uniform.
        load = torch.bincount(experts.flatten(), minlength=self.shape.experts)
        share = load / load.sum()
        balance = self.shape.experts * (share * probabilities.mean(0)).sum()
        return out.view_as(x), balance


class Layer(nn.Module):
    """Attention and experts, each behind a norm and added to the residual stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm1 = nn.RMSNorm(shape.d_model, eps=1e-6)
        self.attention = Attention(shape)
        self.norm2 = nn.RMSNorm(shape.d_model, eps=1e-6)
        self.moe = Moe(shape)

    def forward(
        self, x: Tensor, angles: Tensor, keep: Keep | None, observe: Observe
    ) -> tuple[Tensor, Tensor]:
        x = x + self.attention(self.norm1(x), angles, keep, observe)
        experts, balance = self.moe(self.norm2(x), observe)
        return x + experts, balance


class TinyMoeLm(nn.Module):
    """The language model; `forward` returns logits and the mean load-balance loss."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.d_model)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.d_model, eps=1e-6)
        self.head = nn.Linear(shape.d_model, shape.vocabulary, bias=False)
        self.register_buffer("angles", rotary_angles(shape), persistent=False)
        self.initialise()

    def initialise(self) -> None:
        """Matrices ~ N(0, 1 / inputs), smaller where they write to the residual stream."""
        into_residual = (2 * self.shape.layers) ** -0.5
        for name, weight in self.named_parameters():
            if weight.dim() < 2:
                continue  # gains of the norms start at 1
            inputs = weight.shape[-2] if weight.dim() == 3 else weight.shape[-1]
            std = inputs**-0.5
            if name.endswith(("attention.out.weight", "experts.down")):
                std *= into_residual
            nn.init.normal_(weight, std=std)
        nn.init.normal_(self.embedding.weight)

    def forward(
        self,
        text: Tensor,
        keep: Keep | None = None,
        observe: Callable[[int, str, Tensor], None] | None = None,
    ) -> tuple[Tensor, Tensor]:
        x = self.embedding(text)
        angles = self.angles[: text.shape[1]]
        balance = x.new_zeros(())
        for index, layer in enumerate(self.layers):

            def observe_here(what: str, value: Tensor, layer_index: int = index) -> None:
                if observe is not None:
                    observe(layer_index, what, value)

            x, layer_balance = layer(x, angles, keep, observe_here)
            balance = balance + layer_balance / len(self.layers)
        return self.head(self.norm(x)), balance
