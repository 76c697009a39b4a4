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
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from accelsim.arch.faults import Location, input_error
from accelsim.arch.spec import Arch
from accelsim.errors import InputError, unknown_name

PACKAGE = Path(__file__).resolve().parents[1]
DEEPEST = 20  # levels of nesting; a real file has 4


@dataclass
class Tree:
    """Plain data, and where each of its keys was written."""

    data: dict[str, object]
    place: dict[Location, str] = field(default_factory=dict)


def config_folder() -> Path:
    """Where the shipped files are: inside an installed package, beside an editable one."""
    inside = PACKAGE / "arch_configs"
    return inside if inside.is_dir() else PACKAGE.parent / "arch_configs"


def shipped_names() -> list[str]:
    """Names of the shipped architectures, sorted."""
    return sorted(path.stem for path in config_folder().glob("*.yaml"))


def load_arch(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Arch:
    """Load an architecture.

    Parameters
    ----------
    name_or_path : str or Path
        A shipped name (see `shipped_names`), or the path of a ``.yaml`` file.
    overrides : sequence of str
        ``path=value``, applied in order, such as ``dram.bandwidth=450 GB/s`` or
        ``array.shapes.0.rows=64``; the value is read as YAML.

    Raises
    ------
    InputError
        No such name or file, not YAML, a key that is unknown, missing or there twice, a value
        out of range, or a rule broken; the message names file, line and field.
    """
    path, shown = _find(str(name_or_path))
    tree = _with_parent(read_tree(path, shown), path, shown)
    for text in overrides:
        override(tree, text)
    try:
        return Arch.model_validate(tree.data)
    except ValidationError as error:
        raise input_error(error, tree.data, tree.place, shown) from None


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
    if name not in shipped_names():
        error = unknown_name("architecture", name, shipped_names(), where=where)
        if Path(f"{name}.yaml").is_file():
            error = InputError(error.what, where=where, remedy=f"did you mean './{name}.yaml'?")
        raise error
    return config_folder() / f"{name}.yaml", f"{name}.yaml"


def read_tree(path: Path, shown: str) -> Tree:
    """Read a YAML file with the place of every key; messages call it `shown`."""
    try:
        loaded = YAML().load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=shown) from None
    except MarkedYAMLError as error:
        raise _yaml_fault(error, shown) from None
    except YAMLError as error:
        raise InputError(f"is not YAML: {str(error).splitlines()[0]}", where=shown) from None
    if not isinstance(loaded, dict):
        raise InputError("is not an architecture, expected keys such as 'name:'", where=shown)
    tree = Tree({})
    tree.data = _plain(loaded, (), shown, tree.place)  # type: ignore[assignment]
    return tree


def _yaml_fault(error: MarkedYAMLError, shown: str) -> InputError:
    line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
    problem = (error.problem or error.context or "cannot be parsed").splitlines()[0]
    if problem.startswith("found duplicate key"):
        key = problem.removeprefix("found duplicate key").split(" with value")[0].strip(' "')
        return InputError(
            f"key '{key}' is there twice", where=f"{shown}{line}", remedy="keep one of them"
        )
    return InputError(f"is not YAML: {problem}", where=f"{shown}{line}")


def _plain(node: object, at: Location, shown: str, place: dict[Location, str]) -> object:
    """Copy ruamel's containers and scalars to plain ones, noting the line of every key."""
    if len(at) > DEEPEST:
        raise InputError("is nested too deeply", where=shown)
    if isinstance(node, CommentedMap):
        copy: dict[str, object] = {}
        for key, value in node.items():
            line = node.lc.key(key)[0] + 1 if key in (node.lc.data or {}) else node.lc.line + 1
            if not isinstance(key, str):
                raise InputError(f"key '{key}' is not a name", where=f"{shown} line {line}")
            place[(*at, key)] = f"{shown} line {line}"
            copy[key] = _plain(value, (*at, key), shown, place)
        return copy
    if isinstance(node, CommentedSeq):
        for i in range(len(node)):
            place[(*at, i)] = f"{shown} line {node.lc.item(i)[0] + 1}"
        return [_plain(value, (*at, i), shown, place) for i, value in enumerate(node)]
    for plain_type in (bool, int, float, str):
        if isinstance(node, plain_type):
            return plain_type(node)
    return node


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
    parent = read_tree(parent_path, parent_shown)
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


def override(tree: Tree, setting: str) -> None:
    """Lay one ``path=value`` over a tree; the value is read as YAML."""
    dotted, equals, text = setting.partition("=")
    steps = dotted.strip().split(".")
    where = f"--set {setting}"
    if not equals or not text.strip() or not all(steps):
        raise InputError(
            "is not an override", where=where, remedy="expected path=value, e.g. dram.line=64 B"
        )
    if steps[0] == "extends":
        raise InputError("'extends' cannot be overridden", where=where, remedy="name the parent")
    try:
        value = _plain(YAML().load(text), (), where, {})
    except YAMLError:
        raise InputError(f"'{text}' is not a YAML value", where=where) from None
    node: object = tree.data
    at: Location = ()
    for depth, step in enumerate(steps):
        key = _key(node, step, ".".join(steps[:depth]), where)
        at = (*at, key)
        if depth < len(steps) - 1:
            if isinstance(node, dict) and key not in node:
                node[key] = {}
                tree.place[at] = where
            node = node[key]  # type: ignore[index]
    node[key] = value  # type: ignore[index]
    for old in [p for p in tree.place if p[: len(at)] == at]:
        del tree.place[old]
    tree.place[at] = where


def _key(node: object, step: str, above: str, where: str) -> str | int:
    """The dictionary key or list index that a step of an override's path means."""
    if isinstance(node, dict):
        return step
    if isinstance(node, list):
        if step.isdecimal() and int(step) < len(node):
            return int(step)
        raise InputError(
            f"'{above}' has no entry '{step}'", where=where, remedy=f"expected 0 to {len(node) - 1}"
        )
    if node is None:
        remedy = f"give the whole of it: {above}={{{step}: ...}}"
        raise InputError(f"'{above}' is null here", where=where, remedy=remedy)
    raise InputError(f"'{above}' is a single value, it has no '{step}'", where=where)
