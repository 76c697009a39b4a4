"""Suite sparseloop: cases add up, machines are those of the study, rows compare what they say."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from accelsim.cost.load import load_cost_table
from accelsim.cost.macs import mac
from accelsim.errors import InputError
from accelsim.simulation import simulate
from accelsim.validation import sparseloop
from accelsim.validation.outcome import TREND
from accelsim.validation.sparseloop import (
    COSTS,
    LEVELS,
    PARTS,
    by_level,
    level_rows,
    order_row,
    ratio_rows,
    read_cases,
    read_rows,
    study_machine,
    study_trace,
    with_sums,
)
from accelsim.validation.suites import CASES

CASE_FILE = CASES / "sparseloop_energy.csv"
SMALL = (512, 128, 1024)  # a GEMM that fits: every operand is fetched once


@pytest.fixture(scope="module")
def cases():
    return read_cases(CASE_FILE)


def case_of(cases, design, weights, gemm=SMALL):
    return next(c for c in cases if (c.design, c.weights, c.gemm) == (design, weights, gemm))


def theirs(cases):
    """The artifact's energies, as if they were ours."""
    return [{name: 1e6 * value for name, value in case.levels.items()} for case in cases]


def test_levels_add_up_to_the_printed_energy(cases):
    assert len(cases) == 96
    for case in cases:
        levels = sum(case.levels[name] for name in LEVELS)
        assert levels == pytest.approx(case.total, rel=0.006 if case.design == "DSTC" else 5e-4)


def test_the_study_s_costs_are_those_of_the_artifact():
    table = load_cost_table(COSTS)
    assert mac(table, "int8").value == pytest.approx(0.5608)
    assert table.energy("register", 8).value == pytest.approx(0.072)
    memory, sums = table.sram().cost(1 << 18, 64), table.sram().cost(2048, 1)
    assert (memory.read.value, memory.write.value) == pytest.approx((285.71464, 316.96744))
    assert (sums.read.value, sums.write.value) == pytest.approx((1.65889, 1.67589))
    assert table.dram_of("lpddr4_2400").bit.value == 8


@pytest.mark.parametrize("design", sparseloop.MACHINES)
def test_machines_have_the_sizes_of_the_artifact(cases, design):
    arch = study_machine(case_of(cases, design, 0.5))
    assert arch.array.macs == 1024
    assert arch.scratchpad_bytes == 256 * 1024
    assert arch.array.accumulators == 4 * 2048 * 4


@pytest.mark.parametrize(
    ("design", "weights", "share"),
    [("TC", 0.25, 1), ("STC", 0.25, 1 / 2), ("STC", 1.0, 1), ("STC-flexible", 0.25, 1 / 4)],
)
def test_macs_and_traffic_are_counted_as_the_artifact_counts(cases, design, weights, share):
    m, k, n = SMALL
    case = case_of(cases, design, weights)
    result = simulate(study_machine(case), study_trace(case))
    assert result.summary["issued_macs"] == m * k * n * share
    moved = result.traffic.set_index("cause")["dram_bytes"]
    assert moved["weights"] == pytest.approx(m * k * share, rel=0.02)
    assert (moved["activations"], moved["outputs"]) == (k * n, m * n)


def test_dstc_multiplies_pairs_of_nonzeros_alone(cases):
    case = case_of(cases, "DSTC", 0.25)
    result = simulate(study_machine(case), study_trace(case))
    m, k, n = SMALL
    assert result.summary["issued_macs"] == pytest.approx(m * k * n * 0.25 * 0.56, rel=0.01)
    dense = study_trace(case_of(cases, "DSTC", 1.0, (512, 256, 1024))).operators[0]
    assert dense.weight_pattern is None and dense.activation_pattern is None


