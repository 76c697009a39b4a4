"""Every record of a YAML file with its fields, walked from the pydantic model that reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo

from tools.docs.docstrings import attributes, summary
from tools.docs.kinds import bounds, in_words, quantity_of
from tools.docs.markdown import code, prose, sentence, table

Model = type[BaseModel]
MOST_NAMES = 6  # machines that are named; more are counted


@dataclass(frozen=True)
class Field:
    """A field: what it takes, what it is without being given, what it means.

    `default` : empty where it must be given.
    """

    name: str
    takes: str
    default: str
    text: str


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
        yield Field(name, takes, _default(info, hint), _text(name, info, hint, said))


def _default(info: FieldInfo, hint: Any) -> str:
    """The default as YAML writes it; empty where there is none."""
    if info.is_required():
        return ""
    value = info.default
    quantity = quantity_of(hint)
    if quantity is not None:
        return code(quantity.format(value) if value else f"0 {quantity.shown[-1]}")
    if isinstance(value, BaseModel):
        return code(value.kind) if "kind" in type(value).model_fields else "its own defaults"
    if isinstance(value, tuple) and value:
        return "one of its defaults"
    if isinstance(value, dict) and value:
        return code(", ".join(f"{key}: {entry}" for key, entry in value.items()))
    if value is None or isinstance(value, bool):
        return code({None: "null", True: "true", False: "false"}[value])
    return "empty" if value in ((), {}, "") else code(str(value))


def _text(name: str, info: FieldInfo, hint: Any, said: Mapping[str, str]) -> str:
    """What a field means: its own description, the class's words, or those of its record."""
    if info.description:
        return sentence(prose(info.description))
    if name in said:
        return sentence(prose(said[name]))
    inside = list(_places(hint))
    if len(inside) > 1:
        return "Which it is: " + ", ".join(code(place.label) for place in inside) + "."
    if inside:
        return sentence(prose(summary(inside[0].model).split(". ")[0]))
    return "Which of the kinds it is, see above." if name == "kind" else ""


def record_section(record: Record, anchor: str, users: Mapping[str, Sequence[str]]) -> str:
    """A section of a page: heading, what the record is, and its fields.

    Parameters
    ----------
    record : Record
    anchor : str
        What a page is linked by.
    users : dict of list of str
        Names of the shipped files that give a path or, as ``path=kind``, a kind of record.
    """
    rows = []
    for field in record.fields:
        given = f"default {field.default}" if field.default else "required"
        means = " ".join(
            part for part in (field.text, _given_by(record, field.name, users)) if part
        )
        rows.append([code(_shown(record, field.name)), f"{field.takes}; {given}", means])
    places = ", ".join(code(path) for path in record.paths if path)
    parts = [
        f"({anchor})=\n## {heading(record)}",
        sentence(prose(summary(record.model))),
        f"At {places}." if places else "",
        table(("Field", "Takes", "Means"), rows),
    ]
    return "\n\n".join(part for part in parts if part)


def _shown(record: Record, name: str) -> str:
    return _join(record.paths[0], name) if len(record.paths) == 1 else f".{name}"


def heading(record: Record) -> str:
    """Title of a record's section: its place, and what chooses it."""
    steps = [step for step in record.paths[0].split(".") if step != "NAME"]
    place = steps[-1].replace("[]", "") or "The file"
    return f"{place}: {record.label}" if record.label else place


def _given_by(record: Record, name: str, users: Mapping[str, Sequence[str]]) -> str:
    """Which shipped files give a field, of those that have its record."""
    if not users:
        return ""
    chosen = [f"{p}={kind}" for p in record.paths for kind in record.kinds]
    having = {user for key in (chosen or record.paths) for user in users.get(key, ())}
    giving = {user for path in record.paths for user in users.get(_join(path, name), ())} & having
    if not giving:
        return "*No shipped file gives it.*" if having else ""
    if len(giving) <= MOST_NAMES:
        return f"*Given by {', '.join(code(user) for user in sorted(giving))}.*"
    if giving == having:
        return "*Given by all that have it.*"
    return f"*Given by {len(giving)} of {len(having)}.*"


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
