"""Modules whose operators alone would not say what they do, and what they are to a trace.

An adapter describes one kind of module by the calls of `manual.Manual`. It knows a module by the
name of its class and by its attributes, so that neither transformers nor any other library is
imported.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from accelsim.pytorch.manual import Call
from accelsim.workload.encodings import BitPattern, BlockPattern, Pattern
from accelsim.workload.patterns import attention_rule, smallest_encoding

if TYPE_CHECKING:
    from accelsim.pytorch.session import Session

__all__ = ["ADAPTERS", "Adapter", "Call"]


DENSE = 0.95  # an activation with more nonzeros than this gets no pattern


class Adapter(ABC):
    """How calls of one kind of module are recorded.

    Attributes
    ----------
    children : bool
        True: what its submodules do is recorded as it comes, and only its own operators are not.
    experts : bool
        Whether it is switched off by ``experts=False``.
    """

    children = False
    experts = False

    @abstractmethod
    def matches(self, module: nn.Module) -> bool:
        """Whether this adapter describes `module`."""

    def accepts(self, call: Call) -> bool:
        """Whether it describes this call; if not, operators are recorded as they come."""
        return True

    def before(self, session: Session, call: Call) -> None:  # noqa: B027 (may be left out)
        """Look at a call before it runs."""

    @abstractmethod
    def after(self, session: Session, call: Call) -> None:
        """Record a call that has run, with the session's `record_...` methods."""

    def cancel(self, session: Session, call: Call) -> None:  # noqa: B027 (may be left out)
        """Undo `before` after a call that raised."""


class ForModule(Adapter):
    """An adapter from a class of modules and a function ``record(session, call)``."""

    def __init__(
        self,
        kind: type[nn.Module],
        record: Callable[[Session, Call], object],
        *,
        children: bool = False,
    ) -> None:
        self._kind, self._record = kind, record
        self.children = children

    def matches(self, module: nn.Module) -> bool:
        """See `Adapter.matches`."""
        return isinstance(module, self._kind)

    def after(self, session: Session, call: Call) -> None:
        """See `Adapter.after`."""
        self._record(session, call)


class Experts(Adapter):
    """Routed experts that get hidden states, expert ids and weights (transformers 5).

    Known by stacked weights [experts, ., .] called down_proj, or by a class named `*Experts` that
    holds a module an expert.

    The ids are int[tokens, top_k], or a one-hot choice [tokens, top_k, experts] in which a
    dropped token has no one (Switch Transformers). Zeros of the intermediate are taken from the
    activation function's own results: of every expert in turn, rows by slot and token, or of all
    routed slots at once, sorted by expert.
    """

    experts = True

    def matches(self, module: nn.Module) -> bool:
        """See `Adapter.matches`."""
        stacked = isinstance(getattr(module, "down_proj", None), torch.Tensor)
        if not stacked and not type(module).__name__.endswith("Experts"):
            return False
        try:
            parameters = inspect.signature(module.forward).parameters
        except (TypeError, ValueError):
            return False
        wide = any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
        return (len(parameters) >= 3 or wide) and _expert_shape(module) is not None

    def accepts(self, call: Call) -> bool:
        """Whether the second argument is a choice of experts."""
        return _expert_ids(call) is not None

    def before(self, session: Session, call: Call) -> None:
        """See `Adapter.before`."""
        session.collected = []

    def cancel(self, session: Session, call: Call) -> None:
        """See `Adapter.cancel`."""
        session.collected = None

    def after(self, session: Session, call: Call) -> None:
        """See `Adapter.after`."""
        collected, session.collected = session.collected or [], None
        ids = _expert_ids(call)
        shape = _expert_shape(call.module)
        assert shape is not None and ids is not None
        experts, d_model, d_ff, matrices = shape
        ids = np.where((ids >= 0) & (ids < experts), ids, -1)
        active = _active(collected, ids, experts, d_ff) if matrices == 2 or collected else None
        session.record_routing(
            ids, experts=experts, d_model=d_model, d_ff=d_ff, matrices=matrices, active=active
        )


class Indexer(Adapter):
    """The index prediction of DeepSeek sparse attention: its projections are products as usual."""

    children = True

    def matches(self, module: nn.Module) -> bool:
        """See `Adapter.matches`."""
        wanted = ("n_heads", "head_dim", "index_topk")
        return type(module).__name__.endswith("Indexer") and all(
            hasattr(module, name) for name in wanted
        )

    def after(self, session: Session, call: Call) -> None:
        """See `Adapter.after`."""
        hidden = call.argument(0, "hidden_states")
        mask = call.argument(3, "attention_mask")
        module: Any = call.module
        batch, q_len = hidden.shape[:2]
        kv_len = mask.shape[-1] if mask is not None else q_len
        number = session.record_index(
            batch=batch, q_len=q_len, kv_len=kv_len, heads=module.n_heads, d=module.head_dim,
            top_k=min(module.index_topk, kv_len), causal=q_len <= kv_len,
        )  # fmt: skip
        session.indexed(number)


