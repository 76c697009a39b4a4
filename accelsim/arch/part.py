"""A DRAM part: shape, address mapping, queues and timing of one device or module.

`Part.vector` turns a part into the clocks of `accelsim.kernels.dram_fields`; the rules by which
constraints follow from the timings (write to read = CWL + burst + tWTR, ...) stand there.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from accelsim.arch.units import PS_PER_SECOND, Count, CountOrZero, PositiveDuration
from accelsim.config.record import FieldError, Spec
from accelsim.kernels import dram_fields as k

FIELDS = ("ro", "ra", "bg", "ba", "ch", "co")
BITS = 8


def _power_of_two(value: int) -> int:
    if value & (value - 1):
        raise ValueError(f"is {value}, expected a power of two")
    return value


Power = Annotated[Count, AfterValidator(_power_of_two)]


class Timing(Spec):
    """Clocks between commands, by their JEDEC names.

    `_l` holds inside a bank group, `_s` between bank groups. `cl`, `cwl` : command to data.
    `trtrs` : the bus changes hands between ranks, and from read to write. `tppd` : between two
    precharges of a rank; 0 for none.

    Attributes
    ----------
    trcd_read, trcd_write : int
        Activate to a read or write of the row.
    trp : int
        Precharge to the next activate of the bank.
    tras : int
        Activate to the precharge of the row.
    tccd_l, tccd_s : int
        Between two column commands.
    trrd_l, trrd_s : int
        Between two activates.
    tfaw : int
        A window in which a rank is activated four times at most.
    twtr_l, twtr_s : int
        End of written data to a read.
    twr : int
        End of written data to a precharge.
    trtp : int
        Read to a precharge.
    trfc : int
        How long a refresh takes.
    trefi : int
        Between two refreshes.
    """

    cl: Count
    cwl: Count
    trcd_read: Count
    trcd_write: Count
    trp: Count
    tras: Count
    tccd_l: Count
    tccd_s: Count
    trrd_l: Count
    trrd_s: Count
    tfaw: Count
    twtr_l: Count
    twtr_s: Count
    twr: Count
    trtp: Count
    trtrs: CountOrZero
    tppd: CountOrZero = 0
    trfc: Count
    trefi: Count


class Queues(Spec):
    """Entries: reads and writes of a channel, commands of a bank, and a client's of a channel.

    `client` : requests that wait, in order, before the read and write queue of their channel, so
    that those of other channels pass them; 0 for a client that waits with its oldest.

    Attributes
    ----------
    reads, writes : int
        Entries of a channel's queues.
    bank : int
        Commands that wait at a bank.
    """

    reads: Count
    writes: Count
    bank: Annotated[Count, Field(le=64)]
    client: CountOrZero = 0

    @model_validator(mode="after")
    def _writes_can_drain(self) -> Queues:
        if self.writes <= k.IDLE_DRAIN:
            raise FieldError("writes", f"is {self.writes}, expected more than {k.IDLE_DRAIN}")
        return self


class Part(Spec):
    """A DRAM part.

    Attributes
    ----------
    clock_period : int, ps
        Of the command clock.
    channels, ranks, bank_groups, banks : int
        Channels; ranks of a channel; bank groups of a rank; banks of a bank group.
    rows : int
        Rows of a bank.
    row_columns : int
        Requests in a row.
    bus_bits, burst_length : int
        Width of a channel, and beats of a burst: a request is one burst.
    burst_clocks : int
        Clocks that a burst holds the bus.
    dual_command : bool
        A column and a row command may be issued in one clock (HBM).
    mapping : str
        Fields of an address from the most to the least significant: row (ro), rank (ra), bank
        group (bg), bank (ba), channel (ch), column (co). The lowest bits of the column may stand
        apart: "ro ra bg ba co ch co2" has four columns in a channel before the next channel.
    permute : bool
        Whether channel and bank are permuted by the bits above them, so that strides of a power
        of two reach all: the channel XOR all bits above, bank group and bank XOR the lowest of
        the row (Zhang, Zhu, Zhang: permutation-based page interleaving, MICRO 2000).
    refresh : bool
        Whether rows are refreshed.
    assumed : tuple of str
        Figures without a public source.
    name, description : str
        As in lists and reports.
    """

    name: str
    description: str
    clock_period: PositiveDuration
    channels: Power
    ranks: Power
    bank_groups: Power
    banks: Power
    rows: Power
    row_columns: Power
    bus_bits: Power
    burst_length: Power
    burst_clocks: Count
    dual_command: Annotated[bool, Field(strict=True)] = False
    mapping: str
    permute: Annotated[bool, Field(strict=True)] = False
    queues: Queues
    refresh: Annotated[bool, Field(strict=True)] = True
    timing: Timing
    assumed: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _mapping_is_whole(self) -> Part:
        fields = self.mapping.split()
        low = [name for name in fields if _low_columns(name)]
        whole = [name for name in fields if name not in low]
        known = " ".join(FIELDS)
        for name in whole:
            if name not in FIELDS:
                raise FieldError("mapping", f"has unknown field '{name}', known: {known}")
            if whole.count(name) > 1:
                raise FieldError("mapping", f"has '{name}' twice, expected each field once")
        gone = [name for name in FIELDS if name not in whole]
        if gone:
            raise FieldError("mapping", f"lacks '{gone[0]}', expected each of {known}")
        if len(low) > 1:
            raise FieldError("mapping", f"has '{low[0]}' and '{low[1]}', expected one of them")
        if low and fields.index(low[0]) < fields.index("co"):
            raise FieldError("mapping", f"has '{low[0]}' above 'co', but it is its lowest bits")
        if low and _low_columns(low[0]) >= self.row_columns.bit_length() - 1:
            bits = self.row_columns.bit_length() - 1
            raise FieldError("mapping", f"has '{low[0]}', but a column has {bits} bits")
        return self

    def changed(self, changes: dict[str, Any]) -> Part:
        """The part with some fields replaced, checked again."""
        if not changes:
            return self
        return type(self).model_validate({**self.model_dump(mode="json"), **changes})

    def at_period(self, clock_period: int) -> Part:
        """The part at another clock: all that is no matter of the bus keeps its nanoseconds.

        They are rounded up to clocks, the refresh interval down.
        """
        ratio = Fraction(self.clock_period, clock_period)
        timing = self.timing.model_dump()
        for name, clocks in timing.items():
            if name not in ("tccd_s", "trtrs"):
                timing[name] = (
                    math.floor(clocks * ratio) if name == "trefi" else math.ceil(clocks * ratio)
                )
        timing["tccd_l"] = max(timing["tccd_l"], timing["tccd_s"])
        return self.changed({"clock_period": f"{clock_period} ps", "timing": timing})

    @property
    def request_bytes(self) -> int:
        """Bytes of one burst."""
        return self.bus_bits // BITS * self.burst_length

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of one channel."""
        return self.row_columns * self.request_bytes

    @property
    def capacity(self) -> int:
        """Bytes of all channels."""
        banks = self.channels * self.ranks * self.bank_groups * self.banks
        return banks * self.rows * self.row_bytes

    @property
    def column_clocks(self) -> int:
        """Clocks between two bursts at best: the bus, or tCCD where that is longer."""
        return max(self.burst_clocks, self.timing.tccd_s)

    @property
    def bandwidth(self) -> int:
        """Peak of all channels, bytes per second, before refresh."""
        clocks = self.column_clocks * self.clock_period
        return self.channels * self.request_bytes * PS_PER_SECOND // clocks

    @cached_property
    def vector(self) -> np.ndarray:
        """int64[T_FIELDS] : the part as the kernels read it."""
        t, burst = self.timing, self.burst_clocks
        read, write = t.cl + burst, t.cwl + burst
        long, short = max(burst, t.tccd_l), max(burst, t.tccd_s)
        values = {
            k.T_CHANNELS: self.channels,
            k.T_RANKS: self.ranks,
            k.T_GROUPS: self.bank_groups,
            k.T_BANKS: self.ranks * self.bank_groups * self.banks,
            k.T_SHIFT: self.request_bytes.bit_length() - 1,
            **self._fields(),
            k.T_READ_DONE: read,
            k.T_RCD_READ: t.trcd_read,
            k.T_RCD_WRITE: t.trcd_write,
            k.T_RP: t.trp,
            k.T_RAS: t.tras,
            k.T_RC: t.tras + t.trp,
            k.T_RRD_L: t.trrd_l,
            k.T_RRD_S: t.trrd_s,
            k.T_FAW: t.tfaw,
            k.T_PPD: t.tppd,
            k.T_READ_TO_PRE: t.trtp,
            k.T_WRITE_TO_PRE: write + t.twr,
            k.T_READ_READ_L: long,
            k.T_READ_READ_S: short,
            k.T_READ_READ_RANK: burst + t.trtrs,
            k.T_READ_WRITE: read - t.cwl + t.trtrs,
            k.T_READ_WRITE_RANK: read - t.cwl + t.trtrs,
            k.T_WRITE_READ_L: write + t.twtr_l,
            k.T_WRITE_READ_S: write + t.twtr_s,
            k.T_WRITE_READ_RANK: write - t.cl + t.trtrs,
            k.T_WRITE_WRITE_L: long,
            k.T_WRITE_WRITE_S: short,
            k.T_WRITE_WRITE_RANK: burst,
            k.T_RFC: t.trfc,
            k.T_REFRESH_EVERY: t.trefi // self.ranks if self.refresh else 0,
            k.T_DUAL: int(self.dual_command),
            k.T_DEPTH: self.queues.bank,
            k.T_READS: self.queues.reads,
            k.T_WRITES: self.queues.writes,
            k.T_CLIENT: self.queues.client,
            k.T_PERMUTE: int(self.permute),
            k.T_TRAIN: 0,
        }
        assert len(values) == k.T_FIELDS
        return np.array([values[number] for number in range(k.T_FIELDS)], np.int64)

    def _fields(self) -> dict[int, int]:
        sizes = (self.rows, self.ranks, self.bank_groups, self.banks, self.channels)
        size = dict(zip(FIELDS, (*sizes, self.row_columns), strict=True))
        places = {
            "ro": (k.T_ROW_AT, k.T_ROW_MASK),
            "ra": (k.T_RANK_AT, k.T_RANK_MASK),
            "bg": (k.T_GROUP_AT, k.T_GROUP_MASK),
            "ba": (k.T_BANK_AT, k.T_BANK_MASK),
            "ch": (k.T_CHANNEL_AT, k.T_CHANNEL_MASK),
        }
        values, at = {}, 0
        low = sum(_low_columns(name) for name in self.mapping.split())
        size["co"] >>= low
        for name in reversed(self.mapping.split()):
            if name in places:
                position, mask = places[name]
                values[position], values[mask] = at, size[name] - 1
            at += _low_columns(name) or size[name].bit_length() - 1
        return values


def _low_columns(field: str) -> int:
    """How many bits a field such as "co2" has, 0 for another field."""
    bits = field.removeprefix("co")
    return int(bits) if field.startswith("co") and bits.isdecimal() else 0
