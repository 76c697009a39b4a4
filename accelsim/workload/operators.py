"""The operators of a trace: what the model did, with shapes and sparsity patterns.

Every operator has a `scope` (its name in the model), `inputs` (indices of the operators whose
results it reads) and a `dtype` (what the model computed in; a replay may choose another).
A pattern marks the positions that are *kept* (nonzero); no pattern means dense. A list of indices
is an array or an array rule, which `numpy.asarray` computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np

from accelsim.workload.array_rules import ArrayRule
from accelsim.workload.patterns import Pattern

Selection = Literal["static", "model", "from_scores", "accelerator", "oracle"]
Sharing = Literal["head", "kv_group", "layer"]
SELECTIONS: tuple[Selection, ...] = ("static", "model", "from_scores", "accelerator", "oracle")
SHARINGS: tuple[Sharing, ...] = ("head", "kv_group", "layer")
# Bits of an element. Blocks of an MX type share a scale (OCP Microscaling Formats v1.0, section 5):
# 8 bits for 32 elements, 0.25 bits each.
DTYPE_BITS: dict[str, float] = {
    "fp32": 32, "bf16": 16, "fp16": 16, "fp8": 8, "int8": 8, "int4": 4,
    "mxfp8": 8.25, "mxfp6": 6.25, "mxfp4": 4.25,
}  # fmt: skip
MX_BLOCK = 32
MX_SCALE_BITS = 8


@lru_cache(maxsize=1 << 12)
def data_bytes(elements: int, dtype: str) -> int:
    """Bytes of one contiguous piece, such as a row of a tensor: rounded up once, at its end.

    A block of an MX type that is begun has its scale.
    """
    value_bits = int(DTYPE_BITS[dtype])
    bits = elements * value_bits
    if value_bits != DTYPE_BITS[dtype]:
        bits += -(-elements // MX_BLOCK) * MX_SCALE_BITS
    return int(-(-bits // 8))


def element_bytes(dtype: str) -> float:
    """Bytes of an element in a long stream, its part of a scale included."""
    return DTYPE_BITS[dtype] / 8


@dataclass(frozen=True, kw_only=True)
class Operator:
    """What all operators have.

    Attributes
    ----------
    scope : str
        Name in the model, for example ``L0.attention``; unique within a trace.
    inputs : tuple[int, ...]
        Indices of operators (lower than its own) whose results this one reads.
    dtype : str
        A key of `DTYPE_BITS`.
    repeat : int
        It stands for so many operators: itself, and equal ones of further layers that the trace
        leaves out. Its time, work and traffic count so many times.
    """

    kind: ClassVar[str]
    scope: str
    inputs: tuple[int, ...] = ()
    dtype: str = "bf16"
    repeat: int = 1


@dataclass(frozen=True, kw_only=True)
class Matmul(Operator):
    """C[m, n] = A[m, k] x B[k, n]; B is a weight (known in advance) unless `weights` is "dynamic".

    `activation_pattern` : kept positions of A, m rows x k columns (for example after a ReLU).
    `weight_pattern` : kept positions of B transposed, n rows x k columns.
    `output_pattern` : wanted positions of C, m rows x n columns (SDDMM: the gradient of a masked
    weight); excludes `weight_pattern`.
    `activation_elements` : distinct elements of A where they are fewer than m x k (the image of a
    convolution, whose patches overlap).
    """

    kind: ClassVar[str] = "matmul"
    m: int
    n: int
    k: int
    weights: Literal["static", "dynamic"] = "static"
    activation_pattern: Pattern | None = None
    weight_pattern: Pattern | None = None
    output_pattern: Pattern | None = None
    activation_elements: int | None = None


@dataclass(frozen=True, kw_only=True)
class Attention(Operator):
    """softmax(Q K^T / sqrt(d_qk)) V, per batch entry and head, over the kept (query, key) pairs.

    `pattern` : kept keys, (batch x units x q_len) rows x kv_len columns, where `units` is what
    shares one index set (`sharing`): heads, kv_heads ("kv_group") or 1 ("layer"). None is
    dense (causal if `causal`). Query i of q_len stands at position kv_len - q_len + i.
    `selection` : where the indices come from, and so who pays for them (see DESIGN: static is
    free; model has an Index or TopK operator at `index_operator`; from_scores pays all of Q K^T
    and the top-k; accelerator names a `predictor` = {"dtype", "macs_per_score"}; oracle is free
    and an upper bound).
    `values_in_keys` : the values are the first d_v elements of the keys, stored and fetched once
    (latent rows of MLA, backward passes).
    """

    kind: ClassVar[str] = "attention"
    batch: int
    heads: int
    kv_heads: int
    q_len: int
    kv_len: int
    d_qk: int
    d_v: int
    causal: bool = True
    sharing: Sharing = "head"
    selection: Selection = "static"
    index_operator: int | None = None
    predictor: dict[str, object] | None = None
    pattern: Pattern | None = None
    values_in_keys: bool = False

    @property
    def units(self) -> int:
        """Index sets per batch entry: heads, kv_heads or 1, by `sharing`."""
        return {"head": self.heads, "kv_group": self.kv_heads, "layer": 1}[self.sharing]


@dataclass(frozen=True, kw_only=True)
class Moe(Operator):
    """Routed experts: each token goes to `top_k` of `experts` gated or plain two-layer MLPs.

    `matrices` : 2 (up, down) or 3 (gate, up, down).
    `expert_ids` : int16[tokens, top_k]; -1 is a dropped slot.
    `activation_pattern` : kept positions of the intermediate, (tokens x top_k) rows x d_ff
    columns, row = token * top_k + slot (empty for a dropped slot).
    """

    kind: ClassVar[str] = "moe"
    tokens: int
    d_model: int
    d_ff: int
    experts: int
    top_k: int
    matrices: int = 2
    expert_ids: np.ndarray | ArrayRule
    activation_pattern: Pattern | None = None


@dataclass(frozen=True, kw_only=True)
class Index(Operator):
    """The model's own index prediction: score all visible keys with `heads` x `d`, keep `top_k`.

    One index set per batch entry and query (all attention heads share it).
    `key_stride` : tokens that a key stands for (compressed keys). Query i of q_len stands at token
    kv_len x key_stride - q_len + i; at token p, if `causal`, it sees (p + 1) // key_stride keys.
    """

    kind: ClassVar[str] = "index"
    batch: int
    q_len: int
    kv_len: int
    heads: int
    d: int
    top_k: int
    causal: bool = True
    key_stride: int = 1


@dataclass(frozen=True, kw_only=True)
class TopK(Operator):
    """The `k` largest of `candidates` values in each of `rows` rows, as indices (int32)."""

    kind: ClassVar[str] = "topk"
    rows: int
    candidates: int
    k: int


@dataclass(frozen=True, kw_only=True)
class Gather(Operator):
    """out[i] = table[indices[i]]: rows of `row_elements`.

    `indices` : int32[n] in [0, table_rows) (int64 where table_rows is above 2**31).
    """

    kind: ClassVar[str] = "gather"
    table_rows: int
    row_elements: int
    indices: np.ndarray | ArrayRule


@dataclass(frozen=True, kw_only=True)
class ScatterAdd(Operator):
    """table[indices[i]] += in[i], accumulated in fp32; `indices` as those of `Gather`."""

    kind: ClassVar[str] = "scatter_add"
    table_rows: int
    row_elements: int
    indices: np.ndarray | ArrayRule


@dataclass(frozen=True, kw_only=True)
class Vector(Operator):
    """Element-wise work (norms, residuals): `lane_operations` per element over `elements`.

    Reads `operands` and writes `results` tensors of so many elements.
    """

    kind: ClassVar[str] = "vector"
    elements: int
    lane_operations: int
    operands: int = 1
    results: int = 1


OPERATOR_KINDS: dict[str, type[Operator]] = {
    cls.kind: cls for cls in (Matmul, Attention, Moe, Index, TopK, Gather, ScatterAdd, Vector)
}
