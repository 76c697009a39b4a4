"""Turn pydantic's errors into one line: file and line, field path, what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from accelsim.config.record import FieldError
from accelsim.config.tree import Location
from accelsim.errors import InputError

Root = tuple[type[BaseModel], tuple[str, ...]]  # the model of a file, and its further keys

_EXPECTED = {
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "finite_number": "expected a finite number",
    "bool_type": "expected true or false",
    "string_type": "expected text",
    "string_too_short": "expected some text",
    "model_type": "expected a mapping of keys",
    "model_attributes_type": "expected a mapping of keys",
    "dict_type": "expected a mapping of keys",
    "tuple_type": "expected a list",
    "too_short": "expected at least one entry",
}


def input_error(
    error: ValidationError,
    data: object,
    place: Mapping[Location, str],
    shown: str,
    root: type[BaseModel],
    extra: tuple[str, ...] = (),
) -> InputError:
    """Build the error that the user sees: the first fault (unknown keys first), and how many more.

    Parameters
    ----------
    error : ValidationError
        From validating `data`.
    place : Mapping[Location, str]
        Where each key was written, such as ``my.yaml line 12``.
    shown : str
        The file, for what has no place of its own.
    root : type
        The model that `data` was to be.
    extra : tuple of str
        Keys that a file may have at its top beside the fields of `root`.
    """
    faults = sorted(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    fault: dict[str, Any] = dict(faults[0])
    at = _path(fault["loc"], data)
    cause = fault.get("ctx", {}).get("error")
    if isinstance(cause, FieldError):
        at = (*at, *cause.path.split("."))
    dotted = ".".join(str(step) for step in at)
    if fault["type"] == "union_tag_invalid":
        at = (*at, "kind")
    what, remedy = _say(fault, at, dotted, data, (root, extra))
    more = f"; {len(faults) - 1} more faults" if len(faults) > 2 else ""
    more = "; 1 more fault" if len(faults) == 2 else more
    where = _nearest_place(at, place, shown)
    named = where if f"'{dotted}'" in what or not dotted else f"{where}, {dotted}"
    return InputError(f"{what}{more}", where=named, remedy=remedy)


def _path(loc: tuple[str | int, ...], data: object) -> Location:
    """Strip from a pydantic location what is not a key: union tags and branch names."""
    path: list[str | int] = []
    node = data
    for step in loc:
        if isinstance(node, dict):
            # a branch of a union is called by its kind, or by words
            if step not in node and (step == node.get("kind") or " " in str(step)):
                continue
            path.append(step)
            node = node.get(step)
        elif isinstance(node, list) and isinstance(step, int):
            path.append(step)
            node = node[step]
        else:
            break
    return tuple(path)


def _nearest_place(at: Location, place: Mapping[Location, str], shown: str) -> str:
    for length in range(len(at), 0, -1):
        if at[:length] in place:
            return place[at[:length]]
    return shown


def _say(
    fault: dict[str, Any], at: Location, dotted: str, data: object, root: Root
) -> tuple[str, str]:
    """What is wrong, and what to do."""
    kind, value, context = fault["type"], fault["input"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        known = _known_keys(at[:-1], data, root)
        return f"unknown key '{dotted}'", _guess(at[-1], known) + f"known: {', '.join(known)}"
    if kind == "missing":
        return f"'{dotted}' is missing", ""
    if kind == "value_error":
        return str(context["error"]), ""
    if kind in ("greater_than", "greater_than_equal", "less_than"):
        bound = next(iter(context.values()))
        words = {"greater_than": "more than", "greater_than_equal": "at least"}
        return f"is {value}, expected {words.get(kind, 'less than')} {bound}", ""
    if kind == "literal_error":
        known = [word.strip("'") for word in context["expected"].replace(" or ", ", ").split(", ")]
        return f"'{value}' is not known", _guess(value, known) + f"known: {', '.join(known)}"
    if kind == "union_tag_not_found":
        kinds = _kinds(at, data, root)
        return f"'{dotted}.kind' is missing, expected {' or '.join(kinds)}", ""
    if kind == "union_tag_invalid":
        known = [word.strip("'") for word in context["expected_tags"].split(", ")]
        return f"unknown kind '{context['tag']}'", _guess(context["tag"], known) + (
            f"known: {', '.join(known)}"
        )
    said = fault["msg"][:1].lower() + fault["msg"][1:]  # the rest may hold a pattern
    return f"'{value}' is not valid, {_EXPECTED.get(kind, said)}", ""


def _guess(word: object, known: list[str]) -> str:
    near = difflib.get_close_matches(str(word), known, n=1)
    return f"did you mean '{near[0]}'? " if near else ""


def _known_keys(at: Location, data: object, root: Root) -> list[str]:
    """The keys of the model at a path, the kind of a union taken from the data."""
    model, _ = _follow(at, data, root[0])
    return [*(root[1] if model is root[0] else ()), *model.model_fields]


def _kinds(at: Location, data: object, root: Root) -> list[str]:
    """The kinds that a union at a path may be of."""
    _, annotation = _follow(at, data, root[0])
    fields = [model.model_fields.get("kind") for model in _models_in(annotation)]
    return [kind for field in fields if field is not None for kind in get_args(field.annotation)]


def _follow(at: Location, data: object, root: type[BaseModel]) -> tuple[type[BaseModel], object]:
    """The model at a path and the annotation that names it."""
    model, annotation, node = root, object(), data
    for step in at:
        if isinstance(node, dict | list):
            node = node[step]  # type: ignore[index]
        if isinstance(step, str) and step in model.model_fields:
            annotation = model.model_fields[step].annotation
            model = _model_of(annotation, node)
    return model, annotation


def _model_of(annotation: object, node: object) -> type[BaseModel]:
    """The model in an annotation: itself, one of a union, or the element of a tuple."""
    models = _models_in(annotation)
    given = node if isinstance(node, dict) else {}
    for model in models:
        kind = model.model_fields.get("kind")
        if kind is not None and given.get("kind") in get_args(kind.annotation):
            return model
        if kind is None and ("part" in given) == ("part" in model.model_fields):
            return model
    return models[0]


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for choice in get_args(annotation) for model in _models_in(choice)]
