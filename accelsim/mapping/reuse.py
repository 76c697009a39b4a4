"""Results of pure computations, kept by what went into them: equal work is done once.

A key is the function and all its arguments, by content. What a function is not given it cannot
read, so no key can lack what a result depends on. An argument without a content (an array, a
mutable record, a machine) is refused, and so is a function that brings values of its own.

What is kept cannot change: arrays become read-only, records are frozen, lists are refused.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cached_property
from hashlib import blake2b
from types import FunctionType
from typing import Generic, TypeVar

import numpy as np

from accelsim.config.record import Spec
from accelsim.workload.arrays import INDEX, POINTER, kernel_array
from accelsim.workload.patterns import Pattern

Csr = tuple[np.ndarray, np.ndarray]
T = TypeVar("T")
MOST_BYTES = 256 << 20
# Of the bound: what alone takes more would push out all else.
LARGEST_PART = 4
DIGEST_BYTES = 16
OBJECT_BYTES = 64  # a small Python object with its place in another
PLAIN = frozenset({int, str, float, bool, bytes, type(None)})  # their own content


class Reuse:
    """What was computed before, up to a bound in bytes; the least recently used goes first.

    Parameters
    ----------
    most_bytes : int

    Attributes
    ----------
    asked, found : int
        Results asked for, and of these the ones that were there.
    size_bytes : int
        Of what is kept now.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self.asked = self.found = self.size_bytes = 0
        self._kept: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()

    def of(self, function: Callable[..., T], *arguments: object) -> T:
        """`function(*arguments)`, computed unless it is kept.

        Parameters
        ----------
        function : callable
            Of a module, without a state: the result depends on the arguments alone.
        *arguments
            Numbers, strings, bytes, tuples of them, patterns, what has a `content`, and a Reuse,
            which changes no result.

        Raises
        ------
        TypeError
            An argument has no content, the function a state, or the result could change.
        """
        key = function, _key(arguments)
        self.asked += 1
        entry = self._kept.get(key)
        if entry is not None:
            self.found += 1
            self._kept.move_to_end(key)
            return entry[0]  # type: ignore[return-value]
        if not isinstance(function, FunctionType) or function.__closure__ is not None:
            raise TypeError(f"{function!r} may depend on more than its arguments")
        result = function(*arguments)
        # Large results that cannot change say their size; to look at all of them takes as long as
        # making them.
        said = getattr(result, "kept_bytes", None)
        size = (_frozen(result) if said is None else said) + OBJECT_BYTES * (len(arguments) + 4)
        if size <= self.most_bytes // LARGEST_PART:
            self._kept[key] = result, size
            self.size_bytes += size
            while self.size_bytes > self.most_bytes:
                self.size_bytes -= self._kept.popitem(last=False)[1][1]
        return result

    def rows(self, pattern: Pattern, start: int = 0, stop: int | None = None) -> Rows:
        """Some rows of a pattern."""
        return PatternRows(self, pattern, start, pattern.rows if stop is None else stop)


class Rows:
    """Rows of a pattern as CSR.

    Parameters
    ----------
    indptr : int[rows + 1]
    indices : int[nnz]
        The arrays must not be changed from here on.
    """

    def __init__(self, indptr: np.ndarray, indices: np.ndarray) -> None:
        self._csr = kernel_array(indptr, POINTER), kernel_array(indices, INDEX)

    @property
    def csr(self) -> Csr:
        """int64[rows + 1] and int32[nnz] for compiled kernels, which only read them: to these, an
        array that cannot be written is one of another type.
        """
        return self._csr

    @cached_property
    def content(self) -> bytes:
        """Digest of both arrays."""
        indptr, indices = self.csr
        digest = blake2b(np.int64(indptr.size).tobytes(), digest_size=DIGEST_BYTES)
        digest.update(indptr.data)
        digest.update(indices.data)
        return digest.digest()

    @property
    def count(self) -> int:
        """How many rows."""
        return self.csr[0].size - 1

    @property
    def nonzeros(self) -> int:
        """Kept positions."""
        return self.csr[1].size

    @property
    def indptr(self) -> np.ndarray:
        """int64[rows + 1], read-only."""
        return _view(self.csr[0])

    @property
    def indices(self) -> np.ndarray:
        """int32[nnz], read-only."""
        return _view(self.csr[1])


class PatternRows(Rows):
    """Rows that are decoded when they are looked at, and not where their content is enough."""

    def __init__(self, reuse: Reuse, pattern: Pattern, start: int, stop: int) -> None:
        self._reuse, self._where = reuse, (pattern, int(start), int(stop))

    @cached_property
    def _decoded(self) -> Rows:
        return self._reuse.of(_decode, *self._where)

    @property
    def csr(self) -> Csr:
        """See `Rows.csr`."""
        return self._decoded.csr

    @cached_property
    def content(self) -> bytes:
        """See `Rows.content`."""
        return self._reuse.of(_content, self._reuse, *self._where)


class Exact(Generic[T]):
    """A frozen record with the digest of all its fields."""

    def __init__(self, value: T) -> None:
        self.value, self.content = value, content_of(value)


def content_of(value: object) -> bytes:
    """Digest of a record of numbers, strings and records, with the names of all their fields."""
    return blake2b(repr(_spelled(value)).encode(), digest_size=DIGEST_BYTES).digest()


def _spelled(value: object) -> object:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Spec):
        names = type(value).model_fields
        return type(value).__name__, *((name, _spelled(getattr(value, name))) for name in names)
    if isinstance(value, Mapping):
        return tuple((_spelled(name), _spelled(item)) for name, item in value.items())
    if isinstance(value, tuple):
        return tuple(_spelled(item) for item in value)
    raise TypeError(f"{type(value).__name__} has no content")


def _decode(pattern: Pattern, start: int, stop: int) -> Rows:
    return Rows(*pattern.csr(start, stop))


def _content(reuse: Reuse, pattern: Pattern, start: int, stop: int) -> bytes:
    return reuse.of(_decode, pattern, start, stop).content


def _view(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def _key(argument: object) -> Hashable:
    kind = type(argument)
    if kind in PLAIN:
        return argument
    if isinstance(argument, tuple):
        return tuple([item if type(item) in PLAIN else _key(item) for item in argument])
    if isinstance(argument, Pattern):  # patterns are equal where they are the same
        return weakref.ref(argument)
    if isinstance(argument, Reuse):
        return None
    if isinstance(argument, np.integer):
        return int(argument)
    content = getattr(argument, "content", None)
    if isinstance(content, bytes):
        return content
    raise TypeError(f"{kind.__name__} has no content that a result could be kept by")


def _frozen(result: object) -> int:
    """Bytes of a result; its arrays become read-only."""
    size, seen, left = 0, set[int](), [result]
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        size += OBJECT_BYTES
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
            if isinstance(value.base, np.ndarray):
                left.append(value.base)
            else:
                size += value.nbytes
        elif isinstance(value, Rows):
            size += sum(array.nbytes for array in value.csr)
        elif type(value) not in PLAIN:
            parts = _parts(value)
            nested = [part for part in parts if type(part) not in PLAIN]
            size += OBJECT_BYTES // 2 * (len(parts) - len(nested))
            left += nested
    return size


def _parts(value: object) -> Sequence[object]:
    """Items of a tuple, fields of a frozen record."""
    if isinstance(value, tuple):
        return value
    if is_dataclass(value) and vars(type(value))["__dataclass_params__"].frozen:
        return [getattr(value, field.name) for field in fields(value)]
    raise TypeError(f"a {type(value).__name__} could change and cannot be kept")
