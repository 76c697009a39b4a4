"""Shape of a transformer: groups of layers, each with attention and a feed-forward part."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from accelsim.config.record import FieldError, Spec
from accelsim.workload.operators import Selection, Sharing
from accelsim.workload.recipes.patterns import ArraySpec, PatternSpec

Count = Annotated[int, Field(gt=0)]
Activation = Literal["relu", "relu2", "gelu", "silu"]


class IndexSpec(Spec):
    """The model's own choice of keys: `heads` small products of width `d` a query and key.

    Attributes
    ----------
    heads, d, top_k : int
        Keys (or blocks of keys) that are kept.
    dtype : str
        Type that the scores are computed in; empty: that of the run.
    key_stride : int
        Tokens that one scored key stands for.
    pooled_operations : int
        Lane-operations per element of the keys that make the scored ones from them (mean, bounds).
    """

    heads: Count = 1
    d: Count
    top_k: Count
    dtype: str = ""
    key_stride: Count = 1
    pooled_operations: int = Field(default=0, ge=0)


class Branch(Spec):
    """One softmax over some of the keys; several branches are added up by gates (NSA).

    Attributes
    ----------
    pattern : PatternSpec, optional
        Kept keys; without one, all visible.
    sharing, selection : str
        As in `Attention`.
    index : IndexSpec, optional
        With selection "model".
    key_stride : int
        Tokens that one key stands for (compressed keys).
    block : int
        Tokens that a compressed key is made of, by a product; 0: not compressed.
    memory : int
        Keys of a memory outside the text (kNN memory) that are looked at instead of the text.
    predictor : dict, optional
        With selection "accelerator": dtype and macs_per_score.
    """

    pattern: PatternSpec | None = None
    sharing: Sharing = "head"
    selection: Selection = "static"
    index: IndexSpec | None = None
    key_stride: Count = 1
    block: int = Field(default=0, ge=0)
    memory: int = Field(default=0, ge=0)
    predictor: dict[str, str | int] | None = None

    @model_validator(mode="after")
    def _index_with_model(self) -> Branch:
        if (self.selection == "model") != (self.index is not None or bool(self.memory)):
            raise FieldError("index", "belongs to selection 'model', and 'model' needs it")
        return self


class HeadsAttention(Spec):
    """Multi-head attention, grouped if `kv_heads` is lower.

    `d_value` 0 : as wide as `d_head`, the queries and keys. `global_tokens` : tokens that have
    queries of their own to all keys, which are projected once more for them (Longformer).

    Attributes
    ----------
    heads : int
        Query heads.
    kv_heads : int
        Key and value heads.
    d_head : int
        Width of a query and a key.
    d_value : int
        Width of a value; 0: as `d_head`.
    causal : bool
        Whether a query sees no later key.
    rotary : bool
        Whether queries and keys are rotated by their position, which is vector work.
    """

    kind: Literal["heads"] = "heads"
    heads: Count
    kv_heads: Count
    d_head: Count
    d_value: int = Field(default=0, ge=0)
    causal: bool = True
    rotary: bool = True
    global_tokens: int = Field(default=0, ge=0)
    branches: Annotated[tuple[Branch, ...], Field(min_length=1)] = (Branch(),)


class LatentAttention(Spec):
    """Multi-head latent attention (DeepSeek-V2, 2405.04434).

    `q_rank` 0 : queries are projected directly. `indexer` and `pattern` : sparse attention as in
    DeepSeek-V3.2, on latent rows shared by all heads.

    Attributes
    ----------
    heads : int
        Query heads.
    q_rank : int
        Rank of the queries' projection; 0: they are projected directly.
    kv_rank : int
        Width of the latent row of a token.
    d_nope : int
        Width of a query and key without position.
    d_rope : int
        Width of the part with position, shared by all heads.
    d_value : int
        Width of a value.
    """

    kind: Literal["latent"]
    heads: Count
    q_rank: int = Field(default=0, ge=0)
    kv_rank: Count
    d_nope: Count
    d_rope: Count
    d_value: Count
    indexer: IndexSpec | None = None
    pattern: PatternSpec | None = None


class FeedForward(Spec):
    """Two or three (gated) products around an activation.

    Attributes
    ----------
    kept : PatternSpec, optional
        What is not zero after the activation, tokens x d_ff.
    predictor_rank : int
        Rank of a predictor of it that is run first (DejaVu); 0: none.
    d_ff : int
        Width between the products.
    matrices : int
        2: up and down; 3: gated, so a gate too.
    activation : str
        The function between them.
    """

    d_ff: Count
    matrices: Literal[2, 3] = 3
    activation: Activation = "silu"
    kept: PatternSpec | None = None
    predictor_rank: int = Field(default=0, ge=0)


class Experts(Spec):
    """Routed experts, and those that every token goes to (`shared_d_ff`, 0: none).

    Attributes
    ----------
    experts : int
        Routed experts of a layer.
    top_k : int
        Experts that a token goes to.
    d_ff : int
        Width inside an expert.
    matrices : int
        2: up and down; 3: gated, so a gate too.
    activation : str
        The function between them.
    shared_d_ff : int
        Width of the expert that every token goes to; 0: none.
    routing : ArraySpec
        Which experts a token goes to.
    """

    experts: Count
    top_k: Count
    d_ff: Count
    matrices: Literal[2, 3] = 3
    activation: Activation = "silu"
    shared_d_ff: int = Field(default=0, ge=0)
    routing: ArraySpec
    kept: PatternSpec | None = None


class Layer(Spec):
    """A layer; `cross` : attention to the encoder's results behind its own."""

    attention: Annotated[HeadsAttention | LatentAttention, Field(discriminator="kind")]
    feed_forward: FeedForward | None = None
    experts: Experts | None = None
    cross: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Layer:
        if (self.feed_forward is None) == (self.experts is None):
            raise FieldError("feed_forward", "or experts is needed, one of both")
        return self


class Group(Spec):
    """`layers` one after another, all of them `repeat` times.

    Attributes
    ----------
    repeat : int
        How often the layers follow one another.
    """

    repeat: Count = 1
    layers: Annotated[tuple[Layer, ...], Field(min_length=1)]


class Transformer(Spec):
    """A transformer.

    Attributes
    ----------
    d_model, vocabulary : int
    tied : bool
        Whether the embedding and the output share their weights.
    positions : int
        Rows of a learned table of positions, 0: none.
    patch : int
        Values of an image patch that are projected instead of looking words up, 0: text.
    head : bool
        Whether the output over the vocabulary is computed (of the last token in prefill and
        decode, of all in training).
    stack : tuple of Group
        The layers, of the decoder if there is an `encoder`.
    encoder : tuple of Group
    weights : PatternSpec, optional
        Kept weights of every product with the weights of a layer, n x k.
    weights_note : str
        Where that pruning was done or what it is a stand-in for.
    d_model : int
        Width of the residual stream.
    vocabulary : int
        Rows of the embedding.
    """

    kind: Literal["transformer"]
    d_model: Count
    vocabulary: Count
    tied: bool = False
    positions: int = Field(default=0, ge=0)
    patch: int = Field(default=0, ge=0)
    head: bool = True
    stack: Annotated[tuple[Group, ...], Field(min_length=1)]
    encoder: tuple[Group, ...] = ()
    weights: PatternSpec | None = None
