"""The one exception that a user may see: bad input, with the place and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_LISTED = 40  # names in a message


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

    def inside(self, where: str) -> InputError:
        """The same fault of something that is named at another place."""
        place = f"{where}, {self.where}" if self.where else where
        return InputError(self.what, where=place, remedy=self.remedy)


def unknown_name(kind: str, name: str, known: Iterable[str], *, where: str = "") -> InputError:
    """Build the error for a name that is not among the known ones, naming the nearest."""
    names = sorted(known)
    near = [known for known in names if known.casefold() == name.casefold()]
    near = near or difflib.get_close_matches(name, names, n=1)
    guess = f"did you mean '{near[0]}'? " if near else ""
    listed = ", ".join(names) or "none"
    if len(names) > MOST_LISTED:
        closest = difflib.get_close_matches(name, names, n=MOST_LISTED // 4, cutoff=0.3)
        listed = f"{len(names)}, such as {', '.join(closest or names[: MOST_LISTED // 4])}"
    return InputError(f"unknown {kind} '{name}'", where=where, remedy=f"{guess}known: {listed}")
