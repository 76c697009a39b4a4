"""Operators to and from the JSON of a manifest, and the checks that need no array contents."""

from __future__ import annotations

import dataclasses
import hashlib
import types
import typing
from collections.abc import Callable
from typing import Any

import numpy as np

from accelsim.errors import InputError, unknown_name
from accelsim.workload.encodings import (
    BitPattern,
    BlockPattern,
    CsrPattern,
    NmPattern,
    Pattern,
    RulePattern,
)
from accelsim.workload.operators import OPERATOR_KINDS, Operator
from accelsim.workload.rules import find_rule

Json = dict[str, Any]
ENCODINGS: dict[str, type[Pattern]] = {
    cls.encoding: cls for cls in (RulePattern, NmPattern, BlockPattern, CsrPattern, BitPattern)
}


class ArrayStore:
    """Arrays of a trace by name, each stored once: equal contents share a name.

    Attributes
    ----------
    arrays : dict[str, ndarray]
    entries : dict[str, dict]
        Of each array its dtype, shape and sha256 (of the contents in C order, little endian).
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.entries: dict[str, Json] = {}
        self._names: dict[tuple[str, str, tuple[int, ...]], str] = {}

    def add(self, name: str, array: np.ndarray) -> str:
        """Take an array; give the name under which it is stored."""
        array = np.ascontiguousarray(array)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        entry = array_entry(array)
        key = (entry["sha256"], entry["dtype"], array.shape)
        if key not in self._names:
            self._names[key] = name
            self.arrays[name] = array
            self.entries[name] = entry
        return self._names[key]


def array_entry(array: np.ndarray) -> Json:
    """Type, shape and hash of a C-contiguous array as a manifest states them."""
    digest = hashlib.sha256(array.reshape(-1).view(np.uint8).data).hexdigest()
    return {"dtype": array.dtype.name, "shape": list(array.shape), "sha256": digest}


def encode_operator(index: int, operator: Operator, store: ArrayStore) -> Json:
    """Turn an operator into JSON, without fields at their default; its arrays go to `store`."""
    entry: Json = {"kind": operator.kind}
    for field in dataclasses.fields(operator):
        value = getattr(operator, field.name)
        name = f"{index:04d}.{field.name}"
        if isinstance(value, Pattern):
            entry[field.name] = encode_pattern(name, value, store)
        elif isinstance(value, np.ndarray):
            entry[field.name] = {"array": store.add(name, value)}
        elif field.default is dataclasses.MISSING or value != field.default:
            entry[field.name] = list(value) if isinstance(value, tuple) else plain(value)
    return entry


def encode_pattern(name: str, pattern: Pattern, store: ArrayStore) -> Json:
    """Turn a pattern into JSON; its arrays go to `store`."""
    entry: Json = {"encoding": pattern.encoding, "nnz": pattern.nnz}
    if isinstance(pattern, RulePattern):
        entry["version"] = pattern.generator.version
    for field in dataclasses.fields(pattern):  # type: ignore[arg-type]
        value = getattr(pattern, field.name)
        if isinstance(value, np.ndarray):
            entry[field.name] = {"array": store.add(f"{name}.{field.name}", value)}
        elif field.name != "generator":
            entry[field.name] = plain(value)
    return entry


def plain(value: Any) -> Any:
    """Turn NumPy scalars inside a JSON value into Python ones."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


class Decoder:
    """Turns the JSON of operators back into operators.

    Parameters
    ----------
    load : Callable[[str, str], ndarray]
        Gives the array of a name; the second argument is the place for an error message.
    """

    def __init__(self, load: Callable[[str, str], np.ndarray]) -> None:
        self._load = load
        self._patterns: dict[str, Pattern] = {}

    def operator(self, entry: Any, where: str) -> Operator:
        """Build one operator, its fields checked by name and type."""
        if not isinstance(entry, dict) or "kind" not in entry:
            raise InputError("an operator must be a mapping with a 'kind'", where=where)
        cls = OPERATOR_KINDS.get(str(entry["kind"]))
        if cls is None:
            raise unknown_name("operator kind", str(entry["kind"]), OPERATOR_KINDS, where=where)
        values = {key: value for key, value in entry.items() if key != "kind"}
        return self._build(cls, values, where)

    def pattern(self, entry: Any, where: str) -> Pattern:
        """Build one pattern; equal entries give one object."""
        if not isinstance(entry, dict) or "encoding" not in entry:
            raise InputError("a pattern must be a mapping with an 'encoding'", where=where)
        key = repr(sorted(entry.items()))
        if key not in self._patterns:
            self._patterns[key] = self._new_pattern(dict(entry), where)
        return self._patterns[key]

    def _new_pattern(self, entry: Json, where: str) -> Pattern:
        encoding = str(entry.pop("encoding"))
        if encoding not in ENCODINGS:
            raise unknown_name("encoding", encoding, ENCODINGS, where=where)
        cls: Any = ENCODINGS[encoding]
        nnz, version = entry.pop("nnz", None), entry.pop("version", 1)
        rows, initial = entry.get("rows"), {f.name for f in dataclasses.fields(cls) if f.init}
        if "rows" not in initial:
            entry.pop("rows", None)
        if cls is RulePattern:
            known = find_rule(str(entry.get("rule")), where=where).version
            if version != known:
                raise InputError(
                    f"rule {entry['rule']} has version {version} here, this program has {known}",
                    where=where, remedy="build the trace again, or use the program that wrote it",
                )  # fmt: skip
        pattern: Pattern = self._build(cls, entry, where)
        if rows != pattern.rows:
            raise InputError(f"has {pattern.rows} rows, the manifest says {rows}", where=where)
        if not isinstance(nnz, int) or (cls in (CsrPattern, RulePattern) and nnz != pattern.nnz):
            raise InputError(f"has nnz {pattern.nnz}, the manifest says {nnz}", where=where)
        pattern.__dict__["stated_nnz"] = nnz
        return pattern

    def _build(self, cls: type[Any], values: Json, where: str) -> Any:
        hints = typing.get_type_hints(cls)
        fields = {f.name: f for f in dataclasses.fields(cls) if f.init}
        for name in values:
            if name not in fields:
                raise unknown_name("field", name, fields, where=where)
        for name, field in fields.items():
            if field.default is dataclasses.MISSING and name not in values:
                raise InputError(f"field {name} is missing", where=where)
        arguments = {
            name: self._value(value, hints[name], f"{where}.{name}")
            for name, value in values.items()
        }
        try:
            return cls(**arguments)
        except InputError as error:
            raise InputError(error.what, where=where, remedy=error.remedy) from None

    def _value(self, value: Any, hint: Any, where: str) -> Any:
        origin, options = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            if value is None and type(None) in options:
                return None
            return self._value(value, options[0], where)
        if origin is typing.Literal:
            if value not in options:
                raise unknown_name(where.rpartition(".")[2], str(value), options, where=where)
            return value
        if hint is Pattern:
            return self.pattern(value, where)
        if hint is np.ndarray:
            if not isinstance(value, dict) or set(value) != {"array"}:
                raise InputError('must be {"array": name}', where=where)
            return self._load(str(value["array"]), where)
        if origin is tuple:
            if not isinstance(value, list) or any(type(item) is not int for item in value):
                raise InputError(f"must be a list of integers, not {value!r}", where=where)
            return tuple(value)
        expected = origin or hint
        if type(value) is not expected:
            raise InputError(f"must be of type {expected.__name__}, not {value!r}", where=where)
        return value
