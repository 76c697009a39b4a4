"""One forward pass over held-out text, recorded as the operators of a trace."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from model import Keep, Shape, TinyMoeLm
from torch import Tensor
from torch.nn import functional

from accelsim.pytorch.selection import select_mass
from accelsim.workload.operators import Attention, Matmul, Moe, Operator, Selection, Vector
from accelsim.workload.patterns import Pattern, pattern_from_mask

# Square, accumulate, add epsilon, root, divide, scale by the gain, convert in and out.
NORM_LANE_OPERATIONS = 8
RESIDUAL_LANE_OPERATIONS = 1  # one addition
MASS = 0.95


@dataclass
class Record:
    """What the layers chose in one forward pass; every list has an entry per layer or block."""

    kept: dict[int, list[Tensor]] = field(default_factory=dict)
    keys_for_mass: dict[int, list[Tensor]] = field(default_factory=dict)
    expert_ids: dict[int, Tensor] = field(default_factory=dict)
    active: dict[int, Tensor] = field(default_factory=dict)

    def observe(self, layer: int, what: str, value: Tensor) -> None:
        """Take one observation of `model.TinyMoeLm.forward`."""
        if what == "scores":
            needed = select_mass(value, MASS).sum(-1)
            self.keys_for_mass.setdefault(layer, []).append(needed)
        elif what == "kept":
            self.kept.setdefault(layer, []).append(value)
        elif what == "expert_ids":
            self.expert_ids[layer] = value
        elif what == "active":
            self.active[layer] = value

    def mean_keys_for_mass(self) -> list[float]:
        """Keys that hold 95 % of the mass of exact attention, mean over rows, per layer."""
        return [
            round(torch.cat([block.flatten() for block in blocks]).double().mean().item(), 1)
            for _, blocks in sorted(self.keys_for_mass.items())
        ]


@torch.no_grad()
def record_forward(model: TinyMoeLm, text: Tensor, keep: Keep) -> Record:
    """Run `text` (int64[batch, length]) with the keys that `keep` selects, and record it."""
    record = Record()
    model(text, keep, record.observe)
    return record


def attention_pattern(blocks: list[Tensor]) -> Pattern:
    """Join blocks of queries into (batch x heads x q_len) rows x kv_len columns."""
    length = blocks[-1].shape[-1]
    rows = torch.cat(
        [functional.pad(block, (0, length - block.shape[-1])) for block in blocks], dim=2
    )
    return pattern_from_mask(rows.reshape(-1, length).numpy(), q_len=length)


class OperatorList:
    """Operators in the order of the model; each names the scopes whose results it reads."""

    def __init__(self) -> None:
        self.operators: list[Operator] = []
        self._index: dict[str, int] = {}

    def add(self, cls: type[Operator], scope: str, reads: tuple[str, ...], **fields) -> str:
        inputs = tuple(self._index[name] for name in reads)
        self._index[scope] = len(self.operators)
        self.operators.append(cls(scope=scope, inputs=inputs, **fields))
        return scope


def operators_of(
    record: Record, shape: Shape, batch: int, length: int, selection: Selection
) -> list[Operator]:
    """Operators of the recorded pass: per layer norm, attention, router, experts and residuals.

    The embedding is left out: its indices would be the text itself.
    """
    trace = OperatorList()
    tokens, d = batch * length, shape.d_model
    norm = {"elements": tokens * d, "lane_operations": NORM_LANE_OPERATIONS}
    add = {"elements": tokens * d, "lane_operations": RESIDUAL_LANE_OPERATIONS, "operands": 2}
    stream: tuple[str, ...] = ()  # what last wrote the residual stream; at first the embedding
    for layer in range(shape.layers):
        name = f"L{layer}."
        norm1 = trace.add(Vector, name + "norm1", stream, **norm)
        qkv = trace.add(Matmul, name + "qkv", (norm1,), m=tokens, n=3 * d, k=d)
        attention = trace.add(
            Attention,
            name + "attention",
            (qkv,),
            batch=batch,
            heads=shape.heads,
            kv_heads=shape.heads,
            q_len=length,
            kv_len=length,
            d_qk=shape.d_head,
            d_v=shape.d_head,
            causal=True,
            sharing="head",
            selection=selection,
            pattern=attention_pattern(record.kept[layer]),
        )
        out = trace.add(Matmul, name + "out", (attention,), m=tokens, n=d, k=d)
        residual1 = trace.add(Vector, name + "residual1", (out, *stream), **add)
        norm2 = trace.add(Vector, name + "norm2", (residual1,), **norm)
        router = trace.add(Matmul, name + "router", (norm2,), m=tokens, n=shape.experts, k=d)
        moe = trace.add(
            Moe,
            name + "moe",
            (norm2, router),
            tokens=tokens,
            d_model=d,
            d_ff=shape.d_ff,
            experts=shape.experts,
            top_k=shape.top_k,
            matrices=2,
            expert_ids=record.expert_ids[layer].numpy().astype(np.int16),
            activation_pattern=pattern_from_mask(record.active[layer].numpy()),
        )
        stream = (trace.add(Vector, name + "residual2", (moe, residual1), **add),)
    final = trace.add(Vector, "final.norm", stream, **norm)
    trace.add(Matmul, "final.head", (final,), m=tokens, n=shape.vocabulary, k=d)
    return trace.operators
