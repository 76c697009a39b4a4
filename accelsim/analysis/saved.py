"""Results that were written as JSON, read back: of a run, or one machine of a comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from accelsim.analysis.columns import PARTS, Column
from accelsim.errors import InputError, unknown_name

ROLES = ("baseline", "third", "candidate", "candidate_dense")
# What differences are taken of, and what explanations need: parts and their columns.
_KEYS = {
    "summary": ("architecture", "workload", "total_ps"),
    "operators": ("scope", "time_ps", "limited_by", "limited_share"),
    "critical_path": ("operator", "unit", "time_ps"),
}
_RAN = ("arch", "arch_hash", "set", "workload", "workload_hash", "shape", "dtype", "command")
_SINGLE = ("summary", "machine", "counts", "energy.summary")
_RATIOS = ("energy_ratio", "area_ratio")
# Made of a comparison, not of a result.
_COMPARED = ("compared", "compared_operators", "compared_costs")
_REMEDY = "expected a file of accelsim run --json or accelsim compare --json"


class Saved(NamedTuple):
    """A result as JSON.

    `result` : see `Result.as_json`. `role` : its role in a comparison, empty for a run.
    `compared` : the comparison's figures of this role, see `COMPARED_COLUMNS`. `baseline` : the
    result that it is compared with. `parts` : what the result has, and how it is declared; a dot of
    a name leads inside. `lacks` : names of figures that other results have and this one has not.
    """

    result: dict[str, Any]
    role: str = ""
    compared: dict[str, Any] | None = None
    baseline: dict[str, Any] | None = None
    parts: Mapping[str, tuple[Column, ...]] = PARTS
    lacks: frozenset[str] = frozenset()

    def of_baseline(self, role: str) -> Saved:
        """The result that this one is compared with, alone."""
        assert self.baseline is not None
        return Saved(self.baseline, role, parts=self.parts)


def inside(result: Mapping[str, Any], part: str) -> Any:
    """A part of a result; None where it is not there."""
    found: Any = result
    for step in part.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def read_saved(
    path: str | Path,
    role: str | None = None,
    *,
    terms: bool = False,
    further: Mapping[str, tuple[Column, ...]] | None = None,
) -> Saved:
    """Read what `accelsim run --json` or `accelsim compare --json` wrote.

    Parameters
    ----------
    path : str or Path
    role : str, optional
        Which machine of a comparison, by default the candidate; a run has one.
    terms : bool
        Whether it must hold what the expressions of its columns need.
    further : Mapping[str, tuple[Column, ...]], optional
        Parts that it may hold as well.

    Raises
    ------
    InputError
        No such file or role, or something else than a result.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except ValueError:
        raise InputError("is not JSON", where=str(path), remedy=_REMEDY) from None
    saved = Saved(found)
    if isinstance(found, dict) and isinstance(results := found.get("results"), dict):
        saved = _of_comparison(found, results, role or "candidate", str(path))
    results = [saved.result, *([saved.baseline] if saved.role else [])]
    held = {
        part: columns
        for part, columns in (further or {}).items()
        if part in _COMPARED or all(inside(result, part) is not None for result in results)
    }
    gone = {part: columns for part, columns in (further or {}).items() if part not in held}
    lacks = _names(gone) - _names(PARTS)
    saved = saved._replace(parts={**PARTS, **held}, lacks=lacks)
    for result in results:
        _check(result, str(path), saved.parts if terms else {})
    return saved


def _names(parts: Mapping[str, tuple[Column, ...]]) -> frozenset[str]:
    return frozenset(column.name for columns in parts.values() for column in columns)


def _of_comparison(found: dict[str, Any], results: dict[str, Any], role: str, where: str) -> Saved:
    if role not in results:
        raise unknown_name("role", role, results, where=where)
    compared = {"workload": found.get("workload"), "role": role}
    for name in ("speedup", "attention_speedup"):
        of_roles = found.get(name)
        if isinstance(of_roles, dict) and of_roles.get(role) is not None:
            compared[name] = of_roles[role]
    for name in _RATIOS:
        ratio = inside(found, f"costs.{name}.{role}")
        for key, value in ratio.items() if isinstance(ratio, dict) else ():
            compared[name if key == "value" else f"{name}_{key}"] = value
    return Saved(results[role], role, compared, results.get("baseline"))


def _check(result: Any, where: str, parts: Mapping[str, tuple[Column, ...]]) -> None:
    """Refuse what is no result, or one that lacks what this version writes."""
    missing = [key for key in _KEYS if not isinstance(result, dict) or key not in result]
    if missing:
        raise InputError(f"has no '{missing[0]}'", where=where, remedy=_REMEDY)
    terms = {
        part: tuple(column.name for column in columns)
        for part, columns in parts.items()
        if part not in _COMPARED
    }
    for part, names in [*_KEYS.items(), *terms.items()]:
        if inside(result, part) is None:
            raise _older(f"has no '{part}', which formulas need", where)
        rows = [inside(result, part)] if part in _SINGLE else inside(result, part)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InputError(f"'{part}' is no table", where=where, remedy=_REMEDY)
        for name in names:
            if not all(name in row for row in rows):
                raise _older(f"{part} has no '{name}'", where)
    if parts and not result["operators"]:
        raise InputError("has no operators", where=where, remedy="there is nothing to explain")
    ran = result.get("ran")
    if ran is not None and not (isinstance(ran, dict) and all(key in ran for key in _RAN)):
        raise _older("does not say in full what was run", where)


def _older(what: str, where: str) -> InputError:
    return InputError(
        what, where=where, remedy="it is of an older version: run it again with --json"
    )
