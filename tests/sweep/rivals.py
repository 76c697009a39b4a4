"""What the tests of robustness share: the small machines, and traces that take milliseconds."""

from __future__ import annotations

import numpy as np

from accelsim.arch.load import ArchSource, arch_source
from accelsim.sweep.trials import Trials
from accelsim.sweep.trios import SMALL
from accelsim.workload.operators import Attention, Matmul, Moe, ScatterAdd
from accelsim.workload.patterns import Pattern, attention_rule, pattern_from_mask
from accelsim.workload.trace import Trace

LENGTH = 128


def machines(*overrides: str) -> dict[str, ArchSource]:
    """The small trio, each with the same overrides."""
    return {role: arch_source(name).changed(overrides) for role, name in SMALL._asdict().items()}


def attention(pattern: Pattern, *, batch: int = 1, heads: int = 2, **fields: object) -> Attention:
    length = pattern.cols
    given = {"selection": "oracle", "scope": "attention", **fields}
    return Attention(
        batch=batch, heads=heads, kv_heads=heads, q_len=length, kv_len=length, d_qk=32, d_v=32,
        pattern=pattern, **given,
    )  # fmt: skip


def drawn(k: int = 8, seed: int = 1) -> Pattern:
    return attention_rule("topk_decay", units=2, q_len=LENGTH, kv_len=LENGTH, k=k, seed=seed)


def stored(density: float = 0.1, rows: int = 2 * LENGTH) -> Pattern:
    """Causal pairs that were stored; every row keeps its own key."""
    mask = np.random.default_rng(0).random((rows, LENGTH)) < density
    place = np.arange(rows) % LENGTH
    mask &= np.arange(LENGTH) <= place[:, None]
    mask[np.arange(rows), place] = True
    return pattern_from_mask(mask)


def of(*operators: object, **fields: object) -> Trace:
    given = {"name": "small", "seq_len": LENGTH, "synthetic": True, **fields}
    return Trace(operators=tuple(operators), **given)


def with_weights(pattern: Pattern) -> Trace:
    """An attention and a product whose weights come from DRAM."""
    up = Matmul(scope="up", m=LENGTH, n=256, k=256)
    return of(up, attention(pattern, inputs=(0,)))


def routed(tokens: int = LENGTH) -> Moe:
    ids = np.random.default_rng(2).integers(0, 4, (tokens, 1)).astype(np.int16)
    return Moe(scope="moe", tokens=tokens, d_model=64, d_ff=64, experts=4, top_k=1, expert_ids=ids)


def scattered() -> ScatterAdd:
    indices = np.random.default_rng(3).integers(0, 64, 1024).astype(np.int32)
    return ScatterAdd(scope="scatter", table_rows=64, row_elements=64, indices=indices)


def trials(trace: Trace, *overrides: str) -> Trials:
    return Trials(machines(*overrides), trace, "simple")
