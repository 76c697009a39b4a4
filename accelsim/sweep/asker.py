"""Asking a sampler for points that were not asked for before, by optuna's ask and tell."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import optuna
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.trial import Trial, TrialState

from accelsim.errors import unknown_name
from accelsim.sweep.plan import ARCHITECTURE
from accelsim.sweep.sampler import WORST, ModelSampler, unseen
from accelsim.sweep.space import Axis, Space, Suggestion

SAMPLERS = ("model", "tpe", "nsga2")
PATIENCE = 8  # with a sampler that repeats itself, before any other point is taken
START = 8  # points at least, before a sampler learns from them


class Asker:
    """Gives every suggestion once, and tells the sampler what became of it.

    Parameters
    ----------
    space : Space
    sampler : str
        One of `SAMPLERS`.
    objectives : int
        How many, all minimised.
    seed, batch : int

    Raises
    ------
    InputError
        No such sampler.
    """

    def __init__(self, space: Space, sampler: str, objectives: int, seed: int, batch: int) -> None:
        self.space, self.seed = space, seed
        self.seen: set[Suggestion] = set()
        with quiet():
            self.study = optuna.create_study(
                sampler=_sampler(sampler, space, seed, max(batch, START)),
                directions=["minimize"] * objectives,
            )

    def ask(self) -> tuple[Suggestion, Trial] | None:
        """A suggestion that was not made before; None where there is none."""
        for _ in range(PATIENCE):
            suggestion, trial = self._next()
            if suggestion not in self.seen:
                break
            self.forget(trial)
        else:
            rng = np.random.default_rng([self.seed, len(self.seen)])
            other = unseen(self.space, self.seen, rng)
            if other is None:
                return None
            self.study.enqueue_trial(self.space.numbers(other))
            suggestion, trial = self._next()
        self.seen.add(suggestion)
        return suggestion, trial

    def tell(self, trial: Trial, values: Sequence[float] | None) -> None:
        """The objectives of a suggestion, minimised; None where it has none."""
        bad = [WORST] * len(self.study.directions)
        with quiet():
            self.study.tell(trial, bad if values is None else list(values))

    def forget(self, trial: Trial) -> None:
        """The sampler learns nothing from a suggestion."""
        with quiet():
            self.study.tell(trial, state=TrialState.FAIL)

    def _next(self) -> tuple[Suggestion, Trial]:
        with quiet():
            trial = self.study.ask()
            several = range(len(self.space.axes))
            arch = trial.suggest_categorical(ARCHITECTURE, several) if len(several) > 1 else 0
            numbers = [_suggested(trial, axis) for axis in self.space.axes[arch]]
        return Suggestion(arch, tuple(numbers)), trial


def _suggested(trial: Trial, axis: Axis) -> float:
    if axis.kind == "choice":
        return trial.suggest_categorical(axis.name, range(int(axis.high) + 1))
    if axis.kind == "real":
        return trial.suggest_float(axis.name, axis.low, axis.high, log=axis.log)
    return trial.suggest_int(axis.name, int(axis.low), int(axis.high), log=axis.log)


def _sampler(name: str, space: Space, seed: int, start: int) -> BaseSampler:
    if name == "model":
        return ModelSampler(space, seed, start)
    if name == "nsga2":
        return NSGAIISampler(population_size=start, seed=seed)
    if name != "tpe":
        raise unknown_name("sampler", name, SAMPLERS)
    conditional = len({tuple(axis.name for axis in axes) for axes in space.axes}) > 1
    return TPESampler(
        n_startup_trials=start, multivariate=True, group=conditional, constant_liar=True, seed=seed
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Without optuna's log and its warnings about what is experimental."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)
