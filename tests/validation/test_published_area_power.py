"""The table of published areas and powers: known machines, marks and parts that fit their whole."""

from __future__ import annotations

from typing import get_args

import pytest

from accelsim.arch.load import published_names
from accelsim.cost.figure import Mark
from accelsim.validation.area import EXPECTS, REFERENCE_ARRAY, UNITS
from accelsim.validation.suites import CASES
from accelsim.validation.table import Line, read_table

LINES = read_table(CASES / "published_area_power.csv").lines


def _whole(line: Line, component: str) -> list[float]:
    """Values of a component of the same machine and quantity, one a basis."""
    return [
        other.number_at("value")
        for other in LINES
        if other.text("component") == component
        and all(other.text(key) == line.text(key) for key in ("machine", "quantity"))
    ]


def test_machines_quantities_and_marks_are_known():
    for line in LINES:
        line.choice("machine", [*published_names(), REFERENCE_ARRAY])
        line.choice("quantity", UNITS)
        line.choice("expect", EXPECTS)
        line.choice("mark", get_args(Mark))
        assert line.text("source") and line.text("basis") and line.integer("node_nm") >= 7


def test_no_figure_is_there_twice():
    keys = [
        tuple(line.text(key) for key in ("machine", "component", "quantity", "basis"))
        for line in LINES
    ]
    assert len(set(keys)) == len(keys)


def test_a_value_lies_in_its_range():
    for line in LINES:
        value = line.number_at("value")
        low = line.number_at("low") if line.fields["low"] else 0
        high = line.number_at("high") if line.fields["high"] else value
        assert 0 <= low <= value <= high, line


def test_a_share_makes_its_value():
    shares = [line for line in LINES if line.fields["share"]]
    assert len(shares) > 10
    for line in shares:
        (total,) = _whole(line, "total")
        share = line.number_at("share")
        assert line.number_at("value") == pytest.approx(share * total, rel=0.001), line


def test_parts_are_no_more_than_their_whole():
    wholes: dict[tuple[str, str, str], float] = {}
    for line in LINES:
        if line.fields["part_of"]:
            key = (line.text("machine"), line.text("quantity"), line.text("part_of"))
            wholes[key] = wholes.get(key, 0) + line.number_at("value")
            assert _whole(line, line.text("part_of")), line
    assert len(wholes) > 10
    for (machine, quantity, whole), parts in wholes.items():
        line = next(
            line
            for line in LINES
            if line.text("machine") == machine and line.text("quantity") == quantity
        )
        assert parts <= max(_whole(line, whole)) * 1.01, (machine, quantity, whole)
