"""Read a cost table: a shipped name, a YAML file that may extend another, or a CSV file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from accelsim.config.faults import input_error
from accelsim.config.tree import Tree, read_tree, shipped_folder
from accelsim.cost.csv_table import read_csv
from accelsim.cost.spec import Entry, TableFile
from accelsim.cost.sram import CactiSram
from accelsim.cost.stillmaker import area_ratio
from accelsim.cost.table import CostTable
from accelsim.errors import InputError, unknown_name

DEFAULT_TABLE = "45nm"  # the shipped table with the most figures that were looked up
_WHAT = "a cost table"
# laid over the parent's name by name; an entry is replaced whole
_BY_NAME = ("actions", "dram", "parts", "dram_interface")


def cost_table_folder() -> Path:
    """Where the shipped tables are."""
    return shipped_folder("cost_tables")


def cost_table_names() -> list[str]:
    """Names of the shipped tables, sorted."""
    found = cost_table_folder().glob("*.yaml")
    return sorted(path.stem for path in found if not path.stem.startswith("_"))


def load_cost_table(name_or_path: str | Path) -> CostTable:
    """Load a cost table.

    Parameters
    ----------
    name_or_path : str or Path
        A shipped name (see `cost_table_names`), or the path of a ``.yaml`` or ``.csv`` file.

    Raises
    ------
    InputError
        No such name or file, a key that is unknown or missing, a figure that is negative or has
        no unit, a low above its value, a node that a rule does not know, a table of another node
        under it, the name of a shipped table; the message names file, line and field.
    """
    return _table(str(name_or_path), Path(), "", ())


def _table(name: str, beside: Path, where: str, above: tuple[Path, ...]) -> CostTable:
    return _shipped(name) if name in cost_table_names() else _load(name, beside, where, above)


@cache
def _shipped(name: str) -> CostTable:
    """A shipped table, read once a process: it is frozen, and parsing takes 0.2 s and more."""
    return _load(name, Path(), "", ())


def _load(name: str, beside: Path, where: str, above: tuple[Path, ...]) -> CostTable:
    path, shown = _find(name, beside, where)
    tree = _chain(path, shown, where, above)
    try:
        file = TableFile.model_validate(tree.data)
    except ValidationError as error:
        extra = ("extends",)
        raise input_error(error, tree.data, tree.place, shown, TableFile, extra) from None
    _check_sram(file, tree, shown)
    bases: dict[str, CostTable] = {}
    for action, entry in file.actions.items():
        if entry.scaled_from is not None:
            at = tree.place.get(("actions", action, "scaled_from"), shown)
            at = f"{at}, actions.{action}.scaled_from"
            base = bases.get(entry.scaled_from)
            base = base or _table(entry.scaled_from, path.parent, at, (*above, path))
            _check_scaled(action, entry, file, base, at)
            bases[entry.scaled_from] = base
    table = CostTable(file, shown, bases)
    _check_name(table, path, tree)
    return table


def _find(name: str, beside: Path, where: str) -> tuple[Path, str]:
    """The path of a table and how messages call it."""
    if not name.endswith((".yaml", ".yml", ".csv")):
        known, path = cost_table_names(), cost_table_folder() / f"{name}.yaml"
        shared = bool(where) and name.startswith("_") and path.is_file()
        if name not in known and not shared:
            raise _unknown_table(name, known, where)
        return path, f"{name}.yaml"
    path = beside / name
    if not path.is_file():
        raise InputError(f"no such file '{name}'", where=where, remedy="expected a .yaml or .csv")
    return path, name


def _unknown_table(name: str, known: list[str], where: str) -> InputError:
    """The error for a table that is not shipped; of a node it names the nearest node."""
    node = re.fullmatch(r"(\d+(?:\.\d+)?)nm", name)
    if node is None:
        return unknown_name("cost table", name, known, where=where)
    near = min(known, key=lambda one: abs(float(one.removesuffix("nm")) - float(node[1])))
    listed = ", ".join(known)
    remedy = f"did you mean '{near}'? known: {listed}; or a .yaml or .csv of your own"
    return InputError(f"unknown cost table '{name}'", where=where, remedy=remedy)


def _chain(path: Path, shown: str, where: str, above: tuple[Path, ...]) -> Tree:
    """A table's tree, laid over those that it extends."""
    if path.resolve() in [one.resolve() for one in above]:
        raise InputError(f"'{shown}' leads back to itself", where=where)
    tree = read_csv(path, shown) if path.suffix == ".csv" else read_tree(path, shown, _WHAT)
    if "extends" not in tree.data:
        return tree
    named = tree.data.pop("extends")
    at = f"{tree.place.get(('extends',), shown)}, extends"
    base, parents = Tree({}), {}
    for parent in named if isinstance(named, list) else [named]:
        if not isinstance(parent, str):
            raise InputError(f"'{parent}' is not the name of a table", where=at)
        found, parent_shown = _find(parent, path.parent, at)
        parents[parent] = _chain(found, parent_shown, at, (*above, path))
        _lay_over(base, parents[parent])
    _check_node(tree, parents, at)
    _lay_over(base, tree)
    return base


