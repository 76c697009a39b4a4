"""Small operators and traces for the tests of mapping and analysis."""

from __future__ import annotations

import numpy as np

from accelsim.workload.operators import (
    Attention,
    Gather,
    Index,
    Matmul,
    Moe,
    Operator,
    ScatterAdd,
    TopK,
    Vector,
)
from accelsim.workload.patterns import attention_rule, pattern_from_mask
from accelsim.workload.trace import Trace

SMALL = ("systolic_32", "systolic_32_gather", "sparse_small")
BIG = ("systolic_128", "systolic_128_gather", "sparse_v1")
PREDICTOR: dict[str, object] = {"dtype": "int8", "macs_per_score": 32}


def trace(*operators: Operator) -> Trace:
    """A trace of these operators."""
    return Trace(name="test", operators=operators)


def attention(q_len: int, kv_len: int | None = None, **fields: object) -> Attention:
    """Attention of one head of width 32, dense unless a pattern is given."""
    shape: dict[str, object] = {
        "scope": "attention",
        "batch": 1,
        "heads": 1,
        "kv_heads": 1,
        "q_len": q_len,
        "kv_len": q_len if kv_len is None else kv_len,
        "d_qk": 32,
        "d_v": 32,
    }
    return Attention(**{**shape, **fields})  # type: ignore[arg-type]


def masked(mask: np.ndarray, **fields: object) -> Attention:
    """Attention over bool[batch x units x queries, keys], not causal."""
    batch, heads = int(str(fields.get("batch", 1))), int(str(fields.get("heads", 1)))
    sharing = str(fields.get("sharing", "head"))
    units = {"head": heads, "kv_group": int(str(fields.get("kv_heads", 1))), "layer": 1}[sharing]
    return attention(
        mask.shape[0] // (batch * units),
        mask.shape[1],
        pattern=pattern_from_mask(mask),
        **{"causal": False, "selection": "oracle", **fields},
    )


def random_mask(rows: int, columns: int, density: float, seed: int = 0) -> np.ndarray:
    """Random positions."""
    return np.random.default_rng(seed).random((rows, columns)) < density


def token_topk(length: int, k: int, heads: int = 2, **fields: object) -> Attention:
    """Causal token top-k, one index set a head, as the shipped synthetic workloads."""
    groups = int(str(fields.get("kv_heads", heads)))
    units = {"head": heads, "kv_group": groups, "layer": 1}[str(fields.get("sharing", "head"))]
    rule = attention_rule("topk_decay", units=units, q_len=length, kv_len=length, k=k, seed=1)
    shape: dict[str, object] = {"heads": heads, "kv_heads": heads, "d_qk": 128, "d_v": 128}
    return attention(length, pattern=rule, **{"selection": "oracle", **shape, **fields})


def selections(length: int, k: int, **fields: object) -> dict[str, Trace]:
    """The same attention with every way of getting its indices."""
    index = Index(
        scope="index", batch=1, q_len=length, kv_len=length, heads=4, d=64, top_k=k, dtype="fp8"
    )
    shared = token_topk(
        length, k, sharing="layer", selection="model", index_operator=0, inputs=(0,), **fields
    )
    return {
        "static": trace(token_topk(length, k, selection="static", **fields)),
        "model": trace(index, shared),
        "from_scores": trace(token_topk(length, k, selection="from_scores", **fields)),
        "accelerator": trace(
            token_topk(length, k, selection="accelerator", predictor=PREDICTOR, **fields)
        ),
        "oracle": trace(token_topk(length, k, **fields)),
    }


def moe(tokens: int = 64, experts: int = 4, top_k: int = 2, **fields: object) -> Moe:
    """Experts of 64 x 128 with random routing, or with the `expert_ids` given."""
    random = np.random.default_rng(0)
    ids = np.argsort(random.random((tokens, experts)), axis=1)[:, :top_k].astype(np.int16)
    shape: dict[str, object] = {"d_model": 64, "d_ff": 128, "expert_ids": ids, "scope": "moe"}
    shape |= {"tokens": tokens, "experts": experts, "top_k": top_k}
    return Moe(**{**shape, **fields})  # type: ignore[arg-type]


def relu_kept(ids: np.ndarray, d_ff: int, density: float) -> np.ndarray:
    """Kept positions of the intermediate; rows of dropped slots keep nothing."""
    return random_mask(ids.size, d_ff, density) & (ids.reshape(-1, 1) >= 0)