class Longformer(Adapter):
    """Longformer (and LED) attention by its rule: the operators work on overlapping chunks."""

    children = True

    def matches(self, module: nn.Module) -> bool:
        """See `Adapter.matches`."""
        name = type(module).__name__
        return name in ("LongformerSelfAttention", "LEDEncoderSelfAttention")

    def after(self, session: Session, call: Call) -> None:
        """See `Adapter.after`."""
        module: Any = call.module
        batch, length = call.argument(0, "hidden_states").shape[:2]
        window = module.one_sided_attn_window_size + 1
        masked = _flags(call.argument(2, "is_index_masked"), batch, length)
        everywhere = _flags(call.argument(3, "is_index_global_attn"), batch, length)
        session.record_attention(
            longformer_pattern(window, everywhere, masked),
            batch=batch, heads=module.num_heads, q_len=length, kv_len=length,
            d_qk=module.head_dim, causal=False, selection="static",
        )  # fmt: skip


class BigBird(Adapter):
    """BigBird's block-sparse attention from the blocks that the module itself chose."""

    children = True
    _choosers = ("_bigbird_block_rand_mask", "_bigbird_block_rand_mask_with_head")

    def matches(self, module: nn.Module) -> bool:
        """See `Adapter.matches`."""
        return type(module).__name__ == "BigBirdBlockSparseAttention"

    def before(self, session: Session, call: Call) -> None:
        """Listen to the methods that draw the random blocks."""
        chosen: list[np.ndarray] = call.state.setdefault("chosen", [])
        for name in self._choosers:
            method = getattr(call.module, name)

            def listen(*args: Any, method: Any = method, **kwargs: Any) -> Any:
                result = method(*args, **kwargs)
                chosen.extend(result if isinstance(result, list) else [result])
                return result

            object.__setattr__(call.module, name, listen)

    def cancel(self, session: Session, call: Call) -> None:
        """See `Adapter.cancel`."""
        for name in self._choosers:
            call.module.__dict__.pop(name, None)

    def after(self, session: Session, call: Call) -> None:
        """See `Adapter.after`."""
        self.cancel(session, call)
        module: Any = call.module
        batch, length = call.argument(0, "hidden_states").shape[:2]
        heads, side = module.num_attention_heads, module.block_size
        visible = call.argument(3, "to_mask")
        keys = np.ones((batch, length), dtype=bool)
        if visible is not None:
            keys = visible.reshape(batch, length).cpu().numpy() > 0
        blocks = [
            bigbird_blocks(length // side, np.asarray(rows)[: length // side - 2])
            for rows in call.state["chosen"]
        ]
        session.record_attention(
            bigbird_pattern(blocks, side, keys),
            batch=batch, heads=heads, q_len=length, kv_len=length,
            d_qk=module.attention_head_size, causal=False, selection="static",
        )  # fmt: skip


ADAPTERS: tuple[Adapter, ...] = (Experts(), Indexer(), Longformer(), BigBird())


def longformer_pattern(window: int, everywhere: np.ndarray, masked: np.ndarray) -> Pattern:
    """Kept keys of Longformer, one set for all heads.

    Parameters
    ----------
    window : int
        Keys to each side, the query's own with both.
    everywhere : bool[batch, length]
        Global tokens.
    masked : bool[batch, length]
        Padding: neither keeps nor is kept.
    """
    batch, length = everywhere.shape
    first = int(everywhere[0].sum())
    prefix = np.arange(length) < first
    if not masked.any() and (everywhere == prefix).all():
        return attention_rule(
            "global_band", units=1, q_len=length, kv_len=length, batch=batch, window=window,
            tokens=first,
        )  # fmt: skip
    distance = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
    parts = []
    for entry in range(batch):
        kept = (distance < window) | everywhere[entry] | everywhere[entry][:, None]
        kept &= ~masked[entry] & ~masked[entry][:, None]
        parts.append(np.packbits(kept, axis=1, bitorder="little"))
    return smallest_encoding(BitPattern(np.concatenate(parts), length), q_len=length)


def bigbird_blocks(count: int, chosen: np.ndarray) -> list[np.ndarray]:
    """Key blocks of every query block (2007.14062): first, last, three around it, and `chosen`.

    `chosen` : int[count - 2, random blocks], of the query blocks 1 to count - 2. The first and
    the last query block see all.
    """
    rows = [np.arange(count)]
    for place in range(1, count - 1):
        around = [place - 1, place, place + 1, 0, count - 1, *chosen[place - 1].tolist()]
        rows.append(np.unique(around))
    return [*rows, np.arange(count)]


def bigbird_pattern(heads: list[list[np.ndarray]], side: int, keys: np.ndarray) -> Pattern:
    """Kept keys of all heads, one set where they are equal (in evaluation nothing is random).

    `heads` : key blocks of each query block; `keys` : bool[batch, length], False for padding.
    """
    batch, length = keys.shape
    heads = heads[:1] if all(all(map(np.array_equal, h, heads[0])) for h in heads) else heads
    rows = [blocks for _ in range(batch) for head in heads for blocks in head]
    counts = np.array([len(blocks) for blocks in rows])
    indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.uint32)
    indices = np.concatenate(rows).astype(np.uint16)
    total = batch * len(heads) * length
    pattern = BlockPattern(indptr, indices, total, length, side, side, 0)
    if keys.all():
        return pattern
    parts = []
    for entry in range(batch):
        for head in range(len(heads)):
            start = (entry * len(heads) + head) * length
            kept = pattern.mask(start, start + length) & keys[entry] & keys[entry][:, None]
            parts.append(np.packbits(kept, axis=1, bitorder="little"))
    return smallest_encoding(BitPattern(np.concatenate(parts), length), q_len=length)


