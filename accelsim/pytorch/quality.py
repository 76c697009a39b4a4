"""What a selection costs: the model's loss with the recorded keys only, beside the exact one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from accelsim.errors import InputError
from accelsim.pytorch.attention import CHUNK_SCORES, Layout
from accelsim.pytorch.graph import Graph

if TYPE_CHECKING:
    from accelsim.pytorch.graph import Entry
    from accelsim.pytorch.session import Session

Loss = bool | Callable[[Any], torch.Tensor]


class Replay:
    """Gives the attentions of a second run the keys that were recorded in the first, in order."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries
        self._next = 0

    def _take(self) -> dict[str, Any]:
        fields = self._entries[self._next].fields
        self._next += 1
        return fields

    def masked(self, x: torch.Tensor, before: int, layout: Layout | None) -> torch.Tensor | None:
        """Scores x[..., queries, columns] with every key that was not kept at -inf."""
        fields = self._take()
        if fields["pattern"] is None or layout is None:
            return None
        whole = x.clone().reshape(layout.batch, layout.heads, layout.q_len, x.shape[-1])
        for entry in range(layout.batch):
            for start, stop, kept in chunks(fields, entry):
                part = whole[entry, :, start:stop, before : before + layout.kv_len]
                part.masked_fill_(~kept, torch.finfo(x.dtype).min)
        return whole.reshape(x.shape)

    def fused(self, named: dict[str, Any]) -> torch.Tensor | None:
        """The result of a fused attention over the kept keys alone; None if all were kept."""
        fields = self._take()
        if fields["pattern"] is None:
            return None
        q, k, v = named["query"], named["key"], named["value"]
        batch, heads, q_len, depth = q.shape
        scale = named.get("scale") or 1 / math.sqrt(depth)
        out = q.new_empty(batch, heads, q_len, v.shape[-1])
        group = heads // k.shape[1]
        for entry in range(batch):
            keys = k[entry].repeat_interleave(group, 0).transpose(-1, -2)
            values = v[entry].repeat_interleave(group, 0)
            for start, stop, kept in chunks(fields, entry):
                scores = q[entry, :, start:stop] @ keys * scale
                mask = named.get("attn_mask", named.get("attn_bias"))
                if mask is not None:  # a bias counts beside the kept keys
                    full = mask.broadcast_to(batch, heads, q_len, mask.shape[-1])
                    scores = scores + full[entry, :, start:stop]
                scores = scores.masked_fill(~kept, torch.finfo(scores.dtype).min)
                out[entry, :, start:stop] = scores.softmax(-1) @ values
        return out


def chunks(fields: dict[str, Any], entry: int) -> Any:
    """Walk over the kept keys of a batch entry: (first row, last row, bool[heads, rows, keys])."""
    pattern, heads, q_len = fields["pattern"], fields["heads"], fields["q_len"]
    units = pattern.rows // (fields["batch"] * q_len)
    step = max(1, CHUNK_SCORES // (heads * fields["kv_len"]))
    for start in range(0, q_len, step):
        stop = min(q_len, start + step)
        first = [(entry * units + unit) * q_len for unit in range(units)]
        rows = np.stack([pattern.mask(base + start, base + stop) for base in first])
        kept = torch.from_numpy(rows).repeat_interleave(heads // units, 0)
        yield start, stop, kept


def losses(
    session: Session, loss: Loss, args: Any, kwargs: dict[str, Any], output: Any
) -> tuple[float, float]:
    """Loss of a call as it was, and of the same call with only the recorded keys.

    Raises
    ------
    InputError
        If the model gives no loss, or the call goes on from a cache that it changed.
    """
    if kwargs.get("past_key_values") is not None:
        raise InputError(
            "measure_quality runs a call twice, which a key-value cache does not allow",
            remedy="measure on a prefill",
        )
    exact = _loss_of(output, loss)
    step = session.graph.step
    entries = (session.graph.entries[number] for number in session.tapped)
    recorded = [entry for entry in entries if entry.step == step]
    graph, session.graph = session.graph, Graph()
    session.graph.followers = graph.followers
    session.replay, session.paused = Replay(recorded), False
    try:
        session.graph.mark_constants([*session.model.parameters(), *session.model.buffers()])
        replayed = _loss_of(session.model(*args, **kwargs), loss)
    finally:
        session.graph, session.replay, session.paused = graph, None, True
    return exact, replayed


def _loss_of(output: Any, loss: Loss) -> float:
    value = loss(output) if callable(loss) else getattr(output, "loss", None)
    if value is None and isinstance(output, dict):
        value = output.get("loss")
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        raise InputError(
            "measure_quality needs a loss, and the model's output has none",
            remedy="pass labels to the model, or measure_quality=function(output) -> loss",
        )
    return float(value)
