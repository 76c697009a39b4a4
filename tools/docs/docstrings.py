"""What a class says of its fields: in its docstring, in both ways that the package uses.

Either a NumPy section "Attributes", or, for small records, sentences such as
"`width` : positions at once; `kind`, `other` : ...".
"""

from __future__ import annotations

import inspect
import re

_HEAD = re.compile(r"^(\w+(?:, \w+)*)(?: : .*)?$")
_NAMES = r"`\w+`(?:(?:, | and )`\w+`)*"
_INLINE = re.compile(rf"(?:^|(?<=[\s(]))({_NAMES}) : ")


def summary(cls: type) -> str:
    """What a class is: its docstring up to the first section, without what it says of fields."""
    text = _own(cls).split("\nAttributes\n")[0]
    return " ".join(paragraph for paragraph in _paragraphs(text) if paragraph)


def _paragraphs(text: str) -> list[str]:
    return [_INLINE.split(" ".join(part.split()))[0].rstrip(" ;,(") for part in text.split("\n\n")]


def attributes(cls: type) -> dict[str, str]:
    """Text of every field that the class, or one that it derives from, speaks of."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        for names, said in (*_inline(_own(base)), *_section(_own(base))):
            found |= _each(names, said)
    return found


def _each(names: list[str], said: str) -> dict[str, str]:
    """The part of a text that is about each name, if there is one for each: "this; that"."""
    if not said:
        return {}
    parts = [part.strip(" ,.") for part in said.split(";")]
    if len(parts) == len(names):
        return dict(zip(names, parts, strict=True))
    return {name: said.strip(" ;,.") for name in names}


def _own(cls: type) -> str:
    return inspect.cleandoc(cls.__dict__.get("__doc__") or "")


def _section(text: str) -> list[tuple[list[str], str]]:
    """The NumPy section: names on a line of their own, the text indented below."""
    _, mark, section = text.partition("\nAttributes\n")
    found: list[tuple[list[str], str]] = []
    for line in section.splitlines()[1:] if mark else ():
        head = _HEAD.match(line)
        if head:
            found.append((head.group(1).split(", "), ""))
        elif line and not line.startswith(" "):
            break  # the next section
        elif found:
            names, said = found[-1]
            found[-1] = names, f"{said} {line.strip()}".strip()
    return found


def _inline(text: str) -> list[tuple[list[str], str]]:
    """Names in backticks before a colon in the prose, and what follows up to the next."""
    found = []
    for paragraph in text.split("\nAttributes\n")[0].split("\n\n"):
        parts = _INLINE.split(" ".join(paragraph.split()))[1:]
        for names, said in zip(parts[::2], parts[1::2], strict=True):
            found.append((re.findall(r"\w+", names.replace(" and ", " ")), said.strip(" ;,.")))
    return found
