"""Routing of tokens to experts: uniform, by popularity, and limited to groups of experts.

A token's experts are those whose exponential clocks ring first, so that they are drawn one after
another in proportion to popularity, each once; they stand in the order of their scores.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from accelsim.workload.array_rules import ArrayRule, register_array_rule
from accelsim.workload.hashing import chances, mixed, permutation

_CHUNK = 1 << 19  # (token, expert) pairs


@dataclass(frozen=True, kw_only=True)
class Routing(ArrayRule):
    """Experts of every token, int16[tokens, top_k].

    Attributes
    ----------
    tokens, experts, top_k : int
    """

    tokens: int
    experts: int
    top_k: int

    def check(self) -> None:
        """See `Parametric.check`."""
        super().check()
        self._require(self.tokens > 0, "tokens must be positive")
        self._require(0 < self.experts < 1 << 15, "experts must be in (0, 32768)")
        self._require(0 < self.top_k <= self.experts, "top_k must be in (0, experts]")

    @property
    def shape(self) -> tuple[int, ...]:
        """See `ArrayRule.shape`."""
        return self.tokens, self.top_k

    @property
    def bounds(self) -> tuple[int, int]:
        """See `ArrayRule.bounds`."""
        return 0, self.experts

    @property
    def dtype(self) -> np.dtype:
        """See `ArrayRule.dtype`."""
        return np.dtype(np.int16)

    @abstractmethod
    def chosen(self, tokens: np.ndarray) -> np.ndarray:
        """Experts that tokens int64[n] draw, int64[n, top_k]."""

    def draw(self, first: int, last: int) -> np.ndarray:
        """See `ArrayRule.draw`."""
        return self._drawn(np.arange(first, last))

    def _drawn(self, tokens: np.ndarray) -> np.ndarray:
        """`chosen` in pieces of bounded memory, int16[n, top_k]."""
        found = np.empty((len(tokens), self.top_k), dtype=self.dtype)
        step = max(1, _CHUNK // self.experts)
        for at in range(0, len(tokens), step):
            found[at : at + step] = self.chosen(tokens[at : at + step])
        return found


@register_array_rule("route_uniform")
@dataclass(frozen=True, kw_only=True)
class RouteUniform(Routing):
    """`top_k` of the experts for every token, every set as likely (a perfectly balanced router)."""

    seed: int = 0

    def chosen(self, tokens: np.ndarray) -> np.ndarray:
        """See `Routing.chosen`."""
        return _first(_noise(self.seed, tokens, self.experts), self.top_k)


@register_array_rule("route_zipf")
@dataclass(frozen=True, kw_only=True)
class RouteZipf(Routing):
    """Experts by popularity: that of rank r is r**-(`alpha_permille` / 1000), in random order.

    Attributes
    ----------
    repeat_permille : int
        Chance that a token takes the experts of the token before it.
    capacity_permille : int
        Slots that an expert takes, over the mean of all experts, rounded up; in the order of
        tokens, later ones are dropped (-1). 0: none is dropped. The whole array is then held.
    drift : int
        Changes of domain: the tokens fall into drift + 1 parts of equal length, one after another,
        and every part has a popularity order of its own.
    """

    alpha_permille: int
    repeat_permille: int = 0
    capacity_permille: int = 0
    drift: int = 0
    seed: int = 0

    def check(self) -> None:
        """See `Parametric.check`."""
        super().check()
        self._require(0 <= self.alpha_permille <= 4000, "alpha_permille must be in [0, 4000]")
        self._require(0 <= self.repeat_permille < 1000, "repeat_permille must be in [0, 1000)")
        self._require(self.capacity_permille >= 0, "capacity_permille must not be negative")
        self._require(0 <= self.drift < self.tokens, "drift must be in [0, tokens)")

    @property
    def bounds(self) -> tuple[int, int]:
        """See `ArrayRule.bounds`."""
        return -1 if self.capacity_permille else 0, self.experts

    @property
    def capacity(self) -> int:
        """Slots that an expert takes at most."""
        slots = self.tokens * self.top_k
        if not self.capacity_permille:
            return slots
        return -(-self.capacity_permille * slots // (1000 * self.experts))

    def draw(self, first: int, last: int) -> np.ndarray:
        """See `ArrayRule.draw`."""
        return self._kept[first:last] if self.capacity_permille else self._routed(first, last)

    def chosen(self, tokens: np.ndarray) -> np.ndarray:
        """See `Routing.chosen`."""
        means = self._means[tokens * (self.drift + 1) // self.tokens]
        return _first(-np.log(_noise(self.seed, tokens, self.experts)) * means, self.top_k)

    @cached_property
    def _means(self) -> np.ndarray:
        """Mean time to the ring of each expert's clock, by domain, float64[drift + 1, experts]."""
        times = _ring_times(self.experts, self.alpha_permille)
        orders = [permutation(self.experts, self.seed, 1, d) for d in range(self.drift + 1)]
        return times[np.stack(orders)]

    def _routed(self, first: int, last: int) -> np.ndarray:
        """Experts of tokens [first, last) before any is dropped."""
        drawn, back = np.unique(self._sources(first, last), return_inverse=True)
        return self._drawn(drawn)[back]

    def _sources(self, first: int, last: int) -> np.ndarray:
        """Token that drew the experts of each of [first, last): itself, or the last that drew."""
        begin, step = first, 64
        fresh = self._draws(begin, last)
        while not fresh[: first - begin + 1].any():
            before = max(0, begin - step)
            fresh = np.concatenate([self._draws(before, begin), fresh])
            begin, step = before, step * 2
        return np.maximum.accumulate(np.where(fresh, np.arange(begin, last), 0))[first - begin :]

    def _draws(self, first: int, last: int) -> np.ndarray:
        """Whether tokens [first, last) draw experts of their own, bool[n]; token 0 always does."""
        tokens = np.arange(first, last)
        chance = chances(mixed(self.seed, 2, tokens))
        return (chance >= self.repeat_permille / 1000) | (tokens == 0)

    @cached_property
    def _kept(self) -> np.ndarray:
        """All tokens, with what is above the capacity dropped."""
        whole = self._routed(0, self.tokens)
        flat = whole.reshape(-1)
        order = np.argsort(flat, kind="stable")
        loads = np.bincount(flat, minlength=self.experts)
        place = np.arange(flat.size) - np.repeat(np.cumsum(loads) - loads, loads)
        flat[order[place >= self.capacity]] = -1
        return whole


