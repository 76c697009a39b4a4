"""Parameters of the array rule `route_zipf` that load experts as unevenly as a captured trace.

The exponent of popularity and the chance of a repeat carry to other numbers of tokens and experts
as they are. All layers of the trace's commonest kind of experts are pooled; drift is not fitted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from accelsim.errors import InputError
from accelsim.workload.array_rules import make_array_rule
from accelsim.workload.fit import Compared
from accelsim.workload.hashing import mixed
from accelsim.workload.operators import Moe
from accelsim.workload.trace import Trace

_MOST_ALPHA = 4000
_PAIRS = 1 << 18  # (token, expert) pairs that loads are estimated from
_STATED_PAIRS = 1 << 20
_WORDS = {
    "variation": "variation of expert loads",
    "busiest": "busiest expert / mean",
    "repeated": "experts that the token before had",
}


@dataclass(frozen=True)
class Loads:
    """How unevenly experts are used, each the mean over layers.

    Attributes
    ----------
    variation : float
        Coefficient of variation of the experts' slots (root mean square over layers).
    busiest : float
        Slots of the busiest expert over the mean.
    repeated : float
        Share of a token's experts that the token before it had too.
    """

    variation: float
    busiest: float
    repeated: float


@dataclass(frozen=True)
class RoutingFit:
    """Parameters of `route_zipf`, and how near they come; the busiest expert is not fitted.

    Attributes
    ----------
    parameters : dict[str, int]
        Of the rule, without seed, tokens, experts and top_k.
    trace, fitted : Loads
        Counted in the trace, and in what the rule draws at the trace's shape.
    operators : tuple[Loads, ...]
        Counted in each of the operators that `trace` pools.
    tokens, experts, top_k : int
        Shape that was fitted at.
    """

    parameters: dict[str, int]
    trace: Loads
    fitted: Loads
    operators: tuple[Loads, ...]
    tokens: int
    experts: int
    top_k: int
    rule: ClassVar[str] = "route_zipf"

    @property
    def shape(self) -> str:
        """Shape that was fitted at, in words."""
        each = f"{self.tokens:,} tokens to {self.top_k} of {self.experts} experts"
        return f"{len(self.operators)} operators of {each}"

    def compared(self) -> list[Compared]:
        """Every statistic of `Loads`."""
        return [
            Compared(
                words, getattr(self.trace, name), getattr(self.fitted, name),
                min(getattr(each, name) for each in self.operators),
                max(getattr(each, name) for each in self.operators),
            )
            for name, words in _WORDS.items()
        ]  # fmt: skip


def fit_routing(trace: Trace) -> RoutingFit:
    """Fit `route_zipf` to the routing of a trace.

    Raises
    ------
    InputError
        The trace has no routed experts.
    """
    tokens, experts, top_k, layers = _commonest(trace)
    loads = _loads(layers, experts)
    cap = max(int(_counts(ids, experts).max()) for ids in layers)
    capacity = -(-1000 * cap * experts // (tokens * top_k)) if _dropped(layers) else 0
    chance = float(np.mean([_chance_repeat(ids, experts) for ids in layers]))
    repeat = (loads.repeated - chance) / (1 - chance) if chance < 1 else 0.0
    repeat_permille = min(999, max(0, round(1000 * repeat)))
    alpha = _alpha(loads.variation, tokens, experts, top_k, repeat_permille / 1000)
    parameters = {"alpha_permille": alpha, "repeat_permille": repeat_permille}
    if capacity:
        parameters["capacity_permille"] = capacity
    draws = max(1, min(16, _STATED_PAIRS // (tokens * experts)))
    shape = {"tokens": tokens, "experts": experts, "top_k": top_k}
    drawn = [
        np.asarray(make_array_rule(RoutingFit.rule, {**shape, **parameters, "seed": seed}))
        for seed in range(draws)
    ]
    return RoutingFit(
        parameters=parameters, trace=loads, fitted=_loads(drawn, experts),
        operators=tuple(_loads([ids], experts) for ids in layers), **shape,
    )  # fmt: skip


def _commonest(trace: Trace) -> tuple[int, int, int, list[np.ndarray]]:
    """Tokens, experts, top_k and expert ids of the operators of the shape that routes the most."""
    found: dict[tuple[int, int, int], list[np.ndarray]] = {}
    for op in trace.operators:
        if isinstance(op, Moe) and op.experts > 1:
            ids = np.asarray(op.expert_ids).astype(np.int64).reshape(op.tokens, op.top_k)
            if (ids >= 0).any():
                found.setdefault((op.tokens, op.experts, op.top_k), []).append(ids)
    if not found:
        raise InputError(
            f"trace {trace.name} has no routed experts to fit",
            remedy="name a trace of a mixture of experts (accelsim workload list)",
        )
    shape = max(found, key=lambda shape: shape[0] * shape[2] * len(found[shape]))
    return *shape, found[shape]


def _dropped(layers: list[np.ndarray]) -> bool:
    return any((ids < 0).any() for ids in layers)


def _counts(ids: np.ndarray, experts: int) -> np.ndarray:
    """Slots of each expert, int64[experts]."""
    return np.bincount(ids[ids >= 0].astype(np.int64), minlength=experts)


def _loads(layers: list[np.ndarray], experts: int) -> Loads:
    """Count `Loads` in expert ids, each integer[tokens, top_k]."""
    counts = np.stack([_counts(ids, experts) for ids in layers])
    share = counts / counts.mean(axis=1, keepdims=True)
    return Loads(
        variation=math.sqrt(float(((share - 1) ** 2).mean())),
        busiest=float(share.max(axis=1).mean()),
        repeated=float(np.mean([_repeated(ids) for ids in layers])),
    )


def _repeated(ids: np.ndarray) -> float:
    """Share of the slots whose expert the token before has too; dropped slots do not count."""
    now, before = ids[1:], ids[:-1]
    kept = now >= 0
    same = (now[:, :, None] == before[:, None, :]).any(axis=2) & kept
    return float(same.sum() / max(1, kept.sum()))


def _chance_repeat(ids: np.ndarray, experts: int) -> float:
    """What `_repeated` would be if tokens chose independently, with the same loads."""
    counts = _counts(ids, experts)
    return float((counts / len(ids) * counts).sum() / counts.sum())


def _alpha(variation: float, tokens: int, experts: int, top_k: int, repeat: float) -> int:
    """Exponent in thousandths at which the loads of so many tokens vary as they should.

    The squared variation of what `tokens` draw is that of the chances of the experts and, of
    independent tokens, the mean of chance x (1 - chance) over its square and the tokens. Of
    tokens that repeat, (1 - repeat) / (1 + repeat) count.
    """
    drawn = max(64, _PAIRS // experts)
    chance = (mixed(0, np.arange(drawn)[:, None], np.arange(experts)) >> np.uint64(11)) + 0.5
    clocks = -np.log(chance * 2.0**-53)
    seen = max(1.0, tokens * (1 - repeat) / (1 + repeat))

    def varies(alpha: int) -> float:
        """Of the chances that `drawn` tokens show, with their own noise replaced."""
        times = clocks * np.arange(1, experts + 1, dtype=np.float64) ** (alpha / 1000)
        first = np.argpartition(times, top_k - 1, axis=1)[:, :top_k]
        chosen = np.bincount(first.reshape(-1), minlength=experts) / drawn
        mean = top_k / experts
        noise = float((chosen * (1 - chosen)).mean()) / mean**2
        return float(((chosen / mean - 1) ** 2).mean()) + noise * (1 / seen - 1 / drawn)

    low, high = 0, _MOST_ALPHA
    while low < high:
        middle = (low + high) // 2
        if varies(middle) < variation**2:
            low = middle + 1
        else:
            high = middle
    return low
