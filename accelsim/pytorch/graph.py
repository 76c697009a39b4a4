"""The operators of a run as they come, who reads whose result, and in which module.

A result is followed by the storage that holds it, so that views need no bookkeeping and what is
written in place has several producers. Entries may be dropped later (the products and the softmax
that turn out to be one attention), so indices of a trace exist only after `operators`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef

from accelsim.workload.operators import Operator, Vector

_CROWDED = 64  # storages known before the freed ones among them are looked for
_MODELS = ("model", "transformer", "backbone", "module")


@dataclass
class Entry:
    """One operator to be.

    Attributes
    ----------
    kind : type[Operator]
    module : str
        The module that ran it, as `named_modules` calls it.
    label : str
        Its name within the module; empty if the module is this operator alone.
    step : int
        Which call of the model.
    inputs : set[int]
        Entries whose results it reads.
    fields : dict
        What the operator has beyond Operator.
    into : int or None
        The entry that replaced this one.
    """

    kind: type[Operator]
    module: str
    label: str
    step: int
    inputs: set[int]
    fields: dict[str, Any]
    into: int | None = None


@dataclass
class Work:
    """Element-wise work collected in one Vector entry: lane operations, elements, operands."""

    lane_operations: int = 0
    elements: int = 0
    operands: int = 1


def storage_of(tensor: torch.Tensor) -> int:
    """Identity of the memory behind a tensor; its own identity where it has none (sparse)."""
    try:
        return tensor.untyped_storage()._cdata
    except (NotImplementedError, RuntimeError):
        return id(tensor)


class Graph:
    """Entries in the order of execution.

    Attributes
    ----------
    entries : list of Entry
    step : int
        Calls of the model so far, less one.
    followers : list of callable
        Told the storage that is no more, before its address may be given to another.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.step = -1
        self._producers: dict[int, frozenset[int]] = {}
        self._seen: dict[int, StorageWeakRef] = {}  # a freed address is not given to another
        self._crowded = _CROWDED
        self.followers: list[Callable[[int], object]] = []
        self._constants: set[int] = set()
        self._open: tuple[int, Work] | None = None

    def mark_constants(self, tensors: Iterable[torch.Tensor]) -> None:
        """Weights and buffers: what is computed from them alone is no work of a run."""
        self._constants.update(self._key(tensor) for tensor in tensors)

    def _key(self, tensor: torch.Tensor) -> int:
        key = storage_of(tensor)
        if key not in self._seen and key != id(tensor):
            if len(self._seen) > self._crowded:
                self._forget_freed()
                self._crowded = _CROWDED + 2 * len(self._seen)
            self._seen[key] = StorageWeakRef(tensor.untyped_storage())
        return key

    def _forget_freed(self) -> None:
        """Let go of what is known of freed memory, whose remains would break up the heap."""
        for key in [key for key, seen in self._seen.items() if seen.expired()]:
            del self._seen[key]
            self._producers.pop(key, None)
            self._constants.discard(key)
            for tell in self.followers:
                tell(key)

    def is_constant(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor depends on no input of the model."""
        return storage_of(tensor) in self._constants

    def producers(self, tensors: Iterable[torch.Tensor]) -> frozenset[int]:
        """Entries that wrote what these tensors hold."""
        found: frozenset[int] = frozenset()
        for tensor in tensors:
            found |= self._producers.get(storage_of(tensor), frozenset())
        return found

    def computed(self, entries: Iterable[int]) -> bool:
        """Whether entries depend on a product, and so on what the model computes from its input."""
        waiting, met = list(entries), set[int]()
        while waiting:
            number = waiting.pop()
            if number in met:
                continue
            met.add(number)
            if self.entries[number].kind is not Vector:
                return True
            waiting.extend(self.entries[number].inputs)
        return False

    def written(
        self, outputs: Iterable[torch.Tensor], inputs: list[torch.Tensor], *entries: int
    ) -> None:
        """Note that `outputs` hold the result of `entries` (none: of what made the inputs)."""
        made = frozenset(entries)
        sources = made or self.producers(inputs)
        constant = not made and all(self.is_constant(tensor) for tensor in inputs)
        shared = {storage_of(tensor) for tensor in inputs}
        for output in outputs:
            key = self._key(output)
            if key in shared:  # a view, or written in place
                self._producers[key] = self._producers.get(key, frozenset()) | sources
                if not constant:
                    self._constants.discard(key)
            else:
                self._producers[key] = sources
                (self._constants.add if constant else self._constants.discard)(key)

    def viewed(self, outputs: Iterable[torch.Tensor], inputs: list[torch.Tensor]) -> None:
        """Note views: nothing is written (a view shares the storage it looks at)."""
        known = {storage_of(tensor) for tensor in inputs}
        fresh = [tensor for tensor in outputs if storage_of(tensor) not in known]
        if fresh:
            self.written(fresh, inputs)

    def add(
        self,
        kind: type[Operator],
        module: str,
        label: str,
        reads: Iterable[torch.Tensor],
        **fields: Any,
    ) -> int:
        """Append an operator; give its entry number."""
        self._open = None
        inputs = set(self.producers(reads))
        self.entries.append(Entry(kind, module, label, max(0, self.step), inputs, fields))
        return len(self.entries) - 1

    def add_work(
        self,
        module: str,
        label: str,
        elements: int,
        lanes: int,
        reads: list[torch.Tensor],
    ) -> int:
        """Append element-wise work; work that follows directly in the same module joins it."""
        sources = set(self.producers(reads))
        if self._open is None or self.entries[self._open[0]].module != module:
            number = self.add(Vector, module, label, reads)
            self._open = (number, Work())
        number, work = self._open
        self.entries[number].inputs |= sources - {number}
        work.lane_operations += lanes * elements
        work.elements = max(work.elements, elements)
        outside = len([t for t in reads if number not in self.producers((t,))])
        work.operands = max(work.operands, outside)
        self.entries[number].fields = {
            "elements": work.elements,
            "lane_operations": max(1, -(-work.lane_operations // max(1, work.elements))),
            "operands": work.operands,
        }
        return number

    def close_work(self) -> None:
        """End a run of element-wise work: what follows is an entry of its own."""
        self._open = None

    def replace(self, old: Iterable[int], new: int) -> None:
        """Drop entries whose work is part of entry `new`, which takes over their inputs."""
        old = set(old)
        for number in old:
            self.entries[number].into = new
            self.entries[new].inputs |= self.entries[number].inputs
        self.entries[new].inputs -= old | {new}

    def operators(self, steps: set[int] | None = None) -> list[Operator]:
        """Build the operators with their final names and inputs.

        Parameters
        ----------
        steps : set of int, optional
            Calls of the model to keep (default: all).
        """
        alive = [
            n for n, e in enumerate(self.entries)
            if e.into is None and (steps is None or e.step in steps)
        ]  # fmt: skip
        index: dict[int, tuple[int, ...]] = {}  # entry to the operators that it becomes
        short = short_names([self.entries[n].module for n in alive])
        several = len({self.entries[n].step for n in alive}) > 1
        used: Counter[str] = Counter()
        operators: list[Operator] = []
        for number in alive:
            entry = self.entries[number]
            name = ".".join(filter(None, (short[entry.module], entry.label))) or "model"
            name = f"step{entry.step}.{name}" if several else name
            used[name] += 1
            scope = name if used[name] == 1 else f"{name}.{used[name]}"
            while scope in used and used[name] > 1:
                used[name] += 1
                scope = f"{name}.{used[name]}"
            used[scope] += scope != name
            inputs = {self._final(source) for source in entry.inputs} & index.keys()
            fields = dict(entry.fields)
            if fields.get("index_operator") is not None:
                fields["index_operator"] = index[fields["index_operator"]][0]
            before = sorted(i for source in inputs if source < number for i in index[source])
            count = fields.pop("count", 1)
            index[number] = tuple(range(len(operators), len(operators) + count))
            for part in range(count):
                name = f"{scope}[{part}]" if count > 1 else scope
                operators.append(entry.kind(scope=name, inputs=tuple(before), **fields))
        return operators

    def _final(self, number: int) -> int:
        while (into := self.entries[number].into) is not None:
            number = into
        return number


def short_names(modules: Iterable[str]) -> dict[str, str]:
    """Names for tables: the first numbered container becomes "L<number>", wrappers go.

    ``model.layers.3.mlp`` gives ``L3.mlp``; with several stacks their names stay:
    ``encoder.block.3.layer.0`` gives ``encoder.L3.layer.0``.
    """
    parts = {module: module.split(".") for module in set(modules)}
    stacks = {tuple(p[: _number_at(p)]) for p in parts.values() if _number_at(p) is not None}
    names = {}
    for module, path in parts.items():
        at = _number_at(path)
        head, tail = path, list[str]()
        if at is not None:
            head, tail = path[: max(0, at - 1)], [f"L{path[at]}", *path[at + 1 :]]
            head = [] if len(stacks) == 1 else head
        while head and head[0] in _MODELS and (len(head) > 1 or tail):
            head = head[1:]
        names[module] = ".".join(head + tail)
    if len(set(names.values())) < len(names):  # two modules would share a name
        return {module: module for module in parts}
    return names


def _number_at(path: list[str]) -> int | None:
    return next((at for at, part in enumerate(path) if part.isdigit()), None)


def with_dtype(operators: list[Operator], dtype: str) -> list[Operator]:
    """Give every operator the number type that a replay computes in."""
    return [replace(operator, dtype=dtype) for operator in operators]
