"""The flip table: the smallest change of one thing at which another machine is the faster."""

from __future__ import annotations

import math
from typing import NamedTuple

from accelsim.errors import InputError
from accelsim.sweep.axes import Again, Axis, Made, axes, refusal
from accelsim.sweep.trials import Trials

LADDER = (2.0, 4.0, 8.0, 16.0)
NARROW = 1.1  # between the last factor with today's winner and the first with another
TIE = math.log(1.01)
METHOD = (
    "One thing is changed on every machine alike, and all are mapped and simulated again: by "
    "factors of 2, 4, 8 and 16 to both sides, until another machine is faster by 1 % or more; then "
    "between the last factor with today's winner and the first with another, to within 10 %, as "
    "far as the field has values there. Shares of ports, stacks of DRAM and tags scale with what "
    "they belong to; the scratchpad keeps its size. Between two factors that were tried the winner "
    "may change and change back unseen."
)
REMARK_LENGTH = 200


class Point(NamedTuple):
    """A factor that was simulated, the value there, and the candidate's speedup over the rival."""

    factor: float
    value: float
    speedup: float

    @property
    def tie(self) -> bool:
        """Whether nobody wins: the speedup is within 1 % of 1."""
        return abs(math.log(self.speedup)) < TIE


class Flip(NamedTuple):
    """Where the winner between the candidate and a rival changes along one axis.

    `factor`, `value` : the change nearest to now that was simulated and has another winner, as a
    factor and in `unit` (of the candidate, where machines differ); None if there is none.
    `wins_at`, `loses_at` : factors between which it changes, by who is faster there.
    `points` : all that was tried, by factor. `remark` : what stopped the search, or how it was
    made.
    """

    axis: str
    rival: str
    unit: str
    value_now: float | None
    speedup_now: float | None
    factor: float | None = None
    value: float | None = None
    wins_at: float | None = None
    loses_at: float | None = None
    points: tuple[Point, ...] = ()
    remark: str = ""


def flips(trials: Trials, again: Again | None = None) -> list[Flip]:
    """Search every axis for both rivals.

    Parameters
    ----------
    trials : Trials
    again : callable(batch) or None
        See `axes`.
    """
    found: list[Flip] = []
    every = axes(trials, again)
    for number, axis in enumerate(every):
        if axis.fixed:
            remark = f"not varied: {axis.fixed}"
            found += [Flip(axis.name, r, axis.unit, None, None, remark=remark) for r in trials.rivals]
            continue
        cases = _Cases(trials, axis, number, len(every))
        found += [_Search(cases, rival).flip() for rival in trials.rivals]
    return found


class _Cases:
    """Cases of one axis, made once for all rivals."""

    def __init__(self, trials: Trials, axis: Axis, number: int, of: int) -> None:
        self.trials, self.axis, self._place = trials, axis, (number, of)
        self._made: dict[float, Made] = {}
        self.remarks: list[str] = []

    def made(self, factor: float) -> Made:
        if factor not in self._made:
            self.trials.say(f"{self.axis.name} x {factor:.3g}", *self._place)
            self._made[factor] = made = self.axis.made(factor)
            if made.remark and made.remark not in self.remarks:
                self.remarks.append(made.remark)
        return self._made[factor]

    def point(self, factor: float, rival: str) -> Point:
        made = self.made(factor)
        now = self.made(1.0).value
        return Point(made.value / now, made.value, self.trials.speedup(made.case, rival))


class _Search:
    """The search of one axis for one rival."""

    def __init__(self, cases: _Cases, rival: str) -> None:
        self.cases, self.rival = cases, rival
        self.now = self.at(1.0)
        self.points = [self.now]
        self.refused: list[str] = []

    def at(self, factor: float) -> Point:
        return self.cases.point(factor, self.rival)

    def flip(self) -> Flip:
        axis, now = self.cases.axis, self.now
        known = Flip(axis.name, self.rival, axis.unit, now.value, now.speedup, points=(now,))
        if now.tie:
            return known._replace(remark="tie now: nobody is faster by 1 %")
        found = self._brackets()
        points = tuple(sorted(set(self.points)))
        remarks = [*self.refused, *self.cases.remarks]
        if not found:
            ends = f"{shown(points[0].factor)} to {shown(points[-1].factor)} times"
            ties = [shown(p.factor) for p in points if p.tie]
            text = f"no change of winner from {ends}" + (f", tie at {', '.join(ties)}" * bool(ties))
            return known._replace(points=points, remark="; ".join([text, *remarks]))
        near, far = min(found, key=lambda pair: _distance(pair[1]))
        wins, loses = (near, far) if now.speedup > 1 else (far, near)
        return known._replace(
            factor=far.factor, value=far.value, wins_at=wins.factor, loses_at=loses.factor,
            points=points, remark="; ".join(remarks),
        )  # fmt: skip

    def _brackets(self) -> list[tuple[Point, Point]]:
        """Last point with today's winner and first with another, in each direction that has them
        at the least step of the ladder.
        """
        ends = {1: self.now, -1: self.now}
        reached = {1: self.now, -1: self.now}
        for step in LADDER:
            found = []
            for way in sorted(ends, reverse=True):
                try:
                    point = self.at(step**way)
                except InputError as error:
                    self.refused.append(f"x {shown(step**way)} {refusal(error)}"[:REMARK_LENGTH])
                    del ends[way]
                    continue
                if _distance(point) <= _distance(reached[way]):  # as far as it goes
                    del ends[way]
                    continue
                reached[way] = point
                self.points.append(point)
                if self._same(point):
                    ends[way] = point
                elif not point.tie:
                    found.append(self._narrowed(ends[way], point))
            if found or not ends:
                return found
        return []

    def _narrowed(self, near: Point, far: Point) -> tuple[Point, Point]:
        while max(far.factor / near.factor, near.factor / far.factor) > NARROW:
            try:
                point = self.at(math.sqrt(near.factor * far.factor))
            except InputError as error:
                self.refused.append(f"between {refusal(error)}"[:REMARK_LENGTH])
                break
            if point.factor in (near.factor, far.factor):  # no value between
                break
            self.points.append(point)
            near, far = (point, far) if self._same(point) else (near, point)
        return near, far

    def _same(self, point: Point) -> bool:
        """Whether the machine that is faster now is faster there."""
        return (point.speedup > 1) == (self.now.speedup > 1)


def _distance(point: Point) -> float:
    return abs(math.log(point.factor))


def shown(factor: float) -> str:
    """A factor as text; below one as a fraction: "1/4"."""
    if factor >= 1:
        return f"{factor:.3g}"
    return f"1/{1 / factor:.3g}"
