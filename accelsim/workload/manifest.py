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
from accelsim.workload.array_rules import ARRAY_RULES, ArrayRule
from accelsim.workload.encodings import (
    BitPattern,
    BlockPattern,
    CsrPattern,
    NmPattern,
    Pattern,
    RulePattern,
)
from accelsim.workload.operators import OPERATOR_KINDS, Operator
from accelsim.workload.routed import RoutedPattern
from accelsim.workload.rules import RULES
from accelsim.workload.transposed import TransposedPattern

Json = dict[str, Any]
ENCODINGS: dict[str, type[Pattern]] = {
    cls.encoding: cls
    for cls in (
        RulePattern, NmPattern, BlockPattern, CsrPattern, BitPattern, TransposedPattern,
        RoutedPattern,
    )
}  # fmt: skip
_SIDES = ("rows", "cols")


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
        elif isinstance(value, ArrayRule):
            entry[field.name] = encode_array_rule(value)
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
        place = f"{name}.{field.name}"
        if isinstance(value, Pattern):
            entry[field.name] = encode_pattern(place, value, store)
        elif isinstance(value, np.ndarray):
            entry[field.name] = {"array": store.add(place, value)}
        elif isinstance(value, ArrayRule):
            entry[field.name] = encode_array_rule(value)
        elif field.repr:  # what is not shown follows from the rest
            entry[field.name] = plain(value)
    return entry


def encode_array_rule(rule: ArrayRule) -> Json:
    """Turn an array rule into JSON: its name, version and parameters."""
    return {"rule": rule.name, "version": rule.version, "params": plain(rule.parameters())}


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
        self._array_rules: dict[str, ArrayRule] = {}

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
        initial = {f.name for f in dataclasses.fields(cls) if f.init}
        stated = {side: entry.get(side) for side in _SIDES}
        for side in _SIDES:
            if side not in initial:
                entry.pop(side, None)
        if cls is RulePattern:
            RULES.find_version(str(entry.get("rule")), version, where)
        pattern: Pattern = self._build(cls, entry, where)
        for side, value in stated.items():
            if value != getattr(pattern, side):
                raise InputError(
                    f"has {getattr(pattern, side)} {side}, the manifest says {value}", where=where
                )
        if not isinstance(nnz, int) or (cls in (CsrPattern, RulePattern) and nnz != pattern.nnz):
            raise InputError(f"has nnz {pattern.nnz}, the manifest says {nnz}", where=where)
        pattern.__dict__["stated_nnz"] = nnz
        return pattern

    def _array(self, value: Any, where: str) -> np.ndarray | ArrayRule:
        """An array, or an array rule; equal entries give one object."""
        if isinstance(value, dict) and set(value) == {"array"}:
            return self._load(str(value["array"]), where)
        if not isinstance(value, dict) or set(value) != {"rule", "version", "params"}:
            raise InputError('must be {"array": name}, or rule, version and params', where=where)
        if not isinstance(value["params"], dict):
            raise InputError("params must be a mapping", where=where)
        key = repr(sorted(value.items()))
        if key not in self._array_rules:
            name = str(value["rule"])
            ARRAY_RULES.find_version(name, value["version"], where)
            try:
                self._array_rules[key] = ARRAY_RULES.make(name, value["params"])
            except InputError as error:
                raise InputError(error.what, where=where, remedy=error.remedy) from None
        return self._array_rules[key]

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
        if ArrayRule in options:
            return self._array(value, where)
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
