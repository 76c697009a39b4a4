"""What would help most: every unit twice as fast, buffers twice as large, mapped and run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from accelsim.arch.dram import PartDram
from accelsim.arch.load import ArchSource, Setting
from accelsim.arch.spec import Arch
from accelsim.errors import InputError
from accelsim.mapping.reuse import Reuse
from accelsim.simulation import simulate
from accelsim.sweep.design import value_at
from accelsim.sweep.values import as_number, with_units
from accelsim.workload.trace import Trace

FREE = 16  # times the memory, to see what is left without it
_SPEED = {
    "vector": ("vector.lanes",),
    "index": (
        "index.compares_per_cycle", "index.bitmap_bits_per_cycle", "index.csr_nonzeros_per_cycle"
    ),
    "scatter": ("scatter.banks",),
    "load": ("load.lines_per_cycle", "load.outstanding", "load.return_bytes_per_cycle"),
    "store": ("store.lines_per_cycle", "store.outstanding"),
}  # fmt: skip
Progress = Callable[[str, int, int], None]


class WhatIf(NamedTuple):
    """A change of an architecture and what it gives.

    `settings` : paths and values, as they would stand in its YAML. `total_ps` : with it. `gain` :
    time before over time with it. `refused` : why it could not be run.
    """

    name: str
    settings: tuple[Setting, ...]
    total_ps: int = 0
    gain: float = 0.0
    refused: str = ""


def what_if(
    source: ArchSource, trace: Trace, progress: Progress | None = None
) -> tuple[int, list[WhatIf]]:
    """Run a trace on an architecture and on every change of it.

    Returns
    -------
    (int, list[WhatIf])
        The time as it is, ps, and the changes, largest gain first.
    """
    reuse = Reuse()
    arch = source.arch()
    before = simulate(arch, trace, reuse=reuse).total_ps
    tried = list(changes(source))
    found = []
    for number, change in enumerate(tried):
        if progress is not None:
            progress(change.name, number, len(tried))
        try:
            changed = source.with_settings(change.settings).arch()
            total = simulate(changed, trace, reuse=reuse).total_ps
            found.append(change._replace(total_ps=total, gain=before / max(1, total)))
        except InputError as error:
            found.append(change._replace(refused=str(error)))
    return before, sorted(found, key=lambda change: -change.gain)


def changes(source: ArchSource) -> Iterator[WhatIf]:
    """What is tried: units with their port shares, memory, buffers and overheads.

    Storage that grows with a change comes on top of `on_chip`, so that no buffer shrinks for it.
    """
    arch = source.arch()
    for name, settings in _named(arch, Factor(arch)):
        if "on_chip" not in dict(settings) and (growth := growth_bytes(source, settings)):
            settings = [*settings, ("on_chip", f"{arch.on_chip + growth} B")]
        yield WhatIf(name, tuple(settings))


class Factor:
    """Settings that multiply fields of an architecture."""

    def __init__(self, arch: Arch) -> None:
        self.dumped: dict[str, Any] = arch.model_dump(mode="json")

    def __call__(self, *paths: str, by: int = 2) -> list[Setting]:
        """Fields that are there and not 0."""
        found: list[Setting] = []
        for path in paths:
            value = value_at(self.dumped, path)
            number = as_number(value)
            if isinstance(number, int | float) and number:
                found.append((path, with_units(by * number, value)))
        return found

    def ports(self, *units: str, by: int = 2) -> list[Setting]:
        """Port shares of units, and as many more ports that all shares have room."""
        shares = [f"scratchpad.shares.{unit}.{way}" for unit in units for way in ("read", "write")]
        return self("scratchpad.read_ports", "scratchpad.write_ports", *shares, by=by)


def _named(arch: Arch, times: Factor) -> Iterator[tuple[str, list[Setting]]]:
    units = list(arch.scratchpad.shares.of_units())
    rates = [f"mac_rate.{dtype}" for dtype in arch.mac_rate]
    yield "MAC array x2, with its ports", times(*rates) + times.ports("array")
    for unit, paths in _SPEED.items():
        if getattr(arch, unit) is not None:
            yield f"{unit} unit x2, with its ports", times(*paths) + times.ports(unit)
    yield "scratchpad ports x2, all units", times.ports(*units)
    dram = ("dram.stacks" if isinstance(arch.dram, PartDram) else "dram.channels", "dram.bandwidth")
    yield "DRAM x2", times(*dram)
    memory = [*dram, *_SPEED["load"], *_SPEED["store"]]
    for by in (2, FREE):
        yield (
            f"DRAM, load and store x{by}, with their ports",
            times(*memory, by=by) + times.ports("load", "store", by=by),
        )
    kept = ("mapping.prefetch", "mapping.activation_storage")
    yield "on-chip bytes x2", times("on_chip", *kept)
    if arch.array.kind == "sparse":
        yield "FIFOs of the array x2", times("array.fifo_depth", "array.fifo_storage")
    none = [("control.dispatch_cycles", 0), ("array.reconfiguration_cycles", 0)]
    yield "dispatch and reconfiguration free", [*none]


def growth_bytes(source: ArchSource, settings: Sequence[Setting]) -> int:
    """How much local storage grows with some settings; below 0 where it shrinks."""
    roomy = source.with_settings([*settings, ("on_chip", "1 TiB")]).arch()
    return sum(roomy.local_storage.values()) - sum(source.arch().local_storage.values())
