"""A YAML file as plain data that knows where each key was written, and `path=value` overrides."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from accelsim.errors import InputError

Location = tuple[str | int, ...]

PACKAGE = Path(__file__).resolve().parents[1]
DEEPEST = 20  # levels of nesting; a real file has 4


@dataclass
class Tree:
    """Plain data, and where each of its keys was written."""

    data: dict[str, object]
    place: dict[Location, str] = field(default_factory=dict)

    def copy(self) -> Tree:
        """A tree that can be changed on its own."""
        return Tree(_copied(self.data), dict(self.place))  # type: ignore[arg-type]


def shipped_folder(name: str) -> Path:
    """Where shipped files are: inside an installed package, beside an editable one."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def read_tree(path: Path, shown: str, what: str) -> Tree:
    """Read a YAML file with the place of every key; messages call it `shown`, and it `what`."""
    try:
        loaded = YAML().load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=shown) from None
    except MarkedYAMLError as error:
        raise _yaml_fault(error, shown) from None
    except YAMLError as error:
        raise InputError(f"is not YAML: {str(error).splitlines()[0]}", where=shown) from None
    if not isinstance(loaded, dict):
        raise InputError(f"is not {what}, expected keys such as 'name:'", where=shown)
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


def override(tree: Tree, setting: str, option: str = "--set") -> None:
    """Lay one ``path=value`` over a tree; the value is read as YAML."""
    dotted, equals, text = setting.partition("=")
    where = f"{option} {setting}"
    if not equals or not text.strip() or not all(dotted.strip().split(".")):
        raise InputError(
            "is not an override", where=where, remedy="expected path=value, e.g. dram.line=64 B"
        )
    try:
        value = _plain(YAML().load(text), (), where, {})
    except YAMLError:
        raise InputError(f"'{text}' is not a YAML value", where=where) from None
    put(tree, dotted.strip(), value, where)


def put(tree: Tree, dotted: str, value: object, where: str) -> None:
    """Set what a dotted path leads to; messages call the place `where`."""
    steps = dotted.split(".")
    if steps[0] == "extends":
        raise InputError("'extends' cannot be overridden", where=where, remedy="name the parent")
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
    old = node.get(key) if isinstance(node, dict) else node[key]  # type: ignore[index]
    if isinstance(old, dict | list):
        for below in [p for p in tree.place if p[: len(at)] == at]:
            del tree.place[below]
    node[key] = _copied(value)  # type: ignore[index]
    tree.place[at] = where


def _copied(node: object) -> object:
    if isinstance(node, dict):
        return {key: _copied(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_copied(value) for value in node]
    return node


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
