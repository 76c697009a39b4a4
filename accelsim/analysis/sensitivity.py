"""How much each parameter of a sweep matters, on its own and together with another.

The logarithm of a response is fitted by a sum of one effect for every level of every parameter
(main effects, least squares). Where each level meets the others equally often the effect of a level
is the geometric mean of the response over the other parameters, relative to that over all points;
where points failed or were drawn at random, the fit keeps the other parameters from leaking in.
A response is first divided by its geometric mean in each group (architecture and workload), so that
long workloads weigh no more than short ones, and then averaged over the workloads of a setting
(an architecture with values of its parameters).
A parameter that only some architectures have is fitted within those.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from accelsim.analysis.levels import Level, Levels, levels_of

ENOUGH = 2.0  # points that a cell of two parameters has on average, or their pair is not judged
ROUNDS = 500
NOTHING = 1e-9  # a log effect, or a share of a variance, below this is rounding


class Effect(NamedTuple):
    """A level of a parameter: `settings` have it, `effect` is relative to all of them."""

    parameter: str
    level: Level
    settings: int
    effect: float


class Swing(NamedTuple):
    """The levels of a parameter with the lowest and the highest effect."""

    parameter: str
    lowest: Effect
    highest: Effect

    @property
    def range(self) -> float:
        """Highest over lowest effect, at least 1."""
        return self.highest.effect / self.lowest.effect


class Pair(NamedTuple):
    """Share of the variance that two parameters explain together beyond their main effects.

    `share` : None where the points are too few to tell.
    """

    first: str
    second: str
    share: float | None


class Sensitivity(NamedTuple):
    """Effects of parameters on a response; a setting is an architecture with their values.

    `effects` : by parameter and level. `main` : parameter -> share of the variance of the log
    response over settings. `pairs` : strongest first. `mains`, `interactions`, `remainder` : shares
    of all main effects, of all pairs that could be judged, and the rest (three and more parameters
    together, what differs between architectures, the other pairs); None where the response is
    constant or the points are no more than the levels. `settings` : how many were fitted.
    `balanced` : every level meets every other equally often, and shares are exact; otherwise what
    chance alone would explain is taken off. `apart` : whether the points tell all parameters apart.
    """

    effects: list[Effect]
    main: dict[str, float]
    pairs: list[Pair]
    mains: float | None
    interactions: float | None
    remainder: float | None
    settings: int
    balanced: bool
    apart: bool

    def swings(self) -> list[Swing]:
        """The tornado: parameters by the range of their effects, widest first."""
        found = []
        for name in dict.fromkeys(effect.parameter for effect in self.effects):
            own = sorted((e for e in self.effects if e.parameter == name), key=lambda e: e.effect)
            found.append(Swing(name, own[0], own[-1]))
        return sorted(found, key=lambda swing: -swing.range)

    def pair(self, one: str, other: str) -> Pair | None:
        """The pair of two parameters, in either order."""
        return next((p for p in self.pairs if {p.first, p.second} == {one, other}), None)


class TwoWay(NamedTuple):
    """Geometric means at each combination of two parameters, relative to all settings.

    `effects` : float64[levels of first, levels of second], NaN where there is no point.
    """

    first: str
    second: str
    rows: list[Level]
    columns: list[Level]
    effects: np.ndarray


class _Settings(NamedTuple):
    """`response` : float64[settings], log, mean 0 in each block; `levels` by parameter.

    `blocks` : int64[settings], the architecture. `distinct` : settings of which none is another's
    on another architecture; repeating them there tells nothing new of chance.
    """

    response: np.ndarray
    blocks: np.ndarray
    levels: dict[str, Levels]
    distinct: int


class _Fit(NamedTuple):
    """`parts` : float64[settings] by parameter; `coefficients` : of its levels; `rest` : residual.

    `used` : degrees of freedom that main effects and blocks take.
    """

    parts: dict[str, np.ndarray]
    coefficients: dict[str, np.ndarray]
    rest: np.ndarray
    used: int
    apart: bool


def sensitivity(
    frame: pd.DataFrame,
    parameters: Sequence[str],
    response: str,
    *,
    architecture: str = "architecture",
    workload: str = "workload",
    continuous: Collection[str] = (),
) -> Sensitivity:
    """Main effects, interactions of pairs, and what share of the variance they explain.

    Parameters
    ----------
    frame : DataFrame
        A row for every point that has figures.
    parameters : sequence of str
        Columns, NaN where a parameter does not apply; those of a single level are left out.
    response : str
        A column of positive figures.
    architecture, workload : str
        Columns within which the response is normalised.
    continuous : collection of str
        Parameters drawn from a range; see `levels_of`.

    Raises
    ------
    ValueError
        The response is not positive everywhere.
    """
    data = _design(frame, parameters, response, architecture, workload, continuous)
    fit = _fit(data)
    count, balanced = len(data.response), _balanced(data)
    effects = _effects(data, fit)
    names = list(_meeting(data))
    total, left = (float(rows @ rows) for rows in (data.response, fit.rest))
    spare = data.distinct - fit.used
    if total <= NOTHING**2 * count or (spare <= 0 and not balanced):
        pairs = [Pair(*pair, None) for pair in names]
        return Sensitivity(effects, {}, pairs, None, None, None, count, balanced, fit.apart)
    noise = 0.0 if balanced else left / spare
    main = {
        name: _share(float(part @ part) - noise * (len(data.levels[name].levels) - 1), total)
        for name, part in fit.parts.items()
    }
    freedom = fit.used - len(np.unique(data.blocks))
    mains = _share(total - left - noise * freedom, total)
    parts = [_pair_part(data, fit, pair, balanced) for pair in names]
    # The fit hides from pairs what it takes from the rest by chance.
    shares = [None if part is None else part * (1 - mains) for part in parts]
    # Those that chance puts below zero count in the sum, or it would grow with the pairs.
    together = min(1 - mains, _share(sum(share or 0.0 for share in shares), 1))
    pairs = [
        Pair(*pair, None if share is None else _share(share, 1))
        for pair, share in zip(names, shares, strict=True)
    ]
    pairs.sort(key=lambda pair: 1.0 if pair.share is None else -pair.share)
    rest = _share(1 - mains - together, 1)
    return Sensitivity(effects, main, pairs, mains, together, rest, count, balanced, fit.apart)


def two_way(
    frame: pd.DataFrame,
    pair: tuple[str, str],
    response: str,
    *,
    architecture: str = "architecture",
    workload: str = "workload",
    continuous: Collection[str] = (),
) -> TwoWay:
    """Geometric means of the normalised response at every combination of two parameters."""
    data = _design(frame, pair, response, architecture, workload, continuous)
    first, second = (data.levels[name] for name in pair)
    shape = len(first.levels), len(second.levels)
    there = (first.codes >= 0) & (second.codes >= 0)
    cells = first.codes[there] * shape[1] + second.codes[there]
    points = np.bincount(cells, minlength=shape[0] * shape[1])
    sums = np.bincount(cells, weights=data.response[there], minlength=len(points))
    means = np.exp(np.where(points > 0, sums / np.maximum(points, 1), np.nan)).reshape(shape)
    return TwoWay(*pair, first.levels, second.levels, means)


def _design(
    frame: pd.DataFrame,
    parameters: Sequence[str],
    response: str,
    architecture: str,
    workload: str,
    continuous: Collection[str],
) -> _Settings:
    """One row a setting: the mean over its workloads of the normalised log response."""
    given = frame[response].to_numpy(float)
    if not len(given) or not (given > 0).all():
        raise ValueError(f"'{response}' is not positive at every point")
    settings = frame.groupby([architecture, *parameters], dropna=False, sort=False)
    numbers = settings.ngroup().to_numpy()
    groups = frame.groupby([architecture, workload], sort=False).ngroup().to_numpy()
    one = frame.iloc[np.unique(numbers, return_index=True)[1]]
    blocks = pd.factorize(one[architecture])[0].astype(np.int64)
    means = _means_within(np.log(given), numbers, groups)
    centred = means - _block_means(means, blocks)
    found = {name: levels_of(one[name], name in continuous) for name in parameters}
    several = {name: levels for name, levels in found.items() if len(levels.levels) > 1}
    common = [name for name, levels in several.items() if (levels.codes >= 0).all()]
    distinct = max(int(np.bincount(blocks).max()), len(one[common].drop_duplicates()))
    return _Settings(centred, blocks, several, distinct)


def _effects(data: _Settings, fit: _Fit) -> list[Effect]:
    found = []
    for name, levels in data.levels.items():
        points = _points(levels)
        for level, number, value in zip(levels.levels, points, fit.coefficients[name], strict=True):
            effect = 1.0 if abs(value) < NOTHING else float(np.exp(value))
            found.append(Effect(name, level, int(number), effect))
    return found


def _points(levels: Levels) -> np.ndarray:
    """int64[levels], settings that have each level."""
    return np.bincount(levels.codes[levels.codes >= 0], minlength=len(levels.levels))


def _share(part: float, total: float) -> float:
    """A part of a variance, not below 0 nor rounding."""
    share = part / total
    return share if share > NOTHING else 0.0


def _meeting(data: _Settings) -> Iterator[tuple[str, str]]:
    """Pairs of parameters that some architecture has both of."""
    for one, other in itertools.combinations(data.levels, 2):
        codes = data.levels[one].codes, data.levels[other].codes
        if ((codes[0] >= 0) & (codes[1] >= 0)).any():
            yield one, other


def _means_within(values: np.ndarray, settings: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """float64[settings], their means over groups, each group freed of its own level.

    Levels and means are found in turn until they agree, so that a setting that is missing in a slow
    group looks no faster for it; where none is missing that is at once.
    """
    counts, members = np.bincount(settings), np.bincount(groups)
    means = np.zeros(len(counts))
    for _ in range(ROUNDS):
        levels = np.bincount(groups, weights=values - means[settings]) / members
        found = np.bincount(settings, weights=values - levels[groups]) / counts
        moved = float(np.ptp(found - means))
        means = found
        if moved < NOTHING:
            break
    return means


def _block_means(values: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """Mean of each row's block, along the first axis."""
    means = [values[blocks == block].mean(axis=0) for block in range(int(blocks.max()) + 1)]
    return np.array(means)[blocks]


