"""Machines scaled until they have the same of something: area, power, MACs, cost.

Sparse logic takes area. With the same area on both sides the rival gets it as rows or columns and
bytes, and all is mapped and simulated again. Of rows and columns it gets what it runs faster with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from accelsim.analysis.comparison import AtEqual, Scaled
from accelsim.arch.load import ArchSource
from accelsim.arch.size import ways_of
from accelsim.arch.spec import Arch
from accelsim.errors import InputError, unknown_name
from accelsim.hardware.ratio import Ratio, ratio
from accelsim.sweep.equalised import Equalised, Measure, choices, equalised
from accelsim.sweep.trials import CANDIDATE, RIVALS

METHOD = (
    "The array is scaled by whole rows (of every shape alike) or PEs, with the storage that "
    "belongs to them, and bytes on chip, prefetch and activations by the same factor or not at "
    "all; where whole rows miss what is to be equal, the bytes make it up. A machine that is "
    "scaled for one workload takes the fastest of these, a systolic array also of columns instead "
    "of rows; for several workloads at once it gets rows, and loses no bytes. Lanes, buses, port "
    "shares, vector lanes, load, store, index and scatter units and DRAM stay."
)
Fastest = Callable[[ArchSource], int]  # time of a machine, ps


class Ends(NamedTuple):
    """A machine scaled to what the figures of the cost table allow at most either way.

    `ratio` : the measure of the machine that it is scaled to over its own, unscaled, with the range
    of the cost table. `before` : the machine as it was; `low`, `high` : scaled to the ends.
    """

    ratio: Ratio
    before: ArchSource
    low: Equalised
    high: Equalised


class Equal(NamedTuple):
    """Machines with the same of a measure.

    `machines` : all of them by role, scaled where they were to be. `scaled` : how, by role.
    `like` : the role whose `target` they were scaled to. `ends` : of those that were scaled, where
    the measure has a range; `remarks` : why not, where its ends cannot be met.
    """

    measure: Measure
    like: str
    target: float
    machines: dict[str, ArchSource]
    scaled: dict[str, Equalised]
    ends: dict[str, Ends]
    remarks: dict[str, str]

    @property
    def said(self) -> AtEqual:
        """What a comparison of them says of it."""
        how = {
            role: Scaled(
                one.way,
                one.other,
                one.other_ratio,
                one.factor,
                one.bytes_factor,
                one.before,
                one.after,
                one.text,
            )  # fmt: skip
            for role, one in self.scaled.items()
        }
        measure = self.measure
        return AtEqual(
            measure.name, measure.unit, measure.table, self.like, self.target, how, {},
            dict(self.remarks), {},
        )  # fmt: skip


def equal_machines(
    machines: Mapping[str, ArchSource],
    measure: Measure,
    scale: Sequence[str] = (),
    fastest: Fastest | None = None,
    *,
    bytes_follow: bool = True,
) -> Equal:
    """Scale machines to what another one has.

    Parameters
    ----------
    machines : mapping of role to ArchSource
        baseline, candidate, and third where there is one.
    measure : Measure
    scale : sequence of str
        The roles that are scaled: to the candidate, or to the baseline where the candidate is
        scaled itself. By default all rivals of the candidate.
    fastest : callable(ArchSource), optional
        The time of a machine, ps. Of all ways of `ways_of`, with bytes on chip in proportion or
        kept, and of the whole parts on either side of the target, the one with the least is taken;
        without it the closest in the first way.
    bytes_follow : bool
        Without `fastest`: bytes on chip in proportion; else they are kept.

    Raises
    ------
    InputError
        A role that is not there, none left to scale to, or a target that cannot be met.
    """
    for role in scale:
        if role not in machines:
            raise unknown_name("machine to scale", role, machines)
    roles = [r for r in (*RIVALS, CANDIDATE) if r in (scale or RIVALS) and r in machines]
    like = CANDIDATE if CANDIDATE not in roles else RIVALS[0]
    if like in roles:
        raise InputError(
            "baseline and candidate cannot both be scaled to each other",
            remedy="scale one of them",
        )
    target = measure.of(machines[like].arch())
    scaled = {
        role: _fastest_way(machines[role], target, measure, fastest, bytes_follow) for role in roles
    }
    sources = {role: scaled[role].source if role in scaled else machines[role] for role in machines}
    ends, remarks = dict[str, Ends](), dict[str, str]()
    for role in roles if measure.by_entry is not None else ():
        try:
            like_arch = machines[like].arch()
            ends[role] = _ends(machines[role], like_arch, measure, scaled[role], fastest)
        except InputError as error:
            remarks[role] = error.what
    return Equal(measure, like, target, sources, scaled, ends, remarks)


def _fastest_way(
    side: ArchSource,
    target: float,
    measure: Measure,
    fastest: Fastest | None,
    bytes_follow: bool,
) -> Equalised:
    """A machine scaled in the way that it runs faster with; the other is said beside it.

    Raises
    ------
    InputError
        No way meets the target; of the first one.
    """
    first, *others = ways_of(side.arch())
    if fastest is None:
        return equalised(side, target, measure, first, bytes_follow=bytes_follow)
    made, refused = list[_Timed](), dict[str, InputError]()
    for way in (first, *others):
        try:
            made.append(_fastest_of(_all_choices(side, target, measure, way), fastest))
        except InputError as error:
            refused[way] = error
    if not made:
        raise refused[first]
    best = min(made, key=lambda timed: timed.time_ps)
    for way, why in refused.items():
        return best.machine._replace(other=f"{way}: {why.what}")
    for other in made:
        if other.machine.settings != best.machine.settings:
            times = other.time_ps / max(1, best.time_ps)
            said = f"{other.machine.size}: {f'{times:.2f}x slower' if times > 1 else 'as fast'}"
            return best.machine._replace(other=said, other_ratio=times)
    return best.machine


def _all_choices(
    side: ArchSource, target: float, measure: Measure, way: str
) -> Iterator[Equalised]:
    """One way, with bytes on chip in proportion and kept.

    Raises
    ------
    InputError
        Neither meets the target.
    """
    refused = list[InputError]()
    for bytes_follow in (True, False):
        try:
            yield from choices(side, target, measure, way, bytes_follow=bytes_follow)
        except InputError as error:
            refused.append(error)
    if len(refused) == 2:
        raise refused[0]


class _Timed(NamedTuple):
    """A machine and its time, ps."""

    time_ps: int
    machine: Equalised


def _fastest_of(machines: Iterable[Equalised], fastest: Fastest) -> _Timed:
    """The machine with the least time, of equal ones the first.

    Raises
    ------
    InputError
        There is none, or none can run.
    """
    timed, refused = list[_Timed](), list[InputError]()
    for each in machines:
        try:
            timed.append(_Timed(fastest(each.source), each))
        except InputError as error:
            refused.append(error)
    if not timed:
        raise refused[0]
    return min(timed, key=lambda each: each.time_ps)


def _ends(
    side: ArchSource, like: Arch, measure: Measure, at_value: Equalised, fastest: Fastest | None
) -> Ends:
    """A machine at both ends of how much larger or smaller than it the other one may be, scaled as
    it was for the value.

    Raises
    ------
    InputError
        An end cannot be met.
    """
    assert measure.by_entry is not None
    own = side.arch()
    found = ratio(measure.by_entry(like), measure.by_entry(own))
    target = measure.of(like)
    value, made = target / measure.of(own), list[Equalised]()
    times = [end / found.value for end in (found.low, found.high)]
    for each in times:
        near = choices(
            side, target * each, measure, at_value.way, bytes_follow=at_value.bytes_follow
        )
        made.append(next(near) if fastest is None else _fastest_of(near, fastest).machine)
    over = Ratio(value, value * times[0], value * times[1], found.decided_by)
    return Ends(over, side, *made)
