"""Rules: patterns that are parameters only, and the registry that names them.

Row r of an attention rule is (batch x units + unit) x q_len + i; query i stands at position
kv_len - q_len + i. See `registry` for what a rule is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.workload.arrays import INDEX, pointers, ranges
from accelsim.workload.registry import Parametric, Registry

Csr = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Rule(Parametric, ABC):
    """What generates the rows of a pattern.

    Attributes
    ----------
    rows, cols : int
        Shape of the pattern.
    """

    given: ClassVar[tuple[str, ...]] = ("rows", "cols")
    rows: int
    cols: int

    def check(self) -> None:
        """Raise InputError if the shape and the parameters do not fit together."""
        self._require(self.rows > 0 and self.cols > 0, "rows and cols must be positive")
        super().check()

    @abstractmethod
    def row_counts(self, start: int, stop: int) -> np.ndarray:
        """Kept positions of rows [start, stop), int64[stop - start], without the indices."""

    @abstractmethod
    def csr(self, start: int, stop: int) -> Csr:
        """Rows [start, stop) as (int64[n + 1], int32[nnz]); the same in whichever block."""

    @property
    def granule(self) -> tuple[int, int]:
        """Rows and columns that are kept or dropped together."""
        return 1, 1


RULES: Registry[Rule] = Registry(
    "rule",
    (
        "rules_topk", "rules_static", "rules_pages", "rules_random", "rules_hash", "rules_weights",
        "rules_activations",
    ),
)  # fmt: skip
register_rule = RULES.register
rule_names = RULES.names
find_rule = RULES.find


def make_rule(name: str, rows: int, cols: int, params: dict[str, object]) -> Rule:
    """Build the rule `name` for a shape, with its parameters checked by name and type."""
    return RULES.make(name, params, rows=rows, cols=cols)


class RangeRule(Rule):
    """A rule whose rows are at most two ranges of columns: [0, head) and [first, last)."""

    @abstractmethod
    def spans(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`head`, `first`, `last` of int64[n] rows, with head <= first <= last."""

    def row_counts(self, start: int, stop: int) -> np.ndarray:
        """See `Rule.row_counts`."""
        head, first, last = self.spans(np.arange(start, stop, dtype=np.int64))
        return head + last - first

    def csr(self, start: int, stop: int) -> Csr:
        """See `Rule.csr`."""
        head, first, last = self.spans(np.arange(start, stop, dtype=np.int64))
        starts = np.stack([np.zeros_like(head), first], axis=1).reshape(-1)
        counts = np.stack([head, last - first], axis=1).reshape(-1)
        return pointers(head + last - first), ranges(starts, counts).astype(INDEX, copy=False)


@register_rule("dense")
@dataclass(frozen=True, kw_only=True)
class Dense(RangeRule):
    """Everything is kept; the rows may stand for anything."""

    def spans(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `RangeRule.spans`."""
        zero = np.zeros_like(rows)
        return zero, zero, np.full_like(rows, self.cols)


@dataclass(frozen=True, kw_only=True)
class AttentionRule(Rule):
    """A rule over queries and keys.

    Attributes
    ----------
    q_len : int
        Queries of one unit; rows is a multiple of it.
    kv_len : int
        Keys, equal to cols.
    """

    q_len: int
    kv_len: int

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(0 < self.q_len <= self.kv_len, "needs 0 < q_len <= kv_len")
        self._require(self.kv_len == self.cols, f"kv_len {self.kv_len} is not cols {self.cols}")
        self._require(
            self.rows % self.q_len == 0, f"rows {self.rows} are no multiple of q_len {self.q_len}"
        )

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """Positions of the queries of int64[n] rows, int64[n] in [kv_len - q_len, kv_len)."""
        return self.kv_len - self.q_len + rows % self.q_len

    def unit_spans(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Cut rows [start, stop) at the units: (unit, first row, row after the last)."""
        while start < stop:
            unit = start // self.q_len
            last = min(stop, (unit + 1) * self.q_len)
            yield unit, start, last
            start = last


@register_rule("causal")
@dataclass(frozen=True, kw_only=True)
class Causal(AttentionRule, RangeRule):
    """All keys up to the query's own position."""

    def spans(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `RangeRule.spans`."""
        zero = np.zeros_like(rows)
        return zero, zero, self.positions(rows) + 1


@register_rule("band")
@dataclass(frozen=True, kw_only=True)
class Band(AttentionRule, RangeRule):
    """The nearest `window` keys before (and with) the query; not `causal`: as many after it."""

    window: int
    causal: bool = True

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(self.window > 0, "window must be positive")

    def spans(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `RangeRule.spans`."""
        position = self.positions(rows)
        ahead = 0 if self.causal else self.window - 1
        first = np.maximum(0, position + 1 - self.window)
        return np.zeros_like(rows), first, np.minimum(self.cols, position + 1 + ahead)


@register_rule("sinks_window")
@dataclass(frozen=True, kw_only=True)
class SinksWindow(AttentionRule, RangeRule):
    """The first `sinks` keys and the nearest `window` ones, causal (StreamingLLM, 2309.17453)."""

    window: int
    sinks: int = 4

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(self.window > 0 and self.sinks >= 0, "window > 0 and sinks >= 0 are needed")

    def spans(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `RangeRule.spans`."""
        position = self.positions(rows)
        first = np.maximum(0, position + 1 - self.window)
        return np.minimum(self.sinks, first), first, position + 1


@register_rule("global_band")
@dataclass(frozen=True, kw_only=True)
class GlobalBand(AttentionRule, RangeRule):
    """A band to both sides, and `tokens` global first tokens (Longformer, 2004.05150).

    A global token sees every key and is seen by every query; of the others, each keeps the
    nearest `window` keys before (and with) it and as many after it.
    """

    window: int
    tokens: int = 1

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(self.window > 0 and self.tokens >= 0, "window > 0, tokens >= 0 are needed")

    def spans(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `RangeRule.spans`."""
        position = self.positions(rows)
        everywhere = position < self.tokens
        first = np.where(everywhere, 0, np.maximum(0, position + 1 - self.window))
        last = np.where(everywhere, self.cols, np.minimum(self.cols, position + self.window))
        return np.minimum(self.tokens, first), first, last