def edge_cases() -> dict[str, Trace]:
    """What a mapping is likely to get wrong, small enough for every machine."""
    none = np.zeros((48, 96), bool)
    rows = random_mask(48, 96, 0.2)
    rows[::3] = False
    tiles = random_mask(64, 200, 0.1)
    tiles[16:] = False
    group = random_mask(2 * 2 * 16, 64, 0.3)
    kept = random_mask(40, 96, 0.15)
    dropped = moe().expert_ids.copy()
    dropped[::4, 0] = -1
    dropped[8:24] = -1
    alone = np.where(dropped >= 0, dropped % 3, -1).astype(np.int16)
    nowhere = np.full((64, 2), -1, np.int16)
    some = np.array([3, 3, 0, 9, 9, 9, 2, 31, 3, 5, 4], np.int32)
    many = np.random.default_rng(1).integers(0, 4096, 700).astype(np.int32)
    gqa = {"heads": 4, "kv_heads": 2}
    cases: dict[str, Operator] = {
        "attention: nothing kept": masked(none),
        "attention: nothing kept, scored": masked(none, selection="from_scores"),
        "attention: empty rows": masked(rows),
        "attention: empty rows, static": masked(rows, selection="static"),
        "attention: empty tiles": masked(tiles),
        "attention: empty tiles, scored": masked(tiles, selection="from_scores"),
        "attention: empty tiles, predicted": masked(
            tiles, selection="accelerator", predictor=PREDICTOR
        ),
        "attention: all kept": masked(np.ones((32, 64), bool)),
        "attention: one pair": masked(np.ones((1, 1), bool)),
        "attention: dense, not causal": attention(24, 40, causal=False),
        "attention: more keys than queries": attention(24, 100),
        "attention: decode": attention(1, 700, heads=4, kv_heads=1),
        "attention: batch and group": masked(group, batch=2, sharing="kv_group", **gqa),
        "attention: a head its own set": masked(random_mask(4 * 20, 50, 0.3), **gqa),
        "attention: layer": masked(random_mask(20, 50, 0.3), sharing="layer", **gqa),
        "attention: values wider": masked(rows, d_v=96),
        "attention: values in keys": masked(rows, d_v=24, values_in_keys=True),
        "attention: values in keys, dense": attention(40, 300, d_v=32, values_in_keys=True),
        "attention: values in keys, scored": masked(
            tiles, d_v=24, values_in_keys=True, selection="from_scores"
        ),
        "attention: values in keys, predicted": masked(
            rows, d_v=24, values_in_keys=True, selection="accelerator", predictor=PREDICTOR
        ),
        "attention: values in keys, group": masked(
            group, batch=2, sharing="kv_group", d_v=16, values_in_keys=True, **gqa
        ),
        "attention: fp8": masked(rows, dtype="fp8"),
        "attention: fp32": masked(rows, dtype="fp32"),
        "matmul: 1": Matmul(scope="m", m=1, n=1, k=1),
        "matmul: odd": Matmul(scope="m", m=37, n=53, k=71),
        "matmul: int8": Matmul(scope="m", m=40, n=64, k=96, dtype="int8"),
        "matmul: two activations": Matmul(scope="m", m=40, n=48, k=56, weights="dynamic"),
        "matmul: kept activations": Matmul(
            scope="m", m=40, n=64, k=96, activation_pattern=pattern_from_mask(kept)
        ),
        "matmul: kept weights": Matmul(
            scope="m", m=64, n=40, k=96, weight_pattern=pattern_from_mask(kept)
        ),
        "matmul: both kept": Matmul(
            scope="m",
            m=40,
            n=40,
            k=96,
            activation_pattern=pattern_from_mask(kept),
            weight_pattern=pattern_from_mask(random_mask(40, 96, 0.5, 3)),
        ),
        "moe": moe(),
        "moe: gated": moe(matrices=3),
        "moe: dropped slots": moe(expert_ids=dropped),
        "moe: an expert without tokens": moe(expert_ids=alone),
        "moe: all dropped": moe(expert_ids=nowhere),
        "moe: kept after ReLU": moe(
            expert_ids=dropped, activation_pattern=pattern_from_mask(relu_kept(dropped, 128, 0.1))
        ),
        "moe: int8": moe(dtype="int8"),
        "gather: repeated": Gather(scope="g", table_rows=32, row_elements=24, indices=some),
        "gather: long": Gather(scope="g", table_rows=4096, row_elements=64, indices=many),
        "scatter: repeated": ScatterAdd(scope="s", table_rows=32, row_elements=24, indices=some),
        "scatter: long": ScatterAdd(scope="s", table_rows=4096, row_elements=64, indices=many),
        "vector": Vector(scope="v", elements=5000, lane_operations=3, operands=2),
        "vector: one": Vector(scope="v", elements=1, lane_operations=1, dtype="fp32"),
        "index": Index(scope="i", batch=2, q_len=20, kv_len=70, heads=3, d=16, top_k=8),
        "index: one head": Index(scope="i", batch=1, q_len=20, kv_len=70, heads=1, d=16, top_k=8),
        "index: compressed keys": Index(
            scope="i", batch=2, q_len=90, kv_len=30, heads=2, d=16, top_k=64, key_stride=4
        ),
        "topk": TopK(scope="t", rows=50, candidates=70, k=8),
        "topk: long rows": TopK(scope="t", rows=3, candidates=90_001, k=600, dtype="fp32"),
        "topk: one": TopK(scope="t", rows=1, candidates=1, k=1),
        "vector: two results": Vector(scope="v", elements=5000, lane_operations=3, results=2),
        "matmul: patches": Matmul(scope="m", m=300, n=48, k=90, activation_elements=3007),
        "matmul: one element": Matmul(scope="m", m=300, n=8, k=9, activation_elements=1),
        "matmul: kept patches": Matmul(
            scope="m",
            m=40,
            n=64,
            k=96,
            activation_pattern=pattern_from_mask(kept),
            activation_elements=500,
        ),
    }
    cases |= {f"matmul: wanted, {name}": op for name, op in _sampled().items()}
    cases |= {f"matmul: needs {name}": op for name, op in _few_needed().items()}
    return {name: trace(operator) for name, operator in cases.items()} | _chains()


