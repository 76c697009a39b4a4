"""The console output, the verdict and the break-even search."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from accelsim.arch.load import arch_source
from accelsim.report.groups import operator_rows
from accelsim.report.text import comparison_text, print_comparison, print_run, run_text
from accelsim.report.verdict import caveats, verdict
from accelsim.report.words import as_bytes, as_time, short, times, without_layer
from accelsim.sweep.break_even import BreakEven, break_even, scaled
from accelsim.sweep.equalised import Measure
from accelsim.sweep.trios import BIG, SMALL, trio_for


def shown(renderable, width: int = 100) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def test_comparison_states_its_terms(few):
    text = shown(comparison_text(few))
    for start in ("equal:", "differs:", "selection:", "quality:", "DRAM: request level"):
        assert start in text
    assert "upper bound" in text and "attention alone" in text
    assert times(few.speedup()) in text
    assert max(map(len, text.splitlines())) <= 100


def test_many_operators_are_grouped_and_sum_up(many):
    text = shown(comparison_text(many))
    assert "transformer_layers.*" in text.replace("\n", "") or "(13)" in text
    rows = operator_rows(many)
    assert [row.operators for row in rows] == [13, 13, 13, 1]
    for role, result in many.results.items():
        assert sum(row.time_ps[role] for row in rows) == result.total_ps


def test_no_share_is_lost_on_a_narrow_console(few):
    text = shown(comparison_text(few), width=80)
    for row in operator_rows(few):
        assert f"{100 * row.limited_share['candidate']:.0f} %" in text


def test_run_shows_units_and_traffic(few):
    text = shown(run_text(few.results["candidate"]))
    for word in ("sparse_small", "array", "stall:memory", "keys and values", "utilisation"):
        assert word in text


def test_printing(few, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "120")
    print_comparison(few)
    print_run(few.results["baseline"])
    assert "speedup over the baseline" in capsys.readouterr().out


def test_verdict_is_two_sentences_with_numbers(few):
    text = verdict([few])
    assert text.count(". ") == 1 and text.endswith(".")
    assert times(few.speedup()) in text and "upper bound" in text
    assert any("Upper bounds" in line for line in caveats([few]))


def test_a_spread_across_one_is_no_verdict(few):
    slow = replace(few, results=few.results | {"baseline": few.results["candidate"]})
    slower = replace(slow, results=slow.results | {"candidate": few.results["baseline"]})
    assert "sign not established" in verdict([few, slower])


def test_break_even_lies_between_what_was_simulated(few):
    found = break_even(few, arch_source(SMALL.candidate))
    if few.speedup() <= 1:
        assert found is None
    else:
        assert isinstance(found, BreakEven)
        assert 0 <= found.wins_at <= found.cut < 1


def test_a_loser_has_no_break_even(few):
    swapped = few.results | {"baseline": few.results["candidate"]}
    assert break_even(replace(few, results=swapped), arch_source(SMALL.candidate)) is None


def test_a_break_even_is_an_area_as_well(few):
    fast = replace(few, results=few.results | {"baseline": few.results["candidate_dense"]})
    area = Measure("area", "mm2", "45nm", lambda arch: arch.on_chip / 1024)
    source = arch_source(SMALL.candidate)
    plain, found = break_even(fast, source), break_even(fast, source, area=area)
    assert found is not None and found[:6] == plain[:6]
    assert (found.area_mm2, found.table) == (384, "45nm")
    assert found.spare_mm2 == pytest.approx(384 * found.cut, abs=1)


def test_any_array_is_scaled_for_a_break_even():
    for name, macs in (("systolic_32", 512), ("spatten", 256), ("sparch", 16)):
        assert scaled(arch_source(name), 0.5).array.macs == macs


def test_overrides_of_the_candidate_stay_in_what_is_scaled():
    source = arch_source(SMALL.candidate).changed(["vector.lanes=96", "array.rows=8"])
    half = scaled(source, 0.5)
    assert (half.vector.lanes, half.array.rows) == (96, 4)


def test_scaling_changes_macs_and_sram_only(few):
    arch = few.results["candidate"].arch
    half = scaled(arch_source(SMALL.candidate), 0.5)
    assert (half.array.macs, half.on_chip) == (arch.array.macs // 2, arch.on_chip // 2)
    assert (half.dram, half.vector, half.scratchpad) == (arch.dram, arch.vector, arch.scratchpad)


def test_machines_fit_the_workload(few):
    from accelsim.sweep.density import density_trace

    assert trio_for(few.trace) == SMALL
    assert trio_for(density_trace(16, "oracle", heads=1, length=64)) == BIG


def test_figures_as_text():
    assert [short(v) for v in (1234.5, 12.34, 1.234)] == ["1,234", "12.3", "1.23"]
    assert as_time(1_660_000_000) == "1.66 ms" and as_time(0) == "0.00 ps"
    assert as_bytes(1536) == "1.50 KiB" and times(None) == "-"
    assert without_layer("model.layers.3.mlp") == "model.layers.*.mlp"
    assert without_layer("L0.residual1") == "L*.residual1"


def test_a_narrow_terminal_loses_no_name_and_no_figure(few):
    def words(width: int) -> list[str]:
        console = Console(width=width, color_system=None)
        with console.capture() as captured:
            for text in (comparison_text(few), run_text(few.results["candidate"])):
                console.print(text, crop=False)
        return captured.get().split()

    assert words(40) == words(100)
