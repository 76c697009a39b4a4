"""The one exception that a user may see: bad input, with the place and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """Bad input: a file, a field or a value that cannot be used (exit code 3).

    Parameters
    ----------
    what : str
        What is wrong, and what was expected.
    where : str
        File, array and position, or field path.
    remedy : str
        What to do about it.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        place = f"{where}: " if where else ""
        advice = f" ({remedy})" if remedy else ""
        super().__init__(" ".join(f"{place}{what}{advice}".split()))


def unknown_name(kind: str, name: str, known: Iterable[str], *, where: str = "") -> InputError:
    """Build the error for a name that is not among the known ones, naming the nearest."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    guess = f"did you mean '{near[0]}'? " if near else ""
    return InputError(
        f"unknown {kind} '{name}'", where=where, remedy=f"{guess}known: {', '.join(names)}"
    )
