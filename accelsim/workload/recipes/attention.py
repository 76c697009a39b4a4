"""Attention layers as operators: projections, index, softmax branches, output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from accelsim.workload.operators import Attention, Index, TopK
from accelsim.workload.patterns import Pattern
from accelsim.workload.recipes.builder import ADD, NORM, ROPE, Builder
from accelsim.workload.recipes.patterns import make_pattern, seed_of
from accelsim.workload.recipes.transformer_spec import (
    Branch,
    HeadsAttention,
    IndexSpec,
    LatentAttention,
)

GATE = 5  # sigmoid, product and sum, per element and branch (assumed)
Weights = Callable[[str, int, int], Pattern | None]


@dataclass(frozen=True)
class Place:
    """Where a pass stands: `q_len` new tokens of each sequence at the end of `kv_len`.

    `cross` : tokens of the encoder; `step` : number of the pass.
    """

    batch: int
    q_len: int
    kv_len: int
    step: int
    cross: int

    @property
    def tokens(self) -> int:
        """New tokens of all sequences."""
        return self.batch * self.q_len


class AttentionOperators:
    """Adds the operators of attention layers."""

    def __init__(self, builder: Builder, d_model: int, seed: int, weights: Weights) -> None:
        self.b, self.d, self.seed, self.weights = builder, d_model, seed, weights

    def add(self, spec: HeadsAttention | LatentAttention, x: int, place: Place, number: int) -> int:
        """Norm, attention of layer `number`, residual sum."""
        normed = self.b.vector("attention_norm", place.tokens * self.d, NORM, x)
        seed = seed_of(self.seed, "attention", number, place.step)
        if isinstance(spec, LatentAttention):
            y = self._latent(spec, normed, place, seed)
        else:
            y = self._heads(spec, normed, place, seed)
        return self.b.vector("attention_add", place.tokens * self.d, ADD, x, y, operands=2)

    def add_cross(
        self, spec: HeadsAttention | LatentAttention, x: int, place: Place, encoded: int | None
    ) -> int:
        """Attention to all tokens of the encoder, whose keys are made in the first pass."""
        assert isinstance(spec, HeadsAttention)
        b, width = self.b, spec.heads * spec.d_head
        normed = b.vector("cross_norm", place.tokens * self.d, NORM, x)
        q = b.matmul("cross_q", place.tokens, width, self.d, normed)
        kv = None
        if encoded is not None:
            rows = place.batch * place.cross
            kv = b.matmul("cross_kv", rows, 2 * spec.kv_heads * spec.d_head, self.d, encoded)
        y = b.add(
            Attention, "cross", q, kv,
            batch=place.batch, heads=spec.heads, kv_heads=spec.kv_heads, q_len=place.q_len,
            kv_len=place.cross, d_qk=spec.d_head, d_v=spec.d_head, causal=False,
        )  # fmt: skip
        y = b.matmul("cross_out", place.tokens, self.d, width, y)
        return b.vector("cross_add", place.tokens * self.d, ADD, x, y, operands=2)

    # ---- heads -----------------------------------------------------------------------------
    def _heads(self, spec: HeadsAttention, x: int, place: Place, seed: int) -> int:
        b, tokens = self.b, place.tokens
        value = spec.d_value or spec.d_head
        queries, keys = spec.heads * spec.d_head, spec.kv_heads * spec.d_head
        width = queries + keys + spec.kv_heads * value
        made = b.matmul(
            "qkv", tokens, width, self.d, x, weight_pattern=self.weights("qkv", width, self.d)
        )
        if spec.rotary:
            made = b.vector("rotary", tokens * (queries + keys), ROPE, made)
        beside = self._global(spec, x, place) if spec.global_tokens else None
        outs = [
            self._branch(spec, branch, made, beside, place, seed, f"attention{at or ''}")
            for at, branch in enumerate(spec.branches)
        ]
        y = outs[0]
        if len(outs) > 1:
            gates = b.matmul("gates", tokens, spec.heads * len(outs), self.d, x)
            elements = tokens * spec.heads * value
            y = b.vector("gated_sum", elements, GATE * len(outs), *outs, gates, operands=len(outs))
        k = spec.heads * value
        return b.matmul("out", tokens, self.d, k, y, weight_pattern=self.weights("out", self.d, k))

    def _global(self, spec: HeadsAttention, x: int, place: Place) -> int:
        """The projections of global tokens: their queries, and keys and values of all tokens."""
        b, width = self.b, spec.heads * spec.d_head
        q = b.matmul("global_q", place.batch * spec.global_tokens, width, self.d, x)
        kv = b.matmul("global_kv", place.tokens, 2 * spec.kv_heads * spec.d_head, self.d, x)
        return b.vector("global_scale", place.batch * spec.global_tokens * width, 1, q, kv)

    def _branch(
        self, spec: HeadsAttention, branch: Branch, made: int, beside: int | None, place: Place,
        seed: int, name: str,
    ) -> int:  # fmt: skip
        b, value = self.b, spec.d_value or spec.d_head
        kv_len = branch.memory or -(-place.kv_len // branch.key_stride)
        keys = self._compressed(spec, branch, made, place, name) if branch.block else made
        units = {"head": spec.heads, "kv_group": spec.kv_heads, "layer": 1}[branch.sharing]
        pattern = None
        if branch.pattern is not None:
            pattern = make_pattern(
                branch.pattern, place.batch * units * place.q_len, kv_len, seed_of(seed, name),
                q_len=place.q_len, kv_len=kv_len, tokens=place.kv_len,
            )  # fmt: skip
        chosen = None
        if branch.memory:
            chosen = self._nearest(spec, branch, made, place, name)
        elif branch.index is not None:
            chosen = self._index(spec, branch, branch.index, made, place, units, name)
        return b.add(
            Attention, name, made, keys, beside,
            batch=place.batch, heads=spec.heads, kv_heads=spec.kv_heads, q_len=place.q_len,
            kv_len=kv_len, d_qk=spec.d_head, d_v=value, pattern=pattern, sharing=branch.sharing,
            selection=branch.selection, index_operator=chosen, predictor=branch.predictor,
            causal=spec.causal and branch.key_stride == 1 and not branch.memory,
        )  # fmt: skip

    def _compressed(
        self, spec: HeadsAttention, branch: Branch, made: int, place: Place, name: str
    ) -> int:
        """Keys and values of blocks, by a product; of a decode step those of one new block."""
        blocks = max(1, place.q_len // branch.key_stride)
        rows = place.batch * blocks * spec.kv_heads
        k = branch.block * spec.d_head
        return self.b.matmul(f"{name}_compress", rows, 2 * spec.d_head, k, made)

    def _index(
        self, spec: HeadsAttention, branch: Branch, index: IndexSpec, made: int, place: Place,
        units: int, name: str,
    ) -> int:  # fmt: skip
        """The keys (or blocks of them) of every unit that shares a set, by small products."""
        b, kv_len = self.b, -(-place.kv_len // index.key_stride)
        if index.pooled_operations:
            fresh = place.batch * place.q_len * spec.kv_heads * spec.d_head
            made = b.vector(f"{name}_pool", fresh, index.pooled_operations, made)
        rows, queries, causal = place.batch * units, place.q_len, spec.causal
        if place.q_len == 1 and units > spec.kv_heads:  # heads of a group look at the same keys
            rows, queries, causal = place.batch * spec.kv_heads, units // spec.kv_heads, False
        return b.add(
            Index, f"{name}_index", made,
            batch=rows, q_len=queries, kv_len=kv_len, heads=index.heads,
            d=index.d, top_k=min(index.top_k, kv_len), causal=causal,
            key_stride=index.key_stride, dtype=index.dtype or b.dtype,
        )  # fmt: skip

    def _nearest(
        self, spec: HeadsAttention, branch: Branch, made: int, place: Place, name: str
    ) -> int:
        """All scores against a memory of keys and values, and the best of each head and query."""
        assert branch.pattern is not None
        b, k = self.b, branch.pattern.parameters().get("k", 32)
        rows = place.tokens * spec.heads // spec.kv_heads
        scores = [
            b.matmul(
                f"{name}_scores{head}", rows, branch.memory, spec.d_head, made, weights="dynamic"
            )  # fmt: skip
            for head in range(spec.kv_heads)
        ]
        return b.add(
            TopK, f"{name}_nearest", *scores,
            rows=place.tokens * spec.heads, candidates=branch.memory, k=min(k, branch.memory),
        )  # fmt: skip

    # ---- latent ----------------------------------------------------------------------------
    def _latent(self, spec: LatentAttention, x: int, place: Place, seed: int) -> int:
        """As heads while a prompt is dense; on latent rows in decode and where keys are chosen.

        The absorbed products are one weight of kv_rank x d a head; here they stand side by side.
        """
        b, tokens, d = self.b, place.tokens, self.d
        q_width = spec.heads * (spec.d_nope + spec.d_rope)
        low = x
        if spec.q_rank:
            low = b.matmul("q_down", tokens, spec.q_rank, d, x)
            low = b.vector("q_norm", tokens * spec.q_rank, NORM, low)
        q = b.matmul("q_up", tokens, q_width, spec.q_rank or d, low)
        row = spec.kv_rank + spec.d_rope
        latent = b.matmul("kv_down", tokens, row, d, x)
        latent = b.vector("kv_norm_rotary", tokens * row, NORM, latent)
        chosen = None
        sparse = spec.indexer is not None and place.kv_len > spec.indexer.top_k
        if sparse:
            chosen = self._indexer(spec, x, low, place)
        if place.q_len > 1 and not sparse:
            y = self._latent_as_heads(spec, q, latent, place)
        else:
            y = self._latent_absorbed(spec, q, latent, place, seed, chosen)
        return b.matmul("out", tokens, d, spec.heads * spec.d_value, y)

    def _latent_as_heads(self, spec: LatentAttention, q: int, latent: int, place: Place) -> int:
        b, width = self.b, spec.heads * (spec.d_nope + spec.d_value)
        kv = b.matmul("kv_up", place.tokens, width, spec.kv_rank, latent)
        return b.add(
            Attention, "attention", q, kv,
            batch=place.batch, heads=spec.heads, kv_heads=spec.heads, q_len=place.q_len,
            kv_len=place.kv_len, d_qk=spec.d_nope + spec.d_rope, d_v=spec.d_value,
        )  # fmt: skip

    def _latent_absorbed(
        self, spec: LatentAttention, q: int, latent: int, place: Place, seed: int,
        chosen: int | None,
    ) -> int:  # fmt: skip
        b, wide = self.b, spec.heads * spec.kv_rank
        q = b.matmul("q_absorbed", place.tokens, wide, spec.d_nope, q)
        pattern = None
        if chosen is not None:
            assert spec.pattern is not None
            pattern = make_pattern(
                spec.pattern, place.tokens, place.kv_len, seed,
                q_len=place.q_len, kv_len=place.kv_len,
            )  # fmt: skip
        y = b.add(
            Attention, "attention", q, latent,
            batch=place.batch, heads=spec.heads, kv_heads=1, q_len=place.q_len,
            kv_len=place.kv_len, d_qk=spec.kv_rank + spec.d_rope, d_v=spec.kv_rank,
            values_in_keys=True, sharing="layer", pattern=pattern, index_operator=chosen,
            selection="static" if chosen is None else "model",
        )  # fmt: skip
        return b.matmul("v_absorbed", place.tokens, spec.heads * spec.d_value, spec.kv_rank, y)

    def _indexer(self, spec: LatentAttention, x: int, low: int, place: Place) -> int:
        """DeepSeek's indexer: its own queries (from the low-rank ones), keys and head weights."""
        b, index = self.b, spec.indexer
        assert index is not None
        tokens, width = place.tokens, index.heads * index.d
        queries = b.matmul("index_q", tokens, width, spec.q_rank or self.d, low)
        keys = b.matmul("index_k", tokens, index.d, self.d, x)
        heads = b.matmul("index_weights", tokens, index.heads, self.d, x)
        return b.add(
            Index, "index", queries, keys, heads,
            batch=place.batch, q_len=place.q_len, kv_len=place.kv_len, heads=index.heads,
            d=index.d, top_k=min(index.top_k, place.kv_len), dtype=index.dtype or b.dtype,
        )  # fmt: skip
