"""The machines of a comparison, by role: who they are by name, and what they are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from accelsim.errors import InputError, unknown_name

if TYPE_CHECKING:
    from accelsim.arch.load import ArchSource
    from accelsim.sweep.measures import Terms


def named_machines(baseline: str, candidate: str, third: str | None) -> dict[str, str | None]:
    """Role -> name or path; the third is the shipped BASELINE_gather where none was named."""
    rival = third if third is not None else default_third(baseline, candidate)
    return {"baseline": baseline, "third": rival, "candidate": candidate}


def default_third(baseline: str, candidate: str) -> str | None:
    """Name the shipped `<baseline>_gather`, if there is one and it is not the candidate itself."""
    from accelsim.arch.load import shipped_names

    name = f"{baseline}_gather"
    return name if name in shipped_names() and name != candidate else None


def machine_sources(
    named: Mapping[str, str | None], overrides: Sequence[str] | None
) -> dict[str, ArchSource]:
    """Read every machine that is named, with `--set` laid over it."""
    from accelsim.arch.load import arch_source

    return {
        role: arch_source(name).changed(overrides or ())
        for role, name in named.items()
        if name is not None
    }


def equal_terms(equal: str | None, scale: Sequence[str] | None, costs: str | None) -> Terms | None:
    """What ``--equal``, ``--scale`` and ``--costs`` ask for; None leaves machines as they are.

    Raises
    ------
    InputError
        An unknown measure, or ``--scale`` alone.
    """
    if equal is not None:
        from accelsim.cost.load import DEFAULT_TABLE
        from accelsim.sweep.measures import MEASURES, Terms

        if equal not in MEASURES:
            raise unknown_name("measure", equal, MEASURES, where="--equal")
        return Terms(equal, tuple(scale or ()), costs or DEFAULT_TABLE)
    if scale:
        raise InputError(
            "says which machine is scaled", where="--scale", remedy="add --equal MEASURE"
        )
    return None