def test_energies_go_to_the_levels_of_the_study():
    rows = [
        ("array", "MACs", "MAC int8", 1.0), ("array", "accumulators", "bit read", 2.0),
        ("array", "operand storage", "bit read", 4.0), ("scratchpad", "banks", "bit read", 8.0),
        ("wires", "along the array", "bit", 16.0), ("DRAM", "devices", "bit read", 32.0),
        ("store", "tags of writes", "line", 64.0), ("DRAM", "devices", "leakage", 1000.0),
    ]  # fmt: skip
    columns = ["group", "component", "action", "energy_pj"]
    found = by_level(pd.DataFrame(rows, columns=columns))
    assert [found[name] for name in LEVELS] == [1, 4, 2, 24, 32]
    assert (found["other"], found["energy"]) == (64, 127)
    narrow = with_sums(found, 8)
    assert (narrow["sums"], narrow["energy"]) == (0.5, 125.5)


def test_equal_energies_have_no_error(cases):
    ours = theirs(cases)
    rows = [*ratio_rows(cases, ours, "t", True), order_row(cases, ours, "t", True)]
    rows += level_rows(cases, ours, "t")
    assert max(abs(row.relative_error) for row in rows) < 1e-3
    judged = [row for row in rows if row.label != TREND]
    # Three GEMMs of four are judged: five designs at four densities, less dense over itself.
    assert len(judged) == 3 * 19 + 1
    assert not any(": TC dense" in row.case for row in judged)
    assert all(why in " ".join(row.source for row in rows) for why in PARTS.values())


def test_a_design_that_costs_more_changes_order_and_ratio(cases):
    ours = [
        {**found, "energy": found["energy"] * (3 if case.design == "DSTC" else 1)}
        for case, found in zip(cases, theirs(cases), strict=True)
    ]
    order = order_row(cases, ours, "t", True)
    assert 0 < order.model < order.reference
    for row in ratio_rows(cases, ours, "t", True):
        expected = -2 / 3 if row.group == "DSTC" else 0
        assert row.relative_error == pytest.approx(expected, abs=1e-3)


def test_rows_come_for_both_tables_and_both_widths(tmp_path, cases, monkeypatch):
    lines = CASE_FILE.read_text().splitlines()
    kept = [line for line in lines if line.startswith(("#", "design"))]
    kept += [line for line in lines if line.startswith(("STC,512,128", "DSTC,512,128"))]
    path = tmp_path / "some.csv"
    path.write_text("\n".join(kept) + "\n")
    flat = {**dict.fromkeys((*LEVELS, "other"), 1e6), "energy": 6e6}
    rows = list(read_rows(path, lambda result, table: flat))
    heads = list(dict.fromkeys(row.case.split(":")[0] for row in rows))
    assert heads == [
        "45nm_accelergy, sums of 8 bits", "45nm_accelergy, sums of 32 bits", "45nm_accelergy",
        "45nm, sums of 8 bits", "45nm, sums of 32 bits", "45nm",
    ]  # fmt: skip
    assert {row.case.split(":")[0] for row in rows if row.label != TREND} == {heads[0]}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("TC,128", "GPU,128", "expected one of TC, STC"),
        ("0.44,0.25", "0.44,0.4", "expected one of 1, 0.5"),
        ("TC,128", "TC,0", "whole number from 1"),
        ("weight_density,energy_uj", "weight_density,energy", "energy_uj is missing"),
    ],
)
def test_a_bad_case_is_refused_with_its_place(tmp_path, old, new, said):
    path = tmp_path / "bad.csv"
    path.write_text(CASE_FILE.read_text().replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_cases(path)
    assert said in str(caught.value) and "bad.csv" in str(caught.value)


def test_cases_that_a_design_does_not_tell_apart_run_once(cases, monkeypatch):
    ran = []
    monkeypatch.setattr(sparseloop, "simulate", lambda arch, trace: ran.append(trace.name))
    runs = sparseloop._Runs()
    for case in cases:
        if case.design == "TC":
            runs.of(case)
            runs.of(replace(case, weights=1.0))
    assert len(ran) == 4
