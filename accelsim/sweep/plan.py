"""The plan of a sweep: what is varied on what, read from YAML and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from accelsim.config.faults import input_error
from accelsim.config.record import FieldError, Spec
from accelsim.config.tree import Tree, read_tree, shipped_folder
from accelsim.cost.load import DEFAULT_TABLE
from accelsim.errors import InputError, unknown_name
from accelsim.sweep.values import SUFFIXES, Range, Value, as_number, quantity_of

WORKLOAD = "workload."  # before the path of a recipe's shape; `workload.dtype` is its number type
ARCHITECTURE = "architecture"  # of a listed point: the only one that it is for
PORTS = "ports"  # the path of the scratchpad's ports and all their shares, as a factor
_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _entry(key: str) -> BeforeValidator:
    """A bare name or number stands for an entry that says no more."""

    def entry(value: object) -> object:
        return {key: str(value)} if isinstance(value, str | int | float) else value

    return BeforeValidator(entry)


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class PlannedArch(Spec):
    """An architecture of a plan, by name or path, and what is changed in it at every point.

    Attributes
    ----------
    arch : str
        A shipped name, or a path from the plan.
    set : tuple of str
        Changes as of `--set`, at every point.
    name : str
        What it is called in the results; empty: the name of the file.
    """

    arch: str
    set: Texts = ()
    name: str = ""

    @property
    def label(self) -> str:
        """What it is called in the results."""
        return self.name or Path(self.arch).stem


class PlannedWorkload(Spec):
    """A workload of a plan; `shape` changes a recipe, `dtype` replays it in another type.

    Attributes
    ----------
    workload : str
        A shipped trace or recipe, or a path from the plan.
    shape : tuple of str
        Changes of a recipe, as of `--shape`.
    dtype : str, optional
        Number type that all is replayed in; without it, each operator's own.
    name : str
        What it is called in the results; empty: the name of the file.
    """

    workload: str
    shape: Texts = ()
    dtype: str | None = None
    name: str = ""

    @property
    def label(self) -> str:
        """What it is called in the results."""
        return self.name or Path(self.workload).name.removesuffix(".trace")


class Parameter(Spec):
    """What is varied.

    Attributes
    ----------
    path : tuple of str
        A field of the architecture (``dram.bandwidth``), of a recipe (``workload.batch``,
        ``workload.dtype``), or ``ports``: the scratchpad's bytes a cycle and all shares of them,
        as a factor. Several paths change together; a value then lists one for each.
    values : tuple
        The values, with units. In YAML also a mapping, whose keys are `labels`: what the values
        are called in the results.
    range : Range, optional
        All between two, instead.
    only : tuple of str
        Architectures that have it, by their names here; empty means all.
    labels : tuple of str
        What the values are called in the results; in YAML the keys of `values`.
    """

    path: Annotated[Texts, Field(min_length=1)]
    values: tuple[Any, ...] = ()
    labels: tuple[str, ...] = ()
    range: Range | None = None
    only: Texts = ()

    @model_validator(mode="before")
    @classmethod
    def _labelled(cls, data: Any) -> Any:
        values = data.get("values") if isinstance(data, dict) else None
        if not isinstance(values, dict):
            return data
        return {**data, "values": list(values.values()), "labels": list(values)}

    @model_validator(mode="after")
    def _has_values(self) -> Parameter:
        if bool(self.values) == (self.range is not None):
            raise FieldError("values", "expected either 'values' or a 'range'")
        if self.labels and len(self.labels) != len(self.values):
            raise FieldError("labels", f"expected {len(self.values)}, one for each value")
        written = [json.dumps(as_number(value), default=str) for value in self.values]
        for number, text in enumerate(written):
            if text in written[:number]:
                raise FieldError(f"values.{number}", f"{self.values[number]} is there twice")
        if len(self.path) == 1:
            return self
        if self.range is not None:
            raise FieldError("range", "several paths need 'values', each a list of one for each")
        for number, value in enumerate(self.values):
            if not isinstance(value, list) or len(value) != len(self.path):
                raise FieldError(
                    f"values.{number}", f"{value} is not a list of {len(self.path)}, one for a path"
                )
        return self

    @property
    def linked(self) -> bool:
        """Whether several paths change together."""
        return len(self.path) > 1

    def settings(self, value: Value) -> list[tuple[str, Value]]:
        """The paths and what each is set to."""
        values = value if self.linked else [value]
        assert isinstance(values, list)
        return list(zip(self.path, values, strict=True))  # type: ignore[arg-type]

    def shown(self, value: Value) -> Value:
        """The label of a value, where there is one."""
        named = self.labels and value in self.values
        return self.labels[self.values.index(value)] if named else value

    def grid(self) -> list[Value]:
        """The values of a grid, in order."""
        return list(self.values) if self.range is None else self.range.grid()


class Derived(Spec):
    """What a field of the architecture is set to at every point.

    `value` : an expression over the parameters and `base`, the architecture before them. `only` :
    architectures that it is for; empty means all.
    """

    value: str
    only: Texts = ()


class Grid(Spec):
    """Every combination; the last parameter changes fastest."""

    kind: Literal["grid"]


class Listed(Spec):
    """The points written down, each a value for some parameters; others stay as they are.

    A point that names an `ARCHITECTURE` is for that one only.

    Attributes
    ----------
    points : tuple of dict of object
        A mapping of parameters to values for each point.
    """

    kind: Literal["list"]
    points: tuple[dict[str, Any], ...] = Field(min_length=1)


class Random(Spec):
    """Every parameter drawn on its own, evenly from its values or over its range.

    Attributes
    ----------
    points : int
        How many.
    seed : int
        Of the draws.
    """

    kind: Literal["random"]
    points: int = Field(gt=0)
    seed: int = Field(default=0, ge=0)


class LatinHypercube(Spec):
    """As many strata of every parameter as points, each used once (McKay et al. 1979).

    Attributes
    ----------
    points : int
        How many.
    seed : int
        Of the draws.
    """

    kind: Literal["latin_hypercube"]
    points: int = Field(gt=0)
    seed: int = Field(default=0, ge=0)


Sampling = Annotated[
    Grid | Listed | Random | LatinHypercube,
    Field(discriminator="kind"),
    BeforeValidator(lambda value: {"kind": value} if isinstance(value, str) else value),
]
Name = Annotated[str, Field(pattern=_NAME)]


class Plan(Spec):
    """A sweep.

    Attributes
    ----------
    architectures : tuple of PlannedArch
    workloads : tuple of PlannedWorkload
    parameters : dict of Parameter, by name
        Names may stand in expressions.
    sampling : Grid, Listed, Random or LatinHypercube
        The same points on every architecture and workload.
    derived : dict of Derived
        By the path of the architecture; an expression alone is for all architectures.
    constraints : tuple of str
        Expressions over parameters, `base`, the fields of the architecture, `area_mm2`,
        `peak_power_w` and `price_usd`; a point at which one is false is left out. One that names
        a parameter is for architectures that have it.
    metrics : dict of str
        Further columns of the results, name -> expression over the same and all figures.
    objectives : dict of str
        Column -> "minimise" or "maximise"; for the report and for search.
    baseline : str, optional
        An architecture; the column `speedup` is its time over that of a point, at the same values
        of the parameters that both have.
    costs : str
        Name or path of the cost table: area, energy and price of every point are by it.
    name : str
        Names the tables of the results.
    description : str
        One line, for lists and reports.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    description: str = ""
    architectures: tuple[Annotated[PlannedArch, _entry("arch")], ...] = Field(min_length=1)
    workloads: tuple[Annotated[PlannedWorkload, _entry("workload")], ...] = Field(min_length=1)
    parameters: dict[Name, Parameter] = Field(min_length=1)
    sampling: Sampling = Grid(kind="grid")
    derived: dict[str, Annotated[Derived, _entry("value")]] = {}
    constraints: Texts = ()
    metrics: dict[Name, str] = {}
    objectives: dict[Name, Literal["minimise", "maximise"]] = {"total_ps": "minimise"}
    baseline: str | None = None
    costs: str = DEFAULT_TABLE

    @model_validator(mode="after")
    def _names_are_known(self) -> Plan:
        for what, labels in (
            ("architectures", [entry.label for entry in self.architectures]),
            ("workloads", [entry.label for entry in self.workloads]),
        ):
            twice = {label for label in labels if labels.count(label) > 1}
            if twice:
                raise FieldError(what, f"'{min(twice)}' is there twice, give one another 'name'")
        known = [entry.label for entry in self.architectures]
        asked = [(f"parameters.{n}.only", a) for n, p in self.parameters.items() for a in p.only]
        asked += [(f"derived.{n}.only", a) for n, d in self.derived.items() for a in d.only]
        for where, name in [*asked, *[("baseline", self.baseline)] * (self.baseline is not None)]:
            if name not in known:
                raise FieldError(where, f"'{name}' is no architecture here: {', '.join(known)}")
        return self

    @model_validator(mode="after")
    def _sampling_fits(self) -> Plan:
        for name, parameter in self.parameters.items():
            ranged = parameter.range
            if name == ARCHITECTURE:
                raise FieldError(f"parameters.{name}", "is the name of another column")
            if self.sampling.kind == "grid" and ranged is not None and ranged.steps is None:
                raise FieldError(f"parameters.{name}.range.steps", "is missing, a grid needs it")
        if isinstance(self.sampling, Listed):
            for number, point in enumerate(self.sampling.points):
                at = f"sampling.points.{number}"
                for name in sorted(point.keys() - self.parameters.keys() - {ARCHITECTURE}):
                    known = ", ".join(self.parameters)
                    raise FieldError(f"{at}.{name}", f"is no parameter here: {known}")
                labels = [entry.label for entry in self.architectures]
                if point.get(ARCHITECTURE, labels[0]) not in labels:
                    known = ", ".join(labels)
                    raise FieldError(f"{at}.{ARCHITECTURE}", f"is no architecture here: {known}")
        return self

    def applies(self, parameter: str, arch: int) -> bool:
        """Whether an architecture, by number, has a parameter."""
        only = self.parameters[parameter].only
        return not only or self.architectures[arch].label in only

    def column(self, parameter: str) -> str:
        """The column of a parameter in the results: its name and the unit that it counts."""
        return parameter + _suffix(self.parameters[parameter])[0]