def _few_needed() -> dict[str, Operator]:
    """Products that need few of their weights."""
    few, both = random_mask(3, 2000, 0.01, 8), random_mask(3, 900, 0.02, 9)
    rows = {"m": 3, "k": 2000, "n": 100}
    columns = {"m": 3, "n": 900, "k": 330}
    wanted = pattern_from_mask(both)
    return {
        "few rows": Matmul(scope="m", activation_pattern=pattern_from_mask(few), **rows),
        "no rows": Matmul(scope="m", activation_pattern=pattern_from_mask(few & False), **rows),
        "few columns": Matmul(scope="m", output_pattern=wanted, **columns),
        "few columns, int8": Matmul(scope="m", output_pattern=wanted, dtype="int8", **columns),
        "no columns": Matmul(scope="m", output_pattern=pattern_from_mask(both & False), **columns),
        "few rows and columns": Matmul(
            scope="m", m=3, k=2000, n=900, activation_pattern=pattern_from_mask(few),
            output_pattern=wanted,
        ),
        "long rows": Matmul(
            scope="m", m=3, k=900, n=2000, activation_pattern=pattern_from_mask(both)
        ),
        "many tokens": Matmul(
            scope="m", m=600, k=900, n=40,
            activation_pattern=pattern_from_mask(np.repeat(both, 200, axis=0)),
        ),
    }  # fmt: skip


def _sampled() -> dict[str, Operator]:
    """Products of which some outputs are wanted."""

    def one(m: int, n: int, k: int, density: float, **fields: object) -> Matmul:
        wanted = pattern_from_mask(random_mask(m, n, density, 5))
        shape: dict[str, object] = {"scope": "m", "m": m, "n": n, "k": k, "weights": "dynamic"}
        return Matmul(**{**shape, "output_pattern": wanted, **fields})  # type: ignore[arg-type]

    kept = pattern_from_mask(random_mask(40, 96, 0.3, 4))
    rows = random_mask(70, 64, 0.1, 6)
    rows[16:48] = False
    return {
        "a few": one(90, 120, 200, 0.05),
        "all": one(40, 40, 40, 1.1),
        "none": one(40, 40, 40, 0.0),
        "one": one(1, 1, 1, 1.1),
        "long sums": one(100, 60, 3000, 0.1),
        "one row": one(1, 300, 64, 0.1, weights="static"),
        "rows without": one(70, 64, 96, 0.1, output_pattern=pattern_from_mask(rows)),
        "kept activations": one(40, 64, 96, 0.2, activation_pattern=kept),
        "int8": one(64, 64, 130, 0.05, dtype="int8"),
    }


def _chains() -> dict[str, Trace]:
    """Operators that read what others left on chip, or the indices that others chose."""
    scores = Vector(scope="v", elements=20 * 50, lane_operations=1)
    top = TopK(scope="t", rows=20, candidates=50, k=6, inputs=(0,))
    shared: dict[str, object] = {"sharing": "layer", "selection": "model", "inputs": (1,)}
    chosen = masked(random_mask(20, 50, 0.12), index_operator=1, **shared)
    return {"topk: of what is on chip, for attention": trace(scores, top, chosen)}
