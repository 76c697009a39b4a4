"""Every ATen operator of a run, below autograd and whatever module or function called it.

A product is recorded as it comes. Attention is either one fused kernel, or recognised by its
data flow: a product of two activations, element-wise work on the scores, a softmax over the keys,
and a product of the probabilities with the values; then the parts are dropped for the whole.
Backward passes run, but are not recorded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from accelsim.pytorch import attention
from accelsim.pytorch.attention import Kept, Layout, key_heads
from accelsim.pytorch.costs import kind_of, lane_operations, name_of
from accelsim.pytorch.graph import storage_of
from accelsim.pytorch.rows import as_four, flex_mask, flex_units, fused_rows, score_rows
from accelsim.workload.operators import Attention, Matmul, Vector

if TYPE_CHECKING:
    from accelsim.pytorch.session import Session

_SOFTMAX = frozenset(("_softmax", "_safe_softmax"))
_FUSED = frozenset(
    "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention "
    "_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention "
    "_scaled_dot_product_fused_attention_overrideable".split()
)
_CONVOLUTIONS = frozenset("convolution _convolution cudnn_convolution".split())
_PRODUCTS = frozenset("mm addmm bmm baddbmm mv addmv _grouped_mm _int_mm".split())
# What leaves a zero a zero, so that the zeros of a ReLU are still there.
_KEEPS_ZEROS = frozenset("mul pow square native_dropout div abs clone _to_copy relu".split())
_HEADS = ("num_heads", "num_attention_heads", "n_heads", "n_head", "nhead", "heads", "nheads")
_MOST_PRODUCTS = 1024


@dataclass
class Scores:
    """A product of two activations that may become attention.

    `keys` : Tensor[products, d, kv_len]; `before` : columns of the softmax ahead of the keys.
    """

    entries: list[int]
    queries: torch.Tensor
    keys: torch.Tensor
    depth: int
    before: int = 0
    kept: Kept | None = None
    layout: Layout | None = None
    selection: dict[str, Any] = field(default_factory=dict)


class Tap(TorchDispatchMode):
    """Sends every operator to its handler while a session is active."""

    supports_higher_order_operators = True

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.scores: dict[int, Scores] = {}
        self._zeros: set[int] = set()
        session.graph.followers.append(self.forget_storage)

    def forget_storage(self, key: int) -> None:
        """Let go of what was known of one storage."""
        self.scores.pop(key, None)
        self._zeros.discard(key)

    def forget(self) -> None:
        """Let go of products that did not become attention, and of the tensors they hold."""
        self.scores.clear()
        self._zeros.clear()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one operator and record what it is."""
        kwargs = kwargs or {}
        session = self.session
        if session.paused or torch._C._current_graph_task_id() != -1:
            session.backward += not session.paused
            return func(*args, **kwargs)
        if not hasattr(func, "_schema"):
            return self._higher_order(func, args, kwargs)
        name = name_of(func)
        if name not in _FUSED | _PRODUCTS | _CONVOLUTIONS | _SOFTMAX:
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        if session.replay is not None and not session.muted and name in _FUSED | _SOFTMAX:
            changed = self._replayed(func, name, args, kwargs)
            if changed is not None:
                return changed
        out = func(*args, **kwargs)
        inputs = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        outputs = [t for t in tree_leaves(out) if isinstance(t, torch.Tensor)]
        if outputs:
            with torch.no_grad():
                self._record(func, name, args, kwargs, inputs, outputs)
        return out

    def _record(
        self,
        func: Any,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        inputs: list[torch.Tensor],
        outputs: list[torch.Tensor],
    ) -> None:
        graph, session = self.session.graph, self.session
        if name in _PRODUCTS and self._product(name, args, inputs, outputs[0]):
            return
        if name in _CONVOLUTIONS and self._convolution(args, inputs, outputs[0]):
            return
        if name in _FUSED:
            named = arguments(func, args, kwargs)
            self._fused(name, named, outputs)
            return
        if name == "lift_fresh":  # a tensor made of Python numbers
            graph.mark_constants(outputs)
        if name.endswith("_like") or name.startswith("new_"):  # made of a shape, not of values
            graph.written(outputs, [])
            return
        if func.is_view:
            graph.viewed(outputs, inputs)
            return
        if name in _SOFTMAX:
            self._softmax(args[0], args[1])
        kind = kind_of(func, name)
        origin = next((o for t in inputs if (o := self.scores.get(storage_of(t)))), None)
        if origin is not None and kind in ("vector", "layout"):
            self._follow(origin, name, args, inputs, outputs)
        if name in _KEEPS_ZEROS and any(storage_of(t) in self._zeros for t in inputs):
            self._zeros.update(storage_of(t) for t in outputs)
        if session.muted or not self._counts(inputs, outputs):
            if kind in ("index", "unknown") and not session.muted:
                session.left_out(kind, name, outputs[0])
            graph.written(outputs, inputs)
        elif kind == "vector":
            if origin is not None:  # work on scores is an entry of its own: it may be dropped
                graph.close_work()
            elements = max(t.numel() for t in (*inputs, outputs[0]))
            reads = [t for t in inputs if not graph.is_constant(t)]
            number = graph.add_work(
                session.module,
                session.label("vector"),
                elements,
                lane_operations(name),
                reads,
            )
            if origin is not None:
                origin.entries.append(number)
                graph.close_work()
            graph.written(outputs, inputs, number)
        elif kind == "index" and session.record_indexed(name, args, outputs[0], inputs):
            pass
        else:
            session.left_out(kind, name, outputs[0])
            graph.written(outputs, inputs)
        if session.is_activation(name, args):
            self._zeros.update(storage_of(t) for t in outputs)
            session.saw_activation(outputs[0])

    def _counts(self, inputs: list[torch.Tensor], outputs: list[torch.Tensor]) -> bool:
        """Whether an operator is work of the model: on numbers, and not on weights alone."""
        if outputs[0].numel() == 0:
            return False
        if not outputs[0].is_floating_point() and not outputs[0].is_complex():
            return False
        if max(t.numel() for t in (*inputs, outputs[0])) == 1:  # a scalar: the host's
            return False
        return not all(self.session.graph.is_constant(t) for t in inputs)

    # products

    def _product(
        self, name: str, args: tuple[Any, ...], inputs: list[torch.Tensor], out: torch.Tensor
    ) -> bool:
        a, b = args[1:3] if name.startswith(("addm", "badd")) else args[:2]
        session = self.session
        if name == "_grouped_mm":
            return self._grouped(a, b, args, inputs, out)
        if name in ("mv", "addmv"):
            a, b = b[None], a.t()
        m, k, n = a.shape[-2], a.shape[-1], b.shape[-1]
        count = a.shape[0] if a.dim() == 3 else 1
        session.executed(name, count * m * n * k)
        if session.muted or not count * m * n * k:  # no tokens for this expert, for example
            session.graph.written([out], inputs)
            return True
        origin = self.scores.get(storage_of(a))
        if origin is not None and origin.kept is not None:
            self.scores = {s: found for s, found in self.scores.items() if found is not origin}
            if self._attention(origin, b, inputs, out):
                return True
        static = session.graph.is_constant(b)
        fields: dict[str, Any] = {"weights": "static" if static else "dynamic"}
        if a.dim() == 3 and (b.stride(0) == 0 or count > _MOST_PRODUCTS):
            if b.stride(0):
                session.merged(name, count)
            m, count = count * m, 1
        if static and b.dim() == 2:
            if storage_of(a) in self._zeros:
                fields["activation_pattern"] = session.zeros(a)
            fields["weight_pattern"] = session.weights.pattern_of(b.t())
        number = session.graph.add(
            Matmul, session.module, session.label("matmul"), inputs, m=m, n=n, k=k, count=count,
            **fields,
        )  # fmt: skip
        session.graph.written([out], inputs, number)
        self.scores.pop(storage_of(out), None)
        if not static and not session.graph.is_constant(a) and name in ("mm", "bmm", "baddbmm"):
            queries, keys = (a, b) if a.dim() == 3 else (a[None], b[None])
            self.scores[storage_of(out)] = Scores([number], queries, keys, session.depth)
        return True

    def _grouped(
        self, a: torch.Tensor, b: torch.Tensor, args: tuple[Any, ...], inputs: Any, out: Any
    ) -> bool:
        session = self.session
        offsets = args[2] if len(args) > 2 else None
        if b.dim() != 3 or a.dim() != 2 or offsets is None:
            return False
        session.executed("_grouped_mm", a.shape[0] * b.shape[1] * b.shape[2])
        if session.muted:
            session.graph.written([out], inputs)
            return True
        weights = "static" if session.graph.is_constant(b) else "dynamic"
        start, numbers = 0, []
        for stop in offsets.tolist():
            if stop > start:
                numbers.append(
                    session.graph.add(
                        Matmul, session.module, "expert", inputs, m=stop - start, n=b.shape[2],
                        k=b.shape[1], weights=weights,
                    )
                )  # fmt: skip
                start = stop
        session.graph.written([out], inputs, *numbers)
        return True

    def _convolution(self, args: tuple[Any, ...], inputs: Any, out: torch.Tensor) -> bool:
        session = self.session
        weight, groups = args[1], args[8] if len(args) > 8 else 1
        transposed = len(args) > 6 and bool(args[6])
        image = args[0] if transposed else out  # one row of the product for each of its places
        places, taps = image.numel() // image.shape[1], math.prod(weight.shape[2:])
        n, k = weight.shape[0] // groups, weight.shape[1] * taps
        if transposed:  # weight[inputs, outputs / groups, ...]: every place gives all taps
            n, k = k, n
        session.executed("convolution", places * groups * n * k)
        if session.muted or not out.numel():
            session.graph.written([out], inputs)
            return True
        static = session.graph.is_constant(weight)
        if (
            min(n, k) == 1 and max(n, k) == taps and groups > 1
        ):  # depth-wise: no reuse, work of the vector unit
            number = session.graph.add(
                Vector, session.module, session.label("vector"), inputs,
                elements=out.numel(), lane_operations=2 * taps, operands=1,
            )  # fmt: skip
        else:
            number = session.graph.add(
                Matmul, session.module, session.label("matmul"), inputs, m=places, n=n,
                k=k, count=groups, weights="static" if static else "dynamic",
            )  # fmt: skip
        session.graph.written([out], inputs, number)
        return True

    # attention in parts

    def _follow(
        self,
        origin: Scores,
        name: str,
        args: tuple[Any, ...],
        inputs: list[torch.Tensor],
        outputs: list[torch.Tensor],
    ) -> None:
        """Scores stay scores through element-wise work and through columns put beside them."""
        sources = [t for t in inputs if self.scores.get(storage_of(t)) is origin]
        largest, out = max(t.numel() for t in sources), outputs[0]
        if name == "cat":
            parts = args[0]
            place = next(
                (i for i, t in enumerate(parts) if storage_of(t) in map(storage_of, sources))
            )
            if out.shape[:-1] != parts[place].shape[:-1]:
                return
            if origin.kept is None:
                origin.before += sum(t.shape[-1] for t in parts[:place])
        elif out.numel() != largest:
            return
        for output in outputs:
            if output.numel() == out.numel():
                self.scores[storage_of(output)] = origin

    def _softmax(self, x: torch.Tensor, dim: int) -> None:
        origin = self.scores.get(storage_of(x))
        if origin is None or origin.kept is not None or dim not in (-1, x.dim() - 1):
            return
        layout = self._layout(origin, x)
        if layout is None or origin.before + layout.kv_len > x.shape[-1]:
            return
        rows = score_rows(x, origin.before, layout)
        if self.session.muted or self.session.replay is not None:
            return
        rule, origin.selection = self.session.selection_here()
        origin.layout = layout
        origin.kept = attention.keep_keys(rows, layout, rule, self.session.spool)
        graph = self.session.graph
        work = origin.entries[1:]  # what was done to the scores: its other operands may be masks
        beside = {i for n in work for i in graph.entries[n].inputs} - {*origin.entries}
        self._who_pays(origin.kept, origin.selection, beside)
        self.session.progress()

    def _layout(self, origin: Scores, x: torch.Tensor) -> Layout | None:
        """Batch and heads of a softmax over x[..., queries, keys]."""
        products, kv_len = origin.keys.shape[0], origin.keys.shape[-1]
        if math.prod(x.shape[:-2]) != products:
            return None
        if x.dim() >= 4:
            batch = x.shape[0]
        else:
            heads = self.session.attribute(_HEADS)
            batch = products // heads if heads and products % heads == 0 else products
            batch = 1 if not heads and x.dim() < 3 else batch
        heads = products // batch
        keys = origin.keys.transpose(-1, -2).reshape(batch, heads, kv_len, -1)
        return Layout(batch, heads, key_heads(keys), x.shape[-2], kv_len, heads)

    def _attention(
        self, origin: Scores, values: torch.Tensor, inputs: list[torch.Tensor], out: torch.Tensor
    ) -> bool:
        layout, kept, session = origin.layout, origin.kept, self.session
        assert layout is not None and kept is not None
        if values.dim() == 2:
            values = values[None]
        if values.shape[0] * values.shape[1] != layout.batch * layout.heads * layout.kv_len:
            return False
        by_head = values.reshape(layout.batch, layout.heads, layout.kv_len, -1)
        kv_heads = layout.kv_heads
        if kept.sharing != "kv_group":
            kv_heads = max(kv_heads, key_heads(by_head))
        number = session.graph.add(
            Attention, session.module, session.label("attention"),
            [origin.queries, origin.keys, values],
            batch=layout.batch, heads=layout.heads, kv_heads=kv_heads, q_len=layout.q_len,
            kv_len=layout.kv_len, d_qk=origin.keys.shape[-2], d_v=values.shape[-1],
            causal=kept.causal, sharing=kept.sharing, pattern=kept.pattern, **origin.selection,
        )  # fmt: skip
        session.tapped.append(number)
        session.graph.replace(origin.entries, number)
        session.graph.written([out], inputs, number)
        return True

    # attention in one kernel

    def _fused(self, name: str, named: dict[str, Any], outputs: list[torch.Tensor]) -> None:
        q, k, v = named["query"], named["key"], named["value"]
        session = self.session
        batch, heads, q_len, depth = q.shape
        kv_len = k.shape[-2]
        session.executed(name, batch * heads * q_len * kv_len * (depth + v.shape[-1]))
        reads = [t for t in named.values() if isinstance(t, torch.Tensor)]
        if session.muted or session.replay is not None:
            session.graph.written(outputs, reads)
            return
        rule, selection = session.selection_here()
        mask = as_four(named.get("attn_mask", named.get("attn_bias")))
        units = named.get("mask_units", 1 if mask is None else mask.shape[1])
        units = heads if rule.needs_scores else units
        kv_heads = max(key_heads(k), key_heads(v))
        layout = Layout(batch, heads, kv_heads, q_len, kv_len, units)
        rows = fused_rows(named, mask, rule.needs_scores)
        kept = attention.keep_keys(rows, layout, rule, session.spool)
        if mask is not None:
            self._who_pays(kept, selection, session.graph.producers([mask]))
        number = session.graph.add(
            Attention, session.module, session.label("attention"), [q, k, v],
            batch=batch, heads=heads, kv_heads=kv_heads, q_len=q_len, kv_len=kv_len, d_qk=depth,
            d_v=v.shape[-1], causal=kept.causal, sharing=kept.sharing, pattern=kept.pattern,
            **selection,
        )  # fmt: skip
        session.tapped.append(number)
        session.graph.written(outputs, reads, number)
        session.progress()

    def _who_pays(self, kept: Kept, selection: dict[str, Any], sources: Iterable[int]) -> None:
        """A mask that the model computes from its input is not known beforehand: no free lunch."""
        computed = self.session.graph.computed(sources)
        if selection["selection"] == "static" and kept.pattern is not None and computed:
            selection["selection"] = "oracle"

    def _higher_order(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """FlexAttention; other higher-order operators run and are listed."""
        out = func(*args, **kwargs)
        outputs = [t for t in tree_leaves(out) if isinstance(t, torch.Tensor)]
        inputs = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        if func.name() == "flex_attention":
            q, k, v, score_mod, block_mask, scale = args[:6]
            mask = flex_mask(q, k, block_mask, args[8] if len(args) > 8 else ())
            named = {"query": q, "key": k, "value": v, "scale": scale, "mask_rows": mask,
                     "mask_units": flex_units(block_mask)}  # fmt: skip
            with torch.no_grad():
                self._fused("flex_attention", named, outputs)
        else:
            self.session.left_out("unknown", func.name(), outputs[0])
            self.session.graph.written(outputs, inputs)
        return out

    # the selection replayed in the model

    def _replayed(self, func: Any, name: str, args: tuple[Any, ...], kwargs: Any) -> Any:
        replay = self.session.replay
        assert replay is not None
        if name in _FUSED:
            named = arguments(func, args, kwargs)
            out = replay.fused(named)
            return (
                None
                if out is None
                else (out, out.new_zeros(out.shape[:-1]), *[None] * 7)[: len(func._schema.returns)]
            )
        x = args[0]
        origin = self.scores.get(storage_of(x))
        if origin is None or origin.kept is not None or self._layout(origin, x) is None:
            return None
        masked = replay.masked(x, origin.before, self._layout(origin, x))
        if masked is None:
            return None
        out = func(masked, *args[1:], **kwargs)
        self.session.graph.written([out], [x])
        return out


def arguments(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments of an ATen call by name; those not given are left out."""
    names = [argument.name for argument in func._schema.arguments]
    return dict(zip(names, args, strict=False)) | kwargs
