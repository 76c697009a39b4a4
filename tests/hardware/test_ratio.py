"""The range of a ratio against a search over every choice of ends."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim import load_arch
from accelsim.cost.load import DEFAULT_TABLE, load_cost_table
from accelsim.hardware.area import breakdown
from accelsim.hardware.catalogue import components
from accelsim.hardware.ratio import Span, power_terms, ratio

ENDS = ("low", "value", "high")


def brute(first: dict[str, Span], other: dict[str, Span]) -> tuple[float, float]:
    """Least and largest ratio over every choice of each entry."""
    names = sorted({*first, *other})
    found = []
    for ends in product(ENDS, repeat=len(names)):
        above, below = (
            sum(getattr(side[n], e) for n, e in zip(names, ends, strict=True) if n in side)
            for side in (first, other)
        )
        found.append(above / below)
    return min(found), max(found)


@st.composite
def costs(draw: st.DrawFn, names: str = "abcde") -> dict[str, Span]:
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    found = {}
    for name in chosen:
        value = draw(st.floats(1e-3, 1e3))
        down, up = draw(st.floats(1, 4)), draw(st.floats(1, 4))
        found[name] = Span(value / down, value, value * up)
    return found


@given(costs(), costs())
def test_range_is_that_of_all_choices(first: dict[str, Span], other: dict[str, Span]) -> None:
    found, (least, most) = ratio(first, other), brute(first, other)
    assert found.low == pytest.approx(least, rel=1e-9)
    assert found.high == pytest.approx(most, rel=1e-9)
    assert found.low <= found.value * (1 + 1e-12)
    assert found.value <= found.high * (1 + 1e-12)


def test_what_both_share_cancels() -> None:
    same = {"mac": Span(1.0, 2.0, 8.0), "wire": Span(0.5, 1.0, 2.0)}
    twice = {name: Span(*(2 * x for x in span)) for name, span in same.items()}
    found = ratio(twice, same)
    assert (found.value, found.low, found.high) == (2.0, 2.0, 2.0)
    assert found.established


def test_sign_that_depends_on_a_figure_is_not_established() -> None:
    found = ratio({"mac": Span(5.0, 10.0, 20.0)}, {"wire": Span(4.5, 9.0, 18.0)})
    assert found.value == pytest.approx(10 / 9)
    assert (found.low, found.high) == (5 / 18, 20 / 4.5)
    assert not found.established


def test_names_the_entry_that_decides() -> None:
    base = {"mac": Span(9.0, 10.0, 11.0)}
    found = ratio(base | {"wire": Span(1.0, 10.0, 100.0)}, base)
    assert found.decided_by == "wire"


def test_nothing_to_divide_by() -> None:
    with pytest.raises(ValueError, match="costs nothing"):
        ratio({"mac": Span(1.0, 1.0, 1.0)}, {})


def test_peak_power_by_entry_adds_up() -> None:
    arch, table = load_arch("sparse_small"), load_cost_table(DEFAULT_TABLE)
    terms = power_terms(components(arch, table), arch.clock_ps)
    total = sum(span.value for span in terms.values())
    assert total == pytest.approx(breakdown(arch, table).peak_power_w.value)
