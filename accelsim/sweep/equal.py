"""Machines scaled until they have the same of something: area, power, MACs, cost.

Sparse logic takes area. With the same area on both sides the rival gets it as rows and bytes, and
all is mapped and simulated again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from accelsim.analysis.comparison import AtEqual, Scaled
from accelsim.arch.load import ArchSource, Setting
from accelsim.arch.size import array_settings, byte_settings, parts_of, size_text
from accelsim.arch.spec import Arch
from accelsim.errors import InputError, unknown_name
from accelsim.hardware.ratio import ByEntry, Ratio, ratio
from accelsim.sweep.trials import CANDIDATE, RIVALS

TOLERANCE = 0.01  # of what is to be equal
CLOSE = 1e-4  # where the search ends
LARGEST = 64  # times or parts of the machine as it is
BYTES_APART = 2  # at most, between how bytes and how the array are scaled
METHOD = (
    "The array is scaled by whole rows (of every shape alike) or PEs, with the storage that "
    "belongs to them, and bytes on chip, prefetch and activations by the same factor; where whole "
    "rows miss what is to be equal, the bytes make it up. Columns, lanes, buses, port shares, "
    "vector lanes, load, store, index and scatter units and DRAM stay."
)


class Measure(NamedTuple):
    """What is to be equal: `of` gives it of a machine, in `unit`, by a cost table (or none).

    `by_entry` : the same by entry of the cost table, with ranges; None where it has none.
    """

    name: str
    unit: str
    table: str
    of: Callable[[Arch], float]
    by_entry: Callable[[Arch], ByEntry] | None = None

    def shown(self, value: float) -> str:
        """A figure with its unit."""
        return f"{value:.4g} {self.unit}"


class Equalised(NamedTuple):
    """A machine that was scaled to a target.

    `source` : with its `settings`, as its YAML could say them. `factor`, `bytes_factor` : of the
    array and of the bytes on chip. `before`, `after` : what the measure says, without and with
    them. `text` : how it was scaled, in a line.
    """

    source: ArchSource
    factor: float
    bytes_factor: float
    settings: tuple[Setting, ...]
    before: float
    after: float
    text: str

    @property
    def overrides(self) -> list[str]:
        """The settings as ``path=value``, as ``--set`` takes them."""
        return [f"{path}={json.dumps(value)}" for path, value in self.settings]


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
    the measure has a range and its ends can be met.
    """

    measure: Measure
    like: str
    target: float
    machines: dict[str, ArchSource]
    scaled: dict[str, Equalised]
    ends: dict[str, Ends]

    @property
    def said(self) -> AtEqual:
        """What a comparison of them says of it."""
        how = {
            role: Scaled(one.factor, one.bytes_factor, one.before, one.after, one.text)
            for role, one in self.scaled.items()
        }
        measure = self.measure
        return AtEqual(measure.name, measure.unit, measure.table, self.like, self.target, how, {})


