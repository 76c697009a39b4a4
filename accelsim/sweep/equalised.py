"""A machine scaled until it has as much of something as a target: whole parts first, then bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import NamedTuple

from accelsim.arch.load import ArchSource, Setting
from accelsim.arch.size import array_settings, byte_settings, parts_of, size_text, ways_of
from accelsim.arch.spec import Arch
from accelsim.errors import InputError
from accelsim.hardware.ratio import ByEntry

TOLERANCE = 0.01  # of what is to be equal
CLOSE = 1e-4  # where the search ends
LARGEST = 64  # times or parts of the machine as it is
BYTES_APART = 2  # at most, between how bytes and how the array are scaled


class Measure(NamedTuple):
    """What is to be equal: `of` gives it of a machine, in `unit`, by a cost table (or none).

    `by_entry` : what it goes with, by entry of the cost table, with ranges; None where it has none.
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

    `source` : with its `settings`, as its YAML could say them. `way` : see `ways_of`;
    `bytes_follow` : whether bytes on chip went with the array, or were kept. `factor`,
    `bytes_factor` : of the array and of the bytes on chip. `before`, `after` : what the measure
    says, without and with them. `name` : of the machine as it was; `sizes` : of its array and its
    bytes on chip, before and after; `figures` : what it has against the target. `other` : what
    the other way gave, if it was tried; `other_ratio` : its time over that of this one.
    """

    source: ArchSource
    way: str
    bytes_follow: bool
    factor: float
    bytes_factor: float
    settings: tuple[Setting, ...]
    before: float
    after: float
    name: str
    sizes: tuple[tuple[str, str], tuple[str, str]]
    figures: str
    other: str = ""
    other_ratio: float | None = None

    @property
    def text(self) -> str:
        """How it was scaled, in a line."""
        array, size = (
            "" if before == after else f"{before.split()[0]} -> {after}"
            for before, after in self.sizes
        )
        if self.other:
            array = f"{array or self.size} ({self.other})"
        changes = ", ".join(each for each in (array, size) if each)
        return f"{self.name}{': ' + changes if changes else ' as it is'}: {self.figures}"

    @property
    def size(self) -> str:
        """Of the array, in words: "40 columns"."""
        return self.sizes[0][1]

    @property
    def overrides(self) -> list[str]:
        """The settings as ``path=value``, as ``--set`` takes them."""
        return [f"{path}={json.dumps(value)}" for path, value in self.settings]


def equalised(
    side: ArchSource,
    target: float,
    measure: Measure,
    way: str | None = None,
    *,
    bytes_follow: bool = True,
) -> Equalised:
    """Scale a machine until it has as much of something as a target, within `TOLERANCE`.

    `way` : of `ways_of`, by default the first. `bytes_follow` : bytes on chip by the same factor;
    else they are kept, but for what whole parts miss.

    Raises
    ------
    InputError
        It cannot: its limits, whole rows, or a target too far away. Says what came closest.
    """
    return next(choices(side, target, measure, way, bytes_follow=bytes_follow))


def choices(
    side: ArchSource,
    target: float,
    measure: Measure,
    way: str | None = None,
    *,
    bytes_follow: bool = True,
) -> Iterator[Equalised]:
    """`equalised` with the whole parts on either side of the target; the order is `_Search.near`'s.

    Raises
    ------
    InputError
        As `equalised`.
    """
    search = _Search(side, target, measure, way, bytes_follow)
    met = math.log1p(TOLERANCE)
    if search.off(search.now) <= math.log1p(CLOSE):
        yield search.found(search.now)
        return
    missed = [search.now]
    for made in search.near():
        if search.off(made) <= met:
            yield search.found(made)
            missed.clear()
        elif missed:
            missed.append(made)
    closest = min(missed, key=search.off, default=None)
    if closest is not None:
        if search.off(closest) > met:
            raise search.missed(closest)
        yield search.found(closest)


class _Made(NamedTuple):
    """A machine that was tried: whole parts of its array, bytes on chip, and the measure."""

    parts: int
    on_chip: int
    settings: tuple[Setting, ...]
    value: float


class _Search:
    """Whole parts first, then bytes."""

    def __init__(
        self,
        side: ArchSource,
        target: float,
        measure: Measure,
        way: str | None,
        bytes_follow: bool,
    ) -> None:
        self.side, self.target, self.measure = side, target, measure
        self.bytes_follow = bytes_follow
        self.arch = side.arch()
        self.way = way or ways_of(self.arch)[0]
        self.parts = parts_of(self.arch, self.way)
        self.grain = 1024 if self.arch.on_chip >= 1 << 20 else 64
        self.now = _Made(self.parts, self.arch.on_chip, (), measure.of(self.arch))
        self.refused = ""

    def off(self, made: _Made) -> float:
        """Distance from the target, as the logarithm of a factor."""
        return abs(math.log(made.value / self.target))

    def near(self) -> Iterator[_Made]:
        """The whole parts below and above the target, made up by bytes; the closer first.

        Where bytes are kept, first the one that has no fewer of them: a machine whose tensors just
        fit loses much by losing a little.
        """
        tried = [made for parts in self._around() if (made := self._whole(parts)) is not None]
        above = self.target if not self.bytes_follow else math.inf
        for made in sorted(tried, key=lambda made: (made.value > above, self.off(made))):
            yield self._by_bytes(made)

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
            why = f"whole {self.way} are too coarse"
        return InputError(
            f"cannot have {measure.shown(self.target)}, the closest is"
            f" {measure.shown(best.value)} with {rows[1]}, {size[1]}: {why}",
            where=f"{self.arch.name} at equal {measure.name}",
            remedy="scale the other machine, or change what does not scale",
        )

    def found(self, best: _Made) -> Equalised:
        """What is given back of the machine that was chosen; its name and description say it."""
        measure, name = self.measure, self.arch.name
        figures = f"{measure.shown(best.value)} against {measure.shown(self.target)}"
        figures += f" by {measure.table}" * bool(measure.table)
        found = Equalised(
            self.side, self.way, self.bytes_follow, best.parts / self.parts,
            best.on_chip / self.arch.on_chip, (), self.now.value, best.value, name,
            self._sizes(best), figures,
        )  # fmt: skip
        if not best.settings:
            return found
        settings = (
            ("name", f"{name} at equal {measure.name}"),
            ("description", f"{self.arch.description}; {found.text}"),
            *best.settings,
        )
        return found._replace(source=self.side.with_settings(settings), settings=settings)

    def _sizes(self, made: _Made) -> tuple[tuple[str, str], tuple[str, str]]:
        """Rows and bytes before and after."""
        now = size_text(self.arch, self.way)
        then = size_text(self.side.with_settings(made.settings).arch(), self.way)
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
        """So many parts, with bytes in proportion or kept."""
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
        """Bytes in proportion to the array, or kept, times a factor, in whole grains."""
        factor = Fraction(parts, self.parts) if self.bytes_follow else Fraction(1)
        return max(1, int(self.arch.on_chip * factor * times) // self.grain)

    def _at(self, parts: int, grains: int) -> _Made | None:
        """A machine as it is measured; None where it is refused."""
        on_chip, settings = grains * self.grain, list[Setting]()
        if parts != self.parts:
            settings += array_settings(self.arch, Fraction(parts, self.parts), self.way)
        if on_chip != self.arch.on_chip:
            settings += byte_settings(self.arch, Fraction(on_chip, self.arch.on_chip))
        try:
            value = self.measure.of(self.side.with_settings(settings).arch())
        except InputError as error:
            self.refused = error.what
            return None
        return _Made(parts, on_chip, tuple(settings), value)
