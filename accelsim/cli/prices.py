"""The cost table of a command: loaded, and held against the machines before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from accelsim.errors import InputError

if TYPE_CHECKING:
    from accelsim.arch.spec import Arch
    from accelsim.cost.table import CostTable
    from accelsim.hardware.area import Breakdown
    from accelsim.hardware.compared import Costs
    from accelsim.hardware.energy import Energy


class Prices(NamedTuple):
    """A cost table that prices the machines; or None, and why there is none."""

    table: CostTable | None
    why_not: str = ""


def prices(name: str | None, machines: Iterable[Arch]) -> Prices:
    """Load a cost table and see that it has what the machines need.

    Where none is named it is the default one, and that may lack something: then there are no
    prices.

    Raises
    ------
    InputError
        No such table, a wrong figure in it, or it lacks what a machine needs.
    """
    from accelsim.cost.load import DEFAULT_TABLE, load_cost_table
    from accelsim.hardware.catalogue import components

    table = load_cost_table(name or DEFAULT_TABLE)
    try:
        for arch in machines:
            components(arch, table)
    except InputError as error:
        if name is not None:
            raise
        return Prices(None, f"{error}; name a table with --costs")
    return Prices(table)


def run_json(energy: Energy | None, area: Breakdown | None) -> dict[str, Any]:
    """What area and energy add to the JSON of a result; None where there is no price."""
    return {
        "energy": None if energy is None else energy.as_json(),
        "area": None if area is None else area.as_json(),
    }


def add_costs(content: dict[str, Any], costs: Costs | None) -> None:
    """Lay area and energy of every machine, and their ratios, into the JSON of a comparison."""
    content["costs"] = None if costs is None else costs.as_json()
    for role, result in content["results"].items():
        energy, area = (costs.energies[role], costs.areas[role]) if costs else (None, None)
        result.update(run_json(energy, area))
