"""What every page of ours is made with: templates, and pictures that lie inside the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup, escape

from accelsim.report.style import file_name

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parents[1] / "templates"
_GLYPH = re.compile(r'<path id="(DejaVu[^"]*)" ([^>]*?)/>\s*')
_LETTER = re.compile(r'<use xlink:href="#(DejaVu[^"]*)"( transform="[^"]*")?/>')
_ASIDE = re.compile(r' transform="translate\(([-\d.]+) 0\)"')
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_INDENT = re.compile(r"\s*\n\s*")
_UNUSED_ID = re.compile(
    r' id="(?:(?:figure|axes|patch|text|line2d|matplotlib\.axis|xtick|ytick)_\d+'
    r'|image[0-9a-f]{10})"'
)
_HEADER = re.compile(
    r"<metadata>.*?</metadata>\s*<defs>\s*<style.*?</style>\s*</defs>\s*", re.DOTALL
)


class Picture(NamedTuple):
    """A picture as SVG text that can stand in a page, and what it shows."""

    name: str
    alt: str
    svg: Markup


class Gallery(NamedTuple):
    """Pictures by name, and the outlines of letters that all of them use."""

    pictures: dict[str, Picture]
    glyphs: Markup


def environment() -> Environment:
    """Where the templates are, and how they are filled."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def embedded(pictures: Mapping[str, Path]) -> Gallery:
    """Pictures as they go into the page; `pictures` : name -> SVG file.

    Outlines of letters are most of an SVG file: a page holds each once, and what refers to them is
    written as shortly as it may be.
    """
    glyphs: dict[str, str] = {}
    found = {}
    for name, path in pictures.items():
        svg = path.read_text(encoding="utf-8")
        svg = _HEADER.sub("", _COMMENT.sub("", svg[svg.index("<svg ") :]), count=1)

        def keep(match: re.Match[str]) -> str:
            glyphs.setdefault(_short(match[1]), match[2])
            return ""

        svg = _UNUSED_ID.sub("", _GLYPH.sub(keep, svg))
        svg = _LETTER.sub(lambda m: f'<use href="#{_short(m[1])}"{_moved(m[2])}/>', svg)
        svg = _own_ids(_INDENT.sub("\n", svg), file_name(name))
        alt = name.replace("_", " ")
        svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', 1)
        found[name] = Picture(name, alt, Markup(svg))
    outlines = (f'<path id="{key}" {glyphs[key]}/>' for key in sorted(glyphs))
    return Gallery(found, Markup("\n".join(outlines)))


def _short(glyph: str) -> str:
    """Name of a letter in the page: g4f, or b4f in bold."""
    face, _, code = glyph.rpartition("-")
    return f"{'b' if 'Bold' in face else 'i' if 'Oblique' in face else 'g'}{code}"


def _moved(transform: str | None) -> str:
    return _ASIDE.sub(lambda match: f' x="{float(match[1]):.1f}"', transform or "")


def _own_ids(svg: str, name: str) -> str:
    """Names of clips, hatches and marks that no other picture of the page has."""
    ids = set(re.findall(r' id="([^"]+)"', svg))
    if not ids:
        return svg
    pattern = re.compile(r'(id="|#)(' + "|".join(map(re.escape, sorted(ids))) + r')(?=["\)])')
    return pattern.sub(lambda match: f"{match[1]}{name}-{match[2]}", svg)