def _fit(data: _Settings) -> _Fit:
    """Least squares of all main effects at once, within each architecture.

    Where the points do not tell parameters apart, the solution of least norm is taken.
    """
    count, blocks = len(data.response), int(data.blocks.max()) + 1
    if not data.levels:
        return _Fit({}, {}, data.response, blocks, True)
    columns = []
    for levels in data.levels.values():
        marks = np.zeros((count, len(levels.levels)))
        there = levels.codes >= 0
        marks[there, levels.codes[there]] = 1
        columns.append(marks - _block_means(marks, data.blocks))
    matrix = np.hstack(columns)
    # Through the normal equations: levels are few, settings may be many thousands.
    values, vectors = np.linalg.eigh(matrix.T @ matrix)
    kept = values > 1e-9 * max(float(values.max()), 1.0)
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    solution = inverse @ (matrix.T @ data.response)
    parts, coefficients, first = {}, {}, 0
    for (name, levels), marks in zip(data.levels.items(), columns, strict=True):
        own = solution[first : first + len(levels.levels)]
        parts[name] = marks @ own
        points = _points(levels)
        coefficients[name] = own - own @ points / points.sum()
        first += len(own)
    rank = int(kept.sum())
    whole = sum(len(levels.levels) - 1 for levels in data.levels.values())
    rest = data.response - matrix @ solution
    return _Fit(parts, coefficients, rest, blocks + rank, rank == whole)


