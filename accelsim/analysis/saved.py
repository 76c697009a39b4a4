"""Results that were written as JSON, read back: of a run, or one machine of a comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from accelsim.errors import InputError, unknown_name

ROLES = ("baseline", "third", "candidate", "candidate_dense")
_KEYS = ("summary", "operators", "critical_path")
_TERMS = ("units", "traffic", "memory", "machine", "work", "counts")
_REMEDY = "expected a file of accelsim run --json or accelsim compare --json"


class Saved(NamedTuple):
    """A result as JSON.

    `result` : see `Result.as_json`. `role` : its role in a comparison, empty for a run.
    `compared` : the comparison's figures of this role, see `COMPARED_COLUMNS`. `baseline` : the
    result that it is compared with.
    """

    result: dict[str, Any]
    role: str = ""
    compared: dict[str, Any] | None = None
    baseline: dict[str, Any] | None = None


def read_saved(path: str | Path, role: str | None = None, *, terms: bool = False) -> Saved:
    """Read what `accelsim run --json` or `accelsim compare --json` wrote.

    Parameters
    ----------
    path : str or Path
    role : str, optional
        Which machine of a comparison, by default the candidate; a run has one.
    terms : bool
        Whether it must hold what the expressions of its columns need.

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
    for result in (saved.result, saved.baseline):
        if result is not None:
            _check(result, str(path), terms)
    return saved


def _of_comparison(found: dict[str, Any], results: dict[str, Any], role: str, where: str) -> Saved:
    if role not in results:
        raise unknown_name("role", role, results, where=where)
    compared = {"workload": found.get("workload"), "role": role}
    for name in ("speedup", "attention_speedup"):
        if found.get(name, {}).get(role) is not None:
            compared[name] = found[name][role]
    return Saved(results[role], role, compared, results.get("baseline"))


def _check(result: Any, where: str, terms: bool) -> None:
    missing = [key for key in _KEYS if not isinstance(result, dict) or key not in result]
    if missing:
        raise InputError(f"has no '{missing[0]}'", where=where, remedy=_REMEDY)
    older = [key for key in _TERMS if terms and key not in result]
    if older:
        raise InputError(
            f"has no '{older[0]}', which formulas need", where=where,
            remedy="it is of an older version: run it again with --json",
        )  # fmt: skip
