"""Suite area: every published row is computed in its scope, and shown whatever its ratio is."""

from __future__ import annotations

import pytest

from accelsim.arch.load import load_arch
from accelsim.cost.load import load_cost_table
from accelsim.errors import InputError
from accelsim.hardware.area import breakdown
from accelsim.hardware.catalogue import components
from accelsim.hardware.component import summed
from accelsim.validation import area, scope
from accelsim.validation.outcome import TREND
from accelsim.validation.page import page_text
from accelsim.validation.suites import ALL, CASES, run_suite
from accelsim.validation.table import read_table

SIX = ("tpu_v1", "tpu_v4i", "sigma", "outerspace", "matraptor", "eyeriss_v2")
CASE_FILE = CASES / "published_area_power.csv"
HEADER = ",".join(area._COLUMNS) + "\n"
ROW = "tpu_v1,total,area_mm2,{value},{low},{high},28,die,paper,confirmed,{scope},{expect},why\n"


@pytest.fixture(scope="module")
def outcome():
    return run_suite("area")


def row_of(outcome, machine, component, quantity="area_mm2", basis=""):
    (found,) = (
        row
        for row in outcome.rows
        if (row.compared.machine, row.compared.component, row.compared.quantity)
        == (machine, component, quantity)
        and row.compared.basis.startswith(basis)
    )
    return found


def of_text(tmp_path, **changed):
    """The row of a case file of one line."""
    path = tmp_path / "cases.csv"
    fields = {"value": 100, "low": "", "high": "", "scope": "all", "expect": "equal"} | changed
    path.write_text(HEADER + ROW.format(**fields))
    (row,) = run_suite("area", path).rows
    return row


def test_no_row_is_dropped_and_none_is_judged(outcome):
    lines = read_table(CASE_FILE).lines
    found = [(r.compared.machine, r.compared.component, r.reference) for r in outcome.rows]
    assert found == [
        (line.text("machine"), line.text("component"), line.number_at("value")) for line in lines
    ]
    assert {row.label for row in outcome.rows} == {TREND} and "area" in ALL
    assert outcome.judged() == () and outcome.passed


@pytest.mark.parametrize("machine", SIX)
def test_each_machine_has_an_area_and_a_power(outcome, machine):
    quantities = {r.compared.quantity for r in outcome.rows if r.compared.machine == machine}
    assert {"area_mm2", "power_w"} <= quantities


def test_what_lies_out_of_range_says_why(outcome):
    silent = [row.case for row in outcome.rows if not row.compared.inside and not row.compared.why]
    assert not silent
    assert any(not row.compared.inside for row in outcome.rows)


def test_only_what_is_not_modelled_has_no_model(outcome):
    lines = read_table(CASE_FILE).lines
    for row, line in zip(outcome.rows, lines, strict=True):
        assert (row.model == 0) == (line.text("scope") == scope.NONE), row.case
        assert row.compared.low <= row.model <= row.compared.high


def test_a_whole_is_the_breakdown_s(outcome):
    whole = breakdown(load_arch("tpu_v1"), load_cost_table("28nm"))
    die = row_of(outcome, "tpu_v1", "total")
    assert die.model == pytest.approx(whole.area_mm2.value)
    assert (die.compared.low, die.compared.high) == pytest.approx(
        (whole.area_mm2.low, whole.area_mm2.high)
    )
    peak = row_of(outcome, "tpu_v1", "total", "power_w", "TDP")
    assert peak.model == pytest.approx(whole.peak_power_w.value)
    idle = row_of(outcome, "tpu_v1", "total", "power_w", "idle")
    chip = whole.rows[whole.rows["group"] != "DRAM"]
    assert idle.model == pytest.approx(chip["leakage_w"].sum())


def test_the_reference_array_has_the_multipliers_and_storage_of_sigma(outcome):
    ours, sigma = area.machine_of(area.REFERENCE_ARRAY), load_arch("sigma")
    assert ours.array.macs == sigma.array.macs and ours.clock == sigma.clock
    assert ours.array.local_bytes == sigma.array.local_bytes and ours.mac_type == sigma.mac_type
    ratio = row_of(outcome, "sigma", f"over {area.REFERENCE_ARRAY}", "area_ratio")
    parts = [row_of(outcome, name, "total").model for name in ("sigma", area.REFERENCE_ARRAY)]
    assert ratio.model == pytest.approx(parts[0] / parts[1])
    assert ratio.compared.low < ratio.model < ratio.compared.high


