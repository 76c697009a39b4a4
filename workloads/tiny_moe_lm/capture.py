"""One forward pass over held-out text, captured as a trace.

The model selects its keys itself, block by block of queries, so its attention and its experts are
described by two adapters; everything else is captured as it runs.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from model import Experts, Keep, SelectedAttention, TinyMoeLm
from torch import Tensor
from torch.nn import functional

import accelsim
from accelsim.pytorch.modules import Call, ForModule
from accelsim.pytorch.selection import select_mass
from accelsim.workload.operators import Selection
from accelsim.workload.trace import Trace

MASS = 0.95


@torch.no_grad()
def capture_forward(
    model: TinyMoeLm,
    text: Tensor,
    keep: Keep,
    selection: Selection,
    out: Path,
    metadata: dict[str, Any],
) -> Trace:
    """Run `text` (int64[batch, length]) with the keys that `keep` selects, and write the trace.

    `metadata` : fields of the trace; its quality gets the keys that hold 95 % of the mass of exact
    attention, mean over queries, per layer. The embedding is left out: its indices would be the
    text itself.
    """
    seen: dict[tuple[int, str], list[Tensor]] = {}
    adapters = [
        ForModule(SelectedAttention, partial(record_attention, seen=seen, selection=selection)),
        ForModule(Experts, partial(record_experts, seen=seen)),
    ]
    session = accelsim.capture(model, out, attention="off", adapters=adapters)
    session.metadata |= metadata

    def observe(layer: int, what: str, value: Tensor) -> None:
        with session.pause():
            if what == "scores":
                what, value = "needed", select_mass(value, MASS).sum(-1)
            seen.setdefault((layer, what), []).append(value)

    with session:
        model(text, keep, observe)
        session.metadata["quality"]["keys_for_95_percent_mass"] = [
            round(torch.cat([b.flatten() for b in blocks]).double().mean().item(), 1)
            for (_, what), blocks in sorted(seen.items())
            if what == "needed"
        ]
    assert session.trace is not None
    return session.trace


def record_attention(
    session: Any, call: Call, *, seen: dict[tuple[int, str], list[Tensor]], selection: Selection
) -> None:
    """Join the kept keys of the blocks of queries, and record them."""
    queries = call.args[0]
    batch, heads, length, d_head = queries.shape
    blocks = seen[layer_of(call), "kept"]
    kept = torch.cat([functional.pad(b, (0, length - b.shape[-1])) for b in blocks], dim=2)
    session.record_attention(
        kept, batch=batch, heads=heads, q_len=length, kv_len=length, d_qk=d_head,
        selection=selection,
    )  # fmt: skip


def record_experts(session: Any, call: Call, *, seen: dict[tuple[int, str], list[Tensor]]) -> None:
    """Record where the tokens went and which intermediates are not zero."""
    experts, d_model, d_ff = call.module.up.shape
    (active,) = seen[layer_of(call), "active"]
    session.record_routing(
        call.args[1], experts=experts, d_model=d_model, d_ff=d_ff, matrices=2, active=active
    )


def layer_of(call: Call) -> int:
    """Layer number of a module called ``layers.<number>...``."""
    return int(call.name.split(".")[1])
