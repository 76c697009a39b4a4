"""The DRAM parts that are shipped, and reading one from YAML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from accelsim.arch.part import Part
from accelsim.config.faults import input_error
from accelsim.config.tree import Tree, override, read_tree, shipped_folder
from accelsim.errors import InputError, unknown_name


def part_folder() -> Path:
    """Where the shipped parts are."""
    return shipped_folder("arch_configs") / "parts"


def part_names() -> list[str]:
    """Names of the shipped parts, sorted."""
    return sorted(path.stem for path in part_folder().glob("*.yaml"))


def load_part(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Part:
    """Load a DRAM part.

    Parameters
    ----------
    name_or_path : str or Path
        A shipped name (see `part_names`), or the path of a ``.yaml`` file.
    overrides : sequence of str
        ``path=value``, such as ``queues.reads=64`` or ``mapping=ro ra bg ba co ch``.

    Raises
    ------
    InputError
        No such name or file, not YAML, or a field that is wrong; names file, line and field.
    """
    tree, shown = _read(str(name_or_path))
    for text in overrides:
        override(tree, text)
    try:
        return Part.model_validate(tree.data)
    except ValidationError as error:
        raise input_error(error, tree.data, tree.place, shown, Part) from None


def expand_part(tree: Tree) -> None:
    """Put the part that an architecture's `dram.part` names in the place of its name."""
    dram = tree.data.get("dram")
    if not isinstance(dram, dict) or not isinstance(dram.get("part"), str):
        return
    at = ("dram", "part")
    part, _ = _read(dram["part"], where=f"{tree.place.get(at, '')}, dram.part")
    dram["part"] = part.data
    tree.place.update({(*at, *inner): place for inner, place in part.place.items()})


def _read(name: str, where: str = "") -> tuple[Tree, str]:
    """A part's tree, and how messages call its file."""
    path = Path(name)
    if not name.endswith((".yaml", ".yml")):
        if name not in part_names():
            raise unknown_name("DRAM part", name, part_names(), where=where)
        path = part_folder() / f"{name}.yaml"
    if not path.is_file():
        raise InputError(f"no such file '{name}'", where=where, remedy="expected a .yaml file")
    shown = path.name if path.parent == part_folder() else name
    return read_tree(path, shown, "a DRAM part"), shown