def _pair_part(data: _Settings, fit: _Fit, names: tuple[str, str], balanced: bool) -> float | None:
    """Part of what the main effects leave that the means of its cells explain; may be < 0.

    Without balance, what chance alone would put there is taken off: the variance inside the cells
    x their degrees of freedom (as in epsilon squared, Kelley 1935). None below `ENOUGH` points a
    cell, or where nothing is left to measure chance by.
    """
    first, second = (data.levels[name] for name in names)
    there = (first.codes >= 0) & (second.codes >= 0)
    cells = first.codes[there] * len(second.levels) + second.codes[there]
    rest = fit.rest[there]
    if not there.all():  # where both apply, their own effects may be others than over all
        own = {name: Levels(data.levels[name].levels, data.levels[name].codes[there])
               for name in names}  # fmt: skip
        blocks = np.unique(data.blocks[there], return_inverse=True)[1]
        rest = rest - _block_means(rest, blocks)
        rest = _fit(_Settings(rest, blocks, own, len(rest))).rest
    points = np.bincount(cells)
    sums = np.bincount(cells, weights=rest)[points > 0]
    points = points[points > 0]
    left, between = float(fit.rest @ fit.rest), float((sums**2 / points).sum())
    if balanced:
        return between / left if left else 0.0
    rows = len(np.unique(first.codes[there])) + len(np.unique(second.codes[there])) - 1
    freedom = len(points) - rows
    spare = data.distinct - fit.used - freedom
    enough = ENOUGH * len(points) * len(cells) / data.distinct
    if freedom <= 0 or spare <= 0 or len(cells) < enough:
        return None
    if left <= NOTHING**2 * len(fit.rest):
        return 0.0
    return (between - freedom * max(0.0, left - between) / spare) / left


def _balanced(data: _Settings) -> bool:
    """Whether, in every architecture, each level of a parameter meets all of the others equally."""
    for block in range(int(data.blocks.max()) + 1):
        inside = data.blocks == block
        own = [lev for lev in data.levels.values() if (lev.codes[inside] >= 0).any()]
        if any((lev.codes[inside] < 0).any() for lev in own):
            return False
        for one, other in itertools.combinations(own, 2):
            cells = one.codes[inside] * len(other.levels) + other.codes[inside]
            points = np.bincount(cells, minlength=len(one.levels) * len(other.levels))
            if points.min() != points.max():
                return False
    return True