@pytest.mark.parametrize(
    ("node", "table"), [(28, "28nm"), (32, "32nm"), (65, "65nm"), (7, "7nm"), (40, "45nm"),
                        (16, "28nm"), (55, "65nm")]
)  # fmt: skip
def test_the_table_of_the_nearest_node(node, table):
    assert area.nearest_table(node).name == table


@pytest.mark.parametrize(
    ("value", "expect", "inside"),
    [(100, "equal", False), (125, "equal", True), (50, "at most", False), (115, "at most", True),
     (300, "at least", False), (100, "at least", True)],
)  # fmt: skip
def test_how_a_row_is_read(tmp_path, monkeypatch, value, expect, inside):
    known = summed([], "mm2")
    made = type(known)(125.0, 110.0, 150.0, "mm2", "test", "derived")
    monkeypatch.setattr(area, "_model", lambda *_: made)
    assert of_text(tmp_path, value=value, expect=expect).compared.inside is inside


def test_a_published_range_that_meets_the_model_s_is_inside(tmp_path):
    near = of_text(tmp_path, value=1000, low=1, high=2000)
    assert near.compared.inside and not of_text(tmp_path, value=1000).compared.inside


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nothing", "'nothing' is no component of this machine"),
        ("array/merge", "it has array/MACs, array/pipeline registers"),
        ("array|array/MACs", "names a component twice"),
        ("array/MACs*2", "'\\*2' is no share"),
        ("array/MACs*x", "'\\*x' is no share"),
    ],
)
def test_a_scope_that_cannot_be_used_is_an_error(tmp_path, words, said):
    with pytest.raises(InputError, match=said) as error:
        of_text(tmp_path, scope=words)
    assert "line 2, column scope" in str(error.value)


def test_a_scope_takes_groups_components_and_shares():
    parts = components(load_arch("tpu_v1"), load_cost_table("28nm"))
    whole = scope.in_scope("all", parts, "here")
    assert {part.component.group for part in whole} >= {"array", "scratchpad", "DRAM interface"}
    assert "DRAM" not in {part.component.group for part in whole}
    assert scope.in_scope("none", parts, "here") == []
    half = scope.in_scope("array/MACs*0.5|vector", parts, "here")
    assert [(each.component.name, each.share) for each in half] == [("MACs", 0.5), ("lanes", 1)]
    macs = scope.in_scope("array/MACs", parts, "here")
    value = [summed(scope.area_of(taken), "mm2").value for taken in (macs, half[:1])]
    assert value[1] == pytest.approx(value[0] / 2)


def test_remarks_give_the_share_of_sparse_logic(outcome):
    table = load_cost_table("45nm")
    whole = breakdown(load_arch(area.SPARSE), table)
    sparse, chip = area._larger(area.SPARSE, "45nm", 1.0)
    assert sparse / chip == pytest.approx(whole.sparse_mm2.value / whole.area_mm2.value)
    larger = area._larger(area.SPARSE, "45nm", 3.0)
    assert chip < larger[1] < 3 * chip and larger[0] / larger[1] > sparse / chip
    share = f"| 45nm | 1.00 | {100 * sparse / chip:.1f} % |"
    page = page_text([outcome])
    assert share in outcome.remarks[1] and share in page
    assert page.count("| tpu_v1: ") == sum(r.compared.machine == "tpu_v1" for r in outcome.rows)


@pytest.mark.parametrize("node", area.NODES)
def test_larger_logic_makes_the_sparse_machine_larger_beside_the_dense_one(node):
    ratios = [
        area._larger(area.SPARSE, node, factor)[1] / area._larger(area.DENSE, node, factor)[1]
        for factor in (1.0, 2.0, 4.0)
    ]
    assert ratios == sorted(ratios) and ratios[0] < ratios[-1]


def test_other_cases_have_no_remarks(tmp_path):
    assert area.remarks([of_text(tmp_path)]) == ()
