"""What a comparison is varied along: fields of all machines alike, the batch, and the density.

A change of the machines is made on every one of them, so that the comparison stays as fair as it
was; what has to scale along does so, and the scratchpad keeps its size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from accelsim.arch.dram import PartDram
from accelsim.arch.load import ArchSource, Setting
from accelsim.arch.scale import port_settings
from accelsim.arch.spec import Arch
from accelsim.arch.units import BYTES, BYTES_PER_SECOND
from accelsim.errors import InputError, unknown_name
from accelsim.sweep.trials import CANDIDATE, Case, Trials, same_scratchpad
from accelsim.workload.denser import with_density
from accelsim.workload.trace import Trace

Again = Callable[[int], Trace]  # the workload with another batch


class Made(NamedTuple):
    """A case of an axis: the value in the axis's unit, and what is to be said of it."""

    case: Case
    value: float
    remark: str = ""


class Axis(NamedTuple):
    """`made` : the case at a factor; `fixed` : why there is none."""

    name: str
    unit: str
    made: Callable[[float], Made]
    fixed: str = ""


class Field(NamedTuple):
    """A field of machines: settings that multiply it, and its value in `unit`."""

    name: str
    unit: str
    settings: Callable[[Arch, float], list[Setting]]
    value: Callable[[Arch], float]


def dram_settings(arch: Arch, factor: float) -> list[Setting]:
    """Bandwidth times a factor; stacks (or channels) follow in powers of two, so that the clock of
    a channel stays within a factor of 1.42 of what it was while there is one to take away.
    """
    part = isinstance(arch.dram, PartDram)
    number = arch.dram.stacks if isinstance(arch.dram, PartDram) else arch.dram.channels
    number = max(1, round(number * 2.0 ** round(math.log2(factor))))
    bandwidth = BYTES_PER_SECOND.format(round(arch.dram.bandwidth * factor))
    return [("dram.stacks" if part else "dram.channels", number), ("dram.bandwidth", bandwidth)]


def pad_settings(arch: Arch, factor: float) -> list[Setting]:
    """Every share of the scratchpad's ports times a factor, as whole bytes of a bank allow.

    The store keeps a line a cycle, the least there is, and the banks are as wide as that needs.
    """
    pad, line = arch.scratchpad, arch.dram.line
    settings: dict[str, object] = dict(port_settings(arch, max(factor, 1 / pad.bank_bytes)))
    bank_bytes = BYTES.parse(settings["scratchpad.bank_bytes"])
    share = "scratchpad.shares.store.read"
    if (missing := line - BYTES.parse(settings[share])) > 0:
        settings[share] = BYTES.format(line)
        bank_bytes += -(-missing // (pad.banks * pad.read_ports))
        settings["scratchpad.bank_bytes"] = BYTES.format(bank_bytes)
    return [*settings.items()]


def lane_settings(arch: Arch, factor: float) -> list[Setting]:
    """Vector lanes times a factor with their port shares, and as many more ports as these need."""
    pad = arch.scratchpad
    found: list[Setting] = [("vector.lanes", max(1, round(arch.vector.lanes * factor)))]
    for way, have in (("read", pad.read_bytes_per_cycle), ("write", pad.write_bytes_per_cycle)):
        share = getattr(pad.shares.vector, way)
        wanted = max(1, round(share * factor))
        found.append((f"scratchpad.shares.vector.{way}", BYTES.format(wanted)))
        taken = sum(getattr(each, way) for each in pad.shares.of_units().values())
        ports = getattr(pad, f"{way}_ports")
        more = ports * -(-(taken + wanted - share) // have)
        found.append((f"scratchpad.{way}_ports", max(ports, more)))
    return found


def line_settings(arch: Arch, factor: float) -> list[Setting]:
    """Lines in flight of load and store times a factor; their tags come on top of on_chip."""
    return [
        (f"{unit}.outstanding", max(1, round(getattr(arch, unit).outstanding * factor)))
        for unit in ("load", "store")
    ]


FIELDS = (
    Field("DRAM bandwidth", "GB/s", dram_settings, lambda arch: arch.dram.bandwidth / 1e9),
    Field(
        "scratchpad ports", "B/cycle", pad_settings,
        lambda arch: arch.scratchpad.read_bytes_per_cycle,
    ),
    Field("vector lanes", "lanes", lane_settings, lambda arch: arch.vector.lanes),
    Field("outstanding lines", "lines", line_settings, lambda arch: arch.load.outstanding),
)  # fmt: skip
BATCH, DENSITY = "batch", "density"
AXES = (*(field.name for field in FIELDS), BATCH, DENSITY)


def axes(trials: Trials, again: Again | None, along: Sequence[str] = AXES) -> list[Axis]:
    """The axes of a comparison, in the order of `AXES`.

    Parameters
    ----------
    trials : Trials
    again : callable(batch) or None
        Gives the workload with another batch; None for a stored trace, which has one only.
    along : sequence of str
        Of `AXES`.

    Raises
    ------
    InputError
        No such axis.
    """
    for name in along:
        if name not in AXES:
            raise unknown_name("axis", name, AXES)
    found = [_of_field(trials, field) for field in FIELDS if field.name in along]
    if BATCH in along:
        found.append(_of_batch(trials, again))
    if DENSITY in along:
        found.append(_of_density(trials))
    return found


def _of_field(trials: Trials, field: Field) -> Axis:
    def settings(source: ArchSource, factor: float) -> tuple[Setting, ...]:
        return same_scratchpad(source, field.settings(source.arch(), factor))

    def made(factor: float) -> Made:
        changes = {}
        if factor != 1:
            changes = {role: settings(each, factor) for role, each in trials.machines.items()}
        case = trials.now if factor == 1 else Case(trials.trace, changes)
        value = field.value(trials.arch(CANDIDATE, changes.get(CANDIDATE, ())))
        return Made(case, value)

    return Axis(field.name, field.unit, made)


def _of_batch(trials: Trials, again: Again | None) -> Axis:
    def made(factor: float) -> Made:
        batch = max(1, round(trials.trace.batch * factor))
        if batch == trials.trace.batch or again is None:
            return Made(trials.now, trials.trace.batch)
        return Made(Case(again(batch)), batch)

    fixed = "a stored trace has no other batch" if again is None else ""
    return Axis(BATCH, "sequences", made, fixed)


def _of_density(trials: Trials) -> Axis:
    now = with_density(trials.trace, 1)

    def made(factor: float) -> Made:
        if factor == 1:
            return Made(trials.now, now.density)
        denser = with_density(trials.trace, factor)
        if denser.kept == now.kept:
            return Made(trials.now, now.density)
        return Made(Case(denser.trace), denser.density, denser.remark)

    fixed = "" if now.changed else "no attention operator keeps some keys only"
    return Axis(DENSITY, "kept/visible", made, fixed)


def refusal(error: InputError) -> str:
    """What is said of a case that is refused."""
    return f"refused: {error.what}"
