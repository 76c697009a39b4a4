"""What a user records by hand, for kernels that no adapter knows; adapters use the same calls."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from accelsim.errors import InputError
from accelsim.pytorch.selection import SelectionRule
from accelsim.pytorch.spool import Spool
from accelsim.workload.encodings import BitPattern, Pattern
from accelsim.workload.operators import Attention, Index, Moe, Selection
from accelsim.workload.patterns import smallest_encoding
from accelsim.workload.sharing import shared_sets

if TYPE_CHECKING:
    from accelsim.pytorch.graph import Graph


@dataclass
class Call:
    """One call of a module that an adapter describes.

    Attributes
    ----------
    name : str
    module : Module
    args, kwargs, output
        Of its forward.
    depth : int
        How deep modules were nested when it began.
    children : bool
        Whether what its submodules do is recorded.
    state : dict
        For the adapter's own use between `before` and `after`.
    """

    name: str
    module: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    depth: int
    children: bool
    output: Any = None
    state: dict[str, Any] = field(default_factory=dict)

    def argument(self, place: int, *names: str) -> Any:
        """An argument by position or by one of its names; None if it was not given."""
        for name in names:
            if name in self.kwargs:
                return self.kwargs[name]
        return self.args[place] if place < len(self.args) else None


class Manual(ABC):
    """The calls of a session with which a user names an operator himself."""

    graph: Graph
    spool: Spool
    paused: bool
    rule: SelectionRule
    _calls: list[Call]

    @property
    @abstractmethod
    def module(self) -> str:
        """Name of the innermost module that runs."""

    @abstractmethod
    def label(self, word: str) -> str:
        """Name of an operator within the running module."""

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Record nothing inside this block, such as a custom kernel's own operators."""
        before, self.paused = self.paused, True
        try:
            yield
        finally:
            self.paused = before

    def record_attention(
        self,
        kept: torch.Tensor | np.ndarray | Pattern | None,
        *,
        batch: int,
        heads: int,
        q_len: int,
        kv_len: int,
        d_qk: int,
        d_v: int | None = None,
        kv_heads: int | None = None,
        causal: bool | None = None,
        selection: Selection = "from_scores",
        scope: str | None = None,
        reads: Sequence[torch.Tensor] | None = None,
        writes: Sequence[torch.Tensor] | None = None,
    ) -> int:
        """Record an attention operator that a custom kernel computed.

        Parameters
        ----------
        kept : array, BlockMask, Pattern or None
            bool[batch, units, q_len, kv_len], True where a key is kept; or integer
            [batch, units, q_len, k], the kept keys of each query, -1 for none; or a BlockMask of
            FlexAttention; or a Pattern. `units` is heads, kv_heads or 1: what shares a set.
            None: dense, causal if `causal`.
        batch, heads, q_len, kv_len, d_qk : int
        d_v, kv_heads : int, optional
            Default: d_qk, heads.
        causal : bool, optional
            Default: whether an array or BlockMask holds no later key; False with a Pattern or None.
        selection : str
            Where the indices come from, see `Attention`.
        scope : str, optional
            Default: the module that runs.
        reads, writes : sequence of Tensor, optional
            Operands and results, for dependencies. Default: those of the running module call
            that an adapter describes.

        Returns
        -------
        int
            Number of the entry.

        Raises
        ------
        InputError
            If the shape of `kept` does not fit.
        """
        kv_heads = kv_heads or heads
        sharing: Any = "head"
        if kept is None:
            pattern, found = None, bool(causal)
        elif isinstance(kept, Pattern):
            rows = kept.rows // (batch * q_len)
            sharing = {kv_heads: "kv_group", 1: "layer", heads: "head"}.get(rows, "head")
            pattern, found = self.spool.keep_pattern(kept), bool(causal)
        else:
            mask = _as_mask(kept, batch, q_len, kv_len)
            if (
                mask.shape[0] != batch
                or mask.shape[2:] != (q_len, kv_len)
                or mask.shape[1] not in (1, kv_heads, heads)
            ):
                raise InputError(
                    f"kept has shape {tuple(mask.shape)}, expected "
                    f"[{batch}, {heads} or {kv_heads} or 1, {q_len}, {kv_len}]",
                    where=scope or self.module,
                )
            bits = np.packbits(mask, axis=-1, bitorder="little")
            future = np.triu(np.ones((q_len, kv_len), dtype=bool), kv_len - q_len + 1)
            found = q_len <= kv_len and not (mask & future).any()
            if mask.shape[1] == kv_heads != heads:
                sharing, sets = "kv_group", bits
            else:
                sharing, sets = shared_sets(bits, heads, kv_heads)
            whole = BitPattern(np.ascontiguousarray(sets).reshape(-1, bits.shape[-1]), kv_len)
            pattern = self.spool.keep_pattern(smallest_encoding(whole, q_len=q_len))
        return self._put(
            Attention, scope, "attention", reads, writes, batch=batch, heads=heads,
            kv_heads=kv_heads, q_len=q_len, kv_len=kv_len, d_qk=d_qk, d_v=d_v or d_qk,
            causal=found if causal is None else causal, sharing=sharing, selection=selection,
            pattern=pattern,
        )  # fmt: skip

    def record_routing(
        self,
        expert_ids: torch.Tensor | np.ndarray,
        *,
        experts: int,
        d_model: int,
        d_ff: int,
        matrices: int = 3,
        active: torch.Tensor | np.ndarray | Pattern | None = None,
        scope: str | None = None,
        reads: Sequence[torch.Tensor] | None = None,
        writes: Sequence[torch.Tensor] | None = None,
    ) -> int:
        """Record routed experts.

        Parameters
        ----------
        expert_ids : integer[tokens, top_k]
            The experts of each token; -1 (or any id outside) for a dropped slot.
        experts, d_model, d_ff : int
        matrices : int
            3 for gated experts (gate, up, down), 2 for plain ones.
        active : bool[tokens * top_k, d_ff], or Pattern, optional
            Nonzeros of the intermediate, row = token * top_k + slot.
        scope, reads, writes
            As in `record_attention`.
        """
        ids = _to_numpy(expert_ids).astype(np.int64)
        if ids.ndim != 2:
            raise InputError(
                f"expert_ids has shape {ids.shape}, expected [tokens, top_k]",
                where=scope or self.module,
            )
        ids = np.where((ids >= 0) & (ids < experts), ids, -1).astype(np.int16)
        pattern = active if isinstance(active, Pattern) else None
        if active is not None and pattern is None:
            mask = _to_numpy(active)
            bits = np.packbits(mask, axis=-1, bitorder="little")
            pattern = smallest_encoding(BitPattern(bits, mask.shape[1]))
        return self._put(
            Moe, scope, "", reads, writes, tokens=ids.shape[0], d_model=d_model, d_ff=d_ff,
            experts=experts, top_k=ids.shape[1], matrices=matrices,
            expert_ids=self.spool.keep(ids),
            activation_pattern=self.spool.keep_pattern(pattern) if pattern is not None else None,
        )  # fmt: skip

    def record_index(
        self,
        *,
        batch: int,
        q_len: int,
        kv_len: int,
        heads: int,
        d: int,
        top_k: int,
        causal: bool = True,
        scope: str | None = None,
        reads: Sequence[torch.Tensor] | None = None,
        writes: Sequence[torch.Tensor] | None = None,
    ) -> int:
        """Record the model's own index prediction, see `Index`."""
        return self._put(
            Index, scope, "", reads, writes, batch=batch, q_len=q_len, kv_len=kv_len, heads=heads,
            d=d, top_k=top_k, causal=causal,
        )  # fmt: skip

    def _put(
        self,
        kind: Any,
        scope: str | None,
        label: str,
        reads: Sequence[torch.Tensor] | None,
        writes: Sequence[torch.Tensor] | None,
        **fields: Any,
    ) -> int:
        call = self._calls[-1] if self._calls else None
        inputs = _tensors(reads if reads is not None else (call.args, call.kwargs) if call else ())
        outputs = _tensors(writes if writes is not None else call.output if call else ())
        label = self.label(label) if scope is None and label else ""
        number = self.graph.add(kind, scope or self.module, label, inputs, **fields)
        # what submodules recorded inside the call is part of the operator's history
        if call is not None and call.children:
            inner = self.graph.producers(outputs) - {number}
            self.graph.entries[number].inputs |= inner
        self.graph.written(outputs, [], number)
        return number


