"""What the first screen says: doubts within a workload, ties, unequal terms, roles, changes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from accelsim.analysis.comparison import AtEqual, Comparison, OverRange, Scaled, spread
from accelsim.arch.load import load_arch
from accelsim.cost.load import DEFAULT_TABLE, load_cost_table
from accelsim.report.page.head import why
from accelsim.report.page.ledger import Ledger
from accelsim.report.page.questions import answers
from accelsim.report.page.render import not_modelled
from accelsim.report.page.robust import helps, part
from accelsim.report.plots import speedup
from accelsim.report.robustness_tables import Changed
from accelsim.report.study import Study
from accelsim.report.tables import break_even_table, summary_table, totals_table
from accelsim.report.terms import differs_line, equal_line, role_meanings, unfair
from accelsim.report.verdict import caveats, doubts, verdict
from accelsim.report.words import ONE_PLACEMENT
from accelsim.sweep.break_even import BreakEven
from accelsim.sweep.flip import TIE_NOW, Flip
from accelsim.sweep.robustness import Robustness
from accelsim.sweep.spread import Within
from accelsim.sweep.what_if import WhatIf
from tests.report.conftest import study_with


def timed(few: Comparison, **totals_ps: int) -> Comparison:
    """The comparison with other totals by role."""
    results = {
        role: replace(result, summary=result.summary | {"total_ps": totals_ps.get(role, 1000)})
        for role, result in few.results.items()
    }
    return replace(few, results=results)


def found(few: Comparison, **parts) -> Robustness:
    empty = Robustness(few.trace.name, "", (), (), ())
    return empty._replace(**{name: tuple(each) for name, each in parts.items()})


def within(over: str, rival: str, *speedups: float) -> Within:
    return Within(over, rival, speedups, spread(speedups))


def study(*comparisons: Comparison, **parts) -> Study:
    table = load_cost_table(DEFAULT_TABLE)
    return Study(list(comparisons), [], table, [], [], [], [], {})._replace(**parts)


def test_a_spread_that_crosses_one_takes_the_place_of_faster(few):
    faster = timed(few, baseline=1200, third=1100)
    assert "(faster); its" in verdict([faster]) and "sign" not in verdict([faster])
    seeds = [within("seeds", "third", 0.9, 1.2), within("seeds", "baseline", 1.1, 1.3)]
    text = verdict([faster], [found(few, spreads=seeds)])
    assert "(faster); its" in text
    assert "at 1.10x (sign not established over seeds from 0.90x to 1.20x)" in text
    other = found(few, spreads=seeds)._replace(workload="another")
    assert verdict([faster], [other]) == verdict([faster])


def test_layers_are_parts_and_do_not_take_the_whole_away(few):
    layers = found(few, spreads=[within("layers", "baseline", 0.9, 1.3)])
    text = verdict([timed(few, baseline=1200, third=1100)], [layers])
    assert "(faster as a whole, sign not established over layers from 0.90x to 1.30x)" in text


def test_placements_of_the_comparison_count_without_a_study(few):
    faster = timed(few, baseline=1200, third=1100)
    moved = {"baseline": [900], "third": [1300], "candidate": [1000], "candidate_dense": [1000]}
    placed = replace(faster, elsewhere=moved)
    assert doubts(placed)["baseline"]["placements"].minimum == pytest.approx(0.9)
    assert doubts(placed)["third"] == {}
    assert "placements from 0.90x to 1.20x" in verdict([placed])


def test_doubts_within_one_of_several_workloads_are_a_sentence(few, many):
    seeds = found(few, spreads=[within("seeds", "third", 0.9, 1.2)])
    text = verdict([few, many], [seeds])
    assert "few against +gather over seeds from 0.90x to 1.20x" in text
    assert text.endswith(".") and ".." not in text


def test_a_tie_is_no_victory(few):
    text = verdict([timed(few, baseline=1200, third=1004)])
    assert "at 1.00x (a tie within 1 %)" in text and "faster" in text.split("Against")[0]
    slower = verdict([timed(few, baseline=800, third=995)])
    assert "0.80x" in slower and "(slower)" in slower and "(a tie within 1 %)" in slower


def test_types_that_the_trace_has_not_are_no_unequal_terms(few):
    composed = replace(few.results["candidate"], arch=load_arch("sanger"))
    mixed = replace(few, results=few.results | {"candidate": composed})
    names = [row.name for row in unfair(mixed)]
    assert "DRAM" in names and not [name for name in names if name.startswith("peak MAC/s")]
    assert "int4" not in differs_line(mixed)
    assert f"and {len(names) - 4} more)" in verdict([mixed])
    half = load_arch("sparse_small", ["mac_rate.bf16=0.5"])
    slow = replace(few.results["candidate"], arch=half)
    assert unfair(replace(few, results=few.results | {"candidate": slow}))[0].name.endswith("bf16")


def test_roles_are_what_stands_in_them(few):
    meant = dict(role_meanings([few]))
    assert meant["candidate"] == "the sparse machine" and "gathering DMA" in meant["+gather"]
    gather = few.results["third"]
    two = {role: r for role, r in few.results.items() if role != "third"} | {"candidate": gather}
    meant = dict(role_meanings([replace(few, results=two)]))
    assert "+gather" not in meant
    assert meant["candidate"] == "in question: systolic_32_gather"
    assert "sparse machine" not in " ".join(meant.values())


def test_quality_that_was_not_measured_is_said_of_captures_too(few):
    captured = replace(few, trace=replace(few.trace, synthetic=False))
    assert any("unknown quality: few (not measured)" in line for line in caveats([captured]))
    exact = replace(captured.trace, quality={"loss_exact_attention": 1.0})
    assert not any("quality" in line for line in caveats([replace(few, trace=exact)]))


def test_a_tie_has_no_winner_to_change(few):
    tie = Flip("batch", "third", "sequences", 1.0, 1.004, remark=TIE_NOW)
    held = Flip("batch", "baseline", "sequences", 1.0, 1.2, remark="no change of winner")
    (line,) = helps(study(few, robustness=[found(few, flips=[held, tie])]))
    assert line.endswith(f"against baseline: nothing that was tried; against +gather: {TIE_NOW}")
    assert helps(study(few, robustness=[found(few)])) == []


def test_refused_changes_are_counted(few):
    changes = [WhatIf("DRAM x2", (), 900, 1.1), WhatIf("FIFOs x2", (), refused="no room")]
    (line,) = helps(study(few, what_if=[Changed("few", "sparse_small", changes)]))
    assert line.endswith("DRAM x2 1.10x (1 of 2 changes were refused)")


def break_even_row(few: Comparison, *items: BreakEven) -> list[str]:
    tables = {"totals": totals_table([few]), "break_even": break_even_table(items)}
    block = part(study(few, break_even=list(items)), Ledger(tables)).blocks[-1]
    return [getattr(cell, "text", cell) for cell in block.tables[0].rows[0]]


def test_a_search_that_could_not_be_made_finds_no_cut(few):
    refused = BreakEven("few", 0.0, 0.0, float("nan"), {0.0: 1.3}, "a cut of 50 % is refused: x")
    row = break_even_row(few, refused)
    assert row[1:] == ["1.30x", "-", "not searched: a cut of 50 % is refused: x", ""]
    assert "DRAM level of the search" in break_even_row(timed(few, baseline=1200))[3]
    assert break_even_row(timed(few, baseline=900))[3] == "none: the candidate does not win"


def test_a_break_even_area_has_columns_of_its_own(few):
    item = BreakEven("few", 0.3, 0.25, 0.5, {0.0: 1.3, 0.25: 1.1, 0.5: 0.9}, "", 40.0, 10.0, "45nm")
    assert break_even_row(few, item)[5:] == ["10 mm2", "25.0 %"]
    assert len(break_even_row(few, item._replace(area_mm2=math.nan))) == 5


def test_machines_at_equal_area_may_differ_in_rows_and_bytes(few):
    arch = few.results["baseline"].arch
    wide = arch.model_copy(update={"on_chip": 2 * arch.on_chip})
    scaled = few.results | {"baseline": replace(few.results["baseline"], arch=wide)}
    assert [row.name for row in unfair(replace(few, results=scaled))] == [
        "on-chip bytes, all storage"
    ]
    how = Scaled(
        "rows", "", None, 1.0, 2.0, 1.0, 2.0, "systolic_32: 0.375 -> 0.75 MiB: 2 mm2 against 2 mm2"
    )
    equal = AtEqual("area", "mm2", "45nm", "candidate", 2.0, {"baseline": how}, {}, {}, {})
    larger = replace(few, results=scaled, at_equal=equal)
    assert unfair(larger) == []
    assert "on-chip bytes, all storage 768 KiB / 384 KiB / 384 KiB" in differs_line(larger)
    assert "SHOULD BE EQUAL" not in differs_line(larger)
    assert equal_line(larger).startswith("area by 45nm within 1 %, 1,024 bf16 MACs a cycle")
    assert "with the same area, ports and DRAM" in verdict([larger])
    assert "with the same MACs, on-chip bytes, ports and DRAM" in verdict([few])
    assert f"Scaled, {how.text}." in caveats([larger])
    assert "area, ports, DRAM" in speedup.prepare([larger]).fairness


def test_placements_are_shown_and_no_longer_missing(few):
    assert ONE_PLACEMENT in not_modelled(study(few))
    moved = {role: [result.total_ps] for role, result in few.results.items()}
    placed = replace(few, elsewhere=moved)
    assert ONE_PLACEMENT not in not_modelled(study(placed))
    spreads = found(few, spreads=[within("placements", "baseline", 1.1, 1.2)])
    assert ONE_PLACEMENT not in not_modelled(study(few, robustness=[spreads]))


def test_what_a_slower_candidate_takes_is_more_than_the_baseline(few):
    ledger = Ledger({"summary": summary_table([few])})
    assert (
        "takes 500 ns more than the baseline's 1.00 us"
        in why([timed(few, candidate=1_500_000, baseline=1_000_000)], ledger)[0]
    )
    assert (
        "saves 500 ns of the baseline's 2.00 us"
        in why([timed(few, candidate=1_500_000, baseline=2_000_000)], ledger)[0]
    )


def test_answers_name_no_machine_that_is_not_there(few):
    two = {role: result for role, result in few.results.items() if role != "third"}
    text = " ".join(answer for _, answer in answers(study_with(replace(few, results=two))))
    assert "+gather" not in text and "Metadata moved over all workloads: baseline" in text


def test_a_sign_that_hangs_on_the_cost_table_is_not_established(few) -> None:
    """Faster as it is, and not over the ranges of the table that made the machines equal."""
    over = OverRange(1.1, 1.0, 1.3, "wire", (1.05, 1.2, 0.9), 1.2)
    equal = AtEqual("area", "mm2", "45nm", "candidate", 31.0, {}, {"baseline": over}, {}, {})
    scaled = replace(few, at_equal=equal)
    found = doubts(scaled)["baseline"]["the ranges of 45nm"]
    assert (found.minimum, found.maximum) == (0.9, 1.2)
    assert "sign not established over the ranges of 45nm from 0.90x to 1.20x" in verdict([scaled])
    sure = AtEqual("area", "mm2", "45nm", "candidate", 31.0, {}, {
        "baseline": over._replace(speedups=(1.05, 1.2, 1.01))
    }, {}, {})  # fmt: skip
    assert "the ranges of 45nm" not in doubts(replace(few, at_equal=sure))["baseline"]
