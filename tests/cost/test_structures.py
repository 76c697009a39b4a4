"""Crossbars."""

from __future__ import annotations

import pytest

from accelsim.cost.load import load_cost_table
from accelsim.cost.structures import crossbar
from accelsim.errors import InputError


@pytest.fixture(scope="module", params=["45nm", "7nm"])
def table(request):
    return load_cost_table(request.param)


def test_a_crossbar_is_its_wires(table):
    pitch_mm = table.file.wire_pitch_um / 1e3
    found = crossbar(table, 16, 32, 64)
    long, wide = 16 * 64 * pitch_mm, 32 * 64 * pitch_mm
    assert found.word.value == pytest.approx(table.energy("wire").value * 64 * (long + wide))
    assert found.area.value == pytest.approx(long * wide * 1e6)
    assert found.word.mark == found.area.mark == "assumed"
    twice = crossbar(table, 32, 32, 64)
    assert twice.area.value == pytest.approx(2 * found.area.value)


def test_a_crossbar_of_the_table_takes_the_rule_of_accelergy(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\nextends: 45nm\nactions:\n  crossbar:\n    bits: 32\n"
        "    energy: {value: 2 pJ, source: here, checked: assumed}\n"
    )
    assert crossbar(load_cost_table(path), 8, 6, 64).word.value == pytest.approx(2 * 12 * 2)


def test_nothing_is_no_size(table):
    with pytest.raises(InputError, match="inputs is 0"):
        crossbar(table, 0, 2, 8)
    with pytest.raises(InputError, match="bits is -1"):
        crossbar(table, 2, 2, -1)
