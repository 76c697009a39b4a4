"""The type of a field in words: "a size such as 24 MiB", "a whole number above 0", "one of ..."."""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, PlainSerializer
from pydantic.fields import FieldInfo

from accelsim.arch.units import Quantity
from accelsim.cost.units import Measure
from tools.docs.markdown import code

_PLAIN = {int: "whole number", float: "number", str: "text", bool: "true or false", Any: "anything"}
_UNIONS = (Union, types.UnionType)


def in_words(annotation: Any) -> str:
    """What a field takes, as Markdown.

    Parameters
    ----------
    annotation
        A type as `typing.get_type_hints` gives it, extras included.
    """
    if get_origin(annotation) is Annotated:
        return _annotated(annotation)
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in _UNIONS:
        return _union([arg for arg in inner if arg is not type(None)], type(None) in inner)
    if origin is Literal:
        shown = [code(str(value)) for value in inner]
        return shown[0] if len(shown) == 1 else "one of " + ", ".join(shown)
    if origin is tuple:
        return f"list of: {in_words(inner[0])}"
    if origin is dict:
        return f"mapping of {in_words(inner[0])} to {in_words(inner[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "record"
    return _PLAIN[annotation]


def _annotated(annotation: Any) -> str:
    quantity = quantity_of(annotation)
    if quantity is not None:
        return f"{quantity.what} such as {quantity.example}"
    measure = measure_of(annotation)
    if measure is not None:
        return f"{measure.what} such as {measure.example}"
    base, *extras = get_args(annotation)
    return in_words(base) + "".join(_bound(item) for extra in extras for item in _flat(extra))


def quantity_of(annotation: Any) -> Quantity | None:
    """The kind of figure with a unit that a type reads, if it is one."""
    if get_origin(annotation) is Annotated:
        for extra in get_args(annotation)[1:]:
            quantity = getattr(getattr(extra, "func", None), "__self__", None)
            if isinstance(extra, PlainSerializer) and isinstance(quantity, Quantity):
                return quantity
    return None


def measure_of(annotation: Any) -> Measure | None:
    """The kind of figure of a cost table that a type reads, if it is one."""
    for extra in get_args(annotation)[1:]:
        measure = getattr(getattr(extra, "func", None), "__self__", None)
        if isinstance(extra, PlainSerializer) and isinstance(measure, Measure):
            return measure
    return None


def _flat(extra: Any) -> list[Any]:
    return list(extra.metadata) if isinstance(extra, FieldInfo) else [extra]


def bounds(field: FieldInfo) -> str:
    """What a `Field(...)` in place of a default demands."""
    return "".join(_bound(extra) for extra in field.metadata)


def _bound(extra: Any) -> str:
    if isinstance(extra, annotated_types.Gt):
        return f" above {extra.gt}"
    if isinstance(extra, annotated_types.Ge):
        return f" from {extra.ge} on"
    if isinstance(extra, annotated_types.Lt):
        return f", below {extra.lt}"
    if isinstance(extra, annotated_types.Le):
        return f", at most {extra.le}"
    if isinstance(extra, annotated_types.MinLen) and extra.min_length == 1:
        return " (not empty)"
    if isinstance(extra, annotated_types.MinLen):
        return f" ({extra.min_length} or more)"
    return ""


def _union(options: list[Any], optional: bool) -> str:
    words = list(dict.fromkeys(in_words(option) for option in options))
    return " or ".join(words) + (" or null" if optional else "")