def equal_machines(
    machines: Mapping[str, ArchSource], measure: Measure, scale: Sequence[str] = ()
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
    scaled = {role: equalised(machines[role], target, measure) for role in roles}
    sources = {role: scaled[role].source if role in scaled else machines[role] for role in machines}
    found = {role: _ends(machines[role], machines[like].arch(), measure) for role in roles}
    ends = {role: each for role, each in found.items() if each is not None}
    return Equal(measure, like, target, sources, scaled, ends)


def _ends(side: ArchSource, like: Arch, measure: Measure) -> Ends | None:
    """A machine at both ends of how much larger or smaller than it the other one may be."""
    if measure.by_entry is None:
        return None
    own = side.arch()
    found = ratio(measure.by_entry(like), measure.by_entry(own))
    try:
        low, high = (
            equalised(side, measure.of(own) * times, measure) for times in (found.low, found.high)
        )
    except InputError:
        return None
    return Ends(found, side, low, high)


def equalised(side: ArchSource, target: float, measure: Measure) -> Equalised:
    """Scale a machine until it has as much of something as a target, within `TOLERANCE`.

    Raises
    ------
    InputError
        It cannot: its limits, whole rows, or a target too far away. Says what came closest.
    """
    search = _Search(side, target, measure)
    best = search.now if search.off(search.now) <= math.log1p(CLOSE) else search.best()
    if search.off(best) > math.log1p(TOLERANCE):
        raise search.missed(best)
    return search.found(best)


class _Made(NamedTuple):
    """A machine that was tried: whole parts of its array, bytes on chip, and the measure."""

    parts: int
    on_chip: int
    settings: tuple[Setting, ...]
    value: float


class _Search:
    """Whole parts first, then bytes."""

    def __init__(self, side: ArchSource, target: float, measure: Measure) -> None:
        self.side, self.target, self.measure = side, target, measure
        self.arch = side.arch()
        self.parts = parts_of(self.arch)
        self.grain = 1024 if self.arch.on_chip >= 1 << 20 else 64
        self.now = _Made(self.parts, self.arch.on_chip, (), measure.of(self.arch))
        self.refused = ""

    def off(self, made: _Made) -> float:
        """Distance from the target, as the logarithm of a factor."""
        return abs(math.log(made.value / self.target))

    def best(self) -> _Made:
        """The closest machine."""
        low, high = self._around()
        tried = [made for parts in (low, high) if (made := self._whole(parts)) is not None]
        found = [self.now]
        for made in sorted(tried, key=self.off):
            found.append(self._by_bytes(made))
            if self.off(found[-1]) <= math.log1p(TOLERANCE):
                return found[-1]
        return min(found, key=self.off)

    def missed(self, best: _Made) -> InputError:
        """Build the error of a target that cannot be met."""
        measure, above = self.measure, best.value > self.target
        rows, size = self._sizes(best)
        if max(best.parts / self.parts, self.parts / best.parts) >= LARGEST:
            why = f"more than x{LARGEST} is not tried"
        elif above and best.parts == 1:
            why = "its array cannot be smaller, and the rest stays"
        elif above and self._whole(best.parts - 1) is None:
            why = f"a smaller one is refused: {self.refused}"
        else:
            why = f"whole {rows[0].split()[1]} are too coarse"
        return InputError(
            f"cannot have {measure.shown(self.target)}, the closest is"
            f" {measure.shown(best.value)} with {rows[1]}, {size[1]}: {why}",
            where=f"{self.arch.name} at equal {measure.name}",
            remedy="scale the other machine, or change what does not scale",
        )

    def found(self, best: _Made) -> Equalised:
        """What is given back of the machine that was chosen; its name and description say it."""
        measure, name = self.measure, self.arch.name
        rows, size = self._sizes(best)
        changes = [
            f"{before.split()[0]} -> {after}" for before, after in (rows, size) if before != after
        ]
        how = ": " + ", ".join(changes) if changes else " as it is"
        figures = f"{measure.shown(best.value)} against {measure.shown(self.target)}"
        figures += f" by {measure.table}" * bool(measure.table)
        source, settings = self.side, best.settings
        if settings:
            settings = (
                ("name", f"{name} at equal {measure.name}"),
                ("description", f"{self.arch.description}; {name}{how}: {figures}"),
                *settings,
            )
            source = self.side.with_settings(settings)
        return Equalised(
            source, best.parts / self.parts, best.on_chip / self.arch.on_chip, settings,
            self.now.value, best.value, f"{name}{how}: {figures}",
        )  # fmt: skip

    def _sizes(self, made: _Made) -> tuple[tuple[str, str], tuple[str, str]]:
        """Rows and bytes before and after."""
        now = size_text(self.arch)
        then = size_text(self.side.with_settings(made.settings).arch())
        return (now[0], then[0]), (now[1], then[1])

    def _around(self) -> tuple[int, int]:
        """The last whole parts below the target and the first that are not."""
        low, high = -(-self.parts // LARGEST) - 1, self.parts * LARGEST
        while high - low > 1:
            between = (low + high) // 2
            made = self._whole(between)
            below = between < self.parts if made is None else made.value < self.target
            if below:
                low = between
            else:
                high = between
        return low, high

    def _whole(self, parts: int) -> _Made | None:
        """So many parts with bytes in proportion."""
        least = -(-self.parts // LARGEST)
        return None if parts < least else self._at(parts, self._grains(parts, Fraction(1)))

    def _by_bytes(self, made: _Made) -> _Made:
        """The same array with the bytes that come closest."""
        way = 1 if made.value < self.target else -1
        best, near = made, made.on_chip // self.grain
        far = self._grains(made.parts, Fraction(BYTES_APART) ** way)
        while abs(far - near) > 1 and self.off(best) > math.log1p(CLOSE):
            between = (near + far) // 2
            tried = self._at(made.parts, between)
            if tried is None or way * (tried.value - self.target) >= 0:
                far = between
            else:
                near = between
            if tried is not None and self.off(tried) < self.off(best):
                best = tried
        return best

    def _grains(self, parts: int, times: Fraction) -> int:
        """Bytes in proportion to the array, times a factor, in whole grains."""
        return max(1, int(self.arch.on_chip * Fraction(parts, self.parts) * times) // self.grain)

    def _at(self, parts: int, grains: int) -> _Made | None:
        """A machine as it is measured; None where it is refused."""
        on_chip, settings = grains * self.grain, list[Setting]()
        if parts != self.parts:
            settings += array_settings(self.arch, Fraction(parts, self.parts))
        if on_chip != self.arch.on_chip:
            settings += byte_settings(self.arch, Fraction(on_chip, self.arch.on_chip))
        try:
            value = self.measure.of(self.side.with_settings(settings).arch())
        except InputError as error:
            self.refused = error.what
            return None
        return _Made(parts, on_chip, tuple(settings), value)
