"""From scores or masks to the kept keys of an attention operator, in row chunks.

Beyond the pattern itself (a file, at most one bit a score) a capture holds `CHUNK_SCORES` scores
and what the selection makes of them: about 40 bytes each, 170 MB.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from accelsim.pytorch.selection import SelectionRule
from accelsim.pytorch.spool import Spool
from accelsim.workload.encodings import BitPattern, Pattern
from accelsim.workload.operators import Sharing
from accelsim.workload.patterns import smallest_encoding
from accelsim.workload.sharing import shared_sets

CHUNK_SCORES = 1 << 22
# Masks are finfo.min, -inf, or a large negative number such as -1e9 or -10000 (BERT).
MASKED_SCORE = -9000.0

# (batch entry, first row, row after the last) -> scores [heads, rows, keys], not masked by -inf
Rows = Callable[[int, int, int], torch.Tensor]


@dataclass(frozen=True)
class Kept:
    """Kept keys of an attention operator: fields of `Attention` of the same names."""

    pattern: Pattern | None
    causal: bool
    sharing: Sharing


@dataclass(frozen=True)
class Layout:
    """Sizes of an attention operator as `Attention` has them; `units` rows of sets are looked at.

    `units` is 1 where all heads have one mask and nothing but the mask decides.
    """

    batch: int
    heads: int
    kv_heads: int
    q_len: int
    kv_len: int
    units: int


def chunk_rows(layout: Layout) -> int:
    """Query rows of a chunk."""
    return max(1, min(layout.q_len, CHUNK_SCORES // max(1, layout.units * layout.kv_len)))


def keep_keys(rows: Rows, layout: Layout, rule: SelectionRule, spool: Spool) -> Kept:
    """Apply `rule` to all scores and encode what it keeps.

    Parameters
    ----------
    rows : callable
        Scores [units, rows, keys]; a masked key is at or below `MASKED_SCORE`.
    layout : Layout
    rule : SelectionRule
    spool : Spool
        Takes the pattern's arrays.
    """
    if rule.kind == "off":
        return Kept(None, looks_causal(rows, layout), "head")
    b, units, q_len, kv_len = layout.batch, layout.units, layout.q_len, layout.kv_len
    bits = spool.empty((b, units, q_len, -(-kv_len // 8)), np.uint8)
    step, causal, visible = chunk_rows(layout), q_len <= kv_len, 0
    for entry in range(b):
        for start in range(0, q_len, step):
            stop = min(q_len, start + step)
            scores = rows(entry, start, stop)
            seen = scores > MASKED_SCORE
            used = seen.any(0).any(0).nonzero()  # later columns are not looked at again
            width = int(used[-1]) + 1 if len(used) else 1
            scores, seen = scores[..., :width], seen[..., :width]
            kept = seen
            if rule.needs_scores:
                kept = rule.keep(scores.float().masked_fill_(~seen, -torch.inf))
            visible += int(seen.sum())
            causal = causal and _sees_no_future(seen, kv_len - q_len + start)
            packed = np.packbits(kept.cpu().numpy(), axis=-1, bitorder="little")
            bits[entry, :, start:stop, : packed.shape[-1]] = packed
    exact = _rule_for(visible, causal, layout)
    if exact and not rule.needs_scores:
        spool.discard(bits)
        return Kept(None, causal, "head")
    sharing, sets = shared_sets(bits, layout.heads, layout.kv_heads)
    whole = BitPattern(np.ascontiguousarray(sets).reshape(-1, bits.shape[-1]), kv_len)
    found = smallest_encoding(whole, q_len=q_len)
    if found is not whole or sets is not bits:
        spool.discard(bits)
    return Kept(spool.keep_pattern(found), causal, sharing)


def looks_causal(rows: Rows, layout: Layout) -> bool:
    """Whether the first, middle and last query see no later key."""
    if layout.q_len > layout.kv_len:
        return False
    offset = layout.kv_len - layout.q_len
    places = sorted({0, layout.q_len // 2, layout.q_len - 1})
    return all(
        _sees_no_future(rows(0, row, row + 1) > MASKED_SCORE, offset + row) for row in places
    )


def key_heads(heads: torch.Tensor) -> int:
    """Distinct heads of keys[batch, heads, length, d] if equal ones follow each other in groups.

    Grouped-query attention repeats each key head before the product; values tell.
    """
    count = heads.shape[1]
    if count == 1 or heads.numel() == 0:
        return count
    same = [
        bool(torch.equal(heads[:, n, :1], heads[:, n - 1, :1]))
        and bool(torch.equal(heads[:, n], heads[:, n - 1]))
        for n in range(1, count)
    ]
    group = next((n + 1 for n, equal in enumerate(same) if not equal), count)
    regular = all(equal == ((n + 1) % group != 0) for n, equal in enumerate(same))
    return count // group if regular and count % group == 0 else count


def _sees_no_future(seen: torch.Tensor, position: int) -> bool:
    """Whether rows [..., rows, keys], the first at `position`, see nothing after themselves."""
    return not bool(seen.triu(position + 1).any())


def _rule_for(visible: int, causal: bool, layout: Layout) -> bool:
    """Whether so many visible pairs are all there are, of all or of the causal ones."""
    q, kv = layout.q_len, layout.kv_len
    pairs = q * (kv - q) + q * (q + 1) // 2 if causal else q * kv
    return visible == layout.batch * layout.units * pairs
