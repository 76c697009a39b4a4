"""Why a result takes as long as it does: parts that sum to the total, and what units wait for."""

from __future__ import annotations

import pytest

from accelsim.analysis.why import why
from accelsim.arch.load import load_arch
from accelsim.report.words import without_layer
from accelsim.simulation import simulate
from tests.analysis.test_repeats import stack


@pytest.fixture(scope="module")
def result():  # type: ignore[no-untyped-def]
    return simulate(load_arch("systolic_32"), stack(64, (0, 1), (1, 4), (2, 1)))


def test_the_path_sums_to_the_total_and_layers_are_put_together(result) -> None:  # type: ignore[no-untyped-def]
    found = why(result.as_json(), without_layer)
    times = [part.time_ps for part in found.path]
    assert sum(times) == found.total_ps == result.total_ps
    assert times == sorted(times, reverse=True) and all(times)
    assert len({(part.unit, part.name) for part in found.path}) == len(found.path)
    array = next(p for p in found.path if (p.unit, p.name) == ("array", "L*.moe"))
    assert array.operators == 6  # one layer, four equal ones, and one
    each = why(result.as_json())
    assert sum(p.time_ps for p in each.path) == found.total_ps and len(each.path) > len(found.path)


def test_units_of_the_path_with_what_they_wait_for_most(result) -> None:  # type: ignore[no-untyped-def]
    found = why(result.as_json())
    rows = result.units.set_index("unit")
    assert sum(unit.path_ps for unit in found.units) <= found.total_ps  # joins are no unit here
    for unit in found.units:
        row = rows.loc[unit.unit]
        whole = row["servers"] * found.total_ps
        assert unit.busy == pytest.approx(row["busy_ps"] / whole)
        waits = row.filter(regex="^(stall|fill)")
        assert unit.waited == pytest.approx(waits.max() / whole)
        assert not unit.waited_for or row[f"{unit.waited_for}_ps"] == waits.max()


def test_limits_hold_no_more_than_the_total(result) -> None:  # type: ignore[no-untyped-def]
    found = why(result.as_json())
    assert [name for name, _ in found.limits][0] in set(result.operators["limited_by"])
    assert 0 < sum(time for _, time in found.limits) <= found.total_ps
