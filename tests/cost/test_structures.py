"""Queues and crossbars."""

from __future__ import annotations

import pytest

from accelsim.cost.load import load_cost_table
from accelsim.cost.structures import REGISTER_BYTES, crossbar, queue
from accelsim.errors import InputError


@pytest.fixture(scope="module", params=["45nm", "7nm"])
def table(request):
    return load_cost_table(request.param)


def test_a_small_queue_is_registers_and_two_pointers(table):
    small = queue(table, 8, 64)
    register, counter = table.energy("register").value, table.energy("counter", 3).value
    assert small.kind == "registers"
    assert small.push.value == small.pop.value == pytest.approx(64 * register + counter)
    cells = 8 * 64 * table.area("register").value
    assert small.area.value == pytest.approx(cells + 2 * table.area("counter", 3).value)


def test_a_large_queue_is_an_sram(table):
    entries = REGISTER_BYTES // 8
    assert queue(table, entries - 1, 64).kind == "registers"
    large = queue(table, entries, 64)
    memory = table.sram().cost(REGISTER_BYTES, 8, 1, "one read, one write")
    counter = table.energy("counter", 7).value
    assert large.kind == "SRAM"
    assert large.push.value == pytest.approx(memory.write.value + counter)
    assert large.pop.value == pytest.approx(memory.read.value + counter)


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
    with pytest.raises(InputError, match="entries is 0"):
        queue(table, 0, 8)
    with pytest.raises(InputError, match="bits is -1"):
        crossbar(table, 2, 2, -1)
