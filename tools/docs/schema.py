"""Every record of a YAML file with its fields, walked from the pydantic model that reads it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo

from tools.docs.docstrings import attributes, summary
from tools.docs.kinds import bounds, in_words, quantity_of
from tools.docs.markdown import blocks, code, prose, sentence

Model = type[BaseModel]
MOST_NAMES = 6  # machines that are named; more are counted


@dataclass(frozen=True)
class Field:
    """A field: what it takes, what it is without being given, what it means.

    `default` : empty where it must be given; `inside` : records that it holds, with what chooses
    each of them.
    """

    name: str
    takes: str
    default: str
    text: str
    inside: tuple[tuple[Model, str], ...]


@dataclass(frozen=True)
class Record:
    """A record, and where in the file it may stand; list entries are written ``[]``.

    `label` : what chooses it where several kinds may stand there; else empty.
    """

    model: Model
    paths: tuple[str, ...]
    fields: tuple[Field, ...]
    label: str

    @property
    def kinds(self) -> tuple[str, ...]:
        """Values of its `kind`."""
        kind = self.model.model_fields.get("kind")
        return get_args(kind.annotation) if kind is not None else ()


@dataclass(frozen=True)
class _Place:
    """A record inside the type of a field: the step to it, and what chooses it."""

    model: Model
    step: str
    label: str


def records(root: Model) -> list[Record]:
    """All records below a model, itself first, each once with all its paths."""
    places: dict[Model, list[tuple[str, str]]] = defaultdict(list)
    for model, path, label in _walk(root, "", ""):
        places[model].append((path, label))
    return [
        Record(
            model,
            tuple(dict.fromkeys(path for path, _ in found)),
            tuple(_fields(model)),
            found[0][1],
        )
        for model, found in places.items()
    ]


def _walk(model: Model, path: str, label: str) -> Iterator[tuple[Model, str, str]]:
    yield model, path, label
    hints = get_type_hints(model, include_extras=True)
    for name in model.model_fields:
        inside = list(_places(hints[name]))
        for place in inside:
            below = _join(path, name) + place.step
            yield from _walk(place.model, below, place.label if len(inside) > 1 else "")


def _places(annotation: Any, label: str = "") -> Iterator[_Place]:
    """Records inside a type; the step is ``[]`` into a list, ``.NAME`` into a mapping."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and origin is None and issubclass(annotation, BaseModel):
        kind = annotation.model_fields.get("kind")
        kinds = get_args(kind.annotation) if kind is not None else ()
        yield _Place(annotation, "", label or " or ".join(kinds))
    if origin is Literal:
        return
    if origin is Annotated:
        label = next((extra.tag for extra in inner if isinstance(extra, Tag)), label)
        inner = inner[:1]
    step = "[]" if origin is tuple else ".NAME" if origin is dict else ""
    for argument in inner:
        for place in _places(argument, label):
            yield replace(place, step=step + place.step)


def _fields(model: Model) -> Iterator[Field]:
    hints, said = get_type_hints(model, include_extras=True), attributes(model)
    for name, info in model.model_fields.items():
        hint = hints[name]
        takes = in_words(hint) + ("" if get_origin(hint) is Annotated else bounds(info))
        inside = tuple((place.model, place.label) for place in _places(hint))
        text = _text(name, info, inside, said)
        yield Field(name, takes, _default(info, hint), text, inside)


def _default(info: FieldInfo, hint: Any) -> str:
    """The default as YAML writes it; empty where there is none."""
    if info.is_required():
        return ""
    value = info.default
    quantity = quantity_of(hint)
    if quantity is not None:
        return code(quantity.format(value) if value else f"0 {quantity.shown[-1]}")
    if isinstance(value, BaseModel):
        return code(getattr(value, "kind", "")) if hasattr(value, "kind") else "its own defaults"
    if isinstance(value, tuple) and value:
        return "one of its defaults"
    if isinstance(value, dict) and value:
        return code(", ".join(f"{key}: {entry}" for key, entry in value.items()))
    if value is None or isinstance(value, bool):
        return code({None: "null", True: "true", False: "false"}[value])
    return "empty" if value in ((), {}, "") else code(str(value))


