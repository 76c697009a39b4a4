"""Read an architecture: YAML file, one parent, `--set` overrides, checked into an `Arch`.

A file may say ``extends: NAME``: the parent (a shipped name, or a path beside the file) is read
first and the child laid over it, key by key. Lists are replaced whole, and so is a mapping whose
``kind`` changes. One level only: a parent that itself extends is refused, so that a machine is
never further than two files.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from accelsim.arch.parts import expand_part
from accelsim.arch.spec import Arch
from accelsim.config.faults import input_error
from accelsim.config.record import FieldError
from accelsim.config.tree import Location, Tree, override, put, read_tree, shipped_folder
from accelsim.errors import InputError, unknown_name

_WHAT = "an architecture"
Setting = tuple[str, object]  # dotted path, value as YAML gives it


def _folder() -> Path:
    return shipped_folder("arch_configs")


def shipped_names() -> list[str]:
    """Names of the shipped architectures, sorted."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def published_names() -> list[str]:
    """Names of the shipped models of published machines, sorted."""
    found = (_folder() / "published").glob("*.yaml")
    return sorted(path.stem for path in found if not path.stem.startswith("_"))


@dataclass(frozen=True)
class ArchSource:
    """The YAML of an architecture, read once: gives the `Arch` of any overrides.

    `shown` : how messages call the file.
    """

    shown: str
    tree: Tree

    def changed(self, overrides: Sequence[str], option: str = "--set") -> ArchSource:
        """With ``path=value`` overrides, see `load_arch`; `option` stands before them in messages.

        Raises
        ------
        InputError
            An override leads nowhere.
        """
        tree = self.tree.copy()
        for text in overrides:
            if text.startswith("dram.part."):
                expand_part(tree)
            override(tree, text, option)
        expand_part(tree)
        return ArchSource(self.shown, tree)

    def with_settings(self, settings: Iterable[Setting]) -> ArchSource:
        """With values at paths, not as text."""
        tree = self.tree.copy()
        for path, value in settings:
            if path.startswith("dram.part."):
                expand_part(tree)
            put(tree, path, value, f"{path}={value}")
        expand_part(tree)
        return ArchSource(self.shown, tree)

    def arch(self) -> Arch:
        """The architecture; see `load_arch`."""
        try:
            return Arch.model_validate(self.tree.data)
        except ValidationError as error:
            raise self._input_error(error) from None

    def check_value(self, path: str, value: object) -> None:
        """Refuse a value that the field at a path does not take, whatever the others are.

        Raises
        ------
        InputError
            Of the path or the value; not of a rule over several fields, which further settings
            may fulfil.
        """
        source = self.with_settings([(path, value)])
        try:
            Arch.model_validate(source.tree.data)
        except ValidationError as error:
            causes = [fault.get("ctx", {}).get("error") for fault in error.errors()]
            if not any(isinstance(cause, FieldError) for cause in causes):
                raise source._input_error(error) from None

    def _input_error(self, error: ValidationError) -> InputError:
        tree = self.tree
        return input_error(error, tree.data, tree.place, self.shown, Arch, ("extends",))


def arch_source(name_or_path: str | Path) -> ArchSource:
    """Read the YAML of an architecture and of its parent; see `load_arch`."""
    path, shown = _find(str(name_or_path))
    tree = _with_parent(read_tree(path, shown, _WHAT), path, shown)
    expand_part(tree)
    return ArchSource(shown, tree)


def load_arch(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Arch:
    """Load an architecture.

    Parameters
    ----------
    name_or_path : str or Path
        A shipped name (see `shipped_names`, `published_names`), or the path of a ``.yaml`` file.
    overrides : sequence of str
        ``path=value``, applied in order, such as ``dram.bandwidth=450 GB/s`` or
        ``array.shapes.0.rows=64``; the value is read as YAML.

    Raises
    ------
    InputError
        No such name or file, not YAML, a key that is unknown, missing or there twice, a value
        out of range, or a rule broken; the message names file, line and field.
    """
    return arch_source(name_or_path).changed(overrides).arch()


def resolved_yaml(arch: Arch) -> str:
    """The whole architecture with units, its notes as comments; loads back to an equal `Arch`."""
    yaml = YAML()
    yaml.Representer = _ExplicitNull
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump(arch.model_dump(mode="json"), text)
    return "".join(f"# note: {note}\n" for note in arch.notes()) + text.getvalue()


def content_hash(arch: Arch) -> str:
    """SHA-256 of everything that can change a result: all but name and description."""
    content = arch.model_dump(exclude={"name", "description"})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class _ExplicitNull(RoundTripRepresenter):
    """Writes ``null``, where round-trip mode leaves the value out."""

    def represent_none(self, data: None) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_ExplicitNull.add_representer(type(None), _ExplicitNull.represent_none)


def _find(name: str, *, beside: Path | None = None, where: str = "") -> tuple[Path, str]:
    """File of a shipped name or a path, and how messages call it."""
    if name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name:
        path = Path(name) if beside is None else beside / name
        if not path.is_file():
            raise InputError(f"no such file '{name}'", where=where, remedy="expected a .yaml file")
        return path, name
    if name in published_names():
        return _folder() / "published" / f"{name}.yaml", f"{name}.yaml"
    if name not in shipped_names():
        known = [*shipped_names(), *published_names()]
        error = unknown_name("architecture", name, known, where=where)
        if Path(f"{name}.yaml").is_file():
            error = InputError(error.what, where=where, remedy=f"did you mean './{name}.yaml'?")
        raise error
    return _folder() / f"{name}.yaml", f"{name}.yaml"


def _with_parent(child: Tree, path: Path, shown: str) -> Tree:
    name = child.data.pop("extends", None)
    if name is None:
        return child
    where = child.place[("extends",)]
    if not isinstance(name, str):
        raise InputError(f"'extends: {name}' is not a name", where=where, remedy="name one parent")
    parent_path, parent_shown = _find(name, beside=path.parent, where=where)
    if parent_path.resolve() == path.resolve():
        raise InputError(f"'{shown}' extends itself", where=where)
    parent = read_tree(parent_path, parent_shown, _WHAT)
    if parent.data.pop("extends", None) is not None:
        raise InputError(
            f"'{name}' itself extends another, expected a parent without 'extends'",
            where=where,
            remedy="one level only: extend its parent and repeat the difference",
        )
    own = {key: parent.data.pop(key, None) for key in ("name", "description")}
    if "name" in child.data:
        child.data.setdefault("description", own["description"] or "")
    _lay_over(parent, child, (), parent.data, child.data)
    return parent


def _lay_over(
    under: Tree, over: Tree, at: Location, low: dict[str, object], high: dict[str, object]
) -> None:
    """Deep-merge `high` into `low`, in place; places follow the values."""
    for key, value in high.items():
        here: Location = (*at, key)
        old = low.get(key)
        if isinstance(value, dict) and isinstance(old, dict) and _same_kind(old, value):
            _lay_over(under, over, here, old, value)
            continue
        low[key] = value
        for where in [p for p in under.place if p[: len(here)] == here]:
            del under.place[where]
        under.place.update({p: t for p, t in over.place.items() if p[: len(here)] == here})


def _same_kind(low: dict[str, object], high: dict[str, object]) -> bool:
    return high.get("kind", low.get("kind")) == low.get("kind")
