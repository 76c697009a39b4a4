"""The flip table: the smallest change of one thing at which another machine is the faster."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from accelsim.errors import InputError
from accelsim.sweep.axes import AXES, Again, Axis, Made, axes, refusal
from accelsim.sweep.trials import CANDIDATE, Trials

LADDER = (2.0, 4.0, 8.0, 16.0)
NARROW = 1.1  # between the last factor with today's winner and the first with another
TIE = math.log(1.01)
METHOD = (
    "One thing is changed on every machine alike, and all are mapped and simulated again: by "
    "factors of 2, 4, 8 and 16 to both sides, until another machine is faster by 1 % or more; then "
    "between the last factor with today's winner and the first with another, to within 10 %, as "
    "far as the field has values there. Shares of ports, stacks of DRAM and tags scale with what "
    "they belong to; the scratchpad keeps its size. At the factor that is given another machine is "
    "ahead, at a tried one further away by 1 % or more. Between two factors that were tried the "
    "winner may change and change back unseen. Another density is another choice of keys, at a "
    "quality that is not known. Where machines differ the value is the candidate's."
)
TIE_NOW = "tie now: nobody is faster by 1 %"
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

    @property
    def distance(self) -> float:
        """From now, whichever the direction."""
        return abs(math.log(self.factor))


class Flip(NamedTuple):
    """Where the winner between the candidate and a rival changes along one axis.

    `factor`, `value`, `speedup` : the change nearest to now that was simulated and has another
    machine ahead, as a factor and in `unit` (of the candidate, where machines differ), and the
    speedup there; None if there is none. `wins_at`, `loses_at` : factors between which it changes,
    by how the candidate does there. `points` : all that was tried, by factor. `remark` : what
    stopped the search, or how it was made.
    """

    axis: str
    rival: str
    unit: str
    value_now: float | None = None
    speedup_now: float | None = None
    factor: float | None = None
    value: float | None = None
    speedup: float | None = None
    wins_at: float | None = None
    loses_at: float | None = None
    points: tuple[Point, ...] = ()
    remark: str = ""


def flips(trials: Trials, again: Again | None = None, along: Sequence[str] = AXES) -> list[Flip]:
    """Search axes for both rivals.

    Parameters
    ----------
    trials : Trials
    again : callable(batch) or None
    along : sequence of str
        See `axes`.
    """
    every = axes(trials, again, along)
    found: list[Flip] = []
    for number, axis in enumerate(every):
        cases = _Cases(trials, axis, number, len(every))
        for rival in trials.rivals:
            if axis.fixed:
                remark = f"not varied: {axis.fixed}"
                found.append(Flip(axis.name, rival, axis.unit, remark=remark))
            else:
                found.append(_Search(cases, rival).flip())
    return found


class _Cases:
    """Cases of one axis, made once for all rivals."""

    def __init__(self, trials: Trials, axis: Axis, number: int, of: int) -> None:
        self.trials, self.axis, self._place = trials, axis, (number, of)
        self._made: dict[float, Made] = {}

    def at(self, factor: float) -> Made:
        if factor not in self._made:
            self.trials.say(f"{self.axis.name} x {shown(factor)}", *self._place)
            self._made[factor] = self.axis.made(factor)
        return self._made[factor]

    def remarks(self) -> list[str]:
        return list(dict.fromkeys(made.remark for made in self._made.values() if made.remark))


class _Search:
    """The search of one axis for one rival."""

    def __init__(self, cases: _Cases, rival: str) -> None:
        self.cases, self.rival = cases, rival
        self.now = self._at(1.0)
        self.points = [self.now]
        self.said: list[str] = []

    def flip(self) -> Flip:
        axis, now = self.cases.axis, self.now
        known = Flip(axis.name, self.rival, axis.unit, now.value, now.speedup, points=(now,))
        if now.tie:
            return known._replace(remark=TIE_NOW)
        found = self._brackets()
        points = tuple(sorted(set(self.points)))
        remarks = [*self.said, *self.cases.remarks()]
        if not found:
            ties = [shown(point.factor) for point in points if point.tie]
            ends = f"{shown(points[0].factor)} to {shown(points[-1].factor)} times"
            text = f"no change of winner from {ends}" + f", tie at {', '.join(ties)}" * bool(ties)
            return known._replace(points=points, remark="; ".join([text, *remarks]))
        near, far = min(found, key=lambda pair: pair[1].distance)
        wins, loses = (near, far) if now.speedup > 1 else (far, near)
        return known._replace(
            factor=far.factor, value=far.value, speedup=far.speedup, wins_at=wins.factor,
            loses_at=loses.factor, points=points, remark="; ".join(remarks),
        )  # fmt: skip

    def _brackets(self) -> list[tuple[Point, Point]]:
        """Last point with today's winner and first with another, in each direction that has them
        at the least step of the ladder.
        """
        ends = {1: self.now, -1: self.now}
        for step in LADDER:
            found = []
            for way in list(ends):
                point = self._step(step, way)
                if point is None:
                    del ends[way]
                elif self._same(point):
                    ends[way] = point
                elif not point.tie:
                    found.append(self._narrowed(ends[way], point))
            if found:
                return found
        return []

    def _step(self, step: float, way: int) -> Point | None:
        """The point of a step of the ladder; None where a direction ends."""
        before = (step / LADDER[0]) ** way
        try:
            point = self._at(step**way)
        except InputError as error:
            self.said.append(f"x {shown(step**way)} {refusal(error)}"[:REMARK_LENGTH])
            return None
        if point.distance <= self._at(before).distance:  # as far as the values go
            return None
        self.points.append(point)
        if before != 1 and self._times(before) == self._times(step**way):
            self.said.append(f"from {shown(before)} times on no time changes")
            return None
        return point

    def _narrowed(self, near: Point, far: Point) -> tuple[Point, Point]:
        while abs(math.log(far.factor / near.factor)) > math.log(NARROW):
            between = math.sqrt(near.factor * far.factor)
            try:
                point = self._at(between)
            except InputError as error:
                self.said.append(f"x {shown(between)} {refusal(error)}"[:REMARK_LENGTH])
                break
            if point.factor in (near.factor, far.factor):  # no value between
                break
            self.points.append(point)
            near, far = (point, far) if self._same(point) else (near, point)
        return near, far

    def _at(self, factor: float) -> Point:
        value = self.cases.at(factor).value
        first, other = self._times(factor)
        return Point(value / self.cases.at(1.0).value, value, first / max(1, other))

    def _times(self, factor: float) -> tuple[int, int]:
        """Of the rival and the candidate, ps."""
        trials, case = self.cases.trials, self.cases.at(factor).case
        return trials.total_ps(case, self.rival), trials.total_ps(case, CANDIDATE)

    def _same(self, point: Point) -> bool:
        """Whether the machine that is faster now is faster there."""
        return (point.speedup > 1) == (self.now.speedup > 1)


def shown(factor: float) -> str:
    """A factor as text; below one as a fraction: "1/4"."""
    return f"{factor:.3g}" if factor >= 1 else f"1/{1 / factor:.3g}"
