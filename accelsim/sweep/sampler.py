"""A sampler for optuna that finds a front with few points, by a model of each objective."""

from __future__ import annotations

from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from accelsim.sweep.plan import ARCHITECTURE
from accelsim.sweep.space import Axis, Space, Suggestion
from accelsim.sweep.surrogate import LEAST, Model, maximin_improvement, not_dominated

WORST = 1e3  # told of a point without figures; above any that is told of others

FEASIBLE_POINTS = 4  # that a model needs
OPTIMISM = (0.0, 1.0)  # in turn: how many deviations below its mean a point is judged
WHOLE_POOL = 4096  # suggestions that are judged: all of a space that is no larger,
DRAWN = 1024  # of others so many drawn anywhere, and as many near the best
ENUMERATED = 100_000  # suggestions among which the last that is left is found
FIT_AGAIN = 1.1  # when there are so many times the points
MODEL_POINTS = 400  # of the points that ran, at most so many are modelled


class ModelSampler(BaseSampler):
    """Models each objective and asks for what would improve the front most.

    The first suggestions are a Latin hypercube. Suggestions whose results are not in yet count as
    run with what the model expects of them. Points without figures are modelled too, as 1 against
    0 for others, and the improvement is less by what that model expects.

    Parameters
    ----------
    space : Space
    seed : int
    start : int
        Points of the Latin hypercube.
    """

    def __init__(self, space: Space, seed: int, start: int) -> None:
        self.space, self.seed = space, seed
        rng = np.random.default_rng(seed)
        axes = 1 + len(space.names)
        strata = np.stack([rng.permutation(start) for _ in range(axes)], axis=1)
        self._start = ((strata + rng.random((start, axes))) / start).tolist()
        self._random = RandomSampler(seed=seed)
        self._pool: list[Suggestion] = []
        self._modelled = self._doubted = self._fitted = 0  # points told when that was done last
        self._lengths: list[np.ndarray | None] = []
        self._encoded = self._mean = self._spread = self._doubt = np.empty(0)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Every axis; `sample_relative` leaves out those that an architecture does not have."""
        found = {axis.name: _distribution(axis) for axis in self.space.all_axes}
        return {ARCHITECTURE: _architectures(self.space), **found}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The next suggestion; nothing where all of a finite space was asked for."""
        if trial.number < len(self._start):
            return self.space.numbers(self.space.at(self._start[trial.number]))
        trials = [t for t in study.get_trials(deepcopy=False) if t.number != trial.number]
        chosen = self._chosen(trials, np.random.default_rng([self.seed, trial.number]))
        return {} if chosen is None else self.space.numbers(chosen)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        """Anything."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def _chosen(self, trials: list[FrozenTrial], rng: np.random.Generator) -> Suggestion | None:
        asked = [_suggestion(self.space, trial.params) for trial in trials]
        ran = [at for at, trial in enumerate(trials) if _has_figures(trial)]
        if len(ran) < FEASIBLE_POINTS:
            return unseen(self.space, set(asked), rng)
        values = np.array([trials[at].values for at in ran])
        seen = set(asked)
        if self._modelled != len(ran):
            self._modelled, self._doubted = len(ran), 0
            self._model([asked[at] for at in ran], values, seen, rng)
        free = np.array([suggestion not in seen for suggestion in self._pool], dtype=bool)
        if not free.any():
            return unseen(self.space, seen, rng)
        running = {asked[i] for i, t in enumerate(trials) if t.state == TrialState.RUNNING}
        waiting = [at for at, suggestion in enumerate(self._pool) if suggestion in running]
        front = np.concatenate([values[not_dominated(values)], self._mean[waiting]])
        optimism = OPTIMISM[len(waiting) % len(OPTIMISM)]
        scale = np.maximum(values.std(axis=0), LEAST)
        gain = maximin_improvement(front / scale, (self._mean - optimism * self._spread) / scale)
        self._judge_refusals(trials, asked)
        gain -= self._doubt
        gain[~free] = -np.inf
        # Rounded, so that the last bits of a linear algebra library decide nothing.
        return self._pool[int(np.argmax(gain.round(9)))]

    def _model(
        self,
        ran: list[Suggestion],
        values: np.ndarray,
        seen: set[Suggestion],
        rng: np.random.Generator,
    ) -> None:
        """Model what ran, and judge the pool by it."""
        best = [ran[at] for at in np.flatnonzero(not_dominated(values))]
        self._pool = [s for s in self._candidates(best, rng) if s not in seen]
        if not self._pool:
            return
        self._encoded = self.space.encoded(self._pool)
        kept = _modelled(values)
        x = self.space.encoded([ran[at] for at in kept])
        if len(ran) >= FIT_AGAIN * self._fitted:
            self._fitted, self._lengths = len(ran), [None] * values.shape[1]
        models = [
            Model(x, column, self.space.without_order, lengths)
            for column, lengths in zip(values[kept].T, self._lengths, strict=True)
        ]
        self._lengths = [model.lengths for model in models]
        judged = [model.at(self._encoded) for model in models]
        self._mean = np.stack([mean for mean, _ in judged], axis=1)
        self._spread = np.stack([spread for _, spread in judged], axis=1)

    def _candidates(self, best: list[Suggestion], rng: np.random.Generator) -> list[Suggestion]:
        """All of a small space; of another, points drawn anywhere and near the best."""
        if self.space.size <= WHOLE_POOL:
            return list(self.space.every())
        found = [self.space.drawn(rng) for _ in range(DRAWN)]
        found += [self.space.near(best[at % len(best)], rng) for at in range(DRAWN)]
        return list(dict.fromkeys(found))

    def _judge_refusals(self, trials: list[FrozenTrial], asked: list[Suggestion]) -> None:
        """How likely each point of the pool has no figures."""
        ended = [at for at, trial in enumerate(trials) if trial.state == TrialState.COMPLETE]
        if self._doubted == len(ended):
            return
        self._doubted = len(ended)
        ended = ended[-MODEL_POINTS:]
        bad = np.array([not _has_figures(trials[at]) for at in ended], dtype=float)
        self._doubt = np.zeros(len(self._pool))
        if bad.any():
            x = self.space.encoded([asked[at] for at in ended])
            model = Model(x, bad, self.space.without_order)
            self._doubt = np.clip(model.at(self._encoded)[0], 0, 1)


def _modelled(values: np.ndarray) -> np.ndarray:
    """Numbers of the points to model: all, or the front and some of the others."""
    if len(values) <= MODEL_POINTS:
        return np.arange(len(values))
    front = np.flatnonzero(not_dominated(values))[-MODEL_POINTS // 2 :]
    others = np.setdiff1d(np.arange(len(values)), front)
    even = np.linspace(0, len(others) - 1, MODEL_POINTS - len(front)).round().astype(int)
    return np.sort(np.concatenate([front, others[even]]))


def _has_figures(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE and trial.values[0] < WORST


def unseen(space: Space, seen: set[Suggestion], rng: np.random.Generator) -> Suggestion | None:
    """A suggestion that was not asked for yet; None where none is found."""
    if space.size <= ENUMERATED:
        left = [suggestion for suggestion in space.every() if suggestion not in seen]
        return left[rng.integers(len(left))] if left else None
    drawn = (space.drawn(rng) for _ in range(WHOLE_POOL))
    return next((suggestion for suggestion in drawn if suggestion not in seen), None)


def _distribution(axis: Axis) -> BaseDistribution:
    if axis.kind == "choice":
        return CategoricalDistribution(range(int(axis.high) + 1))
    if axis.kind == "real":
        return FloatDistribution(axis.low, axis.high, log=axis.log)
    return IntDistribution(int(axis.low), int(axis.high), log=axis.log)


def _architectures(space: Space) -> BaseDistribution:
    return CategoricalDistribution(range(len(space.axes)))


def _suggestion(space: Space, numbers: dict[str, Any]) -> Suggestion:
    arch = int(numbers.get(ARCHITECTURE, 0))
    axes = space.axes[arch]
    return Suggestion(arch, tuple(numbers[axis.name] for axis in axes))