def _tensors(values: Any) -> list[torch.Tensor]:
    return [t for t in tree_leaves(values) if isinstance(t, torch.Tensor)]


def _to_numpy(values: Any) -> np.ndarray:
    if isinstance(values, torch.Tensor):
        return values.detach().cpu().numpy()
    return np.asarray(values)


def _as_mask(kept: Any, batch: int, q_len: int, kv_len: int) -> np.ndarray:
    """Any form of kept keys as bool[batch, units, q_len, kv_len]."""
    if hasattr(kept, "kv_num_blocks"):  # BlockMask: ask its mask for every pair
        index = torch.arange(max(batch, kept.shape[1], q_len, kv_len))
        units = kept.shape[1]
        b, h = index[:batch].view(-1, 1, 1, 1), index[:units].view(-1, 1, 1)
        pairs = kept.mask_mod(b, h, index[:q_len].view(-1, 1), index[:kv_len])
        return pairs.broadcast_to(batch, units, q_len, kv_len).cpu().numpy()
    array = _to_numpy(kept)
    if array.dtype == bool:
        return array
    mask = np.zeros((*array.shape[:3], kv_len + 1), dtype=bool)
    inside = (array >= 0) & (array < kv_len)
    np.put_along_axis(mask, np.where(inside, array, kv_len).astype(np.int64), True, axis=-1)
    return mask[..., :kv_len]