def _check_node(tree: Tree, parents: Mapping[str, Tree], at: str) -> None:
    """Refuse to take the figures of one node as those of another."""
    named = [("this table", tree), *parents.items()]
    nodes = [(name, node) for name, one in named if (node := _node(one)) is not None]
    for name, node in nodes[1:]:
        first, own = nodes[0]
        if node != own:
            raise InputError(
                f"{first} is of {own:g} nm and {name} of {node:g} nm, no figure moves to another "
                "node unsaid", where=at,
                remedy=f"extend tables of one node, or give entries with 'scaled_from: {name}'",
            )  # fmt: skip


def _node(tree: Tree) -> float | None:
    """The node of a table, None where it says none; what is no number is refused later."""
    try:
        return float(tree.data["node_nm"])  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError):
        return None


def _lay_over(base: Tree, tree: Tree) -> None:
    for key, value in tree.data.items():
        under = base.data.get(key)
        if key in _BY_NAME and isinstance(value, dict) and isinstance(under, dict):
            for name, entry in value.items():
                _lay(base, (key, name), entry)
        else:
            _lay(base, (key,), value)
    base.place.update(tree.place)


def _lay(base: Tree, at: tuple[str, ...], value: object) -> None:
    """Put a value whole in the place of the parent's."""
    for old in [place for place in base.place if place[: len(at)] == at]:
        del base.place[old]
    node = base.data
    for step in at[:-1]:
        node = node[step]  # type: ignore[assignment]
    node[at[-1]] = value


def _check_name(table: CostTable, path: Path, tree: Tree) -> None:
    """Refuse a shipped name for anything but what the shipped table says."""
    name = table.name.strip()
    if name not in cost_table_names() or path.resolve().parent == cost_table_folder().resolve():
        return
    if table.content_hash != load_cost_table(name).content_hash:
        place = tree.place.get(("name",), "")
        own = place.startswith(f"{table.shown} line")
        raise InputError(
            f"'{name}' is the name of a shipped table, which says something else",
            where=f"{place}, name" if own else table.shown,
            remedy="give it a 'name' of its own" if path.suffix != ".csv" else "rename the file",
        )


def _check_sram(file: TableFile, tree: Tree, shown: str) -> None:
    if file.sram == "cacti7":
        try:
            CactiSram(file.node_nm)
        except InputError as error:
            raise error.inside(f"{tree.place.get(('sram',), shown)}, sram") from None


def _check_scaled(action: str, entry: Entry, file: TableFile, base: CostTable, at: str) -> None:
    try:
        area_ratio(base.file.node_nm, file.node_nm)
        given = [base.has(action, name) for name in ("energy", "area")]
    except InputError as error:
        raise error.inside(at) from None
    if not any(given):
        raise unknown_name("action", action, base.file.actions, where=f"{at}, {base.name}")
    own = base.file.actions[action]
    if own.scaled_from is not None:
        raise InputError("is scaled itself; scale once only", where=at)
    if own.bits != entry.bits or own.width != entry.width:
        raise InputError(
            f"'{action}' is of other bits or goes otherwise with them in {base.name}", where=at,
            remedy=f"expected bits: {own.bits}, width: {own.width}",
        )  # fmt: skip
