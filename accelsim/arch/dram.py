"""The DRAM of an architecture: stacks of a part, or at the simple level figure by figure."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from accelsim.arch.part import Part, Queues
from accelsim.arch.units import (
    BYTES,
    PS_PER_SECOND,
    Bytes,
    BytesPerSecond,
    Clock,
    Count,
    Duration,
    PositiveDuration,
    period_ps,
)
from accelsim.config.record import FieldError, Spec
from accelsim.kernels.dram_fields import T_CHANNEL_AT, T_TRAIN

TRAIN_LINES = 8  # of a train, on each channel
DRAM_TAGS = ("figures of the simple level", "stacks of a part")  # of the union


class SimpleDram(Spec):
    """DRAM at the simple level, figure by figure: bursts, and an activate interval per new row.

    Attributes
    ----------
    bandwidth : int, bytes per second
        Peak of all channels, before refresh.
    channels, banks : int
        Channels; banks of a channel.
    capacity : int, bytes
        All channels.
    clock : int, hertz
        Requests are accepted on its edges.
    line, row, interleave : int, bytes
        A burst; a row of a channel; what one channel holds before the next takes over.
    queue_depth : int
        Slots of a channel's queue.
    activate_interval : int, ps
        Least time between two activates of a channel.
    refresh_overhead : float
        Share of the time that refresh takes; stretches bursts and activates.
    row_hit, row_miss : int, ps
        Accept to first data when nothing is in the way.
    return_delay : int, ps
        Last data on the channel to the unit's return path.
    level : str
        Always "simple": these figures describe no more.
    """

    level: Literal["simple"]
    bandwidth: BytesPerSecond
    channels: Count
    capacity: Bytes
    clock: Clock
    line: Bytes
    row: Bytes
    interleave: Bytes
    banks: Count
    queue_depth: Count
    activate_interval: Duration
    refresh_overhead: Annotated[float, Field(strict=True, ge=0, lt=1)]
    row_hit: PositiveDuration
    row_miss: PositiveDuration
    return_delay: Duration

    @model_validator(mode="after")
    def _sizes_divide(self) -> SimpleDram:
        for small, large in (("line", "interleave"), ("interleave", "row")):
            a, b = getattr(self, small), getattr(self, large)
            if b % a:
                raise FieldError(
                    large, f"{BYTES.format(b)} is not a multiple of {small} {BYTES.format(a)}"
                )
        if self.row_miss < self.row_hit:
            raise FieldError("row_miss", "is shorter than row_hit, expected at least that")
        return self

    @property
    def clock_ps(self) -> int:
        """Period of the DRAM clock."""
        return period_ps(self.clock)

    @property
    def exact_burst_ps(self) -> Fraction:
        """Line / (bandwidth / channels), stretched by refresh, before rounding."""
        return Fraction(self.line * PS_PER_SECOND * self.channels, self.bandwidth) / self._uptime

    @property
    def burst_ps(self) -> int:
        """Data bus time of a line, refresh included, at least 1 ps."""
        return max(1, round(self.exact_burst_ps))

    @property
    def activate_ps(self) -> int:
        """Least time between two activates of a channel, refresh included."""
        return round(self.activate_interval / self._uptime)

    @property
    def _uptime(self) -> Fraction:
        return 1 - Fraction(str(self.refresh_overhead))

    @property
    def row_bytes(self) -> int:
        """Of a row of a channel."""
        return self.row

    @property
    def ranks(self) -> int:
        """Of a channel: what these figures describe has one."""
        return 1

    def table(self) -> dict[str, int]:
        """The figures of `engine.program.Dram`, by the names that it gives them."""
        return {
            "channels": self.channels,
            "line_bytes": self.line,
            "row_bytes": self.row,
            "interleave_bytes": self.interleave,
            "banks": self.banks,
            "queue_depth": self.queue_depth,
            "clock_ps": self.clock_ps,
            "burst_ps": self.burst_ps,
            "activate_ps": self.activate_ps,
            "row_hit_ps": self.row_hit,
            "row_miss_ps": self.row_miss,
            "return_ps": self.return_delay,
            "permute": 0,
        }

    def notes(self) -> list[str]:
        """What was rounded."""
        exact = self.exact_burst_ps
        if exact.denominator == 1:
            return []
        return [
            f"dram: a line takes {float(exact):.2f} ps of its channel with refresh,"
            f" rounded to {self.burst_ps} ps"
        ]

    def vector(self) -> np.ndarray:
        """Of the request level: none."""
        return np.zeros(0, np.int64)


class PartDram(Spec):
    """DRAM of so many stacks (or modules) of a part; see `accelsim.arch.part.Part`.

    Attributes
    ----------
    level : str
        "request" replays every command of the part. "train" does so too, except for contiguous
        pieces of 1 KiB and more while no other unit has shorter ones, which follow each other at
        a pace that was measured command by command (`accelsim.kernels.trains`). "simple" charges
        bursts and an activate interval, both derived from the part.
    part : Part
        In YAML the name of a shipped part, or a path.
    stacks : int
        How many; capacity follows, and bandwidth unless it is given.
    interleave : int, bytes
        What one stack holds before the next takes over.
    bandwidth : int, bytes per second
        Peak of all stacks, before refresh; what the part gives, unless said. If it is another,
        so is the clock: timings keep their nanoseconds and are rounded up to clocks.
    mapping, queues, permute : str, Queues and bool, or None
        Of the controller; the part's unless said. `permute` spreads blocks over stacks likewise.
    return_delay : int, ps
        Last data on the channel to the unit's return path.
    """

    level: Literal["request", "train", "simple"]
    part: Part
    stacks: Count
    interleave: Bytes
    bandwidth: BytesPerSecond = 0
    mapping: str | None = None
    queues: Queues | None = None
    permute: Annotated[bool, Field(strict=True)] | None = None
    return_delay: Duration

    @model_validator(mode="after")
    def _fits_the_part(self) -> PartDram:
        line, row = self.part.request_bytes, self.part.row_bytes
        if self.interleave % line or row % self.interleave:
            raise FieldError(
                "interleave",
                f"{BYTES.format(self.interleave)} is not a multiple of the burst, {line} B, that"
                f" divides the row, {BYTES.format(row)}, of part '{self.part.name}'",
            )
        if not self.bandwidth:
            object.__setattr__(self, "bandwidth", self.stacks * self.part.bandwidth)
        try:
            _ = self.running
        except ValidationError as error:  # a mapping that does not fit the part
            raise error.errors()[0]["ctx"]["error"] from None
        return self

    @cached_property
    def running(self) -> Part:
        """The part with this controller's mapping and queues, at the clock of the bandwidth."""
        own = {"mapping": self.mapping, "queues": self.queues, "permute": self.permute}
        part = self.part.changed({name: value for name, value in own.items() if value is not None})
        if self.bandwidth == self.stacks * part.bandwidth:
            return part
        of_a_clock = Fraction(self.stacks * part.channels * part.request_bytes, part.column_clocks)
        return part.at_period(max(1, -int(-of_a_clock * PS_PER_SECOND // self.bandwidth)))

    @property
    def channels(self) -> int:
        """Of all stacks."""
        return self.stacks * self.part.channels

    @property
    def capacity(self) -> int:
        """Bytes of all stacks."""
        return self.stacks * self.part.capacity

    @property
    def line(self) -> int:
        """Bytes of a burst."""
        return self.part.request_bytes

    @property
    def clock_ps(self) -> int:
        """Period of the DRAM clock."""
        return self.running.clock_period

    @property
    def refresh_overhead(self) -> Fraction:
        """Share of the time that refresh takes."""
        timing = self.running.timing
        return Fraction(timing.trfc, timing.trefi) if self.part.refresh else Fraction(0)

    @property
    def activate_interval(self) -> int:
        """Least time between two activates of a channel, ps; ranks take turns."""
        timing = self.running.timing
        clocks = max(Fraction(timing.tfaw, 4), Fraction(timing.trrd_s)) / self.part.ranks
        return round(clocks * self.clock_ps)

    @property
    def row_bytes(self) -> int:
        """Of a row of a channel."""
        return self.part.row_bytes

    @property
    def ranks(self) -> int:
        """Of a channel."""
        return self.part.ranks

    @property
    def row_miss(self) -> int:
        """Accept to first data of a closed row, ps."""
        return (self.running.timing.trcd_read + self.running.timing.cl) * self.clock_ps

    @property
    def burst_ps(self) -> int:
        """Data bus time of a line, refresh included."""
        return round(self.running.column_clocks * self.clock_ps / (1 - self.refresh_overhead))

    @property
    def activate_ps(self) -> int:
        """Least time between two activates of a channel, refresh included."""
        return round(self.activate_interval / (1 - self.refresh_overhead))

    def table(self) -> dict[str, int]:
        """The figures of `engine.program.Dram`, by the names that it gives them."""
        part, interleave = self.running, self.interleave
        if self.level == "simple" and part.channels > 1:
            interleave = min(part.row_bytes, self.line << int(part.vector[T_CHANNEL_AT]))
        return {
            "channels": self.channels,
            "line_bytes": self.line,
            "row_bytes": part.row_bytes,
            "interleave_bytes": interleave,
            "banks": part.ranks * part.bank_groups * part.banks,
            "queue_depth": part.queues.reads + part.queues.writes,
            "clock_ps": self.clock_ps,
            "burst_ps": self.burst_ps,
            "activate_ps": self.activate_ps,
            "row_hit_ps": part.timing.cl * self.clock_ps,
            "row_miss_ps": self.row_miss,
            "return_ps": self.return_delay,
            "permute": int(part.permute),
        }

    def notes(self) -> list[str]:
        """What was rounded."""
        if self.clock_ps == self.part.clock_period:
            return []
        return [
            f"dram: {self.part.name} runs at {self.clock_ps} ps instead of"
            f" {self.part.clock_period} ps for its share of the bandwidth, its timings rounded up"
            " to clocks"
        ]

    def vector(self) -> np.ndarray:
        """The part as the kernels read it, at request level."""
        if self.level == "simple":
            return np.zeros(0, np.int64)
        vector = self.running.vector.copy()
        if self.level == "train":
            vector[T_TRAIN] = TRAIN_LINES * self.channels
        return vector


def _tag(value: Any) -> str:
    has_part = "part" in value if isinstance(value, dict) else isinstance(value, PartDram)
    return DRAM_TAGS[has_part]


Dram = Annotated[
    Annotated[SimpleDram, Tag(DRAM_TAGS[0])] | Annotated[PartDram, Tag(DRAM_TAGS[1])],
    Discriminator(_tag),
]
