"""Parameters of the rule `topk_fitted` with which it overlaps as a captured trace does.

A deterministic search: what the trace's attention operators of the commonest shape show, pooled
over layers, heads and sequences, against what the rule generates for that shape. Shares of k,
lives in queries and the decay carry to other lengths as they are; k is absolute, plus a share of
the keys that are seen, where the trace's queries keep more when they see more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import ClassVar, NamedTuple

import numpy as np

from accelsim.errors import InputError
from accelsim.workload.least_squares import Point, descend, size, spread_points
from accelsim.workload.operators import Attention
from accelsim.workload.overlap import Overlap, Sample, overlap, pooled_counts, sample_of
from accelsim.workload.patterns import Pattern, attention_rule
from accelsim.workload.trace import Trace

_ALWAYS = 0.9  # a sink or a key of the window is kept by this share of the queries at least
_GENERATED, _COUNTED, _STATED = 1 << 15, 1 << 20, 1 << 19  # keys of a sample
_SPREAD_UNITS = 4  # units of a sample where units differ, at least
_FAR = 0.5  # weight of an error of a share of distances against a relative error
_SHORT = 1024  # up to so many keys, lives and windows are large beside the length, and a fit should
_SCALE = 4  # overlap alike at so many times the length and k too,
_CARRIED = 0.4  # with this weight
_ALL = 1_000_000


class Compared(NamedTuple):
    """A statistic of a trace, and of what was fitted to it; `least` and `most` of its operators."""

    name: str
    trace: float
    fitted: float
    least: float
    most: float

    @property
    def ratio(self) -> float:
        """Fitted over trace; nan where the trace shows none."""
        return self.fitted / self.trace if self.trace else float("nan")


@dataclass(frozen=True)
class AttentionFit:
    """Parameters of `topk_fitted`, and how near they come.

    Attributes
    ----------
    parameters : dict[str, int]
        Of the rule, without seed, q_len and kv_len.
    trace, fitted : Overlap
        Counted in the trace, and in what the rule generates at the trace's shape.
    operators : tuple[Overlap, ...]
        Counted in each of the operators that `trace` pools.
    q_len, kv_len : int
        Shape that was fitted at.
    """

    parameters: dict[str, int]
    trace: Overlap
    fitted: Overlap
    operators: tuple[Overlap, ...]
    q_len: int
    kv_len: int
    rule: ClassVar[str] = "topk_fitted"

    @property
    def shape(self) -> str:
        """Shape that was fitted at, in words."""
        return f"{len(self.operators)} operators of {self.q_len:,} queries x {self.kv_len:,} keys"

    def compared(self) -> list[Compared]:
        """Every statistic of `Overlap`."""
        columns = [_statistics(found) for found in (self.trace, self.fitted, *self.operators)]
        return [
            Compared(name, columns[0][name], columns[1][name], min(each), max(each))
            for name in columns[0]
            for each in [[column[name] for column in columns[2:]]]
        ]


def _statistics(found: Overlap) -> dict[str, float]:
    """The numbers of an `Overlap` by name."""
    named = {"keys of a query": found.kept, "Jaccard of adjacent queries": found.jaccard}
    for tile, union in zip(found.tiles, found.unions, strict=True):
        named[f"keys of {tile} queries / of one"] = union
    for octave, share in enumerate(found.distances):
        low = 1 << octave >> 1
        distance = str(low) if octave < 2 else f"{low:,}-{2 * low - 1:,}"
        named[f"share at distance {distance}"] = share
    return named


def fit_attention(trace: Trace) -> AttentionFit:
    """Fit the rule `topk_fitted` to the attention patterns of a trace.

    Raises
    ------
    InputError
        The trace has no causal attention with a pattern over 16 queries or more.
    """
    operators = _commonest(trace)
    target = _Target(
        tuple(op.pattern for op in operators if op.pattern is not None),
        operators[0].q_len, operators[0].kv_len,
    )  # fmt: skip
    best = _search(target)
    return AttentionFit(
        parameters=best,
        trace=target.overlap,
        fitted=target.generate(best, _STATED),
        operators=tuple(target.count([pattern]) for pattern in target.patterns),
        q_len=target.q_len,
        kv_len=target.kv_len,
    )


def _commonest(trace: Trace) -> list[Attention]:
    """Causal attention operators with patterns of the shape that keeps the most keys in all."""
    found: dict[tuple[int, int], list[Attention]] = {}
    for op in trace.operators:
        if isinstance(op, Attention) and op.pattern is not None and op.causal and op.q_len >= 16:
            found.setdefault((op.q_len, op.kv_len), []).append(op)

    def kept(shape: tuple[int, int]) -> int:
        return sum(op.pattern.nnz for op in found[shape] if op.pattern is not None)

    if not any(map(kept, found)):
        raise InputError(
            f"trace {trace.name} has no causal attention pattern of 16 queries or more to fit",
            remedy="name a trace that shows kept keys (accelsim workload list)",
        )
    return found[max(found, key=kept)]


@dataclass(frozen=True, eq=False)
class _Target:
    """The patterns to imitate, and what the rule's parameters are read off from them directly."""

    patterns: tuple[Pattern, ...]
    q_len: int
    kv_len: int

    @cached_property
    def counts(self) -> np.ndarray:
        """Kept keys, int64[units, q_len]."""
        return pooled_counts(self.patterns, self.q_len)

    @cached_property
    def visible(self) -> np.ndarray:
        """Keys that a query sees, int64[q_len]."""
        return np.arange(self.kv_len - self.q_len, self.kv_len, dtype=np.int64) + 1

    def sample(self, keys: int, scale: int = 1) -> Sample:
        """Spans for about so many keys, at the same queries however many units they allow."""
        kept = max(1.0, scale * float(self.counts.mean()))
        sample = sample_of(scale * self.q_len, kept, _GENERATED)
        least = _SPREAD_UNITS if self.sizes["spread_eighths"] else 1
        return replace(sample, units=max(least, int(keys / (kept * sample.queries))))

    @cached_property
    def overlap(self) -> Overlap:
        """Counted in the trace."""
        return self.count(self.patterns)

    def count(self, patterns: Sequence[Pattern]) -> Overlap:
        """Counted in some of the patterns."""
        return overlap(patterns, self.sample(_COUNTED // len(self.patterns)))

    def generate(
        self, parameters: dict[str, int], keys: int = _GENERATED, scale: int = 1
    ) -> Overlap:
        """Counted in what the rule generates at this shape, or with so many times its keys."""
        sample = self.sample(keys, scale)
        pattern = attention_rule(
            AttentionFit.rule, units=sample.units, q_len=sample.q_len, kv_len=scale * self.kv_len,
            **{**parameters, "k": scale * parameters["k"]},
        )  # fmt: skip
        return overlap([pattern], sample)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """How many keys: k if that says all; else a line through counts, and units that differ."""
        most = int(self.counts.max())
        if (self.counts == np.minimum(most, self.visible)).all():
            return {"k": most, "growth_ppm": 0, "spread_eighths": 0}
        mean = self.counts.mean(axis=0)
        free = (self.counts < self.visible).mean(axis=0) > 1 / 2
        slope, level = 0.0, float(mean.mean())
        if free.sum() > 1:
            seen = self.visible[free] - self.visible[free].mean()
            slope = max(0.0, float((seen * mean[free]).sum() / (seen**2).sum()))
            level = float(mean[free].mean() - slope * self.visible[free].mean())
        units = self.counts.mean(axis=1)
        octaves = math.sqrt(12) * float(np.log2(np.maximum(units, 0.5)).std())
        spread = min(80, round(8 * octaves))
        k = max(1, math.floor(level))
        while k > 1 and self._mean(k, 0, spread) > mean.mean():
            k -= 1
        growth = _bisect(lambda ppm: self._mean(k, ppm, spread), float(mean.mean()), 0, _ALL)
        return {"k": k, "growth_ppm": growth, "spread_eighths": spread}

    def _mean(self, k: int, growth_ppm: int, spread_eighths: int) -> float:
        """Mean keys of a query of the rule."""
        sizes = {"k": k, "growth_ppm": growth_ppm, "spread_eighths": spread_eighths}
        pattern = attention_rule(
            AttentionFit.rule, units=len(self.counts), q_len=self.q_len, kv_len=self.kv_len, **sizes
        )
        return pattern.nnz / pattern.rows

    def ends(self) -> tuple[int, int]:
        """Sinks and window: leading and nearest keys that nearly all queries keep.

        Counted over the queries that leave out more than half of the keys that they see.
        """
        sinks, near, rows = np.zeros(self.kv_len), np.zeros(self.kv_len), 0
        sample = self.sample(_COUNTED // len(self.patterns))
        for pattern in self.patterns:
            for start, stop in sample.spans(pattern.rows):
                indptr, indices = pattern.csr(start, stop)
                counts = np.diff(indptr)
                position = self.kv_len - self.q_len + np.arange(start, stop) % self.q_len
                chosen = 2 * counts < position + 1
                rows += int(chosen.sum())
                keys = indices[np.repeat(chosen, counts)]
                distance = np.repeat(position[chosen], counts[chosen]) - keys
                sinks += np.bincount(keys, minlength=self.kv_len)
                near += np.bincount(distance, minlength=self.kv_len)
        wanted = max(1.0, _ALWAYS * rows)
        return _leading(sinks >= wanted), _leading(near >= wanted)


def _leading(true: np.ndarray) -> int:
    """How many are true before the first that is not."""
    return int(np.argmin(true)) if not true.all() else len(true)


def _bisect(rising: Callable[[int], float], wanted: float, low: int, high: int) -> int:
    """The whole number in [low, high] at which a rising function comes nearest to `wanted`."""
    first, last = low, high
    while first < last:
        middle = (first + last) // 2
        if rising(middle) < wanted:
            first = middle + 1
        else:
            last = middle
    return min({max(low, first - 1), first}, key=lambda at: (abs(rising(at) - wanted), at))


# A point of the search: heavy permille, pool and life in eighths of an octave, log2 of the heavy
# life, decay permille; first and last distances that slopes are taken over.
_PROBED = (80, 4, 8, 1, 200), (10, 1, 2, 1, 25)
_SCANNED, _STARTS, _ROUNDS = 40, 2, 12  # points scanned, best ones gone on from, rounds of each


def _bounds(kv_len: int) -> tuple[Point, Point]:
    """Least and most of each coordinate: no slot lives as long as half of what the trace shows."""
    octaves = max(1, kv_len.bit_length() - 2)
    return (0, 0, 0, 0, 0), (700, 48, 8 * octaves - 8, max(0, octaves - 3), 1800)


def _search(target: _Target) -> dict[str, int]:
    """Scan the box, then go on from the best points."""
    sizes = target.sizes
    k, (sinks, window) = sizes["k"], target.ends()
    sinks, window = min(sinks, k - 1), max(1, min(window, k - min(sinks, k - 1)))
    window_permille = -(-1000 * window // k)
    fixed = {**sizes, "sinks": sinks, "window_permille": window_permille}

    def parameters(point: Point) -> dict[str, int]:
        heavy, pool, life, heavy_life, decay = point
        return fixed | {
            "heavy_permille": min(heavy, 1000 - window_permille),
            "pool_log2": pool // 8, "pool_eighths": pool % 8,
            "life_log2": life // 8, "life_eighths": life % 8,
            "heavy_life_log2": heavy_life, "decay_permille": decay,
        }  # fmt: skip

    @cache
    def near(point: Point) -> np.ndarray:
        return _errors(target.overlap, target.generate(parameters(point)))

    @cache
    def errors(point: Point) -> np.ndarray:
        if target.kv_len > _SHORT:
            return near(point)
        wider = target.generate(parameters(point), scale=_SCALE)
        carried = _errors(target.overlap, wider, distances=False)
        return np.concatenate([near(point), _CARRIED * carried])

    low, high = _bounds(target.kv_len)
    scanned = sorted(spread_points(_SCANNED, low, high), key=lambda point: size(near(point)))
    starts = 1 if sizes["spread_eighths"] else _STARTS  # samples of units that differ are large
    found = [descend(errors, at, (low, high), _PROBED, _ROUNDS) for at in scanned[:starts]]
    return parameters(min(found, key=lambda point: size(errors(point))))


def _errors(trace: Overlap, fitted: Overlap, *, distances: bool = True) -> np.ndarray:
    """What the search makes small: logarithms of ratios, and moved shares of distances."""
    unions = zip(trace.unions, fitted.unions, strict=False)  # a longer shape has larger tiles too
    pairs = [(trace.jaccard, fitted.jaccard), *unions]
    found = [math.log(max(b, 1e-3) / max(a, 1e-3)) for a, b in pairs]
    if distances:
        found += (_FAR * np.subtract(fitted.distances, trace.distances)).tolist()
    return np.array(found)
