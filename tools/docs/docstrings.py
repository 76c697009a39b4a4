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
        found |= {**_inline(_own(base)), **_section(_own(base))}
    return found


def _own(cls: type) -> str:
    return inspect.cleandoc(cls.__dict__.get("__doc__") or "")


def _section(text: str) -> dict[str, str]:
    """The NumPy section: names on a line of their own, the text indented below."""
    _, mark, section = text.partition("\nAttributes\n")
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines()[1:] if mark else ():
        head = _HEAD.match(line)
        if head and not line.startswith(" "):
            names = head.group(1).split(", ")
        elif line and not line.startswith(" "):
            break  # the next section
        else:
            for name in names:
                found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return {name: text for name, text in found.items() if text}


def _inline(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for paragraph in text.split("\nAttributes\n")[0].split("\n\n"):
        parts = _INLINE.split(" ".join(paragraph.split()))[1:]
        for names, said in zip(parts[::2], parts[1::2], strict=True):
            for name in re.findall(r"\w+", names.replace(" and ", " ")):
                found[name] = said.strip(" ;,.")
    return found
