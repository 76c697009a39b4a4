"""Energy of DRAM by what it does: rows opened, bits moved, refreshes, and time.

From currents of a data sheet the energies of a rank follow as DRAMsim3 computes them
(configuration.cc, after Micron's technical note TN-41-01), a sum over the supplies, all devices::

    activate = V (IDD0 (tRAS + tRP) - IDD3N tRAS - IDD2N tRP)     a row opened and closed
    read     = V (IDD4R - IDD3N) t_burst / bits of a burst        a bit; write with IDD4W
    refresh  = V (IDD5 - IDD3N) tRFC                              one refresh of all banks
    background = V IDD3N,  idle = V IDD2N                         power at rest

These are limits of data sheets, so they are rather too high than too low.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from accelsim.cost.amounts import Amount
from accelsim.cost.dram_spec import DramCurrents, DramEntry, DramSplit
from accelsim.cost.figure import Figure, Mark, total


class DramCost(NamedTuple):
    """Energy of a kind of DRAM, pJ; power, mW.

    `bit` : of moving one bit, all that the source counts included (`includes` says what).
    `activate` : of opening and closing a row of `row_bytes`; `read`, `write` : of moving one bit of
    an open row, with its I/O. These are None where no source splits the energy; they replace
    `bit`, not add to it. `refresh` : of one refresh of a rank; `background`, `idle` : of a rank all
    the time, with a row open or none; None where not known. `interface` : what it needs on the die.
    """

    kind: str
    bit: Figure
    includes: str
    activate: Figure | None = None
    read: Figure | None = None
    write: Figure | None = None
    row_bytes: int | None = None
    refresh: Figure | None = None
    background: Figure | None = None
    idle: Figure | None = None
    interface: str = "board"

    def opening(self, row_bytes: float) -> Figure | None:
        """Of opening and closing a row of another size: linear in its bytes (assumed)."""
        if self.activate is None or self.row_bytes is None or row_bytes == self.row_bytes:
            return self.activate
        why = f"a row of {row_bytes:,.0f} B instead of {self.row_bytes:,}"
        return self.activate.times(row_bytes / self.row_bytes, why, "assumed")

    def assumed(self, why: str) -> DramCost:
        """The same for another part that it stands for: every figure is then assumed."""
        given = self._asdict().items()
        figures: dict[str, Any] = {
            name: each.times(1, why, "assumed") for name, each in given if isinstance(each, Figure)
        }
        return self._replace(**figures)


class _Parts(NamedTuple):
    """What a split is of; see `DramCost`."""

    activate: Figure
    read: Figure
    write: Figure
    refresh: Figure | None
    background: Figure | None
    idle: Figure | None
    row_bytes: int


def dram_cost(kind: str, entry: DramEntry, spread: float, why_assumed: str = "") -> DramCost:
    """Costs of an entry.

    Parameters
    ----------
    kind : str
        Its name.
    entry : DramEntry
    spread : float
        Factor of unknown ranges.
    why_assumed : str
        Where it only stands for the part that is asked for; every figure is then assumed.
    """
    parts = None
    if entry.split is not None:
        parts = _of_split(entry.split, spread)
    elif entry.currents is not None:
        parts = _of_currents(kind, entry.currents, spread)
    if entry.energy is not None:
        bit = entry.energy.figure(spread).times(1 / entry.bits, f"of {entry.bits} bits")
    else:
        assert parts is not None
        share = parts.activate.times(1 / (8 * parts.row_bytes), "a bit's share of its row")
        bit = total([parts.read, share], f"{kind}: whole rows are read")
    split: dict[str, Any] = {} if parts is None else parts._asdict()
    cost = DramCost(kind, bit, entry.includes, interface=entry.interface, **split)
    return cost.assumed(why_assumed) if why_assumed else cost


def _of_split(split: DramSplit, spread: float) -> _Parts:
    def of(amount: Amount | None) -> Figure | None:
        return None if amount is None else amount.figure(spread)

    return _Parts(
        split.activate.figure(spread), split.read.figure(spread), split.write.figure(spread),
        of(split.refresh), of(split.background), of(split.idle), split.row_bytes,
    )  # fmt: skip


def _of_currents(kind: str, given: DramCurrents, spread: float) -> _Parts:
    """The formula of the module; mW x ns is pJ."""
    rails, devices = given.rails.values(), given.devices

    def of(value: float, unit: str, what: str) -> Figure:
        mark: Mark = "assumed" if given.checked == "assumed" else "derived"
        return Figure(
            value, value / spread, value * spread, unit, given.source, mark,
            unverified=given.checked == "from memory", range_known=False,
            derivation=(f"{kind}: {what} from currents of a data sheet",),
        )  # fmt: skip

    def moved(current: str) -> Figure:
        drawn = sum(rail.volts * (getattr(rail, current) - rail.idd3n) for rail in rails)
        core = of(drawn * given.burst_ns / given.burst_bits, "pJ", f"a bit ({current})")
        if given.io is None:
            return core
        return total([core, given.io.figure(spread)], f"{kind}: core and I/O")

    open_ns, closed_ns = given.tras_ns, given.trp_ns
    row = sum(
        rail.volts * ((rail.idd0 - rail.idd3n) * open_ns + (rail.idd0 - rail.idd2n) * closed_ns)
        for rail in rails
    )
    refresh = sum(rail.volts * (rail.idd5 - rail.idd3n) for rail in rails) * given.trfc_ns
    at_rest = {
        current: devices * sum(rail.volts * getattr(rail, current) for rail in rails)
        for current in ("idd3n", "idd2n")
    }
    return _Parts(
        of(row * devices, "pJ", "a row"),
        moved("idd4r"),
        moved("idd4w"),
        of(refresh * devices, "pJ", "a refresh"),
        of(at_rest["idd3n"], "mW", "at rest, a row open"),
        of(at_rest["idd2n"], "mW", "at rest, no row open"),
        given.row_bytes,
    )
