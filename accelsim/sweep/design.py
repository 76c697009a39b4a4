"""A point made concrete: its architecture, its workload, and the hash that names its result."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from accelsim.arch.load import ArchSource, Setting, arch_source, content_hash
from accelsim.arch.scale import port_settings
from accelsim.arch.spec import Arch
from accelsim.config.tree import Tree
from accelsim.errors import InputError
from accelsim.sweep.costs import TableRef, machine_costs, table_ref
from accelsim.sweep.expressions import Expression, UndefinedError
from accelsim.sweep.plan import PORTS, WORKLOAD, Plan, PlannedWorkload
from accelsim.sweep.sampling import Point, points
from accelsim.sweep.values import Value, as_number, with_units
from accelsim.sweep.version import model_version
from accelsim.workload.catalogue import load_workload
from accelsim.workload.trace import Trace

HASH_DIGITS = 32
OF_ARCH = [
    *Arch.model_fields,
    *(name for name, value in vars(Arch).items() if isinstance(value, property)),
]
BASE = "base"


class Workload(NamedTuple):
    """What is replayed, so that any process can open it."""

    name: str
    shape: tuple[str, ...]
    dtype: str | None

    def open(self) -> Trace:
        """The trace; see `load_workload`."""
        trace = load_workload(self.name, self.shape)
        return trace if self.dtype is None else trace.replayed(self.dtype)


class Design(NamedTuple):
    """A point made concrete.

    `arch` : None where it was refused; `refused` says why. `costs` : of its plan. `values` : of
    the parameters, those of the base where a listed point gives none. `key` : names its result.
    """

    point: Point
    arch: Arch | None
    workload: Workload
    costs: TableRef
    values: dict[str, Value]
    key: str
    refused: str = ""


class LeftOut(NamedTuple):
    """A point that a constraint, as written, leaves out."""

    point: Point
    constraint: str


@dataclass(frozen=True)
class Base:
    """An architecture of a plan before its parameters; `dumped` : its fields, with units."""

    source: ArchSource
    arch: Arch
    dumped: dict[str, Any]


@dataclass
class Designer:
    """Makes the designs of a plan; `tree` says where its keys were written."""

    plan: Plan
    tree: Tree = field(default_factory=lambda: Tree({}))

    def __post_init__(self) -> None:
        self.bases = [self._base(number) for number in range(len(self.plan.architectures))]
        try:
            self.costs = table_ref(self.plan.costs)
        except InputError as error:
            raise error.inside(self.where("costs")) from None
        self.derived = {
            path: Expression(entry.value, self.where("derived", path))
            for path, entry in self.plan.derived.items()
        }
        self.constraints = [
            Expression(text, self.where("constraints", number))
            for number, text in enumerate(self.plan.constraints)
        ]
        self.metrics = {
            name: Expression(text, self.where("metrics", name))
            for name, text in self.plan.metrics.items()
        }

    def designs(self) -> Iterator[Design | LeftOut]:
        """Every point of the plan, in order."""
        for point in points(self.plan):
            yield self.design(point)

    def design(self, point: Point) -> Design | LeftOut:
        """One point; the first constraint that it breaks leaves it out."""
        base = self.bases[point.arch]
        values = {**self._base_values(point), **point.values}
        known: dict[str, object] = {name: as_number(value) for name, value in values.items()}
        known[BASE] = base.arch
        early, late = self._constraints_of(values)
        late_names = frozenset[str]().union(*(constraint.names for constraint in late))
        for constraint in early:
            if not constraint.value(known):
                return LeftOut(point, constraint.text)
        workload = self._workload(point)
        settings: list[Setting] = []
        refused = ""
        arch: Arch | None = None
        content: list[object]
        try:
            settings = self._settings(point, known)
            made = base.source.with_settings(settings).arch()
            content = [made.name, content_hash(made), *_content(workload)]
            known = {**of_arch(made), **machine_costs(made, self.costs, late_names), **known}
            arch = made
        except InputError as error:
            refused = str(error)
            content = [base.arch.name, content_hash(base.arch), settings, workload]
        if arch is not None:
            for constraint in late:
                if not constraint.value(known):
                    return LeftOut(point, constraint.text)
        key = _digest([model_version(), self.costs.content, *content])
        return Design(point, arch, workload, self.costs, values, key, refused)

    def names(self, design: Design, figures: dict[str, object]) -> dict[str, object]:
        """What the expressions of `Plan.metrics` are over."""
        assert design.arch is not None
        numbers = {name: as_number(value) for name, value in design.values.items()}
        base = {BASE: self.bases[design.point.arch].arch}
        return {**of_arch(design.arch), **figures, **base, **numbers}

    def computed(self, design: Design, figures: dict[str, object]) -> dict[str, Any]:
        """The metrics of the plan; None where one has no value.

        That is a division by zero, an infinite figure, a parameter that the architecture does not
        have, or a figure or another metric that has none.
        """
        names = self.names(design, figures)
        absent = self.plan.parameters.keys() - design.values.keys()
        absent = absent | {name for name, value in figures.items() if value is None}
        found: dict[str, Any] = {}
        for name, expression in self.metrics.items():
            value = None
            if not expression.names & absent:
                with suppress(UndefinedError):
                    value = expression.value(names)
            if value is None or (isinstance(value, float) and not math.isfinite(value)):
                value = None
                absent = absent | {name}
            found[name] = names[name] = value
        return found

    def where(self, *at: str | int) -> str:
        """The place of a key of the plan, for messages."""
        dotted = ".".join(str(step) for step in at)
        for length in range(len(at), -1, -1):
            if at[:length] in self.tree.place:
                return f"{self.tree.place[at[:length]]}, {dotted}"
        return f"{self.plan.name}, {dotted}"

    def _base(self, number: int) -> Base:
        entry = self.plan.architectures[number]
        try:
            source = arch_source(entry.arch).changed(entry.set, option="set")
            arch = source.arch()
        except InputError as error:
            raise error.inside(self.where("architectures", number)) from None
        return Base(source, arch, arch.model_dump(mode="json"))

    def _base_values(self, point: Point) -> dict[str, Value]:
        """What the architecture has where a listed point gives a parameter no value."""
        found: dict[str, Value] = {}
        for name, parameter in self.plan.parameters.items():
            if name in point.values or not self.plan.applies(name, point.arch):
                continue
            if parameter.linked or parameter.path[0].startswith(WORKLOAD):
                continue
            path = parameter.path[0]
            dumped = self.bases[point.arch].dumped
            found[name] = 1 if path == PORTS else value_at(dumped, path)
        return found

    def _constraints_of(
        self, values: dict[str, Value]
    ) -> tuple[list[Expression], list[Expression]]:
        """Constraints over parameters alone, and those that need the architecture.

        One that names a parameter which the architecture does not have is for others.
        """
        early: list[Expression] = []
        late: list[Expression] = []
        for constraint in self.constraints:
            named = constraint.names & self.plan.parameters.keys()
            if named <= values.keys():
                rest = constraint.names - named - {BASE}
                (late if rest else early).append(constraint)
        return early, late

    def _settings(self, point: Point, known: dict[str, object]) -> list[Setting]:
        """What is set in the architecture: the ports, then the parameters, then the derived."""
        base = self.bases[point.arch]
        ports: list[Setting] = []
        found: list[Setting] = []
        for name, value in point.values.items():
            for path, part in self.plan.parameters[name].settings(value):
                if path == PORTS:
                    ports = [*port_settings(base.arch, part)]  # type: ignore[arg-type]
                elif not path.startswith(WORKLOAD):
                    found.append((path, part))
        label = self.plan.architectures[point.arch].label
        for path, expression in self.derived.items():
            only = self.plan.derived[path].only
            named = expression.names & self.plan.parameters.keys()
            if (only and label not in only) or not named <= known.keys():
                continue
            try:
                derived = with_units(expression.value(known), value_at(base.dumped, path))
            except ValueError as error:
                raise InputError(str(error), where=expression.where) from None
            found.append((path, derived))
        return [*ports, *found]

    def _workload(self, point: Point) -> Workload:
        entry: PlannedWorkload = self.plan.workloads[point.workload]
        shape, dtype = list(entry.shape), entry.dtype
        for name, value in point.values.items():
            for path, part in self.plan.parameters[name].settings(value):
                if path == f"{WORKLOAD}dtype":
                    dtype = str(part)
                elif path.startswith(WORKLOAD):
                    shape.append(f"{path.removeprefix(WORKLOAD)}={json.dumps(part)}")
        name = entry.workload
        file, colon, key = name.partition(".yaml:")
        place = Path(f"{file}.yaml" if colon else name)
        if place.exists():  # other processes may stand elsewhere
            name = f"{place.resolve()}{':' if colon else ''}{key}"
        return Workload(name, tuple(shape), dtype)


def value_at(dumped: Any, path: str) -> Value:
    """The value of a field of a dumped architecture, with its unit; None where it has none."""
    node = dumped
    for step in path.split("."):
        if isinstance(node, dict):
            node = node.get(step)
        elif isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            node = node[int(step)]
        else:
            return None
    return node


def of_arch(arch: Arch) -> dict[str, object]:
    """The fields of an architecture and what follows from them, by name."""
    return {name: getattr(arch, name) for name in OF_ARCH}


@lru_cache(maxsize=64)
def _content(workload: Workload) -> tuple[str, str]:
    """Name and content hash of a workload."""
    trace = workload.open()
    return trace.name, trace.content_hash


def _digest(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:HASH_DIGITS]