def _suffix(parameter: Parameter) -> tuple[str, str]:
    """Suffix of a parameter's column and its unit; none for plain values and linked paths."""
    ranged = parameter.range
    values = list(parameter.labels or parameter.values) if ranged is None else [ranged.low]
    kinds = {quantity_of(value) for value in values}
    found = [(suffix, unit) for quantity, suffix, unit in SUFFIXES if kinds == {quantity}]
    return found[0] if found else ("", "")


def suffix_unit(parameter: Parameter) -> str:
    """Unit of a parameter's column."""
    return _suffix(parameter)[1]


def plan_names() -> list[str]:
    """Names of the shipped plans, sorted."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def _folder() -> Path:
    return shipped_folder("arch_configs") / "sweeps"


def load_plan(name_or_path: str | Path) -> tuple[Plan, Tree]:
    """Read a shipped plan, or a YAML file; the tree says where each key was written.

    Paths of architectures and workloads are looked for beside the plan, then from the working
    folder.

    Raises
    ------
    InputError
        No such plan, not readable, or a field that is unknown, missing or wrong.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        if str(name_or_path) not in plan_names():
            raise unknown_name("plan", str(name_or_path), plan_names())
        path = _folder() / f"{name_or_path}.yaml"
    elif not path.exists():
        raise InputError(f"no such file '{path}'", remedy="expected the .yaml file of a plan")
    shown = path.name if path.parent == _folder() else str(name_or_path)
    tree = read_tree(path, shown, "a plan")
    tree.place[()] = shown
    try:
        plan = Plan.model_validate(tree.data)
    except ValidationError as error:
        raise input_error(error, tree.data, tree.place, shown, Plan) from None
    found = {
        "architectures": tuple(
            entry.model_copy(update={"arch": _beside(path.parent, entry.arch)})
            for entry in plan.architectures
        ),
        "workloads": tuple(
            entry.model_copy(update={"workload": _beside(path.parent, entry.workload)})
            for entry in plan.workloads
        ),
        "costs": _beside(path.parent, plan.costs),
    }
    return plan.model_copy(update=found), tree


def _beside(folder: Path, name: str) -> str:
    """A path that leads somewhere from a folder, from there; anything else as it is."""
    file, colon, key = name.partition(".yaml:")
    is_path = colon or "/" in name or name.endswith((".yaml", ".yml", ".csv", ".trace"))
    file = f"{file}.yaml" if colon else file
    if not is_path or not (folder / file).exists():
        return name
    return f"{folder / file}:{key}" if colon else str(folder / file)
