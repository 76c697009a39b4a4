"""Changed machines on changed traces: each run once, whoever asks, and all share what they can."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from accelsim.arch.load import ArchSource, Setting
from accelsim.arch.spec import Arch
from accelsim.arch.units import BYTES
from accelsim.mapping.reuse import Reuse
from accelsim.progress import Progress
from accelsim.simulation import simulate
from accelsim.sweep.what_if import growth_bytes
from accelsim.workload.trace import Trace

CANDIDATE = "candidate"
RIVALS = ("baseline", "third")


@dataclass(eq=False)
class Case:
    """Settings of every machine and a trace; `totals` : what was run of it, ps by role."""

    trace: Trace
    settings: Mapping[str, tuple[Setting, ...]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)


@dataclass
class Trials:
    """Machines by role, and one trace.

    Parameters
    ----------
    machines : mapping of role to ArchSource
        baseline, candidate, and third where there is one.
    trace : Trace
    level : str or None
        Of DRAM in all runs; None leaves each machine at its own.
    progress : callable(text, done, of), optional
    """

    machines: Mapping[str, ArchSource]
    trace: Trace
    level: str | None = None
    progress: Progress | None = None

    def __post_init__(self) -> None:
        self.reuse = Reuse()
        self.now = Case(self.trace)
        self._variants: dict[tuple[str, int], Case] = {}

    @property
    def rivals(self) -> list[str]:
        """The roles that the candidate is measured against."""
        return [role for role in RIVALS if role in self.machines]

    def arch(self, role: str, settings: Iterable[Setting] = ()) -> Arch:
        """A machine with some settings, at the level of the trials."""
        arch = self.machines[role].with_settings(settings).arch()
        return arch if self.level is None else arch.at_dram_level(self.level)

    def total_ps(self, case: Case, role: str) -> int:
        """The time of a machine in a case.

        Raises
        ------
        InputError
            The loader or the mapping refuses the machine.
        """
        if role not in case.totals:
            arch = self.arch(role, case.settings.get(role, ()))
            case.totals[role] = self.run(arch, case.trace)
        return case.totals[role]

    def variant(self, of: str, number: int, make: Callable[[], Case]) -> Case:
        """A case by name and number, made when it is first asked for."""
        key = of, number
        if key not in self._variants:
            self._variants[key] = make()
        return self._variants[key]

    def speedup(self, case: Case, rival: str) -> float:
        """Of the candidate over a rival."""
        return self.total_ps(case, rival) / max(1, self.total_ps(case, CANDIDATE))

    def run(self, arch: Arch, trace: Trace) -> int:
        """The time of a trace on a machine, ps."""
        return simulate(arch, trace, reuse=self.reuse).total_ps

    def say(self, text: str, done: int, of: int) -> None:
        """Report progress."""
        if self.progress is not None:
            self.progress(f"{self.trace.name}: {text}", done, of)


def same_scratchpad(source: ArchSource, settings: Iterable[Setting]) -> tuple[Setting, ...]:
    """Settings with `on_chip` so that storage which comes or goes leaves the scratchpad's size."""
    found = tuple(settings)
    growth = growth_bytes(source, found)
    if not growth:
        return found
    return *found, ("on_chip", BYTES.format(source.arch().on_chip + growth))
