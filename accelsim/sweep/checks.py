"""What is refused before a sweep runs: paths that lead nowhere, values that no field takes."""

from __future__ import annotations

import difflib
import json
import math
from typing import Any

from accelsim.errors import InputError, unknown_name
from accelsim.hardware.catalogue import components
from accelsim.sweep.costs import OF_MACHINE, cost_table, machine_costs
from accelsim.sweep.design import BASE, OF_ARCH, Base, Designer, of_arch, value_at
from accelsim.sweep.expressions import FUNCTIONS
from accelsim.sweep.plan import PORTS, WORKLOAD, Listed, Parameter
from accelsim.sweep.table import FIGURES, FIXED_COLUMNS, SPEEDUP, figure_columns
from accelsim.sweep.values import Value
from accelsim.workload.catalogue import load_workload


def check_plan(designer: Designer) -> None:
    """Check every path and value of a plan on every architecture and workload that it is for.

    Raises
    ------
    InputError
        The first that is wrong, with the nearest path that is right.
    """
    plan = designer.plan
    for number, entry in enumerate(plan.workloads):
        try:
            trace = load_workload(entry.workload, entry.shape)
            if entry.dtype is not None:
                trace.replayed(entry.dtype)
        except InputError as error:
            raise error.inside(designer.where("workloads", number)) from None
        for name, parameter in plan.parameters.items():
            _check_shape(designer, name, parameter, number)
    for name, parameter in plan.parameters.items():
        for at, values in _values(designer, name, parameter):
            for path, value in parameter.settings(values):
                _check_on_archs(designer, name, path, value, at)
    _check_one_setter(designer)
    for path, derived in plan.derived.items():
        for arch, base in zip(plan.architectures, designer.bases, strict=True):
            if not derived.only or arch.label in derived.only:
                _check_path(base, path, designer.where("derived", path))
    _check_columns(designer)
    _check_names(designer)
    _check_costs(designer)
    known = [*figure_columns(plan), *plan.metrics]
    for name in plan.objectives:
        if name not in known:
            raise unknown_name("column", name, known, where=designer.where("objectives", name))


def _check_costs(designer: Designer) -> None:
    """Refuse a cost table that lacks what an architecture, or one with a value set, is made of.

    Of values only one parameter's at a time are tried; what more of them lack together is
    recorded at the point.
    """
    plan, table = designer.plan, cost_table(designer.costs)
    asked = frozenset(plan.objectives).union(
        *(each.names for each in (*designer.constraints, *designer.metrics.values()))
    )
    for number, base in enumerate(designer.bases):
        try:
            components(base.arch, table)
            machine_costs(base.arch, designer.costs, asked)
        except InputError as error:
            raise error.inside(f"{designer.where('costs')}, {base.arch.name}") from None
        for name, parameter in plan.parameters.items():
            for at, value in enumerate(parameter.values if plan.applies(name, number) else ()):
                settings = [one for one in parameter.settings(value) if _is_of_arch(one[0])]
                try:
                    made = base.source.with_settings(settings).arch()
                except InputError:
                    continue  # a rule of the architecture: may fit with other values
                try:
                    components(made, table)
                except InputError as error:
                    where = designer.where("parameters", name, "values", at)
                    raise error.inside(where) from None


def _is_of_arch(path: str) -> bool:
    return path != PORTS and not path.startswith(WORKLOAD)


def _check_columns(designer: Designer) -> None:
    """Refuse names that would stand for two columns, or two things in an expression."""
    plan = designer.plan
    taken = {BASE, *FUNCTIONS, *FIXED_COLUMNS, *(column.name for column in FIGURES)}
    for kind, names in (("parameters", plan.parameters), ("metrics", plan.metrics)):
        for name in names:
            own = {name, plan.column(name)} if kind == "parameters" else {name}
            if own & taken:
                message = f"'{min(own & taken)}' is the name of another column or function"
                raise InputError(message, where=designer.where(kind, name), remedy="rename it")
            taken |= own


def _check_one_setter(designer: Designer) -> None:
    """Refuse a field that two parameters of an architecture set: only the last would count."""
    plan = designer.plan
    for number, arch in enumerate(plan.architectures):
        setters: dict[str, str] = {}
        for name, parameter in plan.parameters.items():
            for path in parameter.path if plan.applies(name, number) else ():
                if path in setters:
                    raise InputError(
                        f"'{path}' is set by '{setters[path]}' too, on {arch.label}",
                        where=designer.where("parameters", name, "path"),
                        remedy="keep one, or part them by 'only'",
                    )
                setters[path] = name