def _flags(values: torch.Tensor | None, batch: int, length: int) -> np.ndarray:
    if values is None:
        return np.zeros((batch, length), dtype=bool)
    return values.reshape(batch, length).cpu().numpy().astype(bool)


def _expert_shape(module: nn.Module) -> tuple[int, int, int, int] | None:
    """(experts, d_model, d_ff, matrices) of a module of experts; None if it does not say."""
    experts = getattr(module, "num_experts", None)
    if not isinstance(experts, int):
        return None
    down = getattr(module, "down_proj", None)
    if isinstance(down, torch.Tensor) and down.dim() == 3:
        width = getattr(module, "hidden_dim", None) or getattr(module, "hidden_size", None)
        if not isinstance(width, int) or width not in down.shape[1:]:
            return None
        d_ff = down[0].numel() // width
        ups = [p for name, p in module.named_parameters(recurse=False)
               if p.dim() == 3 and name != "down_proj"]  # fmt: skip
        matrices = 1 + sum(p[0].numel() for p in ups) // (width * d_ff)
        return (experts, width, d_ff, matrices) if matrices in (2, 3) else None
    linears = [m for m in next(module.children(), nn.Identity()).modules()
               if isinstance(m, nn.Linear)]  # fmt: skip
    if len(linears) not in (2, 3) or len(list(module.children())) != experts:
        return None
    return experts, linears[0].in_features, linears[0].out_features, len(linears)


def _expert_ids(call: Call) -> np.ndarray | None:
    """Ids int[tokens, top_k] from the second argument: as they are, or from a one-hot choice."""
    names = ("top_k_index", "router_indices", "selected_experts", "expert_indices")
    chosen = call.argument(1, *names)
    if not isinstance(chosen, torch.Tensor) or chosen.is_floating_point() or chosen.dim() < 2:
        return None
    array = chosen.cpu().numpy()
    if array.ndim == 3 and array.shape[-1] == getattr(call.module, "num_experts", 0):
        return np.where(array.any(-1), array.argmax(-1), -1)
    return array.reshape(-1, array.shape[-1])


def _active(
    collected: list[np.ndarray], ids: np.ndarray, experts: int, d_ff: int
) -> Pattern | None:
    """Put collected rows (bits of nonzeros) into the order token * top_k + slot."""
    slots = ids.reshape(-1)
    rows = sum(len(bits) for bits in collected)
    if rows != int((slots >= 0).sum()) or not rows or collected[0].shape[1] != -(-d_ff // 8):
        return None
    token, slot = np.divmod(np.arange(len(slots)), ids.shape[1])
    one_call = len(collected) == 1 and len(np.unique(slots[slots >= 0])) > 1
    order = np.argsort(slots, kind="stable") if one_call else np.lexsort((token, slot, slots))
    order = order[slots[order] >= 0]
    bits = np.zeros((len(slots), collected[0].shape[1]), dtype=np.uint8)
    bits[order] = np.concatenate(collected)
    pattern = BitPattern(bits, d_ff)
    return smallest_encoding(pattern) if pattern.density < DENSE * rows / len(slots) else None