@register_array_rule("route_grouped")
@dataclass(frozen=True, kw_only=True)
class RouteGrouped(Routing):
    """Experts by score within the `kept_groups` best of `groups` groups of neighbouring experts.

    A group is rated by the sum of its `group_scores` best scores: 2 in DeepSeek-V3 (2412.19437),
    1 in DeepSeek-V2 (2405.04434). The score is 1 / (1 + t), with t exponential and its mean the
    inverse of the expert's popularity, r**-(`alpha_permille` / 1000) over the mean of all, in
    random order: the logistic function of a popularity with Gumbel noise (assumed).
    """

    groups: int
    kept_groups: int
    group_scores: int = 2
    alpha_permille: int = 0
    seed: int = 0

    def check(self) -> None:
        """See `Parametric.check`."""
        super().check()
        self._require(0 <= self.alpha_permille <= 4000, "alpha_permille must be in [0, 4000]")
        self._require(
            self.groups > 0 and self.experts % self.groups == 0,
            f"experts {self.experts} do not fall into {self.groups} groups",
        )
        self._require(0 < self.kept_groups <= self.groups, "kept_groups must be in (0, groups]")
        size = self.experts // self.groups
        self._require(0 < self.group_scores <= size, f"group_scores must be in (0, {size}]")
        self._require(
            self.top_k <= self.kept_groups * size,
            f"top_k {self.top_k} is above the {self.kept_groups * size} experts of the kept groups",
        )

    def chosen(self, tokens: np.ndarray) -> np.ndarray:
        """See `Routing.chosen`."""
        clock = -np.log(_noise(self.seed, tokens, self.experts)) * self._means
        rated = np.sort(clock.reshape(len(tokens), self.groups, -1), axis=2)
        rating = (1 / (1 + rated[:, :, : self.group_scores])).sum(axis=2)
        left_out = np.argsort(-rating, axis=1, kind="stable")[:, self.kept_groups :]
        grouped = clock.reshape(rated.shape)
        np.put_along_axis(grouped, left_out[:, :, None], np.inf, axis=1)
        return _first(grouped.reshape(clock.shape), self.top_k)

    @cached_property
    def _means(self) -> np.ndarray:
        """Mean time of each expert, float64[experts]."""
        times = _ring_times(self.experts, self.alpha_permille)
        return (times * (1 / times).mean())[permutation(self.experts, self.seed, 1, 0)]


def _noise(seed: int, tokens: np.ndarray, experts: int) -> np.ndarray:
    """Chances of every (token, expert), float64[n, experts]."""
    return chances(mixed(seed, 0, tokens[:, None], np.arange(experts)))


def _ring_times(experts: int, alpha_permille: int) -> np.ndarray:
    """Inverse popularity by rank, float64[experts]."""
    return np.arange(1, experts + 1, dtype=np.float64) ** (alpha_permille / 1000)


def _first(times: np.ndarray, count: int) -> np.ndarray:
    """Columns of the `count` smallest values of each row, smallest first, int64[n, count]."""
    if count < times.shape[1]:
        found = np.argpartition(times, count - 1, axis=1)[:, :count]
    else:
        found = np.broadcast_to(np.arange(count), times.shape)
    order = np.argsort(np.take_along_axis(times, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)