def _check_names(designer: Designer) -> None:
    """Refuse expressions over names that will not be there."""
    known = {BASE, *designer.plan.parameters}
    for expression in designer.derived.values():
        expression.check_names(known)
    known |= {*OF_ARCH, *OF_MACHINE}
    for expression in designer.constraints:
        late = expression.names.difference(known).intersection(figure_columns(designer.plan))
        if late:
            raise InputError(
                f"'{min(late)}' is known only of a point that ran", where=expression.where,
                remedy="make it an objective; a constraint leaves points out before they run",
            )  # fmt: skip
        expression.check_names(known)
    known |= {*figure_columns(designer.plan)} - {SPEEDUP.name}
    for name, expression in designer.metrics.items():
        expression.check_names(known)
        known.add(name)
    _check_fields(designer)


def _check_fields(designer: Designer) -> None:
    """Refuse fields that an architecture to which an expression applies does not have."""
    plan = designer.plan
    expressions = [*designer.constraints, *designer.metrics.values()]
    for number, base in enumerate(designer.bases):
        absent = {name for name in plan.parameters if not plan.applies(name, number)}
        fields = of_arch(base.arch).items()
        known = {BASE: base.arch, **{n: v for n, v in fields if n not in plan.parameters}}
        for expression in expressions:
            if not expression.names & absent:
                expression.check_fields(known)


def _values(
    designer: Designer, name: str, parameter: Parameter
) -> list[tuple[tuple[str | int, ...], Value]]:
    """Every value of a parameter, the ends of a range, with where it is written."""
    at = ("parameters", name)
    if parameter.range is not None:
        scale = parameter.range.bounds
        ends = [("low", scale.at(0)), ("high", scale.at(1))]
        return [((*at, "range", end), value) for end, value in ends]
    found: list[tuple[tuple[str | int, ...], Value]] = [
        ((*at, "values", number), value) for number, value in enumerate(parameter.values)
    ]
    sampling = designer.plan.sampling
    if isinstance(sampling, Listed):
        for number, point in enumerate(sampling.points):
            if name in point:
                found.append((("sampling", "points", number, name), point[name]))
    return found


def _check_on_archs(
    designer: Designer, name: str, path: str, value: Value, at: tuple[str | int, ...]
) -> None:
    if path.startswith(WORKLOAD):
        return
    if path == PORTS:
        figure = value if isinstance(value, int | float) and not isinstance(value, bool) else 0
        if not 0 < figure < math.inf:
            raise InputError(f"'{value}' is no factor of the ports", where=designer.where(*at))
        return
    for number, base in enumerate(designer.bases):
        if designer.plan.applies(name, number):
            _check_path(base, path, designer.where("parameters", name, "path"))
            try:
                base.source.check_value(path, value)
            except InputError as error:
                raise error.inside(designer.where(*at)) from None


def _check_path(base: Base, path: str, where: str) -> None:
    """Refuse a path that the architecture does not have, and name the nearest."""
    known = paths(base.dumped)
    if path in known:
        return
    above, _, last = path.rpartition(".")
    parent = value_at(base.dumped, above) if above else None
    if isinstance(parent, dict) and above == "mac_rate":
        return  # its keys are types, of which an architecture may have more
    ends = difflib.get_close_matches(last, {p.rpartition(".")[2] for p in known}, n=1, cutoff=0.7)
    same = [p for p in known if ends and p.rpartition(".")[2] == ends[0]]
    near = difflib.get_close_matches(path, same or known, n=1, cutoff=0.0)
    raise InputError(
        f"'{base.arch.name}' has no '{path}'", where=where,
        remedy=f"did you mean '{near[0]}'? accelsim arch show {base.arch.name} lists all; 'only' "
        "names the architectures that have a parameter",
    )  # fmt: skip


def paths(dumped: Any, above: str = "") -> list[str]:
    """Every path of a dumped architecture, of records too."""
    entries: Any = ()
    if isinstance(dumped, dict):
        entries = dumped.items()
    elif isinstance(dumped, list):
        entries = enumerate(dumped)
    found = []
    for key, value in entries:
        path = f"{above}{key}"
        found += [path, *paths(value, f"{path}.")]
    return found


def _check_shape(designer: Designer, name: str, parameter: Parameter, number: int) -> None:
    """Open the workload with every value of a parameter of its shape."""
    entry = designer.plan.workloads[number]
    for at, values in _values(designer, name, parameter):
        for path, value in parameter.settings(values):
            if not path.startswith(WORKLOAD):
                continue
            field = path.removeprefix(WORKLOAD)
            try:
                if field == "dtype":
                    load_workload(entry.workload, entry.shape).replayed(str(value))
                else:
                    change = f"{field}={json.dumps(value)}"
                    load_workload(entry.workload, (*entry.shape, change))
            except InputError as error:
                raise InputError(
                    f"'{entry.label}' cannot have {path} {value}: {error}",
                    where=designer.where(*at),
                ) from None
