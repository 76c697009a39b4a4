"""Docstrings as words of fields, types in words, and text as Markdown."""

from __future__ import annotations

from typing import Annotated, Literal, get_type_hints

import pytest
from pydantic import BaseModel, Field

from accelsim.arch.units import Bytes, Count
from tools.docs.docstrings import attributes, summary
from tools.docs.kinds import in_words
from tools.docs.markdown import code, prose, sentence
from tools.docs.schema import paths_given


class Base(BaseModel):
    """A base. `left`, `right` : what comes first; what comes last."""


class Sample(Base):
    """A sample of both ways.

    `inline` : said in a sentence; `other` : said
    after it.

    Attributes
    ----------
    listed : int, bytes
        Two
        lines.
    one, two : int
        The first; the second.
    both, alike : int
        One text for both.
    silent : int
    """


def test_both_ways_of_speaking_of_fields_are_read():
    assert attributes(Sample) == {
        "left": "what comes first",
        "right": "what comes last",
        "inline": "said in a sentence",
        "other": "said after it",
        "listed": "Two lines",
        "one": "The first",
        "two": "the second",
        "both": "One text for both",
        "alike": "One text for both",
    }
    assert summary(Sample) == "A sample of both ways."
    assert summary(Base) == "A base."


class Types(BaseModel):
    size: Bytes
    count: Count
    either: Literal["a", "b"] | None
    several: tuple[Base, ...]
    capped: Annotated[int, Field(ge=0, le=64)]
    rates: dict[str, float]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("size", "a size such as 24 MiB"),
        ("count", "whole number above 0"),
        ("either", "one of `a`, `b` or null"),
        ("several", "list of: record"),
        ("capped", "whole number from 0 on, at most 64"),
        ("rates", "mapping of text to number"),
    ],
)
def test_types_in_words(field, words):
    assert in_words(get_type_hints(Types, include_extras=True)[field]) == words


def test_markup_is_escaped_outside_of_code():
    assert prose("a * b < ``c * d`` [M] | `e|f`") == r"a \* b &lt; `c * d` \[M\] \| `e\|f`"
    assert code("A|B") == r"`A\|B`"


def test_sentences_begin_with_a_capital_but_names_stay():
    assert sentence("of a rank;") == "Of a rank."
    assert sentence("total_ps / period") == "total_ps / period."
    assert sentence("batch=8, ...") == "batch=8, ..."


def test_paths_of_a_file():
    data = {"array": {"kind": "x", "flows": [{"kind": "y", "n": 1}]}, "name": "z"}
    assert list(paths_given(data)) == [
        "", "array", "array=x", "array.kind", "array.flows", "array.flows[]", "array.flows[]=y",
        "array.flows[].kind", "array.flows[].n", "name",
    ]  # fmt: skip