def _text(
    name: str, info: FieldInfo, inside: Sequence[tuple[Model, str]], said: Mapping[str, str]
) -> str:
    """What a field means: its own description, the class's words, or those of its record."""
    if info.description:
        return sentence(prose(info.description))
    if name in said:
        return sentence(prose(said[name]))
    if len(inside) > 1:
        return "One of several records."
    if inside:
        return sentence(prose(summary(inside[0][0]).split(". ")[0]))
    if name == "kind":
        values = get_args(info.annotation)
        return "Chooses this record." if len(values) == 1 else "Which of the kinds it is."
    return ""


def anchor_of(prefix: str, record: Record) -> str:
    """What a record's section is linked by."""
    words = re.findall(r"[A-Za-z0-9_]+", f"{prefix} {record.paths[0]} {record.label}")
    return "-".join(words).replace("_", "-").lower()


def record_section(
    record: Record, anchor: str, links: Mapping[Model, str], users: Mapping[str, Sequence[str]]
) -> str:
    """A section of a page: heading, what the record is, and its fields.

    Parameters
    ----------
    record : Record
    anchor : str
        What its heading is linked by.
    links : dict of str
        Where the section of each record is.
    users : dict of list of str
        Names of the shipped files that give a path or, as ``path=kind``, a kind of record.
    """
    having = _having(record, users)
    rows = []
    for field in record.fields:
        given = f"default {field.default}" if field.default else "required"
        means = [field.text, _links(field, links), _given_by(record, field.name, users, having)]
        rows.append(
            [
                code(_shown(record, field.name)),
                f"{field.takes}; {given}",
                " ".join(part for part in means if part),
            ]
        )
    places = ", ".join(code(path) for path in record.paths if path)
    parts = [
        f"({anchor})=\n## {heading(record)}",
        sentence(prose(summary(record.model))),
        f"Stands at {places}." if len(record.paths) > 1 else "",
        f"In {_named(having)}." if having else "In no shipped file." if users else "",
        blocks(("Field", "Takes", "Means"), rows),
    ]
    return "\n\n".join(part for part in parts if part)


def heading(record: Record) -> str:
    """Title of a record's section: its place, and what chooses it."""
    place = record.paths[0] or "The file"
    return f"{place}: {record.label}" if record.label else place


def _shown(record: Record, name: str) -> str:
    return _join(record.paths[0], name) if len(record.paths) == 1 else f".{name}"


def _links(field: Field, links: Mapping[Model, str]) -> str:
    """Links to the records that a field holds."""
    named = [
        f"[{label or 'its fields'}]({links[model]})"
        for model, label in field.inside
        if model in links
    ]
    return f"See {', '.join(named)}." if named else ""


def _having(record: Record, users: Mapping[str, Sequence[str]]) -> set[str]:
    """Shipped files that have a record: of its kind, or with all that it needs."""
    if record.label in {" or ".join(record.kinds)} - {""}:
        keys = [f"{path}={kind}" for path in record.paths for kind in record.kinds]
        return {user for key in keys for user in users.get(key, ())}
    needed = [field.name for field in record.fields if not field.default]
    return {
        user
        for path in record.paths
        for user in users.get(path, ())
        if all(user in users.get(_join(path, name), ()) for name in needed)
    }


def _given_by(
    record: Record, name: str, users: Mapping[str, Sequence[str]], having: set[str]
) -> str:
    """Which files give a field, where not all do that have the record."""
    giving = {user for path in record.paths for user in users.get(_join(path, name), ())} & having
    if giving == having:
        return ""
    return f"*Given by {_named(giving) if giving else 'no shipped file'}.*"


def _named(names: set[str]) -> str:
    if len(names) > MOST_NAMES:
        return f"{len(names)} shipped files"
    return ", ".join(code(name) for name in sorted(names))


def paths_given(data: object, path: str = "") -> Iterator[str]:
    """Paths of a YAML file that are given, list entries as ``[]``; ``path=kind`` for a record."""
    yield path
    if isinstance(data, dict):
        if isinstance(data.get("kind"), str):
            yield f"{path}={data['kind']}"
        for key, value in data.items():
            yield from paths_given(value, _join(path, str(key)))
    elif isinstance(data, list):
        for entry in data:
            yield from paths_given(entry, f"{path}[]")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
